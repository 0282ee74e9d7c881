//! A whole store in memory: the reference for what the repository suite asks of any store.
//!
//! It is slow and simple on purpose. The deterministic simulation runs on it, and a test that needs
//! a store but no database uses it.
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Arc, Mutex, MutexGuard},
    task::{Poll, Waker},
};

use besunny_core::{
    account::Account,
    bot::{Segment, SegmentKey},
    calendar::EventUid,
    clock::Clock,
    commit::{Detection, Epoch},
    document::{Document, Origin},
    event::Event,
    feedback::Act,
    history::Entry,
    ids::{
        AccountId, CommitId, DocumentId, JobId, MeetingId, OnboardingId, PostingId, ProjectId,
        RuleId, StreamId, TenantId, UserId,
    },
    item::ItemState,
    job::Job,
    label::Label,
    mail::Mail,
    meeting::{Meeting, MeetingKey},
    onboarding::Onboarding,
    posting::{BotPolicy, Posting},
    profile::Metadata,
    project::Project,
    push::Watch,
    repository::{ModelRecord, RepositoryError},
    scheduler::{PauseReason, Work},
    shadow::Shadow,
    source::{ItemId, Revision, StreamKey},
    standing::StandingRule,
    tenant::{Allowed, Tenant, TenantScope, User},
    track::{ScanId, Track, Version},
};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::future::BoxFuture;

mod commits;
mod feedback;
mod learning;
mod meetings;
mod postings;
mod projects;
mod questions;
mod schedule;
mod shadows;

/// A store in memory; see the module.
pub struct MemoryRepository {
    state: Mutex<State>,
    clock: Arc<dyn Clock>,
}

#[derive(Debug, Default)]
struct State {
    tenants: BTreeMap<TenantId, Rows>,
    outbox: Vec<Event>,
    receipts: BTreeSet<(String, String)>,
    generations: [u64; 3],
    sleepers: [Vec<Waker>; 3],
}

/// The rows of one tenant.
#[derive(Debug)]
struct Rows {
    tenant: Tenant,
    allowed: Allowed,
    users: BTreeMap<UserId, User>,
    accounts: BTreeMap<AccountId, Arc<Account>>,
    /// How often it was taken in what an account offers, and when last.
    offers: BTreeMap<AccountId, (u64, DateTime<Utc>)>,
    streams: BTreeMap<StreamId, StreamRow>,
    items: BTreeMap<(AccountId, ItemId), ItemRow>,
    members: BTreeMap<(StreamId, ItemId), ScanId>,
    projects: BTreeMap<ProjectId, Project>,
    metadata: BTreeMap<ProjectId, Metadata>,
    onboardings: BTreeMap<OnboardingId, Onboarding>,
    documents: BTreeMap<DocumentId, DocumentRow>,
    detections: BTreeMap<(AccountId, ItemId, String), Detection>,
    blobs: BTreeMap<[u8; 32], Bytes>,
    jobs: BTreeMap<JobId, JobRow>,
    /// When each was made.
    commits: BTreeMap<CommitId, DateTime<Utc>>,
    /// In the order of their commits.
    acts: Vec<Act>,
    rules: BTreeMap<RuleId, StandingRule>,
    labels: BTreeMap<UserId, Vec<Label>>,
    models: BTreeMap<UserId, Vec<ModelRow>>,
    shadows: BTreeMap<shadows::ShadowKey, Shadow>,
    /// What items say; it stays when they go.
    events: BTreeMap<(AccountId, ItemId), meetings::Held>,
    /// How often what is held under a name has changed for somebody.
    changes: BTreeMap<(UserId, EventUid), u64>,
    meetings: BTreeMap<MeetingId, Meeting>,
    /// How often the bots of each room were planned.
    rooms: BTreeMap<MeetingKey, u64>,
    postings: BTreeMap<PostingId, Posting>,
    segments: BTreeMap<(PostingId, SegmentKey), Segment>,
    policies: BTreeMap<UserId, BotPolicy>,
}

/// A model, with its state.
#[derive(Clone, Debug)]
struct ModelRow {
    record: ModelRecord,
    state: Bytes,
}

#[derive(Clone, Debug)]
struct StreamRow {
    account: AccountId,
    key: StreamKey,
    title: String,
    is_followed: bool,
    version: Version,
    track: Track,
    last_commit: Option<CommitId>,
    watch: Option<Watch>,
    epoch: Epoch,
    lease_until: Option<DateTime<Utc>>,
    leased_at: Option<DateTime<Utc>>,
    next_due_at: Option<DateTime<Utc>>,
    noticed_at: Option<DateTime<Utc>>,
    /// Something made the stream due while a lease was running.
    dirty: bool,
    attempt: u32,
    /// How many leases in a row ended by themselves.
    expired: u32,
    /// Until when the source asked not to be asked again.
    spared_until: Option<DateTime<Utc>>,
    quiet: u32,
    error: Option<String>,
    paused: Option<PauseReason>,
    caught_up_at: Option<DateTime<Utc>>,
}

#[derive(Clone, Debug)]
struct ItemRow {
    revision: Option<Revision>,
    state: ItemState,
    /// Under which rules an ignored item was ignored.
    policy: u32,
    asked: bool,
}

#[derive(Clone, Debug)]
struct DocumentRow {
    document: Document,
    mail: Mail,
    raw: [u8; 32],
    origins: Vec<Origin>,
    history: Vec<Entry>,
}

#[derive(Clone, Debug)]
struct JobRow {
    job: Job,
    state: JobState,
    due_at: DateTime<Utc>,
    epoch: Epoch,
    attempt: u32,
    /// How many failures no patience heals.
    strikes: u32,
    /// How many claims in a row ended by themselves.
    expired: u32,
    until: Option<DateTime<Utc>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum JobState {
    Waiting,
    Done(CommitId, DateTime<Utc>),
    Dead(String, Option<PauseReason>),
}

impl MemoryRepository {
    /// Makes an empty store whose leases run on `clock`.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { state: Mutex::default(), clock }
    }

    /// Returns the detections of a tenant, for tests.
    #[must_use]
    pub fn detections(&self, scope: &TenantScope) -> Vec<Detection> {
        let state = self.lock();
        let rows = state.tenants.get(&scope.tenant());
        rows.map(|rows| rows.detections.values().cloned().collect()).unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Reads the rows of a tenant.
    fn read<T>(
        &self,
        scope: &TenantScope,
        read: impl FnOnce(&Rows) -> Result<T, RepositoryError>,
    ) -> Result<T, RepositoryError> {
        let state = self.lock();
        read(state.tenants.get(&scope.tenant()).ok_or(RepositoryError::Missing("tenant"))?)
    }

    /// Changes the rows of a tenant.
    fn write<T>(
        &self,
        scope: &TenantScope,
        write: impl FnOnce(&mut Rows) -> Result<T, RepositoryError>,
    ) -> Result<T, RepositoryError> {
        let mut state = self.lock();
        let rows = state.tenants.get_mut(&scope.tenant());
        write(rows.ok_or(RepositoryError::Missing("tenant"))?)
    }

    /// Changes the rows of a tenant in a way that makes `work`, and wakes who waits for it.
    fn make<T>(
        &self,
        work: Work,
        scope: &TenantScope,
        write: impl FnOnce(&mut Rows) -> Result<T, RepositoryError>,
    ) -> Result<T, RepositoryError> {
        let done = self.write(scope, write)?;
        self.lock().wake(work);
        Ok(done)
    }

    fn changed_since_now(&self, work: Work) -> BoxFuture<'_, ()> {
        let seen = self.lock().generations[lane(work)];
        Box::pin(std::future::poll_fn(move |context| {
            let mut state = self.lock();
            if state.generations[lane(work)] != seen {
                return Poll::Ready(());
            }
            state.sleepers[lane(work)].push(context.waker().clone());
            Poll::Pending
        }))
    }
}

impl State {
    /// Tells everybody who waits for `work` to look again.
    fn wake(&mut self, work: Work) {
        self.generations[lane(work)] += 1;
        self.sleepers[lane(work)].drain(..).for_each(Waker::wake);
    }
}

impl Rows {
    fn new(tenant: Tenant) -> Self {
        Self {
            tenant,
            allowed: Allowed::default(),
            users: BTreeMap::new(),
            accounts: BTreeMap::new(),
            offers: BTreeMap::new(),
            streams: BTreeMap::new(),
            items: BTreeMap::new(),
            members: BTreeMap::new(),
            projects: BTreeMap::new(),
            metadata: BTreeMap::new(),
            onboardings: BTreeMap::new(),
            documents: BTreeMap::new(),
            detections: BTreeMap::new(),
            blobs: BTreeMap::new(),
            jobs: BTreeMap::new(),
            commits: BTreeMap::new(),
            acts: Vec::new(),
            rules: BTreeMap::new(),
            labels: BTreeMap::new(),
            models: BTreeMap::new(),
            shadows: BTreeMap::new(),
            events: BTreeMap::new(),
            changes: BTreeMap::new(),
            meetings: BTreeMap::new(),
            rooms: BTreeMap::new(),
            postings: BTreeMap::new(),
            segments: BTreeMap::new(),
            policies: BTreeMap::new(),
        }
    }

    fn stream(&self, id: StreamId) -> Result<&StreamRow, RepositoryError> {
        self.streams.get(&id).ok_or(RepositoryError::Missing("stream"))
    }

    fn stream_mut(&mut self, id: StreamId) -> Result<&mut StreamRow, RepositoryError> {
        self.streams.get_mut(&id).ok_or(RepositoryError::Missing("stream"))
    }

    /// Returns the members of a stream, by id after `after`.
    fn members_after<'a>(
        &'a self,
        stream: StreamId,
        after: Option<&'a ItemId>,
    ) -> impl Iterator<Item = (&'a ItemId, ScanId)> {
        self.members
            .iter()
            .filter(move |((of, id), _)| *of == stream && after.is_none_or(|after| id > after))
            .map(|((_, id), mark)| (id, *mark))
    }
}

const fn lane(work: Work) -> usize {
    match work {
        Work::Streams => 0,
        Work::Jobs => 1,
        Work::Events => 2,
    }
}

impl fmt::Debug for MemoryRepository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryRepository").finish_non_exhaustive()
    }
}
