//! The log of answers, and models.
use async_trait::async_trait;
use besunny_core::{
    ids::UserId,
    repository::{BATCH, KEPT_MODELS, Lessons, ModelRecord, Models, NewModel, RepositoryError},
    tenant::TenantScope,
};
use bytes::Bytes;

use super::{MemoryRepository, ModelRow};

#[async_trait]
impl Models for MemoryRepository {
    async fn lessons(
        &self,
        scope: &TenantScope,
        owner: UserId,
        after: u64,
        limit: usize,
    ) -> Result<Lessons, RepositoryError> {
        self.read(scope, |rows| {
            let labels = rows.labels.get(&owner).into_iter().flatten();
            let labels = labels.filter(|label| label.seq > after).take(limit.min(BATCH));
            let newest = rows.models.get(&owner).and_then(|models| models.last());
            let newest = newest.map(|model| model.record.version);
            Ok(Lessons { newest, labels: labels.cloned().collect() })
        })
    }

    async fn models(
        &self,
        scope: &TenantScope,
        owner: UserId,
    ) -> Result<Vec<ModelRecord>, RepositoryError> {
        self.read(scope, |rows| {
            let models = rows.models.get(&owner).into_iter().flatten().rev();
            Ok(models.map(|model| model.record.clone()).collect())
        })
    }

    async fn model_state(
        &self,
        scope: &TenantScope,
        owner: UserId,
        version: u32,
    ) -> Result<Option<Bytes>, RepositoryError> {
        self.read(scope, |rows| {
            let mut models = rows.models.get(&owner).into_iter().flatten();
            let found = models.find(|model| model.record.version == version);
            Ok(found.map(|model| model.state.clone()))
        })
    }

    async fn put_model(
        &self,
        scope: &TenantScope,
        owner: UserId,
        model: &NewModel,
    ) -> Result<u32, RepositoryError> {
        self.write(scope, |rows| {
            if !rows.users.contains_key(&owner) {
                return Err(RepositoryError::Missing("owner"));
            }
            let models = rows.models.entry(owner).or_default();
            let newest = models.last().map(|model| model.record.version);
            if newest != model.newest {
                return Err(RepositoryError::Conflict);
            }
            let version = newest.unwrap_or(0) + 1;
            models.push(ModelRow { record: model.record(version), state: model.state.clone() });
            models.retain(|old| old.record.version + KEPT_MODELS > version);
            Ok(version)
        })
    }
}
