//! Why a document is where it is: what spoke for which project, and what was done since.
use besunny::core::{
    classify::{Evidence, Making, Ruling, Signal, Stage, Verdict},
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

mod words;

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
    /// Which stage of the cascade decided.
    #[schema(value_type = String)]
    pub stage: Stage,
    /// Why that was sure enough, or not, in words.
    pub decided: String,
    /// `high`, `medium` or `low`: a label for people, nothing is decided by it (CLS-4).
    pub band: &'static str,
    /// How sure it had to be; absent while nothing is sure enough.
    pub needed: Option<f64>,
    /// The precision that this threshold keeps; absent for a fixed one.
    pub promised: Option<f64>,
    /// What other classifiers said.
    pub others: Vec<OtherVerdict>,
    /// Who should have been asked too and could not be, in words; absent when all were heard.
    pub unheard: Option<String>,
    /// How the verdict was made.
    pub made: MadeOf,
    /// Your rules that kept it out of projects.
    pub barred: Vec<RuleLine>,
    /// Your rule that decided alone; no classifier was asked then.
    pub ruled: Option<RuleLine>,
}

/// What another classifier said, which was not followed.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct OtherVerdict {
    /// Its name and version.
    pub classifier: String,
    /// The likeliest project.
    pub choice: Option<ProjectName>,
    /// How sure that was, from 0 to 1.
    pub confidence: f64,
}

/// How a verdict was made, and what that cost.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MadeOf {
    /// The model and its version.
    pub model: Option<String>,
    /// SHA-256 of the prompt in hexadecimal digits.
    pub prompt_sha256: Option<String>,
    /// Tokens that a language model read.
    pub input_tokens: u32,
    /// Tokens that a language model wrote.
    pub output_tokens: u32,
    /// What it cost, in millionths.
    pub cost_micros: u64,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
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
    /// How many earlier mails like it are in the project; absent where nothing was counted.
    pub here: Option<u32>,
    /// How many earlier mails like it there are.
    pub all: Option<u32>,
    /// The same as a sentence; it may quote the mail.
    pub words: String,
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
    /// It was written from what was said in a meeting.
    Transcribed,
    /// More was heard of the meeting, and it was written anew.
    Amended,
}

impl Explanation {
    /// Explains by the last verdict; `None` when there was none yet.
    pub(super) fn of(history: &[Entry], projects: &Projects) -> Option<Self> {
        history.iter().rev().find_map(|entry| match &entry.fact {
            Fact::Decided { verdict, state, ruling, barred } => {
                let barred = barred.iter().map(|rule| RuleLine::of(rule, projects)).collect();
                Some(Self { barred, ..Self::new(verdict, state, ruling, projects) })
            }
            Fact::Ruled { rule, state, .. } => Some(Self::of_rule(rule, state, projects)),
            Fact::Stored { .. }
            | Fact::Transcribed { .. }
            | Fact::Amended { .. }
            | Fact::ClassifierFailed { .. }
            | Fact::Assigned { .. }
            | Fact::Confirmed { .. }
            | Fact::Declined { .. }
            | Fact::Undone { .. }
            | Fact::Removed
            | Fact::Restored => None,
        })
    }

    fn new(verdict: &Verdict, state: &DocumentState, ruling: &Ruling, projects: &Projects) -> Self {
        let evidence = verdict.evidence.iter().map(|found| EvidenceLine::of(found, projects));
        let others = ruling.others.iter().map(|other| OtherVerdict {
            classifier: other.classifier.clone(),
            choice: other.choice.map(|choice| projects.name(choice)),
            confidence: other.confidence,
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
            stage: ruling.stage,
            decided: words::decided(verdict, ruling),
            band: words::band(verdict.confidence),
            needed: ruling.needed,
            promised: ruling.promised,
            others: others.collect(),
            unheard: ruling.unheard.as_ref().map(words::unheard),
            made: MadeOf::of(&verdict.made),
            barred: Vec::new(),
            ruled: None,
        }
    }

    /// Explains by the rule that decided alone.
    fn of_rule(rule: &StandingRule, state: &DocumentState, projects: &Projects) -> Self {
        let verdict = Verdict {
            classifier: "rule".to_owned(),
            choice: state.project(),
            confidence: 1.0,
            evidence: Vec::new(),
            alternatives: Vec::new(),
            made: Making::default(),
        };
        let ruling = Ruling { stage: Stage::HardEvidence, ..Ruling::default() };
        Self {
            decided: "A rule of yours decided.".to_owned(),
            ruled: Some(RuleLine::of(rule, projects)),
            ..Self::new(&verdict, state, &ruling, projects)
        }
    }

    /// Returns who said it: the model, or the classifier that has none.
    pub(super) fn by(&self) -> &str {
        self.made.model.as_deref().unwrap_or(&self.classifier)
    }

    /// Says whether a classifier chose no project, and the document was left to a person.
    pub(super) const fn chose_none(&self) -> bool {
        self.abstained.is_some() && self.choice.is_none() && self.ruled.is_none()
    }

    /// Lists all projects something spoke for, the likeliest first.
    pub(super) fn candidates(&self) -> Vec<Candidate> {
        let choice = self.choice.clone();
        let choice = choice.map(|project| Candidate { project, confidence: self.confidence });
        choice.into_iter().chain(self.alternatives.iter().cloned()).collect()
    }
}

impl EvidenceLine {
    fn of(found: &Evidence, projects: &Projects) -> Self {
        let project = projects.name(found.project);
        Self {
            words: words::evidence(found, &project.name),
            project,
            signal: found.signal,
            quote: found.quote.expose().clone(),
            weight: found.weight,
            here: found.earlier.map(|earlier| earlier.here),
            all: found.earlier.map(|earlier| earlier.all),
        }
    }
}

impl MadeOf {
    fn of(made: &Making) -> Self {
        Self {
            model: made.model.clone(),
            prompt_sha256: made.prompt_sha256.clone(),
            input_tokens: made.input_tokens,
            output_tokens: made.output_tokens,
            cost_micros: made.cost_micros,
            took_ms: u64::try_from(made.took.as_millis()).unwrap_or(u64::MAX),
        }
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
            Fact::Transcribed { .. } => Self { fact: FactKind::Transcribed, ..line },
            Fact::Amended { .. } => Self { fact: FactKind::Amended, ..line },
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
            | Fact::Transcribed { .. }
            | Fact::Amended { .. }
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
        ReviewReason::NoEvidence => "Nothing in it speaks clearly for any of your projects.",
        ReviewReason::Ambiguous => "Several projects are about equally likely.",
        ReviewReason::BelowThreshold => "The best guess is not sure enough.",
        ReviewReason::NoProjects => "There was no project to put it into.",
        ReviewReason::ClassifierFailed => "A classifier that was needed did not answer.",
        ReviewReason::TakenOut => "It was taken out of a project.",
        ReviewReason::Barred => "A rule of yours keeps it out of the likeliest project.",
        ReviewReason::Nowhere => "It looks like mail that belongs to no project.",
        ReviewReason::Suspicious => {
            "Only its own words speak for the project, and it may not be what it says."
        }
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
        Signal::Sender => "Earlier mails of the sender",
        Signal::Recipients => "Earlier mails to the same people",
        Signal::Subject => "Earlier mails with the subject",
        Signal::Words => "Words",
        Signal::Similar => "Similar mails",
        Signal::Quote => "Passage",
        Signal::Imitation => "Sender's domain imitates one of its",
    }
}
