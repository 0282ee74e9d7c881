//! `besunny eval`: the router measured on labelled mail.
use std::{fs::File, path::Path};

use besunny_testkit::data;
use flate2::{Compression, write::GzEncoder};
use serde_json::Value;

use crate::{binary::Desk, mailbox::mail};

/// Writes a labelled mailbox: mails in an archive, a manifest, the labels.
pub(crate) fn labelled(folder: &Path, mails: usize) {
    labelled_as(folder, mails, ["harbour", "library"]);
}

fn labelled_as(folder: &Path, mails: usize, labels: [&str; 2]) {
    std::fs::create_dir_all(folder).unwrap();
    let file = File::create(folder.join("messages.tar.gz")).unwrap();
    let mut archive = tar::Builder::new(GzEncoder::new(file, Compression::fast()));
    let mut manifest = String::new();
    for number in 0..mails {
        let which = number % 2;
        let word = ["quay", "shelf"][which];
        // Every thirteenth mail is filed by mistake.
        let label = labels[if number % 13 == 12 { 1 - which } else { which }];
        let raw = mail(number) + word + "\n";
        let mut header = tar::Header::new_gnu();
        header.set_size(raw.len() as u64);
        header.set_cksum();
        let name = format!("messages/{number}.eml");
        archive.append_data(&mut header, &name, raw.as_bytes()).unwrap();
        let (day, hour) = (1 + number / 24, number % 24);
        let date = format!("2026-01-{day:02}T{hour:02}:00:00+00:00");
        let line = serde_json::json!({ "n": number, "file": name, "label": label, "date": date });
        manifest.push_str(&line.to_string());
        manifest.push('\n');
    }
    archive.into_inner().unwrap().finish().unwrap();
    std::fs::write(folder.join("manifest.jsonl"), manifest).unwrap();
}

#[test]
fn ml_7_a_mailbox_is_measured_and_says_the_same_again() {
    let desk = Desk::new();
    labelled(&desk.path().join("box"), 600);
    let run = || desk.run(&["eval", "--data", "box"]).ends(0);
    let (once, again) = (run(), run());
    assert_eq!(once["n"], 600);
    assert_eq!(once["projects"], 2);
    assert!(once["accuracy"].as_f64().unwrap() > 0.9, "{once}");
    assert_eq!(timeless(once), timeless(again));
}

/// Takes out what depends on the machine.
fn timeless(mut answer: Value) -> Value {
    let object = answer.as_object_mut().unwrap();
    for figure in ["items_per_second", "train_ms_per_correction"] {
        assert!(object.insert(figure.to_owned(), Value::Null).unwrap().as_f64().unwrap() > 0.0);
    }
    answer
}

#[test]
fn ml_7_the_answer_keeps_its_form() {
    let desk = Desk::new();
    labelled(&desk.path().join("box"), 600);
    let answer = desk.run(&["eval", "--data", "box", "--protocol", "incremental"]).ends(0);
    insta::assert_json_snapshot!(timeless(answer));
}

#[test]
fn ml_7_several_mailboxes_are_pooled() {
    let desk = Desk::new();
    labelled(&desk.path().join("one"), 500);
    labelled(&desk.path().join("two"), 600);
    let answer = desk.run(&["eval", "--data", "one", "--data", "two", "--hide-hints"]).ends(0);
    assert_eq!(answer["sets"][1]["set"], "two");
    let promised = &answer["pooled"]["promised"]["0.90"];
    // The first 400 mails of each are the warm-up.
    assert!(promised["taken"].as_u64().unwrap() <= 300, "{answer}");
    assert!(promised["precision_at_least"].as_f64() <= promised["precision"].as_f64());
}

#[test]
fn ml_7_the_report_stands_alone_and_shows_names_as_text() {
    let desk = Desk::new();
    let evil = "<script>alert('x')</script>&amp;";
    labelled_as(&desk.path().join("box"), 600, ["harbour", evil]);
    let line = ["eval", "--data", "box", "--report", "out.html", "--diagram", "out.svg"];
    desk.run(&line).ends(0);
    let report = std::fs::read_to_string(desk.path().join("out.html")).unwrap();
    for outside in ["<script", "src=", "@import", "url(", "<link"] {
        assert!(!report.contains(outside), "{outside}");
    }
    let links = report.matches("href=").count();
    assert_eq!(links, report.matches("href=\"#").count(), "a link leads elsewhere");
    assert!(report.contains("&lt;script&gt;") || report.contains("&#60;script&#62;"), "{report}");
    let body = report.split("</style>").nth(1).unwrap();
    let (before, cost) = body.split_once("What does it cost?").unwrap();
    let (_, after) = cost.split_once("</figure>").unwrap();
    insta::assert_snapshot!(format!("{before}\n[cost]\n{after}"));
    insta::assert_snapshot!(std::fs::read_to_string(desk.path().join("out.svg")).unwrap());
    let nowhere = ["eval", "--data", "box", "--report", "no/where.html"];
    desk.run(&nowhere).refuses(1, "unwritable", &["no/where.html"]);
}

#[test]
fn bad_input_a_labelled_mailbox_that_is_incomplete() {
    let desk = Desk::new();
    desk.run(&["eval", "--data", "box"]).refuses(1, "unreadable", &["manifest.jsonl"]);
    labelled(&desk.path().join("box"), 2);
    let manifest = "{\"n\":0,\"file\":\"messages/7.eml\",\"label\":\"a\",\"date\":null}\n";
    std::fs::write(desk.path().join("box/manifest.jsonl"), manifest).unwrap();
    desk.run(&["eval", "--data", "box"]).refuses(1, "incomplete", &["messages/7.eml"]);
    std::fs::write(desk.path().join("box/manifest.jsonl"), "{}\n").unwrap();
    desk.run(&["eval", "--data", "box"]).refuses(1, "manifest", &["line 1"]);
}

/// The floor is the published baseline: words and addresses, a linear machine, no history.
#[test]
fn ml_7_the_router_is_better_than_the_baseline_on_a_real_mailbox() {
    let Some(folder) = data::find("email_enron/lokay-m") else { return };
    let desk = Desk::new();
    let found = desk.run(&["eval", "--data", folder.to_str().unwrap()]).ends(0);
    let number = |pointer: &str| found.pointer(pointer).and_then(Value::as_f64).unwrap();
    assert!(number("/accuracy") > 0.84, "{found}");
    assert!(number("/promised/0.95/coverage") > 0.70, "{found}");
    assert!(number("/promised/0.95/precision") > 0.935, "{found}");
    assert!(number("/ece") <= 0.05, "{found}");
}
