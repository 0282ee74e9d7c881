//! A promised precision, and the confidence from which it is kept (CLS-4).
//!
//! The threshold follows from past predictions only. A promise that was kept too well is loosened a
//! little and one that was broken is tightened, so that what is delivered meets what is promised.
use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use crate::{
    document::DocumentKind,
    ids::{DocumentId, ProjectId},
    label::Truth,
    learner::Guess,
};

/// The threshold follows from so many of the last predictions.
const PAST: usize = 1_000;
/// The confidence is corrected by the past; the correction is held back as if so many predictions
/// had been exactly as sure as they should be. Counting alone would wait for far more of them.
const TRUST: f64 = 60.0;
/// The correction follows from predictions that were at least so sure, the ones that may be taken.
const SURE: f64 = 0.5;
/// Newton's method needs fewer steps for two numbers.
const STEPS: usize = 8;
/// A threshold that fewer predictions reached proves nothing.
const LEAST: usize = 20;
/// Delivered precision counts as if so many choices had kept the promise before.
const BEFORE: f64 = 50.0;
/// What was delivered moves the aim by so much at most, down and up.
const MOVE: (f64, f64) = (0.02, 0.03);
/// The aim is never certainty.
const HIGHEST: f64 = 0.999;
/// No choice is more certain.
const HIGHEST_CHANCE: f64 = 1.0 - 1e-4;
/// So much of the mail that belongs to no project may be put into one. Two in a hundred are promised;
/// the aim is lower, since what comes is never quite what was.
const FALSE_ROUTES: f64 = 0.015;

/// A judged prediction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outcome {
    /// How sure it was, from 0 to 1.
    pub confidence: f64,
    /// Whether it was right.
    pub is_right: bool,
    /// Whether it chose a project, rather than none.
    pub chose_project: bool,
    /// Whether the item belongs to no project.
    pub belongs_nowhere: bool,
}

/// What is remembered of a judged prediction, so that a later answer can judge it anew.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "Packed", into = "Packed")]
struct Past {
    outcome: Outcome,
    /// Whether an answer says if it was right; what is open counts nowhere.
    is_judged: bool,
    was_taken: bool,
    /// The document; none where the answers are known to come once.
    document: Option<DocumentId>,
    choice: Option<ProjectId>,
}

impl Past {
    /// Remembers what was said of a document; nothing judges it yet.
    const fn of(document: DocumentId, guess: Guess, was_taken: bool) -> Self {
        let Guess { choice, confidence } = guess;
        let chose_project = choice.is_some();
        let outcome =
            Outcome { confidence, is_right: false, chose_project, belongs_nowhere: false };
        Self { outcome, is_judged: false, was_taken, document: Some(document), choice }
    }

    /// Returns it as this answer judges it, in place of any other.
    fn by(self, truth: Truth) -> Self {
        if let Some(outcome) = Outcome::of(self.choice, self.outcome.confidence, truth) {
            return Self { outcome, is_judged: true, ..self };
        }
        let outcome = Outcome { is_right: false, belongs_nowhere: false, ..self.outcome };
        Self { outcome, is_judged: false, ..self }
    }
}

/// A judged prediction as it is stored: the bits of its confidence, its five answers as bits, the
/// document and the choice.
type Packed = (u64, u8, Option<DocumentId>, Option<ProjectId>);

impl From<Past> for Packed {
    fn from(judged: Past) -> Self {
        let Past { outcome, is_judged, was_taken, document, choice } = judged;
        let Outcome { confidence, is_right, chose_project, belongs_nowhere } = outcome;
        let answers = [is_right, chose_project, belongs_nowhere, was_taken, !is_judged];
        let bits = answers.iter().rev().fold(0, |bits, answer| bits << 1 | u8::from(*answer));
        (confidence.to_bits(), bits, document, choice)
    }
}

impl From<Packed> for Past {
    fn from((confidence, bits, document, choice): Packed) -> Self {
        let outcome = Outcome {
            confidence: f64::from_bits(confidence),
            is_right: bits & 1 != 0,
            chose_project: bits & 2 != 0,
            belongs_nowhere: bits & 4 != 0,
        };
        let (was_taken, is_judged) = (bits & 8 != 0, bits & 16 == 0);
        Self { outcome, is_judged, was_taken, document, choice }
    }
}

impl Outcome {
    /// Judges a choice; none when the truth does not say whether it was right.
    #[must_use]
    pub fn of(choice: Option<ProjectId>, confidence: f64, truth: Truth) -> Option<Self> {
        let is_right = truth.judges(choice)?;
        Some(Self {
            confidence,
            is_right,
            chose_project: choice.is_some(),
            belongs_nowhere: truth == Truth::Nowhere,
        })
    }
}

/// One promised precision and how it was kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Promise {
    level: f64,
    past: VecDeque<Past>,
    taken: u32,
    right: u32,
}

/// From which confidence a choice may be taken; infinite while that is not known.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Threshold {
    /// For a choice of no project.
    pub none: f64,
    /// For a choice of a project.
    pub project: f64,
}

impl Threshold {
    /// Says whether a choice may be taken.
    #[must_use]
    pub fn admits(&self, confidence: f64, chose_project: bool) -> bool {
        confidence >= if chose_project { self.project } else { self.none }
    }
}

impl Promise {
    /// Promises that `level` of the taken choices are right, from 0 to 1.
    #[must_use]
    pub const fn new(level: f64) -> Self {
        Self { level, past: VecDeque::new(), taken: 0, right: 0 }
    }

    /// Returns the promised precision.
    #[must_use]
    pub const fn level(&self) -> f64 {
        self.level
    }

    /// Promises another precision from now on.
    #[must_use]
    pub fn at_level(self, level: f64) -> Self {
        Self { level, ..self }
    }

    /// Returns how many judged predictions are remembered, and how many of them were right.
    #[must_use]
    pub fn judged(&self) -> (usize, usize) {
        let judged = self.past.iter().filter(|past| past.is_judged);
        (judged.clone().count(), judged.filter(|past| past.outcome.is_right).count())
    }

    /// Returns the promise as it is after what `later` remembers.
    #[must_use]
    pub fn followed_by(mut self, later: &Self) -> Self {
        self.past.extend(&later.past);
        self.past.drain(..self.past.len().saturating_sub(PAST));
        self.taken += later.taken;
        self.right += later.right;
        self
    }

    /// Remembers a judged prediction, and whether it had been taken.
    pub fn observe(&mut self, outcome: Outcome, was_taken: bool) {
        let (document, choice) = (None, None);
        self.remember(Past { outcome, is_judged: true, was_taken, document, choice });
    }

    fn remember(&mut self, judged: Past) {
        self.count(judged, 1);
        if self.past.len() == PAST {
            self.past.pop_front();
        }
        self.past.push_back(judged);
    }

    /// Judges what was said of a document by another answer than before.
    ///
    /// A prediction that is no longer remembered stays as it was counted.
    fn correct(&mut self, document: DocumentId, truth: Truth) {
        let is_of = |judged: &&mut Past| judged.document == Some(document);
        let Some(judged) = self.past.iter_mut().find(is_of) else { return };
        let before = *judged;
        *judged = before.by(truth);
        let after = *judged;
        self.count(before, -1);
        self.count(after, 1);
    }

    /// Counts a prediction among those that were taken, or takes it out again.
    fn count(&mut self, judged: Past, by: i32) {
        if judged.was_taken && judged.is_judged {
            self.taken = self.taken.saturating_add_signed(by);
            if judged.outcome.is_right {
                self.right = self.right.saturating_add_signed(by);
            }
        }
    }

    /// Returns the lowest confidence at which the past kept the promise.
    #[must_use]
    pub fn threshold(&self) -> Threshold {
        let mut past: Vec<Outcome> =
            self.past.iter().filter(|past| past.is_judged).map(|past| past.outcome).collect();
        past.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
        let (correction, aim) = (Correction::fit(&past), self.aim());
        let (projects, nones): (Vec<Outcome>, _) =
            past.iter().partition(|outcome| outcome.chose_project);
        // Each kind of choice keeps the promise by itself: sure finds of no project must not pay
        // for doubtful routes.
        let project = precise(&projects, correction, aim).max(harmless(&past));
        Threshold { none: precise(&nones, correction, aim), project }
    }

    fn aim(&self) -> f64 {
        let delivered =
            (f64::from(self.right) + BEFORE * self.level) / (f64::from(self.taken) + BEFORE);
        let (down, up) = MOVE;
        (self.level - (delivered - self.level).clamp(-up, down)).min(HIGHEST)
    }
}

/// The promises that were made to one owner, by classifier and kind of document.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Promises(BTreeMap<String, Promise>);

impl Promises {
    /// Returns the promise of a classifier, kept at `level`.
    #[must_use]
    pub fn of(&self, classifier: &str, kind: DocumentKind, level: f64) -> Promise {
        let known = self.0.get(&key(classifier, kind)).cloned();
        known.unwrap_or_else(|| Promise::new(level)).at_level(level)
    }

    /// Judges what a classifier said of a document when the first answer about it came.
    ///
    /// It was taken or not as the threshold of then says.
    pub fn judge(&mut self, of: Guessed<'_>, truth: Truth) {
        let Guessed { classifier, kind, level, document, guess } = of;
        let mut promise = self.of(classifier, kind, level);
        let was_taken = promise.threshold().admits(guess.confidence, guess.choice.is_some());
        promise.remember(Past::of(document, guess, was_taken).by(truth));
        self.0.insert(key(classifier, kind), promise);
    }

    /// Judges anew what was said of a document, since there is another answer about it.
    ///
    /// Nothing is counted twice: what each classifier said takes the place it had.
    pub fn correct(&mut self, document: DocumentId, truth: Truth) {
        for promise in self.0.values_mut() {
            promise.correct(document, truth);
        }
    }

    /// Lists them by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Promise)> {
        self.0.iter().map(|(name, promise)| (name.as_str(), promise))
    }
}

/// What a classifier said of a document, under which promise.
#[derive(Clone, Copy, Debug)]
pub struct Guessed<'a> {
    /// The classifier.
    pub classifier: &'a str,
    /// What kind of document it is.
    pub kind: DocumentKind,
    /// The precision that is promised of such documents.
    pub level: f64,
    /// The document.
    pub document: DocumentId,
    /// What was said.
    pub guess: Guess,
}

fn key(classifier: &str, kind: DocumentKind) -> String {
    format!("{classifier} {}", kind.as_str())
}

/// Returns the lowest confidence above which `aim` of the choices are expected to be right.
fn precise(past: &[Outcome], correction: Correction, aim: f64) -> f64 {
    let (mut right, mut all, mut lowest) = (0.0, 0.0, f64::INFINITY);
    for (index, outcome) in past.iter().enumerate() {
        right += correction.apply(outcome.confidence);
        all += 1.0;
        // Choices that are equally sure are taken together or not at all.
        let next = past.get(index + 1).map(|next| next.confidence.to_bits());
        let is_last = next != Some(outcome.confidence.to_bits());
        if is_last && index >= LEAST && right >= aim * all {
            lowest = outcome.confidence;
        }
    }
    lowest
}

/// How the confidence differs from what came true: a line on the scale of log odds (Platt 1999).
#[derive(Clone, Copy, Debug)]
struct Correction {
    shift: f64,
    slope: f64,
}

impl Correction {
    const NONE: Self = Self { shift: 0.0, slope: 1.0 };

    fn fit(past: &[Outcome]) -> Self {
        let mut correction = Self::NONE;
        for _ in 0..STEPS {
            let mut toward = [-TRUST * correction.shift, -TRUST * (correction.slope - 1.0)];
            // The second derivatives: shift twice, shift and slope, slope twice.
            let mut bend = [TRUST, 0.0, TRUST];
            for outcome in past.iter().filter(|outcome| outcome.confidence >= SURE) {
                let odds = log_odds(outcome.confidence);
                let chance = correction.apply(outcome.confidence);
                let off = f64::from(u8::from(outcome.is_right)) - chance;
                let weight = chance * (1.0 - chance);
                toward = [toward[0] + off, toward[1] + off * odds];
                let [a, b, c] = bend;
                bend = [a + weight, b + weight * odds, c + weight * odds * odds];
            }
            let [a, b, c] = bend;
            let scale = a * c - b * b;
            correction.shift += (c * toward[0] - b * toward[1]) / scale;
            correction.slope += (a * toward[1] - b * toward[0]) / scale;
        }
        // A correction that turned the order round would be no correction.
        if correction.slope > 0.0 { correction } else { Self::NONE }
    }

    fn apply(self, confidence: f64) -> f64 {
        1.0 / (1.0 + (-self.shift - self.slope * log_odds(confidence)).exp())
    }
}

fn log_odds(chance: f64) -> f64 {
    let chance = chance.clamp(1.0 - HIGHEST_CHANCE, HIGHEST_CHANCE);
    (chance / (1.0 - chance)).ln()
}

/// Returns the confidence above which hardly any mail of no project was put into one.
fn harmless(past: &[Outcome]) -> f64 {
    let nowhere = past.iter().map(|outcome| f64::from(u8::from(outcome.belongs_nowhere)));
    let allowed = FALSE_ROUTES * nowhere.sum::<f64>();
    let mut lowest = 0.0;
    let mut false_routes = 0.0;
    for outcome in past.iter().filter(|outcome| outcome.belongs_nowhere && outcome.chose_project) {
        false_routes += 1.0;
        if false_routes > allowed {
            lowest = f64::max(lowest, outcome.confidence.next_up());
        }
    }
    lowest
}

#[cfg(test)]
mod tests;
