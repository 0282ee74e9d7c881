//! The fuzz targets: built by a nightly compiler, with the flags that libFuzzer needs, and run.
use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result, bail, ensure};

use crate::command::{root, run};

/// What `cargo fuzz` passes to the compiler: coverage for libFuzzer, and the address sanitizer.
const FLAGS: [&str; 10] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "--cfg",
    "fuzzing",
    "-Zsanitizer=address",
    "-Ccodegen-units=1",
    "-Cdebug-assertions",
];
/// One input that takes longer is a finding, in seconds: everything here is linear in its input.
const SLOWEST: u32 = 10;

/// Runs fuzz targets.
#[derive(Debug, clap::Args)]
pub(crate) struct Fuzz {
    /// Which ones; all unless some are named.
    targets: Vec<String>,
    /// How long each of them runs.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
}

impl Fuzz {
    /// Builds all targets and runs those that are named; what is found stays in `fuzz/artifacts`.
    pub(crate) fn run(&self) -> Result<()> {
        let folder = root().join("fuzz");
        let all = targets(&folder)?;
        let unknown = self.targets.iter().find(|name| !all.contains(name));
        ensure!(unknown.is_none(), "no target is called {unknown:?}; there are {all:?}");
        let host = host()?;
        run(build(&folder, &host))?;
        let named = if self.targets.is_empty() { &all } else { &self.targets };
        let mut found = Vec::new();
        for name in named {
            let program = folder.join("target").join(&host).join("release").join(name);
            let (corpus, artifacts) =
                (kept(&folder, "corpus", name)?, kept(&folder, "artifacts", name)?);
            let mut fuzzer = Command::new(program);
            fuzzer
                .arg(format!("-max_total_time={}", self.seconds))
                .arg(format!("-timeout={SLOWEST}"))
                .arg(format!("-artifact_prefix={artifacts}/"))
                .args(["-print_final_stats=1", &corpus]);
            if run(fuzzer).is_err() {
                found.push(name.as_str());
            }
        }
        if !found.is_empty() {
            bail!("inputs that break {} are in fuzz/artifacts", found.join(", "));
        }
        Ok(())
    }
}

/// Returns the names of all targets.
fn targets(folder: &Path) -> Result<Vec<String>> {
    let files = fs::read_dir(folder.join("fuzz_targets"))?;
    let names = files.map(|file| {
        let path = file?.path();
        let name = path.file_stem().and_then(|name| name.to_str());
        Ok(name.context("a target has no name")?.to_owned())
    });
    let mut names = names.collect::<Result<Vec<String>>>()?;
    names.sort();
    Ok(names)
}

/// Builds for a named host, so that the flags spare what runs while building.
fn build(folder: &Path, host: &str) -> Command {
    let mut command = Command::new("rustup");
    command
        .args(["run", "nightly", "cargo", "build", "--release", "--target", host])
        .env("RUSTFLAGS", FLAGS.join(" "))
        .env_remove("CARGO")
        .env_remove("RUSTC")
        .current_dir(folder);
    command
}

fn host() -> Result<String> {
    let output = Command::new("rustc").arg("-vV").output().context("cannot ask rustc")?;
    let text = String::from_utf8(output.stdout)?;
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc names no host")?.to_owned())
}

/// Makes the folder of a target.
fn kept(folder: &Path, what: &str, name: &str) -> Result<String> {
    let kept = folder.join(what).join(name);
    fs::create_dir_all(&kept)?;
    Ok(kept.display().to_string())
}
