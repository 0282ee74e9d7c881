//! How much each kind of evidence is worth, learned from predictions that were judged.
use std::collections::VecDeque;

use besunny_core::ids::DocumentId;
use serde::{Deserialize, Serialize};

use super::fit::{STEPS, Slope, dot, softmax};

/// So many kinds of evidence there are for each class.
pub(super) const KINDS: usize = 14;
/// The weights are fitted to so many of the last predictions: people change how they file.
const ROWS: usize = 2_000;
/// Keeps the weights small while there are few rows.
const PULL: f64 = 3.0;
/// Of each prediction so many of the likeliest classes are kept.
const CLASSES: usize = 16;

/// What speaks for one class.
pub(super) type Evidence = [f64; KINDS];

/// One weight for each kind of evidence, the same for all classes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Blend {
    weights: Evidence,
    rows: VecDeque<Row>,
}

/// A judged prediction: the evidence of the likeliest classes, and which one was right.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Row {
    evidence: Vec<[f32; KINDS]>,
    classes: Vec<usize>,
    /// Which of them was right; none while no answer says so.
    truth: Option<usize>,
    /// The document, where another answer may come.
    document: Option<DocumentId>,
}

impl Blend {
    /// Begins with trust in the margins and in the sender's history.
    pub(super) fn new() -> Self {
        let mut weights = [0.0; KINDS];
        (weights[0], weights[2]) = (3.0, 1.0);
        Self { weights, rows: VecDeque::new() }
    }

    /// Returns how much each kind of evidence speaks for one class rather than another.
    pub(super) fn contrast(&self, class: &Evidence, other: &Evidence) -> Evidence {
        std::array::from_fn(|kind| self.weights[kind] * (class[kind] - other[kind]))
    }

    /// Returns the chance of each class.
    pub(super) fn chances(&self, evidence: &[Evidence]) -> Vec<f64> {
        let scores: Vec<f64> = evidence.iter().map(|of| dot(of, &self.weights)).collect();
        softmax(&scores)
    }

    /// Remembers a judged prediction; `ranked` are its classes, the likeliest first.
    pub(super) fn remember(
        &mut self,
        ranked: &[(usize, Evidence)],
        truth: Option<usize>,
        document: Option<DocumentId>,
    ) {
        let ranked = &ranked[..ranked.len().min(CLASSES)];
        let classes: Vec<usize> = ranked.iter().map(|(class, _)| *class).collect();
        let truth = classes.iter().position(|class| Some(*class) == truth);
        if truth.is_none() && document.is_none() {
            return;
        }
        #[expect(clippy::cast_possible_truncation, reason = "half of the digits are plenty")]
        let evidence = ranked.iter().map(|(_, of)| of.map(|value| value as f32)).collect();
        if self.rows.len() == ROWS {
            self.rows.pop_front();
        }
        self.rows.push_back(Row { evidence, classes, truth, document });
    }

    /// Takes another class for right than before; none when nobody says which one is.
    pub(super) fn correct(&mut self, document: DocumentId, truth: Option<usize>) {
        if let Some(row) = self.rows.iter_mut().find(|row| row.document == Some(document)) {
            row.truth = row.classes.iter().position(|class| Some(*class) == truth);
        }
    }

    /// Fits the weights to what is remembered (conditional logit).
    pub(super) fn fit(&mut self) {
        for _ in 0..STEPS {
            let mut slope = Slope::new();
            for row in &self.rows {
                row.pull(&self.weights, &mut slope);
            }
            if self.rows.is_empty() || !slope.step(&mut self.weights, PULL) {
                return;
            }
        }
    }
}

impl Row {
    fn pull(&self, weights: &Evidence, slope: &mut Slope<KINDS>) {
        let Some(truth) = self.truth else { return };
        let evidence: Vec<Evidence> = self.evidence.iter().map(|of| of.map(f64::from)).collect();
        let scores: Vec<f64> = evidence.iter().map(|of| dot(of, weights)).collect();
        let chances = softmax(&scores);
        let mut mean = [0.0; KINDS];
        for (of, chance) in evidence.iter().zip(&chances) {
            for (mean, value) in mean.iter_mut().zip(of) {
                *mean += chance * value;
            }
        }
        for (of, chance) in evidence.iter().zip(&chances) {
            slope.bend(&std::array::from_fn(|kind| of[kind] - mean[kind]), *chance);
        }
        for (kind, gradient) in slope.gradient.iter_mut().enumerate() {
            *gradient += evidence[truth][kind] - mean[kind];
        }
    }
}
