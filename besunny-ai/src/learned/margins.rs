//! A linear margin for each project: one support vector machine against all others, learned online.
//!
//! Dual coordinate descent for the squared hinge loss (Hsieh et al., ICML 2008) can be stopped and
//! continued at any mail, so a new mail costs a few steps, and the result is the batch one.
use serde::{Deserialize, Serialize};

use super::{features::TERMS, vocabulary::Vector};

/// How much a mail on the wrong side weighs against a simple model; the usual value.
const COST: f32 = 1.0;
const DIAGONAL: f32 = 0.5 / COST;

/// The margins of all classes, and what each learned mail contributes to them.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Margins {
    classes: usize,
    /// For each mail the dual variables, one for each class.
    duals: Vec<Vec<f32>>,
    /// For each term the weights, one for each class; follows from the duals.
    #[serde(skip)]
    weights: Vec<f32>,
}

impl Margins {
    /// Makes room for more classes; a new one is against every mail so far.
    pub(super) fn grow(&mut self, classes: usize) {
        self.weights = widened(&self.weights, (self.classes, classes), 0.0);
        self.classes = classes;
        for duals in &mut self.duals {
            duals.resize(classes, 0.0);
        }
    }

    /// Makes room for one more mail.
    pub(super) fn add(&mut self) {
        self.duals.push(vec![0.0; self.classes]);
    }

    /// Returns the signed distance of a mail to each class's border.
    pub(super) fn of(&self, mail: &Vector) -> Vec<f32> {
        let mut margins = vec![0.0; self.classes];
        for (term, weight) in mail {
            for (margin, of_class) in margins.iter_mut().zip(self.row(*term)) {
                *margin += weight * of_class;
            }
        }
        margins
    }

    /// Improves the margins by one mail of the class `truth`.
    pub(super) fn step(&mut self, index: usize, mail: &Vector, truth: usize) {
        let mut moves = self.of(mail);
        let curvature = mail.iter().map(|(_, weight)| weight * weight).sum::<f32>() + DIAGONAL;
        for (class, (margin, dual)) in moves.iter_mut().zip(&mut self.duals[index]).enumerate() {
            let side = if class == truth { 1.0 } else { -1.0 };
            let gradient = side * *margin - 1.0 + DIAGONAL * *dual;
            let improved = (*dual - gradient / curvature).max(0.0);
            *margin = side * (improved - *dual);
            *dual = improved;
        }
        self.shift(mail, &moves);
    }

    /// Computes the weights again from the duals, after the vectors changed.
    pub(super) fn rebuild<'a>(&mut self, mails: impl Iterator<Item = (&'a Vector, usize)>) {
        self.weights = vec![0.0; TERMS * self.classes];
        let duals = std::mem::take(&mut self.duals);
        for ((mail, truth), duals) in mails.zip(&duals) {
            let side = |class| if class == truth { 1.0 } else { -1.0 };
            let moves: Vec<f32> =
                duals.iter().enumerate().map(|(class, dual)| side(class) * dual).collect();
            self.shift(mail, &moves);
        }
        self.duals = duals;
    }

    fn shift(&mut self, mail: &Vector, moves: &[f32]) {
        if moves.iter().all(|by| *by == 0.0) {
            return;
        }
        for (term, weight) in mail {
            let start = usize::from(*term) * self.classes;
            let row = &mut self.weights[start..start + self.classes];
            for (of_class, by) in row.iter_mut().zip(moves) {
                *of_class += weight * by;
            }
        }
    }

    /// Returns the weights of a term, one for each class.
    pub(super) fn row(&self, term: u16) -> &[f32] {
        let start = usize::from(term) * self.classes;
        &self.weights[start..start + self.classes]
    }
}

/// Copies a table of terms by classes into one with room for more classes.
pub(super) fn widened(table: &[f32], (from, to): (usize, usize), empty: f32) -> Vec<f32> {
    let mut wide = vec![empty; TERMS * to];
    if from > 0 {
        for (new, old) in wide.chunks_exact_mut(to).zip(table.chunks_exact(from)) {
            new[..from].copy_from_slice(old);
        }
    }
    wide
}
