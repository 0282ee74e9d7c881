//! What was said about documents, in order: the log from which models learn (CLS-9, ML-1).
//!
//! A label is written in the transaction that made it true: with a person's decision, or with the
//! end of the time in which nobody corrected a route. The log only grows: what a person takes back is
//! followed by a label that says so. A model is a function of what still holds in this log.
use std::collections::HashSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    history::{Entry, Fact, Weighed},
    ids::{CommitId, DocumentId, ProjectId, UserId},
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
    /// The act of a person that gave it, by which it can be taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<CommitId>,
}

/// Where a document belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "belongs", content = "which")]
pub enum Truth {
    /// To this project.
    To(ProjectId),
    /// Not to this one; to which other, nobody said.
    NotTo(ProjectId),
    /// To no project.
    Nowhere,
    /// What this act said is taken back; no model is asked to learn that.
    Unsaid(CommitId),
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
            Self::Unsaid(_) => None,
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
        let Weighed { verdict, state, ruling, .. } = fact.weighed()?;
        let said = std::iter::once(verdict).chain(&ruling.others).map(|verdict| Self {
            classifier: verdict.classifier.clone(),
            choice: verdict.choice,
            confidence: verdict.confidence,
            was_taken: verdict.choice.is_some() && state.project() == verdict.choice,
        });
        Some(said.collect())
    }
}

/// What was taken back, by the answers that do so.
///
/// Taking back can be taken back too; then the first answer holds again.
#[derive(Debug, Default)]
pub struct Unsaid(HashSet<(CommitId, DocumentId)>);

impl Unsaid {
    /// Reads answers, oldest first; those that take nothing back may be left out.
    pub fn by<'a>(answers: impl DoubleEndedIterator<Item = &'a Answer>) -> Self {
        let mut unsaid = Self::default();
        for answer in answers.rev() {
            if let Truth::Unsaid(act) = answer.truth
                && !unsaid.has(answer)
            {
                unsaid.0.insert((act, answer.document));
            }
        }
        unsaid
    }

    fn has(&self, answer: &Answer) -> bool {
        answer.act.is_some_and(|act| self.0.contains(&(act, answer.document)))
    }

    /// Says whether there is something to learn from an answer: it says where, and still holds.
    #[must_use]
    pub fn leaves(&self, answer: &Answer) -> bool {
        !matches!(answer.truth, Truth::Unsaid(_)) && !self.has(answer)
    }

    /// Says whether something is taken back that is not among `labels`, so was said before them.
    #[must_use]
    pub fn reaches_beyond(&self, labels: &[Label]) -> bool {
        let said = |label: &Label| Some((label.answer.act?, label.answer.document));
        let here: HashSet<(CommitId, DocumentId)> = labels.iter().filter_map(said).collect();
        !self.0.is_subset(&here)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An answer as `act` or `act<other`, which takes back what `other` said.
    fn answer(text: &str) -> Answer {
        let act = |name: &str| CommitId::derived(&[name.as_bytes()]);
        let (name, other) = text.split_once('<').unwrap_or((text, ""));
        let truth = if other.is_empty() { Truth::Nowhere } else { Truth::Unsaid(act(other)) };
        let by = Teacher::Person(UserId::derived(&[b"ann"]));
        let document = DocumentId::derived(&[b"one"]);
        Answer { document, truth, by, said: Vec::new(), act: Some(act(name)) }
    }

    #[test]
    fn cls_9_what_was_taken_back_holds_no_more_until_that_is_taken_back() {
        for (log, holds, beyond) in [
            ("a", "a", false),
            ("a b", "a b", false),
            ("a b b2<b", "a", false),
            ("a a2<a b", "b", false),
            ("a a2<a a3<a2", "a", false),
            ("a a2<a a3<a2 a4<a3", "", false),
            ("b2<b", "", true),
            ("b2<b b3<b2", "", false),
            ("b3<b2", "", true),
        ] {
            let names: Vec<&str> = log.split(' ').collect();
            let answers: Vec<Answer> = names.iter().map(|name| answer(name)).collect();
            let unsaid = Unsaid::by(answers.iter());
            let left = names.iter().zip(&answers).filter(|(_, answer)| unsaid.leaves(answer));
            let left: Vec<&str> = left.map(|(name, _)| *name).collect();
            assert_eq!(left.join(" "), holds, "{log}");
            let at = DateTime::UNIX_EPOCH;
            let labels =
                answers.into_iter().zip(1..).map(|(answer, seq)| Label { seq, at, answer });
            assert_eq!(unsaid.reaches_beyond(&labels.collect::<Vec<_>>()), beyond, "{log}");
        }
    }

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
            (Truth::Unsaid(CommitId::derived(&[b"act"])), Some(here), None),
        ];
        for (truth, choice, want) in rows {
            assert_eq!(truth.judges(choice), want, "{truth:?} {choice:?}");
        }
    }
}
