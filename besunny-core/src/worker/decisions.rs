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

use super::{
    Abandoned, Worker,
    acquaintance::thread_of,
    guarded::caught,
    jobs::{Desk, JobError, failure},
    lanes::Lanes,
    learning::Counsel,
    shadow::Shade,
};
use crate::{
    cause::describe,
    classify::{
        Classifier, ClassifyError, Doubts, Question, Unheard, Verdict,
        cascade::{Bench, Conclusion, Opinion},
    },
    commit::{Decision, Effect},
    contender::Contender,
    document::{Document, DocumentState, Review, ReviewReason},
    experiment::Trial,
    history::Fact,
    ids::{DocumentId, UserId},
    job::{Job, Task},
    label::{Answer, Said, Teacher, Truth},
    mail::Mail,
    project::Project,
    repository::{Pending, RepositoryError, ThreadMember},
    retry::{self, Tries},
    scheduler::Claim,
    standing::{Orders, StandingRule},
    tenant::TenantScope,
};

/// A document to be decided on, and the claim to do so.
#[derive(Clone, Debug)]
pub(super) struct Errand {
    pub(super) claim: Claim,
    pub(super) document: DocumentId,
    /// The version at which it waits for a person, where it is asked about again.
    pub(super) again: Option<u64>,
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
    /// Whose thread is not theirs.
    pub(super) strangers: BTreeSet<DocumentId>,
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
    /// Classifiers concluded.
    Concluded {
        /// What they came to.
        conclusion: Box<Conclusion>,
        /// Which rules kept it out of projects.
        barred: Vec<StandingRule>,
        /// Who should have been asked too, and could not be.
        silent: Option<ClassifyError>,
    },
    /// Classifiers failed.
    Failed(ClassifyError),
}

/// What the classifiers came to, and who of them could not be asked.
#[derive(Debug)]
struct Heard {
    conclusion: Conclusion,
    silent: Option<ClassifyError>,
}

impl Worker {
    /// Decides on documents of one tenant (CLS-1); about `max_bytes` of mails are held at once.
    ///
    /// What is refused together is tried one by one, so that one stale claim or document does not
    /// hold up its neighbours.
    pub(super) async fn decide_all(&self, errands: Vec<Errand>, max_bytes: usize, desk: &Desk) {
        let Some(first) = errands.first() else { return };
        let lanes = desk.lanes.of(first.claim.scope.tenant());
        let beside = (&*lanes, &desk.shade);
        let mut batches = vec![errands];
        while let Some(mut batch) = batches.pop() {
            let all = batch.clone();
            let decided = match caught(self.decide_some(&mut batch, max_bytes, beside)).await {
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
    async fn decide_some(
        &self,
        batch: &mut Vec<Errand>,
        max_bytes: usize,
        beside: (&Lanes, &Shade),
    ) -> Result<(), Refused> {
        match self.read(batch, max_bytes).await {
            Ok(cases) => self.decide(cases, beside).await,
            Err(error) => Err(Refused { errands: std::mem::take(batch), error }),
        }
    }

    /// Takes the first errands of `batch` and reads what they are about.
    async fn read(&self, batch: &mut Vec<Errand>, max_bytes: usize) -> Result<Vec<Case>, JobError> {
        let Some(first) = batch.first() else { return Ok(Vec::new()) };
        let ids: Vec<DocumentId> = batch.iter().map(|errand| errand.document).collect();
        let scope = &first.claim.scope;
        let read = match first.again {
            None => self.repository.pending(scope, &ids, max_bytes).await?,
            Some(_) => self.repository.mails(scope, &ids, max_bytes).await?,
        };
        if read.is_empty() {
            return Err(RepositoryError::Missing("answer").into());
        }
        let taken = batch.drain(..read.len().min(ids.len()));
        let case = |(errand, found): (Errand, Option<Pending>)| {
            let pending = found.filter(|found| errand.is_about(&found.document));
            Case { errand, pending }
        };
        Ok(taken.zip(read).map(case).collect())
    }

    /// Decides wave by wave; where one is refused, it ends.
    async fn decide(&self, mut cases: Vec<Case>, beside: (&Lanes, &Shade)) -> Result<(), Refused> {
        cases.sort_by_key(Case::place);
        while !cases.is_empty() {
            let (later, wave) = split(cases);
            let Err(mut refused) = self.decide_wave(wave, beside).await else {
                cases = later;
                continue;
            };
            refused.errands.extend(later.into_iter().map(|case| case.errand));
            return Err(refused);
        }
        Ok(())
    }

    /// Weighs mails that do not wait for each other and completes their errands with one commit.
    async fn decide_wave(
        &self,
        wave: Vec<Case>,
        (lanes, shade): (&Lanes, &Shade),
    ) -> Result<(), Refused> {
        let Some(first) = wave.first() else { return Ok(()) };
        let scope = first.errand.claim.scope;
        let backgrounds = match self.backgrounds(&scope, &wave).await {
            Ok(backgrounds) => backgrounds,
            Err(error) => {
                let errands = wave.into_iter().map(|case| case.errand).collect();
                return Err(Refused { errands, error });
            }
        };
        let weighed = wave.iter().map(|case| self.weigh(case, &backgrounds, lanes));
        let weighed = future::join_all(weighed).await;
        let (mut done, mut failed, mut effects) = (Vec::new(), Vec::new(), Vec::new());
        let mut versions = BTreeMap::new();
        for (case, decision) in wave.iter().zip(weighed) {
            match decision {
                Ok(decision) => {
                    versions.extend(decision.as_ref().and_then(asked_models));
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
        if let (Ok(()), Some(with)) = (&completed, self.shadow) {
            let decided = wave.into_iter().filter_map(|case| {
                let pending = case.pending?;
                let version = *versions.get(&pending.document.id)?;
                Some((pending, version))
            });
            shade.cast((scope, with), decided, backgrounds);
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
            let named: BTreeSet<&str> =
                cases.iter().flat_map(|pending| pending.mail.thread_ids()).collect();
            let named: Vec<&str> = named.into_iter().collect();
            let projects = self.repository.projects(scope, owner);
            let rules = self.repository.rules(scope, owner);
            let members = self.members(scope, owner, &named);
            let (candidates, rules, threads) = future::try_join3(projects, rules, members).await?;
            let questions: Vec<Question<'_>> =
                cases.iter().map(|pending| pending.unthreaded()).collect();
            let counsel = self.counsel(scope, owner, &questions, &candidates).await?;
            let strangers = self.strangers(scope, &cases, &threads, &candidates).await?;
            let background = Background {
                candidates,
                threads,
                strangers,
                rules,
                counsel: Arc::new(counsel),
                is_allowed,
                // A shadow is compared with a decision that it had no part in.
                may_ask: is_allowed && self.shadow != Some(Contender::Language),
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
        let (state, fact) = match self.weigh_one(pending, background, lanes).await {
            Weighed::Ruled(rule, state) => (state.clone(), Fact::Ruled { rule, state, act: None }),
            Weighed::Concluded { silent: Some(error), .. } | Weighed::Failed(error)
                if case.errand.waits_for(&error) =>
            {
                return Err(error.into());
            }
            // Nothing new is known and nothing is guessed.
            Weighed::Concluded { silent: Some(_), .. } | Weighed::Failed(_)
                if case.errand.again.is_some() =>
            {
                return Ok(None);
            }
            Weighed::Concluded { conclusion, barred, silent: _ } => {
                let Conclusion { verdict, state, ruling } = *conclusion;
                let (verdict, ruling) = (Box::new(verdict), Box::new(ruling));
                (state.clone(), Fact::Decided { verdict, state, ruling, barred })
            }
            Weighed::Failed(error) => undecided(describe(&error)),
        };
        Ok(Some(Decision { document: id, expected, state, fact }))
    }

    /// Weighs a mail against its background; nothing is written.
    pub(super) async fn weigh_one(
        &self,
        Pending { document, mail }: &Pending,
        background: &Background,
        lanes: &Lanes,
    ) -> Weighed {
        let candidates = &background.candidates;
        let orders = Orders::on(&background.rules, mail, candidates);
        if let Some((rule, state)) = orders.route() {
            return Weighed::Ruled(Box::new(rule.clone()), state);
        }
        let is_stranger = background.strangers.contains(&document.id);
        let thread = if is_stranger { Vec::new() } else { background.thread_of(document.id, mail) };
        let question = Question { document, mail, thread: &thread };
        let Heard { conclusion, silent } = match self.conclude(&question, background, lanes).await {
            Ok(heard) => heard,
            Err(error) => return Weighed::Failed(error),
        };
        let mut concluded = match &silent {
            None => conclusion,
            Some(error) => conclusion
                .without(Unheard { why: describe(error), is_out: !failure(error).is_strike() }),
        };
        concluded.ruling.known = background.counsel.taught;
        concluded.ruling.trial.clone_from(&background.trial);
        let barred = orders.barred(&concluded.verdict);
        let held = orders.hold(concluded, candidates, &self.settings);
        let conclusion = Box::new(held.cautious(Doubts { mail, is_stranger }));
        Weighed::Concluded { conclusion, barred, silent }
    }

    /// Asks the classifiers in the order of the cascade.
    async fn conclude(
        &self,
        question: &Question<'_>,
        background: &Background,
        lanes: &Lanes,
    ) -> Result<Heard, ClassifyError> {
        let candidates = &background.candidates;
        let bench = Bench { question, candidates, settings: &self.settings };
        let promised = self.settings.promised.of(question.document.kind);
        let rules =
            self.timed(self.guarded(&*self.classifier).classify(question, candidates)).await?;
        let learned = background.counsel.opinion(question.document, rules.choice, promised);
        let first = bench.conclude(rules, learned);
        let heard = |conclusion| Heard { conclusion, silent: None };
        let Some(language) = self.language.as_ref().filter(|_| background.may_ask) else {
            return Ok(heard(first));
        };
        if !first.is_open() {
            return Ok(heard(first));
        }
        let lane = lanes.enter().await;
        let verdict = self.timed(self.guarded(&**language).classify(question, candidates)).await;
        drop(lane);
        Ok(match verdict {
            Ok(verdict) => {
                let kind = question.document.kind;
                let promise = background.counsel.promises.of(&verdict.classifier, kind, promised);
                let threshold = promise.threshold();
                heard(bench.reconsider(first, Opinion { verdict, promised, threshold, known: 0 }))
            }
            // What the others said stays, for the person who decides and for the log of answers.
            Err(error) => Heard { conclusion: first, silent: Some(error) },
        })
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

    /// Returns a decision as effects; a route is taken for right if nobody corrects it, and who was out
    /// is asked again.
    fn effects(&self, scope: &TenantScope, decision: Decision) -> Vec<Effect> {
        let (document, version) = (decision.document, decision.expected + 1);
        let routed = decision.state.project().filter(|_| self.learner.is_some());
        let consent = routed.zip(Said::of(&decision.fact)).map(|(project, said)| {
            let truth = Truth::To(project);
            let answer = Answer { document, truth, by: Teacher::Consent, said, act: None };
            let job = Job::new(scope.tenant(), Task::Consent { version, answer });
            Effect::Defer { job, by: self.settings.consent_after }
        });
        let again = decision.fact.waits_for_classifier().then(|| {
            let job = Job::new(scope.tenant(), Task::AskAgain { document, version });
            Effect::Defer { job, by: retry::OUTAGE_OVER }
        });
        std::iter::once(Effect::Decide(decision)).chain(consent).chain(again).collect()
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

/// Returns the document and its version since, where classifiers were asked: so a shadow is too.
fn asked_models(made: &Decision) -> Option<(DocumentId, u64)> {
    let asked =
        Said::of(&made.fact).is_some() || matches!(made.fact, Fact::ClassifierFailed { .. });
    asked.then_some((made.document, made.expected + 1))
}

/// Returns what becomes of a document on which no classifier will decide.
fn undecided(why: String) -> (DocumentState, Fact) {
    let review = Review { reason: ReviewReason::ClassifierFailed, suggestion: None };
    (DocumentState::NeedsReview(review), Fact::ClassifierFailed { why })
}

/// Says whether a failure may be healed before a person should see the document.
fn is_patient(claim: &Claim, error: &ClassifyError) -> bool {
    let failure = failure(error);
    let strikes = claim.strikes + u32::from(failure.is_strike());
    retry::is_worth_waiting(failure, Tries { attempt: claim.attempt + 1, strikes })
}

impl Errand {
    /// Says whether there is still something to decide.
    fn is_about(&self, document: &Document) -> bool {
        self.again.is_none_or(|version| version == document.version)
    }

    /// Says whether to ask again later; a person sees what is asked about again, so that can wait.
    fn waits_for(&self, error: &ClassifyError) -> bool {
        let is_out = !failure(error).is_strike();
        is_patient(&self.claim, error) || is_out && self.again.is_some()
    }
}

impl Background {
    /// Returns where the others of a document's thread went.
    fn thread_of(&self, document: DocumentId, mail: &Mail) -> Vec<ThreadMember> {
        let others = thread_of(mail, &self.threads).into_iter();
        others.filter(|member| member.document != document).cloned().collect()
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
