//! The loop over what was done long ago: forgotten in small steps, so that nobody waits for it.
use std::time::Duration;

use futures::future;

use super::Worker;
use crate::{cause::describe, scheduler::Forget, stop::Stop};

/// What is a month old may be an hour older.
const EVERY: Duration = Duration::from_hours(1);
/// One step holds the one writer of an embedded store for some milliseconds.
const STEP: usize = 500;
/// Between two steps others have their turn.
const PAUSE: Duration = Duration::from_millis(100);
/// Whoever repeats a commit whose answer was lost may do so for a day, whatever is set.
const SHORTEST: Duration = Duration::from_hours(24);

impl Worker {
    /// Forgets what was done until `stop`.
    pub(super) async fn forget(&self, stop: &Stop) {
        let older_than = self.settings.remember_for.max(SHORTEST);
        while !stop.is_wanted() {
            let wait = match self.scheduler.forget(Forget { older_than, limit: STEP }).await {
                Ok(true) => PAUSE,
                Ok(false) => EVERY,
                Err(error) => {
                    tracing::warn!(error = describe(&error), "cannot forget what was done");
                    EVERY
                }
            };
            let later = self.clock.sleep_until(self.clock.now() + wait);
            future::select(Box::pin(stop.wanted()), later).await;
        }
    }
}
