//! Rounds of runners, interleaved, and what comes of their ratios.
use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};
use clap::Args;
use serde_json::{Value, json};

/// How often, and against whom.
#[derive(Debug, Args)]
pub(crate) struct Repeats {
    /// How often each runner runs.
    #[arg(long, default_value_t = 3)]
    pub(crate) rounds: usize,
    /// The Python of the peers, with what they need installed.
    #[arg(long, default_value = "python3")]
    pub(crate) python: PathBuf,
}

/// How long and how large, in mails.
#[derive(Debug, Args)]
pub(crate) struct Plan {
    #[command(flatten)]
    pub(crate) repeats: Repeats,
    /// How many mails.
    #[arg(long, default_value_t = 20_000)]
    pub(crate) mails: usize,
}

/// Runs a runner of ours.
pub(crate) fn ours(arguments: &[&str]) -> Result<Value> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("runner").args(arguments);
    measured(command)
}

/// Runs a peer.
pub(crate) fn peer(python: &Path, name: &str, arguments: &[&str]) -> Result<Value> {
    measured(script(python, name, arguments))
}

/// Returns the command that runs a peer.
pub(crate) fn script(python: &Path, name: &str, arguments: &[&str]) -> Command {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers").join(name);
    let mut command = Command::new(python);
    command.arg(script).args(arguments);
    command
}

/// Says whether Python has the modules that a peer needs; complains if not, since its figures will be missing.
#[expect(clippy::print_stderr, reason = "a measurement speaks to whoever started it")]
pub(crate) fn has(python: &Path, modules: &str) -> bool {
    let mut command = Command::new(python);
    command.args(["-c", &format!("import {modules}")]).stderr(Stdio::null());
    let has_it = command.status().is_ok_and(|status| status.success());
    if !has_it {
        let python = python.display();
        eprintln!("\n!! A PEER IS MISSING: {python} has no {modules}; install it with pip\n");
    }
    has_it
}

/// Runs a runner and reads the last line it prints.
fn measured(mut command: Command) -> Result<Value> {
    let output = command.stderr(Stdio::inherit()).output();
    let output = output.with_context(|| format!("cannot start {command:?}"))?;
    ensure!(output.status.success(), "{command:?} failed: {}", output.status);
    let text = String::from_utf8(output.stdout)?;
    let line = text.lines().last().context("a runner printed nothing")?;
    serde_json::from_str(line).with_context(|| format!("a runner printed {line:?}"))
}

/// Returns a figure of a runner.
pub(crate) fn figure(measured: &Value, name: &str) -> Result<f64> {
    measured[name].as_f64().with_context(|| format!("no {name} in {measured}"))
}

/// Returns the least, the middle and the greatest value.
pub(crate) fn spread(mut values: Vec<f64>) -> Value {
    values.sort_by(f64::total_cmp);
    let at = |index: usize| values.get(index).copied();
    json!({ "min": at(0), "median": at(values.len() / 2), "max": at(values.len().saturating_sub(1)) })
}
