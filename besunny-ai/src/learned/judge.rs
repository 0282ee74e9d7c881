//! A second opinion: how often choices that looked like this one were right.
use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use super::fit::{STEPS, Slope, dot, log_odds, sigmoid};

/// So many things about a choice the judge looks at.
pub(super) const SIGNS: usize = 16;
/// The judge learns from so many of the last choices.
const ROWS: usize = 3_000;
/// Before so many choices were judged the judge has no opinion.
const LEAST: usize = 200;
/// Keeps the weights small while there are few rows.
const PULL: f64 = 1.0;
/// A record counts as if so many choices at this rate had come before.
const BEFORE: (f64, f64) = (2.0, 0.75);
/// Each new choice of the same kind makes the earlier ones weigh so much less.
const FADE: f64 = 0.95;

/// What the judge looks at.
pub(super) type Signs = [f64; SIGNS];

/// The weights of the signs, and the records of senders and projects.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Judge {
    weights: Signs,
    rows: VecDeque<(Signs, bool)>,
    records: BTreeMap<u64, Record>,
}

/// How many choices of a kind there were, and how many of them were right.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Record {
    count: f64,
    right: f64,
}

impl Judge {
    /// Returns the chance that a choice is right, given the chance the model sees itself.
    ///
    /// The judge's own opinion and the model's weigh the same: each alone is too sure in its way.
    pub(super) fn chance(&self, signs: &Signs, own: f64) -> f64 {
        if self.rows.len() < LEAST {
            return own;
        }
        sigmoid(f64::midpoint(log_odds(own), dot(signs, &self.weights)))
    }

    /// Returns the log odds that a choice with this record is right.
    pub(super) fn record(&self, key: u64) -> f64 {
        let record = self.records.get(&key).copied().unwrap_or_default();
        let (count, rate) = BEFORE;
        log_odds((record.right + count * rate) / (record.count + count))
    }

    /// Remembers whether a choice was right, for each of its records.
    pub(super) fn remember(&mut self, signs: Signs, records: &[u64], is_right: bool) {
        for key in records {
            let record = self.records.entry(*key).or_default();
            record.count = record.count * FADE + 1.0;
            record.right = record.right * FADE + f64::from(u8::from(is_right));
        }
        if self.rows.len() == ROWS {
            self.rows.pop_front();
        }
        self.rows.push_back((signs, is_right));
    }

    /// Fits the weights to what is remembered (logistic regression).
    pub(super) fn fit(&mut self) {
        for _ in 0..STEPS {
            let mut slope = Slope::new();
            for (signs, is_right) in &self.rows {
                let chance = sigmoid(dot(signs, &self.weights));
                let off = f64::from(u8::from(*is_right)) - chance;
                for (gradient, sign) in slope.gradient.iter_mut().zip(signs) {
                    *gradient += off * sign;
                }
                slope.bend(signs, (chance * (1.0 - chance)).max(1e-6));
            }
            if self.rows.is_empty() || !slope.step(&mut self.weights, PULL) {
                return;
            }
        }
    }
}
