//! MIME: every mail of the public data set and every hostile one, each read once by a process of its own.
//!
//! The bound is the same for all: a second and 256 MiB, the process and the raw mail included. The second is one of
//! computing: a parser does nothing else, and so others on the machine do not count.
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use besunny::core::mail::{self, Caps};
use besunny_testkit::{data, hostile};
use clap::Args;
use serde_json::{Value, json};

use crate::{
    machine::{Watch, versions},
    measure::{processor_seconds, report},
    rounds::{figure, ours},
};

/// What one mail may cost (MAIL-18).
const MOST_SECONDS: f64 = 1.0;
const MOST_KIB: f64 = 256.0 * 1024.0;
/// So many of the most costly mails are named.
const NAMED: usize = 5;
/// As large as the caps of a mail let a piece of it become.
const SIZES: hostile::Sizes = hostile::Sizes { field: 256 << 10, text: 2 << 20, page: 2 << 20 };

/// Reads one mail.
#[derive(Debug, Args)]
pub(crate) struct ReadMail {
    /// A file that holds it.
    #[arg(long, conflicts_with = "hostile", required_unless_present = "hostile")]
    file: Option<PathBuf>,
    /// Its place among the hostile ones.
    #[arg(long)]
    hostile: Option<usize>,
}

impl ReadMail {
    #[expect(clippy::disallowed_methods, reason = "a measurement needs the wall clock")]
    pub(crate) fn run(self) -> Result<()> {
        let raw = match (self.file, self.hostile) {
            (Some(file), _) => {
                std::fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?
            }
            (None, Some(place)) => {
                let all = hostile::mails(SIZES);
                let (_, make) = all.get(place).context("no such hostile mail")?;
                make()
            }
            (None, None) => bail!("name a mail"),
        };
        let (began, processor) = (std::time::Instant::now(), processor_seconds()?);
        // A mail that is refused has been read too.
        std::hint::black_box(mail::read(&raw, &Caps::default()).is_ok());
        report(1, began.elapsed(), processor_seconds()? - processor)
    }
}

#[expect(clippy::print_stdout, reason = "a measurement speaks on stdout")]
pub(crate) fn run() -> Result<()> {
    let watch = Watch::start()?;
    let folder = data::find("mime").context("the data set is needed")?;
    let mut read = Vec::new();
    for (name, path) in data::files(&folder) {
        read.push(json!({ "mail": name, "cost": ours(&["read-mail", "--file", &path.to_string_lossy()])? }));
    }
    let files = read.len();
    for (place, (name, _)) in hostile::mails(SIZES).iter().enumerate() {
        read.push(
            json!({ "mail": name, "cost": ours(&["read-mail", "--hostile", &place.to_string()])? }),
        );
    }
    let slowest = costliest(&read, "cpu_seconds")?;
    let largest = costliest(&read, "peak_kib")?;
    let report = json!({
        "id": "MIME",
        "files": files,
        "hostile": read.len() - files,
        "most_cpu_seconds": MOST_SECONDS,
        "most_kib": MOST_KIB,
        "slowest": slowest,
        "largest": largest,
        "foreign_cpu": watch.foreign()?,
        "versions": versions(std::path::Path::new("python3")),
    });
    println!("{report}");
    let beyond = |read: &Value| {
        let cost = |name| figure(&read["cost"], name).unwrap_or(f64::INFINITY);
        cost("cpu_seconds") > MOST_SECONDS || cost("peak_kib") > MOST_KIB
    };
    let beyond: Vec<&Value> = read.iter().filter(|read| beyond(read)).collect();
    ensure!(beyond.is_empty(), "these mails cost too much: {}", json!(beyond));
    Ok(())
}

/// Returns the mails that cost most, the costliest first.
fn costliest(read: &[Value], name: &str) -> Result<Vec<Value>> {
    let mut costs = Vec::with_capacity(read.len());
    for read in read {
        costs.push((figure(&read["cost"], name)?, read));
    }
    costs.sort_by(|one, other| other.0.total_cmp(&one.0));
    Ok(costs.into_iter().take(NAMED).map(|(_, read)| read.clone()).collect())
}
