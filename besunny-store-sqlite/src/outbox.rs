//! Facts to be published, and jobs that were given up.
use async_trait::async_trait;
use besunny_core::{
    event::Event,
    ids::EventId,
    job::Job,
    repository::{BATCH, DeadJob, DeadJobFilter, Outbox, RepositoryError},
    scheduler::PauseReason,
    tenant::TenantScope,
};

use crate::{
    column::{Id, Table, hex_list, integer, readable, tenant},
    failure::failed,
    jobs::JOBS,
    store::SqliteStore,
    writer::Pace,
};

const OUTBOX: Table = Table("outbox");

#[async_trait]
impl Outbox for SqliteStore {
    async fn unpublished(&self, limit: usize) -> Result<Vec<Event>, RepositoryError> {
        let limit = integer(limit);
        let rows = sqlx::query_as!(
            EventRow,
            "/* all tenants: unpublished events */
            SELECT tenant, id, owner, document, at, news FROM outbox ORDER BY seq LIMIT ? + 0",
            limit,
        );
        let rows = rows.fetch_all(&self.readers).await.map_err(failed)?;
        Ok(rows.into_iter().filter_map(|row| readable(row.try_into())).collect())
    }

    async fn published(&self, events: &[EventId]) -> Result<(), RepositoryError> {
        let ids = hex_list(events);
        self.write_at(Pace::Later, move |turn| {
            Box::pin(async move {
                let forgotten = sqlx::query!(
                    "/* all tenants: published events */
                    DELETE FROM outbox WHERE id IN (SELECT unhex(value) FROM json_each(?))",
                    ids,
                );
                forgotten.execute(turn.connection).await.map(drop).map_err(failed)
            })
        })
        .await
    }

    async fn dead_jobs(
        &self,
        scope: &TenantScope,
        filter: &DeadJobFilter,
    ) -> Result<Vec<DeadJob>, RepositoryError> {
        let (tenant, limit) = (tenant(scope), integer(filter.limit.min(BATCH)));
        let owner = filter.owner.map(|owner| owner.bytes());
        let job = filter.job.map(|job| job.bytes());
        let after = filter.after.map(|after| after.bytes()).unwrap_or_default();
        let rows = sqlx::query!(
            "SELECT j.id, j.task, j.error, j.waits_for FROM jobs j
            WHERE j.tenant = ?1 AND j.state = 'dead' AND j.id > ?2 AND (?3 IS NULL OR j.id = ?3)
            AND (?4 IS NULL OR ?4 = coalesce(
                (SELECT d.owner FROM documents d
                WHERE d.tenant = ?1 AND d.id = unhex(j.task ->> 'document', '-')),
                (SELECT a.owner FROM streams s
                JOIN accounts a ON a.tenant = s.tenant AND a.id = s.account
                WHERE s.tenant = ?1 AND s.id = unhex(j.task ->> 'stream', '-')),
                (SELECT a.owner FROM accounts a
                WHERE a.tenant = ?1 AND a.id = unhex(j.task ->> 'account', '-')),
                (SELECT m.owner FROM meetings m
                WHERE m.tenant = ?1 AND m.id = unhex(j.task ->> 'meeting', '-')),
                (SELECT m.owner FROM posting_meetings s
                JOIN meetings m ON m.tenant = s.tenant AND m.id = s.meeting
                WHERE s.tenant = ?1 AND s.posting = unhex(j.task ->> 'posting', '-') LIMIT 1),
                (SELECT m.owner FROM meetings m
                WHERE m.tenant = ?1 AND m.room = j.task ->> 'room' LIMIT 1),
                unhex(j.task ->> 'owner', '-')
            ))
            ORDER BY j.id LIMIT ?5 + 0",
            tenant,
            after,
            job,
            owner,
            limit,
        );
        let rows = rows.fetch_all(&self.readers).await.map_err(failed)?;
        let dead = rows.into_iter().map(|row| {
            let id = JOBS.id("id", &row.id)?;
            let job = Job { id, task: JOBS.json("task", &row.task)? };
            let waits_for =
                row.waits_for.map(|name| JOBS.parsed("waits_for", PauseReason::parse(&name)));
            let error = row.error.unwrap_or_default();
            Ok(DeadJob { job, error, waits_for: waits_for.transpose()? })
        });
        dead.collect()
    }
}

struct EventRow {
    tenant: Vec<u8>,
    id: Vec<u8>,
    owner: Vec<u8>,
    document: Vec<u8>,
    at: i64,
    news: String,
}

impl TryFrom<EventRow> for Event {
    type Error = RepositoryError;

    fn try_from(row: EventRow) -> Result<Self, RepositoryError> {
        Ok(Self {
            id: OUTBOX.id("id", &row.id)?,
            tenant: OUTBOX.id("tenant", &row.tenant)?,
            owner: OUTBOX.id("owner", &row.owner)?,
            document: OUTBOX.id("document", &row.document)?,
            at: OUTBOX.instant("at", row.at)?,
            news: OUTBOX.json("news", &row.news)?,
        })
    }
}
