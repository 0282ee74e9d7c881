//! What every clock and every maker of ids promises: [`Clock`] and [`Ids`].
use std::{collections::HashSet, fmt::Debug, pin::pin, sync::Arc, time::Duration};

use async_trait::async_trait;
use besunny_core::clock::{Clock, Ids};
use futures::{
    FutureExt,
    future::{self, Either},
};

use super::{Case, Outcome, check, check_equal, clause};

/// A clock, and a way to let its time pass.
#[async_trait]
pub trait ClockWorld: Debug + Send + Sync {
    /// Returns the clock under test.
    fn clock(&self) -> Arc<dyn Clock>;
    /// Lets some time pass, up to `by`; where that is possible, something tries to turn it back.
    async fn pass(&self, by: Duration);
}

/// A world of which each case gets a fresh one.
pub type World = Arc<dyn ClockWorld>;

/// Returns the cases of clocks.
#[must_use]
pub fn cases() -> Vec<Case<World>> {
    vec![
        clause("clock.now.forward", forward),
        clause("clock.sleep.until", until),
        clause("clock.sleep.past", past),
        clause("clock.sleep.dropped", dropped),
    ]
}

/// Returns the cases of makers of ids; the world is one of them.
#[must_use]
pub fn id_cases() -> Vec<Case<Arc<dyn Ids>>> {
    vec![clause("ids.next.fresh", fresh)]
}

/// So long is waited for in the suite: real clocks really wait.
const SHORT: Duration = Duration::from_millis(20);
/// Whoever sleeps longer than this hangs.
const LONG: Duration = Duration::from_mins(1);
const STEP: Duration = Duration::from_millis(5);

async fn forward(world: World) -> Outcome {
    let clock = world.clock();
    let mut last = clock.now();
    for _ in 0..200 {
        world.pass(STEP).await;
        let now = clock.now();
        check(now >= last, format_args!("{now} came after {last}"))?;
        last = now;
    }
    Ok(())
}

/// Sleeps while time passes, and looks when it wakes.
async fn sleep(world: &World) -> Outcome {
    let clock = world.clock();
    let (begun, at) = (clock.now(), clock.now() + SHORT);
    let mut sleep = clock.sleep_until(at);
    loop {
        let turn = pin!(world.pass(STEP));
        match future::select(sleep, turn).await {
            Either::Left(((), _)) => break,
            Either::Right(((), still)) => sleep = still,
        }
        check(clock.now() < begun + LONG, "the sleep never ends")?;
    }
    check(clock.now() >= at, format_args!("it woke at {}, before {at}", clock.now()))
}

async fn until(world: World) -> Outcome {
    sleep(&world).await
}

async fn past(world: World) -> Outcome {
    let clock = world.clock();
    for ago in [Duration::ZERO, SHORT, Duration::from_hours(1)] {
        let woke = clock.sleep_until(clock.now() - ago).now_or_never();
        check(woke.is_some(), format_args!("it waits for what was {ago:?} ago"))?;
    }
    Ok(())
}

async fn dropped(world: World) -> Outcome {
    for _ in 0..3 {
        let clock = world.clock();
        let waited = clock.sleep_until(clock.now() + LONG).now_or_never();
        check(waited.is_none(), "it woke a minute early")?;
    }
    sleep(&world).await
}

async fn fresh(ids: Arc<dyn Ids>) -> Outcome {
    const MANY: usize = 10_000;
    let made: HashSet<_> = (0..MANY).map(|_| ids.next()).collect();
    check_equal(&made.len(), &MANY, "different ids")
}
