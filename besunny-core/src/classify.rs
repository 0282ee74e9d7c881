//! Which project a document belongs to: the question, the verdict, the engine's decision.
//!
//! A classifier only says what it thinks and why. The engine decides (CLS-4): thresholds are
//! enforced here and in [`cascade`], and a choice outside the candidates counts as none (CLS-6, ARCHITECTURE.md L8).
use std::{fmt::Debug, time::Duration};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

pub mod cascade;
mod caution;
mod rules;
mod words;

pub use cascade::{Ruling, Stage, Unheard};
pub use caution::{Doubts, caution};
pub(crate) use rules::is_below;
pub use rules::{Rules, is_believable, took_part, vouches};

use crate::{
    document::{Decider, Document, DocumentState, Review, ReviewReason, Route},
    ids::ProjectId,
    mail::Mail,
    project::Project,
    repository::ThreadMember,
    settings::Settings,
    source::SourceErrorKind,
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
    /// How it was made, and what that cost.
    #[serde(default)]
    pub made: Making,
}

/// How a verdict was made, and what that cost (CLS-7, ML-3).
///
/// Verdicts that were stored before this was recorded have the default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Making {
    /// Which model made it, with its version; none for rules.
    pub model: Option<String>,
    /// SHA-256 of the prompt in hexadecimal digits, for language models.
    pub prompt_sha256: Option<String>,
    /// Tokens that a language model read.
    pub input_tokens: u32,
    /// Tokens that a language model wrote.
    pub output_tokens: u32,
    /// What it cost, in millionths of the unit that the price list is in.
    pub cost_micros: u64,
    /// How long it took, in whole milliseconds where it is stored.
    #[serde(rename = "took_ms", with = "millis")]
    pub took: Duration,
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
    /// How much it weighs alone, from 0 to 1; of learned evidence, its share of all that spoke for
    /// the project.
    pub weight: f64,
    /// Where earlier mails of the same kind went, where that is the evidence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub earlier: Option<Earlier>,
}

/// Where earlier mails of the same sender, subject or thread went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Earlier {
    /// How many of them are in the project.
    pub here: u32,
    /// How many there are.
    pub all: u32,
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
    /// Earlier mails of its sender went there.
    Sender,
    /// Earlier mails to the same people went there.
    Recipients,
    /// Earlier mails with its subject went there.
    Subject,
    /// Its words are those of mails that went there.
    Words,
    /// The mails most like it went there.
    Similar,
    /// A language model gave this passage of it as a reason; it was checked that it stands there.
    Quote,
    /// The sender's domain looks like one of the project's and is another; it weighs nothing.
    Imitation,
}

/// A classifier could not give a verdict.
#[derive(Debug, thiserror::Error)]
#[error("the classifier {classifier} failed")]
pub struct ClassifyError {
    /// Which one.
    pub classifier: String,
    /// What the retry table is asked, where it cannot be reached or asked for now; none when it failed
    /// on the item, which no patience heals.
    pub outage: Option<Outage>,
    /// Why; never content of the item.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

/// Why a classifier cannot be asked for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outage {
    /// What kind of failure it is, as of a source.
    pub kind: SourceErrorKind,
    /// How long we were asked to wait.
    pub retry_after: Option<Duration>,
}

impl ClassifyError {
    /// Makes the error of a classifier that failed on an item.
    #[must_use]
    pub fn new(
        classifier: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self { classifier: classifier.into(), outage: None, source: source.into() }
    }

    /// Says that it cannot be asked for now.
    #[must_use]
    pub const fn during(mut self, outage: Option<Outage>) -> Self {
        self.outage = outage;
        self
    }
}

/// Says which project a document belongs to.
///
/// # Contract
/// - The choice MUST be one of the candidates or none (`classifier.choice.offered`), and none where
///   nothing is offered (`classifier.choice.none`). The engine takes anything else for none.
/// - The same question, candidates and model MUST give the same verdict, but for what it took
///   (`classifier.verdict.repeatable`).
///
/// # Errors
/// A failure MUST be a [`ClassifyError`], never a guess (`classifier.errors.no-guess`), and MUST NOT
/// show anything of an item (`classifier.errors.no-content`).
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

/// Makes a decision of a verdict at the fixed thresholds of the rules; pure.
#[must_use]
pub fn decide(verdict: &Verdict, candidates: &[Project], settings: &Settings) -> DocumentState {
    let review = |reason, suggestion| DocumentState::NeedsReview(Review { reason, suggestion });
    if candidates.is_empty() {
        return review(ReviewReason::NoProjects, None);
    }
    let Some(project) = verdict.choice.filter(|id| offered(*id, candidates)) else {
        return review(ReviewReason::NoEvidence, None);
    };
    let confidence = sure(verdict);
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

/// Says whether a project is one of the candidates.
fn offered(id: ProjectId, candidates: &[Project]) -> bool {
    candidates.iter().any(|project| project.id == id)
}

/// Returns how sure a verdict is, whatever a classifier made of it (CLS-6).
const fn sure(verdict: &Verdict) -> f64 {
    share(verdict.confidence)
}

/// Reads a number as a share; what is none counts as 0 (CLS-6).
const fn share(number: f64) -> f64 {
    if number.is_nan() { 0.0 } else { number.clamp(0.0, 1.0) }
}

impl Verdict {
    /// Brings every number of it between 0 and 1, so that it can be stored and compared.
    pub(crate) fn finite(mut self) -> Self {
        let weights = self.evidence.iter_mut().map(|found| &mut found.weight);
        let others = self.alternatives.iter_mut().map(|other| &mut other.confidence);
        for number in weights.chain(others).chain([&mut self.confidence]) {
            *number = share(*number);
        }
        self
    }
}

/// Durations as whole milliseconds.
mod millis {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(took: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(u64::try_from(took.as_millis()).unwrap_or(u64::MAX))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        u64::deserialize(from).map(Duration::from_millis)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_of_before_is_read() {
        let stored = r#"{"classifier":"rules/1","choice":null,"confidence":0.0,"evidence":[{
            "project":"00000000-0000-0000-0000-000000000000","signal":"code","quote":"RVF-12",
            "weight":0.97}],"alternatives":[]}"#;
        let verdict: Verdict = serde_json::from_str(stored).unwrap();
        assert_eq!(verdict.made, Making::default());
        assert_eq!(verdict.evidence[0].earlier, None);
    }
}
