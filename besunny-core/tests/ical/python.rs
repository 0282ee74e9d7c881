//! The independent opinion: Python's `icalendar` and `recurring_ical_events` over the same files.
//!
//! The list of differences with the reason of each is `docs/calendar-differences.md`.
use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use besunny_core::calendar::{
    EventTime,
    ics::{self, Caps},
    series::{Allowance, Window, agenda},
};
use besunny_testkit::{
    data::{self, say},
    differences::{self, Difference},
};
use chrono::SecondsFormat;
use serde_json::{Value, json};

/// The days that are compared.
const DAYS: [&str; 2] = ["1995-01-01", "2030-01-01"];
/// What the script ends with where its libraries are not there.
const NO_LIBRARIES: i32 = 3;

/// What was compared, and what differs.
#[derive(Debug, Default)]
struct Comparison {
    files: usize,
    /// Occurrences of the files on which both agree.
    occurrences: usize,
    differences: Vec<Difference>,
}

#[test]
fn cal_6_differences_to_python_are_known_and_explained() {
    let Some(folder) = data::find("ical") else { return };
    let Some(lines) = python_events(&folder) else { return };
    let comparison = compare(&folder, &lines);
    let checked = differences::check(&list_path(), &head(&comparison), &comparison.differences);
    checked.unwrap_or_else(|list| panic!("docs/calendar-differences.md should be:\n{list}"));
}

fn list_path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join("docs/calendar-differences.md")
}

fn python_events(folder: &Path) -> Option<Vec<Value>> {
    let [from, to] = DAYS;
    ask("calendar_events.py", &[folder.as_os_str(), from.as_ref(), to.as_ref()])
}

/// Returns the lines that a script of `xtask/python` answers, unless its libraries are not there.
pub(crate) fn ask(script: &str, arguments: &[&OsStr]) -> Option<Vec<Value>> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../xtask/python").join(script);
    let python = std::env::var_os("BESUNNY_PYTHON").unwrap_or_else(|| "python3".into());
    match Command::new(python).arg(script).args(arguments).output() {
        Ok(output) if output.status.code() != Some(NO_LIBRARIES) => {
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let lines = String::from_utf8(output.stdout).unwrap();
            Some(lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
        }
        _ => {
            say(
                "SKIPPED: no python3 with icalendar, recurring_ical_events and dateutil; see BESUNNY_PYTHON",
            );
            None
        }
    }
}

fn compare(folder: &Path, lines: &[Value]) -> Comparison {
    let mut comparison = Comparison::default();
    for theirs in lines {
        let file = theirs["file"].as_str().unwrap();
        comparison.files += 1;
        let ours = our_events(&fs::read(folder.join(file)).unwrap());
        match ours.as_array() {
            Some(events) if ours == theirs["events"] => comparison.occurrences += events.len(),
            _ => comparison.differences.push(Difference::new(&[file], &ours)),
        }
    }
    comparison
}

/// Lists the occurrences as the script does; what is refused is told as text.
fn our_events(raw: &[u8]) -> Value {
    let file = match ics::read(raw, &Caps::default()) {
        Ok(file) => file,
        Err(error) => return json!(error.to_string()),
    };
    let [from, to] = DAYS.map(|day| format!("{day}T00:00:00Z").parse().unwrap());
    let events = file.entries.iter().map(|entry| &entry.event);
    let found = agenda(events, &Window { from, to }, &mut Allowance::default());
    let mut spans: Vec<_> =
        found.found.iter().map(|one| [shown(&one.starts), shown(&one.ends)]).collect();
    spans.sort();
    json!(spans)
}

fn shown(time: &EventTime) -> String {
    match time {
        EventTime::Day(day) => day.to_string(),
        EventTime::At { at, .. } => at.to_utc().to_rfc3339_opts(SecondsFormat::Secs, true),
    }
}

/// Returns what the list says before its rows.
fn head(comparison: &Comparison) -> String {
    let Comparison { files, occurrences, differences } = comparison;
    let equal = files - differences.len();
    let [from, to] = DAYS;
    format!(
        "# Differences to Python's calendar libraries\n\n\
         `xtask/python/calendar_events.py` reads the public `ical` set with Python's `icalendar` and\n\
         `recurring_ical_events`, and `besunny-core/tests/ical/python.rs` compares what takes place from {from}\n\
         up to {to}: of {files} files {equal} agree, with {occurrences} occurrences.\n\n\
         The test fails when this list differs from what it finds, and is skipped where the libraries are not\n\
         there: `pip install icalendar recurring_ical_events x-wr-timezone`, and `BESUNNY_PYTHON` where they are.\n\
         Each difference was looked at; the mark is of what we say, so that a change of it is seen.\n\
         `BESUNNY_BLESS=1 cargo test -p besunny-core --test ical` writes the list anew and keeps the reasons.\n\n\
         | file | mark | reason |\n|---|---|---|\n"
    )
}
