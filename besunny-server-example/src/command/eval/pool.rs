//! Several mailboxes taken as one: what the promises delivered over all of them.
use std::collections::BTreeMap;

use besunny::ai::eval::{Delivered, Step};
use serde_json::{Map, Value, json};

use super::{Measured, figures::rounded};

/// One side of 95 %.
const DEVIATIONS: f64 = 1.645;

/// What several mailboxes add up to.
#[derive(Debug, Default)]
pub(super) struct Pool {
    pub(super) promised: BTreeMap<String, Delivered>,
    pub(super) reliability: Vec<Step>,
}

impl Pool {
    pub(super) fn of(all: &[Measured]) -> Self {
        let mut pool = Self::default();
        for Measured { report, .. } in all {
            for (level, delivered) in &report.promised {
                add(pool.promised.entry(level.clone()).or_default(), *delivered);
            }
            pool.reliability.resize(report.reliability.len(), Step::default());
            for (sum, step) in pool.reliability.iter_mut().zip(&report.reliability) {
                let count = (sum.count + step.count).max(1) as f64;
                let mean = |a: f64, b: f64| (a * sum.count as f64 + b * step.count as f64) / count;
                let (confidence, right) =
                    (mean(sum.confidence, step.confidence), mean(sum.right, step.right));
                *sum = Step { count: sum.count + step.count, confidence, right };
            }
        }
        pool
    }

    pub(super) fn to_json(&self) -> Value {
        let one = |(level, delivered): (&String, &Delivered)| {
            let figures = json!({
                "coverage": rounded(delivered.coverage),
                "precision": rounded(delivered.precision),
                "precision_at_least": rounded(at_least(delivered)),
                "taken": delivered.taken,
            });
            (level.clone(), figures)
        };
        let promised: Map<String, Value> = self.promised.iter().map(one).collect();
        json!({ "promised": promised })
    }
}

fn add(sum: &mut Delivered, more: Delivered) {
    sum.asked += more.asked;
    sum.taken += more.taken;
    sum.right += more.right;
    sum.coverage = sum.taken as f64 / sum.asked.max(1) as f64;
    sum.precision = sum.right as f64 / sum.taken.max(1) as f64;
}

/// Returns the precision that is surpassed with a chance of 95 % (Wilson 1927).
pub(super) fn at_least(delivered: &Delivered) -> f64 {
    let n = delivered.taken.max(1) as f64;
    let z2 = DEVIATIONS * DEVIATIONS;
    let spread = delivered.precision * (1.0 - delivered.precision) / n + z2 / (4.0 * n * n);
    (delivered.precision + z2 / (2.0 * n) - DEVIATIONS * spread.sqrt()) / (1.0 + z2 / n)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ml_7_a_precision_of_few_choices_proves_little() {
        let of = |taken, right| {
            let mut sum = Delivered::default();
            add(&mut sum, Delivered { asked: taken, taken, right, ..Delivered::default() });
            at_least(&sum)
        };
        // Wilson's bound, computed by hand.
        assert!((of(100, 95) - 0.8999).abs() < 0.0015, "{}", of(100, 95));
        assert!(of(10_000, 9_500) > 0.946 && of(10, 10) < 0.80);
    }
}
