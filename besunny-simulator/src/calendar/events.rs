//! `events`: list, get.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use serde_json::{Map, Value, json};

use super::{refusals, sync};
use crate::agenda::{Calendar, Event};
use crate::answer::{Answer, PageSpot};
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
    let items: Vec<Map<String, Value>> =
        shown.events.iter().map(|event| view(call, event)).collect();
    let mut answer = json!({
        "kind": "calendar#events", "etag": "\"1\"", "summary": sync::text(&calendar.entry, "summary"),
        "description": "", "updated": call.at.to_rfc3339(), "timeZone": sync::text(&calendar.entry, "timeZone"),
        "accessRole": "owner", "defaultReminders": [], "items": items,
    });
    match shown.next {
        Some(spot) => answer["nextPageToken"] = json!(paging::token(call, spot)),
        None => {
            if let Some(token) = sync::token(call, calendar, shown.upto) {
                answer["nextSyncToken"] = json!(token);
            }
        }
    }
    let first = Spot(start.unwrap_or(0), calendar.newest());
    let page = PageSpot { items: "items", here: paging::here(call, first) };
    Ok(Answer::ok(&answer).with_page(page))
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
        calendar.by_age().into_iter().filter(|event| event.made > after).filter(is_shown).collect();
    let more = events.len() > most;
    events.truncate(most);
    let next = events.last().filter(|_| more).map(|last| Spot(last.made, upto));
    Ok(Shown { events, next, upto })
}

/// A page of what changed after a change.
fn changed(calendar: &Calendar, after: u64, most: usize) -> Shown<'_> {
    let events = calendar.by_change().into_iter().filter(|event| event.changed > after);
    let mut events: Vec<&Event> = events.collect();
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

fn view(call: &Call, event: &Event) -> Map<String, Value> {
    if event.is_cancelled() && call.settings.calendar.bare_tombstones {
        event.bare()
    } else {
        event.fields.clone()
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
