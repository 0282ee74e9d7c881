//! Keeping leases and claims alive while the work under them goes on.
use futures::future::{self, Either};

use super::Worker;
use crate::{cause::describe, scheduler::Hold};

/// What is held is renewed so often in its time, so that one heartbeat may be lost, and one late.
const BEATS: u32 = 3;

impl Worker {
    /// Does `work` and keeps what it is done under.
    ///
    /// `None` once all of that has passed to others. Whoever lost a part of it is refused as fenced.
    ///
    /// The work may take as long as it likes: each call of somebody outside has an end. Calls of the store
    /// and of a learner have none; they are part of this house.
    pub(super) async fn kept<T>(
        &self,
        holds: Vec<Hold>,
        work: impl Future<Output = T> + Send,
    ) -> Option<T> {
        let (work, kept) = (Box::pin(work), Box::pin(self.keep(holds)));
        match future::select(work, kept).await {
            Either::Left((done, _)) => Some(done),
            Either::Right(((), _)) => None,
        }
    }

    async fn keep(&self, mut holds: Vec<Hold>) {
        let lease_for = self.settings.lease_for;
        while !holds.is_empty() {
            self.clock.sleep_until(self.clock.now() + lease_for / BEATS).await;
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
