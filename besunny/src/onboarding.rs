//! Onboarding: a conversation, a profile, and a project (ONB-1 to ONB-6).
use besunny_core::{
    ids::{OnboardingId, ProjectId, UserId},
    onboarding::{
        Brief, Generated, Onboarding, OnboardingError, Template,
        generation::{by_model, of_answers},
    },
    profile::Edits,
    project::Project,
    repository::{ProjectSave, RepositoryError},
    tenant::TenantScope,
};

use crate::{Besunny, Error, projects::Proposal};

/// A step of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Answers the question that is asked.
    Answer(String),
    /// Goes back to the question before.
    Back,
    /// Replaces an earlier answer.
    Edit {
        /// The key of the question.
        question: String,
        /// The new answer.
        answer: String,
    },
    /// Takes it that the summary is right.
    Confirm,
}

/// By what a profile is generated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Generation {
    /// By the language model, where there is one and the tenant allows it.
    Model,
    /// By the answers alone.
    Answers,
}

/// An onboarding at the version that the caller has seen.
type Seen = (OnboardingId, u64);

impl Besunny {
    /// Begins an onboarding, or goes through the one of a saved project again (ONB-5).
    ///
    /// # Errors
    /// [`Error::Missing`] for a project that is not the owner's;
    /// [`OnboardingError::UnknownTemplate`].
    pub async fn begin_onboarding(
        &self,
        scope: &TenantScope,
        owner: UserId,
        project: Option<ProjectId>,
    ) -> Result<Onboarding, Error> {
        let now = self.worker.clock.now();
        let Some(project) = project else {
            let begun = self.fresh(owner, now)?;
            self.store.put_onboarding(scope, &begun).await?;
            return Ok(begun);
        };
        self.project(scope, owner, project).await?;
        let known = self.store.onboardings(scope, owner).await?;
        let known = known.into_iter().find(|known| known.project == Some(project));
        let metadata = self.store.metadata(scope, project).await?;
        let begun = match (known, metadata) {
            (Some(known), Some(stored)) => known.again(&stored, now),
            (Some(known), None) => return Ok(known),
            (None, _) => Onboarding { project: Some(project), ..self.fresh(owner, now)? },
        };
        self.store.put_onboarding(scope, &begun).await?;
        Ok(begun)
    }

    /// Returns an onboarding of `owner`, with the questions it asks.
    ///
    /// # Errors
    /// [`Error::Missing`]; [`OnboardingError::UnknownTemplate`].
    pub async fn onboarding(
        &self,
        scope: &TenantScope,
        owner: UserId,
        id: OnboardingId,
    ) -> Result<(Onboarding, &Template), Error> {
        let found = self.store.onboarding(scope, owner, id).await?;
        let onboarding = found.ok_or(Error::Missing("onboarding"))?;
        let template = self.template_of(&onboarding)?;
        Ok((onboarding, template))
    }

    /// Takes a step of the conversation.
    ///
    /// # Errors
    /// [`Error::Onboarding`] when the step cannot be taken, which changes nothing;
    /// [`RepositoryError::Conflict`] when it has changed since it was seen.
    ///
    /// # Cancellation
    /// Dropping the future may have taken the step; taking it again then is a conflict.
    pub async fn step_onboarding(
        &self,
        scope: &TenantScope,
        owner: UserId,
        seen: Seen,
        step: Step,
    ) -> Result<Onboarding, Error> {
        let (onboarding, template) = self.as_seen(scope, owner, seen).await?;
        let asked = onboarding.conversation.clone();
        let asked = match step {
            Step::Answer(answer) => asked.answered(template, &answer)?,
            Step::Back => asked.back(template)?,
            Step::Edit { question, answer } => asked.edited(template, &question, &answer)?,
            Step::Confirm => asked.confirmed(template)?,
        };
        self.keep(scope, onboarding.with_conversation(asked, self.worker.clock.now())).await
    }

    /// Generates the profile of what was confirmed (ONB-4); the person's edits stay.
    ///
    /// # Errors
    /// As [`step_onboarding`](Self::step_onboarding). A language model that fails is no error: the
    /// answers alone must do, and the reason is in [`Generated::source`].
    pub async fn generate_profile(
        &self,
        scope: &TenantScope,
        owner: UserId,
        seen: Seen,
        by: Generation,
    ) -> Result<Onboarding, Error> {
        let (onboarding, template) = self.as_seen(scope, owner, seen).await?;
        let brief = onboarding.conversation.brief(template)?;
        let mut generated = match by {
            Generation::Model => self.described(scope, &brief).await?,
            Generation::Answers => of_answers(&brief, None),
        };
        if let Some(project) = self.project_before_onboarding(scope, &onboarding).await? {
            generated =
                Generated { profile: generated.profile.joined_by(&project.signals), ..generated };
        }
        self.keep(scope, onboarding.with_generated(generated, self.worker.clock.now())?).await
    }

    /// Changes fields of what was generated (ONB-5).
    ///
    /// # Errors
    /// [`OnboardingError::Profile`] with every problem; otherwise as
    /// [`step_onboarding`](Self::step_onboarding).
    pub async fn edit_profile(
        &self,
        scope: &TenantScope,
        owner: UserId,
        seen: Seen,
        edits: Edits,
    ) -> Result<Onboarding, Error> {
        let (onboarding, _) = self.as_seen(scope, owner, seen).await?;
        self.keep(scope, onboarding.with_edits(edits, self.worker.clock.now())?).await
    }

    /// Returns what would be saved, beside what is stored (ONB-5).
    ///
    /// # Errors
    /// [`Error::Onboarding`] before everything is confirmed and generated; [`Error::Missing`].
    pub async fn propose_onboarded(
        &self,
        scope: &TenantScope,
        onboarding: &Onboarding,
    ) -> Result<Proposal, Error> {
        let profile = onboarding.profile()?;
        let stored = match onboarding.project {
            Some(id) => {
                let project = self.project(scope, onboarding.owner, id).await?;
                Some((project, self.store.metadata(scope, id).await?))
            }
            None => None,
        };
        Ok(self.proposal(onboarding.owner, stored, profile))
    }

    /// Saves the project and what is known of it, if it is still the one that was `looked_at`.
    ///
    /// # Errors
    /// As [`propose_onboarded`](Self::propose_onboarded) and [`save`](Self::save).
    pub async fn save_onboarding(
        &self,
        scope: &TenantScope,
        owner: UserId,
        seen: Seen,
        looked_at: &str,
    ) -> Result<Project, Error> {
        let (onboarding, _) = self.as_seen(scope, owner, seen).await?;
        let proposal = self.propose_onboarded(scope, &onboarding).await?;
        if proposal.seen() != looked_at {
            return Err(RepositoryError::Conflict.into());
        }
        let saved = onboarding.saved(proposal.project(), self.worker.clock.now());
        let save = ProjectSave { onboarding: Some(saved), ..proposal.save() };
        self.store.save_project(scope, &save).await?;
        Ok(save.project)
    }

    /// Asks the language model, if there is one and the tenant allows it.
    async fn described(&self, scope: &TenantScope, brief: &Brief) -> Result<Generated, Error> {
        let Some(describer) = &self.describer else {
            return Ok(of_answers(brief, Some(NO_MODEL.to_owned())));
        };
        if !self.store.allowed(scope).await?.language_models {
            return Ok(of_answers(brief, Some(NOT_ALLOWED.to_owned())));
        }
        let place = describer.places.acquire().await;
        let generated = by_model(describer.model.as_ref(), brief).await;
        drop(place);
        Ok(generated)
    }

    fn fresh(
        &self,
        owner: UserId,
        now: chrono::DateTime<chrono::Utc>,
    ) -> Result<Onboarding, Error> {
        let template = self.questions.last().ok_or(Error::Missing("set of questions"))?;
        let id = OnboardingId::from_uuid(self.ids.next());
        Ok(Onboarding::begun(id, owner, template, now))
    }

    fn template_of(&self, onboarding: &Onboarding) -> Result<&Template, OnboardingError> {
        let named = &onboarding.template;
        let is_it = |it: &&Template| it.name == named.name && it.version == named.version;
        let unknown = || OnboardingError::UnknownTemplate {
            name: named.name.clone(),
            version: named.version,
        };
        self.questions.iter().find(is_it).ok_or_else(unknown)
    }

    async fn as_seen(
        &self,
        scope: &TenantScope,
        owner: UserId,
        (id, version): Seen,
    ) -> Result<(Onboarding, &Template), Error> {
        let (onboarding, template) = self.onboarding(scope, owner, id).await?;
        if onboarding.version != version {
            return Err(RepositoryError::Conflict.into());
        }
        Ok((onboarding, template))
    }

    async fn keep(&self, scope: &TenantScope, next: Onboarding) -> Result<Onboarding, Error> {
        self.store.put_onboarding(scope, &next).await?;
        Ok(next)
    }

    /// Returns the project that was there before anybody went through the questions: what an import
    /// wrote into it is kept.
    async fn project_before_onboarding(
        &self,
        scope: &TenantScope,
        onboarding: &Onboarding,
    ) -> Result<Option<Project>, Error> {
        let Some(id) = onboarding.project else { return Ok(None) };
        if self.store.metadata(scope, id).await?.is_some() {
            return Ok(None);
        }
        self.project(scope, onboarding.owner, id).await.map(Some)
    }
}

/// Why a profile was made of the answers alone when a model was asked for.
const NO_MODEL: &str = "no language model is set up to describe projects";
const NOT_ALLOWED: &str = "the tenant allows no language model";
