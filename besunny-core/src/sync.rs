//! The one sync loop: mail and calendars today, files and bots tomorrow.
//!
//! A [`Road`] reads one page under a lease and applies it: choose the step, read, ask what we know,
//! fetch the rest in bounded parts, plan, commit. Nothing is decided here beyond the order of these
//! acts; [`Track`] says where reading goes on, the [`Plan`] says what a page means.
use std::{collections::HashMap, fmt, sync::Arc};

mod facts;
mod taking;
mod troubles;

pub use facts::{Counts, Facts};
use taking::Reads;
pub use taking::{PART_BYTES, PART_ITEMS};

use crate::{
    account::Account,
    address::Username,
    clock::Clock,
    commit::{Basis, Commit, Effect, PassBasis},
    ids::{CommitId, TenantId, UserId},
    item::QuarantineReason,
    repository::{Position, Repository, RepositoryError},
    scheduler::Lease,
    source::{
        Change, Fetched, ItemId, ItemRef, Next, Page, PageToken, Read, Relist, Scope, Source,
        SourceError, SourceErrorKind, Sweep,
    },
    track::{Failing, Lane, Missing, Scan, ScanId, Step, Track, Version},
};

/// An item that failed so often, while others of its page were read, is quarantined (F12).
pub const ATTEMPTS: u32 = 5;
/// The same when nothing else of the page was read either: that may be an outage, so wait longer.
pub const PATIENCE: u32 = 12;
/// After so many failures a pass asks for no more of its page: the source may be down. Once the
/// trouble has lasted for [`ATTEMPTS`] passes, all of the page is asked for.
const FAILURES: usize = 3;
/// A listing that misses more than this share of a stream waits for a person (ARCHITECTURE.md L3).
pub const MASS_REMOVAL_SHARE: f64 = 0.2;
/// Fewer missing items than this are never a mass removal.
pub const MASS_REMOVAL_FLOOR: u64 = 20;

/// Decides what items mean; pure.
pub trait Plan<T>: Send + Sync {
    /// What is read out of an item.
    type Reading: Send + Sync;

    /// Names the rules by which items of `account` are taken in or ignored.
    ///
    /// Under other rules the stream is listed anew, and what was ignored is looked at again.
    fn scope(&self, account: &Account) -> Scope;
    /// Reads one item within caps; an item that cannot be read is quarantined.
    fn read(&self, at: &ItemRef, item: T) -> Result<Self::Reading, QuarantineReason>;
    /// Returns how many bytes a reading holds.
    fn bytes(&self, reading: &Self::Reading) -> usize;
    /// Returns the usernames whose owners the plan needs to know.
    fn names(&self, reading: &Self::Reading) -> Vec<Username>;
    /// Decides what the page means.
    fn plan(&self, page: Facts<Self::Reading>, context: &Context<'_>) -> Vec<Effect>;
}

/// What a plan knows besides the page.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// Whose page it is.
    pub tenant: TenantId,
    /// The account it came from.
    pub account: &'a Account,
    /// The stream it came from.
    pub stream: crate::ids::StreamId,
    /// Who has which of the usernames asked for.
    pub people: &'a HashMap<Username, UserId>,
    /// When the page is committed.
    pub at: chrono::DateTime<chrono::Utc>,
}

/// What one page came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pass {
    /// Where the stream stands after it.
    pub outcome: Outcome,
    /// What was read.
    pub counts: Counts,
}

/// Where a stream stands after a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Everything the source has was read.
    CaughtUp,
    /// There is more to read.
    More,
    /// A page token died; the round was begun again for this many times.
    Rewound(u32),
    /// Another worker has the stream.
    Outrun,
}

/// A pass failed; what it had committed before stays.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// The source failed.
    #[error("the source failed")]
    Source(#[from] SourceError),
    /// The store failed.
    #[error("the store failed")]
    Repository(#[from] RepositoryError),
}

impl SyncError {
    /// Says whether the source says that the stream is gone.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::Source(error) if error.kind == SourceErrorKind::StreamGone)
    }
}

/// What differs between streams: the item type, its source and its plan.
pub struct Road<'a, T, P> {
    /// Where items come from.
    pub source: &'a dyn Source<T>,
    /// What they mean.
    pub plan: &'a P,
    /// Where decisions go.
    pub repository: &'a dyn Repository,
    /// The time.
    pub clock: &'a dyn Clock,
}

impl<T, P> fmt::Debug for Road<'_, T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Road").finish_non_exhaustive()
    }
}

impl<T: Send + Sync, P: Plan<T>> Road<'_, T, P> {
    /// Reads one page under `lease` and applies it.
    ///
    /// # Errors
    /// [`SyncError`]; parts of the page may have been committed, and repeating the pass is safe.
    ///
    /// # Cancellation
    /// Dropping the future loses nothing: the track moves only with a commit.
    pub async fn pass(&self, lease: &Lease) -> Result<Pass, SyncError> {
        let at = self.repository.position(&lease.scope, lease.stream).await?;
        match self.step(lease, &at).await {
            Err(SyncError::Source(error)) if error.kind == SourceErrorKind::PageExpired => {
                self.rewind(lease, &at).await
            }
            Err(SyncError::Repository(RepositoryError::Fenced)) => {
                Ok(Pass { outcome: Outcome::Outrun, counts: Counts::default() })
            }
            // A person steered the stream meanwhile: its new position is read.
            Err(SyncError::Repository(RepositoryError::Conflict)) => {
                Ok(Pass { outcome: Outcome::More, counts: Counts::default() })
            }
            done => done,
        }
    }

    /// Lets go of all that the stream holds; when it is followed again, it begins anew.
    ///
    /// # Errors
    /// [`SyncError::Repository`]; what was let go of until then stays so.
    ///
    /// # Cancellation
    /// As with [`pass`](Self::pass).
    pub async fn let_go(&self, lease: &Lease) -> Result<(), SyncError> {
        loop {
            let at = self.repository.position(&lease.scope, lease.stream).await?;
            let scan = next_scan(&at);
            let held = self.repository.unseen(&lease.scope, lease.stream, scan, None).await?;
            if held.is_empty() && at.track == Track::default() {
                return Ok(());
            }
            self.commit(lease, at.version, Track::default(), Facts::of_gone(held)).await?;
        }
    }

    /// Reads a page of the listing; when it fails, the live lane has its turn, so that new items need
    /// not wait for the listing to heal.
    async fn list(
        &self,
        lease: &Lease,
        at: &Position,
        scan: &Scan,
        from: Option<&PageToken>,
    ) -> Result<Page<T>, SyncError> {
        let error = match self.source.list(&lease.at, &scan.scope, from).await {
            Ok(page) => return Ok(page),
            Err(error) => error,
        };
        if at.track.live.is_some() && error.kind != SourceErrorKind::PageExpired {
            let track = Track { turn: Lane::Live, ..at.track.clone() };
            self.commit(lease, at.version, track, Facts::default()).await?;
        }
        Err(error.into())
    }

    /// Takes a step, and then what was asked for again: new items never wait for old ones.
    async fn step(&self, lease: &Lease, at: &Position) -> Result<Pass, SyncError> {
        let pass = self.advance(lease, at).await?;
        let waits = !at.track.asked_failing.is_empty() && pass.outcome == Outcome::More;
        if at.asked.is_empty() || waits {
            return Ok(pass);
        }
        let at = self.repository.position(&lease.scope, lease.stream).await?;
        let track = at.track.clone();
        let asked = self.take(lease, &at, (asked_page(&at.asked), Reads::Asked), track).await?;
        // More may have been asked for than one page holds.
        Ok(Pass { outcome: Outcome::More, counts: pass.counts + asked.counts })
    }

    async fn advance(&self, lease: &Lease, at: &Position) -> Result<Pass, SyncError> {
        let scope = self.plan.scope(&lease.account);
        match at.track.step(&scope) {
            Step::Begin => self.begin(lease, at, Relist::default()).await,
            Step::Follow(live) => {
                let page = live.round.as_ref().map(|round| &round.page);
                match self.source.changes_since(&lease.at, &live.cursor, page).await? {
                    Read::Relist(_) if at.track.scan.is_some() => {
                        let track = at.track.clone().log_lost();
                        self.commit(lease, at.version, track, Facts::default()).await
                    }
                    Read::Relist(relist) => self.begin(lease, at, relist).await,
                    Read::Page(page) => {
                        let track = at.track.clone().followed(page.next.clone());
                        self.take(lease, at, (page, Reads::New), track.map_err(circling)?).await
                    }
                }
            }
            Step::List(scan, from) => {
                let page = self.list(lease, at, scan, from).await?;
                let count = u64::try_from(page.changes.len()).unwrap_or(u64::MAX);
                let track = at.track.clone().listed(page.next.clone(), count, page.total);
                self.take(lease, at, (page, Reads::New), track.map_err(circling)?).await
            }
            Step::Sweep(scan, after) => {
                let (id, accepted, sweep) = (scan.id, scan.accepted, scan.sweep);
                if sweep == Sweep::Keep {
                    let track = at.track.clone().swept(None);
                    return self.commit(lease, at.version, track, Facts::default()).await;
                }
                if after.is_none() && !accepted {
                    let missing = self.repository.missing(&lease.scope, lease.stream, id).await?;
                    if is_mass_removal(missing) {
                        let track = at.track.clone().held(missing);
                        return self.commit(lease, at.version, track, Facts::default()).await;
                    }
                }
                let gone = self.repository.unseen(&lease.scope, lease.stream, id, after).await?;
                let track = at.track.clone().swept(gone.last().cloned());
                self.commit(lease, at.version, track, Facts::of_gone(gone)).await
            }
            Step::Wait => Ok(Pass { outcome: Outcome::CaughtUp, counts: Counts::default() }),
        }
    }

    /// Takes the head before the first page is listed, so nothing can fall between.
    async fn begin(&self, lease: &Lease, at: &Position, relist: Relist) -> Result<Pass, SyncError> {
        let scope = self.plan.scope(&lease.account);
        let head = self.source.head(&lease.at, &scope).await?;
        let track = Track::begun(next_scan(at), head, &scope, relist, self.clock.now());
        self.commit(lease, at.version, track, Facts::default()).await
    }

    async fn rewind(&self, lease: &Lease, at: &Position) -> Result<Pass, SyncError> {
        let track = at.track.clone().rewound(next_scan(at));
        let times = track.rewinds();
        let pass = self.commit(lease, at.version, track, Facts::default()).await;
        match pass {
            Ok(pass) => Ok(Pass { outcome: Outcome::Rewound(times), ..pass }),
            Err(SyncError::Repository(RepositoryError::Conflict | RepositoryError::Fenced)) => {
                Ok(Pass { outcome: Outcome::Outrun, counts: Counts::default() })
            }
            Err(error) => Err(error),
        }
    }

    async fn commit(
        &self,
        lease: &Lease,
        expected: Version,
        track: Track,
        facts: Facts<P::Reading>,
    ) -> Result<Pass, SyncError> {
        let more = facts.more || !track.is_settled();
        let (_, counts) = self.write(lease, expected, track, facts).await?;
        let outcome = if more { Outcome::More } else { Outcome::CaughtUp };
        Ok(Pass { outcome, counts })
    }

    async fn write(
        &self,
        lease: &Lease,
        expected: Version,
        track: Track,
        facts: Facts<P::Reading>,
    ) -> Result<(Version, Counts), SyncError> {
        let people = self.people(lease, &facts).await?;
        let (met, same) = (facts.met(), facts.same.len());
        let mark = track.scan.as_ref().map(|scan| scan.id).filter(|_| !facts.in_part);
        let at = self.clock.now();
        let context = Context {
            tenant: lease.scope.tenant(),
            account: &lease.account,
            stream: lease.stream,
            people: &people,
            at,
        };
        let effects = self.plan.plan(facts, &context);
        let counts = Counts::of(&effects, same);
        let (stream, epoch) = (lease.stream, lease.epoch);
        let basis = PassBasis { stream, epoch, expected, track, met, mark };
        let id = CommitId::derived(&[
            lease.stream.as_bytes(),
            &lease.epoch.0.to_be_bytes(),
            &expected.0.to_be_bytes(),
        ]);
        let commit = Arc::new(Commit { id, basis: Basis::Pass(Box::new(basis)), at, effects });
        let version = match self.repository.commit(&lease.scope, Arc::clone(&commit)).await {
            // Whether it was applied is unknown: the same commit again tells (ARCHITECTURE.md L4).
            Err(RepositoryError::Store(_)) => self.repository.commit(&lease.scope, commit).await?,
            done => done?,
        };
        Ok((version, counts))
    }

    async fn people(
        &self,
        lease: &Lease,
        facts: &Facts<P::Reading>,
    ) -> Result<HashMap<Username, UserId>, SyncError> {
        let mut names: Vec<Username> =
            facts.present.iter().flat_map(|(_, reading)| self.plan.names(reading)).collect();
        names.sort_unstable();
        names.dedup();
        if names.is_empty() {
            return Ok(HashMap::new());
        }
        Ok(self.repository.named(&lease.scope, &names).await?)
    }
}

fn next_scan(at: &Position) -> ScanId {
    ScanId(at.version.0 + 1)
}

/// Page tokens in a circle are begun again like a dead one, and counted.
fn circling(error: crate::track::TokensRepeat) -> SourceError {
    SourceError::new(SourceErrorKind::PageExpired, "read the next page").because(error)
}

fn asked_page<T>(asked: &[ItemId]) -> Page<T> {
    let changes = asked
        .iter()
        .map(|id| Change::Present { at: ItemRef { id: id.clone(), revision: None }, item: None })
        .collect();
    Page { changes, next: Next::End, total: None }
}

#[expect(clippy::cast_precision_loss, reason = "a share of counts far below 2^52")]
fn is_mass_removal(missing: Missing) -> bool {
    let is_large = missing.unseen >= MASS_REMOVAL_FLOOR
        && missing.unseen as f64 > missing.members as f64 * MASS_REMOVAL_SHARE;
    // A source that was emptied looks like one that is not there, however little it held.
    let is_all = missing.members > 1 && missing.unseen == missing.members;
    is_large || is_all
}
