//! One thread, many tasks, and a seed that chooses who runs next.
use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use besunny_core::clock::Clock;
use chrono::{DateTime, Utc};

use super::{Violation, faults::Fate, nodes, stage::Stage, world};

/// How many engines share the store.
const NODES: usize = 2;
/// A dead engine is started anew after at most so many seconds.
const RESTART: u64 = 120;
/// More turns than this mean that somebody spins without time passing.
const TURNS: u64 = 3_000_000;
/// Everything must have drained so long after the faults stopped (I5).
const PATIENCE: Duration = Duration::from_hours(6);

type Task<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// A place for a task: the world, or an engine that may be dead or frozen.
struct Slot<'a> {
    task: Option<Task<'a>>,
    ready: Arc<Ready>,
    /// Until when the engine is dead or stands still.
    out_until: Option<DateTime<Utc>>,
}

#[derive(Debug, Default)]
struct Ready(AtomicBool);

impl Wake for Ready {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Plays the history to its end; returns what did not end in time.
pub(super) fn play(stage: &Stage) -> Option<Violation> {
    let mut slots = vec![Slot::new(Box::pin(world::play(stage)))];
    slots.extend((0..NODES).map(|node| Slot::new(nodes::start(stage, node))));
    let mut seed = stage.seed();
    let mut calm_since = None;
    for _ in 0..TURNS {
        let now = stage.clock.now();
        if stage.faults.is_calm() {
            let since = *calm_since.get_or_insert(now);
            if now > since + PATIENCE {
                return Some(Violation::Stuck(stage.unfinished()));
            }
        }
        revive(stage, &mut slots, now);
        let runnable: Vec<usize> =
            (0..slots.len()).filter(|index| slots[*index].can_run()).collect();
        if runnable.is_empty() {
            if stage.faults.is_calm() && slots[0].task.is_none() && stage.is_drained() {
                return None;
            }
            let Some(next) = next_instant(stage, &slots) else {
                return Some(Violation::Stuck("nobody waits for anything".to_owned()));
            };
            stage.clock.move_to(next);
            continue;
        }
        let chosen = *seed.pick(&runnable);
        turn(stage, &mut slots[chosen], chosen, &mut seed);
    }
    Some(Violation::Stuck("somebody spins".to_owned()))
}

/// Lets a task run until it gives way, and does to it what was decided there.
fn turn(stage: &Stage, slot: &mut Slot<'_>, index: usize, seed: &mut crate::seed::Seed) {
    let Some(task) = &mut slot.task else { return };
    slot.ready.0.store(false, Ordering::Relaxed);
    stage.faults.enter(index);
    let waker = Waker::from(Arc::clone(&slot.ready));
    let done = task.as_mut().poll(&mut Context::from_waker(&waker));
    let now = stage.clock.now();
    match stage.faults.fate() {
        Some(Fate::Dies) if index > 0 => {
            slot.task = None;
            slot.out_until = Some(now + Duration::from_secs(1 + seed.below(RESTART)));
        }
        Some(Fate::Freezes(time)) if index > 0 => slot.out_until = Some(now + time),
        _ => {}
    }
    if done == Poll::Ready(()) {
        slot.task = None;
    }
}

/// Starts engines anew whose time has come, and lets frozen ones go on.
fn revive<'a>(stage: &'a Stage, slots: &mut [Slot<'a>], now: DateTime<Utc>) {
    for (index, slot) in slots.iter_mut().enumerate().skip(1) {
        if slot.out_until.is_some_and(|until| until <= now) {
            slot.out_until = None;
            if slot.task.is_none() {
                *slot = Slot::new(nodes::start(stage, index - 1));
            }
            slot.ready.0.store(true, Ordering::Relaxed);
        }
    }
}

fn next_instant(stage: &Stage, slots: &[Slot<'_>]) -> Option<DateTime<Utc>> {
    let revivals = slots.iter().filter_map(|slot| slot.out_until);
    revivals.chain(stage.clock.next_alarm()).min()
}

impl<'a> Slot<'a> {
    fn new(task: Task<'a>) -> Self {
        let ready = Arc::new(Ready(AtomicBool::new(true)));
        Self { task: Some(task), ready, out_until: None }
    }

    fn can_run(&self) -> bool {
        self.task.is_some() && self.out_until.is_none() && self.ready.0.load(Ordering::Relaxed)
    }
}
