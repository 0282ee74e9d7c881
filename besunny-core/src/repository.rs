//! What a store promises: positions, commits, and narrow questions by aggregate.
//!
//! Every call carries a [`TenantScope`]; there is no unscoped read (ARCHITECTURE.md L6). To write a store,
//! implement these traits and [`Scheduler`] on one type and run the
//! repository suite of `besunny-testkit` over it.
use std::{
    collections::{HashMap, HashSet},
    fmt::Debug,
    sync::Arc,
};

use async_trait::async_trait;
use bytes::Bytes;

mod accounts;
mod learning;
mod meetings;
mod outbox;
mod postings;
mod shadows;

pub use accounts::{Accounts, ItemCounts, ItemFilter, Offer, StreamStatus};
pub use learning::{KEPT_MODELS, Learned, Lessons, MadeBy, ModelRecord, Models, NewModel};
pub use meetings::{AgendaFilter, HeldEvent, Meetings};
pub use outbox::{DeadJob, DeadJobFilter, Outbox};
pub use postings::{Postings, Room};
pub use shadows::Shadows;

use crate::{
    address::Username,
    classify::Question,
    commit::Commit,
    document::{Document, DocumentKind, Origin},
    feedback::Act,
    history::Entry,
    ids::{AccountId, CommitId, DocumentId, OnboardingId, ProjectId, StreamId, UserId},
    mail::Mail,
    onboarding::Onboarding,
    profile::Metadata,
    project::Project,
    scheduler::Scheduler,
    source::{ItemId, Revision, Scope},
    standing::StandingRule,
    tenant::{Allowed, Tenant, TenantScope, User},
    track::{Missing, ScanId, Steer, Track, Version},
    untrusted::Untrusted,
};

/// A store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum RepositoryError {
    /// The stream or document has moved on since it was read.
    #[error("another writer was first")]
    Conflict,
    /// The lease or claim has passed to another worker.
    #[error("the lease has passed to another worker")]
    Fenced,
    /// There is no such thing in this tenant.
    #[error("there is no such {0}")]
    Missing(&'static str),
    /// A name that must be unique is taken.
    #[error("the {0} is taken")]
    Taken(&'static str),
    /// A stored value cannot be read.
    #[error("the stored {column} of {table} cannot be read")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
    },
    /// The store failed; whether a write was applied is unknown, and repeating it is safe.
    #[error("the store failed")]
    Store(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Where a stream is.
#[derive(Clone, Debug, Default)]
pub struct Position {
    /// Grows with every commit.
    pub version: Version,
    /// What the stream remembers.
    pub track: Track,
    /// Items that somebody asked to be read again, at most a page of them.
    pub asked: Vec<ItemId>,
}

/// Revisions of the items we hold.
pub type Known = HashMap<ItemId, Option<Revision>>;

/// The sync side of a store: one aggregate a stream.
///
/// # Contract
/// - `commit` MUST apply everything or nothing (`store.commit.atomic`), refuse a version that is
///   not the stored one (`store.commit.conflict`) and an epoch that is not the stored one
///   (`store.commit.fenced`), and answer an id that was applied before with success and no change
///   (`store.commit.repeated`).
/// - A document that exists MUST only gain an origin (`store.document.same`); it is removed when
///   no stream holds any of its items (`store.leave.last-origin`, `store.leave.other-stream`) and
///   restored when one comes back (`store.leave.restored`).
/// - `Decide` MUST be refused at another version (`store.decide.conflict`).
/// - `Enqueue` MUST ignore a job that waits or was done (`store.enqueue.once`).
/// - `known` MUST name items of the account, except removed and quarantined ones
///   (`store.known.quarantined`) and those ignored under other rules (`store.known.policy`).
/// - `unseen` MUST name members not marked by the scan, in order of id (`store.unseen.marks`).
/// - No call MUST read or change another tenant's rows (`store.tenant.streams` and its kin).
///
/// # Cancellation
/// Dropping `commit` may have applied it; repeating it with the same id is safe.
#[async_trait]
pub trait Streams: Debug + Send + Sync {
    /// Returns where a stream is.
    async fn position(
        &self,
        scope: &TenantScope,
        stream: StreamId,
    ) -> Result<Position, RepositoryError>;
    /// Returns which of `ids` we hold, at which revision.
    async fn known(
        &self,
        scope: &TenantScope,
        stream: StreamId,
        ids: &[ItemId],
        rules: Scope,
    ) -> Result<Known, RepositoryError>;
    /// Returns members that `scan` did not meet, by id after `after`, at most [`BATCH`].
    async fn unseen(
        &self,
        scope: &TenantScope,
        stream: StreamId,
        scan: ScanId,
        after: Option<&ItemId>,
    ) -> Result<Vec<ItemId>, RepositoryError>;
    /// Counts the members that `scan` did not meet, and all.
    async fn missing(
        &self,
        scope: &TenantScope,
        stream: StreamId,
        scan: ScanId,
    ) -> Result<Missing, RepositoryError>;
    /// Applies `commit`; returns the stream's version after a pass, 0 otherwise.
    async fn commit(
        &self,
        scope: &TenantScope,
        commit: Arc<Commit>,
    ) -> Result<Version, RepositoryError>;
    /// Makes `items` be read again, and the stream due.
    async fn ask_again(
        &self,
        scope: &TenantScope,
        stream: StreamId,
        items: &[ItemId],
    ) -> Result<(), RepositoryError>;
    /// Takes in what a person asks, lifts a pause and makes the stream due.
    async fn steer(
        &self,
        scope: &TenantScope,
        stream: StreamId,
        steer: Steer,
    ) -> Result<(), RepositoryError>;
}

/// The largest batch a question by id order returns; bounds memory and the length of a statement.
pub const BATCH: usize = 500;

/// Tenants and their people.
#[async_trait]
pub trait People: Debug + Send + Sync {
    /// Stores a tenant; one that is there stays as it is.
    async fn found(&self, tenant: &Tenant) -> Result<(), RepositoryError>;
    /// Stores a person; `Taken` when somebody else has the username (USER-2).
    ///
    /// Items of master accounts on which the username was detected while nobody had it MUST be
    /// asked for again, and their streams be due (`store.newcomer.asked`). So MUST an item of a
    /// commit that did not know yet of the person (`store.newcomer.late`).
    ///
    /// # Cancellation
    /// Dropping the future may leave the person unknown; adding it again goes on.
    async fn add_user(&self, scope: &TenantScope, user: &User) -> Result<(), RepositoryError>;
    /// Returns all people of the tenant.
    async fn users(&self, scope: &TenantScope) -> Result<Vec<User>, RepositoryError>;
    /// Returns who has which of `names`.
    async fn named(
        &self,
        scope: &TenantScope,
        names: &[Username],
    ) -> Result<HashMap<Username, UserId>, RepositoryError>;
    /// Returns what the tenant allows; nothing unless it was set.
    async fn allowed(&self, scope: &TenantScope) -> Result<Allowed, RepositoryError>;
    /// Sets what the tenant allows.
    async fn allow(&self, scope: &TenantScope, allowed: Allowed) -> Result<(), RepositoryError>;
}

/// Projects.
#[async_trait]
pub trait Projects: Debug + Send + Sync {
    /// Stores a project, replacing the one with its id; `Taken` when the owner has the name twice.
    async fn put_project(
        &self,
        scope: &TenantScope,
        project: &Project,
    ) -> Result<(), RepositoryError>;
    /// Returns the projects of `owner`.
    async fn projects(
        &self,
        scope: &TenantScope,
        owner: UserId,
    ) -> Result<Arc<[Project]>, RepositoryError>;
    /// Stores what a person saved, everything or nothing (`store.project.saved-together`).
    ///
    /// `Conflict` when the stored project is not the one that was looked at
    /// (`store.project.changed-since`), or the onboarding is not one version on; `Taken` when the
    /// owner has the name already.
    async fn save_project(
        &self,
        scope: &TenantScope,
        save: &ProjectSave,
    ) -> Result<(), RepositoryError>;
    /// Returns what is known of a project beside its signals; `None` before anything was saved.
    async fn metadata(
        &self,
        scope: &TenantScope,
        project: ProjectId,
    ) -> Result<Option<Metadata>, RepositoryError>;
}

/// A project as a person saves it.
#[derive(Clone, Debug, PartialEq)]
pub struct ProjectSave {
    /// The project that was looked at; `None` for a new one, whose id nothing has yet.
    pub before: Option<Project>,
    /// What becomes of it; id and owner stay.
    pub project: Project,
    /// What is known of it.
    pub metadata: Metadata,
    /// The onboarding it comes of, one version on.
    pub onboarding: Option<Onboarding>,
}

/// Onboardings under way, so that another browser or process goes on with them (ONB-1).
///
/// # Contract
/// An onboarding MUST come back as it was put (`store.onboarding.kept`). One that is not one version
/// on from what is stored MUST be refused as a conflict (`store.onboarding.conflict`). Nobody but
/// its owner MUST find it (`store.onboarding.owner`).
#[async_trait]
pub trait Onboardings: Debug + Send + Sync {
    /// Stores an onboarding: a new one at version 1, a known one at its next.
    async fn put_onboarding(
        &self,
        scope: &TenantScope,
        onboarding: &Onboarding,
    ) -> Result<(), RepositoryError>;
    /// Returns an onboarding of `owner`.
    async fn onboarding(
        &self,
        scope: &TenantScope,
        owner: UserId,
        id: OnboardingId,
    ) -> Result<Option<Onboarding>, RepositoryError>;
    /// Returns the onboardings of `owner`, the one that changed last first, at most [`BATCH`].
    async fn onboardings(
        &self,
        scope: &TenantScope,
        owner: UserId,
    ) -> Result<Vec<Onboarding>, RepositoryError>;
    /// Forgets an onboarding of `owner`; one that is not there is forgotten already.
    async fn drop_onboarding(
        &self,
        scope: &TenantScope,
        owner: UserId,
        id: OnboardingId,
    ) -> Result<(), RepositoryError>;
}

/// Documents, their content and their history.
#[async_trait]
pub trait Documents: Debug + Send + Sync {
    /// Returns a document.
    async fn document(
        &self,
        scope: &TenantScope,
        id: DocumentId,
    ) -> Result<Option<Document>, RepositoryError>;
    /// Returns what was read out of a document.
    async fn content(
        &self,
        scope: &TenantScope,
        id: DocumentId,
    ) -> Result<Option<Content>, RepositoryError>;
    /// Returns documents that wait for a decision, with their mails, in the order of `ids`.
    ///
    /// There is one answer for each of the first ids, `None` for a document that is not there or
    /// was decided on. The answer ends before the mails hold more than about `max_bytes`, but has
    /// the first at least; the caller asks for the others again.
    async fn pending(
        &self,
        scope: &TenantScope,
        ids: &[DocumentId],
        max_bytes: usize,
    ) -> Result<Vec<Option<Pending>>, RepositoryError>;
    /// Returns documents in any state with their mails, as [`pending`](Self::pending) does.
    async fn mails(
        &self,
        scope: &TenantScope,
        ids: &[DocumentId],
        max_bytes: usize,
    ) -> Result<Vec<Option<Pending>>, RepositoryError>;
    /// Returns which of `items` of `account` have a document that is there as a whole: not removed,
    /// with its content and its raw bytes.
    async fn whole(
        &self,
        scope: &TenantScope,
        account: AccountId,
        items: &[ItemId],
    ) -> Result<HashSet<ItemId>, RepositoryError>;
    /// Returns the bytes with this SHA-256: a raw mail, an attachment.
    async fn blob(
        &self,
        scope: &TenantScope,
        hash: &[u8; 32],
    ) -> Result<Option<Bytes>, RepositoryError>;
    /// Returns the history of a document, oldest first.
    async fn history(
        &self,
        scope: &TenantScope,
        id: DocumentId,
    ) -> Result<Vec<Entry>, RepositoryError>;
    /// Returns documents, newest first.
    async fn documents(
        &self,
        scope: &TenantScope,
        filter: &DocumentFilter,
    ) -> Result<Vec<Document>, RepositoryError>;
    /// Counts documents by state and project.
    async fn tally(
        &self,
        scope: &TenantScope,
        owner: Option<UserId>,
    ) -> Result<Tally, RepositoryError>;
    /// Returns where mails of threads went: those of `owner` with one of the message ids.
    async fn thread(
        &self,
        scope: &TenantScope,
        owner: UserId,
        message_ids: &[&str],
    ) -> Result<Vec<ThreadMember>, RepositoryError>;
}

/// What was read out of a document, and where it came from.
#[derive(Clone, Debug)]
pub struct Content {
    /// The mail; attachments are named by hash, without their bytes.
    pub mail: Mail,
    /// SHA-256 of the raw bytes, see [`Documents::blob`].
    pub raw: [u8; 32],
    /// The items it came from.
    pub origins: Vec<Origin>,
}

/// A document with its mail.
#[derive(Clone, Debug)]
pub struct Pending {
    /// The document.
    pub document: Document,
    /// What was read out of it; attachments are named by hash, without their bytes.
    pub mail: Mail,
}

impl Pending {
    /// Asks a model about it; models know threads by their own history.
    #[must_use]
    pub const fn unthreaded(&self) -> Question<'_> {
        Question { document: &self.document, mail: &self.mail, thread: &[] }
    }
}

/// Which documents are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DocumentFilter {
    /// Only of this owner.
    pub owner: Option<UserId>,
    /// Only of this kind.
    pub kind: Option<DocumentKind>,
    /// Only in this project.
    pub project: Option<ProjectId>,
    /// Only in this state.
    pub state: Option<StateFilter>,
    /// Only those stored before this one, in the order of the answer.
    pub before: Option<DocumentId>,
    /// At most so many, and never more than [`BATCH`].
    pub limit: usize,
}

/// The states one can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateFilter {
    /// Not yet classified.
    Pending,
    /// In a project.
    Routed,
    /// In the review queue.
    NeedsReview,
    /// In no project, as a person said.
    NoProject,
}

impl StateFilter {
    /// Returns the stored name, see
    /// [`DocumentState::as_str`](crate::document::DocumentState::as_str).
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Routed => "routed",
            Self::NeedsReview => "needs_review",
            Self::NoProject => "no_project",
        }
    }
}

/// How many documents there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Not yet classified.
    pub pending: u64,
    /// In the review queue.
    pub needs_review: u64,
    /// In no project, as people said.
    pub no_project: u64,
    /// In each project.
    pub routed: HashMap<ProjectId, u64>,
    /// Removed at the source, in any state.
    pub removed: u64,
}

/// A mail of a thread.
#[derive(Clone, Debug, PartialEq)]
pub struct ThreadMember {
    /// By which message id it was asked for.
    pub message_id: Untrusted<String>,
    /// The document.
    pub document: DocumentId,
    /// The project it is in.
    pub project: Option<ProjectId>,
    /// How sure the way into it was, from 0 to 1; 1 when a person decided.
    pub confidence: Option<f64>,
}

/// What people said of decisions, and the rules they made (CLS-9).
///
/// It is written by [`Effect::Act`](crate::commit::Effect::Act) alone.
///
/// # Contract
/// - The act MUST be kept with its commit and be found by the commit's id (`store.act.kept`), and
///   acts be answered newest first (`store.act.newest-first`).
/// - The rules of an act MUST be changed with it (`store.act.rules`), and the commit be refused as a
///   conflict when one is no longer as the act found it (`store.act.conflict`).
/// - No call MUST show another tenant's acts or rules (`store.tenant.feedback`).
#[async_trait]
pub trait Feedback: Debug + Send + Sync {
    /// Returns the act that was committed under `id`.
    async fn act(&self, scope: &TenantScope, id: CommitId) -> Result<Option<Act>, RepositoryError>;
    /// Returns acts on documents of `owner`, newest first, those before `before`, at most [`BATCH`].
    async fn acts(
        &self,
        scope: &TenantScope,
        owner: UserId,
        before: Option<CommitId>,
        limit: usize,
    ) -> Result<Vec<Act>, RepositoryError>;
    /// Returns all standing rules of `owner`, by id.
    async fn rules(
        &self,
        scope: &TenantScope,
        owner: UserId,
    ) -> Result<Arc<[StandingRule]>, RepositoryError>;
}

/// Everything a store can be asked.
pub trait Repository:
    Streams
    + Accounts
    + People
    + Projects
    + Onboardings
    + Documents
    + Models
    + Feedback
    + Shadows
    + Meetings
    + Postings
    + Outbox
{
}

impl<R> Repository for R where
    R: Streams
        + Accounts
        + People
        + Projects
        + Onboardings
        + Documents
        + Models
        + Feedback
        + Shadows
        + Meetings
        + Postings
        + Outbox
{
}

/// A store as the engine needs it: one type that answers, applies and hands out work.
pub trait Store: Repository + Scheduler {}

impl<S: Repository + Scheduler> Store for S {}
