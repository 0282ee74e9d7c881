//! The independent opinion: Python's `email` package over the same files.
//!
//! The list of differences with the reason of each is `docs/mail-differences.md`.
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use besunny_core::mail::{self, Caps, Flag, Mail, Mailbox};
use besunny_testkit::{
    data::{self, say},
    differences::{self, Difference},
};
use serde_json::{Value, json};

/// What was compared, and what differs.
#[derive(Debug, Default)]
struct Comparison {
    files: usize,
    fields: usize,
    differences: Vec<Difference>,
}

#[test]
fn mail_11_differences_to_python_are_known_and_explained() {
    let Some(folder) = data::find("mime") else { return };
    let Some(lines) = python_fields(&folder) else {
        return say("SKIPPED: python3 is not here, so nothing is compared with it");
    };
    let comparison = compare(&folder, &lines);
    let checked = differences::check(&list_path(), &head(&comparison), &comparison.differences);
    checked.unwrap_or_else(|list| panic!("docs/mail-differences.md should be:\n{list}"));
}

fn list_path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join("docs/mail-differences.md")
}

fn python_fields(folder: &Path) -> Option<Vec<Value>> {
    let script =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join("xtask/python/mail_fields.py");
    let output = Command::new("python3").arg(script).arg(folder).output().ok()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).unwrap();
    Some(lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

fn compare(folder: &Path, lines: &[Value]) -> Comparison {
    let mut comparison = Comparison::default();
    for theirs in lines {
        let file = theirs["file"].as_str().unwrap();
        // The expected results and licences that lie beside the mails are no mails.
        if file.rsplit('.').next() == Some("json") || file.ends_with("COPYING") {
            continue;
        }
        comparison.files += 1;
        let raw = fs::read(folder.join(file)).unwrap();
        let ours = match mail::read(&raw, &Caps::default()) {
            Ok(mail) => our_fields(&mail),
            Err(error) => vec![("mail", Value::Null, json!(error.to_string()))],
        };
        for (field, empty, ours) in ours {
            comparison.fields += 1;
            let theirs = normalised(field, &theirs[field], &empty);
            if theirs != normalised(field, &ours, &empty) {
                comparison.differences.push(Difference::new(&[file, field], &ours));
            }
        }
    }
    comparison.differences.sort();
    comparison
}

/// Lists our fields by Python's names: the name, what counts as nothing, and our value.
fn our_fields(mail: &Mail) -> Vec<(&'static str, Value, Value)> {
    let plain = !mail.flags.contains(Flag::HtmlOnly);
    let attachments = mail.attachments.iter().map(|attachment| {
        // Python writes a message anew before it counts its bytes, so these are not compared.
        let message = attachment.mime_type.expose().starts_with("message/");
        let size = if message { None } else { Some(attachment.size_bytes) };
        json!([attachment.name, size])
    });
    vec![
        ("subject", json!(""), json!(mail.subject)),
        ("from", json!([]), mailboxes(&mail.from)),
        ("to", json!([]), mailboxes(&mail.to)),
        ("cc", json!([]), mailboxes(&mail.cc)),
        ("date", Value::Null, json!(mail.date.map(|date| date.to_rfc3339()))),
        ("message_id", Value::Null, json!(mail.message_id)),
        ("text", json!(""), json!(plain.then_some(mail.text.expose()))),
        ("attachments", json!([]), attachments.collect()),
    ]
}

fn mailboxes(list: &[Mailbox]) -> Value {
    list.iter().map(|mailbox| json!([mailbox.name, mailbox.address])).collect()
}

/// Folds what is no difference: white space in text, brackets of ids, nothing and empty.
fn normalised(field: &str, value: &Value, empty: &Value) -> Value {
    let value = if value.is_null() { empty } else { value };
    match (field, value.as_str()) {
        ("text", Some(text)) => {
            text.chars().filter(|c| !c.is_whitespace()).collect::<String>().into()
        }
        ("message_id", Some(id)) => id.trim_matches(['<', '>']).into(),
        _ => value.clone(),
    }
}

/// Returns what the list says before its rows.
fn head(comparison: &Comparison) -> String {
    let Comparison { files, fields, differences } = comparison;
    let equal = fields - differences.len();
    format!(
        "# Differences to Python's `email` package\n\n\
         `xtask/python/mail_fields.py` reads the public `mime` set with Python's standard library, \
         and\n`besunny-core/tests/mime/python.rs` compares: of {fields} fields in {files} files \
         {equal} are equal.\nWhite space in text, brackets around ids, and the size of attached \
         messages are not compared.\n\nThe test fails when this list differs from what it finds. \
         Each difference was looked at; the mark is of\nour value, so that a change of it is seen. \
         `BESUNNY_BLESS=1 cargo test -p besunny-core --test mime` writes the\nlist anew and keeps \
         the reasons.\n\n| file | field | mark | reason |\n|---|---|---|---|\n"
    )
}
