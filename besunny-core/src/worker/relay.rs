//! The loop over the outbox: publish, then forget.
use futures::future;

use super::{Until, Worker};
use crate::{cause::describe, event::EventSink, ids::EventId, retry, scheduler::Work};

impl Worker {
    /// Publishes what waits; returns how many events.
    pub(super) async fn relay(&self, until: &Until) -> usize {
        let (mut done, mut failures) = (0, 0);
        loop {
            let changed = self.scheduler.changed(Work::Events);
            match self.publish().await {
                Ok(0) => {
                    failures = 0;
                    if until.is_over() || !self.rest(until, Work::Events, changed).await {
                        return done;
                    }
                }
                Ok(count) => {
                    failures = 0;
                    done += count;
                    if until.is_over() {
                        return done;
                    }
                }
                Err(()) if until.is_over() || matches!(until, Until::Idle) => return done,
                Err(()) => {
                    failures += 1;
                    let wait = retry::STORE.wait(failures, 1.0);
                    let later = self.clock.sleep_until(self.clock.now() + wait);
                    future::select(later, until.wanted()).await;
                }
            }
        }
    }

    async fn publish(&self) -> Result<usize, ()> {
        let complain = |error: &(dyn std::error::Error + 'static)| {
            tracing::warn!(error = describe(error), "cannot publish events");
        };
        let events = self.repository.unpublished(self.settings.events).await;
        let events = events.map_err(|error| complain(&error))?;
        if events.is_empty() {
            return Ok(0);
        }
        self.guarded(&*self.sink).publish(&events).await.map_err(|error| complain(&error))?;
        let ids: Vec<EventId> = events.iter().map(|event| event.id).collect();
        self.repository.published(&ids).await.map_err(|error| complain(&error))?;
        Ok(events.len())
    }
}
