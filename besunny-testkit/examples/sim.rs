//! Plays histories of the deterministic simulation: `cargo xtask sim --seeds N`.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program speaks")]

use std::process::ExitCode;

use besunny_testkit::simulation;

/// Progress is told after so many histories.
const TOLD_EVERY: u64 = 500;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let mut number = || arguments.next().and_then(|text| text.parse().ok());
    let (Some(first), Some(count)) = (number(), number()) else {
        eprintln!("usage: sim FIRST COUNT [--json]");
        return ExitCode::from(2);
    };
    let json = arguments.next().is_some_and(|text| text == "--json");
    let mut played = 0;
    let summary = simulation::run_many(first, count, |history| {
        played += 1;
        for violation in &history.violations {
            eprintln!("seed {}: {violation:?}", history.seed);
            eprintln!("replay: cargo xtask sim --seed {} --seeds 1", history.seed);
        }
        if played % TOLD_EVERY == 0 {
            eprintln!("{played} of {count} histories");
        }
    });
    if json {
        match serde_json::to_string(&summary) {
            Ok(line) => println!("{line}"),
            Err(error) => eprintln!("{error}"),
        }
    } else {
        println!("{summary:#?}");
    }
    if summary.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
