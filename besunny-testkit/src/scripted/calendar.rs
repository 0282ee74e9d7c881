//! Calendars out of the same script: what a mailbox holds is read as an event, in JSON.
use async_trait::async_trait;
use besunny_core::{
    calendar::CalendarEvent,
    message::{Message, RawMail},
    source::{
        AccountRef, Change, Cursor, Fetched, ItemId, Limits, OfferedStream, Page, PageToken, Read,
        Scope, Source, SourceError, StreamRef,
    },
};

use super::ScriptedMail;

/// What is said of an event that is none.
const NO_EVENT: &str = "not the JSON of an event";

/// A source of events that obeys every clause as [`ScriptedMail`] does, whose items it reads.
#[derive(Debug)]
pub struct ScriptedCalendar(ScriptedMail);

impl ScriptedCalendar {
    /// Reads the items of `script` as events.
    #[must_use]
    pub const fn of(script: ScriptedMail) -> Self {
        Self(script)
    }
}

fn event(message: &Message) -> Option<CalendarEvent> {
    match &message.raw {
        RawMail::Whole(raw) => serde_json::from_slice(raw).ok(),
        RawMail::TooLarge { .. } => None,
    }
}

fn change(change: Change<Message>) -> Change<CalendarEvent> {
    match change {
        Change::Present { at, item: None } => Change::Present { at, item: None },
        Change::Present { at, item: Some(message) } => match event(&message) {
            Some(event) => Change::Present { at, item: Some(event) },
            None => Change::Unreadable { id: at.id, why: NO_EVENT },
        },
        Change::Removed(id) => Change::Removed(id),
        Change::Unreadable { id, why } => Change::Unreadable { id, why },
    }
}

fn page(page: Page<Message>) -> Page<CalendarEvent> {
    let changes = page.changes.into_iter().map(change).collect();
    Page { changes, next: page.next, total: page.total }
}

#[async_trait]
impl Source<CalendarEvent> for ScriptedCalendar {
    fn limits(&self) -> Limits {
        self.0.limits()
    }

    async fn streams(&self, account: &AccountRef) -> Result<Vec<OfferedStream>, SourceError> {
        self.0.streams(account).await
    }

    async fn head(&self, at: &StreamRef, scope: &Scope) -> Result<Option<Cursor>, SourceError> {
        self.0.head(at, scope).await
    }

    async fn changes_since(
        &self,
        stream: &StreamRef,
        cursor: &Cursor,
        token: Option<&PageToken>,
    ) -> Result<Read<CalendarEvent>, SourceError> {
        Ok(match self.0.changes_since(stream, cursor, token).await? {
            Read::Page(read) => Read::Page(page(read)),
            Read::Relist(relist) => Read::Relist(relist),
        })
    }

    async fn list(
        &self,
        stream: &StreamRef,
        scope: &Scope,
        token: Option<&PageToken>,
    ) -> Result<Page<CalendarEvent>, SourceError> {
        Ok(page(self.0.list(stream, scope, token).await?))
    }

    async fn fetch(
        &self,
        stream: &StreamRef,
        ids: &[ItemId],
    ) -> Result<Vec<Fetched<CalendarEvent>>, SourceError> {
        let fetched = self.0.fetch(stream, ids).await?.into_iter().map(|fetched| match fetched {
            Fetched::Present(at, message) => match event(&message) {
                Some(event) => Fetched::Present(at, event),
                None => Fetched::Unreadable { id: at.id, why: NO_EVENT },
            },
            Fetched::Gone(id) => Fetched::Gone(id),
            Fetched::Unreadable { id, why } => Fetched::Unreadable { id, why },
        });
        Ok(fetched.collect())
    }
}
