//! A store with a place before and after every call, where a test can wait, fail or die.
//!
//! The deterministic simulation injects its faults here; the crash tests stop the engine at each
//! place in turn, on any store.
use std::{
    collections::{HashMap, HashSet},
    fmt::Debug,
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use besunny_core::{
    account::Account,
    address::Username,
    bot::Segment,
    calendar::EventUid,
    commit::Commit,
    document::Document,
    event::Event,
    feedback::Act,
    history::Entry,
    ids::{
        AccountId, CommitId, DocumentId, EventId, JobId, MeetingId, OnboardingId, PostingId,
        ProjectId, StreamId, UserId,
    },
    item::Item,
    meeting::{Meeting, MeetingKey},
    onboarding::Onboarding,
    posting::{BotPolicy, Posting},
    profile::Metadata,
    project::Project,
    repository::{
        Accounts, AgendaFilter, Content, DeadJob, DeadJobFilter, DocumentFilter, Documents,
        Feedback, HeldEvent, ItemFilter, Known, Lessons, Meetings, ModelRecord, Models, NewModel,
        Offer, Onboardings, Outbox, Pending, People, Position, Postings, ProjectSave, Projects,
        RepositoryError, Room, Shadows, Store, StreamStatus, Streams, Tally, ThreadMember,
    },
    scheduler::{
        Ask, Claim, Failure, Forget, Hold, Lease, Noted, Receipt, Release, Scheduler, Work,
    },
    shadow::Shadow,
    source::{ItemId, OfferedStream, Scope, StreamKey},
    standing::StandingRule,
    tenant::{Allowed, Tenant, TenantScope, User},
    track::{Missing, ScanId, Steer, Version},
};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::future::BoxFuture;

/// What happens before and after a call.
#[async_trait]
pub trait Interposer: Debug + Send + Sync {
    /// Before the store is asked; an error means that it never was.
    async fn before(&self, call: &'static str) -> Result<(), RepositoryError>;
    /// After it answered; an error means that the answer is lost.
    async fn after(&self, call: &'static str) -> Result<(), RepositoryError>;
    /// Changes what goes in or comes out, as a planted bug does.
    fn rewrite(&self, _: Rewrite<'_>) {}
    /// A commit was answered.
    fn committed(
        &self,
        scope: &TenantScope,
        commit: &Commit,
        answer: &Result<Version, RepositoryError>,
    );
    /// Claims were granted, whether or not the answer arrives.
    fn claimed(&self, _: &[Claim]) {}
}

/// What a planted bug may change.
#[derive(Debug)]
pub enum Rewrite<'a> {
    /// A commit before it is applied.
    Commit(&'a mut Arc<Commit>),
    /// What is asked of the scheduler.
    Ask(&'a mut Ask),
    /// The end of work under a lease.
    Release(&'a Lease, &'a mut Release),
    /// Leases that were granted.
    Leased(&'a mut Vec<Lease>),
    /// Who has which username.
    Named(&'a [Username], &'a mut HashMap<Username, UserId>),
    /// Events that are to be published.
    Unpublished(&'a mut Vec<Event>),
}

/// A store with an [`Interposer`] around every call.
#[derive(Clone, Debug)]
pub struct Interposed {
    store: Arc<dyn Store>,
    interposer: Arc<dyn Interposer>,
}

impl Interposed {
    /// Wraps `store`.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, interposer: Arc<dyn Interposer>) -> Self {
        Self { store, interposer }
    }
}

/// Delegates calls of one trait, each between its two places.
macro_rules! interposed {
    ($port:ident {
        $(fn $name:ident($($argument:ident: $type:ty),*) -> $answer:ty;)*
        $(+ $extra:item)*
    }) => {
        #[async_trait]
        impl $port for Interposed {
            $($extra)*
            $(async fn $name(&self, $($argument: $type),*) -> Result<$answer, RepositoryError> {
                self.interposer.before(stringify!($name)).await?;
                let answer = self.store.$name($($argument),*).await?;
                self.interposer.after(stringify!($name)).await?;
                Ok(answer)
            })*
        }
    };
}

interposed! { Streams {
    fn position(scope: &TenantScope, stream: StreamId) -> Position;
    fn known(scope: &TenantScope, stream: StreamId, ids: &[ItemId], rules: Scope) -> Known;
    fn unseen(scope: &TenantScope, stream: StreamId, scan: ScanId, after: Option<&ItemId>)
        -> Vec<ItemId>;
    fn missing(scope: &TenantScope, stream: StreamId, scan: ScanId) -> Missing;
    fn ask_again(scope: &TenantScope, stream: StreamId, items: &[ItemId]) -> ();
    fn steer(scope: &TenantScope, stream: StreamId, steer: Steer) -> ();
    + async fn commit(
        &self,
        scope: &TenantScope,
        mut commit: Arc<Commit>,
    ) -> Result<Version, RepositoryError> {
        self.interposer.before("commit").await?;
        self.interposer.rewrite(Rewrite::Commit(&mut commit));
        let answer = self.store.commit(scope, Arc::clone(&commit)).await;
        self.interposer.committed(scope, &commit, &answer);
        let answer = answer?;
        self.interposer.after("commit").await?;
        Ok(answer)
    }
} }

interposed! { Accounts {
    fn connect(scope: &TenantScope, account: &Account, streams: &[OfferedStream]) -> ();
    fn offer(scope: &TenantScope, account: AccountId, offer: &Offer) -> ();
    fn accounts(scope: &TenantScope) -> Vec<Account>;
    fn find_stream(scope: &TenantScope, stream: StreamId) -> Option<(Account, StreamKey)>;
    fn streams(scope: &TenantScope) -> Vec<StreamStatus>;
    fn items(scope: &TenantScope, stream: StreamId, filter: ItemFilter, after: Option<&ItemId>)
        -> Vec<Item>;
} }

interposed! { People {
    fn found(tenant: &Tenant) -> ();
    fn add_user(scope: &TenantScope, user: &User) -> ();
    fn users(scope: &TenantScope) -> Vec<User>;
    fn allowed(scope: &TenantScope) -> Allowed;
    fn allow(scope: &TenantScope, allowed: Allowed) -> ();
    + async fn named(
        &self,
        scope: &TenantScope,
        names: &[Username],
    ) -> Result<HashMap<Username, UserId>, RepositoryError> {
        self.interposer.before("named").await?;
        let mut answer = self.store.named(scope, names).await?;
        self.interposer.rewrite(Rewrite::Named(names, &mut answer));
        self.interposer.after("named").await?;
        Ok(answer)
    }
} }

interposed! { Projects {
    fn put_project(scope: &TenantScope, project: &Project) -> ();
    fn projects(scope: &TenantScope, owner: UserId) -> Arc<[Project]>;
    fn save_project(scope: &TenantScope, save: &ProjectSave) -> ();
    fn metadata(scope: &TenantScope, project: ProjectId) -> Option<Metadata>;
} }

interposed! { Onboardings {
    fn put_onboarding(scope: &TenantScope, onboarding: &Onboarding) -> ();
    fn onboarding(scope: &TenantScope, owner: UserId, id: OnboardingId) -> Option<Onboarding>;
    fn onboardings(scope: &TenantScope, owner: UserId) -> Vec<Onboarding>;
    fn drop_onboarding(scope: &TenantScope, owner: UserId, id: OnboardingId) -> ();
} }

interposed! { Documents {
    fn document(scope: &TenantScope, id: DocumentId) -> Option<Document>;
    fn content(scope: &TenantScope, id: DocumentId) -> Option<Content>;
    fn pending(scope: &TenantScope, ids: &[DocumentId], max_bytes: usize) -> Vec<Option<Pending>>;
    fn mails(scope: &TenantScope, ids: &[DocumentId], max_bytes: usize) -> Vec<Option<Pending>>;
    fn whole(scope: &TenantScope, account: AccountId, items: &[ItemId]) -> HashSet<ItemId>;
    fn blob(scope: &TenantScope, hash: &[u8; 32]) -> Option<Bytes>;
    fn history(scope: &TenantScope, id: DocumentId) -> Vec<Entry>;
    fn documents(scope: &TenantScope, filter: &DocumentFilter) -> Vec<Document>;
    fn tally(scope: &TenantScope, owner: Option<UserId>) -> Tally;
    fn thread(scope: &TenantScope, owner: UserId, message_ids: &[&str]) -> Vec<ThreadMember>;
} }

interposed! { Models {
    fn lessons(scope: &TenantScope, owner: UserId, after: u64, limit: usize) -> Lessons;
    fn models(scope: &TenantScope, owner: UserId) -> Vec<ModelRecord>;
    fn model_state(scope: &TenantScope, owner: UserId, version: u32) -> Option<Bytes>;
    fn put_model(scope: &TenantScope, owner: UserId, model: &NewModel) -> u32;
} }

interposed! { Feedback {
    fn act(scope: &TenantScope, id: CommitId) -> Option<Act>;
    fn acts(scope: &TenantScope, owner: UserId, before: Option<CommitId>, limit: usize) -> Vec<Act>;
    fn rules(scope: &TenantScope, owner: UserId) -> Arc<[StandingRule]>;
} }

interposed! { Shadows {
    fn put_shadows(scope: &TenantScope, owner: UserId, shadows: &[Shadow]) -> ();
    fn shadows(scope: &TenantScope, owner: UserId, after: Option<&Shadow>, limit: usize)
        -> Vec<Shadow>;
} }

interposed! { Meetings {
    fn events_beside(scope: &TenantScope, items: &[(AccountId, ItemId)]) -> Vec<HeldEvent>;
    fn meetings_of(scope: &TenantScope, owner: UserId, uids: &[EventUid]) -> Vec<Meeting>;
    fn meeting(scope: &TenantScope, id: MeetingId) -> Option<Meeting>;
    fn agenda(scope: &TenantScope, owner: UserId, filter: &AgendaFilter) -> Vec<Meeting>;
} }

interposed! { Postings {
    fn room(scope: &TenantScope, room: &MeetingKey, since: DateTime<Utc>) -> Room;
    fn posting(scope: &TenantScope, id: PostingId) -> Option<Posting>;
    fn postings_for(scope: &TenantScope, meetings: &[MeetingId]) -> Vec<Posting>;
    fn said(scope: &TenantScope, postings: &[PostingId]) -> Vec<Segment>;
    fn bot_policies(scope: &TenantScope, owners: &[UserId]) -> HashMap<UserId, BotPolicy>;
} }

interposed! { Outbox {
    fn published(events: &[EventId]) -> ();
    fn dead_jobs(scope: &TenantScope, filter: &DeadJobFilter) -> Vec<DeadJob>;
    + async fn unpublished(&self, limit: usize) -> Result<Vec<Event>, RepositoryError> {
        self.interposer.before("unpublished").await?;
        let mut answer = self.store.unpublished(limit).await?;
        self.interposer.rewrite(Rewrite::Unpublished(&mut answer));
        self.interposer.after("unpublished").await?;
        Ok(answer)
    }
} }

interposed! { Scheduler {
    fn heartbeat(holds: &[Hold], lease_for: Duration) -> Vec<bool>;
    fn fail(claim: &Claim, failure: Failure) -> ();
    fn replay(scope: &TenantScope, job: JobId) -> ();
    fn forget(forget: Forget) -> bool;
    fn note(receipt: &Receipt) -> Noted;
    fn next_due(work: Work) -> Option<Duration>;
    + async fn release(&self, lease: &Lease, mut release: Release) -> Result<(), RepositoryError> {
        self.interposer.before("release").await?;
        self.interposer.rewrite(Rewrite::Release(lease, &mut release));
        self.store.release(lease, release).await?;
        self.interposer.after("release").await
    }
    + async fn claim(&self, ask: Ask) -> Result<Vec<Claim>, RepositoryError> {
        self.interposer.before("claim").await?;
        let answer = self.store.claim(ask).await?;
        self.interposer.claimed(&answer);
        self.interposer.after("claim").await?;
        Ok(answer)
    }
    + async fn lease(&self, mut ask: Ask) -> Result<Vec<Lease>, RepositoryError> {
        self.interposer.before("lease").await?;
        self.interposer.rewrite(Rewrite::Ask(&mut ask));
        let mut answer = self.store.lease(ask).await?;
        self.interposer.rewrite(Rewrite::Leased(&mut answer));
        self.interposer.after("lease").await?;
        Ok(answer)
    }
    + fn changed(&self, work: Work) -> BoxFuture<'_, ()> {
        self.store.changed(work)
    }
} }
