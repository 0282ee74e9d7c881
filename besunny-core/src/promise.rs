//! A promised precision, and the confidence from which it is kept (CLS-4).
//!
//! The threshold follows from past predictions only. A promise that was kept too well is loosened a
//! little and one that was broken is tightened, so that what is delivered meets what is promised.
use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use crate::{document::DocumentKind, ids::ProjectId, label::Truth};

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
    fn ml_5_a_promise_goes_on_where_another_one_ended() {
        let mut whole = Promise::new(0.95);
        let (mut first, mut second) = (whole.clone(), whole.clone());
        for step in 0..PAST + 30 {
            let judged = outcome(0.5 + 0.4 * f64::from(u8::from(step % 2 == 0)), step % 5 != 0);
            let part = if step < 700 { &mut first } else { &mut second };
            part.observe(judged, step % 2 == 0);
            whole.observe(judged, step % 2 == 0);
        }
        assert_eq!(first.followed_by(&second), whole);
    }

    /// Numbers from 0 to 1 in no order, the same each time.
    struct Dice(u64);

    impl Dice {
        fn roll(&mut self) -> f64 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            f64::from(u32::try_from(self.0 >> 40).unwrap_or(0)) / f64::from(1_u32 << 24)
        }
    }

    /// Predictions that say they are `boast` surer, in log odds, than they should be.
    fn stream(seed: u64, count: u32, boast: impl Fn(u32) -> f64) -> Vec<Outcome> {
        let mut dice = Dice(seed);
        let one = |step| {
            let chance = dice.roll();
            let said = 1.0 / (1.0 + (-log_odds(chance) - boast(step)).exp());
            outcome(said, dice.roll() < chance)
        };
        (0..count).map(one).collect()
    }

    #[test]
    fn cls_4_the_threshold_is_where_the_promise_can_be_expected_to_be_kept() {
        // Who is surer than he should be is believed later; the correction of the modest is held back.
        for (boast, want) in [(0.0, 0.75..0.85), (1.0, 0.87..0.97), (-1.0, 0.55..0.75)] {
            let mut promise = Promise::new(0.9);
            for outcome in stream(1, 1_000, |_| boast) {
                promise.observe(outcome, false);
            }
            // Of chances spread evenly, those above 0.8 are 0.9 in the mean.
            let found = promise.threshold().project;
            assert!(want.contains(&found), "{boast}: {found}");
        }
    }

    #[test]
    fn cls_4_equal_confidences_are_taken_together_or_not_at_all() {
        let mut promise = Promise::new(0.95);
        for step in 0..630_u32 {
            // A model that says 1 or 0.9: the first are right, of the others seven in ten.
            let is_sure = step % 21 == 0;
            promise
                .observe(outcome(if is_sure { 1.0 } else { 0.9 }, is_sure || step % 10 < 7), false);
        }
        let threshold = promise.threshold();
        assert!(threshold.admits(1.0, true) && !threshold.admits(0.9, true), "{threshold:?}");
    }

    #[test]
    fn cls_4_sure_finds_of_no_project_do_not_pay_for_doubtful_routes() {
        let mut promise = Promise::new(0.95);
        for step in 0..1_000_u32 {
            let chose_project = step % 10 < 3;
            let (confidence, is_right) =
                if chose_project { (0.86, step % 100 < 86) } else { (0.99, step % 100 != 99) };
            let belongs_nowhere = is_right && !chose_project;
            promise
                .observe(Outcome { confidence, is_right, chose_project, belongs_nowhere }, false);
        }
        let threshold = promise.threshold();
        assert!(threshold.admits(0.99, false) && !threshold.admits(0.86, true), "{threshold:?}");
    }

    #[test]
    fn cls_4_a_broken_promise_is_tightened() {
        let tell = |right: u32| {
            let mut promise = Promise::new(0.9);
            for outcome in stream(1, 1_000, |_| 0.0) {
                promise.observe(outcome, false);
            }
            promise.taken = 1_000;
            promise.right = right;
            promise.threshold().project
        };
        assert!(tell(850) > tell(900) && tell(900) > tell(950));
    }

    /// What is taken and right of a stream whose thresholds are set every 100 predictions.
    fn deliver(level: f64, stream: &[Outcome]) -> (f64, f64) {
        let mut promise = Promise::new(level);
        for block in stream.chunks(100) {
            let threshold = promise.threshold();
            for outcome in block {
                let taken = threshold.admits(outcome.confidence, true);
                promise.observe(*outcome, taken);
            }
        }
        (f64::from(promise.taken), f64::from(promise.right))
    }

    #[test]
    fn ml_7_a_promise_is_kept_while_the_confidence_drifts() {
        type Drift = fn(u32) -> f64;
        let drifts: [(&str, Drift); 4] = [
            ("honest", |_| 0.0),
            ("boasts", |_| 0.7),
            ("boasts more and more", |step| f64::from(step) / 6_000.0),
            ("comes and goes", |step| (f64::from(step) / 900.0).sin() / 2.0),
        ];
        for (name, drift) in drifts {
            for level in [0.90, 0.95, 0.98] {
                let (mut taken, mut right) = (0.0, 0.0);
                for seed in 1..=10 {
                    let (more, of_them) = deliver(level, &stream(seed, 6_000, drift));
                    taken += more;
                    right += of_them;
                }
                // One point below the promise, and what chance does to so many.
                let least = level - 0.01 - 1.645 * (level * (1.0 - level) / taken).sqrt();
                assert!(taken > 500.0 && right / taken >= least, "{name} {level}: {right}/{taken}");
            }
        }
    }

    #[test]
    fn mail_of_no_project_is_hardly_ever_put_into_one() {
        let mut promise = Promise::new(0.5);
        let confidence = |step: u32| f64::from(step) / 500.0;
        for step in 0..500_u32 {
            promise.observe(outcome(confidence(step), true), false);
            let nowhere = Outcome {
                confidence: confidence(step),
                is_right: step < 450,
                chose_project: step >= 450,
                belongs_nowhere: true,
            };
            promise.observe(nowhere, false);
        }
        let threshold = promise.threshold();
        assert!(threshold.admits(0.8, false));
        let routed = (450..500).filter(|step| threshold.admits(confidence(*step), true));
        // 1.5 % of 500.
        assert_eq!(routed.count(), 7);
    }
}
