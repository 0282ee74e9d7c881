//! What people ask for: what is tried again, and what becomes of a stream.
use besunny_core::{
    ids::{JobId, StreamId},
    source::ItemId,
    tenant::TenantScope,
    track::Steer,
};

use crate::{Besunny, Error};

impl Besunny {
    /// Reads items again that could not be taken in, or were ignored.
    ///
    /// # Errors
    /// What the store says; an item nobody knows is an error.
    pub async fn retry(
        &self,
        scope: &TenantScope,
        stream: StreamId,
        items: &[ItemId],
    ) -> Result<(), Error> {
        Ok(self.store.ask_again(scope, stream, items).await?)
    }

    /// Tries a job again that was given up; [`dead_jobs`] names those.
    ///
    /// # Errors
    /// What the store says; a job nobody knows is an error.
    ///
    /// [`dead_jobs`]: besunny_core::repository::Outbox::dead_jobs
    pub async fn replay(&self, scope: &TenantScope, job: JobId) -> Result<(), Error> {
        Ok(self.store.replay(scope, job).await?)
    }

    /// Lifts a pause, lists again, or decides on a mass removal that is held.
    ///
    /// # Errors
    /// What the store says.
    pub async fn steer(
        &self,
        scope: &TenantScope,
        stream: StreamId,
        steer: Steer,
    ) -> Result<(), Error> {
        Ok(self.store.steer(scope, stream, steer).await?)
    }
}
