//! `events`: list, get.

use std::borrow::Cow;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{refusals, sync};
use crate::agenda::{Calendar, Event, fields};
use crate::answer::{Answer, PageSpot};
use crate::fieldmask::{FieldMask, Kept};
use crate::gateway::Call;
use crate::paging::{self, Sizes, Spot};
use crate::refusal::Refusal;

/// By Google's reference.
const SIZES: Sizes = Sizes { usual: 250, most: 2_500 };

/// What a page shows, and what it is followed by.
struct Shown<'a> {
    events: Vec<&'a Event>,
    next: Option<Spot>,
    /// The change that the sync token of the last page stands for.
    upto: u64,
}

/// A page as it is written: a large one is not copied.
#[derive(Serialize)]
struct Written<'a> {
    #[serde(flatten)]
    head: Kept<'a, Map<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    items: Option<Vec<Kept<'a, Map<String, Value>>>>,
}

pub(super) fn list(call: &Call) -> Result<Answer, Refusal> {
    let agenda = call.account()?.agenda.read();
    let calendar = agenda.find(call.segment("calendar")).ok_or_else(refusals::not_found)?;
    if sync::is_true(call, "singleEvents") {
        return Err(refusals::invalid("The simulator does not expand series"));
    }
    let most = paging::max_results(&call.query, SIZES)?;
    let start = sync::start(call, calendar)?;
    let spot = paging::spot(call)?;
    let shown = match start {
        Some(start) => changed(calendar, spot.map_or(start, |spot| spot.0), most),
        None => whole(call, calendar, spot, most)?,
    };
    let items: Vec<Cow<'_, _>> = shown.events.iter().map(|event| view(call, event)).collect();
    let mut head = json!({
        "kind": "calendar#events", "etag": "\"1\"", "summary": sync::text(&calendar.entry, "summary"),
        "description": "", "updated": call.at.to_rfc3339(), "timeZone": sync::text(&calendar.entry, "timeZone"),
        "accessRole": "owner", "defaultReminders": [],
    });
    match shown.next {
        Some(spot) => head["nextPageToken"] = json!(paging::token(call, spot)),
        None => {
            if let Some(token) = sync::token(call, calendar, shown.upto) {
                head["nextSyncToken"] = json!(token);
            }
        }
    }
    let first = Spot(start.unwrap_or(0), calendar.newest());
    let page = PageSpot { items: "items", here: paging::here(call, first) };
    let (head, mask) = (fields(head), call.query.get("fields").map(FieldMask::parse));
    let (is_masked, mask) = (matches!(mask, Some(Some(_))), mask.flatten().unwrap_or_default());
    let items = mask.below("items").map(|below| items.iter().map(|item| below.keep(&**item)));
    let written = Written { head: mask.keep(&head), items: items.map(Iterator::collect) };
    Ok(Answer { is_masked, ..Answer::ok(&written).with_page(page) })
}

/// A page of all events; the token of the last page reaches back to the first one.
fn whole<'a>(
    call: &Call,
    calendar: &'a Calendar,
    spot: Option<Spot>,
    most: usize,
) -> Result<Shown<'a>, Refusal> {
    let Spot(after, upto) = spot.unwrap_or(Spot(0, calendar.newest()));
    let window = Window::of(call)?;
    let deleted = sync::is_true(call, "showDeleted");
    let is_shown = |event: &&Event| {
        (deleted || !event.is_cancelled() || event.is_exception()) && window.has(event)
    };
    let mut events: Vec<&Event> =
        calendar.made_after(after).filter(is_shown).take(most.saturating_add(1)).collect();
    let more = events.len() > most;
    events.truncate(most);
    let next = events.last().filter(|_| more).map(|last| Spot(last.made, upto));
    Ok(Shown { events, next, upto })
}

/// A page of what changed after a change.
fn changed(calendar: &Calendar, after: u64, most: usize) -> Shown<'_> {
    let mut events: Vec<&Event> =
        calendar.changed_after(after).take(most.saturating_add(1)).collect();
    let more = events.len() > most;
    events.truncate(most);
    let next = events.last().filter(|_| more).map(|last| Spot(last.changed, 0));
    Shown { events, next, upto: calendar.newest() }
}

pub(super) fn get(call: &Call) -> Result<Answer, Refusal> {
    let agenda = call.account()?.agenda.read();
    let calendar = agenda.find(call.segment("calendar")).ok_or_else(refusals::not_found)?;
    let event = calendar.event(call.segment("id")).ok_or_else(refusals::not_found)?;
    Ok(Answer::ok(&view(call, event)))
}

fn view<'a>(call: &Call, event: &'a Event) -> Cow<'a, Map<String, Value>> {
    if event.is_cancelled() && call.settings.calendar.bare_tombstones {
        Cow::Owned(event.bare())
    } else {
        Cow::Borrowed(&event.fields)
    }
}

/// The time that a whole list is limited to; series are always shown.
struct Window {
    from: Option<DateTime<Utc>>,
    to: Option<DateTime<Utc>>,
}

impl Window {
    fn of(call: &Call) -> Result<Self, Refusal> {
        let bound = |name| match call.query.get(name) {
            None => Ok(None),
            Some(text) => DateTime::parse_from_rfc3339(text)
                .map(|at| Some(at.to_utc()))
                .map_err(|_odd| refusals::invalid(format!("Invalid value for: {name}"))),
        };
        Ok(Self { from: bound("timeMin")?, to: bound("timeMax")? })
    }

    fn has(&self, event: &Event) -> bool {
        if event.fields.contains_key("recurrence") {
            return true;
        }
        let at = |name| event.fields.get(name).and_then(moment);
        self.from.is_none_or(|from| at("end").is_none_or(|end| end > from))
            && self.to.is_none_or(|to| at("start").is_none_or(|start| start < to))
    }
}

/// The instant of a `start` or an `end`; a whole day begins at midnight UTC.
fn moment(value: &Value) -> Option<DateTime<Utc>> {
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    let instant = text("dateTime").and_then(|text| DateTime::parse_from_rfc3339(text).ok());
    let day = || text("date")?.parse::<NaiveDate>().ok();
    instant
        .map(|at| at.to_utc())
        .or_else(|| day().map(|day| day.and_time(NaiveTime::MIN).and_utc()))
}
