//! The scheduler's port; leases, jobs and notices have a module each.
use std::time::Duration;

use async_trait::async_trait;
use besunny_core::{
    ids::JobId,
    repository::RepositoryError,
    scheduler::{
        Ask, Claim, Failure, Forget, Held, Hold, Lease, Noted, Receipt, Release, Scheduler, Work,
    },
    tenant::TenantScope,
};
use futures::future::BoxFuture;

use crate::{
    column::{Id, micros, micros_after, tenant},
    failure::failed,
    forgetting, jobs, leases, notices,
    store::SqliteStore,
    writer::{Pace, Turn},
};

#[async_trait]
impl Scheduler for SqliteStore {
    async fn lease(&self, ask: Ask) -> Result<Vec<Lease>, RepositoryError> {
        if ask.limit == 0 || !self.is_due(Work::Streams).await? {
            return Ok(Vec::new());
        }
        self.write(move |turn| Box::pin(leases::grant(turn, ask))).await
    }

    async fn heartbeat(
        &self,
        holds: &[Hold],
        lease_for: Duration,
    ) -> Result<Vec<bool>, RepositoryError> {
        let holds = holds.to_vec();
        self.write(move |turn| Box::pin(keep(turn, holds, lease_for))).await
    }

    async fn release(&self, lease: &Lease, release: Release) -> Result<(), RepositoryError> {
        let lease = lease.clone();
        self.write_at(Pace::Later, move |turn| Box::pin(leases::end(turn, lease, release))).await
    }

    async fn claim(&self, ask: Ask) -> Result<Vec<Claim>, RepositoryError> {
        if ask.limit == 0 || !self.is_due(Work::Jobs).await? {
            return Ok(Vec::new());
        }
        self.write(move |turn| Box::pin(jobs::grant(turn, ask))).await
    }

    async fn fail(&self, claim: &Claim, failure: Failure) -> Result<(), RepositoryError> {
        let claim = claim.clone();
        self.write(move |turn| Box::pin(jobs::fail(turn, claim, failure))).await
    }

    async fn replay(&self, scope: &TenantScope, job: JobId) -> Result<(), RepositoryError> {
        let (tenant, job) = (tenant(scope), job.bytes());
        self.write(move |turn| Box::pin(jobs::replay(turn, tenant, job))).await
    }

    async fn forget(&self, forget: Forget) -> Result<bool, RepositoryError> {
        self.write(move |turn| Box::pin(forgetting::forget(turn, forget))).await
    }

    async fn note(&self, receipt: &Receipt) -> Result<Noted, RepositoryError> {
        let pace = if notices::is_plain(receipt) { Pace::Together } else { Pace::Now };
        let receipt = receipt.clone();
        self.write_at(pace, move |turn| Box::pin(notices::note(turn, receipt))).await
    }

    async fn next_due(&self, work: Work) -> Result<Option<Duration>, RepositoryError> {
        let wait = self.due_at(work).await?.map(|due| due.saturating_sub(micros(self.clock.now())));
        Ok(wait.map(|micros| Duration::from_micros(u64::try_from(micros).unwrap_or(0))))
    }

    fn changed(&self, work: Work) -> BoxFuture<'_, ()> {
        self.bells.next(work)
    }
}

/// Lengthens what still holds.
async fn keep(
    turn: Turn<'_>,
    holds: Vec<Hold>,
    lease_for: Duration,
) -> Result<Vec<bool>, RepositoryError> {
    let (until, mut kept) = (micros_after(turn.now, lease_for), Vec::with_capacity(holds.len()));
    for hold in &holds {
        kept.push(match hold.on {
            Held::Stream(stream) => leases::keep(turn.connection, hold, stream, until).await?,
            Held::Job(job) => jobs::keep(turn.connection, hold, job, until).await?,
        });
    }
    Ok(kept)
}

impl SqliteStore {
    /// Says whether anything can be granted now; a look that writes nothing.
    async fn is_due(&self, work: Work) -> Result<bool, RepositoryError> {
        Ok(self.due_at(work).await?.is_some_and(|due| due <= micros(self.clock.now())))
    }

    /// Returns when the next work of a kind is due; events are due at once or not at all.
    async fn due_at(&self, work: Work) -> Result<Option<i64>, RepositoryError> {
        let due = match work {
            Work::Streams => {
                let due = sqlx::query_scalar!(
                    r#"/* all tenants: next stream */
                    SELECT min(due_at) AS "due_at: i64" FROM streams WHERE due_at IS NOT NULL"#
                );
                due.fetch_one(&self.readers).await
            }
            Work::Jobs => {
                let due = sqlx::query_scalar!(
                    r#"/* all tenants: next job */
                    SELECT min(ready_at) AS "ready_at: i64" FROM jobs WHERE ready_at IS NOT NULL"#
                );
                due.fetch_one(&self.readers).await
            }
            Work::Events => Ok(None),
        };
        due.map_err(failed)
    }
}
