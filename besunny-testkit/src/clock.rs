//! Time and ids under the test's control.
use std::{
    collections::BTreeMap,
    pin::Pin,
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, Waker},
};

use async_trait::async_trait;
use besunny_core::clock::{Clock, Ids};
use chrono::{DateTime, TimeZone, Utc};
use uuid::Uuid;

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct ManualClock(Mutex<Time>);

#[derive(Debug)]
struct Time {
    now: DateTime<Utc>,
    /// Who waits, by instant and order of asking, so that waking is deterministic.
    sleepers: BTreeMap<(DateTime<Utc>, u64), Waker>,
    asked: u64,
}

impl Default for ManualClock {
    /// Starts on a Monday morning in 2026.
    fn default() -> Self {
        let start = Utc.with_ymd_and_hms(2026, 6, 1, 8, 0, 0).single();
        Self::at(start.unwrap_or(DateTime::UNIX_EPOCH))
    }
}

impl ManualClock {
    /// Makes a clock that stands at `now`.
    #[must_use]
    pub const fn at(now: DateTime<Utc>) -> Self {
        Self(Mutex::new(Time { now, sleepers: BTreeMap::new(), asked: 0 }))
    }

    /// Moves to `now`, unless the clock is there already, and wakes whose time has come.
    pub fn move_to(&self, now: DateTime<Utc>) {
        let due = {
            let mut time = self.time();
            let now = time.now.max(now);
            time.now = now;
            let later = time.sleepers.split_off(&(now, u64::MAX));
            std::mem::replace(&mut time.sleepers, later)
        };
        due.into_values().for_each(Waker::wake);
    }

    /// Moves on by `step`.
    pub fn advance(&self, step: std::time::Duration) {
        self.move_to(self.now() + step);
    }

    /// Returns when the next sleeper wants to wake.
    #[must_use]
    pub fn next_alarm(&self) -> Option<DateTime<Utc>> {
        self.time().sleepers.keys().next().map(|(at, _)| *at)
    }

    fn time(&self) -> MutexGuard<'_, Time> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[async_trait]
impl Clock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        self.time().now
    }

    async fn sleep_until(&self, at: DateTime<Utc>) {
        Sleep { clock: self, at, alarm: None }.await;
    }
}

/// A wait that leaves no alarm behind when it is dropped.
struct Sleep<'a> {
    clock: &'a ManualClock,
    at: DateTime<Utc>,
    alarm: Option<(DateTime<Utc>, u64)>,
}

impl Future for Sleep<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut time = self.clock.time();
        if time.now >= self.at {
            return Poll::Ready(());
        }
        time.asked += 1;
        let key = self.alarm.unwrap_or((self.at, time.asked));
        time.sleepers.insert(key, context.waker().clone());
        drop(time);
        self.alarm = Some(key);
        Poll::Pending
    }
}

impl Drop for Sleep<'_> {
    fn drop(&mut self) {
        if let Some(key) = self.alarm {
            self.clock.time().sleepers.remove(&key);
        }
    }
}

/// Ids that count upwards.
#[derive(Debug, Default)]
pub struct CountingIds(AtomicU64);

impl Ids for CountingIds {
    fn next(&self) -> Uuid {
        Uuid::from_u64_pair(0x0198_0000_0000_7000, 1 + self.0.fetch_add(1, Ordering::Relaxed))
    }
}
