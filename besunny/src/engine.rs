//! The running engine: it owns its tasks and ends them gracefully.
use std::{num::NonZero, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use besunny_core::{
    stop::{Stop, Stopper},
    worker::Worker,
};
use futures::FutureExt;
use tokio_util::task::TaskTracker;

/// Work under way gets so long to end (OPS-2).
const GRACE: Duration = Duration::from_secs(30);
/// More workers than this only queue up at the one writer of an embedded store.
const MOST_WORKERS: usize = 4;

/// A running engine; dropping it asks its tasks to end without waiting for them.
#[derive(Debug)]
pub struct Engine {
    stopper: Stopper,
    tasks: TaskTracker,
}

impl Engine {
    pub(crate) fn start(worker: &Arc<Worker>) -> Self {
        let (stopper, stop) = Stop::new();
        let tasks = TaskTracker::new();
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        for number in 0..cores.min(MOST_WORKERS) {
            tasks.spawn(keep(Arc::clone(worker), stop.clone(), number == 0));
        }
        tasks.close();
        Self { stopper, tasks }
    }

    /// Asks the tasks to end and waits until they have, for 30 seconds at most.
    ///
    /// Returns whether all ended in time; what did not is done again once its lease is over.
    pub async fn stop(self) -> bool {
        self.stopper.stop();
        tokio::time::timeout(GRACE, self.tasks.wait()).await.is_ok()
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
