//! What the machine did meanwhile, and what it is.
use std::{fs, io::Write, path::Path, process::Command, time::Instant};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::measure::family_seconds;

/// Times a small write is made durable to learn the rate.
const SYNCS: u32 = 200;

/// Watches how much of the processors others use.
#[derive(Debug)]
pub(crate) struct Watch {
    busy: f64,
    all: f64,
    ours: f64,
}

impl Watch {
    pub(crate) fn start() -> Result<Self> {
        let (busy, all) = processors()?;
        Ok(Self { busy, all, ours: family_seconds()? })
    }

    /// Returns the share of all processors that others used since the start, 0 to 1.
    pub(crate) fn foreign(&self) -> Result<f64> {
        let (busy, all) = processors()?;
        let ours = family_seconds()? - self.ours;
        Ok(((busy - self.busy - ours) / (all - self.all)).max(0.0))
    }
}

/// Returns the seconds all processors were busy, and all there were.
fn processors() -> Result<(f64, f64)> {
    let stat = fs::read_to_string("/proc/stat")?;
    let line = stat.lines().next().context("/proc/stat is empty")?;
    let ticks: Vec<f64> =
        line.split_whitespace().skip(1).map(str::parse).collect::<Result<_, _>>()?;
    let all: f64 = ticks.iter().take(8).sum();
    let idle: f64 = ticks.iter().skip(3).take(2).sum();
    Ok(((all - idle) / 100.0, all / 100.0))
}

/// Returns how often a second a small write is made durable in `folder`.
#[expect(clippy::disallowed_methods, reason = "a measurement needs the wall clock")]
pub(crate) fn syncs_per_second(folder: &Path) -> Result<f64> {
    let mut file = fs::File::create(folder.join("sync"))?;
    let began = Instant::now();
    for _ in 0..SYNCS {
        file.write_all(&[0; 4096])?;
        file.sync_data()?;
    }
    Ok(f64::from(SYNCS) / began.elapsed().as_secs_f64())
}

/// Names the versions that a figure depends on.
pub(crate) fn versions(python: &Path) -> Value {
    let said = |program: &Path, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).output().ok()?;
        Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name"));
    json!({
        "besunny": env!("CARGO_PKG_VERSION"),
        "commit": said(Path::new("git"), &["rev-parse", "--short", "HEAD"]),
        "rustc": said(Path::new("rustc"), &["--version"]),
        "python": said(python, &["--version"]),
        "python_sqlite": said(python, &["-c", "import sqlite3; print(sqlite3.sqlite_version)"]),
        "kernel": fs::read_to_string("/proc/sys/kernel/osrelease").ok().map(|text| text.trim().to_owned()),
        "processor": model.map(|model| model.trim_start_matches([' ', '\t', ':'])),
        "processors": std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
    })
}
