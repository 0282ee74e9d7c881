//! Models of owners: held in memory, brought up to the log before they are asked, stored at times.
//!
//! The log of answers is the truth. A model in memory is asked only after it has learned whatever
//! was said since, by whatever process, so a correction is felt at once and no notice is needed. A
//! stored state only saves learning the whole log again, and that is done when something learned was
//! taken back: the model is then what it would be had nobody said it.
use std::{collections::BTreeMap, mem, sync::Arc};

use super::{Worker, guarded::caught, jobs::JobError};
use crate::{
    cause::describe,
    classify::{
        Question, Verdict,
        cascade::{Known, Opinion},
    },
    commit::Effect,
    document::{Document, DocumentKind},
    ids::{DocumentId, ProjectId, UserId},
    label::{Answer, Label, Teacher, Truth, Unsaid},
    learner::{Example, Guess, Learner, Model},
    mail::Mail,
    project::Project,
    promise::{Guessed, Promises, Threshold},
    repository::{Learned, MadeBy, ModelRecord, NewModel, Pending, RepositoryError},
    scheduler::Claim,
    settings::Promised,
    tenant::TenantScope,
};

mod shelf;

use shelf::Endless;
pub use shelf::{Aside, AtOnce, Shelf};

/// So many answers are learned between two looks at the log, and at most so many in one piece.
const LESSONS: usize = 100;
/// Mails that are learned hold about so much memory.
const IN_FLIGHT_BYTES: usize = 8 << 20;

type Kept = futures::lock::Mutex<Taught>;

/// A model, and how much of the log it has learned.
#[derive(Debug, Default)]
pub(super) struct Taught {
    /// The stored model it came from.
    pub(super) version: Option<u32>,
    /// The last label that the stored one has learned or skipped.
    stored: u64,
    /// Which labels the stored one has learned.
    learned: Learned,
    /// The last label it has learned itself.
    pub(super) seq: u64,
    pub(super) promises: Promises,
    pub(super) model: Option<Box<dyn Model>>,
    /// Whether the log was learned again because the stored state could not be read.
    is_remade: bool,
}

/// Why a model did not learn.
#[derive(Debug, thiserror::Error)]
pub(super) enum Untaught {
    #[error(transparent)]
    Repository(#[from] RepositoryError),
    #[error(transparent)]
    Endless(#[from] Endless),
}

/// What a model says about documents of one owner.
#[derive(Debug, Default)]
pub(super) struct Counsel {
    verdicts: BTreeMap<DocumentId, Verdict>,
    /// How many documents of each project it has learned.
    known: BTreeMap<ProjectId, u32>,
    thresholds: BTreeMap<DocumentKind, Threshold>,
    pub(super) promises: Promises,
    /// How much was learned; none where nothing learns, or the model is of no use.
    pub(super) taught: Option<Known>,
}

/// A route that nobody corrected, and the claim to say so.
#[derive(Debug)]
pub(super) struct Consent {
    pub(super) claim: Claim,
    pub(super) version: u64,
    pub(super) answer: Answer,
}

impl Counsel {
    /// Returns what the model says of a document for which the rules chose a project.
    pub(super) fn opinion(
        &self,
        document: &Document,
        chosen: Option<ProjectId>,
        promised: f64,
    ) -> Option<Opinion> {
        let verdict = self.verdicts.get(&document.id)?.clone();
        let threshold = *self.thresholds.get(&document.kind)?;
        let known = chosen.and_then(|project| self.known.get(&project).copied()).unwrap_or(0);
        Some(Opinion { verdict, promised, threshold, known })
    }
}

impl Counsel {
    /// Gives the verdicts a name of their own, and keeps what was promised before and since then.
    pub(super) fn promise_apart(
        &mut self,
        (learner, name): (&str, String),
        (before, since): (&Promises, &Promises),
        promised: Promised,
    ) {
        for verdict in self.verdicts.values_mut() {
            verdict.classifier.clone_from(&name);
        }
        for (kind, threshold) in &mut self.thresholds {
            let level = promised.of(*kind);
            let since = since.of(&name, *kind, level);
            *threshold = before.of(learner, *kind, level).followed_by(&since).threshold();
        }
    }
}

impl Worker {
    /// Asks the owner's model, once it has learned all that was said.
    pub(super) async fn counsel(
        &self,
        scope: &TenantScope,
        owner: UserId,
        questions: &[Question<'_>],
        candidates: &[Project],
    ) -> Result<Counsel, RepositoryError> {
        let Some(learner) = &self.learner else { return Ok(Counsel::default()) };
        let key = (scope.tenant(), owner, None);
        let kept = if let Some(kept) = self.shelf.find(key) {
            kept
        } else {
            let lessons = self.repository.lessons(scope, owner, 0, 1).await?;
            if lessons.newest.is_none() && lessons.labels.is_empty() {
                return Ok(Counsel { taught: Some(Known::default()), ..Counsel::default() });
            }
            self.shelf.open(key, self.settings.models)
        };
        let asked = caught(async {
            let mut taught = kept.lock().await;
            self.catch_up(scope, owner, learner, &mut taught).await?;
            Ok(self.ask(learner.as_ref(), &taught, questions, candidates))
        });
        let error = match asked.await {
            Ok(Err(Untaught::Repository(error @ RepositoryError::Store(_)))) => return Err(error),
            Ok(Ok(counsel)) => return Ok(counsel),
            Ok(Err(error)) => describe(&error),
            Err(panicked) => describe(&panicked),
        };
        // The rules go on without it; it is read again at the next question.
        tracing::error!(error, "a learned model is of no use");
        self.shelf.forget(key);
        Ok(Counsel::default())
    }

    /// Asks a model as it is.
    pub(super) fn ask(
        &self,
        learner: &dyn Learner,
        taught: &Taught,
        questions: &[Question<'_>],
        candidates: &[Project],
    ) -> Counsel {
        let known = Known { version: taught.version, answers: taught.seq };
        let mut counsel = Counsel {
            promises: taught.promises.clone(),
            taught: Some(known),
            ..Counsel::default()
        };
        let Some(model) = &taught.model else { return counsel };
        for question in questions {
            let begun = self.clock.now();
            let Some(mut verdict) = model.predict(question, candidates) else { continue };
            verdict.made.model = Some(taught.name(learner));
            verdict.made.took = (self.clock.now() - begun).to_std().unwrap_or_default();
            let kind = question.document.kind;
            counsel.verdicts.insert(question.document.id, verdict);
            counsel.thresholds.entry(kind).or_insert_with(|| {
                let promised = self.settings.promised.of(kind);
                taught.promises.of(learner.name(), kind, promised).threshold()
            });
        }
        let known = candidates.iter().map(|project| (project.id, model.known(project.id)));
        counsel.known = known.collect();
        counsel
    }

    /// Learns what was said since, and stores the model when that is much.
    async fn catch_up(
        &self,
        scope: &TenantScope,
        owner: UserId,
        learner: &Arc<dyn Learner>,
        taught: &mut Taught,
    ) -> Result<(), Untaught> {
        loop {
            let lessons = self.repository.lessons(scope, owner, taught.seq, LESSONS).await?;
            if lessons.newest != taught.version {
                // Another process stored a model, or a person went back to one.
                *taught = self.restore(scope, owner, learner).await?;
                continue;
            }
            let unsaid = Unsaid::by(lessons.labels.iter().map(|label| &label.answer));
            if unsaid.reaches_beyond(&lessons.labels) {
                let is_remade = taught.is_remade;
                *taught = Taught { is_remade, ..self.unlearn(scope, owner, learner).await? };
                continue;
            }
            let is_all = lessons.labels.len() < LESSONS;
            self.learn(scope, learner, taught, (&lessons.labels, &unsaid)).await?;
            if is_all {
                break;
            }
        }
        let much = taught.version.map_or(1, |_| self.settings.store_model_every.max(1));
        // Taking something back stores nothing by itself: a few of that would leave no version to go
        // back to. A state of another form is replaced, so that the log is learned again only once.
        if taught.is_remade || taught.seq - taught.stored >= much {
            self.store_model(scope, owner, learner.as_ref(), taught).await?;
        }
        Ok(())
    }

    /// Reads the newest model, or learns again what it had learned.
    async fn restore(
        &self,
        scope: &TenantScope,
        owner: UserId,
        learner: &Arc<dyn Learner>,
    ) -> Result<Taught, Untaught> {
        let models = self.repository.models(scope, owner).await?;
        self.recall(scope, owner, learner, &models).await
    }

    /// Reads the first of `models`, or learns again what it had learned.
    pub(super) async fn recall(
        &self,
        scope: &TenantScope,
        owner: UserId,
        learner: &Arc<dyn Learner>,
        models: &[ModelRecord],
    ) -> Result<Taught, Untaught> {
        let Some(newest) = models.first() else { return Ok(Taught::default()) };
        let (version, seq, so_far) = (Some(newest.version), newest.seq, newest.learned.clone());
        let state = if newest.learner == learner.name() {
            self.repository.model_state(scope, owner, newest.version).await?
        } else {
            None
        };
        let read = match state {
            Some(state) => {
                let learner = Arc::clone(learner);
                Some(self.shelf.aside(move || learner.import(&state)).await?)
            }
            None => None,
        };
        match read {
            Some(Ok(model)) => {
                let (promises, model) = (newest.promises.clone(), Some(model));
                let so_far = Taught { version, stored: seq, learned: so_far, ..Taught::default() };
                return Ok(Taught { seq, promises, model, ..so_far });
            }
            Some(Err(error)) => {
                tracing::warn!(error = describe(&error), "a stored model cannot be read");
            }
            None => {}
        }
        let taught = self.learn_again(scope, owner, learner, so_far.ranges().to_vec()).await?;
        Ok(Taught { version, stored: seq, learned: so_far, seq, is_remade: true, ..taught })
    }

    /// Learns from the log what the newest model had learned and what came after, as far as it holds.
    async fn unlearn(
        &self,
        scope: &TenantScope,
        owner: UserId,
        learner: &Arc<dyn Learner>,
    ) -> Result<Taught, Untaught> {
        let models = self.repository.models(scope, owner).await?;
        let newest = models.first();
        let so_far = newest.map(|newest| newest.learned.clone()).unwrap_or_default();
        let stored = newest.map_or(0, |newest| newest.seq);
        let mut ranges = so_far.ranges().to_vec();
        ranges.push((stored, u64::MAX));
        let taught = self.learn_again(scope, owner, learner, ranges).await?;
        // One that forgot everything can be stored too, in the place of one that did not.
        let model = taught.model.or_else(|| Some(learner.fresh()));
        let version = newest.map(|newest| newest.version);
        Ok(Taught { version, stored, learned: so_far, model, ..taught })
    }

    /// Learns what was said after the first number of each range, up to the second, and still holds.
    pub(super) async fn learn_again(
        &self,
        scope: &TenantScope,
        owner: UserId,
        learner: &Arc<dyn Learner>,
        mut ranges: Vec<(u64, u64)>,
    ) -> Result<Taught, Untaught> {
        let mut taken_back: Vec<Answer> = Vec::new();
        for (after, until) in &mut ranges {
            let (mut seq, end) = (*after, *until);
            while let labels = self.labels(scope, owner, (seq, end)).await?
                && let Some(last) = labels.last()
            {
                seq = last.seq;
                let answers = labels.into_iter().map(|label| label.answer);
                taken_back.extend(answers.filter(|it| matches!(it.truth, Truth::Unsaid(_))));
            }
            *until = seq;
        }
        let unsaid = Unsaid::by(taken_back.iter());
        let mut taught = Taught::default();
        for (after, until) in ranges {
            taught.seq = after;
            while taught.seq < until {
                let labels = self.labels(scope, owner, (taught.seq, until)).await?;
                if labels.is_empty() {
                    break;
                }
                self.learn(scope, learner, &mut taught, (&labels, &unsaid)).await?;
            }
        }
        Ok(taught)
    }

    /// Reads some labels after the first number and up to the second.
    pub(super) async fn labels(
        &self,
        scope: &TenantScope,
        owner: UserId,
        (after, until): (u64, u64),
    ) -> Result<Vec<Label>, RepositoryError> {
        let mut labels = self.repository.lessons(scope, owner, after, LESSONS).await?.labels;
        labels.retain(|label| label.seq <= until);
        Ok(labels)
    }

    /// Learns labels in order; one whose mail is no longer there teaches nothing.
    pub(super) async fn learn(
        &self,
        scope: &TenantScope,
        learner: &Arc<dyn Learner>,
        taught: &mut Taught,
        (labels, unsaid): (&[Label], &Unsaid),
    ) -> Result<(), Untaught> {
        let holding: Vec<&Answer> =
            labels.iter().map(|label| &label.answer).filter(|it| unsaid.leaves(it)).collect();
        let mut left = holding.as_slice();
        while !left.is_empty() {
            let ids: Vec<DocumentId> = left.iter().map(|answer| answer.document).collect();
            let read = self.readable(scope, &ids).await?;
            if read.is_empty() {
                return Err(RepositoryError::Missing("answer").into());
            }
            let (here, later) = left.split_at(read.len().min(left.len()));
            let lessons = here.iter().zip(read).filter_map(|(answer, found)| {
                found.map(|Pending { document, mail }| (document, mail, (*answer).clone()))
            });
            let lessons: Vec<(Document, Mail, Answer)> = lessons.collect();
            let (learner, promised) = (Arc::clone(learner), self.settings.promised);
            // Whoever drops this leaves a model that knows nothing and learns the log again.
            let mut pupil = mem::take(taught);
            let learning = self.shelf.aside(move || {
                for (document, mail, answer) in &lessons {
                    let example = Example { document, mail, truth: answer.truth };
                    pupil.take_in(learner.as_ref(), promised, &example, answer);
                }
                pupil
            });
            *taught = learning.await?;
            left = later;
        }
        taught.seq = labels.last().map_or(taught.seq, |label| label.seq);
        Ok(())
    }

    /// Reads mails of labels, the first at least; one that cannot be read is as if it were gone.
    pub(super) async fn readable(
        &self,
        scope: &TenantScope,
        ids: &[DocumentId],
    ) -> Result<Vec<Option<Pending>>, RepositoryError> {
        let (first, _) = ids.split_at(ids.len().min(1));
        match self.repository.mails(scope, ids, IN_FLIGHT_BYTES).await {
            Err(RepositoryError::Corrupt { .. }) => {}
            read => return read,
        }
        match self.repository.mails(scope, first, IN_FLIGHT_BYTES).await {
            Err(error @ RepositoryError::Corrupt { .. }) => {
                tracing::warn!(error = describe(&error), "an answer teaches nothing");
                Ok(vec![None])
            }
            read => read,
        }
    }

    /// Stores a model; where that fails, the log still has everything.
    async fn store_model(
        &self,
        scope: &TenantScope,
        owner: UserId,
        learner: &dyn Learner,
        taught: &mut Taught,
    ) -> Result<(), Untaught> {
        let mut pupil = mem::take(taught);
        let writing = self.shelf.aside(move || {
            let state = pupil.model.as_mut().map(|model| model.export());
            (pupil, state)
        });
        let state;
        (*taught, state) = writing.await?;
        let state = match state {
            Some(Ok(state)) => state.into(),
            Some(Err(error)) => {
                tracing::warn!(error = describe(&error), "a model cannot be written");
                return Ok(());
            }
            None => return Ok(()),
        };
        let new = NewModel {
            newest: taught.version,
            parent: taught.version,
            made_by: MadeBy::Learning,
            learner: learner.name().to_owned(),
            seq: taught.seq,
            learned: taught.learned.clone().then(taught.stored, taught.seq),
            promises: taught.promises.clone(),
            state,
            made_at: self.clock.now(),
        };
        match self.repository.put_model(scope, owner, &new).await {
            Ok(version) => {
                taught.version = Some(version);
                (taught.stored, taught.learned) = (taught.seq, new.learned);
                taught.is_remade = false;
            }
            // Another process was first; its model is read when this one is asked again.
            Err(RepositoryError::Conflict) => {}
            Err(error) => tracing::warn!(error = describe(&error), "cannot store a model"),
        }
        Ok(())
    }

    /// Takes it for right that nobody corrected routes of one tenant (CLS-9).
    pub(super) async fn take_for_right(&self, consents: Vec<Consent>) {
        match self.consent(&consents).await {
            Ok(()) => {}
            Err(error) if error.is_outage() => {
                for consent in &consents {
                    self.put_off(&consent.claim, &error).await;
                }
            }
            Err(_) => {
                for consent in &consents {
                    if let Err(error) = self.consent_alone(consent).await {
                        self.put_off(&consent.claim, &error).await;
                    }
                }
            }
        }
    }

    async fn consent(&self, consents: &[Consent]) -> Result<(), JobError> {
        let Some(first) = consents.first() else { return Ok(()) };
        let claims: Vec<&Claim> = consents.iter().map(|consent| &consent.claim).collect();
        let labels = consents.iter().map(|consent| Effect::Label {
            expected: consent.version,
            answer: consent.answer.clone(),
        });
        self.complete(&first.claim.scope, &claims, labels.collect()).await
    }

    /// Says so of one route; nothing is said of a document that has changed since.
    async fn consent_alone(&self, consent: &Consent) -> Result<(), JobError> {
        use RepositoryError::{Conflict, Missing};

        match self.consent(std::slice::from_ref(consent)).await {
            Err(JobError::Repository(Conflict | Missing(_))) => {
                self.complete(&consent.claim.scope, &[&consent.claim], Vec::new()).await
            }
            done => done,
        }
    }
}

impl Taught {
    /// Names the model with all that it has learned.
    fn name(&self, learner: &dyn Learner) -> String {
        let version = self.version.unwrap_or(0);
        format!("{} v{version}, answer {}", learner.name(), self.seq)
    }

    /// Learns one answer, and how what had been said before was kept.
    ///
    /// Another answer about the same document is judged in the place of the one before, such as a
    /// correction after the silence that counted as "right" (CLS-9).
    fn take_in(
        &mut self,
        learner: &dyn Learner,
        promised: Promised,
        example: &Example<'_>,
        answer: &Answer,
    ) {
        let (document, kind, truth) = (example.document.id, example.document.kind, example.truth);
        let model = self.model.get_or_insert_with(|| learner.fresh());
        let is_first = !model.has_learned(document);
        let guess = model.learn(example);
        if !is_first {
            self.promises.correct(document, truth);
            return;
        }
        let level = promised.of(kind);
        let mut judge = |classifier: &str, guess: Guess| {
            let guessed = Guessed { classifier, kind, level, document, guess };
            self.promises.judge(guessed, truth);
        };
        // What was said before the decision counts: by now it may have learned mails alike, and surely
        // in the time after which silence counts as "right".
        let own = answer.said.iter().any(|said| said.classifier == learner.name());
        let is_judged = !own && matches!(answer.by, Teacher::Person(_));
        if let Some(guess) = guess.filter(|_| is_judged) {
            judge(learner.name(), guess);
        }
        for said in &answer.said {
            judge(&said.classifier, Guess { choice: said.choice, confidence: said.confidence });
        }
    }
}
