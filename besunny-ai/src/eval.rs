//! How good the router is on a labelled mailbox, in the order of time (ML-7).
//!
//! Mails are sorted by date; the model learns the first `k`, says where each of the next 100
//! belongs, and only then is told. Thresholds follow from past predictions. So nothing that is
//! measured ever knew its future. A mail whose project was never seen counts as an error. The model is
//! the one that the engine asks, and learns what the engine's learns: answers, and nothing else.
use besunny_core::{
    mail::Mail,
    promise::{Outcome, Promise},
};
use chrono::{DateTime, Utc};

use self::figures::share;
use crate::learned::{Class, Features, Learned, Prediction};

mod figures;

pub use figures::{Confusion, Delivered, Point, Report, Step};

/// So many mails are predicted before the model is told their answers.
const BLOCK: usize = 100;
/// Promises are measured once so many blocks were judged.
const WARM_UP: usize = 3;
/// The precisions that are promised and measured.
pub const PROMISES: [f64; 3] = [0.90, 0.95, 0.98];
/// False routes are measured at this promise, the default for mail.
const DEFAULT_PROMISE: f64 = 0.95;

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
        let promised = self.promises.iter().map(|measured| {
            let level = measured.promise.level();
            (format!("{level:.2}"), measured.delivered())
        });
        let at_default =
            self.promises.iter().find(|measured| measured.promise.level() == DEFAULT_PROMISE);
        let false_route_rate =
            at_default.map_or(0.0, |measured| share(measured.false_routes, measured.nowhere));
        let mut report = Report::of(&self.judged);
        report.n = n;
        report.projects = self.model.classes().len();
        report.promised = promised.collect();
        report.false_route_rate = false_route_rate;
        report
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
            asked: self.asked,
            taken: self.taken,
            right: self.right,
        }
    }
}
