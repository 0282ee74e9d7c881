//! The one test command.
use std::process::Command;

use anyhow::Result;

use crate::{
    command::{cargo, exists, root, run},
    sqlx, tidy,
};

/// Passes everything, in the order in which failures are cheapest to find.
#[expect(clippy::print_stdout, reason = "a command speaks on stdout")]
pub(crate) fn run_all() -> Result<()> {
    let step = |name: &str| println!("\n== {name}");
    step("format");
    run(cargo(&["fmt", "--all", "--", "--check"]))?;
    step("tidy");
    tidy::run()?;
    step("sqlx-check");
    sqlx::check()?;
    step("lints");
    run(cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))?;
    step("tests");
    announce_data();
    run(tests())?;
    step("documentation examples");
    run(cargo(&["test", "--workspace", "--doc", "--quiet"]))?;
    step("documentation");
    let mut doc = cargo(&["doc", "--workspace", "--no-deps", "--quiet"]);
    doc.env("RUSTDOCFLAGS", "-D warnings");
    run(doc)
}

/// Uses nextest where it is installed; the tests are the same.
fn tests() -> Command {
    if exists(cargo(&["nextest", "--version"])) {
        cargo(&["nextest", "run", "--workspace"])
    } else {
        cargo(&["test", "--workspace", "--lib", "--bins", "--tests"])
    }
}

/// Says loudly when the tests on real mail will be skipped.
#[expect(clippy::print_stdout, reason = "a command speaks on stdout")]
fn announce_data() {
    let data = std::env::var_os("BESUNNY_DATA")
        .map_or_else(|| root().join("../shared/data"), std::path::PathBuf::from);
    if !data.is_dir() {
        println!("SKIPPED: tests on real mail, since there is no data set at {}", data.display());
        println!("SKIPPED: set BESUNNY_DATA to its folder to run them");
    }
}
