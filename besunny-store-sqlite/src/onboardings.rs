//! Onboardings under way.
use async_trait::async_trait;
use besunny_core::{
    ids::{OnboardingId, UserId},
    onboarding::Onboarding,
    repository::{BATCH, Onboardings, RepositoryError},
    tenant::TenantScope,
};

use crate::{
    column::{Id, Table, integer, json, micros, tenant},
    failure::{failed, orphaned},
    store::SqliteStore,
    writer::Turn,
};

const ONBOARDINGS: Table = Table("onboardings");

#[async_trait]
impl Onboardings for SqliteStore {
    async fn put_onboarding(
        &self,
        scope: &TenantScope,
        onboarding: &Onboarding,
    ) -> Result<(), RepositoryError> {
        let (tenant, onboarding) = (tenant(scope), onboarding.clone());
        self.write(move |mut turn| {
            Box::pin(async move { put(&mut turn, &tenant, &onboarding).await })
        })
        .await
    }

    async fn onboarding(
        &self,
        scope: &TenantScope,
        owner: UserId,
        id: OnboardingId,
    ) -> Result<Option<Onboarding>, RepositoryError> {
        let (tenant, owner, id) = (tenant(scope), owner.bytes(), id.bytes());
        let state = sqlx::query_scalar!(
            "SELECT state FROM onboardings WHERE tenant = ? AND id = ? AND owner = ?",
            tenant,
            id,
            owner,
        );
        let state = state.fetch_optional(&self.readers).await.map_err(failed)?;
        state.map(|state| ONBOARDINGS.json("state", &state)).transpose()
    }

    async fn onboardings(
        &self,
        scope: &TenantScope,
        owner: UserId,
    ) -> Result<Vec<Onboarding>, RepositoryError> {
        let (tenant, owner, limit) = (tenant(scope), owner.bytes(), integer(BATCH));
        let states = sqlx::query_scalar!(
            "SELECT state FROM onboardings WHERE tenant = ? AND owner = ?
            ORDER BY changed_at DESC, id LIMIT ? + 0",
            tenant,
            owner,
            limit,
        );
        let states = states.fetch_all(&self.readers).await.map_err(failed)?;
        states.iter().map(|state| ONBOARDINGS.json("state", state)).collect()
    }

    async fn drop_onboarding(
        &self,
        scope: &TenantScope,
        owner: UserId,
        id: OnboardingId,
    ) -> Result<(), RepositoryError> {
        let (tenant, owner, id) = (tenant(scope), owner.bytes(), id.bytes());
        self.write(move |turn| {
            Box::pin(async move {
                let dropped = sqlx::query!(
                    "DELETE FROM onboardings WHERE tenant = ? AND id = ? AND owner = ?",
                    tenant,
                    id,
                    owner,
                );
                dropped.execute(turn.connection).await.map(drop).map_err(failed)
            })
        })
        .await
    }
}

/// Stores an onboarding that is new or one version on; anything else is a conflict.
pub(crate) async fn put(
    turn: &mut Turn<'_>,
    tenant: &[u8],
    onboarding: &Onboarding,
) -> Result<(), RepositoryError> {
    let (id, owner) = (onboarding.id.bytes(), onboarding.owner.bytes());
    let (version, changed_at) = (integer(onboarding.version), micros(onboarding.changed_at));
    let state = json(onboarding)?;
    let written = if onboarding.version == 1 {
        let new = sqlx::query!(
            "INSERT INTO onboardings (tenant, id, owner, version, changed_at, state)
            VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (tenant, id) DO NOTHING",
            tenant,
            id,
            owner,
            version,
            changed_at,
            state,
        );
        new.execute(&mut *turn.connection).await
    } else {
        let next = sqlx::query!(
            "UPDATE onboardings SET version = ?4, changed_at = ?5, state = ?6
            WHERE tenant = ?1 AND id = ?2 AND owner = ?3 AND version = ?4 - 1",
            tenant,
            id,
            owner,
            version,
            changed_at,
            state,
        );
        next.execute(&mut *turn.connection).await
    };
    match written.map_err(orphaned("owner"))?.rows_affected() {
        0 => Err(RepositoryError::Conflict),
        _ => Ok(()),
    }
}
