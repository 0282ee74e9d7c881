//! The figures of one mailbox, for programs and for people.
use serde_json::{Map, Value, json};

use super::Measured;

/// Digits enough to compare, and few enough to read.
pub(super) fn rounded(value: f64) -> f64 {
    (value * 10_000.0).round() / 10_000.0
}

pub(super) fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

pub(super) fn to_json(measured: &Measured) -> Value {
    let Measured { mailbox, report, times, model_bytes } = measured;
    let promised: Map<String, Value> = report
        .promised
        .iter()
        .map(|(level, delivered)| {
            let coverage = rounded(delivered.coverage);
            let precision = rounded(delivered.precision);
            (level.clone(), json!({ "coverage": coverage, "precision": precision }))
        })
        .collect();
    json!({
        "set": mailbox.name,
        "n": report.n,
        "projects": report.projects,
        "accuracy": rounded(report.accuracy),
        "accuracy_seen": rounded(report.accuracy_seen),
        "promised": promised,
        "false_route_rate": rounded(report.false_route_rate),
        "ece": rounded(report.ece),
        "items_per_second": times.rate(report.n).round(),
        "train_ms_per_correction": rounded(times.learning_ms(report.n)),
        "model_bytes": model_bytes,
        // The learned model asks no language model.
        "lm_calls": 0,
    })
}

pub(super) fn to_text(measured: &Measured) -> String {
    let Measured { mailbox, report, .. } = measured;
    let mut lines = vec![
        format!("{}: {} mails, {} projects", mailbox.name, report.n, report.projects),
        format!("right: {}", percent(report.accuracy)),
        format!("right where the project had been seen: {}", percent(report.accuracy_seen)),
        format!("mail of no project put into one: {}", percent(report.false_route_rate)),
        format!("confidence off by: {}", percent(report.ece)),
    ];
    for (level, delivered) in &report.promised {
        let (coverage, precision) = (percent(delivered.coverage), percent(delivered.precision));
        lines.push(format!("promised {level}: routes {coverage}, {precision} of them right"));
    }
    let wrong = report.confusion.iter().filter(|of| !of.is_right());
    let most = wrong.take(5).map(|of| {
        let (truth, choice) = (mailbox.label(of.truth), mailbox.label(of.choice));
        format!("{} of {truth} taken for {choice}", of.count)
    });
    lines.extend(most);
    lines.join("\n")
}
