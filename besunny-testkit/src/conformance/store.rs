//! What every store promises: [`Repository`](besunny_core::repository::Repository) and
//! [`Scheduler`](besunny_core::scheduler::Scheduler).
use std::{fmt::Debug, sync::Arc, time::Duration};

use async_trait::async_trait;
use besunny_core::repository::Store;

mod bench;
mod commits;
mod documents;
mod feedback;
mod jobs;
mod learning;
mod leases;
mod meetings;
mod newcomers;
mod onboardings;
mod postings;
mod shadows;
mod streams;
mod tenants;

use super::{Case, Power};

/// A store under test.
#[async_trait]
pub trait StoreWorld: Debug + Send + Sync {
    /// Returns the store, empty at first.
    fn store(&self) -> Arc<dyn Store>;
    /// Lets so much of the store's own time pass.
    async fn advance(&self, by: Duration);
    /// Opens the store again, as after a restart.
    async fn reopened(&self) -> Arc<dyn Store>;
    /// Returns why the world cannot do something.
    fn lacks(&self, power: Power) -> Option<&'static str>;
}

/// A world of which each case gets a fresh one.
pub type World = Arc<dyn StoreWorld>;

/// Returns all cases.
#[must_use]
pub fn cases() -> Vec<Case<World>> {
    let groups = [
        commits::cases(),
        documents::cases(),
        feedback::cases(),
        streams::cases(),
        newcomers::cases(),
        onboardings::cases(),
        tenants::cases(),
        leases::cases(),
        jobs::cases(),
        learning::cases(),
        shadows::cases(),
        meetings::cases(),
        postings::cases(),
    ];
    groups.into_iter().flatten().collect()
}
