//! Deciding on the mails of one tenant: read together, weighed at once, decided by one commit.
//!
//! Mails of one thread are often claimed together. A mail that names an earlier one of its batch
//! waits until that one is decided on, so that it sees where its thread went; what does not wait
//! makes a wave, with a commit of its own. Earlier is what was received earlier, or at once with a
//! lower id, so the waves follow from the mails alone.
use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::Arc,
};

use futures::future;

use super::{Abandoned, Worker, jobs::JobError};
use crate::{
    cause::describe,
    classify::Question,
    commit::{Decision, Effect},
    document::{Document, DocumentState, Review, ReviewReason},
    history::Fact,
    ids::{DocumentId, UserId},
    project::Project,
    repository::{Pending, RepositoryError, ThreadMember},
    retry,
    scheduler::Claim,
    standing::{Ruling, StandingRule},
    tenant::TenantScope,
};

/// A document to be decided on, and the claim to do so.
#[derive(Debug)]
pub(super) struct Errand {
    pub(super) claim: Claim,
    pub(super) document: DocumentId,
}

/// An errand with what was read; nothing when there is nothing to decide any more.
#[derive(Debug)]
struct Case {
    errand: Errand,
    pending: Option<Pending>,
}

/// Errands that came to nothing together.
#[derive(Debug)]
struct Refused {
    errands: Vec<Errand>,
    error: JobError,
}

/// What the mails of one owner are weighed against.
#[derive(Debug)]
struct Background {
    candidates: Arc<[Project]>,
    threads: Vec<ThreadMember>,
    rules: Arc<[StandingRule]>,
}

impl Worker {
    /// Decides on documents of one tenant (CLS-1); about `max_bytes` of mails are held at once.
    ///
    /// What is refused together is tried one by one, so that one stale claim or document does not
    /// hold up its neighbours.
    pub(super) async fn decide_all(&self, errands: Vec<Errand>, max_bytes: usize) {
        let mut batches = vec![errands];
        while let Some(mut batch) = batches.pop() {
            let decided = match self.read(&mut batch, max_bytes).await {
                Ok(cases) => {
                    if !batch.is_empty() {
                        batches.push(batch);
                    }
                    self.decide(cases).await
                }
                Err(error) => Err(Refused { errands: batch, error }),
            };
            let Err(Refused { errands, error }) = decided else { continue };
            if errands.len() > 1 && !error.is_outage() {
                batches.extend(errands.into_iter().rev().map(|errand| vec![errand]));
                continue;
            }
            for errand in &errands {
                self.put_off(&errand.claim, &error).await;
            }
        }
    }

    /// Takes the first errands of `batch` and reads what they are about.
    async fn read(&self, batch: &mut Vec<Errand>, max_bytes: usize) -> Result<Vec<Case>, JobError> {
        let Some(first) = batch.first() else { return Ok(Vec::new()) };
        let ids: Vec<DocumentId> = batch.iter().map(|errand| errand.document).collect();
        let read = self.repository.pending(&first.claim.scope, &ids, max_bytes).await?;
        if read.is_empty() {
            return Err(RepositoryError::Missing("answer").into());
        }
        let taken = batch.drain(..read.len().min(ids.len()));
        Ok(taken.zip(read).map(|(errand, pending)| Case { errand, pending }).collect())
    }

    /// Decides wave by wave; where one is refused, it ends.
    async fn decide(&self, mut cases: Vec<Case>) -> Result<(), Refused> {
        cases.sort_by_key(Case::place);
        while !cases.is_empty() {
            let (later, wave) = split(cases);
            let Err(mut refused) = self.decide_wave(wave).await else {
                cases = later;
                continue;
            };
            refused.errands.extend(later.into_iter().map(|case| case.errand));
            return Err(refused);
        }
        Ok(())
    }

    /// Weighs mails that do not wait for each other and completes their errands with one commit.
    async fn decide_wave(&self, wave: Vec<Case>) -> Result<(), Refused> {
        let Some(first) = wave.first() else { return Ok(()) };
        let scope = first.errand.claim.scope;
        let backgrounds = match self.backgrounds(&scope, &wave).await {
            Ok(backgrounds) => backgrounds,
            Err(error) => {
                let errands = wave.into_iter().map(|case| case.errand).collect();
                return Err(Refused { errands, error });
            }
        };
        let weighed = wave.iter().map(|case| self.weigh(case, &backgrounds));
        let weighed = future::join_all(weighed).await;
        let (mut done, mut failed, mut effects) = (Vec::new(), Vec::new(), Vec::new());
        for (case, decision) in wave.into_iter().zip(weighed) {
            match decision {
                Ok(decision) => {
                    effects.extend(decision.map(Effect::Decide));
                    done.push(case.errand);
                }
                Err(error) => failed.push((case.errand, error)),
            }
        }
        let claims: Vec<&Claim> = done.iter().map(|errand| &errand.claim).collect();
        let completed = match claims.as_slice() {
            [] => Ok(()),
            claims => self.complete(&scope, claims, effects).await,
        };
        for (errand, error) in &failed {
            self.put_off(&errand.claim, error).await;
        }
        completed.map_err(|error| Refused { errands: done, error })
    }

    /// Asks once for each owner for the projects and for the mails that are named.
    async fn backgrounds(
        &self,
        scope: &TenantScope,
        wave: &[Case],
    ) -> Result<BTreeMap<UserId, Background>, JobError> {
        let mut named: BTreeMap<UserId, BTreeSet<&str>> = BTreeMap::new();
        for pending in wave.iter().filter_map(|case| case.pending.as_ref()) {
            named.entry(pending.document.owner).or_default().extend(pending.mail.thread_ids());
        }
        let mut backgrounds = BTreeMap::new();
        for (owner, named) in named {
            let candidates = self.repository.projects(scope, owner).await?;
            let named: Vec<&str> = named.into_iter().collect();
            let threads = match named.as_slice() {
                [] => Vec::new(),
                named => self.repository.thread(scope, owner, named).await?,
            };
            let rules = self.repository.rules(scope, owner).await?;
            backgrounds.insert(owner, Background { candidates, threads, rules });
        }
        Ok(backgrounds)
    }

    /// Makes the decision on a mail; none when there is nothing to decide any more.
    async fn weigh(
        &self,
        case: &Case,
        backgrounds: &BTreeMap<UserId, Background>,
    ) -> Result<Option<Decision>, JobError> {
        let Some(Pending { document, mail }) = &case.pending else { return Ok(None) };
        let Some(background) = backgrounds.get(&document.owner) else { return Ok(None) };
        let candidates = &background.candidates;
        let (id, expected) = (document.id, document.version);
        let ruling = Ruling::on(&background.rules, mail, candidates);
        if let Some((rule, state)) = ruling.route() {
            let rule = Box::new(rule.clone());
            let fact = Fact::Ruled { rule, state: state.clone(), act: None };
            return Ok(Some(Decision { document: id, expected, state, fact }));
        }
        let named: HashSet<&str> = mail.thread_ids().collect();
        let thread = background.threads.iter();
        let thread = thread.filter(|member| named.contains(member.message_id.expose().as_str()));
        let thread: Vec<ThreadMember> = thread.cloned().collect();
        let question = Question { document, mail, thread: &thread };
        let (state, fact) = match self.classifier.classify(&question, candidates).await {
            Ok(verdict) => {
                let state = ruling.decide(&verdict, candidates, &self.settings);
                let barred = ruling.barred(&verdict);
                let verdict = Box::new(verdict);
                let fact = Fact::Decided { verdict, state: state.clone(), barred };
                (state, fact)
            }
            // Nothing is guessed: after the last attempt a person decides.
            Err(error) if case.errand.claim.attempt + 1 >= retry::JOB_ATTEMPTS => {
                undecided(describe(&error))
            }
            Err(error) => return Err(error.into()),
        };
        Ok(Some(Decision { document: id, expected, state, fact }))
    }

    /// Leaves a document to a person without reading its mail: doing so ended everybody who tried.
    pub(super) async fn refer(
        &self,
        claim: &Claim,
        document: DocumentId,
        why: Abandoned,
    ) -> Result<(), JobError> {
        let found = self.repository.document(&claim.scope, document).await?;
        let pending = found.filter(|document| document.state == DocumentState::Pending);
        let decision = pending.map(|Document { id, version, .. }| {
            let (state, fact) = undecided(why.to_string());
            Effect::Decide(Decision { document: id, expected: version, state, fact })
        });
        self.complete(&claim.scope, &[claim], decision.into_iter().collect()).await
    }
}

/// Returns what becomes of a document on which no classifier will decide.
fn undecided(why: String) -> (DocumentState, Fact) {
    let reason = ReviewReason::ClassifierFailed;
    let state = DocumentState::NeedsReview(Review { reason, suggestion: None });
    (state, Fact::ClassifierFailed { why })
}

impl Case {
    /// Orders the mails of a batch.
    fn place(&self) -> Option<(chrono::DateTime<chrono::Utc>, DocumentId)> {
        self.pending.as_ref().map(|Pending { document, .. }| (document.received_at, document.id))
    }
}

/// Parts mails in order into those that name an earlier one of them, and the others.
fn split(cases: Vec<Case>) -> (Vec<Case>, Vec<Case>) {
    let mut undecided: HashSet<(UserId, String)> = HashSet::new();
    cases.into_iter().partition(|case| {
        let Some(Pending { document, mail }) = &case.pending else { return false };
        let owner = document.owner;
        let waits = mail.thread_ids().any(|id| undecided.contains(&(owner, id.to_owned())));
        undecided.extend(mail.message_id.as_ref().map(|id| (owner, id.expose().clone())));
        waits
    })
}
