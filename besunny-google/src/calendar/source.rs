//! Calendar as a [`Source`]: listings that end with a sync token, changes after it, single events.
use std::time::Duration;

use async_trait::async_trait;
use besunny_core::{
    calendar::CalendarEvent,
    source::{
        AccountRef, Cursor, Fetched, ItemId, ItemRef, Limits, Next, OfferedStream, Page, PageToken,
        Read, Relist, Scope, Source, SourceError, SourceErrorKind, StreamRef,
    },
};

use super::{
    GoogleCalendar,
    event::{self, Found},
    item::event_of,
    page,
};
use crate::{
    gmail::account,
    quota::Operation,
    transport::{Answer, Call, Reply, Segment},
    wire::Unusable,
};

/// 1,000,000 requests a day for a project are looks at 3,400 calendars every five minutes; a call of
/// a channel acts at once.
const POLL_FLOOR: Duration = Duration::from_mins(5);
/// Less than between two looks of the safety net (13.5 minutes), so that each of them asks once more
/// which calendars there are, and calls of channels make nobody ask more often.
const OFFERS_FOR: Duration = Duration::from_mins(10);
/// A page of 2,500 events: most have 1 to 3 KB, one with 200 guests 40 KB.
const PAGE_BYTES: usize = 64 << 20;
/// What is asked for; every request of a sync token must ask for the same.
///
/// Series come as they are. Deleted events come whenever a sync token is given, and the parameter
/// that would say so may not be sent then.
const PARAMETERS: [(&str, &str); 2] = [
    ("singleEvents", "false"),
    (
        "fields",
        "nextPageToken,nextSyncToken,items(id,etag,status,iCalUID,recurringEventId,\
         originalStartTime,recurrence,sequence,updated,eventType,start,end,endTimeUnspecified,\
         transparency,summary,description,location,hangoutLink,conferenceData(entryPoints(entryPointType,uri)),\
         organizer,attendees(email,displayName,responseStatus,self,resource))",
    ),
];
/// The form of cursors; a cursor of another form is listed anew.
const FORM: &str = "2";

impl<P: Sync> GoogleCalendar<P> {
    fn page_size(&self) -> String {
        self.transport.http.config().calendar_page_size.to_string()
    }

    /// Names all that the sync token is valid for: Calendar wants the same parameters again.
    fn frozen(&self) -> String {
        let parameters = PARAMETERS.iter().flat_map(|(name, value)| [*name, *value]);
        format!("{:016x}", hash(parameters.chain([self.page_size().as_str()])))
    }

    fn cursor(&self, token: &str) -> Cursor {
        Cursor::from_source(format!("{FORM}.{}.{token}", self.frozen()))
    }

    /// Returns the sync token of a cursor that was made with the parameters of now.
    fn token<'a>(&self, cursor: &'a Cursor) -> Option<&'a str> {
        let (form, rest) = cursor.as_str().split_once('.')?;
        let (frozen, token) = rest.split_once('.')?;
        (form == FORM && frozen == self.frozen() && !token.is_empty()).then_some(token)
    }

    /// Asks for a page of events, after `sync` or all of them.
    async fn events(
        &self,
        stream: &StreamRef,
        sync: Option<&str>,
        page: Option<&PageToken>,
    ) -> Result<Reply, SourceError> {
        let operation = Operation::ListEvents;
        let gone = || SourceError::new(SourceErrorKind::StreamGone, operation.name());
        let calendar = Segment::new(stream.key.as_str()).ok_or_else(gone)?;
        let (account, size) = (account(stream), self.page_size());
        let path = format!("calendars/{calendar}/events");
        let mut call = Call::get(operation, &account, path).with("maxResults", &size);
        for (name, value) in PARAMETERS {
            call = call.with(name, value);
        }
        if let Some(sync) = sync {
            call = call.with("syncToken", sync);
        }
        let call = call.at_page(page.map(PageToken::as_str)).capped_at(PAGE_BYTES);
        self.transport.send(&call).await
    }

    async fn page(
        &self,
        stream: &StreamRef,
        answer: Answer,
    ) -> Result<Page<CalendarEvent>, SourceError> {
        let page = answer.body.decode(|bytes| page::read(&bytes));
        let page = page.map_err(|odd| odd.during(Operation::ListEvents))?;
        let next = match &page.next {
            page::Next::Page(token) => Next::Page(PageToken::from_source(token)),
            page::Next::Sync(token) => Next::Cursor { cursor: self.cursor(token), more: false },
        };
        let changes = self.changes(stream, page).await?;
        Ok(Page { changes, next, total: None })
    }

    async fn find(
        &self,
        stream: &StreamRef,
        account: &AccountRef,
        id: &ItemId,
    ) -> Result<Fetched<CalendarEvent>, SourceError> {
        let Some(name) = event_of(stream, id) else { return Ok(Fetched::Gone(id.clone())) };
        let Some(event) = self.event(stream, account, name).await? else {
            return Ok(Fetched::Gone(id.clone()));
        };
        let during = |odd: Unusable| odd.during(Operation::GetEvent);
        let at = event::named(&event).map_err(during)?;
        if at.id.as_str() != name {
            return Err(during(Unusable("is about another event")));
        }
        let at = ItemRef { id: id.clone(), ..at };
        Ok(match event::read(&event) {
            Found::Event(event) => Fetched::Present(at, *event),
            Found::Deleted => Fetched::Gone(at.id),
            Found::Unreadable(why) => Fetched::Unreadable { id: at.id, why },
            Found::Tombstone(tombstone) => {
                let known = self.series.of(stream.account);
                let uid = self.uid_of(stream, &mut *known.lock().await, &tombstone.series).await?;
                match uid {
                    Some(uid) => Fetched::Present(at, tombstone.of(uid)),
                    None => Fetched::Gone(at.id),
                }
            }
        })
    }
}

#[async_trait]
impl<P: std::fmt::Debug + Send + Sync> Source<CalendarEvent> for GoogleCalendar<P> {
    fn limits(&self) -> Limits {
        let fetch_concurrency = self.transport.http.config().fetch_concurrency;
        let offers_for = Some(OFFERS_FOR);
        Limits { fetch_batch: 1, fetch_concurrency, poll_floor: POLL_FLOOR, offers_for }
    }

    async fn streams(&self, account: &AccountRef) -> Result<Vec<OfferedStream>, SourceError> {
        self.offered(account).await
    }

    /// Calendar gives a position only with the last page of a listing.
    async fn head(&self, _: &StreamRef, _: &Scope) -> Result<Option<Cursor>, SourceError> {
        Ok(None)
    }

    async fn changes_since(
        &self,
        stream: &StreamRef,
        cursor: &Cursor,
        page: Option<&PageToken>,
    ) -> Result<Read<CalendarEvent>, SourceError> {
        let Some(token) = self.token(cursor) else { return Ok(Read::Relist(Relist::default())) };
        match self.events(stream, Some(token), page).await? {
            Reply::Good(answer) => Ok(Read::Page(self.page(stream, answer).await?)),
            Reply::Absent | Reply::Invalid => Ok(Read::Relist(Relist::default())),
            Reply::Exists | Reply::TooLarge => {
                Err(Unusable("makes no sense here").during(Operation::ListEvents))
            }
        }
    }

    async fn list(
        &self,
        stream: &StreamRef,
        _: &Scope,
        page: Option<&PageToken>,
    ) -> Result<Page<CalendarEvent>, SourceError> {
        match self.events(stream, None, page).await? {
            Reply::Good(answer) => self.page(stream, answer).await,
            Reply::Absent | Reply::Invalid | Reply::Exists | Reply::TooLarge => {
                Err(Unusable("makes no sense here").during(Operation::ListEvents))
            }
        }
    }

    async fn fetch(
        &self,
        stream: &StreamRef,
        ids: &[ItemId],
    ) -> Result<Vec<Fetched<CalendarEvent>>, SourceError> {
        let account = account(stream);
        let mut answers = Vec::with_capacity(ids.len());
        for id in ids {
            answers.push(self.find(stream, &account, id).await?);
        }
        Ok(answers)
    }
}

/// FNV-1a over words and the gaps between them: the same in every release, as cursors are stored.
fn hash<'a>(words: impl Iterator<Item = &'a str>) -> u64 {
    let bytes = words.flat_map(|word| word.bytes().chain([0]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |state: u64, byte| {
        (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
