//! Events of files and folders: which are there, under which names, and what happens to them.
use std::{cell::RefCell, fs, io, path::Path};

use besunny_core::calendar::EventStatus;

use super::{
    agenda::{self, Agenda, settled},
    *,
};

fn event(uid: &str, lines: &str) -> String {
    format!(
        "BEGIN:VEVENT\nUID:{uid}\nDTSTAMP:20260101T000000Z\nDTSTART:20260601T100000Z\n{lines}\nEND:VEVENT\n"
    )
}

fn calendar(method: &str, events: &[String]) -> String {
    let method = if method.is_empty() { String::new() } else { format!("METHOD:{method}\n") };
    format!("BEGIN:VCALENDAR\n{method}{}END:VCALENDAR\n", events.concat())
}

fn folder(files: &[(&str, String)]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = root.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    root
}

fn told(agenda: &Agenda) -> Vec<String> {
    let told = |event: &Event| match &event.what {
        Ok(found) => {
            let title = found.title.as_ref().map_or("", |title| title.expose());
            let cancelled = if found.status == EventStatus::Cancelled { " cancelled" } else { "" };
            format!("{} {} {title}{cancelled}", event.at.id, found.sequence)
        }
        Err(why) => format!("{}: {why}", event.at.id),
    };
    agenda.events.iter().map(told).collect()
}

/// Checks the events of a folder.
#[track_caller]
fn check(files: &[(&str, String)], want: &[&str]) {
    let root = folder(files);
    assert_eq!(told(&agenda::read(root.path()).unwrap()), want);
}

#[test]
fn the_newest_version_of_an_event_counts_whichever_file_it_is_in() {
    let file = |sequence: u32, title: &str| {
        calendar("", &[event("a", &format!("SEQUENCE:{sequence}\nSUMMARY:{title}"))])
    };
    check(&[("1.ics", file(2, "new")), ("2.ICS", file(1, "old"))], &["/a 2 new"]);
    check(&[("1.ics", file(1, "one")), ("x/y/2.ics", file(1, "two"))], &["/a 1 two"]);
    let cancelled = calendar("CANCEL", &[event("a", "SEQUENCE:1")]);
    check(
        &[("1.ics", cancelled.clone()), ("2.ics", file(1, "meeting"))],
        &["/a 1 meeting cancelled"],
    );
    check(&[("1.ics", cancelled.clone()), ("2.ics", file(2, "again"))], &["/a 2 again"]);
    check(&[("1.ics", cancelled)], &["/a 1  cancelled"]);
    let answer = calendar("REPLY", &[event("a", "SEQUENCE:9")]);
    check(&[("1.ics", answer), ("2.ics", file(1, "meeting"))], &["/a 1 meeting"]);
}

#[test]
fn a_series_and_its_exceptions_have_names_of_their_own() {
    let long = "u".repeat(300);
    let events = [
        event("a", "RRULE:FREQ=DAILY"),
        event("a", "RECURRENCE-ID;TZID=Europe/Berlin:20260602T120000"),
        event("a", "RECURRENCE-ID;VALUE=DATE:20260603"),
        event("20260602T100000Z/a", ""),
        event(&long, ""),
    ];
    check(
        &[("1.ics", calendar("", &events))],
        &[
            "/20260602T100000Z/a 0 ",
            "/8b5089b44d9fefeafc563a34f6cb19fb 0 ",
            "/a 0 ",
            "20260602T100000Z/a 0 ",
            "20260603/a 0 ",
        ],
    );
}

#[test]
fn what_cannot_be_read_is_there_and_does_not_disturb_the_rest() {
    let bad = "BEGIN:VEVENT\nUID:b\nDTSTART:soon\nEND:VEVENT\n".to_owned();
    let unnamed = "BEGIN:VEVENT\nEND:VEVENT\n".to_owned();
    let events = [event("a", ""), bad.clone(), bad, unnamed, event("b", "")];
    check(
        &[
            ("1.ics", calendar("", &events)),
            ("2.ics", "Hello".to_owned()),
            ("3.txt", String::new()),
        ],
        &[
            "/a 0 ",
            "/b 0 ",
            "/b#2: a date or time cannot be read",
            "/b#3: a date or time cannot be read",
            "/line 16: it has no start",
            "file/29f24299915f7fca07cb7a3b7f0e886e: it is no calendar that can be read",
        ],
    );
}

fn kind(path: &Path) -> io::ErrorKind {
    agenda::read(path).unwrap_err().kind()
}

#[test]
fn what_was_cut_off_is_no_removal() {
    let whole = calendar("", &[event("a", ""), event("b", "")]);
    let root = folder(&[("1.ics", whole.clone()), ("2.ics", whole[..80].to_owned())]);
    assert_eq!(kind(root.path()), io::ErrorKind::UnexpectedEof);
    assert_eq!(kind(&root.path().join("2.ics")), io::ErrorKind::UnexpectedEof);
    fs::write(root.path().join("2.ics"), "").unwrap();
    assert_eq!(kind(root.path()), io::ErrorKind::UnexpectedEof);
    fs::write(root.path().join("2.ics"), "Hello").unwrap();
    assert_eq!(kind(&root.path().join("2.ics")), io::ErrorKind::InvalidData);
    fs::remove_file(root.path().join("2.ics")).unwrap();
    assert_eq!(told(&agenda::read(root.path()).unwrap()), ["/a 0 ", "/b 0 "]);
    assert_eq!(kind(&root.path().join("2.ics")), io::ErrorKind::NotFound);
}

#[test]
fn a_file_that_changes_while_it_is_read_is_read_again() {
    let cut = || Err(io::Error::from(io::ErrorKind::UnexpectedEof));
    let looks = |names: &[&str]| {
        RefCell::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
    };
    let next = |looks: &RefCell<Vec<String>>| Ok(looks.borrow_mut().remove(0));
    let (calm, reads) = (looks(&["a", "b", "b"]), RefCell::new(0));
    let read = || {
        *reads.borrow_mut() += 1;
        if *reads.borrow() == 1 { cut() } else { Ok(Vec::new()) }
    };
    assert_eq!(settled(|| next(&calm), read).unwrap().fingerprint, "b");
    assert_eq!(*reads.borrow(), 2);
    let still = looks(&["a", "a"]);
    assert!(settled(|| next(&still), cut).is_err());
    let number = RefCell::new(0);
    let restless = || {
        *number.borrow_mut() += 1;
        Ok(number.borrow().to_string())
    };
    let busy = settled(restless, || Ok(Vec::new())).unwrap_err();
    assert_eq!(busy.kind(), io::ErrorKind::ResourceBusy);
}

#[test]
fn a_revision_is_all_that_an_event_says() {
    let revision = |lines: &str| {
        let root = folder(&[("1.ics", calendar("", &[event("a", lines)]))]);
        agenda::read(root.path()).unwrap().events[0].at.revision.clone()
    };
    assert_eq!(revision("SUMMARY:x"), revision("X-ODD:1\nSUMMARY:x"));
    assert_ne!(revision("SUMMARY:x"), revision("SUMMARY:y"));
}
