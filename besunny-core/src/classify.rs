//! Which project a document belongs to: the question, the verdict, the engine's decision.
//!
//! A classifier only says what it thinks and why. The engine decides (CLS-4): thresholds are
//! enforced here, and a choice outside the candidates counts as none (CLS-6, ARCHITECTURE.md L8).
use std::fmt::Debug;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

mod rules;
mod words;

pub use rules::Rules;
pub(crate) use rules::{SHARED_DOMAINS, is_at};

use crate::{
    document::{Decider, Document, DocumentState, Review, ReviewReason, Route},
    ids::ProjectId,
    mail::Mail,
    project::Project,
    repository::ThreadMember,
    settings::Settings,
    untrusted::Untrusted,
};

/// What a classifier is asked about.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The document.
    pub document: &'a Document,
    /// What was read out of it.
    pub mail: &'a Mail,
    /// Where earlier mails of its thread went.
    pub thread: &'a [ThreadMember],
}

/// What a classifier thinks, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// The classifier's name and version.
    pub classifier: String,
    /// The likeliest project, `None` when nothing speaks for any.
    pub choice: Option<ProjectId>,
    /// How sure that is, from 0 to 1.
    pub confidence: f64,
    /// What spoke for which project, the weightiest first.
    pub evidence: Vec<Evidence>,
    /// The other projects something spoke for, the likeliest first.
    pub alternatives: Vec<Alternative>,
}

/// Something that speaks for a project.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// The project.
    pub project: ProjectId,
    /// What kind of evidence it is.
    pub signal: Signal,
    /// What was found, in the words of the mail.
    pub quote: Untrusted<String>,
    /// How much it weighs alone, from 0 to 1.
    pub weight: f64,
}

/// A project that is less likely.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alternative {
    /// The project.
    pub project: ProjectId,
    /// How sure that is, from 0 to 1.
    pub confidence: f64,
}

/// Kinds of evidence (CLS-7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    /// Earlier mails of the thread are in the project.
    Thread,
    /// The project's code stands in the mail.
    Code,
    /// The project's name stands in the subject.
    NameInSubject,
    /// The project's name stands in the text.
    NameInText,
    /// One of the project's people wrote or got it.
    Person,
    /// Somebody of the project's organisations wrote or got it.
    Domain,
    /// A word of the project's trade stands in it.
    Keyword,
}

/// A classifier could not give a verdict.
#[derive(Debug, thiserror::Error)]
#[error("the classifier {classifier} failed")]
pub struct ClassifyError {
    /// Which one.
    pub classifier: String,
    /// Why; never content of the item.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

/// Says which project a document belongs to.
///
/// # Contract
/// The choice MUST be one of the candidates or none; anything else counts as none. The same
/// question, candidates and model MUST give the same verdict. It MUST NOT guess on a failure.
///
/// # Cancellation
/// Dropping `classify` leaves no effect.
#[async_trait]
pub trait Classifier: Debug + Send + Sync {
    /// Weighs `question` against the `candidates`.
    async fn classify(
        &self,
        question: &Question<'_>,
        candidates: &[Project],
    ) -> Result<Verdict, ClassifyError>;
}

/// Makes a decision of a verdict; pure, and the only place where thresholds count.
#[must_use]
pub fn decide(verdict: &Verdict, candidates: &[Project], settings: &Settings) -> DocumentState {
    let offered = |id: &ProjectId| candidates.iter().any(|project| project.id == *id);
    let review = |reason, suggestion| DocumentState::NeedsReview(Review { reason, suggestion });
    if candidates.is_empty() {
        return review(ReviewReason::NoProjects, None);
    }
    let Some(project) = verdict.choice.filter(offered) else {
        return review(ReviewReason::NoEvidence, None);
    };
    let confidence =
        if verdict.confidence.is_nan() { 0.0 } else { verdict.confidence.clamp(0.0, 1.0) };
    let next = verdict.alternatives.iter().map(|other| other.confidence).fold(0.0, f64::max);
    if confidence < settings.assign_at {
        return review(ReviewReason::BelowThreshold, Some(project));
    }
    if confidence - next < settings.margin {
        return review(ReviewReason::Ambiguous, Some(project));
    }
    let by = Decider::Classifier(verdict.classifier.clone());
    DocumentState::Routed(Route { project, by, confidence })
}
