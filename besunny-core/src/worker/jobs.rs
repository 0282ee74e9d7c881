//! The loop over jobs: claim a batch, do each, complete it with a commit.
use std::sync::Arc;

use futures::{FutureExt, StreamExt, stream::FuturesUnordered};

use super::{Until, Worker, describe};
use crate::{
    classify::{self, ClassifyError, Question},
    commit::{Basis, Commit, Decision, Effect},
    document::{DocumentState, Review, ReviewReason},
    history::Fact,
    ids::{CommitId, DocumentId, StreamId},
    job::Task,
    message::Filing,
    repository::RepositoryError,
    retry,
    scheduler::{Ask, Claim, Failure, Work},
    source::{ItemId, SourceError},
};

#[derive(Debug, thiserror::Error)]
enum JobError {
    #[error("the source failed")]
    Source(#[from] SourceError),
    #[error("the store failed")]
    Repository(#[from] RepositoryError),
    #[error("the classifier failed")]
    Classify(#[from] ClassifyError),
}

impl JobError {
    /// Says whether time heals it: an outage of the store is no reason to give a job up.
    const fn may_heal(&self) -> bool {
        matches!(
            self,
            Self::Repository(
                RepositoryError::Store(_) | RepositoryError::Conflict | RepositoryError::Fenced
            )
        )
    }
}

impl Worker {
    /// Does jobs that are due; returns how many.
    pub(super) async fn jobs(&self, until: &Until) -> usize {
        let mut done = 0;
        loop {
            let changed = self.scheduler.changed(Work::Jobs);
            let claims = if until.is_over() { Vec::new() } else { self.claims().await };
            if claims.is_empty() {
                if until.is_over() || !self.rest(until, Work::Jobs, changed).await {
                    return done;
                }
                continue;
            }
            done += claims.len();
            let mut running = FuturesUnordered::new();
            for claim in claims {
                running.push(self.perform(claim).boxed());
            }
            while running.next().await.is_some() {}
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

    async fn perform(&self, claim: Claim) {
        let done = match &claim.job.task {
            Task::Classify { document } => self.classify(&claim, *document).await,
            Task::File { stream, item } => self.file(&claim, *stream, item).await,
        };
        let Err(error) = done else { return };
        self.put_off(&claim, &error).await;
    }

    /// Ends a claim after a failure: again later, or given up.
    async fn put_off(&self, claim: &Claim, error: &JobError) {
        let attempt = claim.attempt + 1;
        let luck = retry::luck(&[claim.job.id.as_bytes(), &claim.epoch.0.to_be_bytes()]);
        let wait = retry::JOB.wait(attempt, luck);
        let text = describe(error);
        tracing::warn!(job = %claim.job.id, attempt, error = text, "a job failed");
        let gives_up = attempt >= retry::JOB_ATTEMPTS && !error.may_heal();
        let retry_after = (!gives_up).then_some(wait);
        let failure = Failure { retry_after, error: text };
        if let Err(error) = self.scheduler.fail(claim, failure).await {
            tracing::warn!(job = %claim.job.id, error = describe(&error), "cannot end a claim");
        }
    }

    /// Decides on one document (CLS-1); a document that was decided on before is left alone.
    async fn classify(&self, claim: &Claim, id: DocumentId) -> Result<(), JobError> {
        let scope = &claim.scope;
        let Some(document) = self.repository.document(scope, id).await? else {
            return self.complete(claim, Vec::new()).await;
        };
        if document.state != DocumentState::Pending {
            return self.complete(claim, Vec::new()).await;
        }
        let Some(content) = self.repository.content(scope, id).await? else {
            return Err(RepositoryError::Missing("content").into());
        };
        let candidates = self.repository.projects(scope, document.owner).await?;
        let references: Vec<&str> = content.mail.thread_ids().collect();
        let thread = self.repository.thread(scope, document.owner, &references).await?;
        let question = Question { document: &document, mail: &content.mail, thread: &thread };
        let (state, fact) = match self.classifier.classify(&question, &candidates).await {
            Ok(verdict) => {
                let state = classify::decide(&verdict, &candidates, &self.settings);
                let fact = Fact::Decided { verdict: Box::new(verdict), state: state.clone() };
                (state, fact)
            }
            // Nothing is guessed: after the last attempt a person decides.
            Err(error) if claim.attempt + 1 >= retry::JOB_ATTEMPTS => {
                let reason = ReviewReason::ClassifierFailed;
                let state = DocumentState::NeedsReview(Review { reason, suggestion: None });
                (state, Fact::ClassifierFailed { why: describe(&error) })
            }
            Err(error) => return Err(error.into()),
        };
        let expected = document.version;
        let decision = Decision { document: id, expected, state, fact };
        self.complete(claim, vec![Effect::Decide(decision)]).await
    }

    /// Marks a mail at its source (MAIL-14).
    async fn file(&self, claim: &Claim, stream: StreamId, item: &ItemId) -> Result<(), JobError> {
        let accounts = self.repository.accounts(&claim.scope).await?;
        let streams = self.repository.streams(&claim.scope).await?;
        let place = streams.iter().find(|status| status.id == stream).and_then(|status| {
            let account = accounts.iter().find(|account| account.id == status.account)?;
            Some((account, account.stream(status.key.clone())))
        });
        if let Some((account, at)) = place
            && let Some(adapter) = self.mail.get(&account.provider)
            && let Some(port) = &adapter.filing
        {
            let filing = self.intake.filing(account.intake);
            if *filing != Filing::None {
                port.file(&at, item, filing).await?;
            }
        }
        self.complete(claim, Vec::new()).await
    }

    async fn complete(&self, claim: &Claim, effects: Vec<Effect>) -> Result<(), JobError> {
        let id = CommitId::derived(&[claim.job.id.as_bytes(), &claim.epoch.0.to_be_bytes()]);
        let basis = Basis::Job { job: claim.job.id, epoch: claim.epoch };
        let commit = Arc::new(Commit { id, basis, at: self.clock.now(), effects });
        match self.repository.commit(&claim.scope, Arc::clone(&commit)).await {
            Err(RepositoryError::Store(_)) => {
                self.repository.commit(&claim.scope, commit).await?;
            }
            done => {
                done?;
            }
        }
        Ok(())
    }
}
