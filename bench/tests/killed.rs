//! `kill -9` under the calls of calendars, in short; `cargo xtask bench KILLED` does it more often.
use std::process::Command;

#[test]
fn l2_twenty_kills_under_calls_lose_nothing_that_was_answered() {
    let mut bench = Command::new(env!("CARGO_BIN_EXE_besunny-bench"));
    let output = bench.args(["KILLED", "--times", "20"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}
