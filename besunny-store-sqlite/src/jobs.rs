//! Claims on jobs.
use besunny_core::{
    commit::Epoch,
    ids::JobId,
    job::Job,
    repository::RepositoryError,
    scheduler::{Ask, Claim, Failure, Hold, JobRest, PauseReason},
    tenant::TenantScope,
};
use sqlx::SqliteConnection;

use crate::{
    column::{Id, Table, integer, micros, micros_after, readable, tenant},
    failure::failed,
    writer::Turn,
};

pub(crate) const JOBS: Table = Table("jobs");

/// Grants claims on jobs that are due, longest due first; one whose claim ended by itself alone.
///
/// Rows that cannot be read hide nobody: they are put off like those that are claimed, and the next
/// ones have their turn.
pub(crate) async fn grant(mut turn: Turn<'_>, ask: Ask) -> Result<Vec<Claim>, RepositoryError> {
    loop {
        let rows = grant_rows(&mut turn, ask).await?;
        let is_over = rows.is_empty();
        let claims: Vec<Claim> = rows.into_iter().filter_map(|row| readable(row.claim())).collect();
        if is_over || !claims.is_empty() {
            return Ok(claims);
        }
    }
}

async fn grant_rows(turn: &mut Turn<'_>, ask: Ask) -> Result<Vec<DueRow>, RepositoryError> {
    let (now, limit) = (micros(turn.now), integer(ask.limit));
    let rows = sqlx::query_as!(
        DueRow,
        r#"/* all tenants: due jobs */
        SELECT tenant, id, task, epoch, attempt, strikes, expired,
            claimed_until IS NOT NULL AS "ended!: bool"
        FROM jobs WHERE ready_at <= ?1 ORDER BY ready_at, rowid LIMIT ?2 + 0"#,
        now,
        limit,
    );
    let mut rows = rows.fetch_all(&mut *turn.connection).await.map_err(failed)?;
    if rows.is_empty() {
        return Ok(rows);
    }
    let clean = rows.iter().take_while(|row| !row.ended).count();
    rows.truncate(clean.max(1));
    let (limit, until) = (integer(rows.len()), micros_after(turn.now, ask.lease_for));
    let granted = sqlx::query!(
        "/* all tenants: claim jobs */
        UPDATE jobs SET epoch = epoch + 1, attempt = attempt + (claimed_until IS NOT NULL),
            expired = expired + (claimed_until IS NOT NULL), claimed_until = ?3
        WHERE rowid IN (
            SELECT rowid FROM jobs WHERE ready_at <= ?1 ORDER BY ready_at, rowid LIMIT ?2 + 0
        )",
        now,
        limit,
        until,
    );
    granted.execute(&mut *turn.connection).await.map_err(failed)?;
    Ok(rows)
}

/// Lengthens a claim; `false` when it has passed on, or the job was done or given up.
pub(crate) async fn keep(
    connection: &mut SqliteConnection,
    hold: &Hold,
    job: JobId,
    until: i64,
) -> Result<bool, RepositoryError> {
    let (tenant, id, epoch) = (tenant(&hold.scope), job.bytes(), integer(hold.epoch.0));
    let kept = sqlx::query!(
        "UPDATE jobs SET claimed_until = ?
        WHERE tenant = ? AND id = ? AND epoch = ? AND state = 'waiting'
        AND claimed_until IS NOT NULL",
        until,
        tenant,
        id,
        epoch,
    );
    Ok(kept.execute(connection).await.map_err(failed)?.rows_affected() > 0)
}

/// Ends a claim whose job was not done, unless it has passed on.
pub(crate) async fn fail(
    turn: Turn<'_>,
    claim: Claim,
    failure: Failure,
) -> Result<(), RepositoryError> {
    let (tenant, id, epoch) = (tenant(&claim.scope), claim.job.id.bytes(), integer(claim.epoch.0));
    let (state, due_at, waits_for) = match failure.rest {
        JobRest::After(wait) => ("waiting", Some(micros_after(turn.now, wait)), None),
        JobRest::GivenUp(reason) => ("dead", None, reason.map(PauseReason::as_str)),
    };
    let failed_job = sqlx::query!(
        "UPDATE jobs SET claimed_until = NULL, attempt = attempt + 1, expired = 0,
            strikes = strikes + ?, state = ?, due_at = coalesce(?, due_at), waits_for = ?, error = ?
        WHERE tenant = ? AND id = ? AND epoch = ? AND state = 'waiting'
            AND claimed_until IS NOT NULL",
        failure.strike,
        state,
        due_at,
        waits_for,
        failure.error,
        tenant,
        id,
        epoch,
    );
    failed_job.execute(turn.connection).await.map(drop).map_err(failed)
}

/// Makes a dead job due again; one that is not dead stays as it is.
pub(crate) async fn replay(
    turn: Turn<'_>,
    tenant: Vec<u8>,
    id: Vec<u8>,
) -> Result<(), RepositoryError> {
    let now = micros(turn.now);
    let replayed = sqlx::query!(
        "UPDATE jobs SET state = 'waiting', attempt = 0, strikes = 0, due_at = ?, error = NULL,
            waits_for = NULL
        WHERE tenant = ? AND id = ? AND state = 'dead'",
        now,
        tenant,
        id,
    );
    let replayed = replayed.execute(&mut *turn.connection).await.map_err(failed)?;
    if replayed.rows_affected() > 0 {
        turn.made.jobs = true;
        return Ok(());
    }
    let there = sqlx::query_scalar!("SELECT id FROM jobs WHERE tenant = ? AND id = ?", tenant, id);
    let there = there.fetch_optional(turn.connection).await.map_err(failed)?;
    there.map(drop).ok_or(RepositoryError::Missing("job"))
}

struct DueRow {
    tenant: Vec<u8>,
    id: Vec<u8>,
    task: String,
    epoch: i64,
    attempt: i64,
    strikes: i64,
    expired: i64,
    /// Whether the claim before ended by itself.
    ended: bool,
}

impl DueRow {
    /// Returns the claim that was granted, one epoch on.
    fn claim(self) -> Result<Claim, RepositoryError> {
        Ok(Claim {
            scope: TenantScope::trusted(JOBS.id("tenant", &self.tenant)?),
            job: Job { id: JOBS.id("id", &self.id)?, task: JOBS.json("task", &self.task)? },
            epoch: Epoch(JOBS.number::<u64>("epoch", self.epoch)? + 1),
            attempt: JOBS.number::<u32>("attempt", self.attempt)? + u32::from(self.ended),
            strikes: JOBS.number("strikes", self.strikes)?,
            expired: JOBS.number::<u32>("expired", self.expired)? + u32::from(self.ended),
        })
    }
}
