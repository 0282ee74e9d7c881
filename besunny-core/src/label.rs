//! What was said about documents, in order: the log from which models learn (CLS-9, ML-1).
//!
//! A label is written in the transaction that made it true: with a person's decision, or with the
//! end of the time in which nobody corrected a route. A model is a function of this log.
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    history::{Entry, Fact},
    ids::{DocumentId, ProjectId, UserId},
};

/// One line of an owner's log.
#[derive(Clone, Debug, PartialEq)]
pub struct Label {
    /// Its place in the log of the owner: 1, 2, 3 and so on.
    pub seq: u64,
    /// When it was given.
    pub at: DateTime<Utc>,
    /// What was said.
    pub answer: Answer,
}

/// What was said about a document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The document.
    pub document: DocumentId,
    /// Where it belongs, as far as that was said.
    pub truth: Truth,
    /// Who said so.
    pub by: Teacher,
    /// What each classifier had thought when it was last decided on by them.
    pub said: Vec<Said>,
}

/// Where a document belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "belongs", content = "project")]
pub enum Truth {
    /// To this project.
    To(ProjectId),
    /// Not to this one; to which other, nobody said.
    NotTo(ProjectId),
    /// To no project.
    Nowhere,
}

/// Who gave an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "who")]
pub enum Teacher {
    /// A person.
    Person(UserId),
    /// Nobody corrected a classifier's route for [`Settings::consent_after`].
    ///
    /// [`Settings::consent_after`]: crate::settings::Settings::consent_after
    Consent,
}

/// What a classifier had thought.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Said {
    /// Its name and version.
    pub classifier: String,
    /// The project it chose.
    pub choice: Option<ProjectId>,
    /// How sure it was, from 0 to 1.
    pub confidence: f64,
    /// Whether the document went where it said.
    pub was_taken: bool,
}

impl Truth {
    /// Says whether a choice was right, as far as that follows.
    #[must_use]
    pub fn judges(self, choice: Option<ProjectId>) -> Option<bool> {
        match self {
            Self::To(project) => Some(choice == Some(project)),
            Self::NotTo(project) => (choice == Some(project)).then_some(false),
            Self::Nowhere => Some(choice.is_none()),
        }
    }
}

impl Said {
    /// Returns what was said at the last decision of classifiers in a history, oldest line first.
    #[must_use]
    pub fn at_last(history: &[Entry]) -> Vec<Self> {
        history.iter().rev().find_map(|entry| Self::of(&entry.fact)).unwrap_or_default()
    }

    /// Returns what was said when classifiers decided; none of any other fact.
    #[must_use]
    pub fn of(fact: &Fact) -> Option<Vec<Self>> {
        match fact {
            Fact::Decided { verdict, state, ruling } => {
                let verdicts = std::iter::once(verdict.as_ref()).chain(&ruling.others);
                let said = verdicts.map(|verdict| Self {
                    classifier: verdict.classifier.clone(),
                    choice: verdict.choice,
                    confidence: verdict.confidence,
                    was_taken: verdict.choice.is_some() && state.project() == verdict.choice,
                });
                Some(said.collect())
            }
            Fact::Stored { .. }
            | Fact::ClassifierFailed { .. }
            | Fact::Assigned { .. }
            | Fact::Removed
            | Fact::Restored => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_from_an_answer() {
        let [here, there] = [b"here", b"ther"].map(|name| ProjectId::derived(&[name]));
        let rows = [
            (Truth::To(here), Some(here), Some(true)),
            (Truth::To(here), Some(there), Some(false)),
            (Truth::To(here), None, Some(false)),
            (Truth::NotTo(here), Some(here), Some(false)),
            (Truth::NotTo(here), Some(there), None),
            (Truth::NotTo(here), None, None),
            (Truth::Nowhere, None, Some(true)),
            (Truth::Nowhere, Some(here), Some(false)),
        ];
        for (truth, choice, want) in rows {
            assert_eq!(truth.judges(choice), want, "{truth:?} {choice:?}");
        }
    }
}
