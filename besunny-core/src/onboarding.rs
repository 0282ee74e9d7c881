//! Onboarding: ten questions, and the profile of a project that follows (ONB-1 to ONB-6).
//!
//! A [`Conversation`] asks the questions of a [`Template`]; its [`Brief`] becomes a
//! [`Profile`], by the answers alone or with a language model
//! ([`generation`]). A person looks at it, edits it, sees what would change, and only then it is
//! saved with the project. Everything here is pure; the facade stores it between two steps, so that
//! another browser or process goes on where this one was.
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    ids::{OnboardingId, ProjectId, UserId},
    profile::{Edits, Metadata, Problem, Profile},
    project::Project,
};

mod answer;
mod brief;
mod conversation;
pub mod dates;
mod fallback;
pub mod generation;
mod template;

pub use answer::{Answer, AnswerError, Flaw, MAX_ANSWER_BYTES};
pub use brief::Brief;
pub use conversation::{Conversation, Stage};
pub use fallback::{profile as profile_of, tag};
pub use generation::{Dropped, Generated, Source};
pub use template::{PRODUCTION, Question, Subject, Template, TemplateError};

/// An onboarding under way, or one that was saved and can be gone through again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Onboarding {
    /// Its id.
    pub id: OnboardingId,
    /// Whose it is.
    pub owner: UserId,
    /// Grows with every change; two browsers that change it at once are told apart by it.
    pub version: u64,
    /// The project it is about; none until a new one was saved.
    pub project: Option<ProjectId>,
    /// Which questions are asked.
    pub template: TemplateName,
    /// What was answered.
    pub conversation: Conversation,
    /// What was generated of the answers as they are; none after a change of them.
    pub generated: Option<Generated>,
    /// What the person changed of it; a new generation keeps it.
    pub edits: Edits,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it changed last.
    pub changed_at: DateTime<Utc>,
}

/// Names a set of questions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateName {
    /// The name.
    pub name: String,
    /// The version.
    pub version: u32,
}

/// A step of an onboarding cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OnboardingError {
    /// Nobody knows the set of questions.
    #[error("the set of questions {name} {version} is not known")]
    UnknownTemplate {
        /// Its name.
        name: String,
        /// Its version.
        version: u32,
    },
    /// Everything is answered.
    #[error("no question is asked any more")]
    NotAsking,
    /// There is no question before.
    #[error("this is the first question")]
    AtStart,
    /// No question has this key.
    #[error("there is no such question")]
    UnknownQuestion,
    /// The question was not answered before.
    #[error("the question `{0}` is not answered yet")]
    NotReached(String),
    /// The answer cannot be taken.
    #[error(transparent)]
    Answer(#[from] AnswerError),
    /// Answers are missing or cannot be read.
    #[error("{} answers are missing or cannot be read: {}", .0.len(), keys(.0))]
    Unanswered(Vec<AnswerError>),
    /// Questions are still asked.
    #[error("questions are still asked")]
    StillAsking,
    /// The summary was not confirmed.
    #[error("the summary is not confirmed")]
    NotConfirmed,
    /// No profile was generated of the answers as they are.
    #[error("no profile was generated of these answers")]
    NotGenerated,
    /// The profile says something that it may not.
    #[error("the profile cannot be saved: {}", listed(.0))]
    Profile(Vec<Problem>),
}

impl OnboardingError {
    /// Says what to do about it.
    #[must_use]
    pub fn fix(&self) -> String {
        let fix = match self {
            Self::UnknownTemplate { .. } => "Begin a new one, or install the set of questions.",
            Self::NotAsking => "Look over the summary and confirm it, or edit an answer.",
            Self::AtStart => "Answer it.",
            Self::UnknownQuestion => "Use the key of one of the questions.",
            Self::NotReached(_) => "Answer the questions in turn.",
            Self::Answer(error) => return error.fix(),
            Self::Unanswered(errors) => {
                return errors.first().map(AnswerError::fix).unwrap_or_default();
            }
            Self::StillAsking => "Answer the questions that are left.",
            Self::NotConfirmed => "Look over the summary and confirm it.",
            Self::NotGenerated => "Generate the profile again.",
            Self::Profile(problems) => {
                return problems.first().map(Problem::fix).unwrap_or_default();
            }
        };
        fix.to_owned()
    }
}

impl Onboarding {
    /// Begins with the first question.
    #[must_use]
    pub fn begun(id: OnboardingId, owner: UserId, template: &Template, at: DateTime<Utc>) -> Self {
        Self {
            id,
            owner,
            version: 1,
            project: None,
            template: TemplateName { name: template.name.to_string(), version: template.version },
            conversation: Conversation::default(),
            generated: None,
            edits: Edits::new(),
            started_at: at,
            changed_at: at,
        }
    }

    /// Goes on with another conversation, one version on.
    ///
    /// What was generated of other answers is forgotten; the person's edits stay.
    #[must_use]
    pub fn with_conversation(self, conversation: Conversation, at: DateTime<Utc>) -> Self {
        let generated = self.generated.filter(|_| conversation.has_answers_of(&self.conversation));
        Self { generated, conversation, version: self.version + 1, changed_at: at, ..self }
    }

    /// Takes in what was generated of the answers.
    ///
    /// # Errors
    /// [`OnboardingError::NotConfirmed`].
    pub fn with_generated(
        self,
        generated: Generated,
        at: DateTime<Utc>,
    ) -> Result<Self, OnboardingError> {
        match self.conversation.stage() {
            Stage::Asking { .. } | Stage::Summary => Err(OnboardingError::NotConfirmed),
            Stage::Confirmed => {
                let (generated, version) = (Some(generated), self.version + 1);
                Ok(Self { generated, version, changed_at: at, ..self })
            }
        }
    }

    /// Takes in what a person wants otherwise; a field that is as it was generated is no edit.
    ///
    /// # Errors
    /// [`OnboardingError::NotGenerated`], or [`OnboardingError::Profile`] with all problems.
    pub fn with_edits(self, edits: Edits, at: DateTime<Utc>) -> Result<Self, OnboardingError> {
        let generated = self.generated.as_ref().ok_or(OnboardingError::NotGenerated)?;
        let mut all = self.edits.clone();
        all.extend(edits);
        let wanted = generated.profile.clone().edited(&all).map_err(OnboardingError::Profile)?;
        let edits = generated.profile.edits_to(&wanted);
        Ok(Self { edits, version: self.version + 1, changed_at: at, ..self })
    }

    /// Returns the profile as it would be saved.
    ///
    /// # Errors
    /// [`OnboardingError::NotConfirmed`], [`OnboardingError::NotGenerated`],
    /// [`OnboardingError::Profile`].
    pub fn profile(&self) -> Result<Profile, OnboardingError> {
        match self.conversation.stage() {
            Stage::Asking { .. } | Stage::Summary => return Err(OnboardingError::NotConfirmed),
            Stage::Confirmed => {}
        }
        let generated = self.generated.as_ref().ok_or(OnboardingError::NotGenerated)?;
        generated.profile.clone().edited(&self.edits).map_err(OnboardingError::Profile)
    }

    /// Goes through the questions of a saved project again.
    ///
    /// What was changed of the project since counts as the person's edits.
    #[must_use]
    pub fn again(self, stored: &Metadata, at: DateTime<Utc>) -> Self {
        let generated = self.generated.as_ref();
        let edits = generated.map(|it| it.profile.edits_to(&stored.profile));
        Self {
            edits: edits.unwrap_or_default(),
            conversation: self.conversation.reopened(),
            version: self.version + 1,
            changed_at: at,
            ..self
        }
    }

    /// Says that it was saved as `project`.
    #[must_use]
    pub fn saved(self, project: &Project, at: DateTime<Utc>) -> Self {
        Self { project: Some(project.id), version: self.version + 1, changed_at: at, ..self }
    }
}

fn keys(errors: &[AnswerError]) -> String {
    errors.iter().map(|error| error.question.as_str()).collect::<Vec<_>>().join(", ")
}

fn listed(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
