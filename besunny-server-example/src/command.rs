//! The command line: one module a command.
use clap::Parser;

/// Connects your mail and routes every item into the right project.
#[derive(Debug, Parser)]
#[command(name = "besunny", version)]
pub struct Line {}
