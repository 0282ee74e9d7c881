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
    bring_strace();
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

/// Brings the program that watches whether data is synced before a delivery is answered.
#[expect(clippy::print_stdout, reason = "a command speaks on stdout")]
fn bring_strace() {
    let here = || exists(program("strace", &["-V"]));
    if !cfg!(target_os = "linux") || here() {
        return;
    }
    let install = program("apt-get", &["install", "-y", "-qq", "strace"]);
    if !exists(install) || !here() {
        println!("SKIPPED: the test that watches system calls, since strace is not here;");
        println!("SKIPPED: install it (Debian: apt-get install strace, as root) to run it");
    }
}

fn program(name: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(name);
    command.args(arguments);
    command
}
