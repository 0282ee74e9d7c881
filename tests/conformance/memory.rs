//! The store in memory.
use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use besunny_core::repository::Store;
use besunny_testkit::{
    clock::ManualClock,
    conformance::{
        Power,
        store::{StoreWorld, World, cases},
    },
    memory::MemoryRepository,
};
use libtest_mimic::Trial;

pub(crate) fn trials() -> Vec<Trial> {
    super::trials("memory", cases(), lacks, || Box::pin(async { MemoryWorld::fresh() }))
}

fn lacks(power: Power) -> Option<&'static str> {
    (power == Power::Reopen).then_some("memory does not outlive its process")
}

#[derive(Debug)]
pub(crate) struct MemoryWorld {
    clock: Arc<ManualClock>,
    store: Arc<MemoryRepository>,
}

impl MemoryWorld {
    pub(crate) fn fresh() -> World {
        let clock = Arc::new(ManualClock::default());
        let store = Arc::new(MemoryRepository::new(Arc::<ManualClock>::clone(&clock)));
        Arc::new(Self { clock, store })
    }
}

#[async_trait]
impl StoreWorld for MemoryWorld {
    fn store(&self) -> Arc<dyn Store> {
        Arc::<MemoryRepository>::clone(&self.store)
    }

    async fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    async fn reopened(&self) -> Arc<dyn Store> {
        self.store()
    }

    fn lacks(&self, power: Power) -> Option<&'static str> {
        lacks(power)
    }
}
