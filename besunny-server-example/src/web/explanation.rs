//! Why a document is where it is: what spoke for which project, and what was done since.
use besunny::core::{
    classify::{Signal, Verdict},
    document::{DocumentState, ReviewReason},
    history::{Entry, Fact},
    standing::StandingRule,
};
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    project::{ProjectName, Projects},
    rule::RuleLine,
};

/// What a classifier thought of a document, and what was made of it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Explanation {
    /// The classifier's name and version.
    pub classifier: String,
    /// The likeliest project.
    pub choice: Option<ProjectName>,
    /// How sure that was, from 0 to 1.
    pub confidence: f64,
    /// Why it abstained; absent when the document was routed.
    pub abstained: Option<Abstention>,
    /// What spoke for which project, the weightiest first.
    pub evidence: Vec<EvidenceLine>,
    /// The other projects something spoke for, the likeliest first.
    pub alternatives: Vec<Candidate>,
    /// Your rules that kept it out of projects.
    pub barred: Vec<RuleLine>,
    /// Your rule that decided alone; no classifier was asked then.
    pub ruled: Option<RuleLine>,
}

/// Why nothing was decided.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Abstention {
    /// What programs tell reasons apart by.
    #[schema(value_type = String)]
    pub reason: ReviewReason,
    /// The same in words.
    pub message: &'static str,
}

/// Something that spoke for a project.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct EvidenceLine {
    /// The project.
    pub project: ProjectName,
    /// What kind of evidence it is.
    #[schema(value_type = String)]
    pub signal: Signal,
    /// What was found, in the words of the mail: untrusted text.
    pub quote: String,
    /// How much it weighs alone, from 0 to 1.
    pub weight: f64,
}

/// A project a document may belong to.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Candidate {
    /// The project.
    pub project: ProjectName,
    /// How sure that is, from 0 to 1.
    pub confidence: f64,
}

/// One line of a document's history.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct HistoryLine {
    /// The document's version after it; orders the lines.
    pub version: u64,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// What happened.
    pub fact: FactKind,
    /// The project before.
    pub from: Option<ProjectName>,
    /// The project after.
    pub to: Option<ProjectName>,
    /// Which classifier decided.
    pub classifier: Option<String>,
    /// Which person decided.
    pub by: Option<Uuid>,
    /// The act it was part of, by which it can be undone.
    pub act: Option<Uuid>,
}

/// What can happen to a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FactKind {
    /// It was stored.
    Stored,
    /// A classifier gave its verdict.
    Decided,
    /// The classifier failed for good.
    ClassifierFailed,
    /// A standing rule decided.
    Ruled,
    /// A person put it somewhere.
    Assigned,
    /// A person said that it is right where it is.
    Confirmed,
    /// A person said that it belongs to no project.
    Declined,
    /// A person undid an act, and it is as before.
    Undone,
    /// It went away at the source.
    Removed,
    /// It came back.
    Restored,
}

impl Explanation {
    /// Explains by the last verdict; `None` when there was none yet.
    pub(super) fn of(history: &[Entry], projects: &Projects) -> Option<Self> {
        history.iter().rev().find_map(|entry| match &entry.fact {
            Fact::Decided { verdict, state, barred } => {
                let barred = barred.iter().map(|rule| RuleLine::of(rule, projects)).collect();
                Some(Self { barred, ..Self::new(verdict, state, projects) })
            }
            Fact::Ruled { rule, state, .. } => Some(Self::of_rule(rule, state, projects)),
            Fact::Stored { .. }
            | Fact::ClassifierFailed { .. }
            | Fact::Assigned { .. }
            | Fact::Confirmed { .. }
            | Fact::Declined { .. }
            | Fact::Undone { .. }
            | Fact::Removed
            | Fact::Restored => None,
        })
    }

    fn new(verdict: &Verdict, state: &DocumentState, projects: &Projects) -> Self {
        let evidence = verdict.evidence.iter().map(|found| EvidenceLine {
            project: projects.name(found.project),
            signal: found.signal,
            quote: found.quote.expose().clone(),
            weight: found.weight,
        });
        let alternatives = verdict.alternatives.iter().map(|other| Candidate {
            project: projects.name(other.project),
            confidence: other.confidence,
        });
        let abstained = match state {
            DocumentState::NeedsReview(review) => {
                Some(Abstention { reason: review.reason, message: in_words(review.reason) })
            }
            DocumentState::Pending | DocumentState::Routed(_) | DocumentState::NoProject { .. } => {
                None
            }
        };
        Self {
            classifier: verdict.classifier.clone(),
            choice: verdict.choice.map(|choice| projects.name(choice)),
            confidence: verdict.confidence,
            abstained,
            evidence: evidence.collect(),
            alternatives: alternatives.collect(),
            barred: Vec::new(),
            ruled: None,
        }
    }

    /// Explains by the rule that decided alone.
    fn of_rule(rule: &StandingRule, state: &DocumentState, projects: &Projects) -> Self {
        Self {
            classifier: "rule".to_owned(),
            choice: state.project().map(|project| projects.name(project)),
            confidence: 1.0,
            abstained: None,
            evidence: Vec::new(),
            alternatives: Vec::new(),
            barred: Vec::new(),
            ruled: Some(RuleLine::of(rule, projects)),
        }
    }

    /// Lists all projects something spoke for, the likeliest first.
    pub(super) fn candidates(&self) -> Vec<Candidate> {
        let choice = self.choice.clone();
        let choice = choice.map(|project| Candidate { project, confidence: self.confidence });
        choice.into_iter().chain(self.alternatives.iter().cloned()).collect()
    }
}

impl HistoryLine {
    pub(super) fn of(entry: &Entry, projects: &Projects) -> Self {
        let name = |id| projects.name(id);
        let line = Self {
            version: entry.version,
            at: entry.at,
            fact: FactKind::Stored,
            from: None,
            to: None,
            classifier: None,
            by: None,
            act: None,
        };
        match &entry.fact {
            Fact::Stored { .. } => line,
            Fact::Decided { verdict, state, .. } => Self {
                fact: FactKind::Decided,
                to: state.project().map(name),
                classifier: Some(verdict.classifier.clone()),
                ..line
            },
            Fact::ClassifierFailed { .. } => Self { fact: FactKind::ClassifierFailed, ..line },
            Fact::Ruled { state, act, .. } => Self {
                fact: FactKind::Ruled,
                to: state.project().map(name),
                act: act.map(|act| act.as_uuid()),
                ..line
            },
            Fact::Assigned { .. }
            | Fact::Confirmed { .. }
            | Fact::Declined { .. }
            | Fact::Undone { .. } => Self::of_person(&entry.fact, projects, line),
            Fact::Removed => Self { fact: FactKind::Removed, ..line },
            Fact::Restored => Self { fact: FactKind::Restored, ..line },
        }
    }
}

impl HistoryLine {
    /// Completes the line of what a person said; of other facts it stays as it is.
    fn of_person(fact: &Fact, projects: &Projects, line: Self) -> Self {
        let name = |id| projects.name(id);
        let act = fact.act().map(|act| act.as_uuid());
        match fact {
            Fact::Assigned { by, from, to, .. } => Self {
                fact: FactKind::Assigned,
                from: from.map(name),
                to: to.map(name),
                by: Some(by.as_uuid()),
                act,
                ..line
            },
            Fact::Confirmed { by, project, .. } => Self {
                fact: FactKind::Confirmed,
                to: Some(name(*project)),
                by: Some(by.as_uuid()),
                act,
                ..line
            },
            Fact::Declined { by, from, .. } => Self {
                fact: FactKind::Declined,
                from: from.map(name),
                by: Some(by.as_uuid()),
                act,
                ..line
            },
            Fact::Undone { by, state, .. } => Self {
                fact: FactKind::Undone,
                to: state.project().map(name),
                by: Some(by.as_uuid()),
                act,
                ..line
            },
            Fact::Stored { .. }
            | Fact::Decided { .. }
            | Fact::Ruled { .. }
            | Fact::ClassifierFailed { .. }
            | Fact::Removed
            | Fact::Restored => line,
        }
    }
}

/// Says why a document waits for a person.
pub(super) const fn in_words(reason: ReviewReason) -> &'static str {
    match reason {
        ReviewReason::NoEvidence => "Nothing in it speaks for any of your projects.",
        ReviewReason::Ambiguous => "Several projects are about equally likely.",
        ReviewReason::BelowThreshold => "The best guess is not sure enough.",
        ReviewReason::NoProjects => "There was no project to put it into.",
        ReviewReason::ClassifierFailed => "The classifier failed on it.",
        ReviewReason::TakenOut => "It was taken out of a project.",
        ReviewReason::Barred => "A rule of yours keeps it out of the likeliest project.",
    }
}

/// Names a kind of evidence.
pub(super) const fn signal_name(signal: Signal) -> &'static str {
    match signal {
        Signal::Thread => "Conversation",
        Signal::Code => "Project code",
        Signal::NameInSubject => "Name in the subject",
        Signal::NameInText => "Name in the text",
        Signal::Person => "Person",
        Signal::Domain => "Organisation",
        Signal::Keyword => "Keyword",
    }
}
