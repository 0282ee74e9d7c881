//! What was done long ago and is asked for by nobody.
use std::time::Duration;

use besunny_core::{repository::RepositoryError, scheduler::Forget};
use chrono::TimeDelta;

use crate::{
    column::{integer, micros},
    failure::failed,
    writer::Turn,
};

/// Receipts are remembered so long, whatever is asked for: Pub/Sub, the provider that repeats
/// longest, keeps a message for at most 31 days
/// (<https://cloud.google.com/pubsub/docs/subscription-properties>).
const RECEIPTS: Duration = Duration::from_hours(31 * 24);

/// Forgets jobs that were done, commits that people made, and receipts of deliveries; returns
/// whether there may be more.
pub(crate) async fn forget(turn: Turn<'_>, forget: Forget) -> Result<bool, RepositoryError> {
    let age = TimeDelta::from_std(forget.older_than).unwrap_or(TimeDelta::MAX);
    let Some(before) = turn.now.checked_sub_signed(age).map(micros) else { return Ok(false) };
    let limit = integer(forget.limit);
    let jobs = sqlx::query!(
        "/* all tenants: forget jobs */
        DELETE FROM jobs WHERE rowid IN (
            SELECT rowid FROM jobs WHERE done_at < ? ORDER BY done_at LIMIT ? + 0
        )",
        before,
        limit,
    );
    let jobs = jobs.execute(&mut *turn.connection).await.map_err(failed)?.rows_affected();
    let commits = sqlx::query!(
        "/* all tenants: forget commits */
        DELETE FROM commits WHERE (tenant, id) IN (
            SELECT tenant, id FROM commits WHERE at < ? ORDER BY at LIMIT ? + 0
        )",
        before,
        limit,
    );
    let commits = commits.execute(&mut *turn.connection).await.map_err(failed)?.rows_affected();
    let old = micros(turn.now - RECEIPTS);
    let receipts = sqlx::query!(
        "DELETE FROM receipts WHERE (provider, dedup) IN (
            SELECT provider, dedup FROM receipts WHERE noted_at < ? ORDER BY noted_at LIMIT ? + 0
        )",
        old,
        limit,
    );
    let receipts = receipts.execute(&mut *turn.connection).await.map_err(failed)?.rows_affected();
    Ok(integer(jobs.max(commits).max(receipts)) >= limit)
}
