//! Models beside the one that decides: a shadow that never acts, and the arm of an experiment (ML-5).
use std::{collections::BTreeMap, sync::Arc};

use futures::future;

use super::{
    Worker,
    decisions::{Background, Weighed},
    guarded::caught,
    lanes::Lanes,
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

/// A document that was decided on just now, and its version since.
pub(super) type Beside<'a> = (&'a Pending, u64);

impl Worker {
    /// Asks the shadow about what was just decided, with the same inputs, and notes what it said.
    ///
    /// The decisions are stored already. What fails here is noted or logged, and touches nothing else.
    pub(super) async fn overshadow(
        &self,
        scope: &TenantScope,
        decided: &[Beside<'_>],
        backgrounds: &BTreeMap<UserId, Background>,
        lanes: &Lanes,
    ) {
        let Some(with) = self.shadow else { return };
        for (owner, background) in backgrounds {
            let own = decided.iter().filter(|(pending, _)| pending.document.owner == *owner);
            let own: Vec<Beside<'_>> = own.copied().collect();
            if own.is_empty() {
                continue;
            }
            let noting = caught(async {
                let against = (background, lanes);
                let shadows = self.shadows_of(scope, (*owner, with), &own, against).await;
                self.repository.put_shadows(scope, *owner, &shadows).await
            });
            match noting.await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    tracing::warn!(error = describe(&error), "what a shadow said is lost");
                }
                Err(panicked) => {
                    tracing::warn!(error = describe(&panicked), "what a shadow said is lost");
                }
            }
        }
    }

    async fn shadows_of(
        &self,
        scope: &TenantScope,
        (owner, with): (UserId, Contender),
        decided: &[Beside<'_>],
        (background, lanes): (&Background, &Lanes),
    ) -> Vec<Shadow> {
        let questions: Vec<Question<'_>> =
            decided.iter().map(|(pending, _)| pending.unthreaded()).collect();
        let beside = self.beside(scope, (owner, with), &questions, background).await;
        let views = decided.iter().map(|(pending, _)| async {
            match &beside {
                Ok(background) => self.view(pending, background, lanes).await,
                Err(error) => View::Failed { why: describe(error) },
            }
        });
        let views = future::join_all(views).await;
        let at = self.clock.now();
        let noted = decided.iter().zip(views).map(|((pending, version), view)| Shadow {
            document: pending.document.id,
            version: *version,
            with,
            at,
            view,
        });
        noted.collect()
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
            Arm::Treatment => {
                match self.beside(scope, (owner, with), questions, &background).await {
                    Ok(treated) => Ok(Background { trial: Some(trial), ..treated }),
                    Err(ReplayError::Store(error)) => Err(error),
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
