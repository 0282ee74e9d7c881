//! A second opinion: how often choices that looked like this one were right.
use std::collections::{BTreeMap, VecDeque};

use besunny_core::ids::DocumentId;
use serde::{Deserialize, Serialize};

use super::{
    Records,
    fit::{STEPS, Slope, dot, log_odds, sigmoid},
};

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
    rows: VecDeque<Row>,
    records: BTreeMap<u64, Record>,
}

/// A judged choice.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Row {
    pub(super) signs: Signs,
    pub(super) records: Records,
    /// None while no answer says so; then it counts nowhere.
    pub(super) is_right: Option<bool>,
    /// The document and the class that was chosen, where another answer may come.
    pub(super) choice: Option<(DocumentId, usize)>,
}

/// How many choices of a kind there were, and how many of them were right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Record {
    count: f64,
    right: f64,
    /// So many of the rows that are kept have it; without any it is forgotten.
    rows: u32,
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
    pub(super) fn remember(&mut self, row: Row) {
        if let Some(is_right) = row.is_right {
            for key in row.records {
                self.records.entry(key).or_default().add(is_right);
            }
        }
        if self.rows.len() == ROWS
            && let Some(oldest) = self.rows.pop_front()
        {
            self.let_go(&oldest);
        }
        self.rows.push_back(row);
    }

    /// Judges the choice made of a document anew.
    pub(super) fn correct(
        &mut self,
        document: DocumentId,
        judge: impl FnOnce(usize) -> Option<bool>,
    ) {
        let choice_of = |row: &Row| row.choice.filter(|(of, _)| *of == document);
        let mut rows = self.rows.iter().enumerate();
        let found = rows.find_map(|(place, row)| Some((place, choice_of(row)?.1)));
        let Some((place, chosen)) = found else { return };
        let records = self.rows[place].records;
        self.rows[place].is_right = judge(chosen);
        for key in records {
            self.count_again(key);
        }
    }

    fn let_go(&mut self, row: &Row) {
        for key in row.records.into_iter().filter(|_| row.is_right.is_some()) {
            if let Some(record) = self.records.get_mut(&key) {
                record.rows = record.rows.saturating_sub(1);
                if record.rows == 0 {
                    self.records.remove(&key);
                }
            }
        }
    }

    /// Counts a record from the rows that are kept; those before them have faded.
    fn count_again(&mut self, key: u64) {
        let mut record = Record::default();
        for row in &self.rows {
            for _ in row.records.iter().filter(|other| **other == key) {
                if let Some(is_right) = row.is_right {
                    record.add(is_right);
                }
            }
        }
        if record.rows > 0 {
            self.records.insert(key, record);
        } else {
            self.records.remove(&key);
        }
    }

    /// Returns what was judged, and the records that follow from it.
    #[cfg(test)]
    pub(super) fn rows(&self) -> impl std::fmt::Debug {
        (self.rows.clone(), self.records.clone())
    }

    /// Fits the weights to what is remembered (logistic regression).
    pub(super) fn fit(&mut self) {
        for _ in 0..STEPS {
            let mut slope = Slope::new();
            for Row { signs, is_right, .. } in &self.rows {
                let Some(is_right) = is_right else { continue };
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

impl Record {
    fn add(&mut self, is_right: bool) {
        self.count = self.count * FADE + 1.0;
        self.right = self.right * FADE + f64::from(u8::from(is_right));
        self.rows += 1;
    }
}
