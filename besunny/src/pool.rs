//! Where models learn: the blocking pool of the runtime that the engine runs on.
use besunny_core::worker::Aside;
use futures::{FutureExt, future::BoxFuture};
use tokio::runtime::Handle;

/// Does long work on tokio's blocking pool, and on the spot where there is no runtime.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BlockingPool;

impl Aside for BlockingPool {
    fn run(&self, work: Box<dyn FnOnce() + Send>) -> BoxFuture<'static, ()> {
        async {
            match Handle::try_current() {
                // A panic is seen by who waits for what comes of the work.
                Ok(runtime) => drop(runtime.spawn_blocking(work).await),
                Err(_) => work(),
            }
        }
        .boxed()
    }
}
