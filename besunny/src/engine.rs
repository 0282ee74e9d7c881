//! The running engine: it owns its tasks and ends them gracefully.
use std::{num::NonZero, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use besunny_core::{
    stop::{Stop, Stopper},
    worker::Worker,
};
use futures::FutureExt;
use tokio::task::AbortHandle;
use tokio_util::task::TaskTracker;

/// Work under way gets so long to end (OPS-2).
const GRACE: Duration = Duration::from_secs(30);
/// What was aborted ends at its next await; who blocks his thread for longer is left behind.
const ABORTED: Duration = Duration::from_secs(1);
/// More workers than this only queue up at the one writer of an embedded store.
const MOST_WORKERS: usize = 4;

/// A running engine; dropping it asks its tasks to end without waiting for them.
#[derive(Debug)]
pub struct Engine {
    stopper: Stopper,
    tasks: TaskTracker,
    running: Vec<AbortHandle>,
}

impl Engine {
    pub(crate) fn start(worker: &Arc<Worker>) -> Self {
        let (stopper, stop) = Stop::new();
        let tasks = TaskTracker::new();
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        let running = (0..cores.min(MOST_WORKERS)).map(|number| {
            tasks.spawn(keep(Arc::clone(worker), stop.clone(), number == 0)).abort_handle()
        });
        let running = running.collect();
        tasks.close();
        Self { stopper, tasks, running }
    }

    /// Asks the tasks to end and waits until they have, for 30 seconds at most, and one more for
    /// what was aborted.
    ///
    /// Returns whether all ended in time. What did not is aborted, and done again by whoever works
    /// on the store once its lease is over.
    ///
    /// # Cancellation
    /// Dropping the future leaves the tasks asked to end, and aborts none.
    pub async fn stop(self) -> bool {
        self.stop_within(GRACE).await
    }

    /// Does the same with another time of grace.
    ///
    /// # Cancellation
    /// As with [`stop`](Self::stop).
    pub async fn stop_within(self, grace: Duration) -> bool {
        self.stopper.stop();
        if tokio::time::timeout(grace, self.tasks.wait()).await.is_ok() {
            return true;
        }
        tracing::warn!("work did not end in time and is aborted");
        self.running.iter().for_each(AbortHandle::abort);
        if tokio::time::timeout(ABORTED, self.tasks.wait()).await.is_err() {
            tracing::error!("work blocks its thread and is left behind");
        }
        false
    }
}

/// Keeps a worker at work: one that panics is begun again, since what it held passes on by itself.
async fn keep(worker: Arc<Worker>, stop: Stop, publishes: bool) {
    loop {
        let run = async {
            if publishes { worker.run(&stop).await } else { worker.run_beside(&stop).await }
        };
        if AssertUnwindSafe(run).catch_unwind().await.is_ok() {
            return;
        }
        tracing::error!("a worker panicked and is begun again");
    }
}
