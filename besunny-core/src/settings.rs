//! Settings of the engine, each with its default and the reason for it.
use std::time::Duration;

/// How much the engine does at once, and for how long it holds work.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Streams worked on at once by one worker (MAIL-9).
    pub streams: usize,
    /// Jobs done at once by one worker.
    pub jobs: usize,
    /// How long a lease or claim lasts without a heartbeat; a dead worker's work waits so long.
    pub lease_for: Duration,
    /// Jobs that take longer together are taken for hung and left to be done one by one: a model
    /// that weighs 256 mails, four at once and 30 s each, needs half an hour.
    pub hung_after: Duration,
    /// Pages read under one lease before others get their turn.
    pub passes: usize,
    /// Events published at once.
    pub events: usize,
    /// The longest time between two looks for due work, since other nodes may have made some.
    pub idle: Duration,
    /// So long it is remembered which jobs were done and which commits people made. Repetitions
    /// come within minutes; the rest is for whoever wants to know what happened last month.
    pub remember_for: Duration,
    /// How sure a classifier must be for a document to be routed, from 0 to 1 (CLS-7).
    pub assign_at: f64,
    /// How much surer than of the next best project (CLS-3: ambiguous references).
    pub margin: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            streams: 8,
            jobs: 256,
            lease_for: Duration::from_mins(1),
            hung_after: Duration::from_hours(1),
            passes: 64,
            events: 1024,
            idle: Duration::from_secs(30),
            remember_for: Duration::from_hours(30 * 24),
            assign_at: 0.8,
            margin: 0.2,
        }
    }
}
