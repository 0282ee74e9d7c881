//! The embedded store, on a file of its own.
#![expect(clippy::expect_used, reason = "a world that cannot be made ends its trial")]

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use besunny_core::repository::Store;
use besunny_store_sqlite::{Options, SqliteStore};
use besunny_testkit::{
    clock::ManualClock,
    conformance::{
        Power,
        store::{StoreWorld, World, cases},
    },
};
use libtest_mimic::Trial;
use tempfile::TempDir;

pub(crate) fn trials() -> Vec<Trial> {
    super::trials("sqlite", cases(), |_| None, || Box::pin(async { SqliteWorld::fresh().await }))
}

#[derive(Debug)]
struct SqliteWorld {
    clock: Arc<ManualClock>,
    folder: TempDir,
    store: Mutex<Arc<SqliteStore>>,
}

impl SqliteWorld {
    async fn fresh() -> World {
        let clock = Arc::new(ManualClock::default());
        let folder = TempDir::with_prefix("besunny-").expect("a temporary folder");
        let store = Mutex::new(open(&clock, folder.path().join("store.db")).await);
        Arc::new(Self { clock, folder, store })
    }

    fn current(&self) -> Arc<SqliteStore> {
        Arc::clone(&self.store.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn open(clock: &Arc<ManualClock>, file: PathBuf) -> Arc<SqliteStore> {
    let clock = Arc::<ManualClock>::clone(clock);
    Arc::new(SqliteStore::open(file, clock, Options::default()).await.expect("the store opens"))
}

#[async_trait]
impl StoreWorld for SqliteWorld {
    fn store(&self) -> Arc<dyn Store> {
        self.current()
    }

    async fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    async fn reopened(&self) -> Arc<dyn Store> {
        self.current().close().await.expect("the store closes");
        let again = open(&self.clock, self.folder.path().join("store.db")).await;
        *self.store.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&again);
        again
    }

    fn lacks(&self, _: Power) -> Option<&'static str> {
        None
    }
}
