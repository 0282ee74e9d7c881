//! The figures of a measurement: counted from judged predictions, nothing else.
use std::{cmp::Reverse, collections::BTreeMap};

use besunny_core::promise::Outcome;
use serde::Serialize;

use super::Judged;
use crate::learned::Class;

/// Confidences are compared with what came true in so many steps.
const BINS: usize = 10;
/// The course of time is shown in at most so many stretches.
const STRETCHES: usize = 24;
/// A stretch has at least so many predictions: a share of fewer is mostly chance.
const LEAST_IN_STRETCH: usize = 50;
/// A curve of so many points looks smooth on any screen.
const POINTS: usize = 200;

/// What was measured.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// How many mails there were.
    pub n: usize,
    /// How many classes they have, no project counted as one.
    pub projects: usize,
    /// The share of predictions that were right.
    pub accuracy: f64,
    /// The same without the mails whose project had never been seen.
    pub accuracy_seen: f64,
    /// For each promise what was covered and delivered.
    pub promised: BTreeMap<String, Delivered>,
    /// The share of mail of no project that was put into one, at the promise 0.95.
    pub false_route_rate: f64,
    /// The mean distance of the confidence from what came true.
    pub ece: f64,
    /// What the confidence was and what came true, by steps of confidence.
    pub reliability: Vec<Step>,
    /// What the confidence was and what came true, in the course of time.
    pub course: Vec<Step>,
    /// What would be covered and right above each confidence, known only afterwards.
    pub curve: Vec<Point>,
    /// How many mails of each class were taken for which, the most frequent first.
    #[serde(skip)]
    pub confusion: Vec<Confusion>,
    /// Every prediction's outcome, in order.
    #[serde(skip)]
    pub outcomes: Vec<Outcome>,
}

/// How a promise was kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Delivered {
    /// The share of mails for which a choice was taken.
    pub coverage: f64,
    /// The share of taken choices that were right.
    pub precision: f64,
    /// How many mails there were.
    pub asked: usize,
    /// How many choices were taken.
    pub taken: usize,
    /// How many of these were right.
    pub right: usize,
}

/// Predictions of about the same confidence or time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Step {
    /// How many there were.
    pub count: usize,
    /// Their mean confidence.
    pub confidence: f64,
    /// The share that was right.
    pub right: f64,
}

/// What taking every choice above some confidence would cover and deliver.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Point {
    /// The share of mails.
    pub coverage: f64,
    /// The share of them that was right.
    pub precision: f64,
}

/// Mails of one class that were taken for one; the same one if they were right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Confusion {
    /// Where they belong.
    pub truth: Class,
    /// Where they were put.
    pub choice: Class,
    /// How many there were.
    pub count: usize,
}

impl Report {
    pub(super) fn of(judged: &[Judged]) -> Self {
        let seen: Vec<Judged> = judged.iter().copied().filter(|judged| judged.was_seen).collect();
        let reliability = reliability(judged);
        let off = |step: &Step| (step.confidence - step.right).abs() * step.count as f64;
        Self {
            accuracy: Step::of(judged).right,
            accuracy_seen: Step::of(&seen).right,
            ece: reliability.iter().map(off).sum::<f64>() / judged.len().max(1) as f64,
            reliability,
            course: course(judged),
            curve: curve(judged),
            confusion: confusion(judged),
            outcomes: judged.iter().map(|judged| judged.outcome).collect(),
            ..Self::default()
        }
    }
}

impl Step {
    fn of(judged: &[Judged]) -> Self {
        let right = judged.iter().filter(|judged| judged.outcome.is_right).count();
        let sum: f64 = judged.iter().map(|judged| judged.outcome.confidence).sum();
        let confidence = sum / judged.len().max(1) as f64;
        Self { count: judged.len(), confidence, right: share(right, judged.len()) }
    }
}

impl Confusion {
    /// Says whether the mails were put where they belong.
    #[must_use]
    pub fn is_right(&self) -> bool {
        self.truth == self.choice
    }
}

pub(super) fn share(part: usize, whole: usize) -> f64 {
    part as f64 / whole.max(1) as f64
}

fn reliability(judged: &[Judged]) -> Vec<Step> {
    let mut steps = vec![Vec::new(); BINS];
    for judged in judged {
        let reached = |edge: &usize| judged.outcome.confidence >= share(*edge, BINS);
        steps[(1..BINS).filter(reached).count()].push(*judged);
    }
    steps.iter().map(|step| Step::of(step)).collect()
}

fn course(judged: &[Judged]) -> Vec<Step> {
    let length = judged.len().div_ceil(STRETCHES).max(LEAST_IN_STRETCH);
    judged.chunks(length).map(Step::of).collect()
}

fn curve(judged: &[Judged]) -> Vec<Point> {
    let mut outcomes: Vec<Outcome> = judged.iter().map(|judged| judged.outcome).collect();
    outcomes.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
    let stride = outcomes.len().div_ceil(POINTS).max(1);
    let mut right = 0;
    let mut points = Vec::new();
    for (index, outcome) in outcomes.iter().enumerate() {
        right += usize::from(outcome.is_right);
        let taken = index + 1;
        if taken % stride == 0 || taken == outcomes.len() {
            let coverage = share(taken, outcomes.len());
            points.push(Point { coverage, precision: share(right, taken) });
        }
    }
    points
}

fn confusion(judged: &[Judged]) -> Vec<Confusion> {
    let mut counts: BTreeMap<(Class, Class), usize> = BTreeMap::new();
    for judged in judged {
        *counts.entry((judged.truth, judged.choice)).or_default() += 1;
    }
    let one = |((truth, choice), count)| Confusion { truth, choice, count };
    let mut confusion: Vec<Confusion> = counts.into_iter().map(one).collect();
    confusion.sort_by_key(|confusion| Reverse(confusion.count));
    confusion
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(confidence: f64, is_right: bool) -> Judged {
        let outcome = Outcome { confidence, is_right, chose_project: true, belongs_nowhere: false };
        let choice = if is_right { None } else { Some(besunny_core::ids::ProjectId::derived(&[])) };
        Judged { outcome, choice, truth: None, was_seen: true }
    }

    #[test]
    fn ml_7_figures_are_what_was_counted() {
        let all: Vec<Judged> = [(0.95, true), (0.92, true), (0.55, false), (0.51, true)]
            .map(|(c, r)| judged(c, r))
            .into();
        let report = Report::of(&all);
        assert!((report.accuracy - 0.75).abs() < 1e-12);
        // Two are 0.065 less sure than right, two 0.03 surer.
        assert!((report.ece - 0.0475).abs() < 1e-12, "{}", report.ece);
        assert_eq!(report.reliability[9].count, 2);
        assert_eq!(report.curve[1], Point { coverage: 0.5, precision: 1.0 });
        assert_eq!(report.curve[3], Point { coverage: 1.0, precision: 0.75 });
        assert_eq!(
            report.confusion.iter().filter(|of| of.is_right()).map(|of| of.count).sum::<usize>(),
            3
        );
        assert_eq!(report.course, vec![Step::of(&all)]);
    }
}
