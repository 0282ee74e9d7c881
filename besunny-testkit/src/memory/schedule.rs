//! Leases, claims and notices.
use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use besunny_core::{
    ids::{AccountId, JobId},
    push::{About, Notice},
    repository::RepositoryError,
    scheduler::{
        Ask, COALESCE, Claim, Failure, Forget, Held, Hold, JobRest, Lease, Noted, Receipt, Release,
        Rest, Scheduler, Work,
    },
    tenant::TenantScope,
};
use chrono::{DateTime, Utc};
use futures::future::BoxFuture;

use super::{JobRow, JobState, MemoryRepository, Rows, State, StreamRow};

#[async_trait]
impl Scheduler for MemoryRepository {
    async fn lease(&self, ask: Ask) -> Result<Vec<Lease>, RepositoryError> {
        let now = self.clock.now();
        let mut state = self.lock();
        let mut due: Vec<_> = state
            .tenants
            .iter()
            .flat_map(|(tenant, rows)| rows.streams.iter().map(|row| (*tenant, row)))
            .filter(|(_, (_, row))| row.is_due(now))
            .map(|(tenant, (id, row))| (row.next_due_at, *id, tenant))
            .collect();
        due.sort_unstable();
        due.truncate(ask.limit);
        let leases = due.into_iter().filter_map(|(_, id, tenant)| {
            let rows = state.tenants.get_mut(&tenant)?;
            let row = rows.streams.get_mut(&id)?;
            let offered = rows.offers.get(&row.account).copied().unzip();
            let (offers, offered_at) = (offered.0.unwrap_or_default(), offered.1);
            let account = Arc::clone(rows.accounts.get(&row.account)?);
            let abandoned = row.lease_until.is_some();
            row.epoch.0 += 1;
            row.expired += u32::from(abandoned);
            row.lease_until = Some(now + ask.lease_for);
            row.leased_at = Some(now);
            row.dirty = false;
            Some(Lease {
                scope: TenantScope::trusted(tenant),
                stream: id,
                at: account.stream(row.key.clone()),
                account,
                epoch: row.epoch,
                attempt: row.attempt,
                expired: row.expired,
                abandoned,
                noticed_ago: row.noticed_at.map(|at| (now - at).to_std().unwrap_or_default()),
                quiet: row.quiet,
                watch: row.watch.clone(),
                is_followed: row.is_followed,
                offers,
                offered_ago: offered_at.map(|at| (now - at).to_std().unwrap_or_default()),
            })
        });
        Ok(leases.collect())
    }

    async fn heartbeat(
        &self,
        holds: &[Hold],
        lease_for: Duration,
    ) -> Result<Vec<bool>, RepositoryError> {
        let until = self.clock.now() + lease_for;
        let keep = |hold: &Hold| self.write(&hold.scope, |rows| Ok(rows.lengthen(hold, until)));
        holds.iter().map(keep).collect()
    }

    async fn release(&self, lease: &Lease, release: Release) -> Result<(), RepositoryError> {
        let now = self.clock.now();
        self.write(&lease.scope, |rows| {
            let row = rows.stream_mut(lease.stream)?;
            if row.epoch == lease.epoch && row.lease_until.is_some() {
                row.release(release, now);
            }
            Ok(())
        })
    }

    async fn claim(&self, ask: Ask) -> Result<Vec<Claim>, RepositoryError> {
        let now = self.clock.now();
        let mut state = self.lock();
        let mut due: Vec<_> = state
            .tenants
            .iter()
            .flat_map(|(tenant, rows)| rows.jobs.iter().map(|row| (*tenant, row)))
            .filter(|(_, (_, row))| row.is_due(now))
            .map(|(tenant, (id, row))| (row.ready_at(), *id, tenant, row.until.is_some()))
            .collect();
        due.sort_unstable();
        let clean = due.iter().take_while(|(.., expired)| !expired).count();
        due.truncate(clean.max(1).min(ask.limit));
        let claims = due.into_iter().filter_map(|(_, id, tenant, expired)| {
            let row = state.tenants.get_mut(&tenant)?.jobs.get_mut(&id)?;
            row.epoch.0 += 1;
            row.attempt += u32::from(expired);
            row.expired += u32::from(expired);
            row.until = Some(now + ask.lease_for);
            Some(Claim {
                scope: TenantScope::trusted(tenant),
                job: row.job.clone(),
                epoch: row.epoch,
                attempt: row.attempt,
                strikes: row.strikes,
                expired: row.expired,
            })
        });
        Ok(claims.collect())
    }

    async fn fail(&self, claim: &Claim, failure: Failure) -> Result<(), RepositoryError> {
        let now = self.clock.now();
        self.write(&claim.scope, |rows| {
            let Some(row) = rows.jobs.get_mut(&claim.job.id) else { return Ok(()) };
            let is_held = row.epoch == claim.epoch && row.until.is_some();
            if !is_held || row.state != JobState::Waiting {
                return Ok(());
            }
            row.until = None;
            row.attempt += 1;
            row.strikes += u32::from(failure.strike);
            row.expired = 0;
            match failure.rest {
                JobRest::After(wait) => row.due_at = now + wait,
                JobRest::GivenUp(waits_for) => {
                    row.state = JobState::Dead(failure.error, waits_for);
                }
            }
            Ok(())
        })
    }

    async fn replay(&self, scope: &TenantScope, job: JobId) -> Result<(), RepositoryError> {
        let now = self.clock.now();
        self.make(Work::Jobs, scope, |rows| {
            let row = rows.jobs.get_mut(&job).ok_or(RepositoryError::Missing("job"))?;
            if let JobState::Dead(..) = row.state {
                (row.state, row.due_at) = (JobState::Waiting, now);
                (row.attempt, row.strikes) = (0, 0);
            }
            Ok(())
        })
    }

    async fn forget(&self, forget: Forget) -> Result<bool, RepositoryError> {
        let (now, limit) = (self.clock.now(), forget.limit);
        let is_old =
            |at: DateTime<Utc>| (now - at).to_std().is_ok_and(|age| age > forget.older_than);
        let mut state = self.lock();
        let (mut jobs, mut commits) = (Vec::new(), Vec::new());
        for (tenant, rows) in &state.tenants {
            jobs.extend(rows.jobs.iter().filter_map(|(id, row)| match row.state {
                JobState::Done(_, at) if is_old(at) => Some((at, *tenant, *id)),
                JobState::Done(..) | JobState::Waiting | JobState::Dead(..) => None,
            }));
            let old = rows.commits.iter().filter(|(_, at)| is_old(**at));
            commits.extend(old.map(|(id, at)| (*at, *tenant, *id)));
        }
        jobs.sort_unstable();
        commits.sort_unstable();
        let more = jobs.len() > limit || commits.len() > limit;
        for (_, tenant, id) in jobs.into_iter().take(limit) {
            state.tenants.get_mut(&tenant).map(|rows| rows.jobs.remove(&id));
        }
        for (_, tenant, id) in commits.into_iter().take(limit) {
            state.tenants.get_mut(&tenant).map(|rows| rows.commits.remove(&id));
        }
        Ok(more)
    }

    async fn note(&self, receipt: &Receipt) -> Result<Noted, RepositoryError> {
        let now = self.clock.now();
        let mut state = self.lock();
        let mut noted = Noted::default();
        for notice in &receipt.notices {
            let fresh = notice.dedup.as_ref().is_none_or(|dedup| {
                state.receipts.insert((receipt.provider.as_str().to_owned(), dedup.clone()))
            });
            if !fresh {
                noted.repeated += 1;
                continue;
            }
            let found = state.notice(receipt, notice, now);
            match &notice.about {
                About::Watch(_) | About::Subject(_) | About::Bot(_) if found == 0 => {
                    noted.unknown += 1;
                }
                About::Watch(_) | About::Subject(_) => noted.streams += found,
                About::Bot(_) => noted.postings += found,
            }
        }
        state.wake(Work::Streams);
        state.wake(Work::Jobs);
        Ok(noted)
    }

    async fn next_due(&self, work: Work) -> Result<Option<Duration>, RepositoryError> {
        let now = self.clock.now();
        let state = self.lock();
        let rows = state.tenants.values();
        let next = match work {
            Work::Streams => rows
                .flat_map(|rows| rows.streams.values())
                .filter(|row| row.paused.is_none())
                .filter_map(|row| row.lease_until.max(row.next_due_at))
                .min(),
            Work::Jobs => rows
                .flat_map(|rows| rows.jobs.values())
                .filter(|row| row.state == JobState::Waiting)
                .map(JobRow::ready_at)
                .min(),
            Work::Events => None,
        };
        Ok(next.map(|at| (at - now).to_std().unwrap_or_default()))
    }

    fn changed(&self, work: Work) -> BoxFuture<'_, ()> {
        self.changed_since_now(work)
    }
}

impl State {
    /// Makes the streams or postings a notice names due; returns how many.
    fn notice(&mut self, receipt: &Receipt, notice: &Notice, now: DateTime<Utc>) -> usize {
        if let About::Bot(bot) = &notice.about {
            let all = self.tenants.values_mut();
            return all.map(|rows| rows.notice_bot(&receipt.provider, bot, now)).sum();
        }
        let named = self.tenants.values_mut().flat_map(|rows: &mut Rows| {
            let accounts = &rows.accounts;
            rows.streams.values_mut().filter(|row| match &notice.about {
                About::Bot(_) => false,
                About::Watch(id) => row.watch.as_ref().is_some_and(|watch| watch.id == *id),
                About::Subject(subject) => accounts.get(&row.account).is_some_and(|account| {
                    account.provider == receipt.provider
                        && account.subject.as_str().eq_ignore_ascii_case(subject.as_str())
                }),
            })
        });
        named.map(|row| row.notice(now)).count()
    }
}

impl Rows {
    /// Counts that it was taken in what an account offers.
    pub(super) fn take_offer(&mut self, account: AccountId, now: DateTime<Utc>) {
        let count = self.offers.get(&account).map_or(0, |(count, _)| *count);
        self.offers.insert(account, (count + 1, now));
    }

    /// Lengthens a lease or claim that still holds.
    fn lengthen(&mut self, hold: &Hold, until: DateTime<Utc>) -> bool {
        let (epoch, ends) = match hold.on {
            Held::Stream(id) => match self.streams.get_mut(&id) {
                Some(row) => (row.epoch, &mut row.lease_until),
                None => return false,
            },
            Held::Job(id) => match self.jobs.get_mut(&id) {
                Some(row) if row.state == JobState::Waiting => (row.epoch, &mut row.until),
                Some(_) | None => return false,
            },
        };
        let holds = epoch == hold.epoch && ends.is_some();
        if holds {
            *ends = Some(until);
        }
        holds
    }
}

impl StreamRow {
    fn is_due(&self, now: DateTime<Utc>) -> bool {
        self.paused.is_none()
            && self.next_due_at.is_some_and(|due| due <= now)
            && self.lease_until.is_none_or(|until| until <= now)
    }

    /// Follows the stream from now on, whatever it waited for.
    pub(super) fn follow(&mut self, now: DateTime<Utc>) {
        self.is_followed = true;
        self.paused = None;
        self.make_due(now);
    }

    pub(super) fn make_due(&mut self, now: DateTime<Utc>) {
        self.next_due_at = Some(now);
        self.dirty = true;
    }

    /// Makes the stream due, after the wait that its source asked for.
    pub(super) fn welcome(&mut self, now: DateTime<Utc>) {
        let due = self.spared_until.map_or(now, |until| now.max(until));
        self.next_due_at = Some(self.next_due_at.map_or(due, |next| next.min(due)));
        self.dirty = true;
    }

    fn notice(&mut self, now: DateTime<Utc>) {
        self.noticed_at = Some(now);
        let due = self.leased_at.map_or(now, |at| now.max(at + COALESCE));
        self.next_due_at = Some(self.next_due_at.map_or(due, |next| next.min(due)));
        self.dirty = true;
    }

    fn release(&mut self, release: Release, now: DateTime<Utc>) {
        self.lease_until = None;
        (self.attempt, self.expired) = (release.attempt, release.expired);
        self.spared_until = None;
        self.error = release.error;
        self.quiet = release.quiet;
        if release.caught_up {
            self.caught_up_at = Some(now);
        }
        match release.rest {
            Rest::After(wait) if self.dirty => {
                let noticed = self.leased_at.map_or(now, |leased| leased + COALESCE).max(now);
                self.next_due_at = Some(noticed.min(now + wait));
            }
            Rest::After(wait) => self.next_due_at = Some(now + wait),
            Rest::Asked(wait) => {
                self.next_due_at = Some(now + wait);
                self.spared_until = self.next_due_at;
            }
            Rest::Paused(reason) => self.paused = Some(reason),
        }
        self.dirty = false;
    }
}

impl JobRow {
    fn is_due(&self, now: DateTime<Utc>) -> bool {
        self.state == JobState::Waiting && self.ready_at() <= now
    }

    fn ready_at(&self) -> DateTime<Utc> {
        self.until.unwrap_or(self.due_at)
    }
}
