//! The hand on the calendars of one account.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::ControlError;
use crate::account::Account;
use crate::agenda::{Calendar, State, fields};
use crate::calendar::channels;
use crate::gateway::Shared;

/// The calendars of one account of a running simulator.
#[derive(Clone, Debug)]
pub struct AgendaControl {
    world: Shared,
    account: Arc<Account>,
}

impl AgendaControl {
    pub(super) fn new(world: Shared, account: Arc<Account>) -> Self {
        Self { world, account }
    }

    /// Makes a calendar, and tells those who watch the list of calendars.
    pub fn add_calendar(&self, id: &str) {
        self.account.agenda.write().ensure(id, &self.account.address);
        channels::announce(&self.world, &self.account, None, State::Exists);
    }

    /// Changes fields of a calendar in the list; a null takes one away.
    pub fn change_calendar(&self, id: &str, change: Value) -> Result<(), ControlError> {
        self.calendar(id, |calendar| {
            calendar.entry.extend(fields(change));
            calendar.entry.retain(|_, value| !value.is_null());
        })?;
        channels::announce(&self.world, &self.account, None, State::Exists);
        Ok(())
    }

    /// Takes a calendar away with all that is in it.
    pub fn remove_calendar(&self, id: &str) -> Result<(), ControlError> {
        let removed = self.account.agenda.write().remove(id);
        let removed = removed.ok_or_else(|| ControlError::NoEvent(id.to_owned()))?;
        let id = removed.id();
        channels::announce(&self.world, &self.account, Some(id), State::NotExists);
        channels::announce(&self.world, &self.account, None, State::Exists);
        Ok(())
    }

    /// Makes an event, or changes the fields named of one that is there; gives its id.
    ///
    /// Fields are those of the API (`summary`, `start`, `recurrence`); a null takes one away.
    pub fn put(&self, calendar: &str, event: Value) -> Result<String, ControlError> {
        let now = self.world.clock.now();
        self.change(calendar, |calendar| Some(calendar.put(fields(event), now)))
    }

    /// Makes an exception of a series, or changes it; gives its id.
    ///
    /// `original` is where the series has the occurrence, as `{"dateTime"}` or `{"date"}`;
    /// `{"status": "cancelled"}` as the change takes the occurrence away.
    pub fn except(
        &self,
        calendar: &str,
        series: &str,
        original: &Value,
        change: Value,
    ) -> Result<String, ControlError> {
        let now = self.world.clock.now();
        self.change(calendar, |calendar| {
            let mut event: Map<String, Value> = calendar.event(series)?.fields.clone();
            event.remove("recurrence");
            event.insert("id".to_owned(), json!(format!("{series}_{}", stamp(original))));
            event.insert("recurringEventId".to_owned(), json!(series));
            event.insert("originalStartTime".to_owned(), original.clone());
            event.insert("start".to_owned(), original.clone());
            event.extend(fields(change));
            Some(calendar.put(event, now))
        })
    }

    /// Deletes an event, or a series with its exceptions.
    pub fn delete(&self, calendar: &str, id: &str) -> Result<(), ControlError> {
        let now = self.world.clock.now();
        self.change(calendar, |calendar| calendar.delete(id, now).then(|| id.to_owned())).map(drop)
    }

    /// Forgets a deleted event, as Google does in the end: nobody is told.
    pub fn forget(&self, calendar: &str, id: &str) -> Result<(), ControlError> {
        self.calendar(calendar, |calendar| calendar.forget(id))
    }

    /// Makes every sync token of a calendar too old.
    pub fn expire_sync(&self, calendar: &str) -> Result<(), ControlError> {
        self.calendar(calendar, Calendar::expire)
    }

    /// An event as the API shows it.
    pub fn event(&self, calendar: &str, id: &str) -> Result<Value, ControlError> {
        let agenda = self.account.agenda.read();
        let event = agenda.find(calendar).and_then(|calendar| calendar.event(id));
        event
            .map(|event| Value::Object(event.fields.clone()))
            .ok_or_else(|| ControlError::NoEvent(id.to_owned()))
    }

    /// Ids of all events that are there: what nobody may lose. Exceptions count, cancelled ones too.
    #[must_use]
    pub fn ids(&self, calendar: &str) -> Vec<String> {
        let agenda = self.account.agenda.read();
        let events = agenda.find(calendar).into_iter().flat_map(|calendar| calendar.made_after(0));
        let there = events.filter(|event| !event.is_cancelled() || event.is_exception());
        there.filter_map(|event| event.fields.get("id")?.as_str().map(str::to_owned)).collect()
    }

    /// Ids of the channels that are open.
    #[must_use]
    pub fn channels(&self) -> Vec<String> {
        let agenda = self.account.agenda.read();
        let live = agenda.channels.live(self.world.clock.now());
        live.into_iter().map(|channel| channel.id.clone()).collect()
    }

    fn calendar<T>(
        &self,
        id: &str,
        work: impl FnOnce(&mut Calendar) -> T,
    ) -> Result<T, ControlError> {
        let mut agenda = self.account.agenda.write();
        agenda.find_mut(id).map(work).ok_or_else(|| ControlError::NoEvent(id.to_owned()))
    }

    /// Changes a calendar and calls those who watch it.
    fn change(
        &self,
        id: &str,
        work: impl FnOnce(&mut Calendar) -> Option<String>,
    ) -> Result<String, ControlError> {
        let (calendar, done) =
            self.calendar(id, |calendar| (calendar.id().to_owned(), work(calendar)))?;
        let done = done.ok_or_else(|| ControlError::NoEvent(id.to_owned()))?;
        channels::announce(&self.world, &self.account, Some(&calendar), State::Exists);
        Ok(done)
    }
}

/// The end of an exception's id: the original start in UTC, or its day.
fn stamp(original: &Value) -> String {
    let text = |name: &str| original.get(name).and_then(Value::as_str);
    let instant = text("dateTime").and_then(|text| chrono::DateTime::parse_from_rfc3339(text).ok());
    match instant {
        Some(at) => at.to_utc().format("%Y%m%dT%H%M%SZ").to_string(),
        None => text("date").unwrap_or_default().replace('-', ""),
    }
}
