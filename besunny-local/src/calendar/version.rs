//! Which version of an event counts, and what it is called.
use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
};

use besunny_core::{
    calendar::{
        CalendarEvent, EventStatus, EventTime, EventUid,
        ics::{Entry, IcsFile, Unreadable},
    },
    mail::{Method, content_hash},
    source::{ItemId, ItemRef, Revision},
};
use chrono::{DateTime, Utc};

use super::agenda::Event;
use crate::index::half;

/// Names that are longer are stood for by their hash.
const NAME_BYTES: usize = 200;

/// All versions of all events, by the id of the event.
#[derive(Debug, Default)]
pub(super) struct Versions {
    events: BTreeMap<String, Vec<Entry>>,
    unreadable: Vec<(String, &'static str)>,
}

impl Versions {
    /// Takes the events of a file; what guests answer says nothing of the event itself.
    pub(super) fn take(&mut self, file: IcsFile) {
        for entry in file.entries {
            let is_told = match entry.method {
                None | Some(Method::Publish | Method::Request | Method::Add | Method::Cancel) => {
                    true
                }
                Some(
                    Method::Reply | Method::Refresh | Method::Counter | Method::DeclineCounter,
                ) => false,
            };
            if is_told {
                let id = id_of(&entry.event.uid, entry.event.replaces.as_ref());
                self.events.entry(id).or_default().push(entry);
            }
        }
        for Unreadable { uid, replaces, line, why } in file.unreadable {
            let unnamed = || EventUid::from_source(format!("line {line}"));
            let id = id_of(&uid.unwrap_or_else(unnamed), replaces.as_ref());
            self.refuse(id, why.as_str());
        }
    }

    /// Remembers something that cannot be read.
    pub(super) fn refuse(&mut self, id: String, why: &'static str) {
        self.unreadable.push((id, why));
    }

    /// Returns the newest version of each event, and all that cannot be read.
    pub(super) fn newest(self) -> Vec<Event> {
        let mut events = Vec::new();
        let mut counts: HashMap<String, u32> = HashMap::new();
        for (id, versions) in self.events {
            let Some(event) = newest(versions) else { continue };
            counts.insert(id.clone(), 1);
            let at = ItemRef { id: ItemId::from_source(id), revision: revision(&event) };
            events.push(Event { at, what: Ok(event) });
        }
        for (id, why) in self.unreadable {
            let count = counts.entry(id.clone()).or_default();
            *count += 1;
            let id = if *count == 1 { id } else { format!("{id}#{count}") };
            // It is asked for again with every listing, in case it was mended.
            let at = ItemRef { id: ItemId::from_source(id), revision: None };
            events.push(Event { at, what: Err(why) });
        }
        events
    }
}

/// Names a file that is no calendar.
pub(super) fn file_id(name: &Path) -> String {
    format!("file/{}", half(&content_hash(name.as_os_str().as_encoded_bytes())))
}

/// Names an event: what it replaces, which has no slash, and its uid.
fn id_of(uid: &EventUid, replaces: Option<&EventTime>) -> String {
    let replaces = match replaces {
        None => String::new(),
        Some(EventTime::Day(day)) => day.format("%Y%m%d").to_string(),
        Some(EventTime::At { at, .. }) => at.to_utc().format("%Y%m%dT%H%M%SZ").to_string(),
    };
    let uid = uid.as_str();
    if uid.len() <= NAME_BYTES {
        return format!("{replaces}/{uid}");
    }
    format!("{replaces}/{}", half(&content_hash(uid.as_bytes())))
}

/// Returns the version that counts: by sequence, a cancellation before others, then by its time.
///
/// A cancellation names the event and little more, so it is told with what was known before.
fn newest(mut versions: Vec<Entry>) -> Option<CalendarEvent> {
    versions.sort_by_key(order);
    let last = versions.pop()?;
    let before = versions.pop().map(|version| version.event);
    match before {
        Some(before) if last.method == Some(Method::Cancel) => Some(CalendarEvent {
            status: EventStatus::Cancelled,
            sequence: last.event.sequence,
            updated_at: last.event.updated_at,
            ..before
        }),
        _ => Some(last.event),
    }
}

fn order(version: &Entry) -> (u32, bool, Option<DateTime<Utc>>) {
    let is_cancelled = version.method == Some(Method::Cancel);
    (version.event.sequence, is_cancelled, version.event.updated_at)
}

/// Names a version by all that it says.
fn revision(event: &CalendarEvent) -> Option<Revision> {
    let content = serde_json::to_vec(event).ok()?;
    Some(Revision::from_source(half(&content_hash(&content))))
}
