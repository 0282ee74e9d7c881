//! Who decides for whom while two models are compared; pure (ML-5).
//!
//! The arm follows from the name of the experiment and the owner alone, so it is the same on every
//! node and after every restart. It is recorded with each decision.
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{contender::Contender, ids::UserId};

/// The longest name, in bytes; it is stored with every decision.
pub const MAX_NAME_BYTES: usize = 64;

/// A comparison of the cascade as it is with one that ends with another model.
#[derive(Clone, Debug, PartialEq)]
pub struct Experiment {
    name: String,
    share: f64,
    model: Contender,
}

/// An experiment makes no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExperimentError {
    /// Its name cannot be told from others.
    #[error("an experiment has a name of 1 to {MAX_NAME_BYTES} bytes")]
    Name,
    /// Its share is none.
    #[error("a share is above 0 and at most 1")]
    Share,
}

/// One side of an experiment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arm {
    /// The cascade as it is; a language model that is tried is not asked.
    Control,
    /// The model of the experiment.
    Treatment,
}

/// In which arm of which experiment a decision was made.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Trial {
    /// The name of the experiment.
    pub experiment: String,
    /// The arm.
    pub arm: Arm,
}

impl Arm {
    /// Returns the stored name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Control => "control",
            Self::Treatment => "treatment",
        }
    }
}

impl Experiment {
    /// Lets `model` decide for a share of the owners, above 0 and at most 1.
    ///
    /// # Errors
    /// [`ExperimentError`] when name or share make no sense.
    pub fn new(name: &str, share: f64, model: Contender) -> Result<Self, ExperimentError> {
        let name = name.trim();
        if name.is_empty() || name.len() > MAX_NAME_BYTES {
            return Err(ExperimentError::Name);
        }
        if !(share > 0.0 && share <= 1.0) {
            return Err(ExperimentError::Share);
        }
        Ok(Self { name: name.to_owned(), share, model })
    }

    /// Returns who decides in the treatment.
    #[must_use]
    pub const fn model(&self) -> Contender {
        self.model
    }

    /// Returns the arm of an owner; a larger share only moves owners into the treatment.
    #[must_use]
    pub fn arm(&self, owner: UserId) -> Arm {
        let mut hash = Sha256::new();
        hash.update((self.name.len() as u64).to_be_bytes());
        hash.update(self.name.as_bytes());
        hash.update(owner.as_bytes());
        let [a, b, c, d, ..] = <[u8; 32]>::from(hash.finalize());
        let place = f64::from(u32::from_be_bytes([a, b, c, d])) / (f64::from(u32::MAX) + 1.0);
        if place < self.share { Arm::Treatment } else { Arm::Control }
    }

    /// Returns what is recorded with the decisions of an owner.
    #[must_use]
    pub fn trial(&self, owner: UserId) -> Trial {
        Trial { experiment: self.name.clone(), arm: self.arm(owner) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(number: u32) -> UserId {
        UserId::derived(&[&number.to_be_bytes()])
    }

    fn experiment(name: &str, share: f64) -> Experiment {
        Experiment::new(name, share, Contender::Rules).unwrap()
    }

    fn treated(experiment: &Experiment) -> Vec<u32> {
        (0..10_000).filter(|n| experiment.arm(owner(*n)) == Arm::Treatment).collect()
    }

    #[test]
    fn ml_5_the_share_is_kept_and_a_larger_one_takes_nobody_back() {
        let mut before = Vec::new();
        for share in [0.01, 0.1, 0.25, 0.5, 0.9, 1.0] {
            let now = treated(&experiment("language", share));
            let of_all = f64::from(u32::try_from(now.len()).unwrap()) / 10_000.0;
            // Three standard deviations of 10,000 fair draws are 1.5 points at most.
            assert!((of_all - share).abs() <= 0.015, "{share} {of_all}");
            assert!(before.iter().all(|one| now.binary_search(one).is_ok()), "{share}");
            before = now;
        }
    }

    #[test]
    fn ml_5_experiments_draw_apart_from_each_other() {
        let (one, other) = (treated(&experiment("one", 0.5)), treated(&experiment("two", 0.5)));
        let both = one.iter().filter(|owner| other.binary_search(owner).is_ok()).count();
        assert!((2_300..2_700).contains(&both), "{both}");
    }

    /// Arms are recorded with decisions: who is in which never changes.
    #[test]
    fn ml_5_the_assignment_is_frozen() {
        let first: String = (0..32)
            .map(|n| match experiment("frozen", 0.5).arm(owner(n)) {
                Arm::Control => '.',
                Arm::Treatment => 'T',
            })
            .collect();
        insta::assert_snapshot!(first);
    }

    #[test]
    fn ml_5_an_experiment_that_makes_no_sense_is_refused() {
        let long = "x".repeat(MAX_NAME_BYTES + 1);
        for (name, share, want) in [
            ("a", 0.5, None),
            ("a", 1.0, None),
            (" ", 0.5, Some(ExperimentError::Name)),
            (long.as_str(), 0.5, Some(ExperimentError::Name)),
            ("a", 0.0, Some(ExperimentError::Share)),
            ("a", 1.1, Some(ExperimentError::Share)),
            ("a", f64::NAN, Some(ExperimentError::Share)),
        ] {
            let got = Experiment::new(name, share, Contender::Rules);
            assert_eq!(got.err(), want, "{name:?} {share}");
        }
    }
}
