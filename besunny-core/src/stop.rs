//! Graceful shutdown: a wish that every loop can see and wait for.
use std::fmt;

use futures::{
    FutureExt,
    channel::oneshot,
    future::{Future, Shared},
};

/// Says that work should end; cheap to clone.
#[derive(Clone)]
pub struct Stop(Shared<oneshot::Receiver<()>>);

/// Makes [`Stop`] come true when dropped or told to.
#[derive(Debug)]
pub struct Stopper {
    _wish: oneshot::Sender<()>,
}

impl Stop {
    /// Makes a wish that is not yet there, and the means to make it.
    #[must_use]
    pub fn new() -> (Stopper, Self) {
        let (wish, stop) = oneshot::channel();
        (Stopper { _wish: wish }, Self(stop.shared()))
    }

    /// Says whether work should end.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        self.0.clone().now_or_never().is_some()
    }

    /// Waits until work should end.
    pub fn wanted(&self) -> impl Future<Output = ()> + Send + use<> {
        self.0.clone().map(drop)
    }
}

impl Stopper {
    /// Asks everybody to end.
    pub fn stop(self) {
        drop(self);
    }
}

impl fmt::Debug for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stop").field("wanted", &self.is_wanted()).finish()
    }
}
