//! What was learned: which models there are, and the way back to an earlier one (ML-3).
use besunny_core::{
    ids::UserId,
    repository::{BATCH, MadeBy, ModelRecord, NewModel},
    tenant::TenantScope,
};
use bytes::Bytes;

use crate::{Besunny, Error};

impl Besunny {
    /// Returns the state of a model, as its learner wrote it.
    ///
    /// # Errors
    /// [`Error::Missing`] when there is no such model, or its state is kept no more.
    pub async fn model_state(
        &self,
        scope: &TenantScope,
        owner: UserId,
        version: u32,
    ) -> Result<(ModelRecord, Bytes), Error> {
        let models = self.store.models(scope, owner).await?;
        let found = models.into_iter().find(|model| model.version == version);
        let record = found.ok_or(Error::Missing("model"))?;
        let state = self.store.model_state(scope, owner, version).await?;
        Ok((record, state.ok_or(Error::Missing("state of this model any more"))?))
    }

    /// Goes back to an earlier model: a new version with its state, which skips what was said since.
    ///
    /// Every engine on the store uses it from its next decision on. What people say from now on is
    /// learned as ever.
    ///
    /// # Errors
    /// As [`model_state`](Self::model_state); a conflict in the store when a model was stored
    /// in the same moment.
    ///
    /// # Cancellation
    /// Dropping the future may have gone back.
    pub async fn roll_back(
        &self,
        scope: &TenantScope,
        owner: UserId,
        to: u32,
    ) -> Result<ModelRecord, Error> {
        let (record, state) = self.model_state(scope, owner, to).await?;
        let mut seq = record.seq;
        let newest = loop {
            let lessons = self.store.lessons(scope, owner, seq, BATCH).await?;
            match lessons.labels.last() {
                Some(last) => seq = last.seq,
                None => break lessons.newest,
            }
        };
        let new = NewModel {
            newest,
            parent: Some(to),
            made_by: MadeBy::RollingBack,
            learner: record.learner,
            seq,
            learned: record.learned,
            promises: record.promises,
            state,
            made_at: self.worker.clock.now(),
        };
        let version = self.store.put_model(scope, owner, &new).await?;
        Ok(new.record(version))
    }
}
