//! Calendars in `.ics` files: one file, or a folder of them, is one stream.
use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use besunny_core::{
    account::Provider,
    calendar::CalendarEvent,
    source::{
        AccountRef, Cursor, Entries, Fetched, ItemId, Limits, OfferedStream, PageToken, Snapshot,
        SnapshotSource, SourceError, StreamKey, StreamRef, Subject,
    },
};

use crate::{
    disk::{blocking, misconfigured, tried},
    page,
};

mod agenda;
mod version;

use self::agenda::{Agenda, Event};

/// So many events a page of a listing names.
const PAGE: usize = 500;
/// Events are in memory once they are listed, so many may be asked for at once.
const BATCH: usize = 500;
/// Looking at a file costs little, so it is looked at again soon.
const POLL_FLOOR: Duration = Duration::from_secs(5);

/// Calendars in files; cheap to clone, and all clones share what they know of the files.
///
/// The subject of an account is the path of a file or of a folder, whose subfolders count. An event is
/// named by its uid and by the occurrence that it replaces; of several versions the newest counts
/// (RFC 5546 2.1.5), whichever file it is in.
#[derive(Clone, Debug)]
pub struct LocalCalendar {
    page: usize,
    known: Arc<Mutex<HashMap<Subject, Arc<Agenda>>>>,
}

impl LocalCalendar {
    /// Makes the adapter.
    #[must_use]
    pub fn new() -> SnapshotSource<Self> {
        Self::paged(PAGE)
    }

    /// Makes the adapter with listings of `page` events a page.
    #[must_use]
    pub fn paged(page: usize) -> SnapshotSource<Self> {
        SnapshotSource::new(Self { page: page.max(1), known: Arc::default() })
    }

    /// Returns the provider under which the adapter is registered.
    #[must_use]
    pub fn provider() -> Provider {
        Provider::new("ics")
    }

    fn known(&self, subject: &Subject) -> Option<Arc<Agenda>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(subject).cloned()
    }

    /// Reads the files anew.
    async fn list(&self, subject: &Subject) -> Result<Arc<Agenda>, SourceError> {
        let path = path(subject);
        let agenda = Arc::new(blocking("local.list", move || agenda::read(&path)).await?);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(subject.clone(), Arc::clone(&agenda));
        Ok(agenda)
    }

    /// Returns what the files hold now.
    async fn current(&self, subject: &Subject) -> Result<Arc<Agenda>, SourceError> {
        let path = path(subject);
        let look = blocking("local.fetch", move || agenda::look(&path)).await?;
        match self.known(subject).filter(|agenda| agenda.fingerprint == look) {
            Some(agenda) => Ok(agenda),
            None => self.list(subject).await,
        }
    }
}

#[async_trait]
impl Snapshot<CalendarEvent> for LocalCalendar {
    fn limits(&self) -> Limits {
        Limits {
            fetch_batch: BATCH,
            fetch_concurrency: 1,
            poll_floor: POLL_FLOOR,
            offers_for: None,
        }
    }

    async fn streams(&self, account: &AccountRef) -> Result<Vec<OfferedStream>, SourceError> {
        let path = path(&account.subject);
        let look = tried("local.streams", move || agenda::look(&path)).await?;
        look.map_err(|error| misconfigured("local.streams", error))?;
        let title = account.subject.as_str().to_owned();
        Ok(vec![OfferedStream { key: StreamKey::from_source("calendar"), title, proposed: true }])
    }

    async fn fingerprint(&self, stream: &StreamRef) -> Result<Cursor, SourceError> {
        let path = path(&stream.subject);
        Ok(Cursor::from_source(blocking("local.look", move || agenda::look(&path)).await?))
    }

    async fn entries(
        &self,
        stream: &StreamRef,
        page: Option<&PageToken>,
    ) -> Result<Entries, SourceError> {
        let (agenda, from) = match page {
            None => (self.list(&stream.subject).await?, 0),
            Some(token) => {
                let (from, fingerprint) = page::begin(token)?;
                let agenda = self.known(&stream.subject);
                let agenda = agenda.filter(|agenda| agenda.fingerprint == fingerprint);
                (agenda.ok_or_else(page::expired)?, from)
            }
        };
        let named = |event: &Event| event.at.clone();
        Ok(page::entries(&agenda.events, from..from + self.page, &agenda.fingerprint, named))
    }

    async fn read(
        &self,
        stream: &StreamRef,
        ids: &[ItemId],
    ) -> Result<Vec<Fetched<CalendarEvent>>, SourceError> {
        let agenda = self.current(&stream.subject).await?;
        let answer = |id: &ItemId| match agenda.find(id) {
            None => Fetched::Gone(id.clone()),
            Some(Event { what: Err(why), .. }) => Fetched::Unreadable { id: id.clone(), why },
            Some(Event { at, what: Ok(event) }) => Fetched::Present(at.clone(), event.clone()),
        };
        Ok(ids.iter().map(answer).collect())
    }
}

fn path(subject: &Subject) -> PathBuf {
    PathBuf::from(subject.as_str())
}

#[cfg(test)]
mod tests;
