//! `besunny eval`: the router measured on labelled mail.
use std::{fs::File, path::Path};

use besunny_testkit::data;
use flate2::{Compression, write::GzEncoder};

use crate::{binary::Desk, mailbox::mail};

/// Writes a labelled mailbox: mails in an archive, a manifest, the labels.
pub(crate) fn labelled(folder: &Path, mails: usize) {
    std::fs::create_dir_all(folder).unwrap();
    let file = File::create(folder.join("messages.tar.gz")).unwrap();
    let mut archive = tar::Builder::new(GzEncoder::new(file, Compression::fast()));
    let mut manifest = String::new();
    for number in 0..mails {
        let (label, word) =
            if number % 2 == 0 { ("harbour", "quay") } else { ("library", "shelf") };
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
    assert!(once["accuracy"].as_f64().unwrap() > 0.95, "{once}");
    for figure in ["accuracy", "promised", "ece", "model_bytes"] {
        assert_eq!(once[figure], again[figure]);
    }
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
    let number =
        |pointer: &str| found.pointer(pointer).and_then(serde_json::Value::as_f64).unwrap();
    assert!(number("/accuracy") > 0.832, "{found}");
    assert!(number("/promised/0.95/coverage") > 0.625, "{found}");
    assert!(number("/promised/0.95/precision") > 0.935, "{found}");
    assert!(number("/ece") <= 0.05, "{found}");
}
