//! The conversation: one question at a time, back, edits, a summary, a confirmation.
//!
//! A pure state machine with consuming transitions. A refused step leaves the caller with what it
//! had, and no step forgets an answer.
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    Brief, OnboardingError,
    answer::{self, AnswerError},
    template::{Question, Template},
};
use crate::untrusted::Untrusted;

/// Where a conversation is, and what was answered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conversation {
    stage: Stage,
    answers: BTreeMap<String, Untrusted<String>>,
}

/// How far a conversation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "stage")]
pub enum Stage {
    /// A question is asked.
    Asking {
        /// Its place in the template, from 0.
        place: usize,
    },
    /// Everything is answered, and can be looked over.
    Summary,
    /// The person has said that it is right.
    Confirmed,
}

impl Default for Stage {
    fn default() -> Self {
        Self::Asking { place: 0 }
    }
}

impl Conversation {
    /// Returns how far it is.
    #[must_use]
    pub const fn stage(&self) -> Stage {
        self.stage
    }

    /// Returns the question that is asked.
    #[must_use]
    pub fn question<'t>(&self, template: &'t Template) -> Option<&'t Question> {
        match self.stage {
            Stage::Asking { place } => template.questions.get(place),
            Stage::Summary | Stage::Confirmed => None,
        }
    }

    /// Returns the answer to a question as it was written.
    #[must_use]
    pub fn answer(&self, key: &str) -> Option<&Untrusted<String>> {
        self.answers.get(key)
    }

    /// Takes the answer to the question that is asked, and asks the next.
    ///
    /// # Errors
    /// [`OnboardingError::Answer`] when it cannot be taken; [`OnboardingError::NotAsking`] when
    /// everything is answered.
    pub fn answered(self, template: &Template, text: &str) -> Result<Self, OnboardingError> {
        let Stage::Asking { place } = self.stage else { return Err(OnboardingError::NotAsking) };
        let question = template.questions.get(place).ok_or(OnboardingError::NotAsking)?;
        let next = place + 1;
        let stage = if next < template.questions.len() {
            Stage::Asking { place: next }
        } else {
            Stage::Summary
        };
        Ok(Self { stage, ..self.with(question, text)? })
    }

    /// Asks the question before; from the summary the last, from a confirmation the summary.
    ///
    /// # Errors
    /// [`OnboardingError::AtStart`] at the first question.
    pub fn back(self, template: &Template) -> Result<Self, OnboardingError> {
        let stage = match self.stage {
            Stage::Asking { place: 0 } => return Err(OnboardingError::AtStart),
            Stage::Asking { place } => Stage::Asking { place: place - 1 },
            Stage::Summary => Stage::Asking { place: template.questions.len().saturating_sub(1) },
            Stage::Confirmed => Stage::Summary,
        };
        Ok(Self { stage, ..self })
    }

    /// Replaces an answer that was given before; what was confirmed is looked over again.
    ///
    /// # Errors
    /// [`OnboardingError::UnknownQuestion`], [`OnboardingError::NotReached`] before the question
    /// was answered, [`OnboardingError::Answer`] when the answer cannot be taken.
    pub fn edited(
        self,
        template: &Template,
        key: &str,
        text: &str,
    ) -> Result<Self, OnboardingError> {
        let found = template.find(key);
        let (_, question) = found.ok_or(OnboardingError::UnknownQuestion)?;
        if !self.answers.contains_key(key) {
            return Err(OnboardingError::NotReached(question.key.to_string()));
        }
        self.reopened().with(question, text)
    }

    /// Takes it that the summary is right.
    ///
    /// # Errors
    /// [`OnboardingError::Unanswered`] names what is missing or cannot be read any more.
    pub fn confirmed(self, template: &Template) -> Result<Self, OnboardingError> {
        self.brief(template)?;
        match self.stage {
            Stage::Asking { .. } => Err(OnboardingError::StillAsking),
            Stage::Summary | Stage::Confirmed => Ok(Self { stage: Stage::Confirmed, ..self }),
        }
    }

    /// Returns what the answers say, together (ONB-2).
    ///
    /// # Errors
    /// [`OnboardingError::Unanswered`] names every answer that is missing or cannot be read.
    pub fn brief(&self, template: &Template) -> Result<Brief, OnboardingError> {
        let (mut brief, mut errors): (Brief, Vec<AnswerError>) = (Brief::default(), Vec::new());
        let nothing = Untrusted::default();
        for question in template.questions.iter() {
            let text = self.answers.get(question.key.as_ref()).unwrap_or(&nothing);
            match question.read(text) {
                Ok(answer) => brief.take(question.asks, answer),
                Err(error) => errors.push(error),
            }
        }
        if errors.is_empty() { Ok(brief) } else { Err(OnboardingError::Unanswered(errors)) }
    }

    /// Looks over the summary of what was confirmed again.
    pub(super) fn reopened(self) -> Self {
        let stage = match self.stage {
            Stage::Confirmed => Stage::Summary,
            stage @ (Stage::Asking { .. } | Stage::Summary) => stage,
        };
        Self { stage, ..self }
    }

    /// Says whether the answers are those of another conversation.
    pub(super) fn has_answers_of(&self, other: &Self) -> bool {
        self.answers == other.answers
    }

    fn with(mut self, question: &Question, text: &str) -> Result<Self, OnboardingError> {
        let given = Untrusted::new(text.to_owned());
        question.read(&given)?;
        self.answers.insert(question.key.to_string(), given.map(|text| answer::cleaned(&text)));
        Ok(self)
    }
}

#[cfg(test)]
mod tests;
