//! `besunny eval`: how good the router is on a labelled mailbox.
use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use besunny::ai::eval::{self, Phase, Report};
use serde_json::{Value, json};

use self::mailbox::Mailbox;
use super::{Answer, Refusal, describe};

mod mailbox;

/// Measure the router on a labelled mailbox.
#[derive(Debug, clap::Args)]
pub(super) struct Eval {
    /// The folder with messages.tar.gz, manifest.jsonl and labels.json
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// How training and testing take turns
    #[arg(long, value_enum, default_value_t = Protocol::Incremental)]
    protocol: Protocol,
    /// Leave out what gives a mailing list away: its headers, addresses, tags and names
    #[arg(long)]
    hide_hints: bool,
}

/// How training and testing take turns.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Protocol {
    /// Learn the past, predict the next 100 mails, and so on
    Incremental,
}

impl Eval {
    pub(super) fn run(self) -> Result<Answer, Refusal> {
        let Protocol::Incremental = self.protocol;
        let mailbox = Mailbox::read(&self.data, self.hide_hints)?;
        let mut times = Times::default();
        let (report, model) = eval::run(&mailbox.items, |phase| times.begin(phase));
        let model = model.export().map_err(|error| Refusal::finding("model", describe(&error)))?;
        let json = to_json(&mailbox, &report, &times, model.len());
        let text = to_text(&mailbox, &report);
        Ok(Answer::done(json, text))
    }
}

/// How long predicting and learning took.
#[derive(Debug, Default)]
struct Times {
    running: Option<(Phase, Instant)>,
    predicting: Duration,
    learning: Duration,
}

impl Times {
    #[expect(clippy::disallowed_methods, reason = "what is measured is the time that passes")]
    fn begin(&mut self, phase: Phase) {
        let now = Instant::now();
        match self.running.replace((phase, now)) {
            Some((Phase::Predict(_), since)) => self.predicting += now - since,
            Some((Phase::Learn(_), since)) => self.learning += now - since,
            Some((Phase::Over, _)) | None => {}
        }
    }
}

fn to_json(mailbox: &Mailbox, report: &Report, times: &Times, model_bytes: usize) -> Value {
    let count = f64::from(u32::try_from(report.n).unwrap_or(u32::MAX));
    let rounded = |value: f64| (value * 10_000.0).round() / 10_000.0;
    let promised: serde_json::Map<String, Value> = report
        .promised
        .iter()
        .map(|(level, delivered)| {
            let coverage = rounded(delivered.coverage);
            let precision = rounded(delivered.precision);
            let taken = delivered.taken;
            (level.clone(), json!({ "coverage": coverage, "precision": precision, "taken": taken }))
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
        "items_per_second": (count / times.predicting.as_secs_f64()).round(),
        "train_ms_per_correction": rounded(times.learning.as_secs_f64() * 1e3 / count),
        "model_bytes": model_bytes,
        "lm_calls": 0,
    })
}

fn to_text(mailbox: &Mailbox, report: &Report) -> String {
    let percent = |share: f64| format!("{:.1} %", share * 100.0);
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
    let most = report.confusion.iter().take(5).map(|(truth, choice, count)| {
        let (truth, choice) = (mailbox.label(*truth), mailbox.label(*choice));
        format!("{count} of {truth} taken for {choice}")
    });
    lines.extend(most);
    lines.join("\n")
}
