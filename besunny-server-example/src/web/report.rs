//! How shadows and the arms of experiments did, as programs and people read it (ML-5).
use besunny::core::report::{ArmLine, Report, ShadowLine, Share};
use serde::Serialize;
use utoipa::ToSchema;

use super::instant::percent;

/// How models did that were compared with the one that decides.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Comparison {
    /// Each shadow, beside the decisions for which it was asked.
    pub shadows: Vec<ShadowReport>,
    /// Each arm of each experiment.
    pub arms: Vec<ArmReport>,
}

/// How a shadow did.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ShadowReport {
    /// Who was asked: rules, learned@VERSION or language.
    pub model: String,
    /// How often it was asked.
    pub asked: usize,
    /// How often it failed.
    pub failed: usize,
    /// How often the document would have ended in the same place.
    pub agreed: usize,
    /// On how many of these documents a person has answered since.
    pub judged: usize,
    /// How the decisions stand up to these answers.
    pub decisions: Score,
    /// How the shadow does.
    pub shadow: Score,
    /// What the shadow cost, in millionths of the unit that the price list is in.
    pub cost_micros: u64,
    /// What the decisions cost.
    pub decisions_cost_micros: u64,
}

/// What was decided right and wrong; what was left to a person is neither.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct Score {
    /// What was decided right.
    pub right: usize,
    /// What was decided wrong.
    pub wrong: usize,
}

/// How an arm of an experiment did.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ArmReport {
    /// The name of the experiment.
    pub experiment: String,
    /// `control` or `treatment`.
    pub arm: &'static str,
    /// How many owners had decisions in it.
    pub owners: usize,
    /// How many documents the classifiers decided on.
    pub decided: usize,
    /// How many of them were routed.
    pub routed: usize,
    /// The share that was routed; absent before the first decision.
    pub coverage: Option<Estimate>,
    /// How many routes people have found wrong since.
    pub corrected: usize,
    /// The share of routes that people corrected; absent before the first route.
    pub correction_rate: Option<Estimate>,
    /// What the verdicts cost, in millionths of the unit that the price list is in.
    pub cost_micros: u64,
}

/// A share that was counted, and between which shares the true one lies with a chance of 95 %.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct Estimate {
    /// What was counted, from 0 to 1.
    pub share: f64,
    /// The lower bound (Wilson 1927).
    pub low: f64,
    /// The upper bound.
    pub high: f64,
}

impl Comparison {
    /// Shows a report.
    #[must_use]
    pub fn of(report: &Report) -> Self {
        let shadows =
            report.shadows.iter().map(|(with, line)| ShadowReport::of(with.to_string(), line));
        let arms = report
            .arms
            .iter()
            .map(|(trial, line)| ArmReport::of(trial.experiment.clone(), trial.arm.as_str(), line));
        Self { shadows: shadows.collect(), arms: arms.collect() }
    }

    /// Says the same in lines.
    #[must_use]
    pub fn in_words(&self) -> String {
        let mut lines: Vec<String> = self.shadows.iter().map(ShadowReport::in_words).collect();
        lines.extend(self.arms.iter().map(ArmReport::in_words));
        if lines.is_empty() {
            lines.push("nothing was compared yet: set [shadow] or [experiment]".to_owned());
        }
        lines.join("\n")
    }
}

impl ShadowReport {
    fn of(model: String, line: &ShadowLine) -> Self {
        let ShadowLine { asked, failed, agreed, judged, .. } = *line;
        let score = |record: besunny::core::replay::Record| Score {
            right: record.right,
            wrong: record.wrong,
        };
        Self {
            model,
            asked,
            failed,
            agreed,
            judged,
            decisions: score(line.decisions),
            shadow: score(line.shadow),
            cost_micros: line.cost_micros,
            decisions_cost_micros: line.decisions_cost_micros,
        }
    }

    fn in_words(&self) -> String {
        let Self { model, asked, failed, agreed, judged, decisions, shadow, .. } = self;
        format!(
            "shadow {model}: asked {asked} times, failed {failed}, agreed {agreed}; of {judged} answered \
             by a person {} right and {} wrong, the decisions {} right and {} wrong; cost {} \
             millionths, the decisions {}",
            shadow.right,
            shadow.wrong,
            decisions.right,
            decisions.wrong,
            self.cost_micros,
            self.decisions_cost_micros
        )
    }
}

impl ArmReport {
    fn of(experiment: String, arm: &'static str, line: &ArmLine) -> Self {
        let ArmLine { owners, decided, routed, corrected, cost_micros } = *line;
        let estimate = |share: Share| {
            let (low, high) = share.interval();
            Estimate { share: share.value(), low, high }
        };
        Self {
            experiment,
            arm,
            owners,
            decided,
            routed,
            coverage: line.coverage().map(estimate),
            corrected,
            correction_rate: line.correction_rate().map(estimate),
            cost_micros,
        }
    }

    fn in_words(&self) -> String {
        let Self { experiment, arm, owners, decided, routed, corrected, cost_micros, .. } = self;
        let estimate = |estimate: Option<Estimate>| {
            estimate.map_or_else(String::new, |Estimate { share, low, high }| {
                format!(" ({}, {} to {})", percent(share), percent(low), percent(high))
            })
        };
        format!(
            "experiment {experiment}, {arm}: {owners} people, {decided} decided, {routed} routed{}, \
             {corrected} corrected{}; cost {cost_micros} millionths",
            estimate(self.coverage),
            estimate(self.correction_rate)
        )
    }
}
