//! What shadows would have decided.
use async_trait::async_trait;
use besunny_core::{
    ids::UserId,
    repository::{BATCH, RepositoryError, Shadows},
    shadow::Shadow,
    tenant::TenantScope,
};

use crate::{
    column::{Id, Table, integer, json, tenant},
    failure::failed,
    rows::{Insert, insert, write},
    store::SqliteStore,
};

const SHADOWS: Table = Table("shadows");
const INSERT: Insert = insert!(
    "document",
    "INSERT INTO shadows (tenant, owner, document, version, contender, shadow)",
    "(?, ?, ?, ?, ?, ?)",
    " ON CONFLICT (tenant, owner, document, version, contender) DO NOTHING"
);

#[async_trait]
impl Shadows for SqliteStore {
    async fn put_shadows(
        &self,
        scope: &TenantScope,
        owner: UserId,
        shadows: &[Shadow],
    ) -> Result<(), RepositoryError> {
        let (tenant, owner) = (tenant(scope), owner.bytes());
        let rows = shadows.iter().map(|shadow| {
            let (document, version) = (shadow.document.bytes(), integer(shadow.version));
            Ok((document, version, shadow.with.to_string(), json(shadow)?))
        });
        let rows = rows.collect::<Result<Vec<_>, RepositoryError>>()?;
        self.write(move |turn| {
            Box::pin(async move {
                let written = write(turn.connection, INSERT, rows, |row, shadow| {
                    let (document, version, contender, shadow) = shadow;
                    row.add(tenant.as_slice()).add(owner.as_slice());
                    row.add(document).add(version).add(contender).add(shadow);
                });
                written.await.map(drop)
            })
        })
        .await
    }

    async fn shadows(
        &self,
        scope: &TenantScope,
        owner: UserId,
        after: Option<&Shadow>,
        limit: usize,
    ) -> Result<Vec<Shadow>, RepositoryError> {
        let (tenant, owner, limit) = (tenant(scope), owner.bytes(), integer(limit.min(BATCH)));
        // Below all rows: no id is empty.
        let document = after.map(|shadow| shadow.document.bytes()).unwrap_or_default();
        let version = after.map_or(0, |shadow| integer(shadow.version));
        let contender = after.map(|shadow| shadow.with.to_string()).unwrap_or_default();
        let rows = sqlx::query_scalar!(
            "SELECT shadow FROM shadows
            WHERE tenant = ? AND owner = ? AND (document, version, contender) > (?, ?, ?)
            ORDER BY document, version, contender LIMIT ? + 0",
            tenant,
            owner,
            document,
            version,
            contender,
            limit,
        );
        let rows = rows.fetch_all(&self.readers).await.map_err(failed)?;
        rows.iter().map(|shadow| SHADOWS.json("shadow", shadow)).collect()
    }
}
