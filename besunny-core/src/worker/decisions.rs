//! Deciding on the mails of one tenant: read together, weighed at once, decided by one commit.
//!
//! Mails of one thread are often claimed together. A mail that names an earlier one of its batch
//! waits until that one is decided on, so that it sees where its thread went; what does not wait
//! makes a wave, with a commit of its own. Earlier is what was received earlier, or at once with a
//! lower id, so the waves follow from the mails alone.
use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use futures::{
    future,
    lock::{Mutex, MutexGuard},
};

use super::{
    Abandoned, Worker,
    caught::{Caught, caught},
    jobs::JobError,
    learning::Counsel,
    shadow::Beside,
};
use crate::{
    cause::describe,
    classify::{
        Classifier, ClassifyError, Doubts, Question, Verdict,
        cascade::{self, Bench, Conclusion, Opinion},
    },
    commit::{Decision, Effect},
    document::{Document, DocumentState, Review, ReviewReason},
    experiment::Trial,
    history::Fact,
    ids::{DocumentId, ProjectId, UserId},
    job::{Job, Task},
    label::{Answer, Said, Teacher, Truth},
    mail::Mail,
    project::Project,
    repository::{Pending, RepositoryError, ThreadMember},
    retry,
    scheduler::Claim,
    standing::{Orders, StandingRule},
    tenant::TenantScope,
};

/// A document to be decided on, and the claim to do so.
#[derive(Clone, Debug)]
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
pub(super) struct Background {
    pub(super) candidates: Arc<[Project]>,
    pub(super) threads: Vec<ThreadMember>,
    pub(super) rules: Arc<[StandingRule]>,
    /// What the owner's model says.
    pub(super) counsel: Arc<Counsel>,
    /// Whether the tenant allows that a language model is asked, and there is one.
    pub(super) is_allowed: bool,
    /// Whether one is asked.
    pub(super) may_ask: bool,
    /// In which arm of an experiment its documents are decided on.
    pub(super) trial: Option<Trial>,
}

/// What came of weighing a document.
#[derive(Debug)]
pub(super) enum Weighed {
    /// A rule of the owner decides alone.
    Ruled(Box<StandingRule>, DocumentState),
    /// Classifiers concluded, and these rules kept it out of projects.
    Concluded(Box<Conclusion>, Vec<StandingRule>),
    /// Classifiers failed.
    Failed(Unweighed),
}

/// A document that no classifier could weigh to the end.
#[derive(Debug)]
pub(super) struct Unweighed {
    pub(super) error: ClassifyError,
    /// The best guess before that.
    suggestion: Option<ProjectId>,
}

impl Worker {
    /// Decides on documents of one tenant (CLS-1); about `max_bytes` of mails are held at once.
    ///
    /// What is refused together is tried one by one, so that one stale claim or document does not
    /// hold up its neighbours.
    pub(super) async fn decide_all(&self, errands: Vec<Errand>, max_bytes: usize) {
        let mut batches = vec![errands];
        while let Some(mut batch) = batches.pop() {
            let all = batch.clone();
            let decided = match caught(self.decide_some(&mut batch, max_bytes)).await {
                Ok(decided) => decided,
                Err(panicked) => {
                    batch.clear();
                    Err(Refused { errands: all, error: panicked.into() })
                }
            };
            if !batch.is_empty() {
                batches.push(batch);
            }
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

    /// Decides on the first of `batch`, and leaves the others in it.
    async fn decide_some(&self, batch: &mut Vec<Errand>, max_bytes: usize) -> Result<(), Refused> {
        match self.read(batch, max_bytes).await {
            Ok(cases) => self.decide(cases).await,
            Err(error) => Err(Refused { errands: std::mem::take(batch), error }),
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
        let lanes = Lanes::new(self.settings.language_at_once);
        let weighed = wave.iter().map(|case| self.weigh(case, &backgrounds, &lanes));
        let weighed = future::join_all(weighed).await;
        let (mut done, mut failed, mut effects) = (Vec::new(), Vec::new(), Vec::new());
        let mut decided = Vec::new();
        for (case, decision) in wave.iter().zip(weighed) {
            match decision {
                Ok(decision) => {
                    decided.extend(decision.as_ref().and_then(|made| beside(case, made)));
                    effects
                        .extend(decision.into_iter().flat_map(|made| self.effects(&scope, made)));
                    done.push(case.errand.clone());
                }
                Err(error) => failed.push((&case.errand, error)),
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
        if completed.is_ok() {
            self.overshadow(&scope, &decided, &backgrounds, &lanes).await;
        }
        completed.map_err(|error| Refused { errands: done, error })
    }

    /// Asks once for each owner for projects, for the mails that are named, and for the model.
    async fn backgrounds(
        &self,
        scope: &TenantScope,
        wave: &[Case],
    ) -> Result<BTreeMap<UserId, Background>, JobError> {
        let mut cases: BTreeMap<UserId, Vec<&Pending>> = BTreeMap::new();
        for pending in wave.iter().filter_map(|case| case.pending.as_ref()) {
            cases.entry(pending.document.owner).or_default().push(pending);
        }
        let is_allowed =
            self.language.is_some() && self.repository.allowed(scope).await?.language_models;
        let mut backgrounds = BTreeMap::new();
        for (owner, cases) in cases {
            let candidates = self.repository.projects(scope, owner).await?;
            let named: BTreeSet<&str> =
                cases.iter().flat_map(|pending| pending.mail.thread_ids()).collect();
            let named: Vec<&str> = named.into_iter().collect();
            let threads = self.members(scope, owner, &named).await?;
            let questions: Vec<Question<'_>> =
                cases.iter().map(|pending| pending.unthreaded()).collect();
            let rules = self.repository.rules(scope, owner).await?;
            let counsel = self.counsel(scope, owner, &questions, &candidates).await?;
            let background = Background {
                candidates,
                threads,
                rules,
                counsel: Arc::new(counsel),
                is_allowed,
                may_ask: is_allowed,
                trial: None,
            };
            let background = self.in_its_arm(scope, owner, &questions, background).await?;
            backgrounds.insert(owner, background);
        }
        Ok(backgrounds)
    }

    /// Returns where the mails with these message ids are.
    pub(super) async fn members(
        &self,
        scope: &TenantScope,
        owner: UserId,
        named: &[&str],
    ) -> Result<Vec<ThreadMember>, RepositoryError> {
        match named {
            [] => Ok(Vec::new()),
            named => self.repository.thread(scope, owner, named).await,
        }
    }

    /// Makes the decision on a mail; none when there is nothing to decide any more.
    async fn weigh(
        &self,
        case: &Case,
        backgrounds: &BTreeMap<UserId, Background>,
        lanes: &Lanes,
    ) -> Result<Option<Decision>, JobError> {
        let Some(pending) = &case.pending else { return Ok(None) };
        let Document { id, version: expected, owner, .. } = pending.document;
        let Some(background) = backgrounds.get(&owner) else { return Ok(None) };
        let weighed = self.weigh_one(&case.errand.claim.scope, pending, background, lanes).await?;
        let (state, fact) = match weighed {
            Weighed::Ruled(rule, state) => (state.clone(), Fact::Ruled { rule, state, act: None }),
            Weighed::Concluded(concluded, barred) => {
                let Conclusion { verdict, state, ruling } = *concluded;
                let (verdict, ruling) = (Box::new(verdict), Box::new(ruling));
                (state.clone(), Fact::Decided { verdict, state, ruling, barred })
            }
            // Nothing is guessed: after the last attempt a person decides.
            Weighed::Failed(Unweighed { error, suggestion })
                if case.errand.claim.strikes + 1 >= retry::JOB_ATTEMPTS =>
            {
                undecided(describe(&error), suggestion)
            }
            Weighed::Failed(Unweighed { error, .. }) => return Err(error.into()),
        };
        Ok(Some(Decision { document: id, expected, state, fact }))
    }

    /// Weighs a mail against its background; nothing is written.
    pub(super) async fn weigh_one(
        &self,
        scope: &TenantScope,
        Pending { document, mail }: &Pending,
        background: &Background,
        lanes: &Lanes,
    ) -> Result<Weighed, RepositoryError> {
        let candidates = &background.candidates;
        let orders = Orders::on(&background.rules, mail, candidates);
        if let Some((rule, state)) = orders.route() {
            return Ok(Weighed::Ruled(Box::new(rule.clone()), state));
        }
        let thread = background.thread_of(mail);
        let is_stranger = self.is_stranger(scope, mail, &thread, candidates).await?;
        let thread = if is_stranger { Vec::new() } else { thread };
        let question = Question { document, mail, thread: &thread };
        let mut concluded = match self.conclude(&question, background, lanes).await {
            Ok(concluded) => concluded,
            Err(unweighed) => return Ok(Weighed::Failed(unweighed)),
        };
        concluded.ruling.known = background.counsel.taught;
        concluded.ruling.trial.clone_from(&background.trial);
        let barred = orders.barred(&concluded.verdict);
        let held = orders.hold(concluded, candidates, &self.settings);
        let cautious = held.cautious(Doubts { mail, is_stranger });
        Ok(Weighed::Concluded(Box::new(cautious), barred))
    }

    /// Asks the classifiers in the order of the cascade.
    async fn conclude(
        &self,
        question: &Question<'_>,
        background: &Background,
        lanes: &Lanes,
    ) -> Result<Conclusion, Unweighed> {
        let candidates = &background.candidates;
        let bench = Bench { question, candidates, settings: &self.settings };
        let promised = self.settings.promised.of(question.document.kind);
        let rules = self.timed(Caught(&*self.classifier).classify(question, candidates)).await;
        let rules = rules.map_err(|error| Unweighed { error, suggestion: None })?;
        let learned = background.counsel.opinion(question.document, rules.choice, promised);
        let first = bench.conclude(rules, learned);
        let Some(language) = self.language.as_ref().filter(|_| background.may_ask) else {
            return Ok(first);
        };
        if !first.is_open() {
            return Ok(first);
        }
        let lane = lanes.enter().await;
        let verdict = self.timed(Caught(&**language).classify(question, candidates)).await;
        drop(lane);
        match verdict {
            Ok(verdict) => {
                let kind = question.document.kind;
                let promise = background.counsel.promises.of(&verdict.classifier, kind, promised);
                let threshold = promise.threshold();
                let second = Opinion { verdict, promised, threshold, known: 0 };
                Ok(bench.reconsider(first, second))
            }
            Err(error) => Err(Unweighed { error, suggestion: cascade::suggestion(&first.state) }),
        }
    }

    /// Notes how long a classifier took, unless it says so itself.
    async fn timed(
        &self,
        verdict: impl Future<Output = Result<Verdict, ClassifyError>>,
    ) -> Result<Verdict, ClassifyError> {
        let begun = self.clock.now();
        let mut verdict = verdict.await?.finite();
        if verdict.made.took.is_zero() {
            verdict.made.took = (self.clock.now() - begun).to_std().unwrap_or_default();
        }
        Ok(verdict)
    }

    /// Returns a decision as effects; a route is taken for right if nobody corrects it.
    fn effects(&self, scope: &TenantScope, decision: Decision) -> Vec<Effect> {
        let routed = decision.state.project().filter(|_| self.learner.is_some());
        let consent = routed.zip(Said::of(&decision.fact)).map(|(project, said)| {
            let (document, truth) = (decision.document, Truth::To(project));
            let answer = Answer { document, truth, by: Teacher::Consent, said, act: None };
            let task = Task::Consent { version: decision.expected + 1, answer };
            let job = Job::new(scope.tenant(), task);
            Effect::Defer { job, by: self.settings.consent_after }
        });
        std::iter::once(Effect::Decide(decision)).chain(consent).collect()
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
            let (state, fact) = undecided(why.to_string(), None);
            Effect::Decide(Decision { document: id, expected: version, state, fact })
        });
        self.complete(&claim.scope, &[claim], decision.into_iter().collect()).await
    }
}

/// Returns what a shadow is asked about: classifiers were, and the decision was made.
fn beside<'c>(case: &'c Case, made: &Decision) -> Option<Beside<'c>> {
    let asked =
        Said::of(&made.fact).is_some() || matches!(made.fact, Fact::ClassifierFailed { .. });
    case.pending.as_ref().filter(|_| asked).map(|pending| (pending, made.expected + 1))
}

/// Returns what becomes of a document on which no classifier will decide.
fn undecided(why: String, suggestion: Option<ProjectId>) -> (DocumentState, Fact) {
    let reason = ReviewReason::ClassifierFailed;
    let state = DocumentState::NeedsReview(Review { reason, suggestion });
    (state, Fact::ClassifierFailed { why })
}

impl Background {
    /// Returns where earlier mails of the mail's thread went.
    fn thread_of(&self, mail: &Mail) -> Vec<ThreadMember> {
        let named: HashSet<&str> = mail.thread_ids().collect();
        let is_named = |member: &&ThreadMember| named.contains(member.message_id.expose().as_str());
        self.threads.iter().filter(is_named).cloned().collect()
    }
}

/// Lets a few in at once; the others wait in as many lines.
#[derive(Debug)]
pub(super) struct Lanes {
    lanes: Vec<Mutex<()>>,
    next: AtomicUsize,
}

impl Lanes {
    pub(super) fn new(count: usize) -> Self {
        Self {
            lanes: (0..count.max(1)).map(|_| Mutex::new(())).collect(),
            next: AtomicUsize::new(0),
        }
    }

    async fn enter(&self) -> MutexGuard<'_, ()> {
        let next = self.next.fetch_add(1, Ordering::Relaxed) % self.lanes.len();
        self.lanes[next].lock().await
    }
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
