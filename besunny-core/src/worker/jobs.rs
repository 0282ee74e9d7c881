//! The loop over jobs: claim a batch, do it, complete it with commits.
use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures::{
    FutureExt, StreamExt,
    future::{self, Either},
    stream::FuturesUnordered,
};

use super::{
    Abandoned, Until, Worker,
    decisions::Errand,
    guarded::{Panicked, caught},
    lanes::TenantLanes,
    learning::Consent,
    meetings::Change,
    shadow::Shade,
    streams::beside,
};
use crate::{
    adapter::AnyAdapter,
    cause::describe,
    classify::{ClassifyError, Outage},
    commit::{Basis, Claimed, Commit, Effect},
    ids::{CommitId, StreamId, TenantId},
    job::Task,
    message::{Filing, MailFiling},
    repository::RepositoryError,
    retry::{self, JobFailure, Tries},
    scheduler::{Ask, Claim, Failure, JobRest, Work},
    source::{ItemId, SourceError},
    tenant::TenantScope,
};

/// Mails of a round that are decided on hold about so much memory, whatever their number and size.
const IN_FLIGHT_BYTES: usize = 8 << 20;
/// Jobs of a round that takes longer do not hold up those that are due meanwhile: a round of rules
/// takes milliseconds, a language model answers within seconds.
const SLOW: Duration = Duration::from_secs(10);
/// So many rounds are under way at most, so that memory stays bounded.
const ROUNDS: usize = 4;

/// What all rounds of a worker share.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) lanes: TenantLanes,
    pub(super) shade: Shade,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum JobError {
    #[error("the source failed")]
    Source(#[from] SourceError),
    #[error("the store failed")]
    Repository(#[from] RepositoryError),
    #[error("nobody here follows the provider: run the server that does")]
    NoAdapter,
    #[error("the classifier failed")]
    Classify(#[from] ClassifyError),
    #[error("it was given up")]
    Abandoned(#[from] Abandoned),
    #[error("doing it failed")]
    Panicked(#[from] Panicked),
}

impl JobError {
    /// Says whether the store could not be used, for one job or for many.
    pub(super) const fn is_outage(&self) -> bool {
        matches!(self, Self::Repository(RepositoryError::Store(_)))
    }

    /// Says what the retry table asks: neither an outage of the store nor a process without the
    /// adapter is a reason to give a job up.
    const fn cause(&self) -> JobFailure {
        match self {
            Self::Source(SourceError { kind, retry_after, .. }) => {
                JobFailure::Source { kind: *kind, retry_after: *retry_after }
            }
            Self::NoAdapter
            | Self::Repository(
                RepositoryError::Store(_) | RepositoryError::Conflict | RepositoryError::Fenced,
            ) => JobFailure::Outage,
            Self::Repository(
                RepositoryError::Missing(_)
                | RepositoryError::Taken(_)
                | RepositoryError::Corrupt { .. },
            )
            | Self::Panicked(_) => JobFailure::Other,
            Self::Classify(error) => failure(error),
            Self::Abandoned(_) => JobFailure::Abandoned,
        }
    }
}

/// Says what the retry table asks about a classifier.
pub(super) const fn failure(error: &ClassifyError) -> JobFailure {
    match error.outage {
        Some(Outage { kind, retry_after }) => JobFailure::Source { kind, retry_after },
        None => JobFailure::Other,
    }
}

impl Worker {
    /// Does jobs that are due; returns how many.
    ///
    /// A shadow is asked beside that, under no claim; what it was not asked when the worker stops
    /// is not noted.
    pub(super) async fn jobs(&self, until: &Until) -> usize {
        let (shade, casts) = Shade::new();
        let rounds = self.rounds(until, shade).boxed();
        match future::select(rounds, self.overshadow(casts).boxed()).await {
            Either::Left((done, shadows)) => {
                match until {
                    Until::Idle => shadows.await,
                    Until::Stopped(_) => {}
                }
                done
            }
            Either::Right(((), rounds)) => rounds.await,
        }
    }

    async fn rounds(&self, until: &Until, shade: Shade) -> usize {
        let desk = Desk { lanes: TenantLanes::new(self.settings.language_at_once), shade };
        let (mut rounds, mut done) = (FuturesUnordered::new(), 0);
        loop {
            let changed = self.scheduler.changed(Work::Jobs);
            let is_full = rounds.len() >= ROUNDS || until.is_over();
            let claims =
                if is_full { Vec::new() } else { beside(&mut rounds, self.claims()).await };
            if !claims.is_empty() {
                done += claims.len();
                rounds.push(self.round(claims, &desk).boxed());
                let slow = self.clock.sleep_until(self.clock.now() + SLOW);
                future::select(rounds.next(), slow).await;
                continue;
            }
            if rounds.is_empty() {
                if until.is_over() || !self.rest(until, Work::Jobs, changed).await {
                    return done;
                }
                continue;
            }
            let wake = if is_full {
                future::pending().boxed()
            } else {
                self.wake(until, Work::Jobs, changed)
            };
            future::select(rounds.next(), wake).await;
        }
    }

    /// Does jobs and keeps their claims meanwhile.
    async fn round(&self, claims: Vec<Claim>, desk: &Desk) {
        let holds = claims.iter().map(Claim::hold).collect();
        self.kept(holds, self.perform(claims, desk)).await;
    }

    /// Does jobs at once: decisions of one tenant together, everything else alone.
    async fn perform(&self, claims: Vec<Claim>, desk: &Desk) {
        let mut running = FuturesUnordered::new();
        let mut errands: BTreeMap<(TenantId, bool), Vec<Errand>> = BTreeMap::new();
        let mut consents: BTreeMap<TenantId, Vec<Consent>> = BTreeMap::new();
        let mut changes: BTreeMap<TenantId, Vec<Change>> = BTreeMap::new();
        for claim in claims {
            if claim.expired >= retry::JOB_ATTEMPTS && !is_kept(&claim.job.task) {
                running.push(self.alone(claim.clone(), self.abandon(claim)).boxed());
                continue;
            }
            match claim.job.task.clone() {
                Task::Classify { document } => {
                    let errands = errands.entry((claim.scope.tenant(), false)).or_default();
                    errands.push(Errand { claim, document, again: None });
                }
                Task::AskAgain { document, version } => {
                    let errands = errands.entry((claim.scope.tenant(), true)).or_default();
                    errands.push(Errand { claim, document, again: Some(version) });
                }
                Task::File { stream, item } => {
                    let work = self.file(claim.clone(), stream, item);
                    running.push(self.alone(claim, work).boxed());
                }
                Task::Meet { account, item, at: _ } => {
                    let changes = changes.entry(claim.scope.tenant()).or_default();
                    changes.push(Change { claim, at: (account, item) });
                }
                task @ (Task::Staff { .. }
                | Task::StaffAll { .. }
                | Task::Tend { .. }
                | Task::Transcribe { .. }) => {
                    let work = self.attend(claim.clone(), task);
                    running.push(self.alone(claim, work).boxed());
                }
                Task::Consent { version, answer } => {
                    let consents = consents.entry(claim.scope.tenant()).or_default();
                    consents.push(Consent { claim, version, answer });
                }
            }
        }
        let max_bytes = IN_FLIGHT_BYTES / errands.len().max(1);
        for errands in errands.into_values() {
            running.push(self.decide_all(errands, max_bytes, desk).boxed());
        }
        for consents in consents.into_values() {
            running.push(self.take_for_right(consents).boxed());
        }
        for changes in changes.into_values() {
            running.push(self.meet(changes).boxed());
        }
        while running.next().await.is_some() {}
    }

    /// Does a job; a panic is a failure of it alone.
    async fn alone(&self, claim: Claim, work: impl Future<Output = ()> + Send) {
        if let Err(panicked) = caught(work).await {
            self.put_off(&claim, &panicked.into()).await;
        }
    }

    async fn claims(&self) -> Vec<Claim> {
        let ask = Ask { limit: self.settings.jobs, lease_for: self.settings.lease_for };
        match self.scheduler.claim(ask).await {
            Ok(claims) => claims,
            Err(error) => {
                tracing::warn!(error = describe(&error), "cannot claim jobs");
                Vec::new()
            }
        }
    }

    /// Ends a claim after a failure: again later, or given up.
    pub(super) async fn put_off(&self, claim: &Claim, error: &JobError) {
        let (mut cause, attempt) = (error.cause(), claim.attempt + 1);
        if matches!(claim.job.task, Task::AskAgain { .. }) {
            cause = cause.unpaused();
        }
        let is_kept = is_kept(&claim.job.task);
        if is_kept {
            cause = cause.unpaused();
        }
        let strike = cause.is_strike() && !is_kept;
        let tries = Tries { attempt, strikes: claim.strikes + u32::from(strike) };
        let luck = luck(claim);
        let rest = match retry::after_job(cause, tries, luck) {
            JobRest::GivenUp(_) if is_kept => JobRest::After(retry::JOB.wait(attempt, luck)),
            rest @ (JobRest::GivenUp(_) | JobRest::After(_)) => rest,
        };
        let text = describe(error);
        tracing::warn!(job = %claim.job.id, attempt, error = text, "a job failed");
        let failure = Failure { rest, error: text, strike };
        if let Err(error) = self.scheduler.fail(claim, failure).await {
            tracing::warn!(job = %claim.job.id, error = describe(&error), "cannot end a claim");
        }
    }

    /// Gives up a job that ends whoever does it; what it is about is not read again.
    async fn abandon(&self, claim: Claim) {
        let why = Abandoned(claim.expired);
        match &claim.job.task {
            Task::Classify { document } => {
                // A claim that is left to end by itself is abandoned again; one that is put off
                // would count from nought, and its mail be read again.
                if let Err(error) = self.refer(&claim, *document, why).await {
                    let error = describe(&error);
                    tracing::warn!(job = %claim.job.id, error, "cannot leave a document to a person");
                }
            }
            Task::File { .. }
            | Task::Meet { .. }
            | Task::Staff { .. }
            | Task::StaffAll { .. }
            | Task::Tend { .. }
            | Task::Transcribe { .. }
            | Task::Consent { .. }
            | Task::AskAgain { .. } => {
                self.put_off(&claim, &why.into()).await;
            }
        }
    }

    /// Marks a mail at its source (MAIL-14).
    async fn file(&self, claim: Claim, stream: StreamId, item: ItemId) {
        let filed = self.file_at_source(&claim.scope, stream, &item).await;
        let done = match filed {
            Ok(()) => self.complete(&claim.scope, &[&claim], Vec::new()).await,
            Err(error) => Err(error),
        };
        if let Err(error) = done {
            self.put_off(&claim, &error).await;
        }
    }

    async fn file_at_source(
        &self,
        scope: &TenantScope,
        stream: StreamId,
        item: &ItemId,
    ) -> Result<(), JobError> {
        let place = self.repository.find_stream(scope, stream).await?;
        let Some((account, key)) = place else { return Ok(()) };
        let adapter = self.adapters.get(&account.provider).and_then(AnyAdapter::mail);
        let adapter = adapter.ok_or(JobError::NoAdapter)?;
        if let Some(port) = &adapter.filing {
            let filing = self.intake.filing(account.intake);
            if *filing != Filing::None {
                self.guarded(&**port).file(&account.stream(key), item, filing).await?;
            }
        }
        Ok(())
    }

    /// Completes jobs of one tenant with what they decided, all or none.
    pub(super) async fn complete(
        &self,
        scope: &TenantScope,
        claims: &[&Claim],
        effects: Vec<Effect>,
    ) -> Result<(), JobError> {
        let done = claims.iter().map(|claim| Claimed { job: claim.job.id, epoch: claim.epoch });
        let done: Vec<Claimed> = done.collect();
        let id = commit_id(&done);
        let commit = Commit { id, basis: Basis::Jobs(done), at: self.clock.now(), effects };
        let commit = Arc::new(commit);
        match self.repository.commit(scope, Arc::clone(&commit)).await {
            Err(RepositoryError::Store(_)) => {
                self.repository.commit(scope, commit).await?;
            }
            done => {
                done?;
            }
        }
        Ok(())
    }
}

/// Returns this claim's share of jitter.
pub(super) fn luck(claim: &Claim) -> f64 {
    retry::luck(&[claim.job.id.as_bytes(), &claim.epoch.0.to_be_bytes()])
}

/// Says whether a task is tried for as long as it takes: a bot that nobody looks after stays in its call.
const fn is_kept(task: &Task) -> bool {
    match task {
        Task::Staff { .. }
        | Task::StaffAll { .. }
        | Task::Tend { .. }
        | Task::Transcribe { .. } => true,
        Task::Classify { .. }
        | Task::AskAgain { .. }
        | Task::File { .. }
        | Task::Meet { .. }
        | Task::Consent { .. } => false,
    }
}

/// Names what is done under `claims`, which is the commit that completes them.
pub(super) fn cause_of(claims: &[&Claim]) -> CommitId {
    let done = claims.iter().map(|claim| Claimed { job: claim.job.id, epoch: claim.epoch });
    commit_id(&done.collect::<Vec<_>>())
}

/// Derives the commit's id from the claims, so that repeating it is seen as that.
fn commit_id(done: &[Claimed]) -> CommitId {
    let epochs: Vec<[u8; 8]> = done.iter().map(|done| done.epoch.0.to_be_bytes()).collect();
    let parts = done.iter().zip(&epochs);
    let parts: Vec<&[u8]> =
        parts.flat_map(|(done, epoch)| [&done.job.as_bytes()[..], epoch]).collect();
    CommitId::derived(&parts)
}
