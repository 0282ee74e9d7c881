//! How rare each term is, and mails as vectors of length one.
use serde::{Deserialize, Serialize};

use super::features::{Features, TERMS};

/// Terms in more than this share of the mails say nothing about any.
const COMMON: f32 = 0.5;
/// Below so many mails nothing is known to be common.
const FEW: u32 = 100;

/// One mail as a vector: terms in order, with weights.
pub(super) type Vector = Vec<(u16, f32)>;

/// Counts in how many mails each term occurs.
///
/// The weights follow the counts only when they are [refreshed](Self::refresh), so that between two
/// refreshments the same mail is the same vector.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Vocabulary {
    mails: u32,
    counts: Vec<u32>,
    weights: Vec<f32>,
}

impl Vocabulary {
    pub(super) fn new() -> Self {
        Self { mails: 0, counts: vec![0; TERMS], weights: vec![1.0; TERMS] }
    }

    pub(super) fn add(&mut self, item: &Features) {
        self.mails += 1;
        for (term, _) in &item.terms {
            self.counts[usize::from(*term)] += 1;
        }
    }

    /// Takes back a mail that was added.
    pub(super) fn take(&mut self, item: &Features) {
        self.mails = self.mails.saturating_sub(1);
        for (term, _) in &item.terms {
            let count = &mut self.counts[usize::from(*term)];
            *count = count.saturating_sub(1);
        }
    }

    /// Weighs each term by how rare it is (inverse document frequency).
    pub(super) fn refresh(&mut self) {
        let mails = self.mails as f32;
        let weight = |count: &u32| {
            let count = *count as f32;
            if self.mails > FEW && count > COMMON * mails {
                return 0.0;
            }
            ((1.0 + mails) / (1.0 + count)).ln() + 1.0
        };
        self.weights = self.counts.iter().map(weight).collect();
    }

    /// Returns the mail as a vector of length one; terms that were never learned are left out.
    pub(super) fn vector(&self, item: &Features) -> Vector {
        let known = item.terms.iter().filter(|(term, _)| self.counts[usize::from(*term)] > 0);
        let weighed = known.map(|(term, count)| {
            let often = 1.0 + f32::from(*count).ln();
            (*term, often * self.weights[usize::from(*term)])
        });
        let mut vector: Vector = weighed.filter(|(_, weight)| *weight > 0.0).collect();
        let length = vector.iter().map(|(_, weight)| weight * weight).sum::<f32>().sqrt();
        for (_, weight) in &mut vector {
            *weight /= length;
        }
        vector
    }

    /// Returns which share of the mail's terms was ever learned, from 0 to 1.
    pub(super) fn known(&self, item: &Features) -> f64 {
        let known = item.terms.iter().filter(|(term, _)| self.counts[usize::from(*term)] > 0);
        known.count() as f64 / item.terms.len().max(1) as f64
    }

    /// Says whether at most `share` of the mails have the term.
    pub(super) fn is_rarer(&self, term: u16, share: f32) -> bool {
        self.counts[usize::from(term)] as f32 <= share * self.mails as f32 + 2.0
    }
}
