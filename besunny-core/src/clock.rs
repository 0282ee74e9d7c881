//! Time and fresh ids come in through these ports and from nowhere else (ARCHITECTURE.md L5).
use std::fmt::Debug;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use uuid::Uuid;

/// Tells the time and waits for it.
///
/// # Contract
/// - `now` MUST NOT go backwards within one process (`clock.now.forward`).
/// - `sleep_until` MUST return once `now() >= at` and not before (`clock.sleep.until`), and MUST return
///   at once when that already holds (`clock.sleep.past`).
///
/// # Cancellation
/// Dropping `sleep_until` MUST leave no effect (`clock.sleep.dropped`).
#[async_trait]
pub trait Clock: Debug + Send + Sync {
    /// Returns the present instant, UTC.
    fn now(&self) -> DateTime<Utc>;
    /// Waits until `at`.
    async fn sleep_until(&self, at: DateTime<Utc>);
}

/// Makes ids for what a person creates; sortable by time (UUIDv7) in production.
///
/// # Contract
/// No id MUST be returned twice (`ids.next.fresh`).
pub trait Ids: Debug + Send + Sync {
    /// Returns an id never returned before.
    fn next(&self) -> Uuid;
}
