//! A promised precision, and the confidence from which it is kept (CLS-4).
//!
//! The threshold follows from past predictions only. A promise that was kept too well is loosened a
//! little and one that was broken is tightened, so that what is delivered meets what is promised.
use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use crate::{document::DocumentKind, ids::ProjectId, label::Truth};

/// The threshold follows from so many of the last predictions.
const PAST: usize = 1_000;
/// A threshold that fewer predictions reached proves nothing.
const LEAST: usize = 20;
/// Delivered precision counts as if so many choices had kept the promise before.
const BEFORE: f64 = 50.0;
/// What was delivered moves the aim by so much at most, down and up.
const MOVE: (f64, f64) = (0.02, 0.03);
/// The aim is never certainty.
const HIGHEST: f64 = 0.999;
/// At most this share of the mail that belongs to no project may be put into one.
const FALSE_ROUTES: f64 = 0.02;

/// A judged prediction.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "Packed", into = "Packed")]
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

/// An outcome as it is stored: the bits of its confidence, and its three answers as bits.
type Packed = (u64, u8);

impl From<Outcome> for Packed {
    fn from(outcome: Outcome) -> Self {
        let Outcome { confidence, is_right, chose_project, belongs_nowhere } = outcome;
        let bits = [is_right, chose_project, belongs_nowhere].map(u8::from);
        (confidence.to_bits(), bits[0] | bits[1] << 1 | bits[2] << 2)
    }
}

impl From<Packed> for Outcome {
    fn from((confidence, bits): Packed) -> Self {
        Self {
            confidence: f64::from_bits(confidence),
            is_right: bits & 1 != 0,
            chose_project: bits & 2 != 0,
            belongs_nowhere: bits & 4 != 0,
        }
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
    past: VecDeque<Outcome>,
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
        (self.past.len(), self.past.iter().filter(|outcome| outcome.is_right).count())
    }

    /// Remembers a judged prediction, and whether it had been taken.
    pub fn observe(&mut self, outcome: Outcome, was_taken: bool) {
        self.taken += u32::from(was_taken);
        self.right += u32::from(was_taken && outcome.is_right);
        if self.past.len() == PAST {
            self.past.pop_front();
        }
        self.past.push_back(outcome);
    }

    /// Returns the lowest confidence at which the past kept the promise.
    #[must_use]
    pub fn threshold(&self) -> Threshold {
        let mut past: Vec<Outcome> = self.past.iter().copied().collect();
        past.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
        let none = precise(&past, self.aim());
        Threshold { none, project: none.max(harmless(&past)) }
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

    /// Remembers a judged prediction, taken or not as the threshold of then says.
    pub fn observe(&mut self, classifier: &str, kind: DocumentKind, level: f64, outcome: Outcome) {
        let mut promise = self.of(classifier, kind, level);
        let was_taken = promise.threshold().admits(outcome.confidence, outcome.chose_project);
        promise.observe(outcome, was_taken);
        self.0.insert(key(classifier, kind), promise);
    }

    /// Lists them by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Promise)> {
        self.0.iter().map(|(name, promise)| (name.as_str(), promise))
    }
}

fn key(classifier: &str, kind: DocumentKind) -> String {
    format!("{classifier} {}", kind.as_str())
}

/// Returns the lowest confidence above which `aim` of the choices were right.
fn precise(past: &[Outcome], aim: f64) -> f64 {
    let (mut right, mut all, mut lowest) = (0.0, 0.0, f64::INFINITY);
    for (index, outcome) in past.iter().enumerate() {
        right += f64::from(u8::from(outcome.is_right));
        all += 1.0;
        if index >= LEAST && right >= aim * all {
            lowest = outcome.confidence;
        }
    }
    lowest
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
mod tests {
    use super::*;

    fn outcome(confidence: f64, is_right: bool) -> Outcome {
        Outcome { confidence, is_right, chose_project: true, belongs_nowhere: false }
    }

    #[test]
    fn ml_3_promises_are_read_back_bit_by_bit() {
        let mut promises = Promises::default();
        for step in 0..40_u32 {
            let judged = Outcome { belongs_nowhere: step % 3 == 0, ..outcome(0.1, step % 2 == 0) };
            let confidence = 0.1 + f64::from(step) / 97.0;
            let judged = Outcome { confidence, ..judged };
            promises.observe("learned/1", DocumentKind::Email, 0.95, judged);
        }
        let written = serde_json::to_string(&promises).unwrap();
        assert_eq!(serde_json::from_str::<Promises>(&written).unwrap(), promises);
        let first = "{\"learned/1 email\":{\"level\":0.95,\"past\":[[4591870180066957722,7],";
        assert_eq!(written.get(..first.len()), Some(first));
    }

    #[test]
    fn cls_4_nothing_is_promised_before_enough_was_seen() {
        let mut promise = Promise::new(0.95);
        assert!(promise.threshold().project.is_infinite());
        for _ in 0..LEAST {
            promise.observe(outcome(1.0, true), false);
        }
        assert!(promise.threshold().project.is_infinite());
        promise.observe(outcome(1.0, true), false);
        assert!(promise.threshold().admits(1.0, true));
    }

    #[test]
    fn cls_4_the_threshold_is_where_the_past_kept_the_promise() {
        let mut promise = Promise::new(0.9);
        for step in 0..100_u32 {
            // The lower half is wrong.
            promise.observe(outcome(f64::from(step) / 100.0, step >= 50), false);
        }
        let threshold = promise.threshold().project;
        assert!((threshold - 0.45).abs() < 1e-9, "{threshold}");
    }

    #[test]
    fn cls_4_a_broken_promise_is_tightened() {
        let tell = |right: u32| {
            let mut promise = Promise::new(0.9);
            for step in 0..100_u32 {
                promise.observe(outcome(f64::from(step) / 100.0, step >= 50), false);
            }
            promise.taken = 1_000;
            promise.right = right;
            promise.threshold().project
        };
        assert!(tell(850) > tell(900) && tell(900) > tell(950));
    }

    #[test]
    fn mail_of_no_project_is_hardly_ever_put_into_one() {
        let mut promise = Promise::new(0.5);
        for step in 0..100_u32 {
            let nowhere = Outcome {
                confidence: f64::from(step) / 100.0,
                is_right: step < 90,
                chose_project: step >= 90,
                belongs_nowhere: true,
            };
            promise.observe(nowhere, false);
        }
        let threshold = promise.threshold();
        assert!(threshold.admits(0.5, false));
        let routed = (90..100).filter(|step| threshold.admits(f64::from(*step) / 100.0, true));
        assert_eq!(routed.count(), 2);
    }
}
