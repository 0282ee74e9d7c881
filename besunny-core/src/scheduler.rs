//! What is due: leases on streams, claims on jobs, and notices that make a stream due at once.
use std::{fmt::Debug, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

use crate::{
    account::{Account, Provider},
    commit::Epoch,
    ids::{JobId, StreamId},
    job::Job,
    push::{Notice, Watch},
    repository::RepositoryError,
    source::{SourceErrorKind, StreamRef},
    tenant::TenantScope,
};

/// How many leases or claims are wanted, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ask {
    /// At most so many.
    pub limit: usize,
    /// They end by themselves after this time, unless kept by a heartbeat.
    pub lease_for: Duration,
}

/// The right to work on a stream until an instant.
#[derive(Clone, Debug)]
pub struct Lease {
    /// The tenant whose stream it is.
    pub scope: TenantScope,
    /// Our id of the stream.
    pub stream: StreamId,
    /// The stream as its source knows it.
    pub at: StreamRef,
    /// The account it belongs to.
    pub account: Arc<Account>,
    /// Fencing number; every later lease has a higher one.
    pub epoch: Epoch,
    /// How often work on the stream has failed in a row.
    pub attempt: u32,
    /// How many leases in a row ended by themselves: whoever held them died or hung.
    pub expired: u32,
    /// Whether the last one did.
    pub abandoned: bool,
    /// How long ago a notice last came for it.
    pub noticed_ago: Option<Duration>,
    /// How many looks in a row brought nothing new.
    pub quiet: u32,
    /// The push registration of the stream.
    pub watch: Option<Watch>,
    /// Whether it is followed; one that its source offers no more is let go of.
    pub is_followed: bool,
    /// How often it was taken in what its account offers.
    pub offers: u64,
    /// How long ago that was last.
    pub offered_ago: Option<Duration>,
}

/// The right to do a job until an instant.
#[derive(Clone, Debug)]
pub struct Claim {
    /// The tenant whose job it is.
    pub scope: TenantScope,
    /// The job.
    pub job: Job,
    /// Fencing number; every later claim has a higher one.
    pub epoch: Epoch,
    /// How often the job has failed, or its claim ended by itself.
    pub attempt: u32,
    /// How many of its failures no patience heals.
    pub strikes: u32,
    /// How many claims in a row ended by themselves: whoever held them died or hung.
    pub expired: u32,
}

/// A lease or a claim by what names it, for whoever keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hold {
    /// The tenant whose work it is.
    pub scope: TenantScope,
    /// What is worked on.
    pub on: Held,
    /// The fencing number.
    pub epoch: Epoch,
}

/// What a [`Hold`] is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// A stream, under a lease.
    Stream(StreamId),
    /// A job, under a claim.
    Job(JobId),
}

/// The kinds of work that wait in a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Work {
    /// Streams to be looked at.
    Streams,
    /// Jobs to be done.
    Jobs,
    /// Events to be published.
    Events,
}

/// The end of work on a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// When it is due again, or what it waits for.
    pub rest: Rest,
    /// How often work has failed in a row; 0 after success.
    pub attempt: u32,
    /// How many leases in a row ended by themselves; 0 once one was ended after work.
    pub expired: u32,
    /// What failed, for people; without content.
    pub error: Option<String>,
    /// Whether everything the source has was read.
    pub caught_up: bool,
    /// How many looks in a row brought nothing new.
    pub quiet: u32,
}

/// When something is due again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// After a time, or earlier when something makes it due.
    After(Duration),
    /// After a time that the source asked for, or earlier when a later notice or a person asks.
    Asked(Duration),
    /// When a person has done something about it.
    Paused(PauseReason),
}

/// What a paused stream waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PauseReason {
    /// The grant is dead: connect the account again.
    Reconnect,
    /// The grant does not cover what is needed: connect again and allow it.
    MissingPermission,
    /// The settings for the source are wrong.
    Misconfigured,
    /// The stream is gone at the source.
    StreamGone,
}

/// The end of a job that was not completed by a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// When it is tried again, if it is.
    pub rest: JobRest,
    /// What failed, for people; without content.
    pub error: String,
    /// Whether it is one that no patience heals.
    pub strike: bool,
}

/// What becomes of a job that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobRest {
    /// It is tried again after a time.
    After(Duration),
    /// It is a dead letter until somebody asks for it; a person may have to do something first.
    GivenUp(Option<PauseReason>),
}

/// How much of what was done is forgotten at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forget {
    /// What was done longer ago.
    pub older_than: Duration,
    /// At most so many jobs, so many commits, and so many receipts.
    pub limit: usize,
}

/// A delivery that was authentic, to be stored before it is answered (ARCHITECTURE.md L2, G-3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Which provider delivered it.
    pub provider: Provider,
    /// What it hints at.
    pub notices: Vec<Notice>,
}

/// What became of a receipt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Noted {
    /// Streams that are due now because of it.
    pub streams: usize,
    /// Postings whose bots are looked at because of it.
    pub postings: usize,
    /// Notices that had been delivered before.
    pub repeated: usize,
    /// Notices for nothing we follow.
    pub unknown: usize,
}

/// Hands out work that is due.
///
/// # Contract
/// - `lease` MUST raise the epoch of each stream it grants, in the same store that `commit` checks
///   (`scheduler.lease.raises-epoch`), and MUST NOT grant a stream whose lease still runs
///   (`scheduler.lease.exclusive`). A lease that has ended MUST be granted anew
///   (`scheduler.lease.expires`) and be counted, apart from failures, until a commit moves the
///   stream on (`scheduler.lease.counts-expired`).
/// - `note` MUST be durable before it returns (`scheduler.note.durable`), MUST make every stream
///   named due at once, except that a stream looked at less than [`COALESCE`] ago is due when that
///   time is over (`scheduler.note.coalesces`), and MUST NOT be forgotten by a release of a lease
///   that was granted before it (`scheduler.note.survives-release`).
/// - A notice of a bot MUST make the job of tending its posting due, once for each version of the
///   posting (`scheduler.note.bots`).
/// - A wait that the source asked for MUST NOT be cut short by a newcomer, nor by what came before
///   the stream was released (`scheduler.release.asked-wait`).
/// - `claim` and `fail` keep the same promises for jobs (`scheduler.claim.exclusive`,
///   `scheduler.claim.expires`, `scheduler.fail.retries`, `scheduler.fail.dead-letter`).
/// - Failures that no patience heals MUST be counted apart (`scheduler.fail.strikes`).
/// - A claim that ended by itself MUST count as an attempt (`scheduler.claim.counts-expired`), and
///   its job MUST be granted alone (`scheduler.claim.expired-alone`): it may end whoever takes it,
///   and must not take its neighbours with it each time.
/// - `forget` MUST forget jobs that were done and commits that people made, those of the longest
///   past first and no more than asked for (`scheduler.forget.old`), and nothing that is younger,
///   waits or was given up (`scheduler.forget.keeps`). Whoever repeats a commit does so at once, so
///   what is older than any patience is asked for by nobody.
/// - `heartbeat` MUST lengthen what still holds (`scheduler.heartbeat.keeps`,
///   `scheduler.heartbeat.keeps-claim`) and answer `false` for what has passed on or ended
///   (`scheduler.heartbeat.fenced`, `scheduler.heartbeat.fenced-claim`).
/// - Release, heartbeat and fail under an old epoch MUST change nothing
///   (`scheduler.release.fenced`).
///
/// Everything here runs on the store's own time and crosses the port as a duration, so that nodes
/// whose clocks differ agree.
///
/// # Errors
/// [`RepositoryError::Store`] when the store fails; a lease may then have been granted, and ends by
/// itself.
///
/// # Cancellation
/// Dropping a call may have applied it; what was granted ends by itself.
#[async_trait]
pub trait Scheduler: Debug + Send + Sync {
    /// Grants leases on streams that are due, longest due first.
    async fn lease(&self, ask: Ask) -> Result<Vec<Lease>, RepositoryError>;
    /// Lengthens leases and claims to `lease_for` from now; says in turn which still hold.
    async fn heartbeat(
        &self,
        holds: &[Hold],
        lease_for: Duration,
    ) -> Result<Vec<bool>, RepositoryError>;
    /// Ends a lease.
    async fn release(&self, lease: &Lease, release: Release) -> Result<(), RepositoryError>;
    /// Grants claims on jobs that are due, longest due first.
    async fn claim(&self, ask: Ask) -> Result<Vec<Claim>, RepositoryError>;
    /// Ends a claim whose job was not done.
    async fn fail(&self, claim: &Claim, failure: Failure) -> Result<(), RepositoryError>;
    /// Makes a dead job of the tenant due again.
    async fn replay(&self, scope: &TenantScope, job: JobId) -> Result<(), RepositoryError>;
    /// Forgets what was done long ago, of all tenants; returns whether there may be more. Receipts are
    /// kept for as long as providers repeat deliveries, whatever is asked for.
    async fn forget(&self, forget: Forget) -> Result<bool, RepositoryError>;
    /// Stores a receipt and makes the streams it names due.
    async fn note(&self, receipt: &Receipt) -> Result<Noted, RepositoryError>;
    /// Returns how long it is until the next work of a kind is due.
    async fn next_due(&self, work: Work) -> Result<Option<Duration>, RepositoryError>;
    /// Waits until work of a kind may have become due since this very call.
    ///
    /// It may return without cause. A store that others write to may miss what they made due; the
    /// engine looks at [`next_due`](Self::next_due) from time to time all the same.
    fn changed(&self, work: Work) -> BoxFuture<'_, ()>;
}

/// Repeated notices within this time make one look (ARCHITECTURE.md L2).
pub const COALESCE: Duration = Duration::from_secs(2);

impl Lease {
    /// Returns what a heartbeat keeps.
    #[must_use]
    pub const fn hold(&self) -> Hold {
        Hold { scope: self.scope, on: Held::Stream(self.stream), epoch: self.epoch }
    }
}

impl Claim {
    /// Returns what a heartbeat keeps.
    #[must_use]
    pub const fn hold(&self) -> Hold {
        Hold { scope: self.scope, on: Held::Job(self.job.id), epoch: self.epoch }
    }
}

impl PauseReason {
    /// Returns what a failure of `kind` waits for, `None` when time heals it.
    #[must_use]
    pub const fn of(kind: SourceErrorKind) -> Option<Self> {
        match kind {
            SourceErrorKind::Unauthorized => Some(Self::Reconnect),
            SourceErrorKind::Forbidden => Some(Self::MissingPermission),
            SourceErrorKind::Misconfigured => Some(Self::Misconfigured),
            SourceErrorKind::StreamGone => Some(Self::StreamGone),
            SourceErrorKind::PageExpired
            | SourceErrorKind::RateLimited
            | SourceErrorKind::LimitReached
            | SourceErrorKind::Unavailable
            | SourceErrorKind::Malformed => None,
        }
    }

    /// Returns the stored name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reconnect => "reconnect",
            Self::MissingPermission => "missing_permission",
            Self::Misconfigured => "misconfigured",
            Self::StreamGone => "stream_gone",
        }
    }

    /// Reads the stored name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Reconnect, Self::MissingPermission, Self::Misconfigured, Self::StreamGone]
            .into_iter()
            .find(|reason| reason.as_str() == name)
    }

    /// Says what a person can do about it.
    #[must_use]
    pub const fn fix(self) -> &'static str {
        match self {
            Self::Reconnect => "the grant is no longer valid: connect the account again",
            Self::MissingPermission => {
                "the grant does not cover this: connect again and allow what is asked"
            }
            Self::Misconfigured => "the settings for this source are wrong: run `besunny doctor`",
            Self::StreamGone => "it no longer exists at the source: remove it here",
        }
    }
}
