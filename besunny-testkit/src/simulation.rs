//! Deterministic simulation: the whole engine on a store in memory, under faults from one seed.
//!
//! A *history* is one run: some tenants with mailboxes of every kind and calendars, two engines on one
//! store, and a world that delivers, deletes, expires, revokes, notifies and kills for some hours of
//! virtual time. Its people plan, move and call off meetings, and bots hear what is said in them. Then
//! the faults stop, everything must drain, and an independent `check` compares what the world holds with
//! what the store says. The seed decides everything: clock, faults, interleavings, and at which await an
//! engine dies. The same seed gives the same trace hash.
use std::collections::BTreeMap;

use serde::Serialize;

mod check;
mod executor;
mod faults;
mod filing;
mod nodes;
mod post;
mod stage;
mod trace;
mod truth;
mod watches;
mod world;

pub use check::Violation;
pub use faults::Fault;
use stage::Stage;

use crate::planted::Planted;

/// What one history came to.
#[derive(Clone, Debug)]
pub struct History {
    /// The seed that replays it.
    pub seed: u64,
    /// How many items the world delivered.
    pub items: u64,
    /// How often each fault was met by the engine.
    pub fired: BTreeMap<Fault, u64>,
    /// A hash over everything that happened, in order.
    pub trace: u64,
    /// What must not be.
    pub violations: Vec<Violation>,
}

/// What many histories came to; the last line of `cargo xtask sim --json`.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Summary {
    /// How many histories ran.
    pub histories: u64,
    /// How many items the worlds delivered.
    pub items: u64,
    /// Items that did not end in the state they should (I1).
    pub lost: u64,
    /// Effects that happened twice (I2).
    pub doubled: u64,
    /// Rows that crossed a tenant's wall (I3).
    pub cross_tenant: u64,
    /// Positions that went backwards (I4).
    pub regressed: u64,
    /// Histories that did not drain once the faults stopped (I5).
    pub stuck: u64,
    /// How often each fault was met.
    pub fired: BTreeMap<&'static str, u64>,
    /// A hash over the trace hashes of all histories.
    pub trace: String,
    /// The seeds of histories with violations.
    pub failing: Vec<u64>,
}

/// Runs the history of `seed`, with a bug planted if one is named.
#[must_use]
pub fn run(seed: u64, planted: Option<Planted>) -> History {
    let stage = Stage::new(seed, planted);
    let stuck = executor::play(&stage);
    let mut violations = check::check(&stage);
    violations.extend(stuck);
    History {
        seed,
        items: stage.truth.lock().made(),
        fired: stage.faults.fired(),
        trace: stage.trace.hash(),
        violations,
    }
}

/// Runs the histories of `count` seeds from `first`.
#[must_use]
pub fn run_many(first: u64, count: u64, mut report: impl FnMut(&History)) -> Summary {
    let mut summary = Summary::default();
    let mut trace = trace::Trace::default();
    for fault in Fault::ALL {
        summary.fired.insert(fault.as_str(), 0);
    }
    for seed in first..first.saturating_add(count) {
        let history = run(seed, None);
        report(&history);
        trace.number(history.trace);
        summary.add(&history);
    }
    summary.trace = format!("{:016x}", trace.hash());
    summary
}

impl Summary {
    fn add(&mut self, history: &History) {
        self.histories += 1;
        self.items += history.items;
        for (fault, count) in &history.fired {
            *self.fired.entry(fault.as_str()).or_default() += count;
        }
        if !history.violations.is_empty() {
            self.failing.push(history.seed);
        }
        for violation in &history.violations {
            match violation {
                Violation::Lost(_) => self.lost += 1,
                Violation::Doubled(_) => self.doubled += 1,
                Violation::CrossTenant(_) => self.cross_tenant += 1,
                Violation::Regressed(_) => self.regressed += 1,
                Violation::Stuck(_) => self.stuck += 1,
            }
        }
    }

    /// Says whether nothing was violated.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.failing.is_empty()
    }
}
