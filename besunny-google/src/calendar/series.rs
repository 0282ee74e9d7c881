//! Names of series across calendars, by their ids in the account.
//!
//! Of a cancelled exception Calendar guarantees only the id of its series, which says nothing
//! outside of the account. What was seen of series is remembered, and the rest is asked for.
use std::collections::{HashMap, HashSet};

use besunny_core::{
    calendar::{CalendarEvent, EventUid},
    source::{AccountRef, Change, ItemRef, SourceError, StreamRef},
};
use serde_json::Value;

use super::{
    GoogleCalendar,
    event::{self, Found},
    item::item,
    page::EventPage,
};
use crate::{
    gmail::account,
    quota::Operation,
    transport::{Call, Reply, Segment},
    wire,
};

/// Series that are remembered of an account; somebody with more has some of them asked for again.
const REMEMBERED: usize = 10_000;

/// Names of series by calendar and id.
#[derive(Debug, Default)]
pub(super) struct Uids(HashMap<(String, String), EventUid>);

impl Uids {
    fn put(&mut self, key: (String, String), uid: EventUid) {
        if self.0.len() >= REMEMBERED {
            self.0.clear();
        }
        self.0.insert(key, uid);
    }
}

impl<P: Sync> GoogleCalendar<P> {
    /// Turns a page into changes.
    pub(super) async fn changes(
        &self,
        stream: &StreamRef,
        page: EventPage,
    ) -> Result<Vec<Change<CalendarEvent>>, SourceError> {
        let known = self.series.of(stream.account);
        let mut known = known.lock().await;
        for (id, uid) in page.series {
            known.put((stream.key.as_str().to_owned(), id), EventUid::from_source(uid));
        }
        let mut changes = Vec::with_capacity(page.events.len());
        // Of a deleted series each of its exceptions is told, and it is asked for once.
        let mut missing = HashSet::new();
        for (at, found) in page.events {
            let at = ItemRef { id: item(stream, at.id.as_str()), ..at };
            changes.push(match found {
                Found::Event(event) => Change::Present { at, item: Some(*event) },
                Found::Deleted => Change::Removed(at.id),
                Found::Unreadable(why) => Change::Unreadable { id: at.id, why },
                Found::Tombstone(tombstone) if missing.contains(&tombstone.series) => {
                    Change::Removed(at.id)
                }
                Found::Tombstone(tombstone) => {
                    let uid = self.uid_of(stream, &mut known, &tombstone.series).await?;
                    if let Some(uid) = uid {
                        Change::Present { at, item: Some(tombstone.of(uid)) }
                    } else {
                        // Without its series there is nothing it is taken from.
                        missing.insert(tombstone.series);
                        Change::Removed(at.id)
                    }
                }
            });
        }
        Ok(changes)
    }

    /// Returns the name of a series across calendars; `None` when it is gone.
    pub(super) async fn uid_of(
        &self,
        stream: &StreamRef,
        known: &mut Uids,
        series: &str,
    ) -> Result<Option<EventUid>, SourceError> {
        let key = (stream.key.as_str().to_owned(), series.to_owned());
        if let Some(uid) = known.0.get(&key) {
            return Ok(Some(uid.clone()));
        }
        let event = self.event(stream, &account(stream), series).await?;
        let live = event.as_ref().filter(|event| !matches!(event::read(event), Found::Deleted));
        let uid = live.and_then(|event| wire::text(event, "iCalUID")).map(EventUid::from_source);
        if let Some(uid) = &uid {
            known.put(key, uid.clone());
        }
        Ok(uid)
    }

    /// Reads one event; `None` when it is not there.
    pub(super) async fn event(
        &self,
        stream: &StreamRef,
        account: &AccountRef,
        id: &str,
    ) -> Result<Option<Value>, SourceError> {
        let (Some(calendar), Some(id)) = (Segment::new(stream.key.as_str()), Segment::new(id))
        else {
            return Ok(None);
        };
        let operation = Operation::GetEvent;
        let call = Call::get(operation, account, format_args!("calendars/{calendar}/events/{id}"));
        match self.transport.send(&call).await? {
            Reply::Good(answer) => wire::answered(answer, operation).map(Some),
            Reply::Absent | Reply::Invalid => Ok(None),
            Reply::Exists | Reply::TooLarge => {
                Err(wire::Unusable("makes no sense here").during(operation))
            }
        }
    }
}
