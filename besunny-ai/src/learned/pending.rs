//! What was thought of mails whose answer is not known yet: a thread is judged as a whole.
use std::collections::{BTreeMap, VecDeque};

use super::Class;

/// So many mails are remembered; a review queue that is longer is not being read.
const MOST: usize = 1_000;
/// A class that was as good as excluded is not held against the next mail for ever.
const FAINT: f64 = 1e-3;

/// What was thought of the mails that wait for an answer, by mail and by subject.
///
/// It is not stored: after a restart the next mails of a thread are judged each by itself.
#[derive(Clone, Debug, Default)]
pub(super) struct Pending {
    thoughts: BTreeMap<u64, Vec<(Class, f64)>>,
    order: VecDeque<u64>,
}

impl Pending {
    pub(super) fn put(&mut self, key: u64, chances: Vec<(Class, f64)>) {
        if self.thoughts.insert(key, chances).is_none() {
            self.order.push_back(key);
        }
        while self.order.len() > MOST {
            if let Some(oldest) = self.order.pop_front() {
                self.thoughts.remove(&oldest);
            }
        }
    }

    /// Forgets what is known now.
    pub(super) fn settle(&mut self, key: u64) {
        if self.thoughts.remove(&key).is_some() {
            self.order.retain(|other| *other != key);
        }
    }

    /// Returns the mean logarithm of each class's chance in the mails of these keys.
    pub(super) fn of(&self, keys: impl Iterator<Item = u64>, classes: &[Class]) -> Vec<f64> {
        let mut sums = vec![0.0; classes.len()];
        let mut known = 0.0;
        for thoughts in keys.filter_map(|key| self.thoughts.get(&key)) {
            known += 1.0;
            // Their order may differ, and classes that are new since then have no chance in them.
            for (class, chance) in thoughts {
                let index = classes.iter().position(|other| other == class);
                if let Some(sum) = index.and_then(|index| sums.get_mut(index)) {
                    *sum += chance.max(FAINT).ln() - FAINT.ln();
                }
            }
        }
        sums.into_iter().map(|sum| sum / f64::max(known, 1.0)).collect()
    }
}
