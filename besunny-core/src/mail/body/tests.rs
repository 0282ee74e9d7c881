//! Bodies: which part is the text, and what becomes of the others.
use super::*;
use crate::mail::{self, Mail};

fn read_mail(raw: &str) -> Mail {
    mail::read(raw.as_bytes(), &Caps::default()).unwrap()
}

/// Checks the text, the attachments as `name type size`, and the flags.
fn check(raw: &str, text: &str, attachments: &[&str], flags: &[Flag]) {
    let mail = read_mail(raw);
    let found: Vec<String> = mail
        .attachments
        .iter()
        .map(|a| {
            let name = a.name.as_ref().map_or("-", |name| name.expose());
            format!("{name} {} {}", a.mime_type.expose(), a.size_bytes)
        })
        .collect();
    assert_eq!(mail.text.expose(), text, "{raw}");
    assert_eq!(found, attachments, "{raw}");
    assert_eq!(mail.flags, flags.iter().copied().collect(), "{raw}");
}

fn multipart(kind: &str, parts: &[&str]) -> String {
    let parts = parts.iter().map(|part| format!("--b\n{part}\n")).collect::<Vec<_>>().concat();
    format!("Subject: x\nContent-Type: multipart/{kind}; boundary=b\n\n{parts}--b--\n")
}

const PLAIN: &str = "Content-Type: text/plain\n\nplain";
const HTML: &str = "Content-Type: text/html\n\n<p>html</p>";
const BLANK: &str = "Content-Type: text/plain\n\n \n";
const IMAGE: &str = "Content-Type: image/png; name=i.png\nContent-ID: <i>\n\nxx";

#[test]
fn mail_11_plain_text_is_preferred() {
    check(&multipart("alternative", &[PLAIN, HTML]), "plain", &[], &[]);
    check(&multipart("alternative", &[HTML, PLAIN]), "plain", &[], &[]);
    check(&multipart("alternative", &[HTML]), "html\n", &[], &[Flag::HtmlOnly]);
    check(&multipart("alternative", &[BLANK, HTML]), "html\n", &[], &[Flag::HtmlOnly]);
    assert_eq!(
        read_mail(&multipart("alternative", &[PLAIN, HTML])).html.unwrap().expose(),
        "<p>html</p>"
    );
}

#[test]
fn mail_11_mixed_texts_are_joined_in_order() {
    check(&multipart("mixed", &[PLAIN, HTML, PLAIN]), "plain\nhtml\nplain", &[], &[]);
    let named = "Content-Type: text/plain; name=a.txt\n\nfile";
    check(&multipart("mixed", &[PLAIN, named]), "plain", &["a.txt text/plain 4"], &[]);
    check(&multipart("mixed", &[named, PLAIN]), "file\nplain", &[], &[]);
    let attached = "Content-Type: text/plain\nContent-Disposition: attachment\n\nfile";
    check(&multipart("mixed", &[PLAIN, attached]), "plain", &["- text/plain 4"], &[]);
}

#[test]
fn mail_11_related_parts_are_attachments() {
    check(
        &multipart("related", &[HTML, IMAGE]),
        "html\n",
        &["i.png image/png 2"],
        &[Flag::HtmlOnly],
    );
    let start = multipart("related; start=\"<r>\"", &[IMAGE, "Content-ID: <r>\n\nroot"]);
    check(&start, "root", &["i.png image/png 2"], &[]);
    assert!(read_mail(&start).attachments[0].inline);
}

#[test]
fn mail_11_nested_alternatives() {
    let related = "Content-Type: multipart/related; boundary=c\n\n--c\nContent-Type: text/html\n\n\
        <p>html</p>\n--c\nContent-Type: image/png\n\nxx\n--c--";
    check(&multipart("alternative", &[PLAIN, related]), "plain", &["- image/png 2"], &[]);
    check(&multipart("alternative", &[related]), "html\n", &["- image/png 2"], &[Flag::HtmlOnly]);
}

#[test]
fn mail_11_messages_are_attachments_and_their_text_is_not_ours() {
    let message = "Content-Type: message/rfc822\n\nSubject: y\n\ninner";
    check(&multipart("mixed", &[PLAIN, message]), "plain", &["- message/rfc822 17"], &[]);
    check(
        &multipart("digest", &["\nSubject: y\n\ninner"]),
        "",
        &["- message/rfc822 17"],
        &[Flag::NoText],
    );
}

#[test]
fn mail_11_other_kinds_of_text() {
    check("Content-Type: text/enriched\n\n<b>x</b>", "<b>x</b>", &[], &[]);
    check("Content-Type: text\n\nx", "x", &[], &[]);
    check(
        "Content-Type: application/pdf; name=a.pdf\n\nx",
        "",
        &["a.pdf application/pdf 1"],
        &[Flag::NoText],
    );
    check(
        &multipart("mixed", &[PLAIN, "Content-Type: text/csv\n\na,b"]),
        "plain",
        &["- text/csv 3"],
        &[],
    );
}

#[test]
fn mail_11_encodings_are_decoded() {
    let base64 =
        "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\nY2Fmw6k=\n";
    check(base64, "café", &[], &[]);
    let quoted =
        "Content-Type: text/html\nContent-Transfer-Encoding: quoted-printable\n\n<p>caf=C3=A9=\n!";
    check(quoted, "café!\n", &[], &[Flag::CharsetRepaired, Flag::HtmlOnly]);
    check(
        "Subject: x\n\na\r\nb\u{200b}\r\n",
        "a\nb\n",
        &[],
        &[Flag::CharsetRepaired, Flag::InvisibleCharactersRemoved],
    );
}

#[test]
fn mail_11_encrypted_mail_is_flagged() {
    let smime =
        "Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m\n\nx";
    check(smime, "", &["smime.p7m application/pkcs7-mime 1"], &[Flag::NoText, Flag::Encrypted]);
    let signed =
        "Content-Type: application/pkcs7-mime; smime-type=signed-data; name=smime.p7m\n\nx";
    check(signed, "", &["smime.p7m application/pkcs7-mime 1"], &[Flag::NoText]);
}

#[test]
fn mail_11_a_meta_tag_names_the_charset_of_html() {
    let raw = b"Content-Type: text/html\n\n<meta charset=windows-1251>\xcf\xf0\xe8";
    let mail = mail::read(raw, &Caps::default()).unwrap();
    assert_eq!(mail.text.expose(), "При\n");
}

#[test]
fn mail_11_text_and_html_have_caps() {
    let caps = Caps { text_bytes: 4, html_bytes: 6, ..Caps::default() };
    let mail = mail::read(b"Subject: x\n\nabc\xc3\xa9", &caps).unwrap();
    assert_eq!(mail.text.expose(), "abc");
    assert!(mail.flags.contains(Flag::TextCut));
    let mail = mail::read(b"Content-Type: text/html\n\n<b>abcdef", &caps).unwrap();
    assert_eq!(
        (mail.text.expose().as_str(), mail.html.unwrap().expose().as_str()),
        ("abc\n", "<b>abc")
    );
    assert!(mail.flags.contains(Flag::HtmlCut));
}

#[test]
fn mail_11_what_could_not_come_out_is_not_decoded() {
    let caps = Caps { text_bytes: 4, html_bytes: 4, ..Caps::default() };
    for raw in [
        "A: b\n\n\u{200b}\u{200b}\u{200b}\u{200b}\u{200b}\u{200b}",
        "A: b\n\n\u{200b}\n\u{200b}\u{200b}\u{200b}\u{200b}\u{200b}",
    ] {
        let mail = mail::read(raw.as_bytes(), &caps).unwrap();
        assert_eq!(mail.text.expose().trim(), "");
        assert!(mail.flags.contains(Flag::TextCut) && !mail.flags.contains(Flag::LyingCharset));
    }
}
