//! How shadows and the arms of experiments did, by what people have said since (ML-5).
use std::collections::{BTreeMap, HashMap};

use crate::{
    chronicle::{Decided, DecidedBy},
    contender::Contender,
    experiment::Trial,
    ids::DocumentId,
    preview::Turn,
    replay::{Past, Record, is_right},
    shadow::{Shadow, View},
};

/// A true share lies within so many standard deviations with a chance of 95 %.
const DEVIATIONS: f64 = 1.96;

/// How models did that were compared with the one that decides.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// Each shadow, beside the decisions for which it was asked.
    pub shadows: BTreeMap<Contender, ShadowLine>,
    /// Each arm of each experiment.
    pub arms: BTreeMap<Trial, ArmLine>,
}

/// How a shadow did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShadowLine {
    /// How often it was asked.
    pub asked: usize,
    /// How often it failed.
    pub failed: usize,
    /// How often the document would have ended in the same place.
    pub agreed: usize,
    /// On how many of these documents a person has answered since.
    pub judged: usize,
    /// How the decisions stand up to these answers.
    pub decisions: Record,
    /// How the shadow does.
    pub shadow: Record,
    /// What the shadow cost, in millionths of the unit that the price list is in.
    pub cost_micros: u64,
    /// What the decisions cost.
    pub decisions_cost_micros: u64,
}

/// How an arm did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ArmLine {
    /// How many owners had decisions in it.
    pub owners: usize,
    /// How many documents the classifiers decided on.
    pub decided: usize,
    /// How many of them were routed.
    pub routed: usize,
    /// How many routes a person has found wrong since.
    pub corrected: usize,
    /// What the verdicts cost, in millionths of the unit that the price list is in.
    pub cost_micros: u64,
}

/// A share of a count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// The part.
    pub part: usize,
    /// The whole, above 0.
    pub all: usize,
}

impl Report {
    /// Takes in the decisions of one owner, and what shadows made of them.
    pub fn add(&mut self, past: &Past, decisions: &[Decided], shadows: &[Shadow]) {
        let answers = past.answers();
        let answer =
            |decided: &Decided| answers.since(decided.moment.document, past.known(decided));
        let by_version: HashMap<(DocumentId, u64), &Decided> = decisions
            .iter()
            .map(|decided| ((decided.moment.document, decided.version), decided))
            .collect();
        for shadow in shadows {
            let Some(decided) = by_version.get(&(shadow.document, shadow.version)) else {
                continue;
            };
            let line = self.shadows.entry(shadow.with).or_default();
            line.asked += 1;
            line.cost_micros += shadow.view.cost_micros();
            line.decisions_cost_micros += decided.cost_micros;
            let View::Decided { state, .. } = &shadow.view else {
                line.failed += 1;
                continue;
            };
            line.agreed += usize::from(Turn::of(&decided.state, state).is_none());
            if let Some(truth) = answer(decided) {
                line.judged += 1;
                line.decisions.add(is_right(&decided.state, truth));
                line.shadow.add(is_right(state, truth));
            }
        }
        let mut here: BTreeMap<&Trial, ArmLine> = BTreeMap::new();
        for decided in decisions {
            let (Some(trial), DecidedBy::Cascade(_)) = (&decided.trial, decided.by) else {
                continue;
            };
            let line = here.entry(trial).or_default();
            line.decided += 1;
            line.cost_micros += decided.cost_micros;
            if decided.state.project().is_some() {
                line.routed += 1;
                let is_right = answer(decided).and_then(|truth| is_right(&decided.state, truth));
                line.corrected += usize::from(is_right == Some(false));
            }
        }
        for (trial, line) in here {
            self.arms.entry(trial.clone()).or_default().join(line);
        }
    }
}

impl ArmLine {
    /// Joins what another owner had in the arm.
    const fn join(&mut self, other: Self) {
        self.owners += 1;
        self.decided += other.decided;
        self.routed += other.routed;
        self.corrected += other.corrected;
        self.cost_micros += other.cost_micros;
    }

    /// Returns the share of documents that were routed.
    #[must_use]
    pub const fn coverage(&self) -> Option<Share> {
        Share::of(self.routed, self.decided)
    }

    /// Returns the share of routes that people corrected.
    #[must_use]
    pub const fn correction_rate(&self) -> Option<Share> {
        Share::of(self.corrected, self.routed)
    }
}

impl Share {
    /// Returns a share of something; none of nothing.
    #[must_use]
    pub const fn of(part: usize, all: usize) -> Option<Self> {
        if all == 0 { None } else { Some(Self { part, all }) }
    }

    /// Returns it as a number from 0 to 1.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "no count comes near 2^52")]
    pub fn value(self) -> f64 {
        self.part as f64 / self.all as f64
    }

    /// Returns between which shares the true one lies with a chance of 95 % (Wilson 1927).
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "no count comes near 2^52")]
    pub fn interval(self) -> (f64, f64) {
        let (share, n, z2) = (self.value(), self.all as f64, DEVIATIONS * DEVIATIONS);
        let middle = (share + z2 / (2.0 * n)) / (1.0 + z2 / n);
        let spread = share * (1.0 - share) / n + z2 / (4.0 * n * n);
        let half = DEVIATIONS * spread.sqrt() / (1.0 + z2 / n);
        ((middle - half).max(0.0), (middle + half).min(1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ml_5_few_counts_say_little_of_a_share() {
        // Wilson's bounds, computed by hand.
        for (part, all, low, high) in [
            (0, 10, 0.0, 0.2775),
            (5, 100, 0.0215, 0.1118),
            (50, 100, 0.4038, 0.5962),
            (10, 10, 0.7225, 1.0),
        ] {
            let (least, most) = Share::of(part, all).unwrap().interval();
            assert!((least - low).abs() < 5e-4 && (most - high).abs() < 5e-4, "{part} of {all}");
        }
        assert_eq!(Share::of(0, 0), None);
    }
}
