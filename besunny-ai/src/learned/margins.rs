//! A linear margin for each project: one support vector machine against all others, learned online.
//!
//! Dual coordinate descent for the squared hinge loss (Hsieh et al., ICML 2008) can be stopped and
//! continued at any mail, so a new mail costs a few steps, and the result is the batch one.
use serde::{Deserialize, Serialize};

use super::{features::TERMS, vocabulary::Vector};

/// How much a mail on the wrong side weighs against a simple model; the usual value.
const COST: f32 = 1.0;
const DIAGONAL: f32 = 0.5 / COST;

/// Weights are whole numbers of this part: sums of them are exact, so weights follow from the duals
/// in whatever order those changed. With eighteen bits after the point a weight may reach 8,191.
const PART: f32 = 1.0 / 262_144.0;

/// What a mail teaches about the classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Lesson {
    /// It is of this class, and of no other.
    Is(usize),
    /// It is not of this class.
    Not(usize),
}

impl Lesson {
    /// Returns on which side of a class's border a mail lies, 0 when that is not known.
    pub(super) fn side(self, class: usize) -> f32 {
        match self {
            Self::Is(truth) if truth == class => 1.0,
            Self::Is(_) => -1.0,
            Self::Not(other) if other == class => -1.0,
            Self::Not(_) => 0.0,
        }
    }
}

/// The margins of all classes, and what each learned mail contributes to them.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Margins {
    classes: usize,
    /// For each mail the dual variables, one for each class.
    duals: Vec<Vec<f32>>,
    /// For each term the weights, one for each class; follows from the duals.
    #[serde(skip)]
    weights: Vec<i32>,
}

impl Margins {
    /// Makes room for more classes; a new one is against every mail so far.
    pub(super) fn grow(&mut self, classes: usize) {
        self.weights = widened(&self.weights, (self.classes, classes), 0);
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
            let weight = weight * PART;
            for (margin, of_class) in margins.iter_mut().zip(self.row(*term)) {
                *margin += weight * rounded(*of_class);
            }
        }
        margins
    }

    /// Returns the weight of a term for a class.
    pub(super) fn weight(&self, term: u16, class: usize) -> f32 {
        rounded(self.row(term)[class]) * PART
    }

    /// Improves the margins by one mail.
    pub(super) fn step(&mut self, index: usize, mail: &Vector, lesson: Lesson) {
        let margins = self.of(mail);
        let curvature = mail.iter().map(|(_, weight)| weight * weight).sum::<f32>() + DIAGONAL;
        let duals =
            margins.iter().zip(&self.duals[index]).enumerate().map(|(class, (of, dual))| {
                let side = lesson.side(class);
                let gradient = side * *of - 1.0 + DIAGONAL * *dual;
                if side == 0.0 { 0.0 } else { (*dual - gradient / curvature).max(0.0) }
            });
        let duals = duals.collect();
        self.change(index, mail, lesson, duals);
    }

    /// Takes out what a mail contributes; the weights must be [rebuilt](Self::rebuild).
    pub(super) fn forget(&mut self, index: usize) {
        self.duals[index] = vec![0.0; self.classes];
    }

    /// Forgets the first mails; the weights must be [rebuilt](Self::rebuild).
    pub(super) fn forget_first(&mut self, count: usize) {
        self.duals.drain(..count.min(self.duals.len()));
    }

    /// Computes the weights again from the duals, after the vectors changed.
    pub(super) fn rebuild<'a>(&mut self, mails: impl Iterator<Item = (&'a Vector, Lesson)>) {
        self.weights = vec![0; TERMS * self.classes];
        let all = std::mem::take(&mut self.duals);
        self.duals = vec![vec![0.0; self.classes]; all.len()];
        for (index, ((mail, lesson), duals)) in mails.zip(all).enumerate() {
            self.change(index, mail, lesson, duals);
        }
    }

    /// Gives a mail other dual variables.
    fn change(&mut self, index: usize, mail: &Vector, lesson: Lesson, duals: Vec<f32>) {
        let signed = |duals: &[f32]| -> Vec<f32> {
            let signed = duals.iter().enumerate();
            signed.map(|(class, dual)| lesson.side(class) * dual / PART).collect()
        };
        let (before, after) = (signed(&self.duals[index]), signed(&duals));
        self.duals[index] = duals;
        if before == after {
            return;
        }
        for (term, weight) in mail {
            let start = usize::from(*term) * self.classes;
            let row = &mut self.weights[start..start + self.classes];
            for ((of_class, before), after) in row.iter_mut().zip(&before).zip(&after) {
                let by = parts(weight * after).wrapping_sub(parts(weight * before));
                *of_class = of_class.wrapping_add(by);
            }
        }
    }

    /// Returns the weights of a term, one for each class.
    fn row(&self, term: u16) -> &[i32] {
        let start = usize::from(term) * self.classes;
        &self.weights[start..start + self.classes]
    }
}

/// Cuts to whole parts; the same number is always cut in the same way.
#[expect(clippy::cast_possible_truncation, reason = "what is cut off is below a millionth")]
fn parts(weight: f32) -> i32 {
    weight as i32
}

#[expect(clippy::cast_precision_loss, reason = "seven digits of a weight are plenty")]
fn rounded(parts: i32) -> f32 {
    parts as f32
}

/// Copies a table of terms by classes into one with room for more classes.
pub(super) fn widened<T: Copy>(table: &[T], (from, to): (usize, usize), empty: T) -> Vec<T> {
    let mut wide = vec![empty; TERMS * to];
    if from > 0 {
        for (new, old) in wide.chunks_exact_mut(to).zip(table.chunks_exact(from)) {
            new[..from].copy_from_slice(old);
        }
    }
    wide
}
