//! The suites against adapters with a planted bug: each bug must break the clause it is named with.
use std::{
    fmt::Debug,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use besunny_core::{
    message::Message,
    repository::Store,
    source::{Source, SourceErrorKind, StreamRef},
};
use besunny_testkit::{
    conformance::{
        Case, Outcome, Power,
        mail::{self, MailWorld},
        store::{self, StoreWorld},
    },
    planted::{BuggySource, Planted},
    scripted::Telling,
};
use bytes::Bytes;
use libtest_mimic::{Failed, Trial};

mod bots;
mod calls;
mod minds;

use crate::{memory::MemoryWorld, scripted::ScriptedWorld};

/// The bugs the suites must see, and the clause each breaks.
const BUGS: [(Planted, &str); 6] = [
    (Planted::HeadAfterListing, "source.head.before-listing"),
    (Planted::SkippedPage, "source.changes.complete"),
    (Planted::SwallowedError, "source.errors.not-swallowed"),
    (Planted::StaleCommit, "store.commit.fenced"),
    (Planted::LostRemoval, "source.changes.removed"),
    (Planted::UnmarkedQuarantine, "source.fetch.unreadable"),
];

pub(crate) fn trials() -> Vec<Trial> {
    let sources = BUGS.map(|(bug, clause)| plant("mail", bug, clause, move || broken_clauses(bug)));
    let others = [bots::trials(), calls::trials(), minds::trials()];
    sources.into_iter().chain(others.into_iter().flatten()).collect()
}

/// Makes the trial of a bug: `broken` must name the clause.
fn plant(
    port: &str,
    bug: impl Debug + Send + 'static,
    clause: &'static str,
    broken: impl FnOnce() -> Vec<&'static str> + Send + 'static,
) -> Trial {
    Trial::test(format!("planted::{port}::{bug:?} breaks {clause}"), move || {
        let broken = broken();
        if broken.contains(&clause) {
            return Ok(());
        }
        Err(Failed::from(format!("{bug:?} broke only {broken:?}")))
    })
}

/// Runs a suite, each case in a world of its own, and returns the clauses that do not hold.
fn broken<W: 'static>(cases: Vec<Case<W>>, world: impl Fn() -> W) -> Vec<&'static str> {
    cases.into_iter().filter(|case| !holds(case, world())).map(|case| case.name).collect()
}

/// Runs both suites with the bug and returns the clauses that do not hold.
fn broken_clauses(bug: Planted) -> Vec<&'static str> {
    let mail = || Arc::new(BuggyMail { world: ScriptedWorld::fresh(Telling::Log), bug });
    let mut clauses = broken(mail::cases(), || mail() as mail::World);
    let store = || {
        let world = MemoryWorld::fresh();
        let store = bug.in_store(world.store());
        Arc::new(BuggyStore { world, store })
    };
    clauses.extend(broken(store::cases(), || store() as store::World));
    clauses
}

fn holds<W>(case: &Case<W>, world: W) -> bool {
    if case.needs() == Some(Power::Reopen) {
        return true;
    }
    let run = || -> Outcome {
        // Some worlds read files, which needs the runtime.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(case.run(world))
    };
    catch_unwind(AssertUnwindSafe(run)).is_ok_and(|outcome| outcome.is_ok())
}

#[derive(Debug)]
struct BuggyMail {
    world: mail::World,
    bug: Planted,
}

impl BuggyMail {
    fn buggy(&self, source: Arc<dyn Source<Message>>) -> Arc<dyn Source<Message>> {
        Arc::new(BuggySource::new(source, Some(self.bug)))
    }
}

#[async_trait]
impl MailWorld for BuggyMail {
    fn source(&self) -> Arc<dyn Source<Message>> {
        self.buggy(self.world.source())
    }

    async fn restarted(&self) -> Arc<dyn Source<Message>> {
        self.buggy(self.world.restarted().await)
    }

    fn stream(&self) -> StreamRef {
        self.world.stream()
    }

    async fn deliver(&self, raw: Bytes) {
        self.world.deliver(raw).await;
    }

    async fn remove(&self, subject: &str) {
        self.world.remove(subject).await;
    }

    async fn hide(&self, subject: &str, hidden: bool) {
        self.world.hide(subject, hidden).await;
    }

    async fn poison(&self, subject: &str) {
        self.world.poison(subject).await;
    }

    async fn expire_log(&self) {
        self.world.expire_log().await;
    }

    async fn kill_pages(&self) {
        self.world.kill_pages().await;
    }

    async fn fail_next(&self, kind: SourceErrorKind, retry_after: Option<u64>) {
        self.world.fail_next(kind, retry_after).await;
    }

    fn lacks(&self, power: Power) -> Option<&'static str> {
        self.world.lacks(power)
    }
}

#[derive(Debug)]
struct BuggyStore {
    world: store::World,
    store: Arc<dyn Store>,
}

#[async_trait]
impl StoreWorld for BuggyStore {
    fn store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.store)
    }

    async fn advance(&self, by: Duration) {
        self.world.advance(by).await;
    }

    async fn reopened(&self) -> Arc<dyn Store> {
        self.store()
    }

    fn lacks(&self, power: Power) -> Option<&'static str> {
        self.world.lacks(power)
    }
}
