//! `besunny inspect`: what is read out of a mail, a calendar, links or a delivery, or a typed error.
use std::{fmt::Write as _, io::Write as _, process::Stdio};

use serde_json::{Value, json};

use crate::{
    binary::Desk,
    delivery::{DELIVERY, SECRET, SIGNATURE, UNREADABLE},
    mailbox::mail,
};

fn read(raw: impl AsRef<[u8]>) -> Value {
    let desk = Desk::new();
    let path = desk.file("a.eml", raw);
    desk.run(&["inspect", "mail", &path]).ends(0)
}

#[test]
fn mail_10_the_fields_of_a_mail() {
    let raw = "From: =?utf-8?q?J=C3=BCrgen?= <j@example.org>\nTo: a@example.org, B <b@example.org>\n\
        Delivered-To: a@example.org\nSubject: Hi\nDate: Mon, 1 Jun 2026 09:30:00 +0200\n\
        Message-ID: <1@example.org>\nContent-Type: multipart/mixed; boundary=x\n\n\
        --x\nContent-Type: text/plain\n\nSee https://example.org/a\n--x\n\
        Content-Type: application/pdf; name=\"../a.pdf\"\nContent-Transfer-Encoding: base64\n\n\
        aGVsbG8=\n--x--\n";
    insta::assert_json_snapshot!(read(raw));
}

#[test]
fn bad_input_what_is_no_mail() {
    let desk = Desk::new();
    let inspect = |path: &str| desk.run(&["inspect", "mail", path]);
    inspect("nowhere.eml").refuses(1, "unreadable", &["nowhere.eml"]);
    inspect(".").refuses(1, "unreadable", &["."]);
    inspect(&desk.file("empty.eml", " \n\n")).refuses(1, "empty", &["empty.eml"]);
    inspect(&desk.file("zeros.eml", [0; 4096])).refuses(1, "not_mail", &["zeros.eml"]);
    let large = format!("{}{}", mail(1), "x\n".repeat(25 << 20));
    inspect(&desk.file("large.eml", large)).refuses(1, "too_large", &["large.eml", "26214400"]);
}

#[test]
fn bad_input_ten_thousand_parts() {
    let mut raw = String::from("Subject: parts\nContent-Type: multipart/mixed; boundary=x\n\n");
    for number in 0..10_000 {
        write!(raw, "--x\nContent-Type: application/octet-stream\n\npart {number}\n").unwrap();
    }
    let json = read(raw + "--x--\n");
    assert!(json["flags"].as_array().unwrap().contains(&json!("parts_cut")), "{}", json["flags"]);
    assert!(json["attachments"].as_array().unwrap().len() <= 1_000);
}

#[test]
fn bad_input_a_lying_charset() {
    let mut raw = b"Subject: charset\nContent-Type: text/plain; charset=us-ascii\n\n".to_vec();
    raw.extend_from_slice("Grüße aus Köln".as_bytes());
    let json = read(raw);
    assert!(json["text"].as_str().unwrap().contains("Grüße"), "{json}");
    assert!(!json["flags"].as_array().unwrap().is_empty(), "{json}");
}

#[test]
fn stdin_is_read_and_a_terminal_is_not_steered() {
    let desk = Desk::new();
    let mut command = desk.command(&["inspect", "mail", "-"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(mail(7).as_bytes()).unwrap();
    let run = crate::binary::Run::from(child.wait_with_output().unwrap());
    assert_eq!(run.ends(0)["subject"], "Mail 7");
    let path = desk.file("a.eml", mail(1).replace("Text", "\x1b]0;owned\x07Text"));
    let output = crate::binary::binary().args(["inspect", "mail", &path]).output().unwrap();
    assert!(!output.stdout.contains(&0x1b));
    assert!(String::from_utf8(output.stdout).unwrap().contains("Subject:     Mail 1"));
}

/// Runs `inspect link` with `stdin` and returns its lines.
fn links(urls: &[&str], stdin: &[u8]) -> Vec<Value> {
    let desk = Desk::new();
    let mut command = desk.command(&["inspect", "link"]);
    command.args(urls).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A program that was told its addresses reads no stdin.
    drop(child.stdin.take().unwrap().write_all(stdin));
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let lines = String::from_utf8(output.stdout).unwrap();
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn cal_11_each_address_has_a_line() {
    let urls = [
        "https://us02web.zoom.us/j/1234567890?pwd=a&amp;from=x",
        "https://example.org/",
        "https://www.google.com/url?q=https://meet.google.com/abc-defg-hij&sa=D",
        "https://whereby.com/weekly",
    ];
    let told = links(&urls, b"");
    insta::assert_json_snapshot!(told);
    let piped = urls.join("\r\n") + "\n\n";
    assert_eq!(links(&[], piped.as_bytes()), told);
}

#[test]
fn bad_input_lines_that_are_no_addresses() {
    let long = "a".repeat(1 << 20);
    let stdin = [b"\xff\n", long.as_bytes(), b"\n\0\nhttps://127.0.0.1/j/1\nzoom.us/j/1"].concat();
    let lines = links(&[], &stdin);
    let platforms: Vec<&Value> = lines.iter().map(|line| &line["platform"]).collect();
    let null = &Value::Null;
    assert_eq!(platforms, [null, null, null, null, &json!("zoom")]);
    assert!(lines[1]["url"].as_str().unwrap().len() < 1 << 14);
    assert_eq!(links(&[], b""), Vec::<Value>::new());
}

fn inspect_delivery(secret: &str, signature: &str, body: &[u8]) -> crate::binary::Run {
    let desk = Desk::new();
    let line = ["inspect", "webhook", "attendee", "--secret", secret, "--signature", signature];
    let mut command = desk.command(&line);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A refusal may come before the body was read.
    drop(child.stdin.take().unwrap().write_all(body));
    crate::binary::Run::from(child.wait_with_output().unwrap())
}

#[test]
fn bot_9_a_genuine_delivery_is_shown() {
    insta::assert_json_snapshot!(genuine_delivery());
}

/// What is shown of a genuine delivery.
pub(crate) fn genuine_delivery() -> Value {
    inspect_delivery(SECRET, SIGNATURE, DELIVERY.as_bytes()).ends(0)
}

#[test]
fn bad_input_deliveries_that_nobody_signed() {
    let check = |secret: &str, signature: &str, body: &[u8], code, kind| {
        inspect_delivery(secret, signature, body).refuses(code, kind, &[]);
    };
    let body = DELIVERY.as_bytes();
    let other = "b3RoZXIgc2VjcmV0IG9mIHRoZSBzYW1lIGxlbmd0aCE=";
    check(other, SIGNATURE, body, 1, "bad_signature");
    check(SECRET, "AAAA", body, 1, "bad_signature");
    check(SECRET, "", body, 1, "bad_signature");
    check(SECRET, SIGNATURE, DELIVERY.replace("bot_1", "bot_2").as_bytes(), 1, "bad_signature");
    check(SECRET, SIGNATURE, b"{", 1, "bad_signature");
    check(SECRET, SIGNATURE, &vec![b'['; 2 << 20], 1, "bad_signature");
    check(SECRET, UNREADABLE, b"{}", 1, "unreadable");
    check("not base64", SIGNATURE, body, 2, "secret");
}
