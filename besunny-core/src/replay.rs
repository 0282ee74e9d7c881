//! Decisions made again with what was known then: what another model would have done (ML-5).
//!
//! Pinned are the bytes of documents, projects and rules as far as they existed, where the threads
//! were, and the answers that the model knew. Not pinned are what cannot be: what is said of a
//! project today speaks for it, the settings are those of today, and a language model is asked anew.
use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    cause::describe,
    chronicle::{Decided, DecidedBy},
    classify::{
        ClassifyError,
        cascade::{Conclusion, Known},
    },
    contender::Contender,
    document::{Document, DocumentState, ReviewReason},
    feedback::Act,
    ids::{DocumentId, RuleId, UserId},
    label::{Label, Teacher, Truth, Unsaid},
    preview::Turn,
    project::Project,
    repository::{ModelRecord, RepositoryError},
    standing::StandingRule,
    untrusted::Untrusted,
};

/// Which decisions are made again, and by whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Whose documents.
    pub owner: UserId,
    /// Decisions from here on.
    pub since: DateTime<Utc>,
    /// And before this; all later ones when there is none.
    pub until: Option<DateTime<Utc>>,
    /// Who decides.
    pub with: Contender,
    /// At most so many, the oldest first.
    pub limit: Option<usize>,
    /// Whether rows are wanted also of what would stay where it is.
    pub all: bool,
}

/// What would have been decided.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Replay {
    /// How many decisions were made again.
    pub replayed: usize,
    /// How many of them end in the same place.
    pub same: usize,
    /// How many decisions were left out, by reason.
    pub left_out: BTreeMap<LeftOut, usize>,
    /// On how many of the documents a person has answered since.
    pub judged: usize,
    /// How the decisions of then stand up to these answers.
    pub before: Record,
    /// How the new ones do.
    pub after: Record,
    /// What the verdicts cost, in millionths of the unit that the price list is in.
    pub cost_micros: u64,
    /// Decisions that would end elsewhere, those that were left out, and all others if wanted.
    pub rows: Vec<Row>,
}

/// How decisions stand up to the answers of people; what was left to a person is neither.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// What was decided right.
    pub right: usize,
    /// What was decided wrong.
    pub wrong: usize,
}

/// One decision, as it was and as it would be.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The document.
    pub document: DocumentId,
    /// Its subject.
    pub title: Untrusted<String>,
    /// The decision as it was made.
    pub was: Decided,
    /// What would be decided, or why nothing is.
    pub would_be: Result<Would, LeftOut>,
    /// What a person has said since.
    pub answer: Option<Truth>,
}

/// What would be decided.
#[derive(Clone, Debug, PartialEq)]
pub struct Would {
    /// What would become of the document.
    pub state: DocumentState,
    /// How it would be concluded; none where a standing rule decides.
    pub conclusion: Option<Box<Conclusion>>,
}

/// Why a decision is not made again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeftOut {
    /// The model was taught answers that were given only after the decision.
    KnewLater,
    /// A standing rule decided, and no model is asked.
    ByRule,
    /// What was read out of the document cannot be read any more.
    Unreadable,
    /// The model failed.
    Failed,
    /// More decisions were found than were asked for.
    Limit,
}

/// Decisions cannot be made again.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// Nothing is learned here.
    #[error("nothing is learned here: wire a learner with `Builder::learner`")]
    NoLearner,
    /// No language model is set up.
    #[error(
        "no language model is set up: describe it under [language] and name the file with --config"
    )]
    NoLanguage,
    /// The tenant does not allow that a language model reads its documents.
    #[error("language models are not allowed here: start `besunny serve` once with [language] set")]
    NotAllowed,
    /// There is no model of this version.
    #[error("there is no model of version {0}: `besunny model list` names those there are")]
    NoVersion(u32),
    /// The model failed.
    #[error("the model failed: see the log")]
    Broken,
    /// The model is out; all decisions would fail until it is back.
    #[error(
        "the model cannot be reached now: {}; nothing was changed; try again later",
        describe(.0)
    )]
    Unreachable(ClassifyError),
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] RepositoryError),
}

impl LeftOut {
    /// Returns its name, as programs read it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::KnewLater => "knew_later",
            Self::ByRule => "by_rule",
            Self::Unreadable => "unreadable",
            Self::Failed => "failed",
            Self::Limit => "limit",
        }
    }
}

impl Replay {
    /// Takes in what would have been decided on a document.
    pub fn add(
        &mut self,
        document: Option<&Document>,
        was: Decided,
        would_be: Result<Would, LeftOut>,
        (answer, is_wanted): (Option<Truth>, bool),
    ) {
        let is_same = match &would_be {
            Ok(would) => {
                self.compare(&was, would, answer);
                Turn::of(&was.state, &would.state).is_none()
            }
            Err(why) => {
                *self.left_out.entry(*why).or_default() += 1;
                false
            }
        };
        self.same += usize::from(is_same);
        if !is_same || is_wanted {
            let title = document.map(|document| document.title.clone());
            let title = title.unwrap_or_else(|| Untrusted::new(String::new()));
            let document = was.moment.document;
            self.rows.push(Row { document, title, was, would_be, answer });
        }
    }

    fn compare(&mut self, was: &Decided, would: &Would, answer: Option<Truth>) {
        self.replayed += 1;
        let conclusion = would.conclusion.as_ref();
        self.cost_micros += conclusion.map_or(0, |it| it.ruling.cost_micros(&it.verdict));
        if let Some(truth) = answer {
            self.judged += 1;
            self.before.add(is_right(&was.state, truth));
            self.after.add(is_right(&would.state, truth));
        }
    }

    /// Returns how many decisions would end elsewhere.
    #[must_use]
    pub const fn changed(&self) -> usize {
        self.replayed - self.same
    }
}

impl Record {
    /// Counts a decision, if it was right or wrong.
    pub fn add(&mut self, is_right: Option<bool>) {
        self.right += usize::from(is_right == Some(true));
        self.wrong += usize::from(is_right == Some(false));
    }
}

/// Says whether what became of a document was right; none where it was left to a person.
#[must_use]
pub fn is_right(state: &DocumentState, truth: Truth) -> Option<bool> {
    match state {
        DocumentState::Routed(route) => truth.judges(Some(route.project)),
        DocumentState::NeedsReview(review) if review.reason == ReviewReason::Nowhere => {
            truth.judges(None)
        }
        DocumentState::NeedsReview(_)
        | DocumentState::Pending
        | DocumentState::NoProject { .. } => None,
    }
}

/// What the engine had to go by, with the time of each part.
#[derive(Clone, Debug)]
pub struct Past {
    /// The owner's projects as they are.
    pub projects: Vec<Project>,
    /// The rules that hold now.
    pub rules: Vec<StandingRule>,
    /// All acts that changed rules, newest first.
    pub acts: Vec<Act>,
    /// The log of answers.
    pub labels: Vec<Label>,
    /// All models, newest first.
    pub models: Vec<ModelRecord>,
}

impl Past {
    /// Returns the projects that there were.
    #[must_use]
    pub fn candidates(&self, at: DateTime<Utc>) -> Vec<Project> {
        self.projects.iter().filter(|project| project.created_at <= at).cloned().collect()
    }

    /// Returns the rules that held.
    #[must_use]
    pub fn rules(&self, at: DateTime<Utc>) -> Vec<StandingRule> {
        let mut rules: BTreeMap<RuleId, &StandingRule> =
            self.rules.iter().map(|rule| (rule.id, rule)).collect();
        for change in self.acts.iter().take_while(|act| act.at >= at).flat_map(|act| &act.rules) {
            rules.extend(change.before.as_ref().map(|rule| (rule.id, rule)));
            if let (None, Some(after)) = (&change.before, &change.after) {
                rules.remove(&after.id);
            }
        }
        rules.into_values().cloned().collect()
    }

    /// Returns what the learned model knew at a decision; where that was not recorded, time says it.
    #[must_use]
    pub fn known(&self, decided: &Decided) -> Known {
        let at = decided.moment.at;
        decided.known.unwrap_or_else(|| Known {
            version: self.models.iter().find(|it| it.made_at < at).map(|it| it.version),
            answers: self.labels.iter().take_while(|it| it.at < at).last().map_or(0, |it| it.seq),
        })
    }

    /// Returns the models up to a version, newest first.
    #[must_use]
    pub fn line(&self, version: Option<u32>) -> &[ModelRecord] {
        let first = self.models.iter().position(|model| Some(model.version) <= version);
        first.map_or(&[], |first| &self.models[first..])
    }

    /// Says whether a stored model was taught answers that were not known at a decision.
    #[must_use]
    pub fn knew_later(&self, version: u32, known: Known) -> bool {
        let ranges = self.line(Some(version)).first().map_or(&[][..], |it| it.learned.ranges());
        ranges.last().is_some_and(|(_, until)| *until > known.answers)
    }

    /// Returns what a person has said of each document and not taken back, oldest first.
    #[must_use]
    pub fn answers(&self) -> Answers {
        let unsaid = Unsaid::by(self.labels.iter().map(|label| &label.answer));
        let mut answers = Answers::default();
        for Label { seq, answer, .. } in &self.labels {
            let is_of_person = matches!(answer.by, Teacher::Person(_));
            if is_of_person && unsaid.leaves(answer) {
                answers.0.entry(answer.document).or_default().push((*seq, answer.truth));
            }
        }
        answers
    }
}

/// What people have said of documents and not taken back, with the number in the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answers(HashMap<DocumentId, Vec<(u64, Truth)>>);

impl Answers {
    /// Returns what was last said of a document after what was `known`.
    #[must_use]
    pub fn since(&self, document: DocumentId, known: Known) -> Option<Truth> {
        let said = self.0.get(&document)?;
        let last = said.iter().rfind(|(seq, _)| *seq > known.answers);
        last.map(|(_, truth)| *truth)
    }
}

impl Decided {
    /// Says whether a model is asked when the decision is made again.
    #[must_use]
    pub const fn asked_models(&self) -> bool {
        match self.by {
            DecidedBy::Cascade(_) | DecidedBy::Nobody => true,
            DecidedBy::Rule => false,
        }
    }
}

#[cfg(test)]
mod tests;
