//! `besunny eval`: how good the router is on labelled mailboxes.
#![expect(
    clippy::cast_precision_loss,
    reason = "what is counted here, mails and bytes of a model, is far below 2^52"
)]
use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use besunny::ai::eval::{self, Phase, Report};
use serde_json::json;

use self::{mailbox::Mailbox, pool::Pool};
use super::{Answer, Refusal, describe};

mod figures;
mod mailbox;
mod page;
mod plot;
mod pool;

/// Measure the router on labelled mailboxes.
#[derive(Debug, clap::Args)]
pub(super) struct Eval {
    /// A folder with messages.tar.gz, manifest.jsonl and labels.json; may be given more than once
    #[arg(long, value_name = "DIR", required = true)]
    data: Vec<PathBuf>,
    /// How training and testing take turns
    #[arg(long, value_enum, default_value_t = Protocol::Incremental)]
    protocol: Protocol,
    /// Leave out what gives a mailing list away: its headers, addresses, tags and names
    #[arg(long)]
    hide_hints: bool,
    /// Write a report with plots as one HTML file
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Write the reliability diagram as an SVG file
    #[arg(long, value_name = "FILE")]
    diagram: Option<PathBuf>,
}

/// How training and testing take turns.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Protocol {
    /// Learn the past, predict the next 100 mails, and so on
    Incremental,
}

/// One mailbox and what was measured on it.
struct Measured {
    mailbox: Mailbox,
    report: Report,
    times: Times,
    model_bytes: usize,
}

impl Eval {
    pub(super) fn run(self) -> Result<Answer, Refusal> {
        let Protocol::Incremental = self.protocol;
        let measure = |folder: &PathBuf| Measured::on(folder, self.hide_hints);
        let all = self.data.iter().map(measure).collect::<Result<Vec<_>, _>>()?;
        let pool = Pool::of(&all);
        if let Some(file) = &self.report {
            write(file, &page::page(&all, &pool, self.hide_hints)?)?;
        }
        if let Some(file) = &self.diagram {
            write(file, &plot::alone(&plot::reliability(&pool.reliability)))?;
        }
        let text = all.iter().map(figures::to_text).collect::<Vec<_>>().join("\n\n");
        let json = match &all[..] {
            [one] => figures::to_json(one),
            many => {
                let sets: Vec<_> = many.iter().map(figures::to_json).collect();
                json!({ "sets": sets, "pooled": pool.to_json() })
            }
        };
        Ok(Answer::done(json, text))
    }
}

impl Measured {
    fn on(folder: &Path, hide_hints: bool) -> Result<Self, Refusal> {
        let mailbox = Mailbox::read(folder, hide_hints)?;
        let mut times = Times::default();
        let (report, model) = eval::run(&mailbox.items, |phase| times.begin(phase));
        let model = model.export().map_err(|error| Refusal::finding("model", describe(&error)))?;
        Ok(Self { mailbox, report, times, model_bytes: model.len() })
    }
}

fn write(file: &Path, text: &str) -> Result<(), Refusal> {
    fs::write(file, text).map_err(|error| {
        Refusal::finding("unwritable", format!("{} cannot be written: {error}", file.display()))
    })
}

/// How long predicting and learning took.
#[derive(Debug, Default)]
struct Times {
    running: Option<(Phase, Duration)>,
    predicting: Duration,
    learning: Duration,
}

impl Times {
    /// Returns how many mails were predicted in a second.
    fn rate(&self, mails: usize) -> f64 {
        mails as f64 / self.predicting.as_secs_f64()
    }

    /// Returns how many milliseconds it took to learn one mail.
    fn learning_ms(&self, mails: usize) -> f64 {
        self.learning.as_secs_f64() * 1e3 / mails.max(1) as f64
    }

    fn begin(&mut self, phase: Phase) {
        let now = spent();
        match self.running.replace((phase, now)) {
            Some((Phase::Predict(_), since)) => self.predicting += now.saturating_sub(since),
            Some((Phase::Learn(_), since)) => self.learning += now.saturating_sub(since),
            Some((Phase::Over, _)) | None => {}
        }
    }
}

/// Returns what this thread has computed: what others take of the processor does not count.
#[cfg(unix)]
fn spent() -> Duration {
    use rustix::time::{ClockId, clock_gettime};
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Returns the time since the first call.
#[cfg(not(unix))]
#[expect(clippy::disallowed_methods, reason = "what is measured is the time that passes")]
fn spent() -> Duration {
    use std::{sync::OnceLock, time::Instant};
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed()
}
