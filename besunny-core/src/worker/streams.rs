//! The loop over streams: lease, keep the watch, read pages, release.
use std::time::Duration;

use futures::{
    FutureExt, StreamExt,
    future::{self, Either},
    stream::FuturesUnordered,
};

use super::{
    Abandoned, Until, Worker,
    guarded::{Panicked, caught},
};
use crate::{
    adapter::{AnyAdapter, Wired},
    cadence::{self, Quiet},
    calendar::CalendarIntake,
    cause::describe,
    repository::RepositoryError,
    retry::{self, Failed},
    scheduler::{Ask, Lease, Release, Rest, Work},
    sync::{Counts, Outcome, Plan, Road, SyncError},
};

/// What a stream says that nobody here can follow.
const NO_ADAPTER: &str = "no adapter for its provider: run the server that has it";
/// A stream that nobody here can follow is left to others for so long.
const ELSEWHERE: Duration = Duration::from_mins(1);

impl Worker {
    /// Works on streams that are due; returns how many leases were worked on.
    pub(super) async fn streams(&self, until: &Until) -> usize {
        let mut running = FuturesUnordered::new();
        let mut worked = 0;
        loop {
            let changed = self.scheduler.changed(Work::Streams);
            let free = self.settings.streams.saturating_sub(running.len());
            if free > 0 && !until.is_over() {
                let leases = beside(&mut running, self.leases(free)).await;
                let may_be_more = leases.len() == free;
                worked += leases.len();
                for lease in leases {
                    running.push(self.follow(lease, until).boxed());
                }
                if may_be_more && running.len() < self.settings.streams {
                    continue;
                }
            }
            if running.is_empty() {
                if until.is_over() || !self.rest(until, Work::Streams, changed).await {
                    return worked;
                }
                continue;
            }
            let full = running.len() >= self.settings.streams || until.is_over();
            let wake = if full {
                future::pending().boxed()
            } else {
                self.wake(until, Work::Streams, changed)
            };
            future::select(running.next(), wake).await;
        }
    }

    /// Waits for more work of a kind while some is under way.
    pub(super) fn wake<'a>(
        &'a self,
        until: &'a Until,
        work: Work,
        changed: impl Future<Output = ()> + Send + 'a,
    ) -> future::BoxFuture<'a, ()> {
        match until {
            Until::Idle => future::pending().boxed(),
            Until::Stopped(_) => self.rest(until, work, changed).map(drop).boxed(),
        }
    }

    async fn leases(&self, limit: usize) -> Vec<Lease> {
        let ask = Ask { limit, lease_for: self.settings.lease_for };
        match self.scheduler.lease(ask).await {
            Ok(leases) => leases,
            Err(error) => {
                tracing::warn!(error = describe(&error), "cannot lease streams");
                Vec::new()
            }
        }
    }

    /// Works on one stream and keeps its lease alive meanwhile.
    async fn follow(&self, lease: Lease, until: &Until) {
        let work = caught(self.work(&lease, until));
        let release = match self.kept(vec![lease.hold()], work).await {
            None => None,
            Some(Ok(release)) => release,
            // Whoever is told of it may panic as well.
            Some(Err(panicked)) => caught(async { self.panicked(&lease, panicked) }).await.ok(),
        };
        if let Some(release) = release {
            self.release(&lease, release).await;
        }
    }

    async fn release(&self, lease: &Lease, release: Release) {
        if let Err(error) = self.scheduler.release(lease, release).await {
            tracing::warn!(stream = %lease.stream, error = describe(&error), "cannot end a lease");
        }
    }

    /// Reads pages until the stream is caught up, fails, or others should have their turn.
    async fn work(&self, lease: &Lease, until: &Until) -> Option<Release> {
        if lease.abandoned && lease.expired > 1 {
            return Some(self.abandoned(lease));
        }
        match self.adapters.get(&lease.account.provider) {
            Some(AnyAdapter::Mail(mail)) => self.follow_by(lease, mail, &self.intake, until).await,
            Some(AnyAdapter::Calendar(calendar)) => {
                self.follow_by(lease, calendar, &CalendarIntake, until).await
            }
            // Another process may have it, such as the server beside an import.
            None => Some(Release { error: Some(NO_ADAPTER.to_owned()), ..due(lease, ELSEWHERE) }),
        }
    }

    async fn follow_by<T: Send + Sync, P: Plan<T>>(
        &self,
        lease: &Lease,
        adapter: &Wired<T>,
        plan: &P,
        until: &Until,
    ) -> Option<Release> {
        let road = Road {
            source: &self.guarded(&*adapter.source),
            plan,
            repository: &*self.repository,
            clock: &*self.clock,
        };
        if !lease.is_followed {
            return self.let_go(lease, adapter, &road).await;
        }
        if !self.survey(lease, adapter).await {
            return Some(due(lease, Duration::ZERO));
        }
        let pushed = self.keep_watch(lease, adapter).await;
        let mut met = Counts::default();
        for _ in 0..self.settings.passes {
            let pass = match road.pass(lease).await {
                Ok(pass) => pass,
                Err(error) if error.is_gone() && !self.ask_offer(lease, adapter).await => {
                    return Some(due(lease, Duration::ZERO));
                }
                Err(error) => return self.failure(lease, &error),
            };
            self.observer.passed(lease, &pass);
            met = met + pass.counts;
            match pass.outcome {
                Outcome::CaughtUp => {
                    let floor = adapter.source.limits().poll_floor;
                    return Some(caught_up(lease, floor, met, pushed));
                }
                Outcome::Outrun => return None,
                Outcome::Rewound(times) if times > 2 => {
                    return Some(due(lease, retry::REWOUND.wait(times - 2, luck(lease))));
                }
                Outcome::More | Outcome::Rewound(_) => {}
            }
            if until.is_over() {
                break;
            }
        }
        Some(due(lease, Duration::ZERO))
    }

    /// Lets a stream rest whose work keeps ending whoever does it; once is taken for a restart.
    fn abandoned(&self, lease: &Lease) -> Release {
        let (attempt, expired) = (lease.attempt, lease.expired);
        let text = Abandoned(expired).to_string();
        self.observer.failed(lease, &text);
        tracing::warn!(stream = %lease.stream, expired, error = text, "a stream was abandoned");
        Release {
            attempt,
            expired,
            error: Some(text),
            ..due(lease, retry::ABANDONED.wait(expired, luck(lease)))
        }
    }

    pub(super) fn failure(&self, lease: &Lease, error: &SyncError) -> Option<Release> {
        let attempt = lease.attempt.saturating_add(1);
        let luck = luck(lease);
        let rest = match error {
            SyncError::Source(error) => {
                let failed = Failed { kind: error.kind, retry_after: error.retry_after, attempt };
                retry::after(failed, luck)
            }
            SyncError::Repository(RepositoryError::Fenced | RepositoryError::Conflict) => {
                return None;
            }
            SyncError::Repository(_) => Rest::After(retry::STORE.wait(attempt, luck)),
        };
        Some(self.failed(lease, rest, describe(error)))
    }

    /// Lets a stream rest whose work panicked outside of its adapter.
    fn panicked(&self, lease: &Lease, panicked: Panicked) -> Release {
        let wait = retry::PANICKED.wait(lease.attempt.saturating_add(1), luck(lease));
        self.failed(lease, Rest::After(wait), describe(&panicked))
    }

    fn failed(&self, lease: &Lease, rest: Rest, text: String) -> Release {
        let attempt = lease.attempt.saturating_add(1);
        self.observer.failed(lease, &text);
        tracing::warn!(stream = %lease.stream, attempt, error = text, "a pass failed");
        let (expired, error) = (0, Some(text));
        Release { rest, attempt, expired, error, caught_up: false, quiet: lease.quiet }
    }
}

/// Waits for an answer of the store while work under way goes on.
///
/// Work that is not polled may hold the connection that the answer needs.
pub(super) async fn beside<T>(
    running: &mut FuturesUnordered<impl Future<Output = ()>>,
    answer: impl Future<Output = T>,
) -> T {
    let mut answer = std::pin::pin!(answer);
    loop {
        match future::select(answer.as_mut(), running.next()).await {
            Either::Left((answer, _)) => return answer,
            Either::Right((Some(()), _)) => {}
            Either::Right((None, _)) => return answer.await,
        }
    }
}

/// Returns the release of a stream that was read to its end.
fn caught_up(lease: &Lease, floor: Duration, met: Counts, pushed: bool) -> Release {
    let looks = if met.is_quiet() { lease.quiet.saturating_add(1) } else { 0 };
    let quiet = Quiet { looks, noticed_ago: lease.noticed_ago, pushed, floor };
    let wait = cadence::next_look(quiet, luck(lease));
    Release { caught_up: true, quiet: looks, ..due(lease, wait) }
}

/// Returns the release after success: due after `wait`, with no failure remembered.
pub(super) fn due(lease: &Lease, wait: Duration) -> Release {
    let rest = Rest::After(wait);
    let (attempt, expired) = (0, 0);
    Release { rest, attempt, expired, error: None, caught_up: false, quiet: lease.quiet }
}

/// Returns this lease's share of jitter.
fn luck(lease: &Lease) -> f64 {
    retry::luck(&[lease.stream.as_bytes(), &lease.epoch.0.to_be_bytes()])
}
