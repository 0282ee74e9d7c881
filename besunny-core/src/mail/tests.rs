//! Whole mails, by the rules of MAIL-7 to MAIL-18.

use besunny_testkit::hostile;
use proptest::prelude::*;

use super::*;

fn read_mail(raw: &str) -> Mail {
    read(raw.as_bytes(), &Caps::default()).unwrap()
}

const WHOLE: &str = "Return-Path: <ann@x.org>\r\n\
Delivered-To: ai@besunny.ai\r\n\
X-Original-To: ai+bob@besunny.ai\r\n\
Authentication-Results: mx.x.org;\r\n\tspf=pass smtp.mailfrom=x.org\r\n\
Message-ID: <1@x.org>\r\n\
In-Reply-To: <0@x.org>\r\n\
References: <00@x.org>\r\n <0@x.org> <00@x.org>\r\n\
Date: Mon, 1 Jan 2024 10:00:00 +0100\r\n\
From: =?utf-8?q?Ann_L=C3=A9?= <ann@x.org>\r\n\
To: Bob <ai+bob@besunny.ai>, \"C, D\" <c@x.org>\r\n\
Cc: C@x.org, e@x.org\r\n\
Subject: Plan\r\n =?utf-8?q?f=C3=BCr?= Mai\r\n\
List-Id: Team list <team.x.org>\r\n\
Auto-Submitted: no\r\n\
MIME-Version: 1.0\r\n\
Content-Type: multipart/mixed; boundary=b\r\n\
\r\n\
--b\r\n\
Content-Type: multipart/alternative; boundary=c\r\n\
\r\n\
--c\r\n\
Content-Type: text/plain; charset=utf-8\r\n\
\r\n\
See https://docs.google.com/document/d/1abc/edit.\r\n\
\r\n\
-- \r\n\
Ann\r\n\
> old\r\n\
--c\r\n\
Content-Type: text/html; charset=utf-8\r\n\
\r\n\
<p>See <a href=\"https://docs.google.com/document/d/1abc/edit\">it</a>\r\n\
<a href=\"https://x.org/\">x</a><div style=\"display:none\">evil</div>\r\n\
--c--\r\n\
--b\r\n\
Content-Type: text/calendar; method=REQUEST; name=invite.ics\r\n\
Content-Transfer-Encoding: base64\r\n\
\r\n\
QkVHSU46VkVWRU5UClVJRDp1MQpTVU1NQVJZOlBsYW4KRU5EOlZFVkVOVAo=\r\n\
--b--\r\n";

#[test]
fn mail_10_a_whole_mail() {
    insta::assert_json_snapshot!(read_mail(WHOLE));
}

#[test]
fn mail_10_a_mail_survives_json() {
    let mail = read_mail(WHOLE);
    let json = serde_json::to_string(&mail).unwrap();
    let read_back: Mail = serde_json::from_str(&json).unwrap();
    assert_eq!(read_back, mail.without_contents());
    assert!(serde_json::from_str::<Mail>(&json.replace("1a80", "zz80")).is_err());
}

#[test]
fn l8_debug_shows_no_content() {
    let shown = format!("{:?}", read_mail(WHOLE));
    for content in ["Plan", "ann@x.org", "evil", "old", "Team"] {
        assert!(!shown.contains(content), "{content}");
    }
}

fn check_error(raw: &[u8], expected: &str) {
    let caps = Caps { bytes: 100, ..Caps::default() };
    let error = read(raw, &caps).unwrap_err();
    assert_eq!(error.to_string(), expected);
}

#[test]
fn mail_18_what_is_no_mail_is_refused_by_name_and_limit() {
    check_error(b"", "mail is empty");
    check_error(b" \r\n\r\n\t", "mail is empty");
    check_error(b"secret words\n\nmore", "no mail header found");
    check_error(b"\xff\xfe\x00\x01", "no mail header found");
    check_error(&[b'x'; 101], "mail of 101 bytes exceeds the limit of 100 bytes");
}

#[test]
fn mail_18_headers_of_a_too_large_mail_are_read() {
    let raw = format!("{WHOLE}{}", "x".repeat(200_000));
    let caps = Caps { bytes: 1_000, header_bytes: 2_000, ..Caps::default() };
    assert!(matches!(read(raw.as_bytes(), &caps), Err(MailError::TooLarge { .. })));
    let mail = headers(raw.as_bytes(), &caps).unwrap();
    assert!(mail.flags.contains(Flag::HeadersOnly) && mail.text.expose().is_empty());
    let whole = read_mail(WHOLE);
    assert_eq!((mail.subject, mail.recipients), (whole.subject, whole.recipients));
}

#[test]
fn mail_18_files_saved_as_utf_16_are_read() {
    let expected = read_mail(WHOLE);
    for marked in [WHOLE.to_owned(), format!("\u{feff}{WHOLE}")] {
        let little: Vec<u8> = marked.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = marked.encode_utf16().flat_map(u16::to_be_bytes).collect();
        for raw in [little, big] {
            assert_eq!(read(&raw, &Caps::default()).unwrap(), expected);
        }
    }
}

#[test]
fn mail_18_line_ends_do_not_matter() {
    let without_html = |raw: &str| Mail { html: None, ..read_mail(raw) };
    let expected = without_html(WHOLE);
    assert_eq!(without_html(&WHOLE.replace("\r\n", "\n")), expected);
    assert_eq!(without_html(&WHOLE.replace("\r\n", "\r")), expected);
    assert_eq!(without_html(&format!("\u{feff}\r\n{WHOLE}")), expected);
    assert_eq!(without_html(&format!("From ann Mon Jan 1\r\n{WHOLE}")), expected);
}

fn check_recipients(header: &str, expected: &[(&str, RecipientKind)]) {
    let mail = read_mail(&format!("Subject: x\n{header}\n\n"));
    let found: Vec<(&str, RecipientKind)> =
        mail.recipients.iter().map(|r| (r.address.expose().as_str(), r.kind)).collect();
    assert_eq!(found, expected, "{header}");
}

#[test]
fn mail_7_every_recipient_is_found_once() {
    use RecipientKind::{Bcc, Cc, Envelope, To};
    check_recipients("Cc: b@x.org\nTo: a@x.org, A@X.org", &[("a@x.org", To), ("b@x.org", Cc)]);
    check_recipients("Bcc: a@x.org\nDelivered-To: a@x.org", &[("a@x.org", Bcc)]);
    check_recipients("Delivered-To: a@x.org\nTo: a@x.org", &[("a@x.org", To)]);
    check_recipients("TO: a@x.org\nto: b@x.org", &[("a@x.org", To), ("b@x.org", To)]);
    check_recipients(
        "X-Original-To: a@x.org\nX-Forwarded-To: <b@x.org>",
        &[("a@x.org", Envelope), ("b@x.org", Envelope)],
    );
    check_recipients(
        "Envelope-To: a@x.org\nResent-Cc: b@x.org",
        &[("b@x.org", Cc), ("a@x.org", Envelope)],
    );
    check_recipients("To: undisclosed-recipients:;", &[]);
}

fn check_ids(header: &str, expected: &[&str]) {
    let mail = read_mail(&format!("References: {header}\n\n"));
    let found: Vec<&str> = mail.references.iter().map(|id| id.expose().as_str()).collect();
    assert_eq!(found, expected, "{header}");
}

#[test]
fn mail_7_ids_are_normalised() {
    check_ids("<a@x> <b@x>\n\t<a@x>", &["a@x", "b@x"]);
    check_ids("<a@\n x>", &["a@x"]);
    check_ids("a@x", &["a@x"]);
    check_ids("Your message of Monday <a@x>", &["a@x"]);
    check_ids("plain-id", &["plain-id"]);
    check_ids("some words", &[]);
    check_ids("<a@x<b@x>", &["a@x", "b@x"]);
}

fn check_ignored(header: &str, body: &str, expected: Option<LoopReason>) {
    let mail = read_mail(&format!("Subject: x\n{header}\n\n{body}"));
    assert_eq!(mail.loop_reason(), expected, "{header}");
}

#[test]
fn mail_18_only_automatic_replies_and_bounces_are_ignored() {
    let drive = "https://drive.google.com/file/d/1";
    check_ignored("Auto-Submitted: auto-replied", "x", Some(LoopReason::AutoReply));
    check_ignored("Auto-Submitted: Auto-Replied (rejected)", "x", Some(LoopReason::AutoReply));
    check_ignored("Return-Path: <>", "x", Some(LoopReason::Bounce));
    check_ignored("Return-Path: < >", "x", None);
    check_ignored("Return-Path: <>", drive, None);
    check_ignored("Auto-Submitted: auto-replied", drive, None);
    check_ignored("Return-Path: <>\nContent-Type: text/calendar", "x", None);
    check_ignored("Auto-Submitted: auto-generated", "x", None);
    check_ignored("Auto-Submitted: no", "x", None);
    check_ignored("Precedence: bulk", "x", None);
}

fn check_kind(body: &str, kind: Kind, confidence: f32) {
    let mail = read_mail(&format!("Subject: x\n{body}"));
    assert_eq!(mail.kind(), kind, "{body}");
    assert!((mail.kind().confidence() - confidence).abs() < f32::EPSILON);
}

#[test]
fn mail_12_kinds_in_their_order() {
    let event = "BEGIN:VEVENT\nUID:u\nDESCRIPTION:x\nEND:VEVENT\n";
    check_kind("\nhttps://drive.google.com/open?id=1 When: x\nWhere: y", Kind::DriveShare, 0.9);
    check_kind(&format!("Content-Type: text/calendar\n\n{event}"), Kind::Invitation, 0.8);
    check_kind(
        &format!("Content-Type: application/octet-stream; name=A.ICS\n\n{event}"),
        Kind::Invitation,
        0.8,
    );
    check_kind("\nWhen: Monday\nWhere: here\n", Kind::LikelyInvitation, 0.4);
    check_kind("\nhttps://meet.google.com/abc-defg-hij\n", Kind::Plain, 1.0);
}

#[test]
fn mail_12_all_drive_links_are_found() {
    let mail = read_mail(
        "Subject: x\n\nhttps://drive.google.com/file/d/1 and\n\
         https://docs.google.com/spreadsheets/d/2/edit\nhttps://drive.google.com/file/d/1/view",
    );
    let ids: Vec<&str> = mail.drive_links.iter().map(|link| link.id.as_str()).collect();
    assert_eq!(ids, ["1", "2"]);
}

#[test]
fn mail_10_a_mail_names_its_people_and_its_thread() {
    let mail = read_mail(WHOLE);
    assert_eq!(mail.author(), "ann@x.org");
    assert_eq!(mail.subject_text(), "Plan für Mai");
    assert_eq!(mail.thread_ids().collect::<Vec<_>>(), ["00@x.org", "0@x.org", "meetings:u1"]);
    let people: Vec<&str> = mail.correspondents().collect();
    assert_eq!(people, ["ann@x.org", "ai+bob@besunny.ai", "c@x.org", "e@x.org", "ai@besunny.ai"]);
    assert!(mail.weight_bytes() > mail.without_contents().weight_bytes());
    assert_eq!(read_mail("Subject: x\n\n").author(), "");
}

#[test]
fn mail_13_an_invitation_is_in_the_thread_of_its_meetings() {
    let mail = read_mail(
        "Subject: x\nIn-Reply-To: <0@x.org>\nContent-Type: text/calendar; method=REQUEST\n\n\
         BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:weekly@x.org\nDTSTART:20260601T080000Z\nEND:VEVENT\n\
         END:VCALENDAR\n",
    );
    assert_eq!(mail.thread_ids().collect::<Vec<_>>(), ["0@x.org", "meetings:weekly@x.org"]);
}

#[test]
fn mail_11_own_text_leaves_history_and_signature_out() {
    let mail = read_mail("Subject: x\n\nYes.\n> no?\nIndeed.\n-- \nAnn\n");
    assert_eq!(mail.own_text().expose(), "Yes.\nIndeed.\n");
}

/// Sizes that a test of quadratic steps needs; `cargo xtask bench MIME` takes larger ones.
const HOSTILE: hostile::Sizes = hostile::Sizes { field: 200_000, text: 500_000, page: 64 * 1024 };

#[test]
fn c8_hostile_mails_stay_cheap() {
    for (name, make) in hostile::mails(HOSTILE) {
        let read = read(&make(), &Caps::default());
        assert!(matches!(read, Ok(_) | Err(MailError::TooLarge { .. })), "{name}: {read:?}");
    }
}

fn read_hostile(raw: &[u8]) -> Mail {
    read(raw, &Caps::default()).unwrap()
}

#[test]
fn c8_hostile_structures_are_cut() {
    assert!(read_hostile(&hostile::parts()).flags.contains(Flag::PartsCut));
    let mail = read_hostile(&hostile::nested_multiparts());
    assert!(mail.flags.contains(Flag::DepthCut));
    assert_eq!(mail.attachments.len(), 1);
    assert_eq!(read_hostile(&hostile::nested_messages()).attachments.len(), 1);
}

#[test]
fn c8_hostile_sizes_are_refused_or_cut() {
    let mail = read_hostile(&hostile::long_header());
    assert!(mail.flags.contains(Flag::HeadersCut));
    assert_eq!(mail.text.expose(), "body");
    assert_eq!(read_hostile(&hostile::many_fields()).text.expose(), "body");
    let error = read(&hostile::large_body(), &Caps::default()).unwrap_err();
    assert!(matches!(error, MailError::TooLarge { .. }));
}

/// Pieces that make parsers stumble.
fn pieces() -> impl Strategy<Value = Vec<u8>> {
    const PIECES: &[&[u8]] = &[
        b"\r\n",
        b"\n",
        b"--b",
        b"--b--",
        b"Content-Type: multipart/mixed; boundary=b\n",
        b"Content-Type: text/html; charset=utf-16\n",
        b"Content-Type: text/calendar\n",
        b"Content-Type: message/rfc822\n",
        b"Content-Transfer-Encoding: quoted-printable\n",
        b"Content-Transfer-Encoding: base64\n",
        b"Content-Transfer-Encoding: x-uuencode\n",
        b"To: \"a\" <b@c>, d:;\n",
        b"Subject: =?utf-8?B?4pi6?= =?x?Q?=\n",
        b"begin 644 a\n#0V%T\n",
        b"BEGIN:VEVENT\nUID:x\n",
        b"<p style='display:none'>",
        b"=\n",
        b"=E",
        b"\xff\xfe",
        b" x ",
        b"> ",
    ];
    prop::collection::vec(prop::sample::select(PIECES), 0..60).prop_map(|pieces| pieces.concat())
}

/// What holds for every mail that can be read.
fn check_invariants(raw: &[u8]) -> Result<(), TestCaseError> {
    let Ok(mail) = read(raw, &Caps::default()) else { return Ok(()) };
    let text = mail.text.expose();
    let joined: String = mail.segments().map(|segment| segment.text).collect();
    prop_assert_eq!(&joined, text);
    prop_assert!(!text.contains('\0') && !text.contains('\r'));
    let head = headers(raw, &Caps::default()).unwrap();
    prop_assert_eq!(
        (head.subject, head.recipients),
        (mail.subject.clone(), mail.recipients.clone())
    );
    let read_back: Mail = serde_json::from_str(&serde_json::to_string(&mail).unwrap()).unwrap();
    prop_assert_eq!(read_back, mail.without_contents());
    Ok(())
}

proptest! {
    #[test]
    fn reading_never_panics_on_arbitrary_bytes(raw in prop::collection::vec(any::<u8>(), 0..300)) {
        check_invariants(&raw)?;
    }

    #[test]
    fn reading_never_panics_on_hostile_pieces(raw in pieces()) {
        check_invariants(&raw)?;
        check_invariants(&[&b"A: b\n"[..], &raw].concat())?;
    }

    #[test]
    fn reading_never_panics_on_mutated_mail(
        at in 0..WHOLE.len(),
        removed in 0_usize..40,
        inserted in prop::collection::vec(any::<u8>(), 0..8),
    ) {
        let end = (at + removed).min(WHOLE.len());
        let raw = [&WHOLE.as_bytes()[..at], &inserted, &WHOLE.as_bytes()[end..]].concat();
        check_invariants(&raw)?;
    }
}
