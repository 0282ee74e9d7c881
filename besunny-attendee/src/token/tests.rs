//! Canonical JSON: tables, bombs, and the independent opinion of Python.
use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use besunny_testkit::data::say;
use proptest::prelude::*;

use super::*;

fn check(body: &str, want: &str) {
    assert_eq!(canonical(body.as_bytes()).as_deref(), Ok(want), "{body}");
}

fn check_odd(body: impl AsRef<[u8]>, want: Odd) {
    let body = body.as_ref();
    assert_eq!(canonical(body), Err(want), "{}", String::from_utf8_lossy(body));
}

#[test]
fn bot_9_keys_are_sorted_and_numbers_stay_as_written() {
    check(r#" { "b": 1, "a": [ true , false, null ] } "#, r#"{"a":[true,false,null],"b":1}"#);
    check(
        "[1e-07, 1.0, -0.0, 12345678901234567890, 1E+5, -0]",
        "[1e-07,1.0,-0.0,12345678901234567890,1E+5,-0]",
    );
    check(
        "{\"\u{ffee}k\": 1, \"\u{1f600}k\": 2, \"Aa\": 3, \"_\": 4}",
        "{\"Aa\":3,\"_\":4,\"\u{ffee}k\":1,\"\u{1f600}k\":2}",
    );
    check(r#"{"a": 1, "a": {"z": 2}}"#, r#"{"a":{"z":2}}"#);
    check("{}", "{}");
    check("[[ ]]", "[[]]");
    check("\"\"", "\"\"");
}

#[test]
fn bot_9_only_what_must_be_is_escaped() {
    check(r#""é \ud83d\ude00 \/ \u007f\u2028""#, "\"é 😀 / \u{7f}\u{2028}\"");
    check(r#""\" \\ \b\f\n\r\t \u0001\u001f \u0008""#, r#""\" \\ \b\f\n\r\t \u0001\u001f \b""#);
    check(r#"{"\u0061": 1, "a": 2}"#, r#"{"a":2}"#);
}

#[test]
fn bad_input_is_refused() {
    for (body, at) in [
        ("", 0),
        ("nul", 0),
        ("NaN", 0),
        ("-Infinity", 1),
        ("01", 1),
        ("1.", 2),
        ("1e", 2),
        ("+1", 0),
        ("[1,]", 3),
        ("{\"a\" 1}", 5),
        ("{\"a\":1,}", 7),
        ("{a:1}", 1),
        ("\"a\nb\"", 2),
        ("\"a", 2),
        ("\"\\x\"", 1),
        ("\"\\u12g4\"", 3),
        ("\"\\u12", 3),
        ("'a'", 0),
        ("[1", 2),
        ("\u{feff}1", 0),
    ] {
        let want = if body == "01" { Odd::Trailing(at) } else { Odd::NotJson(at) };
        check_odd(body, want);
    }
    check_odd(b"\"\xff\"", Odd::NotJson(1));
    check_odd("1 2", Odd::Trailing(2));
    check_odd("{}x", Odd::Trailing(2));
    for lone in [r#""\ud83d""#, r#""\ude00""#, r#""\ud83dx""#, r#""\ud83d\u0041""#, r#""\ud83d\n""#]
    {
        check_odd(lone, Odd::LoneSurrogate(1));
    }
}

#[test]
fn bad_input_bombs_are_refused_at_once() {
    let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    check(&deep(MAX_DEPTH), &deep(MAX_DEPTH));
    check_odd(deep(MAX_DEPTH + 2), Odd::TooDeep);
    check_odd("[".repeat(MAX_BYTES), Odd::TooDeep);
    check_odd("{\"a\":".repeat(MAX_BYTES / 5), Odd::TooDeep);
    check_odd(" ".repeat(MAX_BYTES + 1), Odd::TooLarge);
}

proptest! {
    #[test]
    fn nothing_panics_and_a_canonical_text_is_its_own(body in "[ -~\\p{L}\\\\\"{}\\[\\]:,]{0,60}") {
        if let Ok(once) = canonical(body.as_bytes()) {
            prop_assert_eq!(canonical(once.as_bytes()), Ok(once.clone()));
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(body in prop::collection::vec(any::<u8>(), 0..80)) {
        drop(canonical(&body));
    }
}

/// So many random documents are compared in every test run; `cargo xtask attendee-json` compares 100,000.
const DOCUMENTS: &str = "2000";

#[test]
fn bot_9_python_writes_the_same() {
    let documents = std::env::var("BESUNNY_DOCUMENTS").unwrap_or_else(|_| DOCUMENTS.to_owned());
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../xtask/python/json_documents.py");
    let python = Command::new("python3")
        .args([script, &documents])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn();
    let Ok(python) = python else {
        return say("SKIPPED: python3 is not here, so no canonical text is compared with it");
    };
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success());
    let lines: Vec<&[u8]> = output.stdout.split(|byte| *byte == b'\n').collect();
    let pairs = lines.chunks_exact(2);
    let mut differences = 0;
    let compared = pairs.len();
    for pair in pairs {
        let (body, want) = (pair[0], pair[1]);
        if canonical(body).as_deref().map(str::as_bytes) != Ok(want) {
            differences += 1;
            std::io::stderr().write_all(body).unwrap();
            eprintln!();
        }
    }
    say(&format!("{compared} documents of Python's json.dumps: {differences} differences"));
    assert_eq!((compared, differences), (documents.parse().unwrap(), 0));
}

/// No JSON library takes part, whatever features it has: the name of one stands in prose only.
#[test]
fn bot_9_the_signed_text_is_made_without_a_json_library() {
    let source = include_str!("../token.rs");
    let code = source.lines().filter(|line| !line.trim_start().starts_with("//"));
    let imports: Vec<&str> =
        code.filter(|line| line.contains("serde") || line.contains("json::")).collect();
    assert_eq!(imports, Vec::<&str>::new());
}
