//! One event as Calendar sends it.
//!
//! Fields that are odd are left out; only an event of which nobody could say when it is, or which
//! occurrence it replaces, is unreadable.
use besunny_core::{
    calendar::{Attendance, Attendee, CalendarEvent, EventKind, EventStatus, EventTime, EventUid},
    mail::Mailbox,
    source::{ItemId, ItemRef, Revision},
    untrusted::Untrusted,
};
use chrono::DateTime;
use serde_json::Value;

use super::times;
use crate::wire::{self, Unusable};

/// What an answer says of an event.
#[derive(Debug)]
pub(super) enum Found {
    /// It is there, or a cancelled exception of a series that is.
    Event(Box<CalendarEvent>),
    /// A cancelled exception of which only its place in the series is known.
    Tombstone(Tombstone),
    /// It was deleted.
    Deleted,
    /// It cannot be read.
    Unreadable(&'static str),
}

/// A cancelled exception as Calendar guarantees it.
#[derive(Debug)]
pub(super) struct Tombstone {
    /// The id of the series, whose name across calendars is not sent.
    pub(super) series: String,
    pub(super) replaces: EventTime,
}

impl Tombstone {
    /// Returns the event that says so, once the name of the series is known.
    pub(super) fn of(self, uid: EventUid) -> CalendarEvent {
        CalendarEvent {
            replaces: Some(self.replaces),
            status: EventStatus::Cancelled,
            ..CalendarEvent::new(uid)
        }
    }
}

/// Names an event at its revision.
///
/// # Errors
/// [`Unusable`] where it has no id: leaving it out could lose a change.
pub(super) fn named(event: &Value) -> Result<ItemRef, Unusable> {
    let id = wire::text(event, "id").ok_or(Unusable("has an entry that names no event"))?;
    let revision = wire::text(event, "etag").map(Revision::from_source);
    Ok(ItemRef { id: ItemId::from_source(id), revision })
}

/// Returns the name of a series across calendars, where `event` is one.
pub(super) fn series(event: &Value) -> Option<(&str, &str)> {
    event.get("recurrence")?;
    Some((wire::text(event, "id")?, wire::text(event, "iCalUID")?))
}

/// Reads an event.
pub(super) fn read(event: &Value) -> Found {
    let series = wire::text(event, "recurringEventId");
    let Some(status) = status(event) else {
        return Found::Unreadable("its status cannot be read");
    };
    let replaces = times::read(event.get("originalStartTime"));
    match (status, series, replaces) {
        (EventStatus::Cancelled, None, _) => Found::Deleted,
        (_, Some(_), None) => Found::Unreadable("its place in the series cannot be read"),
        (EventStatus::Cancelled, Some(series), Some(replaces))
            if wire::text(event, "iCalUID").is_none() =>
        {
            Found::Tombstone(Tombstone { series: series.to_owned(), replaces })
        }
        (_, _, replaces) => whole(event, status, replaces),
    }
}

fn whole(event: &Value, status: EventStatus, replaces: Option<EventTime>) -> Found {
    let Some(uid) = wire::text(event, "iCalUID") else {
        return Found::Unreadable("it has no name across calendars");
    };
    let starts = times::read(event.get("start"));
    if starts.is_none() && status != EventStatus::Cancelled {
        return Found::Unreadable("its start cannot be read");
    }
    let Ok(recurrence) = wire::items(event, "recurrence") else {
        return Found::Unreadable("its recurrence cannot be read");
    };
    let organizer = event.get("organizer");
    let is_own = organizer.map(|organizer| is_true(organizer, "self"));
    Found::Event(Box::new(CalendarEvent {
        replaces,
        sequence: number(event, "sequence"),
        updated_at: wire::text(event, "updated")
            .and_then(|at| DateTime::parse_from_rfc3339(at).ok())
            .map(|at| at.to_utc()),
        status,
        kind: kind(event),
        is_free: wire::text(event, "transparency") == Some("transparent"),
        starts,
        ends: times::read(event.get("end")).filter(|_| !is_true(event, "endTimeUnspecified")),
        recurrence: recurrence.iter().filter_map(Value::as_str).map(untrusted).collect(),
        title: text(event, "summary"),
        description: text(event, "description"),
        location: text(event, "location"),
        conference: conference(event),
        organizer: organizer.and_then(mailbox),
        attendees: wire::items(event, "attendees")
            .unwrap_or_default()
            .iter()
            .filter_map(attendee)
            .collect(),
        is_own,
        ..CalendarEvent::new(EventUid::from_source(uid))
    }))
}

/// An absent status says that it takes place, by the reference of Calendar.
fn status(event: &Value) -> Option<EventStatus> {
    match event.get("status") {
        None | Some(Value::Null) => Some(EventStatus::Confirmed),
        Some(status) => match status.as_str()? {
            "cancelled" => Some(EventStatus::Cancelled),
            "tentative" => Some(EventStatus::Tentative),
            _ => Some(EventStatus::Confirmed),
        },
    }
}

fn kind(event: &Value) -> EventKind {
    match wire::text(event, "eventType") {
        Some("outOfOffice" | "focusTime" | "workingLocation") => EventKind::Presence,
        _ => EventKind::Event,
    }
}

/// Returns the addresses for joining by video, in the order of CAL-11.
fn conference(event: &Value) -> Vec<Untrusted<String>> {
    let entries = event.get("conferenceData").map(|data| wire::items(data, "entryPoints"));
    let entries = entries.and_then(Result::ok).unwrap_or_default().iter();
    let video = entries.filter(|entry| wire::text(entry, "entryPointType") == Some("video"));
    let video = video.filter_map(|entry| wire::text(entry, "uri"));
    let mut found: Vec<Untrusted<String>> = Vec::new();
    for uri in video.chain(wire::text(event, "hangoutLink")).map(untrusted) {
        if !found.contains(&uri) {
            found.push(uri);
        }
    }
    found
}

fn attendee(value: &Value) -> Option<Attendee> {
    let answer = match wire::text(value, "responseStatus") {
        Some("accepted") => Attendance::Accepted,
        Some("declined") => Attendance::Declined,
        Some("tentative") => Attendance::Tentative,
        _ => Attendance::NeedsAction,
    };
    let (is_self, is_resource) = (is_true(value, "self"), is_true(value, "resource"));
    Some(Attendee { mailbox: mailbox(value)?, answer, is_self, is_resource })
}

fn mailbox(value: &Value) -> Option<Mailbox> {
    let address = wire::text(value, "email").map(untrusted)?;
    Some(Mailbox { name: text(value, "displayName"), address })
}

fn text(value: &Value, field: &str) -> Option<Untrusted<String>> {
    wire::text(value, field).map(untrusted)
}

fn untrusted(text: &str) -> Untrusted<String> {
    Untrusted::new(text.to_owned())
}

fn is_true(value: &Value, field: &str) -> bool {
    value.get(field).and_then(Value::as_bool).unwrap_or_default()
}

fn number(value: &Value, field: &str) -> u32 {
    let number = value.get(field).and_then(wire::number);
    number.and_then(|number| u32::try_from(number).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn whole_event() -> Value {
        json!({
            "kind": "calendar#event", "etag": "\"7\"", "id": "e1", "status": "confirmed",
            "iCalUID": "e1@google.com", "sequence": 3, "updated": "2026-06-01T08:00:00.000Z",
            "summary": "Weekly", "description": "<b>Agenda</b>", "location": "Room 4",
            "start": { "dateTime": "2026-06-01T09:00:00+02:00", "timeZone": "Europe/Berlin" },
            "end": { "dateTime": "2026-06-01T10:00:00+02:00", "timeZone": "Europe/Berlin" },
            "recurrence": ["RRULE:FREQ=WEEKLY", "EXDATE:20260608T070000Z"],
            "organizer": { "email": "ann@example.com", "displayName": "Ann", "self": true },
            "attendees": [
                { "email": "ann@example.com", "self": true, "responseStatus": "accepted" },
                { "email": "bob@example.com", "responseStatus": "declined" },
                { "email": "room@example.com", "resource": true, "responseStatus": "later" },
                { "displayName": "nobody" },
            ],
            "hangoutLink": "https://meet.google.com/abc-defg-hij",
            "conferenceData": { "entryPoints": [
                { "entryPointType": "phone", "uri": "tel:+1" },
                { "entryPointType": "video", "uri": "https://meet.google.com/abc-defg-hij" },
            ] },
            "eventType": "default", "transparency": "transparent",
        })
    }

    #[test]
    fn cal_6_an_event_is_read_whole() {
        let Found::Event(event) = read(&whole_event()) else { panic!() };
        insta::assert_json_snapshot!(event);
        let at = named(&whole_event()).unwrap();
        assert_eq!((at.id.as_str(), at.revision.unwrap().as_str()), ("e1", "\"7\""));
        assert_eq!(series(&whole_event()), Some(("e1", "e1@google.com")));
    }

    /// What becomes of the event after `change`.
    fn told(change: impl FnOnce(&mut Value)) -> String {
        let mut event = whole_event();
        change(&mut event);
        match read(&event) {
            Found::Event(event) => format!("{:?}", event.status),
            Found::Tombstone(tombstone) => format!("tombstone of {}", tombstone.series),
            Found::Deleted => "deleted".to_owned(),
            Found::Unreadable(why) => why.to_owned(),
        }
    }

    #[test]
    fn cal_7_a_cancelled_event_is_deleted_and_a_cancelled_exception_is_kept() {
        let place = json!({ "dateTime": "2026-06-08T09:00:00+02:00" });
        let exception = |event: &mut Value| {
            event["recurringEventId"] = json!("e0");
            event["originalStartTime"] = place.clone();
        };
        assert_eq!(told(|event| event["status"] = json!("cancelled")), "deleted");
        assert_eq!(told(|event| *event = json!({ "id": "e1", "status": "cancelled" })), "deleted");
        assert_eq!(told(exception), "Confirmed");
        let cancelled = told(|event| {
            exception(event);
            event["status"] = json!("cancelled");
        });
        assert_eq!(cancelled, "Cancelled");
        let bare = json!({
            "id": "e1_2", "status": "cancelled", "recurringEventId": "e0", "originalStartTime": place,
        });
        assert_eq!(told(|event| *event = bare), "tombstone of e0");
    }

    #[test]
    fn odd_fields_cost_no_event_and_odd_times_do() {
        for (field, odd) in [
            ("summary", json!(5)),
            ("attendees", json!("x")),
            ("attendees", json!([5, { "email": 7 }])),
            ("organizer", json!(true)),
            ("sequence", json!("x")),
            ("updated", json!("x")),
            ("conferenceData", json!({ "entryPoints": "x" })),
            ("recurrence", json!([5])),
            ("end", json!({})),
            ("status", json!(null)),
            ("status", json!("postponed")),
        ] {
            assert_eq!(told(|event| event[field] = odd.clone()), "Confirmed", "{field} {odd}");
        }
        for (field, odd, why) in [
            ("start", json!({}), "its start cannot be read"),
            ("status", json!([true]), "its status cannot be read"),
            ("iCalUID", json!(null), "it has no name across calendars"),
            ("recurrence", json!("x"), "its recurrence cannot be read"),
            ("recurringEventId", json!("e0"), "its place in the series cannot be read"),
        ] {
            assert_eq!(told(|event| event[field] = odd), why, "{field}");
        }
        assert!(named(&json!({ "id": ["x"] })).is_err());
    }
}
