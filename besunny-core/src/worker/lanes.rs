//! How many documents of a tenant a language model is asked about at once.
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex as Lock, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use futures::lock::{Mutex, MutexGuard};

use crate::ids::TenantId;

/// The lanes of each tenant that is decided for; all rounds of a worker share them.
#[derive(Debug)]
pub(super) struct TenantLanes {
    count: usize,
    open: Lock<BTreeMap<TenantId, Arc<Lanes>>>,
}

/// Lets a few in at once; the others wait in as many lines.
#[derive(Debug)]
pub(super) struct Lanes {
    lanes: Vec<Mutex<()>>,
    next: AtomicUsize,
}

impl TenantLanes {
    /// Opens `count` lanes for each tenant.
    pub(super) const fn new(count: usize) -> Self {
        Self { count, open: Lock::new(BTreeMap::new()) }
    }

    /// Returns the lanes of a tenant, and closes those that nobody uses.
    pub(super) fn of(&self, tenant: TenantId) -> Arc<Lanes> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, lanes| Arc::strong_count(lanes) > 1);
        let lanes = open.entry(tenant).or_insert_with(|| Arc::new(Lanes::new(self.count)));
        Arc::clone(lanes)
    }
}

impl Lanes {
    /// Opens `count` lanes.
    pub(super) fn new(count: usize) -> Self {
        Self {
            lanes: (0..count.max(1)).map(|_| Mutex::new(())).collect(),
            next: AtomicUsize::new(0),
        }
    }

    /// Waits for a free place, which is given back when it is dropped.
    pub(super) async fn enter(&self) -> MutexGuard<'_, ()> {
        let next = self.next.fetch_add(1, Ordering::Relaxed) % self.lanes.len();
        self.lanes[next].lock().await
    }
}
