//! A promised precision, and the confidence from which it is kept (CLS-4).
//!
//! The threshold follows from past predictions only. A promise that was kept too well is loosened a
//! little and one that was broken is tightened, so that what is delivered meets what is promised.
use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

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

/// Returns the lowest confidence above which `aim` of the choices were right.
fn precise(past: &[Outcome], aim: f64) -> f64 {
    let (mut right, mut lowest) = (0, f64::INFINITY);
    for (index, outcome) in past.iter().enumerate() {
        right += usize::from(outcome.is_right);
        if index >= LEAST && right as f64 >= aim * (index + 1) as f64 {
            lowest = outcome.confidence;
        }
    }
    lowest
}

/// Returns the confidence above which hardly any mail of no project was put into one.
fn harmless(past: &[Outcome]) -> f64 {
    let nowhere = past.iter().filter(|outcome| outcome.belongs_nowhere).count();
    let allowed = FALSE_ROUTES * nowhere as f64;
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
