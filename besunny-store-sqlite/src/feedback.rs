//! Acts of people and their standing rules.
use std::sync::Arc;

use async_trait::async_trait;
use besunny_core::{
    feedback::Act,
    ids::{CommitId, RuleId, TenantId, UserId},
    repository::{BATCH, Feedback, RepositoryError},
    standing::StandingRule,
    tenant::TenantScope,
};
use sqlx::SqliteConnection;

use crate::{
    column::{Id, Table, integer, json, micros, tenant},
    failure::{failed, orphaned},
    store::SqliteStore,
};

const ACTS: Table = Table("acts");
const RULES: Table = Table("standing_rules");

#[async_trait]
impl Feedback for SqliteStore {
    async fn act(&self, scope: &TenantScope, id: CommitId) -> Result<Option<Act>, RepositoryError> {
        let (tenant, id) = (tenant(scope), id.bytes());
        let row = sqlx::query_as!(
            ActRow,
            r#"SELECT id, owner, "by" AS "by!", at, deed, moves, rules FROM acts
            WHERE tenant = ? AND id = ?"#,
            tenant,
            id,
        );
        let row = row.fetch_optional(&self.readers).await.map_err(failed)?;
        row.map(Act::try_from).transpose()
    }

    async fn acts(
        &self,
        scope: &TenantScope,
        owner: UserId,
        before: Option<CommitId>,
        limit: usize,
    ) -> Result<Vec<Act>, RepositoryError> {
        let end = self.place_of(scope, before).await?;
        let (tenant, owner, limit) = (tenant(scope), owner.bytes(), integer(limit.min(BATCH)));
        let rows = sqlx::query_as!(
            ActRow,
            r#"SELECT id, owner, "by" AS "by!", at, deed, moves, rules FROM acts
            WHERE tenant = ? AND owner = ? AND seq < ? ORDER BY seq DESC LIMIT ? + 0"#,
            tenant,
            owner,
            end,
            limit,
        );
        let rows = rows.fetch_all(&self.readers).await.map_err(failed)?;
        rows.into_iter().map(Act::try_from).collect()
    }

    async fn rules(
        &self,
        scope: &TenantScope,
        owner: UserId,
    ) -> Result<Arc<[StandingRule]>, RepositoryError> {
        let (tenant, owner) = (tenant(scope), owner.bytes());
        let rows = sqlx::query_scalar!(
            "SELECT rule FROM standing_rules INDEXED BY standing_rules_by_owner
            WHERE tenant = ? AND owner = ? ORDER BY id",
            tenant,
            owner,
        );
        let rows = rows.fetch_all(&self.readers).await.map_err(failed)?;
        rows.iter().map(|rule| RULES.json("rule", rule)).collect()
    }
}

impl SqliteStore {
    /// Returns the place of an act, behind all acts where none is given.
    async fn place_of(
        &self,
        scope: &TenantScope,
        act: Option<CommitId>,
    ) -> Result<i64, RepositoryError> {
        let Some(id) = act else { return Ok(i64::MAX) };
        let (tenant, id) = (tenant(scope), id.bytes());
        let place = sqlx::query_scalar!(
            r#"SELECT seq AS "seq!: i64" FROM acts WHERE tenant = ? AND id = ?"#,
            tenant,
            id,
        );
        let place = place.fetch_optional(&self.readers).await.map_err(failed)?;
        place.ok_or(RepositoryError::Missing("act"))
    }
}

/// Refuses an act that does not find its rules as it read them.
pub(crate) async fn check(
    connection: &mut SqliteConnection,
    tenant: TenantId,
    act: &Act,
) -> Result<(), RepositoryError> {
    for change in &act.rules {
        let Some(id) = change.rule() else { continue };
        if find(connection, tenant, id).await? != change.before {
            return Err(RepositoryError::Conflict);
        }
    }
    Ok(())
}

async fn find(
    connection: &mut SqliteConnection,
    tenant: TenantId,
    id: RuleId,
) -> Result<Option<StandingRule>, RepositoryError> {
    let (tenant, id) = (tenant.bytes(), id.bytes());
    let rule = sqlx::query_scalar!(
        "SELECT rule FROM standing_rules WHERE tenant = ? AND id = ?",
        tenant,
        id,
    );
    let rule = rule.fetch_optional(connection).await.map_err(failed)?;
    rule.map(|rule| RULES.json("rule", &rule)).transpose()
}

/// Keeps an act and changes its rules.
pub(crate) async fn keep(
    connection: &mut SqliteConnection,
    tenant: TenantId,
    act: &Act,
) -> Result<(), RepositoryError> {
    for change in &act.rules {
        match (&change.after, change.rule()) {
            (Some(rule), _) => put(connection, tenant, rule).await?,
            (None, Some(id)) => {
                let (tenant, id) = (tenant.bytes(), id.bytes());
                let gone = sqlx::query!(
                    "DELETE FROM standing_rules WHERE tenant = ? AND id = ?",
                    tenant,
                    id,
                );
                gone.execute(&mut *connection).await.map_err(failed)?;
            }
            (None, None) => {}
        }
    }
    let (tenant, id, owner) = (tenant.bytes(), act.id.bytes(), act.owner.bytes());
    let (by, at, deed) = (act.by.bytes(), micros(act.at), json(&act.deed)?);
    let (moves, rules) = (json(&act.moves)?, json(&act.rules)?);
    let kept = sqlx::query!(
        "INSERT INTO acts (tenant, id, owner, by, at, deed, moves, rules)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        tenant,
        id,
        owner,
        by,
        at,
        deed,
        moves,
        rules,
    );
    kept.execute(connection).await.map(drop).map_err(orphaned("owner"))
}

async fn put(
    connection: &mut SqliteConnection,
    tenant: TenantId,
    rule: &StandingRule,
) -> Result<(), RepositoryError> {
    let (tenant, id, owner) = (tenant.bytes(), rule.id.bytes(), rule.owner.bytes());
    let (project, rule) = (rule.project.bytes(), json(rule)?);
    let put = sqlx::query!(
        "INSERT INTO standing_rules (tenant, id, owner, project, rule) VALUES (?, ?, ?, ?, ?)
        ON CONFLICT (tenant, id) DO UPDATE SET rule = excluded.rule",
        tenant,
        id,
        owner,
        project,
        rule,
    );
    put.execute(connection).await.map(drop).map_err(orphaned("project"))
}

struct ActRow {
    id: Vec<u8>,
    owner: Vec<u8>,
    by: Vec<u8>,
    at: i64,
    deed: String,
    moves: String,
    rules: String,
}

impl TryFrom<ActRow> for Act {
    type Error = RepositoryError;

    fn try_from(row: ActRow) -> Result<Self, RepositoryError> {
        Ok(Self {
            id: ACTS.id("id", &row.id)?,
            owner: ACTS.id("owner", &row.owner)?,
            by: ACTS.id("by", &row.by)?,
            at: ACTS.instant("at", row.at)?,
            deed: ACTS.json("deed", &row.deed)?,
            moves: ACTS.json("moves", &row.moves)?,
            rules: ACTS.json("rules", &row.rules)?,
        })
    }
}
