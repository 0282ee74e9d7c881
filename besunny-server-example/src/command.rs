//! The command line: one module a command.
//!
//! The contract is in docs/cli.md: what each command answers, and what its exit code means.
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Parser, Subcommand, error::ErrorKind};

use crate::log;

mod answer;
#[cfg(feature = "demo")]
mod demo;
mod doctor;
mod eval;
mod feedback;
mod import;
mod inspect;
mod migrate;
mod model;
mod onboard;
mod replay;
mod serve;
mod signal;
mod verify;

pub use answer::{Answer, Refusal};

use answer::Speaker;
pub(crate) use besunny::core::cause::describe;
pub(crate) use onboard::refused;

/// Where the database is unless something else is said.
const DEFAULT_DB: &str = "./besunny.db";

/// Connects your mail and routes every item into the right project.
#[derive(Debug, Parser)]
#[command(name = "besunny", version, after_help = EXIT_CODES)]
pub struct Line {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 done; 1 a finding: something is missing, refused or failed; \
                          2 wrong usage or configuration.";

/// What every command understands.
#[derive(Debug, clap::Args)]
struct Global {
    /// The database; it is made when it is not there [default: ./besunny.db; demo: a temporary one]
    #[arg(long, global = true, value_name = "FILE")]
    db: Option<PathBuf>,
    /// Answer with one JSON object as the last line of stdout
    #[arg(long, global = true)]
    json: bool,
}

impl Global {
    fn db(&self) -> &Path {
        self.db.as_deref().unwrap_or(Path::new(DEFAULT_DB))
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Take in mail or a calendar from files on this machine, and remember where it came from
    Import(import::Import),
    /// Compare every remembered source with what is held of it
    Verify,
    /// Show what is read out of a mail, a calendar, links or a delivery
    Inspect {
        #[command(subcommand)]
        what: inspect::Inspect,
    },
    /// Make or change a project by a file of answers
    Onboard(onboard::Onboard),
    /// Measure the router on a labelled mailbox, in the order of time
    Eval(eval::Eval),
    /// List, export and take back what was learned
    Model {
        #[command(subcommand)]
        what: model::Model,
    },
    /// Show what another model would have decided, and change nothing
    Replay(replay::Replay),
    /// Say where documents belong, make rules, and take things back
    Feedback(feedback::Feedback),
    /// Run the server: console, REST, webhooks
    Serve(serve::Serve),
    /// Show everything at work on a simulated mailbox
    #[cfg(feature = "demo")]
    Demo(demo::Demo),
    /// Check every setting and name the fix of what is wrong
    Doctor(doctor::Doctor),
    /// Bring the database up to date
    Migrate,
}

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    let line = match Line::try_parse() {
        Ok(line) => line,
        Err(error) => return complain(&error),
    };
    let speaker = Speaker { json: line.global.json };
    speaker.answer(&perform(line, speaker))
}

/// Says what is wrong with the command line, or shows the help that was asked for.
fn complain(error: &clap::Error) -> ExitCode {
    let shows_help = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    let wants_json = std::env::args_os()
        .take_while(|argument| argument != "--")
        .any(|argument| argument == "--json");
    if shows_help || !wants_json {
        return match error.print() {
            Ok(()) if shows_help => ExitCode::SUCCESS,
            _ => answer::USAGE.into(),
        };
    }
    let text = error.render().to_string();
    let message = text.trim().strip_prefix("error: ").unwrap_or(text.trim());
    Speaker { json: true }.answer(&Err(Refusal::usage("usage", message)))
}

fn perform(line: Line, speaker: Speaker) -> Result<Answer, Refusal> {
    let Line { global, command } = line;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| {
        Refusal::finding("system", format!("no threads can be started: {error}"))
    })?;
    let done = match command {
        Command::Import(import) => {
            log::init_quiet()?;
            runtime.block_on(import.run(global.db(), speaker))
        }
        Command::Verify => {
            log::init_quiet()?;
            runtime.block_on(verify::run(global.db()))
        }
        Command::Inspect { what } => what.run(),
        Command::Onboard(onboard) => {
            log::init_quiet()?;
            runtime.block_on(onboard.run(global.db()))
        }
        Command::Eval(eval) => eval.run(),
        Command::Model { what } => runtime.block_on(what.run(global.db())),
        Command::Replay(replay) => {
            log::init_quiet()?;
            runtime.block_on(replay.run(global.db()))
        }
        Command::Feedback(feedback) => {
            log::init_quiet()?;
            runtime.block_on(feedback.run(global.db()))
        }
        Command::Serve(serve) => runtime.block_on(serve.run(global.db, speaker)),
        #[cfg(feature = "demo")]
        Command::Demo(demo) => runtime.block_on(demo.run(global.db, speaker)),
        Command::Doctor(doctor) => runtime.block_on(doctor.run(global.db)),
        Command::Migrate => runtime.block_on(migrate::run(global.db())),
    };
    // A thread that still blocks in a read of a hanging disk must not hold the answer back.
    runtime.shutdown_background();
    done
}
