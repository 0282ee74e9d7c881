//! Which words each project's mails are made of: naive Bayes on the weighed terms.
//!
//! The margins say what tells projects apart, and need a few mails for that; this says what a
//! project is about from its first mail on.
use super::{features::TERMS, margins::widened, vocabulary::Vector};

/// A term counts in each project as if it had been met so often.
const UNSEEN: f32 = 0.05;
/// A project's mails count as if so many unseen terms had been met; about the terms of a mailbox.
const ALL_UNSEEN: f32 = UNSEEN * 4_096.0;
/// A mail without terms says nothing, and is not divided by zero.
const EMPTY: f32 = 1e-6;

/// The weights of the terms of each class; follows from the mails.
#[derive(Clone, Debug, Default)]
pub(super) struct Words {
    classes: usize,
    /// Logarithms, since each is read far more often than it is changed.
    of_term: Vec<f32>,
    of_class: Vec<f32>,
}

impl Words {
    /// Makes room for more classes.
    pub(super) fn grow(&mut self, classes: usize) {
        self.of_term = widened(&self.of_term, (self.classes, classes), UNSEEN.ln());
        self.of_class.resize(classes, 0.0);
        self.classes = classes;
    }

    /// Forgets all mails and keeps the classes.
    pub(super) fn clear(&mut self, classes: usize) {
        self.classes = classes;
        self.of_term = vec![UNSEEN.ln(); TERMS * classes];
        self.of_class = vec![0.0; classes];
    }

    pub(super) fn add(&mut self, mail: &Vector, class: usize) {
        for (term, weight) in mail {
            let of_term = &mut self.of_term[usize::from(*term) * self.classes + class];
            *of_term = (of_term.exp() + weight).ln();
            self.of_class[class] += weight;
        }
    }

    /// Returns how likely each class makes a term of the mail, as a logarithm around their mean.
    pub(super) fn likeness(&self, mail: &Vector) -> Vec<f64> {
        let all: Vec<f32> = self.of_class.iter().map(|all| (all + ALL_UNSEEN).ln()).collect();
        let mut sums = vec![0.0_f32; self.classes];
        let mut length = EMPTY;
        for (term, weight) in mail {
            length += weight;
            let row = &self.of_term[usize::from(*term) * self.classes..][..self.classes];
            for ((sum, of_class), all) in sums.iter_mut().zip(row).zip(&all) {
                *sum += weight * (of_class - all);
            }
        }
        let mean = sums.iter().sum::<f32>() / self.classes as f32;
        sums.into_iter().map(|sum| f64::from((sum - mean) / length)).collect()
    }
}
