//! What another model would have done, with what was known then (ML-5).
use besunny_core::{
    ids::UserId,
    replay::{Order, Replay, ReplayError},
    report::Report,
    tenant::TenantScope,
};

use crate::{Besunny, Error};

impl Besunny {
    /// Makes decisions again with what was known then; nothing is written.
    ///
    /// # Errors
    /// [`ReplayError`] when the model cannot be asked, or the store fails.
    ///
    /// # Cancellation
    /// Dropping the future leaves no effect.
    pub async fn replay_decisions(
        &self,
        scope: &TenantScope,
        order: &Order,
    ) -> Result<Replay, ReplayError> {
        self.worker.replay(scope, order).await
    }

    /// Compares shadows and arms of experiments with what people have said since.
    ///
    /// Without an owner, those of all people of the tenant are summed up. Nothing is written.
    ///
    /// # Errors
    /// What the store says.
    pub async fn report(
        &self,
        scope: &TenantScope,
        owner: Option<UserId>,
    ) -> Result<Report, Error> {
        let owners = match owner {
            Some(owner) => vec![owner],
            None => self.store.users(scope).await?.into_iter().map(|user| user.id).collect(),
        };
        Ok(self.worker.report(scope, &owners).await?)
    }
}
