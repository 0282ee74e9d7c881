//! How good the router is on a labelled mailbox, in the order of time (ML-7).
//!
//! Mails are sorted by date; the model learns the first `k`, says where each of the next 100
//! belongs, and only then is told. Thresholds follow from past predictions. So nothing that is
//! measured ever knew its future. A mail whose project was never seen counts as an error.
use std::{cmp::Reverse, collections::BTreeMap};

use besunny_core::{
    mail::Mail,
    promise::{Outcome, Promise},
};
use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::learned::{Class, Features, Learned, Prediction};

/// So many mails are predicted before the model is told their answers.
const BLOCK: usize = 100;
/// Promises are measured once so many blocks were judged.
const WARM_UP: usize = 3;
/// The precisions that are promised and measured.
pub const PROMISES: [f64; 3] = [0.90, 0.95, 0.98];
/// False routes are measured at this promise, the default for mail.
const DEFAULT_PROMISE: f64 = 0.95;
/// Confidences are compared with what came true in so many steps.
const BINS: usize = 10;

/// One labelled mail.
#[derive(Clone, Debug)]
pub struct Item {
    /// The mail.
    pub mail: Mail,
    /// When it was received.
    pub at: DateTime<Utc>,
    /// Where it belongs.
    pub class: Class,
}

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
    /// How many mails of one class were taken for another, the most frequent first.
    #[serde(skip)]
    pub confusion: Vec<(Class, Class, usize)>,
    /// Every prediction's outcome, in order.
    #[serde(skip)]
    pub outcomes: Vec<Outcome>,
}

/// How a promise was kept.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Delivered {
    /// The share of mails for which a choice was taken.
    pub coverage: f64,
    /// The share of taken choices that were right.
    pub precision: f64,
    /// How many choices were taken.
    pub taken: usize,
}

/// Predictions of about the same confidence.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Step {
    /// How many there were.
    pub count: usize,
    /// Their mean confidence.
    pub confidence: f64,
    /// The share that was right.
    pub right: f64,
}

/// Runs the protocol; `observe` is told of each step, so that it can be timed and shown.
///
/// The mails must be in the order of time.
pub fn run(items: &[Item], mut observe: impl FnMut(Phase)) -> (Report, Learned) {
    let mut run = Run::new();
    for block in items.chunks(BLOCK) {
        observe(Phase::Predict(block.len()));
        let predicted = block.iter().map(|item| run.predict(item)).collect();
        observe(Phase::Learn(block.len()));
        run.tell(block, predicted);
    }
    observe(Phase::Over);
    (run.report(items.len()), run.model)
}

/// What the protocol does next, and with how many mails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Mails are predicted.
    Predict(usize),
    /// Mails are learned.
    Learn(usize),
    /// Nothing more.
    Over,
}

#[derive(Debug)]
struct Run {
    model: Learned,
    promises: Vec<Measured>,
    blocks: usize,
    judged: Vec<Judged>,
}

/// A promise and what was delivered.
#[derive(Debug)]
struct Measured {
    promise: Promise,
    asked: usize,
    taken: usize,
    right: usize,
    nowhere: usize,
    false_routes: usize,
}

#[derive(Clone, Copy, Debug)]
struct Judged {
    outcome: Outcome,
    choice: Class,
    truth: Class,
    was_seen: bool,
}

impl Run {
    fn new() -> Self {
        let measured = |level| Measured {
            promise: Promise::new(level),
            asked: 0,
            taken: 0,
            right: 0,
            nowhere: 0,
            false_routes: 0,
        };
        let promises = PROMISES.map(measured).into();
        Self { model: Learned::default(), promises, blocks: 0, judged: Vec::new() }
    }

    fn predict(&self, item: &Item) -> (Features, Option<Prediction>) {
        let features = Features::read(&item.mail, item.at);
        let prediction = self.model.predict(&features);
        (features, prediction)
    }

    fn tell(&mut self, block: &[Item], predicted: Vec<(Features, Option<Prediction>)>) {
        let seen = self.model.classes().to_vec();
        let mut judged = Vec::new();
        for (item, (_, prediction)) in block.iter().zip(&predicted) {
            let Some(prediction) = prediction else { continue };
            self.model.judge(prediction, item.class);
            let outcome = Outcome {
                confidence: prediction.confidence,
                is_right: prediction.choice == item.class,
                chose_project: prediction.choice.is_some(),
                belongs_nowhere: item.class.is_none(),
            };
            let was_seen = seen.contains(&item.class);
            let (choice, truth) = (prediction.choice, item.class);
            judged.push(Judged { outcome, choice, truth, was_seen });
        }
        for measured in &mut self.promises {
            measured.tell(&judged, self.blocks >= WARM_UP);
        }
        self.blocks += usize::from(!judged.is_empty());
        self.judged.extend(judged);
        for (item, (features, _)) in block.iter().zip(predicted) {
            self.model.learn(features, item.class);
        }
    }

    fn report(&self, n: usize) -> Report {
        let right = |judged: &[&Judged]| {
            let right = judged.iter().filter(|judged| judged.outcome.is_right).count();
            share(right, judged.len())
        };
        let all: Vec<&Judged> = self.judged.iter().collect();
        let seen: Vec<&Judged> = all.iter().copied().filter(|judged| judged.was_seen).collect();
        let promised = self.promises.iter().map(|measured| {
            let level = measured.promise.level();
            (format!("{level:.2}"), measured.delivered())
        });
        let at_default =
            self.promises.iter().find(|measured| measured.promise.level() == DEFAULT_PROMISE);
        let reliability = reliability(&self.judged);
        let off = |step: &Step| (step.confidence - step.right).abs() * step.count as f64;
        Report {
            n,
            projects: self.model.classes().len(),
            accuracy: right(&all),
            accuracy_seen: right(&seen),
            promised: promised.collect(),
            false_route_rate: at_default
                .map_or(0.0, |measured| share(measured.false_routes, measured.nowhere)),
            ece: reliability.iter().map(off).sum::<f64>() / all.len().max(1) as f64,
            confusion: confusion(&self.judged),
            outcomes: self.judged.iter().map(|judged| judged.outcome).collect(),
            reliability,
        }
    }
}

impl Measured {
    /// Applies the threshold that follows from the past, then learns how it went.
    fn tell(&mut self, block: &[Judged], counts: bool) {
        let threshold = self.promise.threshold();
        for Judged { outcome, .. } in block {
            let taken = counts && threshold.admits(outcome.confidence, outcome.chose_project);
            self.promise.observe(*outcome, taken);
            if counts {
                self.asked += 1;
                self.taken += usize::from(taken);
                self.right += usize::from(taken && outcome.is_right);
                self.nowhere += usize::from(outcome.belongs_nowhere);
                let is_false = taken && outcome.belongs_nowhere && outcome.chose_project;
                self.false_routes += usize::from(is_false);
            }
        }
    }

    fn delivered(&self) -> Delivered {
        Delivered {
            coverage: share(self.taken, self.asked),
            precision: share(self.right, self.taken),
            taken: self.taken,
        }
    }
}

fn share(part: usize, whole: usize) -> f64 {
    part as f64 / whole.max(1) as f64
}

fn reliability(judged: &[Judged]) -> Vec<Step> {
    let mut steps = vec![Step::default(); BINS];
    for Judged { outcome, .. } in judged {
        let above = (1..BINS).filter(|edge| outcome.confidence >= share(*edge, BINS)).count();
        let step = &mut steps[above];
        step.count += 1;
        step.confidence += outcome.confidence;
        step.right += f64::from(u8::from(outcome.is_right));
    }
    for step in &mut steps {
        step.confidence /= step.count.max(1) as f64;
        step.right /= step.count.max(1) as f64;
    }
    steps
}

fn confusion(judged: &[Judged]) -> Vec<(Class, Class, usize)> {
    let mut counts: BTreeMap<(Class, Class), usize> = BTreeMap::new();
    for judged in judged.iter().filter(|judged| !judged.outcome.is_right) {
        *counts.entry((judged.truth, judged.choice)).or_default() += 1;
    }
    let mut confusion: Vec<_> =
        counts.into_iter().map(|((truth, choice), count)| (truth, choice, count)).collect();
    confusion.sort_by_key(|(_, _, count)| Reverse(*count));
    confusion
}
