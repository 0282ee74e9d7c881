//! A mail source in memory that obeys every clause, and can be made to fail.
//!
//! One [`ScriptedMail`] holds any number of mailboxes, one for each subject. What a real provider
//! may do to a client is done to it through [`Mailbox`]; what may go wrong on the way is decided by
//! [`Weather`], which is asked at every call.
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use async_trait::async_trait;
use besunny_core::{
    message::{Message, RawMail},
    source::{
        AccountRef, Change, Cursor, Fetched, ItemId, ItemRef, Limits, Next, OfferedStream, Page,
        PageToken, Read, Relist, Revision, Scope, Source, SourceError, SourceErrorKind, StreamKey,
        StreamRef, Subject,
    },
};
use bytes::Bytes;
use chrono::{DateTime, Utc};

mod calendar;
mod filing;

pub use calendar::ScriptedCalendar;

use crate::conformance::filing::Marks;

/// How a source tells of changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Telling {
    /// By a change log with a durable cursor, like Gmail.
    Log,
    /// By a change log whose cursor comes with the last page of a listing, like Google Calendar.
    CursorAtEnd,
    /// By a fingerprint: equal or list again, like a folder.
    Fingerprint,
    /// Not at all: it can only be listed.
    ListOnly,
}

/// What may go wrong at a call; asked before it is answered.
#[async_trait]
pub trait Weather: Debug + Send + Sync {
    /// Waits, fails or lets the call pass.
    async fn before(&self, call: Call<'_>) -> Result<(), SourceError>;
    /// Says how many of the newest changes the index does not show yet.
    fn lag(&self, subject: &Subject) -> usize;
    /// Says whether to hand out a page token that leads in a circle.
    fn circles(&self) -> bool;
    /// Learns that the source gave an odd answer for a reason of its own.
    fn answered(&self, oddity: Oddity);
}

/// An odd answer that a source gives for a reason of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Oddity {
    /// The log before the cursor is gone.
    LogExpired,
    /// The page token is dead.
    PageDead,
    /// A page token leads in a circle.
    Circle,
    /// The grant was revoked.
    Revoked,
    /// An item cannot be decoded.
    Poison,
    /// The newest changes are not shown yet.
    Lag,
}

/// A call that is about to be answered.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// The operation.
    pub operation: &'static str,
    /// The mailbox.
    pub subject: &'a Subject,
    /// The item, for a fetch.
    pub item: Option<&'a ItemId>,
}

/// Nothing goes wrong.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fair;

#[async_trait]
impl Weather for Fair {
    async fn before(&self, _: Call<'_>) -> Result<(), SourceError> {
        Ok(())
    }
    fn lag(&self, _: &Subject) -> usize {
        0
    }
    fn circles(&self) -> bool {
        false
    }
    fn answered(&self, _: Oddity) {}
}

/// Mailboxes in memory; see the module.
#[derive(Debug)]
pub struct ScriptedMail {
    boxes: Arc<Mutex<BTreeMap<Subject, Mailbox>>>,
    weather: Arc<dyn Weather>,
    page: usize,
}

/// One mailbox, as its owner and the world change it.
#[derive(Debug)]
pub struct Mailbox {
    telling: Telling,
    mails: BTreeMap<ItemId, Mail>,
    log: Vec<ItemId>,
    /// The log before this place is forgotten.
    kept_from: usize,
    /// Page tokens of an older generation are dead.
    generation: u64,
    revoked: bool,
}

#[derive(Debug)]
struct Mail {
    /// Grows when something else is put under the id.
    revision: u32,
    raw: Bytes,
    received_at: DateTime<Utc>,
    hidden: bool,
    poison: bool,
    marks: Marks,
}

impl ScriptedMail {
    /// Makes a source without mailboxes that answers `page` items at a time.
    #[must_use]
    pub fn new(weather: Arc<dyn Weather>, page: usize) -> Self {
        Self { boxes: Arc::default(), weather, page: page.max(1) }
    }

    /// Makes another adapter of the same mailboxes, as after a restart.
    #[must_use]
    pub fn restarted(&self) -> Self {
        let boxes = Arc::clone(&self.boxes);
        Self { boxes, weather: Arc::clone(&self.weather), page: self.page }
    }

    /// Opens a mailbox.
    pub fn open(&self, subject: Subject, telling: Telling) {
        let mailbox = Mailbox {
            telling,
            mails: BTreeMap::new(),
            log: Vec::new(),
            kept_from: 0,
            generation: 0,
            revoked: false,
        };
        self.lock().insert(subject, mailbox);
    }

    /// Changes a mailbox, as the world does.
    ///
    /// # Panics
    /// When there is no such mailbox.
    #[expect(clippy::expect_used, reason = "a test that names a missing mailbox is wrong")]
    pub fn with<T>(&self, subject: &Subject, change: impl FnOnce(&mut Mailbox) -> T) -> T {
        change(self.lock().get_mut(subject).expect("an open mailbox"))
    }

    fn reading(&self, lag: usize) -> Reading<'_> {
        let circles = self.weather.circles();
        Reading { lag, size: self.page, circles, weather: &*self.weather }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Subject, Mailbox>> {
        self.boxes.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Answers a call once the weather lets it pass.
    async fn answer<T>(
        &self,
        operation: &'static str,
        stream: &StreamRef,
        answer: impl FnOnce(&mut Mailbox) -> Result<T, SourceError>,
    ) -> Result<T, SourceError> {
        let subject = &stream.subject;
        self.weather.before(Call { operation, subject, item: None }).await?;
        let mut boxes = self.lock();
        let missing = || SourceError::new(SourceErrorKind::StreamGone, operation);
        let mailbox = boxes.get_mut(subject).ok_or_else(missing)?;
        if mailbox.revoked {
            self.weather.answered(Oddity::Revoked);
            return Err(SourceError::new(SourceErrorKind::Unauthorized, operation));
        }
        answer(mailbox)
    }
}

#[async_trait]
impl Source<Message> for ScriptedMail {
    fn limits(&self) -> Limits {
        Limits {
            fetch_batch: 2,
            fetch_concurrency: 2,
            poll_floor: Duration::from_secs(30),
            offers_for: None,
        }
    }

    async fn streams(&self, _: &AccountRef) -> Result<Vec<OfferedStream>, SourceError> {
        let key = StreamKey::from_source("mailbox");
        Ok(vec![OfferedStream { key, title: "Mailbox".to_owned(), proposed: true }])
    }

    async fn head(&self, stream: &StreamRef, _: &Scope) -> Result<Option<Cursor>, SourceError> {
        self.answer("scripted.head", stream, |mailbox| {
            let has_head = matches!(mailbox.telling, Telling::Log | Telling::Fingerprint);
            Ok(has_head.then(|| cursor(mailbox.log.len())))
        })
        .await
    }

    async fn changes_since(
        &self,
        stream: &StreamRef,
        cursor: &Cursor,
        page: Option<&PageToken>,
    ) -> Result<Read<Message>, SourceError> {
        let reading = self.reading(self.weather.lag(&stream.subject));
        self.answer("scripted.changes", stream, |mailbox| {
            mailbox.changes_since(cursor, page, &reading)
        })
        .await
    }

    async fn list(
        &self,
        stream: &StreamRef,
        _: &Scope,
        page: Option<&PageToken>,
    ) -> Result<Page<Message>, SourceError> {
        let reading = self.reading(0);
        self.answer("scripted.list", stream, |mailbox| mailbox.list(page, &reading)).await
    }

    async fn fetch(
        &self,
        stream: &StreamRef,
        ids: &[ItemId],
    ) -> Result<Vec<Fetched<Message>>, SourceError> {
        for id in ids {
            let call =
                Call { operation: "scripted.fetch", subject: &stream.subject, item: Some(id) };
            self.weather.before(call).await?;
        }
        self.answer("scripted.fetch", stream, |mailbox| {
            Ok(ids.iter().map(|id| mailbox.fetch(id, &*self.weather)).collect())
        })
        .await
    }
}

/// How a page is read.
struct Reading<'a> {
    lag: usize,
    size: usize,
    circles: bool,
    weather: &'a dyn Weather,
}

impl Mailbox {
    /// Puts a mail in, or something else in the place of one.
    pub fn deliver(&mut self, id: &ItemId, raw: impl Into<Bytes>, received_at: DateTime<Utc>) {
        let (raw, marks) = (raw.into(), Marks::default());
        let revision = self.mails.get(id).map_or(0, |old| old.revision) + 1;
        let mail = Mail { revision, raw, received_at, hidden: false, poison: false, marks };
        self.mails.insert(id.clone(), mail);
        self.log.push(id.clone());
    }

    /// Deletes a mail.
    pub fn remove(&mut self, id: &ItemId) {
        if self.mails.remove(id).is_some() {
            self.log.push(id.clone());
        }
    }

    /// Moves a mail out of scope, as into the trash, or back.
    pub fn hide(&mut self, id: &ItemId, hidden: bool) {
        if let Some(mail) = self.mails.get_mut(id) {
            mail.hidden = hidden;
            self.log.push(id.clone());
        }
    }

    /// Moves every mail back into scope.
    pub fn show_all(&mut self) {
        for (id, mail) in self.mails.iter_mut().filter(|(_, mail)| mail.hidden) {
            mail.hidden = false;
            self.log.push(id.clone());
        }
    }

    /// Makes a mail undecodable, or heals it.
    pub fn poison(&mut self, id: &ItemId, poison: bool) {
        if let Some(mail) = self.mails.get_mut(id) {
            mail.poison = poison;
        }
    }

    /// Forgets the change log up to now.
    pub fn expire_log(&mut self) {
        self.kept_from = self.log.len();
        if self.telling == Telling::Fingerprint {
            self.log.push(ItemId::from_source("expired"));
        }
    }

    /// Makes every page token handed out so far dead.
    pub fn kill_page_tokens(&mut self) {
        self.generation += 1;
    }

    /// Revokes the grant, or gives it again.
    pub fn revoke(&mut self, revoked: bool) {
        self.revoked = revoked;
    }

    /// Says whether the grant is revoked.
    #[must_use]
    pub const fn is_revoked(&self) -> bool {
        self.revoked
    }

    /// Says whether a mail is there, in scope or not.
    #[must_use]
    pub fn holds(&self, id: &ItemId) -> bool {
        self.mails.contains_key(id)
    }

    /// Returns how many changes there ever were.
    #[must_use]
    pub const fn changes(&self) -> usize {
        self.log.len()
    }

    /// Returns the ids in scope.
    #[must_use]
    pub fn in_scope(&self) -> BTreeSet<ItemId> {
        self.mails.iter().filter(|(_, mail)| !mail.hidden).map(|(id, _)| id.clone()).collect()
    }

    /// Returns the ids in scope that cannot be decoded.
    #[must_use]
    pub fn poisoned(&self) -> BTreeSet<ItemId> {
        let poisoned = self.mails.iter().filter(|(_, mail)| !mail.hidden && mail.poison);
        poisoned.map(|(id, _)| id.clone()).collect()
    }

    fn changes_since(
        &mut self,
        since: &Cursor,
        page: Option<&PageToken>,
        reading: &Reading<'_>,
    ) -> Result<Read<Message>, SourceError> {
        let base = position(since.as_str())?;
        if self.telling == Telling::Fingerprint {
            return Ok(if base == self.log.len() {
                let next = Next::Cursor { cursor: since.clone(), more: false };
                Read::Page(Page { changes: Vec::new(), next, total: None })
            } else {
                Read::Relist(Relist::default())
            });
        }
        if base < self.kept_from {
            reading.weather.answered(Oddity::LogExpired);
            return Ok(Read::Relist(Relist::default()));
        }
        let place = |page| self.place(page, reading).and_then(position);
        let from = page.map_or(Ok(base), place)?;
        let end = self.log.len().saturating_sub(reading.lag).max(from);
        if end < self.log.len() {
            reading.weather.answered(Oddity::Lag);
        }
        let to = (from + reading.size).min(end);
        let changes = self.log[from..to].iter().map(|id| self.change(id)).collect();
        let next = if to == end {
            Next::Cursor { cursor: cursor(to), more: false }
        } else if reading.circles && page.is_some() {
            reading.weather.answered(Oddity::Circle);
            Next::Page(self.token(&from.to_string()))
        } else {
            Next::Page(self.token(&to.to_string()))
        };
        Ok(Read::Page(Page { changes, next, total: None }))
    }

    /// Lists by id; a cursor that comes at the end was taken at the beginning.
    fn list(
        &mut self,
        page: Option<&PageToken>,
        reading: &Reading<'_>,
    ) -> Result<Page<Message>, SourceError> {
        let begun = format!("{} ", self.log.len());
        let place = page.map_or(Ok(begun.as_str()), |page| self.place(page, reading))?;
        let (start, after) = place.split_once(' ').ok_or_else(malformed)?;
        let shown = |(id, mail): &(&ItemId, &Mail)| !mail.hidden && id.as_str() > after;
        let mails: Vec<(&ItemId, &Mail)> =
            self.mails.iter().filter(shown).take(reading.size).collect();
        let next = match mails.last() {
            Some(_) if reading.circles && page.is_some() => {
                reading.weather.answered(Oddity::Circle);
                Next::Page(self.token(&format!("{start} {after}")))
            }
            Some((last, _)) if mails.len() == reading.size => {
                Next::Page(self.token(&format!("{start} {last}")))
            }
            _ if self.telling == Telling::CursorAtEnd => {
                Next::Cursor { cursor: cursor(position(start)?), more: false }
            }
            _ => Next::End,
        };
        let present =
            |(id, mail): &(&ItemId, &Mail)| Change::Present { at: mail.at(id), item: None };
        let changes = mails.iter().map(present);
        let total = u64::try_from(self.mails.len()).ok();
        Ok(Page { changes: changes.collect(), next, total })
    }

    fn fetch(&self, id: &ItemId, weather: &dyn Weather) -> Fetched<Message> {
        match self.mails.get(id) {
            None => Fetched::Gone(id.clone()),
            Some(mail) if mail.hidden => Fetched::Gone(id.clone()),
            Some(mail) if mail.poison => {
                weather.answered(Oddity::Poison);
                Fetched::Unreadable { id: id.clone(), why: "poison" }
            }
            Some(mail) => {
                let raw = RawMail::Whole(mail.raw.clone());
                let message = Message { raw, received_at: Some(mail.received_at) };
                Fetched::Present(mail.at(id), message)
            }
        }
    }

    fn change(&self, id: &ItemId) -> Change<Message> {
        match self.mails.get(id) {
            Some(mail) if !mail.hidden => Change::Present { at: mail.at(id), item: None },
            Some(_) | None => Change::Removed(id.clone()),
        }
    }

    fn token(&self, place: &str) -> PageToken {
        PageToken::from_source(format!("{}/{place}", self.generation))
    }

    fn place<'a>(
        &self,
        token: &'a PageToken,
        reading: &Reading<'_>,
    ) -> Result<&'a str, SourceError> {
        let (generation, place) = token.as_str().split_once('/').ok_or_else(malformed)?;
        if generation != self.generation.to_string() {
            reading.weather.answered(Oddity::PageDead);
            return Err(SourceError::new(SourceErrorKind::PageExpired, "scripted.page"));
        }
        Ok(place)
    }
}

impl Mail {
    fn at(&self, id: &ItemId) -> ItemRef {
        ItemRef::new(id.clone(), Revision::from_source(self.revision.to_string()))
    }
}

fn cursor(place: usize) -> Cursor {
    Cursor::from_source(place.to_string())
}

fn position(text: &str) -> Result<usize, SourceError> {
    text.parse().map_err(|error| malformed().because(error))
}

fn malformed() -> SourceError {
    SourceError::new(SourceErrorKind::Malformed, "scripted.token")
}
