//! The project's own commands: `cargo xtask COMMAND`.
//!
//! `test` is what the README names and what CI runs; the others are its parts and the long forms
//! that do not fit into it.
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

mod command;
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
    }
}
