//! Calendars as programs write them, odd ones, and bombs.
use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;
use crate::calendar::{Attendance, EventStatus, EventTime};

fn read_text(text: &str) -> Result<IcsFile, IcsError> {
    read(text.as_bytes(), &Caps::default())
}

/// Reads the one event of these lines.
#[track_caller]
fn event(lines: &str) -> CalendarEvent {
    let mut file = read_text(&format!("BEGIN:VEVENT\nUID:u\n{lines}\nEND:VEVENT")).unwrap();
    assert_eq!(file.unreadable, [], "{lines}");
    file.entries.remove(0).event
}

#[test]
fn cal_6_the_fields_of_an_event() {
    let text = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nUID:u1@example.org\r\nSEQUENCE:3\r\n\
        DTSTAMP:20240102T030405Z\r\nSTATUS:TENTATIVE\r\nTRANSP:TRANSPARENT\r\n\
        DTSTART;TZID=W. Europe Standard Time:20240105T100000\r\nDURATION:PT1H30M\r\nRRULE:FREQ=WEEKLY;BYDAY=FR\r\n\
        EXDATE;TZID=\"W. Europe Standard Time\":20240112T1\r\n 00000\r\nSUMMARY:Weekly\\, with\r\n  everyone\\nSecond\r\n\
        DESCRIPTION:First\\; second\r\nLOCATION:Room 1\r\nURL:https://example.org/event\r\n\
        CONFERENCE;VALUE=URI;FEATURE=PHONE:tel:+49123\r\nCONFERENCE;FEATURE=AUDIO:https://example.org/audio\r\n\
        CONFERENCE;VALUE=URI;FEATURE=\"AUDIO,VIDEO\";LABEL=\"a;b:c\":https://meet.example.org/video\r\n\
        ORGANIZER;CN=\"A: B\":MAILTO:a@example.org\r\n\
        ATTENDEE;CN=Room;CUTYPE=ROOM;PARTSTAT=ACCEPTED:mailto:room@example.org\r\n\
        ATTENDEE;CN=Jim ^'J^' Doe;EMAIL=jim@example.org;PARTSTAT=DECLINED:urn:uuid:1\r\n\
        BEGIN:VALARM\r\nSUMMARY:alarm\r\nDESCRIPTION:alarm\r\nEND:VALARM\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
    let mut file = read_text(text).unwrap();
    assert_eq!((file.entries.len(), file.unreadable.len()), (1, 0));
    let Entry { event, method } = file.entries.remove(0);
    assert_eq!(method, Some(Method::Request));
    insta::assert_json_snapshot!(event);
}

#[track_caller]
fn check_time(lines: &str, starts: &str, ends: Option<&str>) {
    let event = event(lines);
    let shown = |time: &EventTime| match time {
        EventTime::Day(day) => day.to_string(),
        EventTime::At { at, zone } => {
            format!(
                "{}{}",
                at.to_rfc3339(),
                zone.as_deref().map(|zone| format!(" {zone}")).unwrap_or_default()
            )
        }
    };
    assert_eq!(event.starts.as_ref().map(shown).as_deref(), Some(starts), "{lines}");
    assert_eq!(event.ends.as_ref().map(shown).as_deref(), ends, "{lines}");
}

#[test]
fn times_have_zones_and_ends() {
    check_time("DTSTART:20240105T100000Z", "2024-01-05T10:00:00+00:00", None);
    check_time("DTSTART:20240105T100000", "2024-01-05T10:00:00+00:00", None);
    check_time("DTSTART:20240105", "2024-01-05", Some("2024-01-06"));
    check_time("DTSTART;VALUE=DATE:20240105T100000", "2024-01-05", Some("2024-01-06"));
    check_time(
        "DTSTART;VALUE=DATE:20240105\nDTEND;VALUE=DATE:20240105",
        "2024-01-05",
        Some("2024-01-06"),
    );
    check_time("DTSTART;VALUE=DATE:20240105\nDURATION:P3D", "2024-01-05", Some("2024-01-08"));
    check_time(
        "DTSTART;VALUE=DATE:20240105\nDTEND:20240107T120000Z",
        "2024-01-05",
        Some("2024-01-07"),
    );
    check_time(
        "DTSTART:20240105T100000Z\nDTEND;VALUE=DATE:20240106",
        "2024-01-05T10:00:00+00:00",
        Some("2024-01-06T00:00:00+00:00"),
    );
    // What ends before it begins has no end.
    check_time(
        "DTSTART:20240105T100000Z\nDTEND:20240105T090000Z",
        "2024-01-05T10:00:00+00:00",
        None,
    );
    // Days are counted by the calendar, hours by the clock.
    let berlin = "DTSTART;TZID=Europe/Berlin:20240330T100000";
    check_time(
        &format!("{berlin}\nDURATION:P1D"),
        "2024-03-30T10:00:00+01:00 Europe/Berlin",
        Some("2024-03-31T10:00:00+02:00 Europe/Berlin"),
    );
    check_time(
        &format!("{berlin}\nDURATION:PT24H"),
        "2024-03-30T10:00:00+01:00 Europe/Berlin",
        Some("2024-03-31T11:00:00+02:00 Europe/Berlin"),
    );
    check_time(
        "DTSTART;;TZID=\"/mozilla.org/x/Asia/Tokyo\":20240105T100000",
        "2024-01-05T10:00:00+09:00 Asia/Tokyo",
        None,
    );
}

#[test]
fn times_without_a_zone_are_those_of_their_calendar() {
    let calendar = |zone: &str| {
        let text = format!(
            "BEGIN:VCALENDAR\n{zone}\nBEGIN:VEVENT\nUID:u\nDTSTART:20240705T100000\nEND:VEVENT\nEND:VCALENDAR\n\
             BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:v\nDTSTART:20240705T100000\nEND:VEVENT\nEND:VCALENDAR"
        );
        let starts = |entry: &Entry| entry.event.starts.as_ref().unwrap().instant().to_rfc3339();
        read_text(&text).unwrap().entries.iter().map(starts).collect::<Vec<_>>()
    };
    let (berlin, utc) = ("2024-07-05T08:00:00+00:00", "2024-07-05T10:00:00+00:00");
    assert_eq!(calendar("X-WR-TIMEZONE:Europe/Berlin"), [berlin, utc]);
    assert_eq!(calendar("X-WR-TIMEZONE;VALUE=TEXT:Romance Standard Time"), [berlin, utc]);
    assert_eq!(calendar("X-WR-TIMEZONE:Nowhere"), [utc, utc]);
    assert_eq!(calendar("X-WR-CALNAME:x"), [utc, utc]);
}

/// A zone that no program knows, with these lines for its one observance.
fn zoned(observance: &str, name: &str) -> String {
    format!(
        "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:u\nDTSTART;TZID={name}:20240705T100000\nEND:VEVENT\n\
         BEGIN:VEVENT\nUID:v\nDTSTART:20240705T100000Z\nEND:VEVENT\n\
         BEGIN:VTIMEZONE\nTZID:Own\nBEGIN:STANDARD\n{observance}\nEND:STANDARD\nEND:VTIMEZONE\nEND:VCALENDAR"
    )
}

#[test]
fn a_zone_that_nobody_knows_has_the_rules_of_its_calendar() {
    let text = zoned("DTSTART:19700101T000000\nTZOFFSETFROM:+0230\nTZOFFSETTO:+023015", "Own");
    let file = read_text(&text).unwrap();
    let event = &file.entries[0].event;
    assert_eq!(event.starts.as_ref().unwrap().instant().to_rfc3339(), "2024-07-05T07:29:45+00:00");
    insta::assert_json_snapshot!(event.zones, @r#"
    [
      {
        "name": "Own",
        "observances": [
          {
            "starts": "1970-01-01T00:00:00",
            "from_seconds": 9000,
            "to_seconds": 9015
          }
        ]
      }
    ]
    "#);
    let stored: CalendarEvent =
        serde_json::from_str(&serde_json::to_string(event).unwrap()).unwrap();
    assert_eq!(stored, *event);
}

#[track_caller]
fn check_unreadable(text: &str, line: usize, why: EventError) {
    let file = read_text(text).unwrap();
    let found: Vec<_> = file.unreadable.iter().map(|bad| (bad.line, bad.why)).collect();
    assert_eq!(found, [(line, why)], "{text}");
    let uids: Vec<_> = file.entries.iter().map(|entry| entry.event.uid.as_str()).collect();
    assert_eq!(uids, ["v"], "{text}");
}

#[test]
fn bad_input_zones_that_make_no_sense() {
    let zone = EventError::Series(SeriesError::Zone);
    check_unreadable(&zoned("", "Other"), 2, zone);
    for observance in [
        "",
        "DTSTART:19700101T000000\nTZOFFSETFROM:+0000",
        "DTSTART:19700101T000000\nTZOFFSETFROM:+0000\nTZOFFSETTO:+9900",
        "DTSTART:19700101T000000\nTZOFFSETFROM:+0000\nTZOFFSETTO:east",
        // Zones that are told by themselves, or by others.
        "DTSTART;TZID=Own:19700101T000000\nTZOFFSETFROM:+0000\nTZOFFSETTO:+0100",
        "DTSTART:19700101T000000Z\nTZOFFSETFROM:+0000\nTZOFFSETTO:+0100",
        "DTSTART:19700101T000000\nTZOFFSETFROM:+0000\nTZOFFSETTO:+0100\nRDATE;TZID=Europe/Berlin:19800101T000000",
        "DTSTART:19700101T000000\nTZOFFSETFROM:+0000\nTZOFFSETTO:+0100\nRRULE:FREQ=SECONDLY",
        "BEGIN:VTIMEZONE\nTZID:Inner\nEND:VTIMEZONE",
    ] {
        check_unreadable(&zoned(observance, "Own"), 2, zone);
    }
}

#[test]
fn bad_input_zones_that_are_kept_with_their_events_are_small() {
    let zone = |name: &str, rules: usize| {
        let rules = "RDATE:19800101T000000\n".repeat(rules);
        format!(
            "BEGIN:VTIMEZONE\nTZID:{name}\nBEGIN:STANDARD\nDTSTART:19700101T000000\n\
             TZOFFSETFROM:+0000\nTZOFFSETTO:+0100\n{rules}END:STANDARD\nEND:VTIMEZONE\n"
        )
    };
    let long = "x".repeat(300);
    let four = ["A", "B", "C", "D"];
    let exceptions = |names: &[&str]| {
        let line = |name: &&str| format!("EXDATE;TZID={name}:20260601T100000\n");
        names.iter().map(line).collect::<String>()
    };
    let rows = [
        (zone("Own", 500), "Own", String::new(), true),
        (zone("Own", 2_000), "Own", String::new(), false),
        (zone(&long[..255], 1), &long[..255], String::new(), true),
        (zone(&long, 1), &long, String::new(), false),
        (four.map(|name| zone(name, 1)).concat(), "A", exceptions(&four), true),
        (four.map(|name| zone(name, 1)).concat() + &zone("E", 1), "E", exceptions(&four), false),
    ];
    for (zones, name, lines, is_read) in rows {
        let event = format!(
            "BEGIN:VEVENT\nUID:u\nDTSTART;TZID={name}:20260601T100000\n{lines}END:VEVENT\n"
        );
        let file = read_text(&format!("BEGIN:VCALENDAR\n{zones}{event}END:VCALENDAR\n")).unwrap();
        assert_eq!(file.unreadable.is_empty(), is_read, "{} bytes of zones", zones.len());
    }
}

#[test]
fn rfc_6047_what_the_type_of_a_part_declares_counts_where_the_calendar_says_nothing() {
    let event = "BEGIN:VEVENT\nUID:u\nEND:VEVENT\n";
    let said = |calendar: &str| format!("BEGIN:VCALENDAR\n{calendar}{event}END:VCALENDAR\n");
    let (cancel, request) = (Some(Method::Cancel), Some(Method::Request));
    for (calendar, declared, want) in [
        ("", cancel, cancel),
        ("METHOD:CANCEL\n", request, cancel),
        ("METHOD:CANCEL\n", None, cancel),
        ("METHOD:REQUEST\n", cancel, None),
        ("", None, None),
    ] {
        let file = read_as(said(calendar).as_bytes(), declared, &Caps::default()).unwrap();
        // Without a start it is nothing but a cancellation.
        let got = file.entries.first().and_then(|entry| entry.method);
        assert_eq!(got, want, "{calendar} {declared:?}");
    }
}

#[test]
fn one_bad_event_does_not_disturb_its_neighbours() {
    let good = "BEGIN:VEVENT\nUID:v\nDTSTART:20240705T100000Z\nEND:VEVENT\n";
    let rule = EventError::Series(SeriesError::Rule);
    for (lines, why) in [
        ("DTSTART:20240230T100000Z", EventError::Time),
        ("DTSTART:INVALID-DATE", EventError::Time),
        ("SUMMARY:no start", EventError::NoStart),
        ("DTSTART:20240705T100000Z\nDURATION:soon", EventError::Time),
        ("DTSTART:20240705T100000Z\nRRULE:FREQ=OFTEN", rule),
        ("DTSTART:20240705T100000Z\nEXDATE:20240705T1", rule),
        ("DTSTART:99991231T235959Z\nDURATION:P99999999W", EventError::Series(SeriesError::Range)),
        (
            &format!("DTSTART:20240705T100000Z\nRDATE:{}", "20240705T100000Z,".repeat(5_000)),
            EventError::TooLong,
        ),
        (
            &format!("DTSTART:20240705T100000Z\n{}", "ATTENDEE:mailto:a@b.c\n".repeat(10_000)),
            EventError::TooManyLines,
        ),
    ] {
        let text = format!(
            "BEGIN:VCALENDAR\n{good}BEGIN:VEVENT\nUID:u\n{lines}\nEND:VEVENT\nEND:VCALENDAR"
        );
        check_unreadable(&text, 6, why);
    }
}

#[test]
fn odd_calendars_are_read_as_far_as_they_go() {
    let count = |text: &str| read_text(text).map(|file| file.entries.len());
    let event = "BEGIN:VEVENT\nDTSTART:20240705\nEND:VEVENT\n";
    assert_eq!(count(event), Ok(1));
    assert_eq!(count(&format!("\u{feff}begin:vcalendar\r\n\r\n{event}end:vcalendar\r\n")), Ok(1));
    assert_eq!(count(&format!("BEGIN:X\n{event}END:X\nEND:VCALENDAR\nrubbish")), Ok(1));
    assert_eq!(count("BEGIN:VCALENDAR\nEND:VCALENDAR"), Ok(0));
    // An alarm that is left open ends with its event.
    assert_eq!(count("BEGIN:VEVENT\nDTSTART:20240705\nBEGIN:VALARM\nEND:VEVENT"), Ok(1));
    assert_eq!(count("BEGIN:VEVENT\nDTSTART:20240705\n"), Err(IcsError::CutOff { line: 1 }));
    assert_eq!(
        count("BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:2024"),
        Err(IcsError::CutOff { line: 2 })
    );
    assert_eq!(count("Hello\nWorld"), Err(IcsError::NotCalendar));
    assert_eq!(count(" \r\n"), Err(IcsError::Empty));
}

#[test]
fn any_charset_is_read() {
    let text = "BEGIN:VEVENT\nDTSTART:20240705\nSUMMARY:Gr\u{fc}\u{df}e\nEND:VEVENT\n";
    let utf_16: Vec<u8> =
        std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let latin: Vec<u8> =
        text.chars().map(|letter| u8::try_from(u32::from(letter)).unwrap()).collect();
    // Folding may split a letter (RFC 5545 3.1).
    let mut split = text.as_bytes().to_vec();
    let at = split.iter().position(|byte| *byte == 0xc3).unwrap() + 1;
    split.splice(at..at, *b"\r\n ");
    for raw in [text.as_bytes(), &utf_16, &latin, &split] {
        let file = read(raw, &Caps::default()).unwrap();
        let title = file.entries[0].event.title.as_ref().unwrap().expose();
        assert_eq!(title, "Gr\u{fc}\u{df}e");
    }
}

#[test]
fn events_without_a_name_get_one_that_stays() {
    let uid = |title: &str| {
        let text = format!("BEGIN:VEVENT\nDTSTART:20240705\nSUMMARY:{title}\nEND:VEVENT\n");
        read_text(&text).unwrap().entries[0].event.uid.clone()
    };
    assert_eq!(uid("a"), uid("a"));
    assert_ne!(uid("a"), uid("b"));
    assert_eq!(uid("a").as_str(), "unnamed-63f651b8f0e1b5d1af5ec071c9a6d261");
}

#[test]
fn what_the_sender_cancels_is_cancelled() {
    let text = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:u\nEND:VEVENT\nMETHOD:CANCEL\nEND:VCALENDAR";
    let file = read_text(text).unwrap();
    assert_eq!(file.entries[0].event.status, EventStatus::Cancelled);
    let guest =
        event("DTSTART:20240705\nATTENDEE;PARTSTAT=\"TENTATIVE\":a@b.c").attendees.remove(0);
    assert_eq!(
        (guest.answer, guest.mailbox.address.expose().as_str()),
        (Attendance::Tentative, "a@b.c")
    );
}

#[test]
fn bad_input_bombs_are_refused() {
    let caps = Caps::default();
    let events = "BEGIN:VEVENT\nEND:VEVENT\n".repeat(600_000);
    assert_eq!(read_text(&events), Err(IcsError::TooManyEvents { limit: caps.events }));
    let large = vec![b'x'; caps.bytes + 1];
    assert_eq!(
        read(&large, &caps),
        Err(IcsError::TooLarge { bytes: caps.bytes + 1, limit: caps.bytes })
    );
    let line = format!("BEGIN:VEVENT\nSUMMARY:{}\nEND:VEVENT", "x".repeat(10 << 20));
    assert_eq!(read_text(&line), Err(IcsError::LineTooLong { line: 2, limit: caps.line_bytes }));
    let deep = "BEGIN:VCALENDAR\n".repeat(100_000);
    assert_eq!(
        read_text(&deep),
        Err(IcsError::TooDeep { line: caps.depth + 1, limit: caps.depth })
    );
    let zones = "BEGIN:VTIMEZONE\nEND:VTIMEZONE\n".repeat(100_000);
    assert_eq!(read_text(&zones), Err(IcsError::TooManyZones { limit: caps.zones }));
    let mut named = String::new();
    for number in 0..40_000 {
        write!(named, "BEGIN:VEVENT\nDTSTART;TZID=/a/b/{number}:20240705T100000\nEND:VEVENT\n")
            .unwrap();
    }
    assert_eq!(read_text(&named), Err(IcsError::TooManyZones { limit: caps.zones }));
    // A long line within the limit is cut where it is for people.
    let folded = format!(
        "BEGIN:VEVENT\nDTSTART:20240705\nDESCRIPTION:{}\nEND:VEVENT",
        "x\n ".repeat(5_000_000)
    );
    let file = read_text(&folded).unwrap();
    assert!(file.entries[0].event.description.as_ref().unwrap().expose().len() <= caps.value_bytes);
}

proptest! {
    #[test]
    fn no_text_panics(
        text in "(BEGIN:VEVENT|BEGIN:VTIMEZONE|BEGIN:STANDARD|END:(VEVENT|VTIMEZONE|STANDARD)|TZID:A|TZOFFSETTO:\\+01|\
                 DTSTART;TZID=A:|DTSTART:20240101|DTEND:|T100000|RRULE:FREQ=|DAILY|RDATE:|UID;X=\"|DURATION:P|\
                 [0-9]{1,5}[DW]|:|;|\\\\|\n|\r\n |\\PC){0,60}"
    ) {
        drop(read_text(&text));
    }

    /// What is read is stored and read back as it is.
    #[test]
    fn what_is_read_survives_storage(title in "\\PC{0,20}", minutes in 0..100_000_u32, zone in prop::sample::select(vec!["UTC", "Asia/Tokyo"])) {
        let lines = format!("DTSTART;TZID={zone}:20240705T100000\nDURATION:PT{minutes}M\nSUMMARY:{title}");
        let event = event(&lines);
        let stored: CalendarEvent = serde_json::from_str(&serde_json::to_string(&event).unwrap()).unwrap();
        prop_assert_eq!(stored, event);
    }
}

#[test]
fn an_event_that_does_not_end_does_not_take_the_next_ones_with_it() {
    let text = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nDTSTART:20260601T080000Z\n\
        BEGIN:VEVENT\nUID:2\nDTSTART:20260601T080000Z\nEND:VEVENT\n\
        BEGIN:VEVENT\nUID:3\nDTSTART:20260601T080000Z\nEND:VEVENT\nEND:VCALENDAR\n";
    let file = read(text.as_bytes(), &Caps::default()).unwrap();
    let read: Vec<&str> = file.entries.iter().map(|entry| entry.event.uid.as_str()).collect();
    assert_eq!((read, file.unreadable.len()), (vec!["2", "3"], 1));
}
