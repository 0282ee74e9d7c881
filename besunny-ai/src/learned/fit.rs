//! Newton's method for the two small regressions: a handful of weights, a few thousand rows.

/// At most so many steps; a fit that continues an earlier one needs two or three.
pub(super) const STEPS: usize = 12;
/// A step that moves every weight by less than this is the last one.
const CLOSE: f64 = 1e-4;
/// One step moves no weight further, so that rows that are easily told apart do no harm.
const FARTHEST: f64 = 1.0;

/// Slope and curvature of a log likelihood with a pull towards zero.
pub(super) struct Slope<const N: usize> {
    pub(super) gradient: [f64; N],
    /// The lower half is enough.
    pub(super) curvature: [[f64; N]; N],
}

impl<const N: usize> Slope<N> {
    pub(super) const fn new() -> Self {
        Self { gradient: [0.0; N], curvature: [[0.0; N]; N] }
    }

    /// Adds the curvature of one row at distance `by` from the expectation.
    pub(super) fn bend(&mut self, by: &[f64; N], weight: f64) {
        for (j, row) in self.curvature.iter_mut().enumerate() {
            for (cell, other) in row.iter_mut().zip(&by[..=j]) {
                *cell += weight * by[j] * other;
            }
        }
    }

    /// Moves the weights; says whether another step is worth it.
    pub(super) fn step(mut self, weights: &mut [f64; N], pull: f64) -> bool {
        for (j, weight) in weights.iter().enumerate() {
            self.gradient[j] -= pull * weight;
            self.curvature[j][j] += pull;
            for k in 0..j {
                self.curvature[k][j] = self.curvature[j][k];
            }
        }
        let by = solve(self.curvature, self.gradient);
        let widest = by.iter().fold(0.0_f64, |widest, by| widest.max(by.abs()));
        let scale = (FARTHEST / widest).min(1.0);
        for (weight, by) in weights.iter_mut().zip(by) {
            *weight += scale * by;
        }
        widest > CLOSE
    }
}

/// Solves a positive definite system by Gauss and Jordan.
fn solve<const N: usize>(mut matrix: [[f64; N]; N], mut right: [f64; N]) -> [f64; N] {
    for i in 0..N {
        let pivot = matrix[i][i];
        for cell in &mut matrix[i][i..] {
            *cell /= pivot;
        }
        right[i] /= pivot;
        let (row, value) = (matrix[i], right[i]);
        for other in (0..N).filter(|other| *other != i) {
            let factor = matrix[other][i];
            for (cell, by) in matrix[other][i..].iter_mut().zip(&row[i..]) {
                *cell -= factor * by;
            }
            right[other] -= factor * value;
        }
    }
    right
}

pub(super) fn dot<const N: usize>(a: &[f64; N], b: &[f64; N]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Makes probabilities of scores.
pub(super) fn softmax(scores: &[f64]) -> Vec<f64> {
    let highest = scores.iter().copied().fold(f64::MIN, f64::max);
    let powers: Vec<f64> = scores.iter().map(|score| (score - highest).exp()).collect();
    let all: f64 = powers.iter().sum();
    powers.into_iter().map(|power| power / all).collect()
}

pub(super) fn sigmoid(score: f64) -> f64 {
    1.0 / (1.0 + (-score).exp())
}

/// Returns the logarithm of the odds; certainty is cut at one in ten thousand.
pub(super) fn log_odds(chance: f64) -> f64 {
    let chance = chance.clamp(1e-4, 1.0 - 1e-4);
    (chance / (1.0 - chance)).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_is_solved() {
        let found = solve([[4.0, 1.0], [1.0, 3.0]], [1.0, 2.0]);
        assert!((found[0] - 1.0 / 11.0).abs() < 1e-12 && (found[1] - 7.0 / 11.0).abs() < 1e-12);
    }
}
