//! Death at a chosen await: every place where the engine gives way, one after the other.
//!
//! A [`CrashPoint`] counts the places before and after each call of the store and before each call
//! of the source. At the chosen one the engine never comes back: the test drops it, as `kill -9`
//! would, and starts another.
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use async_trait::async_trait;
use besunny_core::{
    commit::Commit,
    repository::RepositoryError,
    source::{SourceError, Subject},
    tenant::TenantScope,
    track::Version,
};
use futures::{
    FutureExt,
    channel::oneshot,
    future::{self, Either, Shared},
};

use crate::{
    bots::BotWeather,
    interposed::Interposer,
    scripted::{Call, Oddity, Weather},
};

/// The place where an engine dies.
#[derive(Debug)]
pub struct CrashPoint {
    at: u64,
    count: AtomicU64,
    death: Shared<oneshot::Receiver<()>>,
    kill: std::sync::Mutex<Option<oneshot::Sender<()>>>,
}

impl CrashPoint {
    /// Makes the place number `at`, counted from 1; 0 is never reached.
    #[must_use]
    pub fn at(at: u64) -> Arc<Self> {
        let (kill, death) = oneshot::channel();
        let kill = std::sync::Mutex::new(Some(kill));
        Arc::new(Self { at, count: AtomicU64::new(0), death: death.shared(), kill })
    }

    /// Returns how many places were passed.
    pub fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// Lets `engine` work until it is done or dies; says whether it died.
    pub async fn run(&self, engine: impl Future<Output = ()> + Send) -> bool {
        let engine = Box::pin(engine);
        matches!(future::select(engine, self.death.clone()).await, Either::Right(_))
    }

    async fn pass(&self) {
        if self.count.fetch_add(1, Ordering::Relaxed) + 1 == self.at {
            drop(self.kill.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take());
            future::pending::<()>().await;
        }
    }

    /// Says whether the engine died here.
    #[must_use]
    pub fn was_reached(&self) -> bool {
        self.death.clone().now_or_never().is_some()
    }
}

#[async_trait]
impl Interposer for CrashPoint {
    async fn before(&self, _: &'static str) -> Result<(), RepositoryError> {
        self.pass().await;
        Ok(())
    }

    async fn after(&self, _: &'static str) -> Result<(), RepositoryError> {
        self.pass().await;
        Ok(())
    }

    fn committed(&self, _: &TenantScope, _: &Commit, _: &Result<Version, RepositoryError>) {}
}

#[async_trait]
impl BotWeather for CrashPoint {
    async fn before(&self, _: &'static str) -> Result<(), SourceError> {
        self.pass().await;
        Ok(())
    }

    async fn after(&self, _: &'static str) -> Result<(), SourceError> {
        self.pass().await;
        Ok(())
    }
}

#[async_trait]
impl Weather for CrashPoint {
    async fn before(&self, _: Call<'_>) -> Result<(), SourceError> {
        self.pass().await;
        Ok(())
    }

    fn lag(&self, _: &Subject) -> usize {
        0
    }

    fn circles(&self) -> bool {
        false
    }

    fn answered(&self, _: Oddity) {}
}
