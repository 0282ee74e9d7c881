//! Work under way goes on while the worker asks its store for something else.
//!
//! A store has a bounded number of connections, and work that is not polled may hold the last of them.
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use async_trait::async_trait;
use besunny_core::{
    clock::Clock,
    commit::Commit,
    repository::RepositoryError,
    settings::Settings,
    source::{SourceError, Subject},
    tenant::TenantScope,
    track::Version,
};
use besunny_testkit::{
    clock::ManualClock,
    interposed::{Interposed, Interposer},
    scripted::{Call, Oddity, Weather},
};
use futures::{FutureExt, executor::block_on};

use crate::scene::{Scene, deliver, in_memory};

/// A call of the source takes so many polls.
const POLLS: usize = 5;
/// More polls than any of these histories needs.
const ENOUGH: usize = 100_000;

/// How many calls of the source are under way; while the first ends, some time passes.
#[derive(Debug, Default)]
struct Slow {
    calls: AtomicUsize,
    takes: Duration,
    clock: Mutex<Option<Arc<ManualClock>>>,
}

#[async_trait]
impl Weather for Slow {
    async fn before(&self, _: Call<'_>) -> Result<(), SourceError> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let mut polls = 0;
        let wait = |context: &mut Context<'_>| {
            polls += 1;
            context.waker().wake_by_ref();
            if polls < POLLS {
                return Poll::Pending;
            }
            let first = self.clock.lock().unwrap().take();
            if let Some(clock) = first {
                clock.advance(self.takes);
            }
            Poll::Ready(())
        };
        std::future::poll_fn(wait).await;
        self.calls.fetch_sub(1, Ordering::SeqCst);
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

/// A store that answers `call` only when no call of the source is under way.
#[derive(Debug)]
struct Busy {
    slow: Arc<Slow>,
    call: &'static str,
    met: AtomicUsize,
}

#[async_trait]
impl Interposer for Busy {
    async fn before(&self, call: &'static str) -> Result<(), RepositoryError> {
        if call != self.call || self.slow.calls.load(Ordering::SeqCst) == 0 {
            return Ok(());
        }
        self.met.fetch_add(1, Ordering::SeqCst);
        let free = |context: &mut Context<'_>| {
            context.waker().wake_by_ref();
            if self.slow.calls.load(Ordering::SeqCst) == 0 {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        };
        std::future::poll_fn(free).await;
        Ok(())
    }
    async fn after(&self, _: &'static str) -> Result<(), RepositoryError> {
        Ok(())
    }
    fn committed(&self, _: &TenantScope, _: &Commit, _: &Result<Version, RepositoryError>) {}
}

/// Follows mailboxes of different sizes while `call` waits for the source.
fn check(call: &'static str, takes: Duration) {
    let slow = Arc::new(Slow { takes, ..Slow::default() });
    let scene = block_on(Scene::new(in_memory, Arc::<Slow>::clone(&slow) as _));
    *slow.clock.lock().unwrap() = Some(Arc::clone(&scene.clock));
    for mails in 1..20 {
        let subject = Subject::from_source(format!("ann{mails}@example.com"));
        block_on(scene.connect(subject.clone()));
        let at = scene.clock.now();
        scene.mail.with(&subject, |mailbox| {
            (0..mails).for_each(|mail| deliver(mailbox, 100 * mails + mail, at));
        });
    }
    let busy = Arc::new(Busy { slow, call, met: AtomicUsize::new(0) });
    let store = Interposed::new(Arc::clone(&scene.store), Arc::<Busy>::clone(&busy) as _);
    let engine = scene.engine(Arc::new(store));
    let mut work = Box::pin(engine.run_until_idle());
    let mut context = Context::from_waker(Waker::noop());
    let ends = (0..ENOUGH).any(|_| work.poll_unpin(&mut context).is_ready());
    assert!(ends, "work waits for {call}, which waits for work");
    assert!(busy.met.load(Ordering::SeqCst) > 0, "{call} never met work under way");
}

#[test]
fn streams_are_followed_while_others_are_leased() {
    check("lease", Duration::ZERO);
}

#[test]
fn a_stream_is_followed_while_its_lease_is_kept() {
    check("heartbeat", Settings::default().lease_for / 2);
}
