//! Where earlier mails of the same sender, receiver or subject went; what is long ago weighs less.
use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// After so many seconds without news a count weighs half: projects last for months.
const HALF_LIFE: f64 = 60.0 * 86_400.0;

/// How many mails of each class there were, of which each half-life ago weighs half.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Tally {
    counts: Vec<Count>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Count {
    class: usize,
    /// How many there were, however long ago.
    mails: u32,
    weight: f64,
    at: DateTime<Utc>,
}

impl Tally {
    pub(super) fn add(&mut self, class: usize, at: DateTime<Utc>) {
        match self.counts.iter_mut().find(|count| count.class == class) {
            Some(count) => {
                count.mails += 1;
                count.weight = faded(count, at) + 1.0;
                count.at = count.at.max(at);
            }
            None => self.counts.push(Count { class, mails: 1, weight: 1.0, at }),
        }
    }

    /// Takes back a mail of an instant.
    pub(super) fn take(&mut self, class: usize, at: DateTime<Utc>) {
        let Some(count) = self.counts.iter_mut().find(|count| count.class == class) else { return };
        count.mails = count.mails.saturating_sub(1);
        let left = (-seconds(at, count.at) / HALF_LIFE).exp2();
        count.weight = (count.weight - left).max(0.0);
        if count.mails == 0 {
            self.counts.retain(|count| count.class != class);
        }
    }

    /// Returns how many mails of a class there were, and of all.
    pub(super) fn mails(&self, class: usize) -> (u32, u32) {
        let here = self.counts.iter().find(|count| count.class == class);
        let all = self.counts.iter().map(|count| count.mails).sum();
        (here.map_or(0, |count| count.mails), all)
    }

    /// Returns the weight of each class at an instant.
    pub(super) fn weights(&self, classes: usize, at: DateTime<Utc>) -> Vec<f64> {
        let mut weights = vec![0.0; classes];
        for count in &self.counts {
            weights[count.class] = faded(count, at);
        }
        weights
    }

    /// Returns the share of each class at an instant; a class that was never seen has a small one.
    pub(super) fn shares(&self, classes: usize, at: DateTime<Utc>) -> Vec<f64> {
        const UNSEEN: f64 = 0.5;
        let weights = self.weights(classes, at);
        let all = weights.iter().sum::<f64>() + UNSEEN * classes as f64;
        weights.into_iter().map(|weight| (weight + UNSEEN) / all).collect()
    }

    /// Returns the days since the last mail of a class.
    pub(super) fn days_since(&self, class: usize, at: DateTime<Utc>) -> f64 {
        let last = self.counts.iter().find(|count| count.class == class);
        last.map_or(0.0, |count| seconds(count.at, at) / 86_400.0)
    }
}

fn faded(count: &Count, at: DateTime<Utc>) -> f64 {
    count.weight * (-seconds(count.at, at) / HALF_LIFE).exp2()
}

fn seconds(from: DateTime<Utc>, to: DateTime<Utc>) -> f64 {
    (to - from).num_seconds().max(0) as f64
}

/// Tallies by a key: a sender, a receiver, a subject.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Histories {
    by_key: BTreeMap<u64, Tally>,
}

impl Histories {
    pub(super) fn add(&mut self, key: u64, class: usize, at: DateTime<Utc>) {
        self.by_key.entry(key).or_default().add(class, at);
    }

    pub(super) fn take(&mut self, key: u64, class: usize, at: DateTime<Utc>) {
        if let Some(tally) = self.by_key.get_mut(&key) {
            tally.take(class, at);
            if tally.counts.is_empty() {
                self.by_key.remove(&key);
            }
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.by_key.len()
    }

    /// Returns how many mails with a key were of a class, and how many there were.
    pub(super) fn mails(&self, key: u64, class: usize) -> (u32, u32) {
        self.by_key.get(&key).map_or((0, 0), |tally| tally.mails(class))
    }

    /// Returns how much each class is likelier than its share, as a logarithm, and how much is known.
    ///
    /// `doubt` mails of the usual shares are added, so that one mail proves little.
    pub(super) fn lift(
        &self,
        key: u64,
        shares: &[f64],
        at: DateTime<Utc>,
        doubt: f64,
    ) -> (Vec<f64>, f64) {
        let Some(tally) = self.by_key.get(&key) else { return (vec![0.0; shares.len()], 0.0) };
        let weights = tally.weights(shares.len(), at);
        let all = weights.iter().sum::<f64>();
        let lift =
            |(weight, share): (&f64, &f64)| ((weight + doubt * share) / (all + doubt) / share).ln();
        (weights.iter().zip(shares).map(lift).collect(), all)
    }
}
