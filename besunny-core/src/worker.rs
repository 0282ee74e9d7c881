//! The loops: streams that are due, jobs that wait, events to publish, what is to be forgotten.
//!
//! They are futures without a spawn, a timer or a thread of their own (ARCHITECTURE.md L5), so that an
//! embedder, the server and the deterministic simulation run the very same thing. Retry lives here
//! and nowhere else, by the table in [`retry`].
use std::{collections::HashMap, fmt::Debug, sync::Arc, time::Duration};

use futures::{FutureExt, future};

mod acquaintance;
mod bots;
mod calls;
mod decisions;
mod forgetting;
mod guarded;
mod jobs;
mod keeping;
mod lanes;
mod learning;
mod meetings;
mod offers;
mod relay;
mod replay;
mod shadow;
mod streams;
mod watches;

pub use bots::Bots;
pub use calls::{CallError, Powers, Recording};
pub use learning::{Aside, AtOnce, Shelf};

use crate::{
    account::Provider,
    adapter::AnyAdapter,
    cause::describe,
    classify::Classifier,
    clock::Clock,
    contender::Contender,
    event::EventSink,
    experiment::Experiment,
    intake::MailIntake,
    learner::Learner,
    repository::Repository,
    retry,
    scheduler::{Lease, Scheduler, Work},
    settings::Settings,
    stop::Stop,
    sync::Pass,
};
use guarded::caught;

/// Everything the loops need.
#[derive(Debug)]
pub struct Worker {
    /// Where decisions go.
    pub repository: Arc<dyn Repository>,
    /// What is due.
    pub scheduler: Arc<dyn Scheduler>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Which adapter follows which provider.
    pub adapters: HashMap<Provider, AnyAdapter>,
    /// Who sends bots into meetings, if anybody does.
    pub bots: Option<Bots>,
    /// What mails mean.
    pub intake: MailIntake,
    /// Which project a document belongs to, by rules.
    pub classifier: Arc<dyn Classifier>,
    /// What learns from people where their documents belong; with none, nothing is learned.
    pub learner: Option<Arc<dyn Learner>>,
    /// Who is asked where the others are not sure and the tenant allows it.
    pub language: Option<Arc<dyn Classifier>>,
    /// Who is asked beside the one that decides, after each decision, and never acts.
    pub shadow: Option<Contender>,
    /// Who decides in the place of the cascade, and for whom.
    pub experiment: Option<Experiment>,
    /// Models that are held in memory.
    pub shelf: Shelf,
    /// Where events go.
    pub sink: Arc<dyn EventSink>,
    /// Who wants to see progress.
    pub observer: Arc<dyn Observer>,
    /// How much is done at once.
    pub settings: Settings,
}

/// Sees what the worker does; for progress and metrics.
pub trait Observer: Debug + Send + Sync {
    /// A page was read and applied.
    fn passed(&self, lease: &Lease, pass: &Pass);
    /// Work on a stream failed; `error` has no content of any item.
    fn failed(&self, lease: &Lease, error: &str);
}

/// Looks away.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unobserved;

impl Observer for Unobserved {
    fn passed(&self, _: &Lease, _: &Pass) {}
    fn failed(&self, _: &Lease, _: &str) {}
}

/// Work that nobody ended: whoever held it died, or hung for longer than a lease lasts.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error(
    "whoever worked on it died or hung, {0} times in a row: look at the end of the log before each \
     restart"
)]
struct Abandoned(u32);

/// A loop that found nothing waits so long at least, since what is due may be somebody else's.
const SHORTEST_REST: Duration = Duration::from_millis(20);

/// Whether a loop goes on for ever or ends when nothing is due.
#[derive(Clone, Debug)]
enum Until {
    Stopped(Stop),
    Idle,
}

impl Worker {
    /// Runs all loops until `stop`; work under way is finished first.
    ///
    /// # Cancellation
    /// Dropping the future loses nothing: whatever was under way is done again by another worker
    /// once its lease has ended.
    pub async fn run(&self, stop: &Stop) {
        let until = &Until::Stopped(stop.clone());
        let relay = self.unbroken(until, || self.relay(until));
        let forget = self.unbroken(until, || self.forget(stop).map(|()| 0));
        future::join3(self.run_beside(stop), relay, forget).await;
    }

    /// Runs what several may run at once, beside one [`run`](Self::run) that also publishes events
    /// and forgets what was done long ago.
    ///
    /// # Cancellation
    /// As with [`run`](Self::run).
    pub async fn run_beside(&self, stop: &Stop) {
        let until = &Until::Stopped(stop.clone());
        let streams = self.unbroken(until, || self.streams(until));
        let jobs = self.unbroken(until, || self.jobs(until));
        future::join(streams, jobs).await;
    }

    /// Works until nothing is due now; streams that wait for a later time are left alone.
    pub async fn run_until_idle(&self) {
        loop {
            let streams = self.streams(&Until::Idle).await;
            let jobs = self.jobs(&Until::Idle).await;
            let events = self.relay(&Until::Idle).await;
            if streams + jobs + events == 0 {
                return;
            }
        }
    }

    /// Does a loop until its end; one that panicked begins again, and the others go on.
    ///
    /// Work panics alone, so it was a port that all of the loop asks: the wait is that of our store.
    async fn unbroken<L: Future<Output = usize>>(
        &self,
        until: &Until,
        begin: impl Fn() -> L,
    ) -> usize {
        let mut panics = 0;
        loop {
            let panicked = match caught(begin()).await {
                Ok(done) => return done,
                Err(panicked) => panicked,
            };
            tracing::error!(error = describe(&panicked), "a loop begins again");
            if until.is_over() {
                return 0;
            }
            panics += 1;
            let later = self.clock.now() + retry::STORE.wait(panics, 1.0);
            future::select(self.clock.sleep_until(later), until.wanted()).await;
        }
    }

    /// Waits until something may be due; `changed` was taken before the last look.
    ///
    /// Returns `false` when the loop should end.
    async fn rest(
        &self,
        until: &Until,
        work: Work,
        changed: impl Future<Output = ()> + Send,
    ) -> bool {
        let Until::Stopped(stop) = until else { return false };
        let wait = match self.scheduler.next_due(work).await {
            Ok(due) => due.map_or(self.settings.idle, |due| due.min(self.settings.idle)),
            Err(error) => {
                tracing::warn!(error = describe(&error), "cannot ask for due work");
                self.settings.idle
            }
        };
        let timer = self.clock.sleep_until(self.clock.now() + wait.max(SHORTEST_REST));
        let wake = future::select(Box::pin(changed), timer).map(drop);
        future::select(Box::pin(stop.wanted()), Box::pin(wake)).await;
        !stop.is_wanted()
    }
}

impl Until {
    /// Waits until the loop should end.
    fn wanted(&self) -> future::BoxFuture<'static, ()> {
        match self {
            Self::Stopped(stop) => stop.wanted().boxed(),
            Self::Idle => future::pending().boxed(),
        }
    }

    fn is_over(&self) -> bool {
        match self {
            Self::Stopped(stop) => stop.is_wanted(),
            Self::Idle => false,
        }
    }
}
