//! Models in memory, and where they learn.
use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures::{
    FutureExt,
    channel::oneshot,
    future::{self, BoxFuture},
};

use super::Kept;
use crate::ids::{TenantId, UserId};

/// Models that are held in memory, the last ones asked.
pub struct Shelf {
    slots: Mutex<Slots>,
    aside: Arc<dyn Aside>,
}

#[derive(Default)]
struct Slots {
    held: HashMap<ShelfKey, Slot>,
    turn: u64,
}

/// Whose model it is, and under which version it was stored; none for the one that learns on.
type ShelfKey = (TenantId, UserId, Option<u32>);

struct Slot {
    taught: Arc<Kept>,
    asked_at: u64,
}

/// Does work that takes long and waits for nothing, so that others go on meanwhile.
///
/// A model learns up to a hundred answers at once, which may take a second.
///
/// # Cancellation
/// Dropping the future may leave the work running; nobody hears of its end.
pub trait Aside: fmt::Debug + Send + Sync {
    /// Does `work` to its end, or drops it.
    fn run(&self, work: Box<dyn FnOnce() + Send>) -> BoxFuture<'static, ()>;
}

/// Does everything at once, on the thread of whoever asks; the default.
#[derive(Clone, Copy, Debug, Default)]
pub struct AtOnce;

impl Aside for AtOnce {
    fn run(&self, work: Box<dyn FnOnce() + Send>) -> BoxFuture<'static, ()> {
        work();
        future::ready(()).boxed()
    }
}

/// Work that was begun had no end: it panicked.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("learning came to no end")]
pub(in crate::worker) struct Endless;

impl Default for Shelf {
    fn default() -> Self {
        Self::beside(Arc::new(AtOnce))
    }
}

impl Shelf {
    /// Holds models that learn where `aside` says.
    #[must_use]
    pub fn beside(aside: Arc<dyn Aside>) -> Self {
        Self { slots: Mutex::default(), aside }
    }

    /// Does work of a model aside, and returns what came of it.
    pub(super) async fn aside<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Endless> {
        let (tell, told) = oneshot::channel();
        // Whoever waited may be gone.
        let run = self.aside.run(Box::new(move || drop(tell.send(work()))));
        run.await;
        told.await.map_err(|oneshot::Canceled| Endless)
    }

    pub(in crate::worker) fn find(&self, key: ShelfKey) -> Option<Arc<Kept>> {
        let mut slots = self.lock();
        slots.turn += 1;
        let turn = slots.turn;
        let slot = slots.held.get_mut(&key)?;
        slot.asked_at = turn;
        Some(Arc::clone(&slot.taught))
    }

    /// Forgets a model that may be half taught.
    pub(in crate::worker) fn forget(&self, key: ShelfKey) {
        self.lock().held.remove(&key);
    }

    /// Makes room for a model that knows nothing yet, at the cost of the one not asked for longest.
    pub(in crate::worker) fn open(&self, key: ShelfKey, most: usize) -> Arc<Kept> {
        let mut slots = self.lock();
        let turn = slots.turn;
        if slots.held.len() >= most.max(1) && !slots.held.contains_key(&key) {
            let oldest = slots.held.iter().min_by_key(|(key, slot)| (slot.asked_at, **key));
            if let Some(oldest) = oldest.map(|(key, _)| *key) {
                slots.held.remove(&oldest);
            }
        }
        let fresh = || Slot { taught: Arc::default(), asked_at: turn };
        Arc::clone(&slots.held.entry(key).or_insert_with(fresh).taught)
    }

    fn lock(&self) -> MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Shelf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shelf").field("models", &self.lock().held.len()).finish()
    }
}
