//! Who decides on a document, in which order, and by which threshold (CLS-4, CLS-7).
//!
//! 1. Hard evidence: its thread is in a project surely, or it names the project's code itself.
//! 2. The learned model, where its promise says that it may; against the rules it must be as sure as
//!    was promised.
//! 3. The rules at fixed thresholds, while the model knows too little; see [`knows_little`].
//! 4. A language model, where the others are not sure and the tenant allows it.
//! 5. Nobody: it goes to the review queue with the best suggestion.
//!
//! All of it is pure. What every classifier said is kept, also of those that were not followed.
use serde::{Deserialize, Serialize};

use super::{Doubts, Question, Signal, Verdict, caution, decide, offered, sure};
use crate::{
    document::{Decider, DocumentState, Review, ReviewReason, Route},
    experiment::Trial,
    ids::ProjectId,
    project::Project,
    promise::Threshold,
    settings::Settings,
};

/// A model that has learned fewer documents of a project leaves it to the rules: a name or a code
/// says more of a new project than its first mails.
pub const FEW: u32 = 5;
/// A choice that is likelier than not contradicts another one.
const LIKELY: f64 = 0.5;

/// Which stage of the cascade decided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Its thread, or a project's code.
    HardEvidence,
    /// The learned model.
    Learned,
    /// The rules, while the model knows too little; all decisions of before there were stages.
    #[default]
    Rules,
    /// A language model.
    Language,
    /// Nobody was sure enough.
    Abstained,
}

/// How a decision was made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Ruling {
    /// Which stage decided.
    pub stage: Stage,
    /// How sure the verdict had to be; none while nothing is sure enough.
    pub needed: Option<f64>,
    /// The precision that this threshold keeps, learned from past answers; none for a fixed one.
    pub promised: Option<f64>,
    /// What other classifiers said.
    pub others: Vec<Verdict>,
    /// What the learned model knew then; none where nothing learns, or it was not recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub known: Option<Known>,
    /// In which arm of an experiment it was decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trial: Option<Trial>,
    /// Who should have been asked, and could not be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unheard: Option<Unheard>,
}

/// A classifier that should have been asked, and did not answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unheard {
    /// Why, in words and without content.
    pub why: String,
    /// Whether it was out of reach, so that it is asked again when it is back.
    pub is_out: bool,
}

/// How much of the log of answers a model had learned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// The newest stored model then.
    pub version: Option<u32>,
    /// The number of the last answer that was learned or skipped; 0 before the first.
    pub answers: u64,
}

/// What a classifier that keeps a promise said.
#[derive(Clone, Debug, PartialEq)]
pub struct Opinion {
    /// What it said.
    pub verdict: Verdict,
    /// The precision promised.
    pub promised: f64,
    /// From which confidence its choice may be taken.
    pub threshold: Threshold,
    /// How many documents it has learned of the project that the rules chose.
    pub known: u32,
}

/// A decision, and how it was made.
#[derive(Clone, Debug, PartialEq)]
pub struct Conclusion {
    /// The verdict it rests on.
    pub verdict: Verdict,
    /// What becomes of the document.
    pub state: DocumentState,
    /// How it was made.
    pub ruling: Ruling,
}

/// What a document is weighed against.
#[derive(Clone, Copy, Debug)]
pub struct Bench<'a> {
    /// The document.
    pub question: &'a Question<'a>,
    /// The owner's projects.
    pub candidates: &'a [Project],
    /// The thresholds of the rules.
    pub settings: &'a Settings,
}

impl Ruling {
    /// Returns what all verdicts cost, in millionths of the unit that the price list is in.
    #[must_use]
    pub fn cost_micros(&self, verdict: &Verdict) -> u64 {
        self.others.iter().chain([verdict]).map(|verdict| verdict.made.cost_micros).sum()
    }
}

impl Opinion {
    /// Says whether its choice may be taken.
    fn admits(&self) -> bool {
        self.threshold.admits(sure(&self.verdict), self.verdict.choice.is_some())
    }

    /// Returns how sure its choice must be, if any confidence is enough.
    fn needed(&self) -> Option<f64> {
        let Threshold { none, project } = self.threshold;
        let needed = if self.verdict.choice.is_some() { project } else { none };
        needed.is_finite().then_some(needed)
    }

    /// Returns it as it is held to when the rules would route to another project.
    ///
    /// A threshold is low where most past choices were right. One that contradicts the rules is of
    /// another kind, so only its own confidence speaks for it.
    fn against(mut self, routed: Option<ProjectId>) -> Self {
        let disagrees = |(of_rules, own)| of_rules != own;
        if routed.zip(self.verdict.choice).is_some_and(disagrees) {
            self.threshold.project = self.threshold.project.max(self.promised);
        }
        self
    }

    fn ruling(&self, stage: Stage) -> Ruling {
        let (needed, promised) = (self.needed(), Some(self.promised));
        Ruling { stage, needed, promised, ..Ruling::default() }
    }
}

/// Says whether the model leaves what the rules chose to them: nothing it says may be taken yet, or
/// it has learned fewer than [`FEW`] documents of the project.
#[must_use]
pub fn knows_little(learned: &Opinion) -> bool {
    !learned.threshold.project.is_finite() || learned.known < FEW
}

impl Bench<'_> {
    /// Concludes from the rules and, where there is one, the learned model.
    #[must_use]
    pub fn conclude(&self, rules: Verdict, learned: Option<Opinion>) -> Conclusion {
        let decided = decide(&rules, self.candidates, self.settings);
        let fixed =
            |stage| Ruling { stage, needed: Some(self.settings.assign_at), ..Ruling::default() };
        let routed = decided.project();
        let stage = match routed {
            Some(project) if self.is_hard(&rules, project) => Stage::HardEvidence,
            Some(_) => Stage::Rules,
            None => Stage::Abstained,
        };
        let by_rules = Conclusion { verdict: rules, state: decided, ruling: fixed(stage) };
        let Some(learned) = learned.filter(|_| !self.candidates.is_empty()) else {
            return by_rules;
        };
        if stage == Stage::HardEvidence {
            return by_rules.beside(learned.verdict);
        }
        let is_admitted = learned.admits();
        let learned = learned.against(routed);
        if learned.admits() {
            return self.follow(Stage::Learned, learned).beside(by_rules.verdict);
        }
        let is_likely = sure(&learned.verdict) > LIKELY && learned.verdict.choice != routed;
        let contradicts = is_admitted || is_likely;
        match routed {
            Some(_) if knows_little(&learned) && !contradicts => by_rules.beside(learned.verdict),
            Some(_) if contradicts => self.abstain(by_rules, learned, ReviewReason::Ambiguous),
            Some(_) | None => self.abstain(by_rules, learned, ReviewReason::BelowThreshold),
        }
    }

    /// Concludes from a second classifier, after the first could not.
    #[must_use]
    pub fn reconsider(&self, first: Conclusion, second: Opinion) -> Conclusion {
        let mut others = first.ruling.others;
        others.insert(0, first.verdict);
        let mut concluded = if second.admits() {
            self.follow(Stage::Language, second)
        } else {
            let suggestion = self.better(&second.verdict, (suggestion(&first.state), &others));
            let state = review(reason(suggestion, ReviewReason::BelowThreshold), suggestion);
            let ruling = second.ruling(Stage::Abstained);
            Conclusion { verdict: second.verdict, state, ruling }
        };
        concluded.ruling.others = others;
        concluded
    }

    /// Returns the better suggestion: the verdict's, unless somebody before was surer of another.
    fn better(
        &self,
        verdict: &Verdict,
        (before, said): (Option<ProjectId>, &[Verdict]),
    ) -> Option<ProjectId> {
        let of_before = said.iter().filter(|said| said.choice.is_some() && said.choice == before);
        let is_surer = of_before.map(sure).any(|confidence| confidence > sure(verdict));
        let offered = self.offered(verdict.choice);
        if is_surer { before } else { offered.or(before) }
    }

    /// Does what a classifier says that may be followed.
    fn follow(&self, by: Stage, opinion: Opinion) -> Conclusion {
        let ruling = opinion.ruling(by);
        let verdict = opinion.verdict;
        let state = match (verdict.choice, self.offered(verdict.choice)) {
            (_, Some(project)) => {
                let by = Decider::Classifier(verdict.classifier.clone());
                DocumentState::Routed(Route { project, by, confidence: sure(&verdict) })
            }
            (Some(_), None) => review(ReviewReason::NoEvidence, None),
            (None, None) => review(ReviewReason::Nowhere, None),
        };
        Conclusion { verdict, state, ruling }
    }

    /// Leaves a document to a person, with the better suggestion of the two.
    fn abstain(&self, by_rules: Conclusion, learned: Opinion, why: ReviewReason) -> Conclusion {
        let of_model = self.offered(learned.verdict.choice);
        let of_rules = by_rules.state.project().or(suggestion(&by_rules.state));
        let prefers_model = of_model.is_some()
            && (of_rules.is_none() || !knows_little(&learned) || sure(&learned.verdict) > LIKELY);
        if prefers_model || by_rules.state.project().is_some() {
            let suggestion = of_model.or(of_rules);
            let ruling = learned.ruling(Stage::Abstained);
            let state = review(reason(suggestion, why), suggestion);
            return Conclusion { verdict: learned.verdict, state, ruling }.beside(by_rules.verdict);
        }
        by_rules.beside(learned.verdict)
    }

    /// Says whether what speaks for a project is beyond doubt.
    fn is_hard(&self, rules: &Verdict, project: ProjectId) -> bool {
        let names_code = rules.evidence.iter().any(|found| {
            found.signal == Signal::Code
                && found.project == project
                && found.weight >= Signal::Code.weight()
        });
        let mut earlier =
            self.question.thread.iter().filter_map(|member| member.project.zip(member.confidence));
        let sure_at = self.settings.promised.of(self.question.document.kind);
        let is_sure = earlier.clone().any(|(_, confidence)| confidence >= sure_at);
        names_code || is_sure && earlier.all(|(other, _)| other == project)
    }

    fn offered(&self, choice: Option<ProjectId>) -> Option<ProjectId> {
        choice.filter(|id| offered(*id, self.candidates))
    }
}

impl Conclusion {
    /// Says whether another classifier may know better.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        match &self.state {
            DocumentState::NeedsReview(review) => match review.reason {
                ReviewReason::NoEvidence
                | ReviewReason::Ambiguous
                | ReviewReason::BelowThreshold => true,
                ReviewReason::NoProjects
                | ReviewReason::ClassifierFailed
                | ReviewReason::TakenOut
                | ReviewReason::Barred
                | ReviewReason::Suspicious
                | ReviewReason::Nowhere => false,
            },
            DocumentState::Pending | DocumentState::Routed(_) | DocumentState::NoProject { .. } => {
                false
            }
        }
    }

    /// Leaves a route to a person that nothing speaks for, or only the mail itself, whoever noticed it.
    #[must_use]
    pub fn cautious(mut self, doubts: Doubts<'_>) -> Self {
        let state = caution(self.state.clone(), &self.verdict, &self.ruling.others, doubts);
        if state != self.state {
            self.ruling.stage = Stage::Abstained;
            self.state = state;
        }
        self
    }

    /// Leaves it to a person, with what is known, since a classifier was not heard.
    #[must_use]
    pub fn without(mut self, unheard: Unheard) -> Self {
        self.state = review(ReviewReason::ClassifierFailed, suggestion(&self.state));
        self.ruling.stage = Stage::Abstained;
        self.ruling.unheard = Some(unheard);
        self
    }

    /// Keeps what another classifier said.
    fn beside(mut self, other: Verdict) -> Self {
        self.ruling.others.push(other);
        self
    }
}

/// Returns the best guess that was not sure enough.
#[must_use]
pub const fn suggestion(state: &DocumentState) -> Option<ProjectId> {
    match state {
        DocumentState::NeedsReview(review) => review.suggestion,
        DocumentState::Pending | DocumentState::Routed(_) | DocumentState::NoProject { .. } => None,
    }
}

fn reason(suggestion: Option<ProjectId>, why: ReviewReason) -> ReviewReason {
    suggestion.map_or(ReviewReason::NoEvidence, |_| why)
}

const fn review(reason: ReviewReason, suggestion: Option<ProjectId>) -> DocumentState {
    DocumentState::NeedsReview(Review { reason, suggestion })
}

#[cfg(test)]
mod tests;
