//! Leases on streams.
use std::sync::Arc;

use besunny_core::{
    account::Account,
    commit::Epoch,
    ids::StreamId,
    repository::RepositoryError,
    scheduler::{Ask, COALESCE, Hold, Lease, Release, Rest},
    source::StreamKey,
    tenant::TenantScope,
};
use chrono::{DateTime, Utc};
use sqlx::SqliteConnection;

use crate::{
    accounts::{ACCOUNTS, AccountRow},
    column::{Id, integer, micros, micros_after, readable, tenant},
    failure::failed,
    streams::STREAMS,
    writer::Turn,
};

/// Grants leases on streams that are due, longest due first.
///
/// Rows that cannot be read hide nobody: they are put off like those that are leased, and the next
/// ones have their turn.
pub(crate) async fn grant(mut turn: Turn<'_>, ask: Ask) -> Result<Vec<Lease>, RepositoryError> {
    loop {
        let rows = grant_rows(&mut turn, ask).await?;
        let are_left = rows.len() >= ask.limit;
        let leases: Vec<Lease> =
            rows.into_iter().filter_map(|row| readable(row.lease(turn.now))).collect();
        if !(leases.is_empty() && are_left) {
            return Ok(leases);
        }
    }
}

async fn grant_rows(turn: &mut Turn<'_>, ask: Ask) -> Result<Vec<DueRow>, RepositoryError> {
    let (now, limit) = (micros(turn.now), integer(ask.limit));
    let rows = sqlx::query_as!(
        DueRow,
        r#"/* all tenants: due streams */
        SELECT s.tenant, s.id, s.key, s.epoch, s.attempt, s.expired, s.noticed_at, s.quiet,
            s.watch, s.lease_until IS NOT NULL AS "abandoned!: bool",
            s.followed AS "is_followed!: bool", a.offers, a.offered_at,
            a.id AS account, a.owner, a.provider, a.subject, a.intake, a.connected_at
        FROM streams s JOIN accounts a ON a.tenant = s.tenant AND a.id = s.account
        WHERE s.due_at <= ?1 ORDER BY s.due_at, s.rowid LIMIT ?2 + 0"#,
        now,
        limit,
    );
    let rows = rows.fetch_all(&mut *turn.connection).await.map_err(failed)?;
    if rows.is_empty() {
        return Ok(rows);
    }
    let until = micros_after(turn.now, ask.lease_for);
    let granted = sqlx::query!(
        "/* all tenants: lease streams */
        UPDATE streams SET epoch = epoch + 1, expired = expired + (lease_until IS NOT NULL),
            lease_until = ?3, leased_at = ?1, dirty = 0
        WHERE rowid IN (
            SELECT rowid FROM streams WHERE due_at <= ?1 ORDER BY due_at, rowid LIMIT ?2 + 0
        )",
        now,
        limit,
        until,
    );
    granted.execute(&mut *turn.connection).await.map_err(failed)?;
    Ok(rows)
}

/// Lengthens a lease; `false` when it has passed on.
pub(crate) async fn keep(
    connection: &mut SqliteConnection,
    hold: &Hold,
    stream: StreamId,
    until: i64,
) -> Result<bool, RepositoryError> {
    let (tenant, stream, epoch) = (tenant(&hold.scope), stream.bytes(), integer(hold.epoch.0));
    let kept = sqlx::query!(
        "UPDATE streams SET lease_until = ?
        WHERE tenant = ? AND id = ? AND epoch = ? AND lease_until IS NOT NULL",
        until,
        tenant,
        stream,
        epoch,
    );
    Ok(kept.execute(connection).await.map_err(failed)?.rows_affected() > 0)
}

/// Ends a lease, unless it has passed on.
pub(crate) async fn end(
    turn: Turn<'_>,
    lease: Lease,
    release: Release,
) -> Result<(), RepositoryError> {
    let (tenant, stream) = (tenant(&lease.scope), lease.stream.bytes());
    let epoch = integer(lease.epoch.0);
    let now = micros(turn.now);
    let caught_up = release.caught_up.then_some(now);
    let later = |wait| Some(micros_after(turn.now, wait));
    let (paused, rested, spared) = match release.rest {
        Rest::Paused(reason) => (Some(reason.as_str()), None, None),
        Rest::After(wait) => (None, later(wait), None),
        Rest::Asked(wait) => (None, later(wait), later(wait)),
    };
    let coalesce = micros_after(DateTime::UNIX_EPOCH, COALESCE);
    // What made the stream due meanwhile counts from the last look, but never delays the next.
    let ended = sqlx::query!(
        "UPDATE streams SET
            lease_until = NULL,
            attempt = ?5,
            error = ?6,
            quiet = ?7,
            caught_up_at = coalesce(?8, caught_up_at),
            paused = coalesce(?9, paused),
            next_due_at = CASE
                WHEN ?10 IS NULL THEN next_due_at
                WHEN dirty AND ?12 IS NULL THEN min(?10, max(?4, coalesce(leased_at + ?11, ?4)))
                ELSE ?10
            END,
            spared_until = ?12,
            expired = ?13,
            dirty = 0
        WHERE tenant = ?1 AND id = ?2 AND epoch = ?3 AND lease_until IS NOT NULL",
        tenant,
        stream,
        epoch,
        now,
        release.attempt,
        release.error,
        release.quiet,
        caught_up,
        paused,
        rested,
        coalesce,
        spared,
        release.expired,
    );
    ended.execute(turn.connection).await.map(drop).map_err(failed)
}

struct DueRow {
    tenant: Vec<u8>,
    id: Vec<u8>,
    key: String,
    epoch: i64,
    attempt: i64,
    expired: i64,
    abandoned: bool,
    noticed_at: Option<i64>,
    quiet: i64,
    watch: Option<String>,
    is_followed: bool,
    offers: i64,
    offered_at: Option<i64>,
    account: Vec<u8>,
    owner: Vec<u8>,
    provider: String,
    subject: String,
    intake: String,
    connected_at: i64,
}

impl DueRow {
    /// Returns the lease that was granted, one epoch on.
    fn lease(self, now: DateTime<Utc>) -> Result<Lease, RepositoryError> {
        let account = Account::try_from(AccountRow {
            id: self.account,
            owner: self.owner,
            provider: self.provider,
            subject: self.subject,
            intake: self.intake,
            connected_at: self.connected_at,
        })?;
        let noticed_at = self.noticed_at.map(|at| STREAMS.instant("noticed_at", at)).transpose()?;
        let offered_at =
            self.offered_at.map(|at| ACCOUNTS.instant("offered_at", at)).transpose()?;
        let watch = self.watch.map(|watch| STREAMS.json("watch", &watch)).transpose()?;
        Ok(Lease {
            scope: TenantScope::trusted(STREAMS.id("tenant", &self.tenant)?),
            stream: STREAMS.id("id", &self.id)?,
            at: account.stream(StreamKey::from_source(self.key)),
            account: Arc::new(account),
            epoch: Epoch(STREAMS.number::<u64>("epoch", self.epoch)? + 1),
            attempt: STREAMS.number("attempt", self.attempt)?,
            expired: STREAMS.number::<u32>("expired", self.expired)? + u32::from(self.abandoned),
            abandoned: self.abandoned,
            noticed_ago: noticed_at.map(|at| (now - at).to_std().unwrap_or_default()),
            quiet: STREAMS.number("quiet", self.quiet)?,
            watch,
            is_followed: self.is_followed,
            offers: ACCOUNTS.number("offers", self.offers)?,
            offered_ago: offered_at.map(|at| (now - at).to_std().unwrap_or_default()),
        })
    }
}
