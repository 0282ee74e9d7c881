//! The log of answers, and models.
use async_trait::async_trait;
use besunny_core::{
    ids::UserId,
    label::{Answer, Label},
    repository::{
        BATCH, KEPT_MODELS, Lessons, MadeBy, ModelRecord, Models, NewModel, RepositoryError,
    },
    tenant::TenantScope,
};
use bytes::Bytes;
use serde_json::{Value, json as object};
use sqlx::SqliteConnection;

use crate::{
    column::{Id, Table, hex, integer, json, micros, tenant},
    failure::{failed, orphaned},
    store::SqliteStore,
    writer::Turn,
};

const LABELS: Table = Table("labels");
const MODELS: Table = Table("models");

#[async_trait]
impl Models for SqliteStore {
    async fn lessons(
        &self,
        scope: &TenantScope,
        owner: UserId,
        after: u64,
        limit: usize,
    ) -> Result<Lessons, RepositoryError> {
        let (tenant, owner) = (tenant(scope), owner.bytes());
        let (after, limit) = (integer(after), integer(limit.min(BATCH)));
        // One row at least, so that one question answers both.
        let rows = sqlx::query!(
            r#"SELECT newest.version AS "newest?: i64", l.seq AS "seq?: i64", l.at AS "at?: i64",
                l.answer AS "answer?: String"
            FROM (SELECT max(version) AS version FROM models WHERE tenant = ?1 AND owner = ?2)
                AS newest
            LEFT JOIN (
                SELECT seq, at, answer FROM labels
                WHERE tenant = ?1 AND owner = ?2 AND seq > ?3 ORDER BY seq LIMIT ?4 + 0
            ) l
            ORDER BY l.seq"#,
            tenant,
            owner,
            after,
            limit,
        );
        let rows = rows.fetch_all(&self.readers).await.map_err(failed)?;
        let mut lessons = Lessons::default();
        for row in rows {
            lessons.newest = row.newest.map(|of| MODELS.number("version", of)).transpose()?;
            if let (Some(seq), Some(at), Some(answer)) = (row.seq, row.at, row.answer) {
                lessons.labels.push(Label {
                    seq: LABELS.number("seq", seq)?,
                    at: LABELS.instant("at", at)?,
                    answer: LABELS.json("answer", &answer)?,
                });
            }
        }
        Ok(lessons)
    }

    async fn models(
        &self,
        scope: &TenantScope,
        owner: UserId,
    ) -> Result<Vec<ModelRecord>, RepositoryError> {
        let (tenant, owner) = (tenant(scope), owner.bytes());
        let rows = sqlx::query_as!(
            ModelRow,
            "SELECT version, parent, made_by, learner, seq, learned, promises, sha256, size_bytes,
                made_at
            FROM models WHERE tenant = ? AND owner = ? ORDER BY version DESC",
            tenant,
            owner,
        );
        let rows = rows.fetch_all(&self.readers).await.map_err(failed)?;
        rows.into_iter().map(ModelRecord::try_from).collect()
    }

    async fn model_state(
        &self,
        scope: &TenantScope,
        owner: UserId,
        version: u32,
    ) -> Result<Option<Bytes>, RepositoryError> {
        let (tenant, owner) = (tenant(scope), owner.bytes());
        let state = sqlx::query_scalar!(
            "SELECT state FROM models WHERE tenant = ? AND owner = ? AND version = ?",
            tenant,
            owner,
            version,
        );
        let state = state.fetch_optional(&self.readers).await.map_err(failed)?;
        Ok(state.flatten().map(Bytes::from))
    }

    async fn put_model(
        &self,
        scope: &TenantScope,
        owner: UserId,
        model: &NewModel,
    ) -> Result<u32, RepositoryError> {
        let (tenant, owner, model) = (tenant(scope), owner.bytes(), model.clone());
        self.write(move |turn| Box::pin(put(turn, tenant, owner, model))).await
    }
}

async fn put(
    turn: Turn<'_>,
    tenant: Vec<u8>,
    owner: Vec<u8>,
    model: NewModel,
) -> Result<u32, RepositoryError> {
    let newest = sqlx::query_scalar!(
        r#"SELECT max(version) AS "version?: i64" FROM models WHERE tenant = ? AND owner = ?"#,
        tenant,
        owner,
    );
    let newest = newest.fetch_one(&mut *turn.connection).await.map_err(failed)?;
    let newest = newest.map(|of| MODELS.number("version", of)).transpose()?;
    if newest != model.newest {
        return Err(RepositoryError::Conflict);
    }
    let version = newest.unwrap_or(0) + 1;
    let record = model.record(version);
    let (made_by, seq) = (record.made_by.as_str(), integer(record.seq));
    let (learned, promises) = (json(&record.learned)?, json(&record.promises)?);
    let (sha256, size_bytes) = (record.sha256.as_slice(), integer(record.size_bytes));
    let (made_at, state) = (micros(record.made_at), model.state.as_ref());
    let stored = sqlx::query!(
        "INSERT INTO models (tenant, owner, version, parent, made_by, learner, seq, learned,
            promises, sha256, size_bytes, made_at, state)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        tenant,
        owner,
        version,
        record.parent,
        made_by,
        record.learner,
        seq,
        learned,
        promises,
        sha256,
        size_bytes,
        made_at,
        state,
    );
    stored.execute(&mut *turn.connection).await.map_err(orphaned("owner"))?;
    let old = i64::from(version) - i64::from(KEPT_MODELS);
    let forgotten = sqlx::query!(
        "DELETE FROM models WHERE tenant = ? AND owner = ? AND version <= ?",
        tenant,
        owner,
        old,
    );
    forgotten.execute(turn.connection).await.map_err(failed)?;
    Ok(version)
}

/// Writes labels into the logs of their owners, in order and without a gap.
pub(crate) async fn write_labels(
    connection: &mut SqliteConnection,
    tenant: &[u8],
    at: i64,
    labels: impl Iterator<Item = (UserId, &Answer)>,
) -> Result<(), RepositoryError> {
    let mut rows = Vec::new();
    for (owner, answer) in labels {
        rows.push(object!([hex(&owner), hex(&answer.document), json(answer)?]));
    }
    if rows.is_empty() {
        return Ok(());
    }
    let rows = Value::Array(rows).to_string();
    let written = sqlx::query!(
        "INSERT INTO labels (tenant, owner, seq, at, document, answer)
        SELECT ?1, unhex(value ->> 0),
            coalesce((
                SELECT max(seq) FROM labels l WHERE l.tenant = ?1 AND l.owner = unhex(value ->> 0)
            ), 0) + row_number() OVER (PARTITION BY value ->> 0 ORDER BY key),
            ?2, unhex(value ->> 1), value ->> 2
        FROM json_each(?3) AS new",
        tenant,
        at,
        rows,
    );
    written.execute(connection).await.map(drop).map_err(failed)
}

struct ModelRow {
    version: i64,
    parent: Option<i64>,
    made_by: String,
    learner: String,
    seq: i64,
    learned: String,
    promises: String,
    sha256: Vec<u8>,
    size_bytes: i64,
    made_at: i64,
}

impl TryFrom<ModelRow> for ModelRecord {
    type Error = RepositoryError;

    fn try_from(row: ModelRow) -> Result<Self, RepositoryError> {
        Ok(Self {
            version: MODELS.number("version", row.version)?,
            parent: row.parent.map(|of| MODELS.number("parent", of)).transpose()?,
            made_by: MODELS.parsed("made_by", MadeBy::parse(&row.made_by))?,
            learner: row.learner,
            seq: MODELS.number("seq", row.seq)?,
            learned: MODELS.json("learned", &row.learned)?,
            promises: MODELS.json("promises", &row.promises)?,
            sha256: MODELS.sha256("sha256", &row.sha256)?,
            size_bytes: MODELS.number("size_bytes", row.size_bytes)?,
            made_at: MODELS.instant("made_at", row.made_at)?,
        })
    }
}
