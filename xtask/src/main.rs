//! The project's own commands: `cargo xtask COMMAND`.
//!
//! `test` is what the README names and what CI runs; the others are its parts and the long forms
//! that do not fit into it.
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

mod command;
mod fuzz;
mod quality;
mod source;
mod sqlx;
mod test;
mod tidy;

/// The project's own commands.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Passes everything: format, lints, tidy, tests, documentation.
    Test,
    /// Checks the rules of the house that no compiler knows.
    Tidy,
    /// Compares the committed SQL cache with the schema that the migrations make.
    SqlxCheck {
        /// Write the cache anew instead.
        #[arg(long)]
        refresh: bool,
    },
    /// Builds the fuzz targets with a nightly compiler and runs each for a minute.
    Fuzz(fuzz::Fuzz),
    /// Takes in whole mailboxes of the data set named in `BESUNNY_DATA`, optimised.
    RealMail,
    /// Compares the text that Attendee signs with Python's json.dumps over random documents.
    AttendeeJson {
        /// How many documents.
        #[arg(long, default_value_t = 100_000)]
        documents: u64,
    },
    /// Checks the recorded deliveries of Attendee with each feature of `serde_json` that changes it.
    AttendeeFeatures,
    /// Measures the router on the mailboxes named in `BESUNNY_DATA` and writes docs/quality.md.
    Quality(quality::Quality),
    /// Plays histories of the deterministic simulation; fails on a violation.
    Sim {
        /// How many histories.
        #[arg(long, default_value_t = 10_000)]
        seeds: u64,
        /// The seed of the first one.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Writes one JSON object as the last line.
        #[arg(long)]
        json: bool,
    },
    /// Measures ours, a peer and a limit in one run: `A6`; `--help` names them and their options.
    Bench {
        /// What to measure, and its options.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
        arguments: Vec<String>,
    },
}

#[expect(clippy::print_stderr, reason = "a command complains on stderr")]
fn main() -> ExitCode {
    match perform(&Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn perform(command: &Command) -> Result<()> {
    match command {
        Command::Test => test::run_all(),
        Command::Tidy => tidy::run(),
        Command::SqlxCheck { refresh: false } => sqlx::check(),
        Command::SqlxCheck { refresh: true } => sqlx::refresh(),
        Command::Fuzz(fuzz) => fuzz.run(),
        Command::RealMail => real_mail(),
        Command::AttendeeJson { documents } => attendee_json(*documents),
        Command::AttendeeFeatures => attendee_features(),
        Command::Quality(quality) => quality.run(),
        Command::Sim { seeds, seed, json } => sim(*seed, *seeds, *json),
        Command::Bench { arguments } => bench(arguments),
    }
}

/// The tests on real mail, with every mail.
fn real_mail() -> Result<()> {
    let mut program = command::cargo(&["test", "--release", "-p", "besunny-server-example"]);
    program.args(["--test", "it", "real_mail", "--", "--nocapture"]);
    program.env("BESUNNY_REAL_MAIL_WHOLE", "1");
    command::run(program)
}

/// The test that compares canonical JSON with Python's, with more documents than a test run has.
fn attendee_json(documents: u64) -> Result<()> {
    let mut program = command::cargo(&["test", "--release", "-p", "besunny-attendee", "--lib"]);
    program.args(["bot_9_python_writes_the_same", "--", "--nocapture"]);
    program.env("BESUNNY_DOCUMENTS", documents.to_string());
    command::run(program)
}

/// The tests of signatures, built with the features that any crate of a user may switch on for all.
fn attendee_features() -> Result<()> {
    const FEATURES: [&str; 3] = ["preserve_order", "arbitrary_precision", "float_roundtrip"];
    for count in 0..=FEATURES.len() {
        let chosen = FEATURES.iter().take(count).map(|feature| format!("serde_json/{feature}"));
        let chosen = chosen.collect::<Vec<_>>().join(",");
        let mut program = command::cargo(&["test", "-p", "besunny-attendee", "--lib"]);
        program.args(["--features", &chosen, "bot_9", "--", "--nocapture"]);
        command::run(program)?;
    }
    Ok(())
}

/// Runs the simulation as an optimised program of its own, so that tidy need not build it.
fn sim(first: u64, count: u64, json: bool) -> Result<()> {
    let mut program = command::cargo(&["run", "--quiet", "--release", "-p", "besunny-testkit"]);
    program.args(["--example", "sim", "--", &first.to_string(), &count.to_string()]);
    if json {
        program.arg("--json");
    }
    command::run(program)
}

/// Runs a measurement, optimised as what is released.
fn bench(arguments: &[String]) -> Result<()> {
    let mut program = command::cargo(&["run", "--quiet", "--release", "-p", "besunny-bench", "--"]);
    program.args(arguments);
    command::run(program)
}
