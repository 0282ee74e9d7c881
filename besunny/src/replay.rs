//! What another model would have done, with what was known then (ML-5).
use besunny_core::{
    replay::{Order, Replay, ReplayError},
    tenant::TenantScope,
};

use crate::Besunny;

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
}
