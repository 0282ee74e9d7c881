//! What a process says of itself.
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};

/// Linux counts in hundredths of a second on every machine.
const TICKS_PER_SECOND: f64 = 100.0;

/// Returns the seconds that all threads of this process have computed.
pub(crate) fn processor_seconds() -> Result<f64> {
    ticks("/proc/self/stat", 11)
}

/// Returns the seconds that this process and the children it waited for have computed.
pub(crate) fn family_seconds() -> Result<f64> {
    Ok(ticks("/proc/self/stat", 11)? + ticks("/proc/self/stat", 13)?)
}

/// Reads user and system time at `first`, counted after the name of the program.
fn ticks(file: &str, first: usize) -> Result<f64> {
    let stat = std::fs::read_to_string(file)?;
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: Vec<u32> = fields.skip(first).take(2).map(str::parse).collect::<Result<_, _>>()?;
    Ok(f64::from(ticks.iter().sum::<u32>()) / TICKS_PER_SECOND)
}

/// Returns the most memory this process has held, in KiB.
pub(crate) fn peak_kib() -> Result<u64> {
    memory("VmHWM:")
}

/// Returns a figure of this process's memory, in KiB.
fn memory(name: &str) -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kib = line.and_then(|line| line.split_whitespace().next());
    Ok(kib.with_context(|| format!("no {name} in /proc/self/status"))?.parse()?)
}

/// Prints what a runner measured, as the harness reads it.
#[expect(clippy::print_stdout, reason = "a runner speaks on stdout")]
pub(crate) fn report(units: usize, wall: Duration, processor: f64) -> Result<()> {
    let measured: Value = json!({
        "units": units,
        "seconds": wall.as_secs_f64(),
        "cpu_seconds": processor,
        "peak_kib": peak_kib()?,
    });
    println!("{measured}");
    Ok(())
}
