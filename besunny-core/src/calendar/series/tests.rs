//! Series as calendars tell them, and what they come to.
use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;
use crate::calendar::ics;

/// Reads events, each given by its lines; a line `;` begins the next event.
fn events(lines: &str) -> Vec<CalendarEvent> {
    let mut text = String::from("BEGIN:VCALENDAR\n");
    for event in lines.split("\n;\n") {
        let named = if event.contains("UID:") { "" } else { "UID:u\n" };
        write!(text, "BEGIN:VEVENT\n{named}{event}\nEND:VEVENT\n").unwrap();
    }
    let file = ics::read((text + "END:VCALENDAR\n").as_bytes(), &ics::Caps::default()).unwrap();
    assert_eq!(file.unreadable, [], "{lines}");
    file.entries.into_iter().map(|entry| entry.event).collect()
}

fn day(text: &str) -> DateTime<Utc> {
    format!("{text}T00:00:00Z").parse().unwrap()
}

fn shown(time: &EventTime) -> String {
    match time {
        EventTime::Day(day) => day.to_string(),
        EventTime::At { at, .. } => at.format("%Y-%m-%dT%H:%M%:z").to_string(),
    }
}

fn told(occurrence: &Occurrence<'_>) -> String {
    let mut line = format!("{} to {}", shown(&occurrence.starts), shown(&occurrence.ends));
    match &occurrence.original {
        Some(original) if *original == occurrence.starts => line += " as planned",
        Some(original) => write!(line, " for {}", shown(original)).unwrap(),
        None => {}
    }
    if occurrence.status == EventStatus::Cancelled {
        line += " cancelled";
    }
    if let Some(title) = &occurrence.event.title {
        write!(line, " {}", title.expose()).unwrap();
    }
    line
}

/// Checks the occurrences of events between two days.
#[track_caller]
fn check(lines: &str, from: &str, to: &str, want: &[&str]) {
    let events = events(lines);
    let window = Window { from: day(from), to: day(to) };
    let all = agenda(&events, &window, &mut Allowance::default());
    let got: Vec<_> = all.found.iter().map(told).collect();
    assert_eq!(got, want, "{lines}");
    assert_eq!((all.is_cut, all.unreadable), (false, vec![]), "{lines}");
}

#[test]
fn a_single_event_is_no_series() {
    let event = "DTSTART:20240101T100000Z\nDTEND:20240101T110000Z";
    check(event, "2024-01-01", "2024-01-02", &["2024-01-01T10:00+00:00 to 2024-01-01T11:00+00:00"]);
    check(event, "2024-01-02", "2024-01-03", &[]);
    check(
        "DTSTART:20240101T100000Z",
        "2024-01-01",
        "2024-01-02",
        &["2024-01-01T10:00+00:00 to 2024-01-01T10:00+00:00"],
    );
    let long = "DTSTART;VALUE=DATE:20240101\nDTEND;VALUE=DATE:20240110";
    check(long, "2024-01-05", "2024-01-06", &["2024-01-01 to 2024-01-10"]);
    check(long, "2024-01-10", "2024-01-11", &[]);
    check("DTSTART:20240101", "2023-12-31", "2024-01-01", &[]);
}

#[test]
fn a_series_keeps_its_clock_through_the_year() {
    check(
        "DTSTART;TZID=Europe/Berlin:20240330T023000\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=3",
        "2024-03-01",
        "2024-05-01",
        &[
            "2024-03-30T02:30+01:00 to 2024-03-30T03:30+01:00 as planned",
            "2024-03-31T03:30+02:00 to 2024-03-31T04:30+02:00 as planned",
            "2024-04-01T02:30+02:00 to 2024-04-01T03:30+02:00 as planned",
        ],
    );
    // What is doubled is the first; the duration is exact (RFC 5545 3.8.5.3).
    check(
        "DTSTART;TZID=America/New_York:20241102T013000\nDTEND;TZID=America/New_York:20241102T023000\n\
         RRULE:FREQ=DAILY;UNTIL=20241104T063000Z",
        "2024-11-01",
        "2024-12-01",
        &[
            "2024-11-02T01:30-04:00 to 2024-11-02T02:30-04:00 as planned",
            "2024-11-03T01:30-04:00 to 2024-11-03T01:30-05:00 as planned",
            "2024-11-04T01:30-05:00 to 2024-11-04T02:30-05:00 as planned",
        ],
    );
}

#[test]
fn whole_days_stay_whole_days() {
    check(
        "DTSTART;VALUE=DATE:20240330\nDTEND;VALUE=DATE:20240401\nRRULE:FREQ=WEEKLY;UNTIL=20240413T000000Z\n\
         EXDATE;VALUE=DATE:20240406",
        "2024-03-31",
        "2024-05-01",
        &["2024-03-30 to 2024-04-01 as planned", "2024-04-13 to 2024-04-15 as planned"],
    );
}

#[test]
fn exceptions_take_the_place_of_their_occurrence() {
    let series = "DTSTART:20240101T100000Z\nDTEND:20240101T110000Z\nRRULE:FREQ=DAILY;COUNT=4\n;\n\
        RECURRENCE-ID:20240102T100000Z\nDTSTART:20240110T120000Z\nDTEND:20240110T130000Z\nSUMMARY:moved\n;\n\
        RECURRENCE-ID:20240103T100000Z\nSTATUS:CANCELLED";
    check(
        series,
        "2024-01-01",
        "2024-01-05",
        &[
            "2024-01-01T10:00+00:00 to 2024-01-01T11:00+00:00 as planned",
            "2024-01-03T10:00+00:00 to 2024-01-03T11:00+00:00 as planned cancelled",
            "2024-01-04T10:00+00:00 to 2024-01-04T11:00+00:00 as planned",
        ],
    );
    // It was moved into another window.
    check(
        series,
        "2024-01-10",
        "2024-01-11",
        &["2024-01-10T12:00+00:00 to 2024-01-10T13:00+00:00 for 2024-01-02T10:00+00:00 moved"],
    );
    // An exception is named by its instant, whatever its zone, or by its day.
    for original in [
        "TZID=Europe/Berlin:20240102T110000",
        "VALUE=DATE:20240102",
        "VALUE=DATE-TIME:20240102T100000Z",
    ] {
        let series = format!(
            "DTSTART:20240101T100000Z\nRRULE:FREQ=DAILY;COUNT=2\n;\nRECURRENCE-ID;{original}\n\
             DTSTART:20240102T150000Z\nSUMMARY:later"
        );
        let events = events(&series);
        let window = Window { from: day("2024-01-02"), to: day("2024-01-03") };
        let found =
            occurrences(&events.iter().collect::<Vec<_>>(), &window, &mut Allowance::default());
        let starts: Vec<_> = found.unwrap().found.iter().map(|one| shown(&one.starts)).collect();
        assert_eq!(starts, ["2024-01-02T15:00+00:00"], "{original}");
    }
}

#[test]
fn the_newest_counts() {
    check(
        "DTSTART:20240101T100000Z\nSEQUENCE:2\nSUMMARY:two\n;\nDTSTART:20240101T110000Z\nSEQUENCE:1\nSUMMARY:one",
        "2024-01-01",
        "2024-01-02",
        &["2024-01-01T10:00+00:00 to 2024-01-01T10:00+00:00 two"],
    );
    check(
        "DTSTART:20240101T100000Z\nDTSTAMP:20240102T000000Z\nSUMMARY:new\n;\n\
         DTSTART:20240101T110000Z\nDTSTAMP:20240101T000000Z\nSUMMARY:old",
        "2024-01-01",
        "2024-01-02",
        &["2024-01-01T10:00+00:00 to 2024-01-01T10:00+00:00 new"],
    );
    // A series that is cancelled takes older exceptions with it.
    check(
        "DTSTART:20240101T100000Z\nRRULE:FREQ=DAILY;COUNT=3\nSTATUS:CANCELLED\nSEQUENCE:2\n;\n\
         RECURRENCE-ID:20240102T100000Z\nDTSTART:20240102T120000Z\nSEQUENCE:1\n;\n\
         RECURRENCE-ID:20240103T100000Z\nDTSTART:20240103T120000Z\nSEQUENCE:3",
        "2024-01-02",
        "2024-01-04",
        &[
            "2024-01-02T12:00+00:00 to 2024-01-02T12:00+00:00 for 2024-01-02T10:00+00:00 cancelled",
            "2024-01-03T12:00+00:00 to 2024-01-03T12:00+00:00 for 2024-01-03T10:00+00:00",
        ],
    );
}

#[test]
fn an_exception_may_replace_all_later_ones() {
    check(
        "DTSTART;TZID=Europe/Berlin:20240325T100000\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=8\n\
         EXDATE;TZID=Europe/Berlin:20240329T100000\n;\n\
         RECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Europe/Berlin:20240328T100000\n\
         DTSTART;TZID=Europe/Berlin:20240328T130000\nDURATION:PT30M\nSUMMARY:late\n;\n\
         RECURRENCE-ID;TZID=Europe/Berlin:20240330T100000\nDTSTART;TZID=Europe/Berlin:20240330T080000\nSUMMARY:once",
        "2024-03-27",
        "2024-04-10",
        &[
            "2024-03-27T10:00+01:00 to 2024-03-27T11:00+01:00 as planned",
            "2024-03-28T13:00+01:00 to 2024-03-28T13:30+01:00 for 2024-03-28T10:00+01:00 late",
            "2024-03-30T08:00+01:00 to 2024-03-30T08:00+01:00 for 2024-03-30T10:00+01:00 once",
            "2024-03-31T13:00+02:00 to 2024-03-31T13:30+02:00 for 2024-03-31T10:00+02:00 late",
            "2024-04-01T13:00+02:00 to 2024-04-01T13:30+02:00 for 2024-04-01T10:00+02:00 late",
        ],
    );
    // Moved by a month, they come from far outside of the window.
    check(
        "DTSTART:20240101T100000Z\nRRULE:FREQ=DAILY;COUNT=3\n;\n\
         RECURRENCE-ID;RANGE=THISANDFUTURE:20240102T100000Z\nDTSTART:20240202T100000Z\nSUMMARY:later",
        "2024-02-03",
        "2024-02-04",
        &["2024-02-03T10:00+00:00 to 2024-02-03T10:00+00:00 for 2024-01-03T10:00+00:00 later"],
    );
}

#[test]
fn single_dates_are_added_and_taken_away() {
    check(
        "DTSTART;TZID=Europe/Berlin:20240101T100000\nDURATION:PT1H\n\
         RDATE;TZID=America/New_York:20240105T040000\nRDATE:20240103T120000Z,20240104T090000Z\n\
         RDATE;VALUE=PERIOD:20240106T090000Z/PT2H,20240107T090000Z/20240107T093000Z\n\
         EXDATE:20240104T090000Z",
        "2024-01-01",
        "2024-02-01",
        &[
            "2024-01-01T10:00+01:00 to 2024-01-01T11:00+01:00 as planned",
            "2024-01-03T13:00+01:00 to 2024-01-03T14:00+01:00 as planned",
            "2024-01-05T10:00+01:00 to 2024-01-05T11:00+01:00 as planned",
            "2024-01-06T10:00+01:00 to 2024-01-06T12:00+01:00 as planned",
            "2024-01-07T10:00+01:00 to 2024-01-07T10:30+01:00 as planned",
        ],
    );
    // Two rules and a date that say the same are one occurrence; a day takes all of it away.
    check(
        "DTSTART:20240101T100000Z\nRRULE:FREQ=WEEKLY;COUNT=2\nRRULE:FREQ=DAILY;INTERVAL=7;COUNT=3\nRDATE:20240108T100000Z\n\
         EXDATE;VALUE=DATE:20240115",
        "2024-01-01",
        "2024-02-01",
        &[
            "2024-01-01T10:00+00:00 to 2024-01-01T10:00+00:00 as planned",
            "2024-01-08T10:00+00:00 to 2024-01-08T10:00+00:00 as planned",
        ],
    );
}

#[test]
fn an_exception_without_its_series_stands_for_itself() {
    check(
        "RECURRENCE-ID:20240102T100000Z\nDTSTART:20240103T100000Z\nDTEND:20240103T110000Z",
        "2024-01-03",
        "2024-01-04",
        &["2024-01-03T10:00+00:00 to 2024-01-03T11:00+00:00 for 2024-01-02T10:00+00:00"],
    );
    check("STATUS:CANCELLED", "2024-01-03", "2024-01-04", &[]);
}

#[test]
fn an_answer_that_was_cut_says_so() {
    let events =
        events("DTSTART:19700101T000000Z\nRRULE:FREQ=SECONDLY\n;\nUID:v\nDTSTART:20260102T000000Z");
    let window = Window { from: day("2026-01-01"), to: day("2026-01-03") };
    let ask = |occurrences, steps| {
        let mut allowance = Allowance::new(occurrences, steps);
        let all = agenda(&events, &window, &mut allowance);
        (all.found.len(), all.is_cut)
    };
    assert_eq!(ask(10, 1_000), (10, true));
    assert_eq!(ask(1_000, 10), (5, true));
    assert_eq!(ask(172_801, 1_000_000), (172_801, false));
    assert_eq!(ask(172_800, 1_000_000), (172_800, true));
}

/// A rule that shows one of thousands of times is charged for all of them.
#[test]
fn bad_input_what_is_made_costs_steps() {
    let all = |most: u32| (0..most).map(|n| n.to_string()).collect::<Vec<_>>().join(",");
    let (hours, sixty) = (all(24), all(60));
    let window = Window { from: day("2026-01-01"), to: day("2027-01-01") };
    for (by, steps) in [("HOURLY".to_owned(), 100_000), (format!("DAILY;BYHOUR={hours}"), 80_000)] {
        let rule = format!("RRULE:FREQ={by};BYMINUTE={sixty};BYSECOND={sixty};BYSETPOS=1");
        let events = events(&format!("DTSTART:20260101T000000Z\n{rule}"));
        let found = agenda(&events, &window, &mut Allowance::new(1_000, steps));
        assert!(found.is_cut && found.found.len() < 30, "{by}: {}", found.found.len());
    }
}

#[test]
fn a_series_that_makes_no_sense_does_not_disturb_the_others() {
    let mut events =
        events("DTSTART:20240101T100000Z\nRRULE:FREQ=DAILY\n;\nUID:v\nDTSTART:20240101T120000Z");
    for (line, why) in [
        ("RRULE:FREQ=OFTEN", SeriesError::Rule),
        ("no line", SeriesError::Rule),
        ("EXDATE:soon", SeriesError::Rule),
        ("RDATE;TZID=Mars/Olympus:20240101T000000", SeriesError::Zone),
    ] {
        events[0].recurrence = vec![line.to_owned().into()];
        let window = Window { from: day("2024-01-01"), to: day("2024-01-02") };
        let all = agenda(&events, &window, &mut Allowance::default());
        let uids: Vec<_> = all.found.iter().map(|one| one.event.uid.as_str()).collect();
        assert_eq!((uids, all.unreadable), (vec!["v"], vec![(&events[0].uid, why)]), "{line}");
    }
}

proptest! {
    /// Windows side by side show what one window over all of them shows, each thing once.
    #[test]
    fn windows_side_by_side_lose_nothing(
        rule in "FREQ=(DAILY|WEEKLY|MONTHLY);INTERVAL=[1-3](;BYDAY=MO,FR)?(;COUNT=2[0-9])?",
        zone in prop::sample::select(vec!["Europe/Berlin", "America/New_York", "Pacific/Apia", "UTC"]),
        moved in 0..20_usize, shift in -40..40_i64, cuts in prop::collection::btree_set(0..200_i64, 0..6),
        rest in any::<bool>()
    ) {
        let mut events = events(&format!("DTSTART;TZID={zone}:20240301T023000\nRRULE:{rule}"));
        let from = day("2024-03-01");
        let all = Window { from, to: from + TimeDelta::days(200) };
        let plain = agenda(&events, &all, &mut Allowance::default());
        if let Some(original) = plain.found.get(moved).and_then(|one| one.original.clone()) {
            let EventTime::At { at, zone } = &original else { unreachable!() };
            let starts = EventTime::At { at: *at + TimeDelta::hours(shift), zone: zone.clone() };
            let mut exception = events[0].clone();
            (exception.recurrence, exception.replaces_rest) = (Vec::new(), rest);
            (exception.starts, exception.replaces) = (Some(starts), Some(original));
            events.push(exception);
        }
        let whole = agenda(&events, &all, &mut Allowance::default());
        let keys: std::collections::HashSet<_> =
            whole.found.iter().map(|one| one.original.as_ref().map(EventTime::instant)).collect();
        prop_assert_eq!(keys.len(), whole.found.len());
        prop_assert!(whole.found.is_sorted_by_key(|one| one.starts.instant()));
        let mut parts = Vec::new();
        let ends: Vec<i64> = cuts.into_iter().chain([200]).collect();
        for (first, last) in [0].iter().chain(&ends).zip(&ends) {
            let window = Window { from: from + TimeDelta::days(*first), to: from + TimeDelta::days(*last) };
            parts.extend(agenda(&events, &window, &mut Allowance::default()).found);
        }
        prop_assert_eq!(parts, whole.found);
    }
}
