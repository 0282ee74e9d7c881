//! The virtual clock: real, scaled, or moved by hand.
//!
//! Token life, history retention, watch expiry, quota windows, latency and late deliveries all
//! follow it, so a week passes in a test in no time. This is the only module that reads the
//! machine's clock or really waits.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::lock::Guarded;

/// How virtual time moves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "mode")]
pub enum ClockMode {
    /// As fast as the machine's clock.
    #[default]
    Real,
    /// Faster or slower than the machine's clock.
    Scaled {
        /// Virtual seconds a real second: 100 makes an hour pass in 36 seconds.
        factor: f64,
    },
    /// Only when somebody advances it.
    Manual,
}

impl ClockMode {
    fn factor(self) -> Option<f64> {
        match self {
            Self::Real => Some(1.0),
            Self::Scaled { factor } if factor.is_finite() && factor > 0.0 => Some(factor),
            Self::Scaled { .. } | Self::Manual => None,
        }
    }
}

#[derive(Debug)]
pub(crate) struct Clock {
    state: Guarded<State>,
    moved: watch::Sender<()>,
}

#[derive(Debug)]
struct State {
    mode: ClockMode,
    /// Virtual time when `since` was read from the machine.
    base: DateTime<Utc>,
    since: Instant,
}

impl State {
    fn now(&self) -> DateTime<Utc> {
        match self.mode.factor() {
            Some(factor) => {
                self.base + machine_instant().duration_since(self.since).mul_f64(factor)
            }
            None => self.base,
        }
    }

    fn rebase(&mut self, base: DateTime<Utc>) {
        self.base = base;
        self.since = machine_instant();
    }
}

impl Clock {
    pub(crate) fn new(mode: ClockMode, start_at: Option<DateTime<Utc>>) -> Self {
        let base = start_at.unwrap_or_else(machine_time);
        let state = State { mode, base, since: machine_instant() };
        Self { state: Guarded::new(state), moved: watch::Sender::new(()) }
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.state.read().now()
    }

    pub(crate) fn set_mode(&self, mode: ClockMode) {
        let mut state = self.state.write();
        let now = state.now();
        state.rebase(now);
        state.mode = mode;
        drop(state);
        self.moved.send_replace(());
    }

    pub(crate) fn advance(&self, by: Duration) {
        let mut state = self.state.write();
        let now = state.now();
        state.rebase(later(now, by));
        drop(state);
        self.moved.send_replace(());
    }

    pub(crate) async fn sleep(&self, duration: Duration) {
        if !duration.is_zero() {
            self.sleep_until(later(self.now(), duration)).await;
        }
    }

    /// Waits until an instant, or for ever where there is none.
    pub(crate) async fn sleep_until_any(&self, at: Option<DateTime<Utc>>) {
        match at {
            Some(at) => self.sleep_until(at).await,
            None => std::future::pending().await,
        }
    }

    pub(crate) async fn sleep_until(&self, at: DateTime<Utc>) {
        let mut moved = self.moved.subscribe();
        loop {
            let (now, factor) = {
                let state = self.state.read();
                (state.now(), state.mode.factor())
            };
            let Ok(left) = (at - now).to_std() else { return };
            if left.is_zero() {
                return;
            }
            let real = factor.map(|factor| left.div_f64(factor));
            tokio::select! {
                biased;
                changed = moved.changed() => if changed.is_err() { return },
                () = machine_sleep(real) => {}
            }
        }
    }
}

/// An instant later by `by`, or the last one there is.
pub(crate) fn later(at: DateTime<Utc>, by: Duration) -> DateTime<Utc> {
    chrono::Duration::from_std(by)
        .ok()
        .and_then(|by| at.checked_add_signed(by))
        .unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// The form of instants in HTTP headers.
pub(crate) fn http_date(at: DateTime<Utc>) -> String {
    at.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

#[expect(clippy::disallowed_methods, reason = "the virtual clock is driven by the machine's")]
fn machine_time() -> DateTime<Utc> {
    Utc::now()
}

#[expect(clippy::disallowed_methods, reason = "the virtual clock is driven by the machine's")]
fn machine_instant() -> Instant {
    Instant::now()
}

#[expect(clippy::disallowed_methods, reason = "the virtual clock waits here and nowhere else")]
async fn machine_sleep(duration: Option<Duration>) {
    match duration {
        Some(duration) => tokio::time::sleep(duration).await,
        None => std::future::pending().await,
    }
}
