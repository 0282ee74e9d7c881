//! Random rules, and what Python's `dateutil` makes of them.
use besunny_core::calendar::{
    ics::{self, Caps},
    series::{Allowance, Window, agenda},
};
use besunny_testkit::data::say;
use chrono::SecondsFormat;
use serde_json::Value;

use crate::python::ask;

/// Enough to meet each part of a rule in each frequency, few enough for every test run.
const RULES: &str = "100";
const SEED: &str = "1";

#[test]
fn cal_6_random_rules_come_to_what_dateutil_makes_of_them() {
    let Some(lines) = ask("calendar_rules.py", &[SEED.as_ref(), RULES.as_ref()]) else { return };
    let mut occurrences = 0;
    for line in &lines {
        let (start, rule) = (line["start"].as_str().unwrap(), line["rule"].as_str().unwrap());
        let ours = times(start, rule);
        occurrences += ours.len();
        assert_eq!(Value::from(ours), line["found"], "{start} {rule}");
    }
    say(&format!("{} random rules agree, with {occurrences} occurrences", lines.len()));
    assert!(occurrences > 0);
}

fn times(start: &str, rule: &str) -> Vec<String> {
    let text = format!("BEGIN:VEVENT\nUID:u\nDTSTART:{start}\nRRULE:{rule}\nEND:VEVENT\n");
    let file = ics::read(text.as_bytes(), &Caps::default()).unwrap();
    let year = |year: &str| format!("{year}-01-01T00:00:00Z").parse().unwrap();
    let window = Window { from: year("2024"), to: year("2025") };
    let events = file.entries.iter().map(|entry| &entry.event);
    let found = agenda(events, &window, &mut Allowance::default());
    assert!(!found.is_cut, "{rule}");
    let shown = |at: chrono::DateTime<chrono::Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
    found.found.iter().map(|one| shown(one.starts.instant())).collect()
}
