//! `besunny verify`: missing, extra, and what cannot be read.
use std::fs;

use crate::{binary::Desk, mailbox::numbered};

/// Where the header of a database says who may write it (<https://www.sqlite.org/fileformat.html>);
/// unlike permissions it binds every user.
const WRITE_VERSION: usize = 18;
const NEWER_THAN_KNOWN: u8 = 3;

#[test]
fn b9_missing_and_extra_are_named() {
    let desk = Desk::new();
    let path = desk.file("a.mbox", numbered(0..5));
    desk.import(&path).counts(0, [5, 0, 0, 0]);
    let check = |missing: usize, extra: usize| {
        let json = desk.run(&["verify"]).ends(i32::from(missing + extra > 0));
        let count = |list: &str| json[list].as_array().unwrap().len();
        assert_eq!((count("missing"), count("extra")), (missing, extra), "{json}");
        assert_eq!(json["source"].as_str(), fs::canonicalize(&path).unwrap().to_str());
    };
    check(0, 0);
    desk.file("a.mbox", numbered(0..7));
    check(2, 0);
    desk.file("a.mbox", numbered(1..5));
    check(0, 1);
    desk.file("a.mbox", numbered([1, 2, 3, 4, 4, 9]));
    check(2, 1);
}

#[test]
fn a_source_that_cannot_be_read_is_a_finding_and_the_others_are_verified() {
    let desk = Desk::new();
    let (one, two) = (desk.file("a.mbox", numbered(0..5)), desk.file("b.mbox", numbered(5..8)));
    desk.import(&one).ends(0);
    desk.import(&two).ends(0);
    fs::remove_file(&one).unwrap();
    let run = desk.run(&["verify"]);
    run.refuses(1, "source", &["a.mbox cannot be read"]);
    let json = run.json();
    assert_eq!(json["stored"], 3);
    assert!(json["sources"][0]["error"]["message"].is_string(), "{json}");
    assert!(json["sources"][1]["error"].is_null(), "{json}");
}

#[test]
fn nothing_is_not_taken_for_everything() {
    let desk = Desk::new();
    desk.run(&["verify"]).refuses(2, "store", &["no database"]);
    assert!(!desk.path().join("test.db").exists());
    desk.run(&["migrate"]).ends(0);
    assert_eq!(desk.run(&["verify"]).ends(0)["source"], "all");
}

#[test]
fn bad_input_a_database_that_may_not_be_written_is_named_with_the_fix() {
    let desk = Desk::new();
    let path = desk.file("a.mbox", numbered(0..2));
    desk.import(&path).ends(0);
    let db = desk.path().join("test.db");
    let mut bytes = fs::read(&db).unwrap();
    bytes[WRITE_VERSION] = NEWER_THAN_KNOWN;
    fs::write(&db, bytes).unwrap();
    for arguments in [&["verify"][..], &["import", "--mbox", &path]] {
        desk.run(arguments).refuses(2, "store", &["test.db", "may not be written", "permissions"]);
    }
}
