//! Keeping leases and claims alive while the work under them goes on.
use std::time::Duration;

use futures::future::{self, Either};

use super::Worker;
use crate::{cause::describe, scheduler::Hold};

/// What is held is renewed so often in its time, so that one heartbeat may be lost, and one late.
const BEATS: u32 = 3;

impl Worker {
    /// Does `work` and keeps what it is done under.
    ///
    /// `None` once all of that has passed to others, or the work has taken longer than `patience`;
    /// then nothing is kept any more. Whoever lost a part of it is refused as fenced.
    pub(super) async fn kept<T>(
        &self,
        holds: Vec<Hold>,
        patience: Duration,
        work: impl Future<Output = T> + Send,
    ) -> Option<T> {
        let (work, kept) = (Box::pin(work), Box::pin(self.keep(holds, patience)));
        match future::select(work, kept).await {
            Either::Left((done, _)) => Some(done),
            Either::Right(((), _)) => None,
        }
    }

    async fn keep(&self, mut holds: Vec<Hold>, patience: Duration) {
        let (begun, lease_for) = (self.clock.now(), self.settings.lease_for);
        while !holds.is_empty() {
            self.clock.sleep_until(self.clock.now() + lease_for / BEATS).await;
            if (self.clock.now() - begun).to_std().is_ok_and(|taken| taken > patience) {
                tracing::error!(holds = holds.len(), ?patience, "work hangs and is let go");
                return;
            }
            match self.scheduler.heartbeat(&holds, lease_for).await {
                Ok(kept) => {
                    let mut kept = kept.into_iter();
                    holds.retain(|_| kept.next().unwrap_or(false));
                }
                Err(error) => tracing::warn!(error = describe(&error), "cannot send a heartbeat"),
            }
        }
    }
}
