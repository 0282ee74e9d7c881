//! docs/cli.md is the contract: what it shows is what the binary says.
use std::{collections::BTreeSet, fs, path::PathBuf};

use serde_json::Value;

use crate::{
    binary::{Desk, binary},
    mailbox::numbered,
};

/// Returns what docs/cli.md shows for each command line, as `$ besunny ...` begins it.
fn shown() -> Vec<(String, String)> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/cli.md");
    let text = fs::read_to_string(path).unwrap();
    let blocks = text.split("```").skip(1).step_by(2);
    let commands = blocks.filter_map(|block| {
        let (command, output) = block.split_once("$ besunny ")?.1.split_once('\n')?;
        Some((command.to_owned(), output.to_owned()))
    });
    commands.collect()
}

#[test]
fn every_help_text_is_documented_word_by_word() {
    let shown: Vec<_> =
        shown().into_iter().filter(|(command, _)| command.ends_with("--help")).collect();
    assert_eq!(shown.len(), 31, "a command is missing in docs/cli.md");
    for (command, want) in shown {
        let output = binary().args(command.split(' ')).output().unwrap();
        let got = String::from_utf8(output.stdout).unwrap();
        let trimmed: Vec<&str> = got.lines().map(str::trim_end).collect();
        assert_eq!(trimmed.join("\n").trim_end(), want.trim_end(), "besunny {command}");
    }
}

/// Returns the answer that docs/cli.md shows for a command line.
#[track_caller]
fn documented(command: &str) -> Value {
    let shown = shown();
    let found = shown.iter().find(|(shown, _)| shown == command);
    let text = &found.unwrap_or_else(|| panic!("{command:?} is missing in docs/cli.md")).1;
    serde_json::from_str(text).unwrap()
}

/// The keys of the documented object are those of the real one.
#[track_caller]
fn same_keys(command: &str, got: &Value) {
    let want = documented(command);
    assert_eq!(keys_of(got), keys_of(&want), "{command}");
}

fn keys_of(json: &Value) -> BTreeSet<String> {
    json.as_object().unwrap().keys().cloned().collect()
}

#[test]
fn every_answer_has_the_documented_keys() {
    let desk = Desk::new();
    desk.file("inbox.mbox", numbered(0..3));
    let eml = desk.file("mail.eml", crate::mailbox::mail(1));
    same_keys("import --mbox inbox.mbox --json", &desk.import("inbox.mbox").ends(0));
    same_keys("verify --json", &desk.run(&["verify"]).ends(0));
    same_keys("inspect mail mail.eml --json", &desk.run(&["inspect", "mail", &eml]).ends(0));
    let url = "https://us02web.zoom.us/j/123456789?pwd=x";
    same_keys(&format!("inspect link {url}"), &desk.run(&["inspect", "link", url]).ends(0));
    desk.file("calendar.ics", "BEGIN:VEVENT\nDTSTART:20260601\nEND:VEVENT\n");
    let days = "--from 2026-06-01 --to 2026-07-01";
    for (shown, code) in [("calendar.ics", 0), ("cut.ics", 1)] {
        let line = format!("inspect ics {shown} {days}");
        let run = desk.run(&line.split(' ').collect::<Vec<_>>());
        let got = run.ends(code);
        same_keys(&format!("{line} --json"), &got);
        if code == 0 {
            assert_eq!(
                keys_of(&got["events"][0]),
                keys_of(&documented(&format!("{line} --json"))["events"][0])
            );
        }
    }
    same_keys("inspect mail empty.eml --json", &desk.run(&["inspect", "mail", "no.eml"]).ends(1));
    let delivery = "inspect webhook attendee --secret BASE64 --signature VALUE --json";
    same_keys(delivery, &crate::inspect::genuine_delivery());
    crate::eval::labelled(&desk.path().join("mailbox"), 250);
    let measured = desk.run(&["eval", "--data", "mailbox"]).ends(0);
    same_keys("eval --data mailbox --json", &measured);
    let again = ["replay", "--since", "2026-06-01", "--with", "rules", "--all"];
    let again = desk.run(&again).ends(0);
    let shown = "replay --since 2026-06-01 --with learned@3 --json";
    same_keys(shown, &again);
    let row = |answer: &Value| answer["rows"][0].as_object().unwrap().keys().cloned().collect();
    let [got, want]: [BTreeSet<String>; 2] = [row(&again), row(&documented(shown))];
    assert_eq!(got, want);
    same_keys("model report --json", &desk.run(&["model", "report"]).ends(0));
    let migrated = desk.run(&["migrate"]).ends(0);
    same_keys("migrate --json", &migrated);
    assert_eq!(migrated["to"], documented("migrate --json")["to"]);
    same_keys("doctor --json", &desk.run(&["doctor", "--listen", "127.0.0.1:0"]).ends(0));
}

#[test]
fn help_and_version_are_text_also_for_programs() {
    for asked in ["--help", "--version"] {
        let answer = |arguments: &[&str]| binary().args(arguments).output().unwrap();
        let (plain, json) = (answer(&[asked]), answer(&["--json", asked]));
        assert_eq!((json.status.code(), json.stdout), (Some(0), plain.stdout), "{asked}");
    }
}
