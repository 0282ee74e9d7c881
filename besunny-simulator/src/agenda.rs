//! Calendars of one account: what Google holds of them, in the order of its changes.
//!
//! Events are kept as the JSON that the API shows. Only what the simulator itself must know of them
//! is read: id, status, the series they belong to. A change gives an event the next number; sync
//! tokens are such numbers.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};

use crate::dice;

mod channel;

pub(crate) use channel::{Channel, Channels, State};

#[derive(Debug, Default)]
pub(crate) struct Agenda {
    calendars: BTreeMap<String, Calendar>,
    /// Push channels on calendars, and on the list of them.
    pub(crate) channels: Channels,
}

/// One calendar.
#[derive(Debug)]
pub(crate) struct Calendar {
    /// Its entry in the list of calendars.
    pub(crate) entry: Map<String, Value>,
    /// Events by id, also deleted ones.
    events: BTreeMap<String, Event>,
    /// Their ids in the order in which they were made, and in that of their last change.
    ids_by_age: BTreeMap<u64, String>,
    ids_by_change: BTreeMap<u64, String>,
    /// The number of the last change.
    newest: u64,
    /// Sync tokens of before are too old.
    floor: u64,
    /// Numbers events when they are made; a listing goes by it.
    made: u64,
    salt: u64,
}

/// One event: single, a series, or an exception of one.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) fields: Map<String, Value>,
    /// Its place in a listing.
    pub(crate) made: u64,
    /// The number of its last change.
    pub(crate) changed: u64,
}

impl Event {
    pub(crate) fn is_cancelled(&self) -> bool {
        self.fields.get("status").is_some_and(|status| status == "cancelled")
    }

    /// Whether it is an exception of a series.
    pub(crate) fn is_exception(&self) -> bool {
        self.fields.contains_key("recurringEventId")
    }

    /// What is left of a deleted event: only what Google guarantees.
    pub(crate) fn bare(&self) -> Map<String, Value> {
        let kept = ["kind", "etag", "id", "status", "recurringEventId", "originalStartTime"];
        let fields = kept.iter().filter_map(|name| self.fields.get_key_value(*name));
        fields.map(|(name, value)| (name.clone(), value.clone())).collect()
    }
}

impl Agenda {
    /// The agenda of a new account, with its primary calendar.
    pub(crate) fn of(owner: &str) -> Self {
        let mut agenda = Self::default();
        agenda.ensure(owner, owner);
        agenda
    }

    /// Makes a calendar, or finds it; the first one is the primary.
    pub(crate) fn ensure(&mut self, id: &str, owner: &str) -> &mut Calendar {
        let is_first = self.calendars.is_empty();
        self.calendars.entry(id.to_owned()).or_insert_with(|| Calendar::new(id, owner, is_first))
    }

    /// Finds a calendar; `primary` is a name of the first one.
    pub(crate) fn find(&self, id: &str) -> Option<&Calendar> {
        self.calendars.get(&self.id_of(id)?)
    }

    pub(crate) fn find_mut(&mut self, id: &str) -> Option<&mut Calendar> {
        let id = self.id_of(id)?;
        self.calendars.get_mut(&id)
    }

    /// The id of a calendar, also for `primary`.
    pub(crate) fn id_of(&self, id: &str) -> Option<String> {
        let is_meant = |calendar: &Calendar| {
            calendar.id() == id || id == "primary" && calendar.entry.contains_key("primary")
        };
        self.calendars.values().find(|one| is_meant(one)).map(|one| one.id().to_owned())
    }

    pub(crate) fn remove(&mut self, id: &str) -> Option<Calendar> {
        let id = self.id_of(id)?;
        self.calendars.remove(&id)
    }

    pub(crate) fn calendars(&self) -> impl Iterator<Item = &Calendar> {
        self.calendars.values()
    }
}

impl Calendar {
    fn new(id: &str, owner: &str, is_first: bool) -> Self {
        let mut entry = fields(json!({
            "kind": "calendar#calendarListEntry", "id": id, "summary": id, "timeZone": "Europe/Berlin",
            "accessRole": "owner", "selected": true, "dataOwner": owner,
        }));
        if is_first {
            entry.insert("primary".to_owned(), json!(true));
        }
        let salt = dice::mix(dice::hash(owner), &[dice::hash(id)]);
        entry.insert("etag".to_owned(), json!(etag(salt, 0)));
        let (events, ids_by_age, ids_by_change) = Default::default();
        Self { entry, events, ids_by_age, ids_by_change, newest: 0, floor: 0, made: 0, salt }
    }

    pub(crate) fn id(&self) -> &str {
        self.entry.get("id").and_then(Value::as_str).unwrap_or_default()
    }

    pub(crate) fn newest(&self) -> u64 {
        self.newest
    }

    pub(crate) fn floor(&self) -> u64 {
        self.floor
    }

    /// Makes every sync token of before too old.
    pub(crate) fn expire(&mut self) {
        self.newest += 1;
        self.floor = self.newest;
    }

    pub(crate) fn event(&self, id: &str) -> Option<&Event> {
        self.events.get(id)
    }

    /// Events that were made after number `after`, in that order.
    pub(crate) fn made_after(&self, after: u64) -> impl Iterator<Item = &Event> {
        let ids = self.ids_by_age.range(after.saturating_add(1)..);
        ids.filter_map(|(_, id)| self.events.get(id))
    }

    /// Events whose last change came after `after`, in that order.
    pub(crate) fn changed_after(&self, after: u64) -> impl Iterator<Item = &Event> {
        let ids = self.ids_by_change.range(after.saturating_add(1)..);
        ids.filter_map(|(_, id)| self.events.get(id))
    }

    /// Makes an event, or changes the fields named; gives its id.
    pub(crate) fn put(&mut self, given: Map<String, Value>, now: DateTime<Utc>) -> String {
        let fresh = || format!("{:026x}", u128::from(dice::mix(self.salt, &[self.made + 1])));
        let id = given.get("id").and_then(Value::as_str).map_or_else(fresh, str::to_owned);
        let known = self.events.remove(&id);
        let mut event = known.unwrap_or_else(|| {
            self.made += 1;
            Event { fields: self.begun(&id, now), made: self.made, changed: 0 }
        });
        event.fields.extend(given);
        event.fields.retain(|_, value| !value.is_null());
        self.store(event, now);
        id
    }

    /// Deletes an event; of a series its exceptions too. Tells whether there was one.
    pub(crate) fn delete(&mut self, id: &str, now: DateTime<Utc>) -> bool {
        let belongs = |event: &Event| {
            event.fields.get("id").is_some_and(|one| one == id)
                || event.fields.get("recurringEventId").is_some_and(|series| series == id)
        };
        let gone: Vec<String> = self
            .events
            .iter()
            .filter(|(_, event)| belongs(event))
            .map(|(id, _)| id.clone())
            .collect();
        for id in &gone {
            if let Some(mut event) = self.events.remove(id) {
                event.fields.insert("status".to_owned(), json!("cancelled"));
                self.store(event, now);
            }
        }
        !gone.is_empty()
    }

    /// Forgets a deleted event for good, as Google does in the end.
    pub(crate) fn forget(&mut self, id: &str) {
        if let Some(event) = self.events.remove(id) {
            self.ids_by_age.remove(&event.made);
            self.ids_by_change.remove(&event.changed);
        }
    }

    fn store(&mut self, mut event: Event, now: DateTime<Utc>) {
        self.newest += 1;
        self.ids_by_change.remove(&event.changed);
        event.changed = self.newest;
        event.fields.insert("etag".to_owned(), json!(etag(self.salt, self.newest)));
        event.fields.insert("updated".to_owned(), json!(instant(now)));
        if let Some(id) = event.fields.get("id").and_then(Value::as_str).map(str::to_owned) {
            self.ids_by_age.insert(event.made, id.clone());
            self.ids_by_change.insert(event.changed, id.clone());
            self.events.insert(id, event);
        }
    }

    /// The fields that Google gives every event.
    fn begun(&self, id: &str, now: DateTime<Utc>) -> Map<String, Value> {
        let owner = self.entry.get("dataOwner").cloned().unwrap_or_default();
        let person = json!({ "email": owner, "self": true });
        fields(json!({
            "kind": "calendar#event", "id": id, "status": "confirmed", "eventType": "default",
            "htmlLink": format!("https://www.google.com/calendar/event?eid={id}"),
            "created": instant(now), "creator": person, "organizer": person,
            "iCalUID": format!("{id}@google.com"), "sequence": 0,
            "reminders": { "useDefault": true },
        }))
    }
}

fn etag(salt: u64, number: u64) -> String {
    format!("\"{}\"", dice::mix(salt, &[number]) >> 1)
}

fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// The fields of a JSON object; none of anything else.
pub(crate) fn fields(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Map::new()
        }
    }
}
