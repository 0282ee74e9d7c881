//! What a person says on the command line, and the way back (CLS-9).
use serde_json::{Value, json};

use crate::binary::Desk;

const PROJECTS: &str = "[[project]]\nname = \"Harbour\"\ncodes = [\"HBL-7\"]\n\n\
    [[project]]\nname = \"Pier\"\n";

/// A mail that is routed and one that waits.
fn desk() -> Desk {
    let desk = Desk::new();
    let mails = [("1", "HBL-7: plan", "ann@client.example"), ("2", "Lunch?", "bob@client.example")];
    let mbox: Vec<String> = mails
        .iter()
        .map(|(n, subject, from)| {
            format!(
                "From x@y.example Mon Jun  1 08:00:00 2026\nFrom: {from}\nSubject: {subject}\n\
                 Message-ID: <{n}@client.example>\nDate: Mon, 1 Jun 2026 07:0{n}:00 +0000\n\nx\n\n"
            )
        })
        .collect();
    let (mbox, projects) =
        (desk.file("inbox.mbox", mbox.concat()), desk.file("projects.toml", PROJECTS));
    desk.run(&["import", "--mbox", &mbox, "--projects", &projects]).ends(0);
    desk
}

/// Replaces what differs from run to run: instants, ids of acts.
fn plain(mut answer: Value) -> Value {
    match &mut answer {
        Value::Object(fields) => {
            for (name, value) in fields.iter_mut() {
                let is_instant = matches!(name.as_str(), "at" | "stored_at");
                if is_instant && value.is_string() {
                    *value = json!("INSTANT");
                } else if name == "undoes" && value.is_string() {
                    *value = json!("ACT");
                } else {
                    *value = plain(value.take());
                }
            }
            if fields.contains_key("deed") {
                fields.insert("id".to_owned(), json!("ACT"));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| *item = plain(item.take())),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    answer
}

#[test]
fn cls_9_every_answer_is_as_documented() {
    let desk = desk();
    let say = |words: &[&str]| {
        let words: Vec<&str> = [&["feedback"], words].concat();
        desk.run(&words).ends(0)
    };
    let listed = say(&["list"]);
    let waits = listed["waiting"][0]["id"].as_str().unwrap().to_owned();
    let assigned = say(&["assign", &waits, "--project", "PIER"]);
    let act = assigned["act"]["id"].as_str().unwrap().to_owned();
    let answers = json!({
        "list": listed,
        "assign": assigned,
        "confirm": say(&["confirm", &waits]),
        "unassign": say(&["unassign", &waits]),
        "none": say(&["none", &waits]),
        "preview": say(&["never", "--project", "Harbour", "--domain", "client.example", "--preview"]),
        "never": say(&["never", "--project", "Harbour", "--domain", "client.example"]),
        "always": say(&["always", "--project", "Pier", "--sender", "ann@client.example", "--apply"]),
        "rules": say(&["rules"]),
    });
    insta::assert_json_snapshot!("answers", plain(answers));
    desk.run(&["feedback", "undo", &act]).refuses(1, "conflict", &["decided since"]);
}

#[test]
fn cls_9_undo_and_removal_bring_back_what_was() {
    let desk = desk();
    let say = |words: &[&str]| {
        let words: Vec<&str> = [&["feedback"], words].concat();
        desk.run(&words).ends(0)
    };
    let before = say(&["list"])["waiting"].clone();
    let waits = before[0]["id"].as_str().unwrap().to_owned();
    let act = say(&["none", &waits])["act"]["id"].as_str().unwrap().to_owned();
    assert_eq!(say(&["list"])["waiting"], json!([]));
    say(&["undo", &act]);
    desk.run(&["feedback", "undo", &act]).refuses(1, "conflict", &["it was undone already"]);
    let after = say(&["list"])["waiting"].clone();
    assert_eq!((&after[0]["reason"], &after[0]["id"]), (&before[0]["reason"], &before[0]["id"]));
    say(&["never", "--project", "Pier", "--sender", "bob@client.example"]);
    let rule = say(&["rules"])["rules"][0]["id"].as_str().unwrap().to_owned();
    say(&["rules", "--remove", &rule]);
    assert_eq!(say(&["rules"]), json!({"rules": []}));
}

#[test]
fn a_database_or_a_person_that_is_not_there_is_wrong_usage_and_nothing_is_made() {
    let desk = Desk::new();
    let answers = desk.file("answers.toml", "project_name = \"Pier\"\n");
    for words in [
        vec!["feedback", "list"],
        vec!["onboard", "--answers", &answers],
        vec!["model", "list"],
        vec!["model", "report"],
    ] {
        desk.run(&words).refuses(2, "store", &["test.db", "--db"]);
        assert!(!desk.path().join("test.db").exists(), "{words:?}");
    }
    let desk = self::desk();
    for words in [vec!["feedback", "list"], vec!["model", "list"]] {
        let words = [words, vec!["--user", "ghost"]].concat();
        desk.run(&words).refuses(2, "user", &["nobody called ghost", "imported"]);
    }
    for words in [
        vec!["model", "rollback", "--to", "99"],
        vec!["model", "export", "--version", "99", "--to", "x"],
    ] {
        desk.run(&words).refuses(1, "missing", &["version 99", "`besunny model list"]);
    }
}

#[test]
fn what_is_not_there_or_makes_no_sense_is_a_finding() {
    let desk = desk();
    let nobody = "00000000-0000-0000-0000-000000000000";
    for (words, code, kind) in [
        (vec!["none", nobody], 1, "missing"),
        (vec!["undo", nobody], 1, "missing"),
        (vec!["rules", "--remove", nobody], 1, "missing"),
        (vec!["assign", nobody, "--project", "Nowhere"], 1, "missing"),
        (vec!["always", "--project", "Pier", "--subject", "plan"], 1, "refused"),
        (vec!["never", "--project", "Pier"], 2, "usage"),
        (vec!["none", "x"], 2, "usage"),
    ] {
        desk.run(&[&["feedback"], words.as_slice()].concat()).refuses(code, kind, &[]);
    }
}
