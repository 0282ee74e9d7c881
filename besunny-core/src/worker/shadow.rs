//! Models beside the one that decides: a shadow that never acts, and the arm of an experiment (ML-5).
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use futures::{
    StreamExt,
    channel::mpsc::{self, UnboundedReceiver, UnboundedSender},
    future,
};

use super::{
    Worker,
    decisions::{Background, Weighed},
    guarded::caught,
    lanes::{Lanes, TenantLanes},
    learning::Counsel,
};
use crate::{
    cause::describe,
    classify::{Question, cascade::Conclusion},
    contender::Contender,
    experiment::Arm,
    ids::UserId,
    replay::ReplayError,
    report::Report,
    repository::{BATCH, Pending, RepositoryError},
    shadow::{Shadow, View},
    tenant::TenantScope,
};

/// What waits for a shadow holds about so much memory, as much as two rounds.
const WAITING_BYTES: usize = 16 << 20;
/// So much is counted for what a document is weighed against: projects, threads and counsel.
const BACKGROUND_BYTES: usize = 256 << 10;
/// A shadow is asked about so many waves at once.
const WAVES: usize = 4;

/// What was decided on in one wave for one owner, to be shown to a shadow.
#[derive(Debug)]
pub(super) struct Cast {
    scope: TenantScope,
    owner: UserId,
    with: Contender,
    /// The documents, and their versions since.
    decided: Vec<(Pending, u64)>,
    background: Background,
    _room: Room,
}

/// Where decisions leave what a shadow is to be asked about; nobody waits for it.
#[derive(Debug)]
pub(super) struct Shade {
    casts: UnboundedSender<Cast>,
    held: Arc<AtomicUsize>,
    /// Documents that found no room.
    lost: AtomicUsize,
}

/// Memory that is given back when it is dropped.
#[derive(Debug)]
struct Room {
    held: Arc<AtomicUsize>,
    bytes: usize,
}

impl Shade {
    /// Returns the two ends; the other one ends with this one.
    pub(super) fn new() -> (Self, UnboundedReceiver<Cast>) {
        let (casts, other) = mpsc::unbounded();
        (Self { casts, held: Arc::default(), lost: AtomicUsize::new(0) }, other)
    }

    /// Leaves decisions for a shadow, or without room drops them.
    pub(super) fn cast(
        &self,
        (scope, with): (TenantScope, Contender),
        decided: impl Iterator<Item = (Pending, u64)>,
        mut backgrounds: BTreeMap<UserId, Background>,
    ) {
        let mut owners: BTreeMap<UserId, Vec<(Pending, u64)>> = BTreeMap::new();
        for (pending, version) in decided {
            owners.entry(pending.document.owner).or_default().push((pending, version));
        }
        for (owner, decided) in owners {
            let Some(background) = backgrounds.remove(&owner) else { continue };
            let mails = decided.iter().map(|(pending, _)| pending.mail.weight_bytes());
            let Some(room) = self.room(mails.sum::<usize>() + BACKGROUND_BYTES) else {
                let documents = decided.len();
                let lost = self.lost.fetch_add(documents, Ordering::Relaxed) + documents;
                tracing::warn!(documents, lost, "too much waits for the shadow: it is not asked");
                continue;
            };
            // Nobody listens any more only when the worker stops.
            let cast = Cast { scope, owner, with, decided, background, _room: room };
            drop(self.casts.unbounded_send(cast));
        }
    }

    /// Takes room; what is larger than all of it has it alone.
    fn room(&self, bytes: usize) -> Option<Room> {
        let taken = self.held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |held| {
            let all = held.saturating_add(bytes);
            (held == 0 || all <= WAITING_BYTES).then_some(all)
        });
        taken.is_ok().then(|| Room { held: Arc::clone(&self.held), bytes })
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.held.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl Worker {
    /// Asks the shadow about what was decided, with the same inputs, and notes what it says.
    ///
    /// The decisions are stored already. What fails here is noted or logged, and touches nothing else.
    pub(super) async fn overshadow(&self, casts: UnboundedReceiver<Cast>) {
        let lanes = TenantLanes::new(self.settings.language_at_once);
        let all = casts.for_each_concurrent(WAVES, |cast| {
            let lanes = lanes.of(cast.scope.tenant());
            async move {
                if let Err(panicked) = caught(self.note_all(&cast, &lanes)).await {
                    tracing::warn!(error = describe(&panicked), "what a shadow said is lost");
                }
            }
        });
        all.await;
    }

    async fn note_all(&self, cast: &Cast, lanes: &Lanes) {
        let background = &self.shaded(cast).await;
        let notes = cast.decided.iter().map(|(pending, version)| async move {
            let view = match background {
                Ok(background) => self.view(pending, background, lanes).await,
                Err(error) => View::Failed { why: describe(error) },
            };
            let (document, at) = (pending.document.id, self.clock.now());
            let note = Shadow { document, version: *version, with: cast.with, at, view };
            let noted = self.repository.put_shadows(&cast.scope, cast.owner, &[note]).await;
            if let Err(error) = noted {
                tracing::warn!(error = describe(&error), "what a shadow said is lost");
            }
        });
        future::join_all(notes).await;
    }

    /// Returns what the shadow weighs against, if it may still be asked.
    async fn shaded(&self, cast: &Cast) -> Result<Background, ReplayError> {
        let Cast { scope, owner, with, decided, background, .. } = cast;
        if *with == Contender::Language && background.is_allowed {
            let allowed = self.repository.allowed(scope).await?.language_models;
            allowed.then_some(()).ok_or(ReplayError::NotAllowed)?;
        }
        let questions: Vec<Question<'_>> =
            decided.iter().map(|(pending, _)| pending.unthreaded()).collect();
        self.beside(scope, (*owner, *with), &questions, background).await
    }

    /// Returns what a cascade would do with a document.
    async fn view(&self, pending: &Pending, background: &Background, lanes: &Lanes) -> View {
        match self.weigh_one(pending, background, lanes).await {
            Weighed::Concluded { silent: Some(error), .. } | Weighed::Failed(error) => {
                View::Failed { why: describe(&error) }
            }
            Weighed::Concluded { conclusion, .. } => {
                let Conclusion { verdict, state, ruling } = *conclusion;
                let (verdict, ruling) = (Box::new(verdict), Box::new(ruling));
                View::Decided { verdict, state, ruling }
            }
            Weighed::Ruled(..) => View::Failed { why: "a rule decides".to_owned() },
        }
    }

    /// Returns the background of an owner in the arm of the experiment, if there is one.
    ///
    /// Where the model of the treatment cannot be asked, the cascade decides as it is, in no arm.
    pub(super) async fn in_its_arm(
        &self,
        scope: &TenantScope,
        owner: UserId,
        questions: &[Question<'_>],
        background: Background,
    ) -> Result<Background, RepositoryError> {
        let Some(experiment) = &self.experiment else { return Ok(background) };
        let (trial, with) = (experiment.trial(owner), experiment.model());
        match trial.arm {
            Arm::Control => {
                let may_ask = background.may_ask && with != Contender::Language;
                Ok(Background { may_ask, trial: Some(trial), ..background })
            }
            Arm::Treatment if with == Contender::Language && self.shadow == Some(with) => {
                tracing::error!("an experiment has no model: it is the shadow, which never acts");
                Ok(background)
            }
            Arm::Treatment => {
                match self.beside(scope, (owner, with), questions, &background).await {
                    Ok(treated) => Ok(Background { trial: Some(trial), ..treated }),
                    Err(ReplayError::Store(error @ RepositoryError::Store(_))) => Err(error),
                    Err(error) => {
                        tracing::error!(error = describe(&error), "an experiment has no model");
                        Ok(background)
                    }
                }
            }
        }
    }

    /// Returns the same background for a cascade that ends with another model.
    async fn beside(
        &self,
        scope: &TenantScope,
        (owner, with): (UserId, Contender),
        questions: &[Question<'_>],
        background: &Background,
    ) -> Result<Background, ReplayError> {
        let counsel = match with {
            Contender::Rules => Arc::default(),
            Contender::Pinned(version) => {
                Arc::new(self.pinned(scope, (owner, version), questions, background).await?)
            }
            Contender::Language if self.language.is_none() => return Err(ReplayError::NoLanguage),
            Contender::Language if !background.is_allowed => return Err(ReplayError::NotAllowed),
            Contender::Learned | Contender::Language => Arc::clone(&background.counsel),
        };
        Ok(Background {
            candidates: Arc::clone(&background.candidates),
            threads: background.threads.clone(),
            strangers: background.strangers.clone(),
            rules: Arc::clone(&background.rules),
            counsel,
            is_allowed: background.is_allowed,
            may_ask: with == Contender::Language,
            trial: None,
        })
    }

    /// Asks a stored model as it was, under a promise of its own.
    async fn pinned(
        &self,
        scope: &TenantScope,
        (owner, version): (UserId, u32),
        questions: &[Question<'_>],
        background: &Background,
    ) -> Result<Counsel, ReplayError> {
        let learner = self.learner.as_ref().ok_or(ReplayError::NoLearner)?;
        let key = (scope.tenant(), owner, Some(version));
        let most = self.settings.models;
        let kept = self.shelf.find(key).unwrap_or_else(|| self.shelf.open(key, most));
        let asked = caught(async {
            let mut taught = kept.lock().await;
            if taught.model.is_none() {
                let models = self.repository.models(scope, owner).await?;
                let first = models.iter().position(|model| model.version == version);
                let line = first.map(|first| &models[first..]);
                let line = line.ok_or(ReplayError::NoVersion(version))?;
                *taught = self.recall(scope, owner, learner, line).await?;
            }
            let mut counsel =
                self.ask(learner.as_ref(), &taught, questions, &background.candidates);
            let named = (learner.name(), format!("{}@{version}", learner.name()));
            let promises = (&taught.promises, &background.counsel.promises);
            counsel.promise_apart(named, promises, self.settings.promised);
            Ok(counsel)
        });
        asked.await.unwrap_or_else(|panicked| {
            tracing::error!(error = describe(&panicked), "a stored model is of no use");
            self.shelf.forget(key);
            Err(ReplayError::Broken)
        })
    }

    /// Compares shadows and arms with what people have said since; nothing is written.
    ///
    /// All histories and answers of `owners` are read.
    ///
    /// # Errors
    /// What the store says.
    pub async fn report(
        &self,
        scope: &TenantScope,
        owners: &[UserId],
    ) -> Result<Report, RepositoryError> {
        let mut report = Report::default();
        for owner in owners {
            let past = self.past(scope, *owner).await?;
            let (decisions, _) = self.chronicle(scope, *owner).await?.into_order();
            let mut shadows: Vec<Shadow> = Vec::new();
            loop {
                let last = shadows.last();
                let page = self.repository.shadows(scope, *owner, last, BATCH).await?;
                if page.is_empty() {
                    break;
                }
                shadows.extend(page);
            }
            report.add(&past, &decisions, &shadows);
        }
        Ok(report)
    }
}
