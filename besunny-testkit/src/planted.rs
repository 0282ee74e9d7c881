//! Bugs put in on purpose: a suite or a simulation that does not see them proves nothing.
use std::{
    collections::{BTreeMap, HashMap},
    fmt::Debug,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use besunny_core::{
    address::Username,
    commit::{Basis, Commit, Decision, Effect, Epoch},
    document::{Document, DocumentState, Review, ReviewReason},
    history::Fact,
    ids::{DocumentId, EventId, StreamId, UserId},
    meeting::MeetingStatus,
    message::Message,
    repository::{DocumentFilter, RepositoryError, Store},
    scheduler::Rest,
    source::{
        AccountRef, Change, Cursor, Fetched, ItemId, Limits, Next, OfferedStream, Page, PageToken,
        Read, Scope, Source, SourceError, StreamRef,
    },
    tenant::TenantScope,
    track::Version,
};
use futures::FutureExt;

mod bots;

pub use bots::BotBug;

use crate::interposed::{Interposed, Interposer, Rewrite};

/// A bug that breaks one promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Planted {
    /// The source takes the head after the listing, not before it.
    HeadAfterListing,
    /// The source skips the second page of a round.
    SkippedPage,
    /// The source takes a failure for "nothing there".
    SwallowedError,
    /// The source does not report removals.
    LostRemoval,
    /// The source takes an undecodable item for one that is gone.
    UnmarkedQuarantine,
    /// The store lets commits under old leases and at old versions through.
    StaleCommit,
    /// The store forgets events once it has handed them out.
    ForgottenEvents,
    /// The store answers who has a username from all tenants.
    LeakingNames,
    /// The store names documents by when they were stored.
    DoubledDocuments,
    /// The store never ends a dead worker's lease.
    EternalLeases,
    /// The source takes a position from a notice.
    BelievedNotices,
    /// The engine no longer polls where it was promised notices.
    NoSafetyNet,
    /// The source takes a mail for marked that it failed to mark.
    ForgottenFiling,
    /// The source tries again by itself to mark a mail.
    RepeatedFiling,
    /// The engine takes documents out of the projects that people put them into.
    OverruledPeople,
    /// The store drops what was said about documents.
    ForgottenAnswers,
    /// The store drops that a meeting does not take place.
    KeptMeetings,
    /// The provider makes a bot for each call, whatever its key.
    DoubledBots,
    /// The provider takes a wish to stop a bot, and does nothing.
    DeafBots,
    /// The provider drops all but the first of what was said since the last look.
    LostWords,
}

impl Planted {
    /// All bugs.
    pub const ALL: [Self; 20] = [
        Self::HeadAfterListing,
        Self::SkippedPage,
        Self::SwallowedError,
        Self::LostRemoval,
        Self::UnmarkedQuarantine,
        Self::StaleCommit,
        Self::ForgottenEvents,
        Self::LeakingNames,
        Self::DoubledDocuments,
        Self::EternalLeases,
        Self::BelievedNotices,
        Self::NoSafetyNet,
        Self::ForgottenFiling,
        Self::RepeatedFiling,
        Self::OverruledPeople,
        Self::ForgottenAnswers,
        Self::KeptMeetings,
        Self::DoubledBots,
        Self::DeafBots,
        Self::LostWords,
    ];

    /// Returns `store` with this bug, or as it is when the bug is none of a store.
    #[must_use]
    pub fn in_store(self, store: Arc<dyn Store>) -> Arc<dyn Store> {
        let bug = StoreBug { bug: self, store: Arc::clone(&store), seen: Mutex::default() };
        match self {
            Self::HeadAfterListing
            | Self::SkippedPage
            | Self::SwallowedError
            | Self::LostRemoval
            | Self::UnmarkedQuarantine
            | Self::BelievedNotices
            | Self::ForgottenFiling
            | Self::RepeatedFiling
            | Self::DoubledBots
            | Self::DeafBots
            | Self::LostWords => store,
            Self::StaleCommit
            | Self::ForgottenEvents
            | Self::LeakingNames
            | Self::DoubledDocuments
            | Self::EternalLeases
            | Self::ForgottenAnswers
            | Self::KeptMeetings
            | Self::NoSafetyNet
            | Self::OverruledPeople => Arc::new(Interposed::new(store, Arc::new(bug))),
        }
    }
}

/// A store that breaks one promise.
#[derive(Debug)]
struct StoreBug {
    bug: Planted,
    store: Arc<dyn Store>,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    epochs: BTreeMap<StreamId, (TenantScope, Epoch)>,
    names: HashMap<Username, UserId>,
    commits: u64,
}

#[async_trait]
impl Interposer for StoreBug {
    async fn before(&self, _: &'static str) -> Result<(), RepositoryError> {
        Ok(())
    }

    async fn after(&self, _: &'static str) -> Result<(), RepositoryError> {
        Ok(())
    }

    fn committed(&self, _: &TenantScope, _: &Commit, _: &Result<Version, RepositoryError>) {}

    fn rewrite(&self, what: Rewrite<'_>) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        match (self.bug, what) {
            (Planted::StaleCommit | Planted::OverruledPeople, Rewrite::Leased(leases)) => {
                seen.epochs
                    .extend(leases.iter().map(|lease| (lease.stream, (lease.scope, lease.epoch))));
            }
            (Planted::StaleCommit, Rewrite::Commit(commit)) => self.freshen(&seen, commit),
            (Planted::OverruledPeople, Rewrite::Commit(commit)) => self.overrule(&seen, commit),
            (Planted::ForgottenEvents, Rewrite::Unpublished(events)) => {
                let ids: Vec<EventId> = events.iter().map(|event| event.id).collect();
                drop(self.store.published(&ids).now_or_never());
            }
            (Planted::LeakingNames, Rewrite::Named(wanted, names)) => {
                seen.names.extend(names.iter().map(|(name, id)| (name.clone(), *id)));
                for name in wanted {
                    if let Some(id) = seen.names.get(name) {
                        names.insert(name.clone(), *id);
                    }
                }
            }
            (Planted::DoubledDocuments, Rewrite::Commit(commit)) => {
                seen.commits += 1;
                rename(commit, seen.commits);
            }
            (Planted::ForgottenAnswers, Rewrite::Commit(commit)) => {
                let mut silent = Commit::clone(commit);
                silent.effects.retain(|effect| !matches!(effect, Effect::Label { .. }));
                *commit = Arc::new(silent);
            }
            (Planted::KeptMeetings, Rewrite::Commit(commit)) => {
                let mut kept = Commit::clone(commit);
                kept.effects.retain(|effect| !is_called_off(effect));
                *commit = Arc::new(kept);
            }
            (Planted::EternalLeases, Rewrite::Ask(ask)) => {
                ask.lease_for = Duration::from_hours(24 * 365);
            }
            (Planted::NoSafetyNet, Rewrite::Release(lease, release)) if lease.watch.is_some() => {
                release.rest = Rest::After(Duration::from_hours(24 * 365));
            }
            (_, _) => {}
        }
    }
}

impl StoreBug {
    /// Makes a stale commit look fresh.
    fn freshen(&self, seen: &Seen, commit: &mut Arc<Commit>) {
        let Basis::Pass(pass) = &commit.basis else { return };
        let Some((scope, epoch)) = seen.epochs.get(&pass.stream) else { return };
        let at = self.store.position(scope, pass.stream).now_or_never();
        let Some(Ok(at)) = at else { return };
        let mut fresh = Commit::clone(commit);
        if let Basis::Pass(pass) = &mut fresh.basis {
            (pass.epoch, pass.expected) = (*epoch, at.version);
        }
        *commit = Arc::new(fresh);
    }
}

impl StoreBug {
    /// Adds a decision on a document that a person put into a project.
    fn overrule(&self, seen: &Seen, commit: &mut Arc<Commit>) {
        let Basis::Pass(pass) = &commit.basis else { return };
        let Some((scope, _)) = seen.epochs.get(&pass.stream) else { return };
        let all = DocumentFilter { limit: 100, ..DocumentFilter::default() };
        let Some(Ok(found)) = self.store.documents(scope, &all).now_or_never() else { return };
        let by_person = |it: &&Document| it.state.is_of_person() && it.state.project().is_some();
        let Some(document) = found.iter().find(by_person) else { return };
        let review = Review { reason: ReviewReason::NoEvidence, suggestion: None };
        let mut wrong = Commit::clone(commit);
        wrong.effects.push(Effect::Decide(Decision {
            document: document.id,
            expected: document.version,
            state: DocumentState::NeedsReview(review),
            fact: Fact::ClassifierFailed { why: "a planted bug".to_owned() },
        }));
        *commit = Arc::new(wrong);
    }
}

/// Says whether a meeting does not take place by this.
fn is_called_off(effect: &Effect) -> bool {
    matches!(effect, Effect::Meet(change) if change.meeting.status == MeetingStatus::Cancelled)
}

/// Gives every document of a commit a name of its own.
fn rename(commit: &mut Arc<Commit>, number: u64) {
    let mut renamed = Commit::clone(commit);
    for effect in &mut renamed.effects {
        if let Effect::Store { documents, .. } = effect {
            for document in documents {
                document.id = DocumentId::derived(&[document.id.as_bytes(), &number.to_be_bytes()]);
            }
        }
    }
    *commit = Arc::new(renamed);
}

/// A mail source that may break one promise.
#[derive(Debug)]
pub struct BuggySource {
    source: Arc<dyn Source<Message>>,
    bug: Option<Planted>,
    claims: Option<Arc<dyn Claims>>,
}

/// What notices claim of a log.
pub(crate) trait Claims: Debug + Send + Sync {
    /// Takes the position that a notice named last.
    fn take(&self, stream: &StreamRef) -> Option<Cursor>;
}

impl BuggySource {
    /// Plants `bug` in `source`; a bug that is none of a source changes nothing.
    #[must_use]
    pub fn new(source: Arc<dyn Source<Message>>, bug: Option<Planted>) -> Self {
        Self { source, bug, claims: None }
    }

    /// Gives what notices claim to a source that would believe it.
    pub(crate) fn told(self, claims: Arc<dyn Claims>) -> Self {
        let claims = self.has(Planted::BelievedNotices).then_some(claims);
        Self { claims, ..self }
    }

    fn has(&self, bug: Planted) -> bool {
        self.bug == Some(bug)
    }
}

#[async_trait]
impl Source<Message> for BuggySource {
    fn limits(&self) -> Limits {
        self.source.limits()
    }

    async fn streams(&self, account: &AccountRef) -> Result<Vec<OfferedStream>, SourceError> {
        self.source.streams(account).await
    }

    async fn head(&self, stream: &StreamRef, scope: &Scope) -> Result<Option<Cursor>, SourceError> {
        if self.has(Planted::HeadAfterListing) {
            return Ok(None);
        }
        self.source.head(stream, scope).await
    }

    async fn changes_since(
        &self,
        stream: &StreamRef,
        cursor: &Cursor,
        page: Option<&PageToken>,
    ) -> Result<Read<Message>, SourceError> {
        if let Some(cursor) = self.claims.as_ref().and_then(|claims| claims.take(stream)) {
            let next = Next::Cursor { cursor, more: false };
            return Ok(Read::Page(Page { changes: Vec::new(), next, total: None }));
        }
        let read = self.source.changes_since(stream, cursor, page).await;
        let mut read = match read {
            Err(_) if self.has(Planted::SwallowedError) => {
                let next = Next::Cursor { cursor: cursor.clone(), more: false };
                return Ok(Read::Page(Page { changes: Vec::new(), next, total: None }));
            }
            read => read?,
        };
        if let (Read::Page(first), true) = (&mut read, self.has(Planted::SkippedPage))
            && let (Next::Page(token), None) = (&first.next, page)
            && let Read::Page(second) =
                self.source.changes_since(stream, cursor, Some(token)).await?
        {
            first.next = second.next;
        }
        if let (Read::Page(page), true) = (&mut read, self.has(Planted::LostRemoval)) {
            page.changes.retain(|change| !matches!(change, Change::Removed(_)));
        }
        Ok(read)
    }

    async fn list(
        &self,
        stream: &StreamRef,
        scope: &Scope,
        page: Option<&PageToken>,
    ) -> Result<Page<Message>, SourceError> {
        let mut read = match self.source.list(stream, scope, page).await {
            Err(_) if self.has(Planted::SwallowedError) => {
                return Ok(Page { changes: Vec::new(), next: Next::End, total: None });
            }
            read => read?,
        };
        if let (Next::Page(token), None, true) = (&read.next, page, self.has(Planted::SkippedPage))
        {
            read.next = self.source.list(stream, scope, Some(token)).await?.next;
        }
        if read.next == Next::End
            && self.has(Planted::HeadAfterListing)
            && let Some(cursor) = self.source.head(stream, scope).await?
        {
            read.next = Next::Cursor { cursor, more: false };
        }
        Ok(read)
    }

    async fn fetch(
        &self,
        stream: &StreamRef,
        ids: &[ItemId],
    ) -> Result<Vec<Fetched<Message>>, SourceError> {
        let gone = |ids: &[ItemId]| ids.iter().cloned().map(Fetched::Gone).collect();
        let mut answers = match self.source.fetch(stream, ids).await {
            Err(_) if self.has(Planted::SwallowedError) => return Ok(gone(ids)),
            answers => answers?,
        };
        if self.has(Planted::UnmarkedQuarantine) {
            for answer in &mut answers {
                if let Fetched::Unreadable { id, .. } = answer {
                    *answer = Fetched::Gone(id.clone());
                }
            }
        }
        Ok(answers)
    }
}
