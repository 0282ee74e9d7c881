//! Calendar files: what takes place by them, taken in, or refused with a typed error.
use std::{fmt::Write as _, fs};

use besunny_testkit::data;
use serde_json::Value;

use crate::binary::{Desk, Run};

const WEEKLY: &str = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1@example.org\nDTSTART;TZID=Europe/Berlin:20260601T100000\n\
    DURATION:PT1H\nRRULE:FREQ=WEEKLY;COUNT=4\nEXDATE;TZID=Europe/Berlin:20260608T100000\nSUMMARY:Weekly\n\
    LOCATION:https://meet.google.com/abc-defg-hij?hs=122\nEND:VEVENT\n\
    BEGIN:VEVENT\nUID:1@example.org\nRECURRENCE-ID;TZID=Europe/Berlin:20260615T100000\n\
    DTSTART;TZID=Europe/Berlin:20260616T120000\nDTEND;TZID=Europe/Berlin:20260616T123000\nSUMMARY:Moved\nEND:VEVENT\n\
    BEGIN:VEVENT\nUID:1@example.org\nRECURRENCE-ID:20260622T080000Z\nSTATUS:CANCELLED\nEND:VEVENT\n\
    BEGIN:VEVENT\nUID:2@example.org\nDTSTART;VALUE=DATE:20260603\nSUMMARY:Holiday\nEND:VEVENT\n\
    BEGIN:VEVENT\nUID:3@example.org\nDTSTART:20260631T000000Z\nEND:VEVENT\nEND:VCALENDAR\n";

fn inspect(desk: &Desk, path: &str) -> Run {
    desk.run(&["inspect", "ics", path, "--from", "2026-06-01", "--to", "2026-07-01"])
}

#[test]
fn cal_6_a_series_with_its_exceptions() {
    let desk = Desk::new();
    let path = desk.file("a.ics", WEEKLY);
    insta::assert_json_snapshot!(inspect(&desk, &path).ends(0));
}

#[test]
fn the_answer_is_one_object_also_for_people() {
    let desk = Desk::new();
    let path = desk.file("a.ics", WEEKLY);
    let days = ["inspect", "ics", &path, "--from", "2026-06-03", "--to", "2026-06-04"];
    let output = crate::binary::binary().args(days).output().unwrap();
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["events"][0]["start"], "2026-06-03");
    assert_eq!(answer["events"].as_array().unwrap().len(), 1);
    let backwards = ["inspect", "ics", &path, "--from", "2026-06-03", "--to", "2026-06-03"];
    desk.run(&backwards).refuses(2, "usage", &["--to"]);
}

#[test]
fn bad_input_what_is_no_calendar() {
    let desk = Desk::new();
    let check = |content: &str, kind: &str, words: &[&str]| {
        inspect(&desk, &desk.file("a.ics", content)).refuses(1, kind, words);
    };
    inspect(&desk, "nowhere.ics").refuses(1, "unreadable", &["nowhere.ics"]);
    check(" \n", "empty", &["a.ics"]);
    check("Hello", "not_calendar", &["a.ics"]);
    check("BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1", "cut_off", &["line 2"]);
    check("BEGIN:VEVENT\nDTSTART:soon\nEND:VEVENT", "no_event", &["line 1", "time"]);
}

#[test]
fn bad_input_bombs() {
    let desk = Desk::new();
    let check = |content: String, kind: &str, words: &[&str]| {
        inspect(&desk, &desk.file("bomb.ics", content)).refuses(1, kind, words);
    };
    let event = |lines: &str| format!("BEGIN:VEVENT\nUID:u\n{lines}\nEND:VEVENT\n");
    check(
        event("DTSTART:19700101T000000Z\nRRULE:FREQ=SECONDLY"),
        "too_many",
        &["20000 occurrences"],
    );
    check(
        event("DTSTART:19700101T000000Z\nRRULE:FREQ=SECONDLY;COUNT=2000000000"),
        "too_many",
        &["rule"],
    );
    let mut many = String::new();
    for number in 0..20_000 {
        write!(many, "BEGIN:VEVENT\nUID:{number}\nDTSTART:19700101T000000Z\nRRULE:FREQ=MINUTELY;COUNT=99999999\nEND:VEVENT\n")
            .unwrap();
    }
    check(many, "too_many", &[]);
    check("BEGIN:VEVENT\nEND:VEVENT\n".repeat(600_000), "refused", &["50000 events"]);
    check(event(&format!("SUMMARY:{}", "x".repeat(10 << 20))), "refused", &["line 3"]);
    check("BEGIN:VCALENDAR\n".repeat(100_000), "refused", &["16 deep"]);
    check("x".repeat((16 << 20) + 1), "too_large", &["16777216"]);
    let zone = |name: &str, other: &str| {
        format!(
            "BEGIN:VTIMEZONE\nTZID:{name}\nBEGIN:STANDARD\nDTSTART;TZID={other}:19700101T000000\n\
             TZOFFSETFROM:+0100\nTZOFFSETTO:+0200\nEND:STANDARD\nEND:VTIMEZONE\n"
        )
    };
    let cyclic = zone("A", "B") + &zone("B", "A") + &event("DTSTART;TZID=A:20260601T100000");
    check(cyclic, "no_event", &["line 17", "zone"]);
}

/// Reads the public set; nothing of it is shown.
#[test]
fn every_calendar_of_the_public_set_is_read_or_refused() {
    let Some(folder) = data::find("ical") else { return };
    let desk = Desk::new();
    for (name, path) in data::files(&folder) {
        let path = desk.file("a.ics", fs::read(path).unwrap());
        let answer = inspect(&desk, &path).json();
        assert!(answer["events"].is_array() || answer["error"]["kind"].is_string(), "{name}");
    }
}

#[test]
fn cmd_a_calendar_is_taken_in_once_and_verified() {
    let desk = Desk::new();
    let path = desk.file("a.ics", WEEKLY);
    let import = || desk.run(&["import", "--ics", &path]);
    // The series, its two exceptions, the holiday, and one that nobody can read.
    import().counts(0, [4, 0, 1, 0]);
    import().counts(0, [0, 0, 0, 5]);
    desk.run(&["verify"]).ends(0);
    desk.file("a.ics", WEEKLY.replace("UID:2@", "UID:4@"));
    let changed = import();
    changed.counts(0, [1, 0, 0, 4]);
    changed.removed(1);
    desk.run(&["verify"]).ends(0);
    let wrong = desk.file("b.ics", "Hello");
    desk.run(&["import", "--ics", &wrong]).refuses(1, "source", &["b.ics"]);
    desk.run(&["import", "--ics", "nowhere.ics"]).refuses(2, "source", &["nowhere.ics"]);
}
