//! What shadows would have decided.
use async_trait::async_trait;
use besunny_core::{
    ids::{DocumentId, UserId},
    repository::{BATCH, RepositoryError, Shadows},
    shadow::Shadow,
    tenant::TenantScope,
};

use super::MemoryRepository;

/// The order of shadows; models are ordered by name, as any store can.
pub(super) type ShadowKey = (UserId, DocumentId, u64, String);

fn key(owner: UserId, shadow: &Shadow) -> ShadowKey {
    (owner, shadow.document, shadow.version, shadow.with.to_string())
}

#[async_trait]
impl Shadows for MemoryRepository {
    async fn put_shadows(
        &self,
        scope: &TenantScope,
        owner: UserId,
        shadows: &[Shadow],
    ) -> Result<(), RepositoryError> {
        self.write(scope, |rows| {
            if shadows.iter().any(|shadow| !rows.documents.contains_key(&shadow.document)) {
                return Err(RepositoryError::Missing("document"));
            }
            for shadow in shadows {
                rows.shadows.entry(key(owner, shadow)).or_insert_with(|| shadow.clone());
            }
            Ok(())
        })
    }

    async fn shadows(
        &self,
        scope: &TenantScope,
        owner: UserId,
        after: Option<&Shadow>,
        limit: usize,
    ) -> Result<Vec<Shadow>, RepositoryError> {
        let after = after.map(|shadow| key(owner, shadow));
        self.read(scope, |rows| {
            let own = rows.shadows.iter().filter(|(key, _)| key.0 == owner);
            let later = own.filter(|(key, _)| after.as_ref().is_none_or(|after| *key > after));
            Ok(later.take(limit.min(BATCH)).map(|(_, shadow)| shadow.clone()).collect())
        })
    }
}
