//! One mail as Gmail sends it.
use std::fmt::Write as _;

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use besunny_core::message::{Message, RawMail};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use super::labels;
use crate::wire::{self, NO_JSON, Unusable};

/// Gmail pads some of its base64 and some not, by field and by day (seen at Gmail).
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// What an answer says of a mail.
#[derive(Debug)]
pub(super) enum Found {
    /// The mail.
    Mail(Message),
    /// It is in spam, trash or drafts.
    Hidden,
    /// It cannot be decoded.
    Unreadable(&'static str),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields<'a> {
    #[serde(default)]
    id: Value,
    #[serde(default)]
    label_ids: Value,
    #[serde(default)]
    internal_date: Value,
    #[serde(default)]
    size_estimate: Value,
    #[serde(default, borrow)]
    raw: Option<&'a RawValue>,
    #[serde(default)]
    payload: Value,
}

/// Reads a mail of format `raw`; a mail larger than `most` bytes keeps its headers only.
///
/// # Errors
/// [`Unusable`] where the answer is no JSON, or about another mail than `id`.
pub(super) fn whole(answer: &[u8], id: &str, most: usize) -> Result<Found, Unusable> {
    let fields = read(answer, id)?;
    if labels::are_hidden(&fields.label_ids) {
        return Ok(Found::Hidden);
    }
    let Some(raw) = fields.raw else {
        return Ok(Found::Unreadable("Gmail sent no content"));
    };
    let Some(raw) = decode(raw.get()) else {
        return Ok(Found::Unreadable("the content is not base64"));
    };
    let raw = if raw.len() > most { cut(&raw) } else { RawMail::Whole(Bytes::from(raw)) };
    Ok(Found::Mail(Message { raw, received_at: wire::instant(&fields.internal_date) }))
}

/// Reads the headers of a mail, from format `metadata`.
///
/// # Errors
/// [`Unusable`] where the answer is no JSON, or about another mail than `id`.
pub(super) fn headers(answer: &[u8], id: &str) -> Result<Found, Unusable> {
    let fields = read(answer, id)?;
    if labels::are_hidden(&fields.label_ids) {
        return Ok(Found::Hidden);
    }
    let mut text = String::new();
    for header in wire::items(&fields.payload, "headers")? {
        let part = |name| header.get(name).and_then(Value::as_str).unwrap_or_default();
        let name = part("name").trim();
        if !name.is_empty() && !name.contains([':', '\r', '\n']) {
            let value = part("value").lines().map(str::trim).collect::<Vec<_>>().join(" ");
            write!(text, "{name}: {value}\r\n").map_err(|_never| NO_JSON)?;
        }
    }
    text.push_str("\r\n");
    let size = wire::number(&fields.size_estimate).and_then(|size| u64::try_from(size).ok());
    let raw =
        RawMail::TooLarge { headers: Bytes::from(text), size_bytes: size.unwrap_or_default() };
    Ok(Found::Mail(Message { raw, received_at: wire::instant(&fields.internal_date) }))
}

fn read<'a>(answer: &'a [u8], id: &str) -> Result<Fields<'a>, Unusable> {
    let fields: Fields<'a> = serde_json::from_slice(answer).map_err(|_content| NO_JSON)?;
    match fields.id.as_str() {
        Some(other) if other != id => Err(Unusable("is about another mail")),
        _ => Ok(fields),
    }
}

/// Keeps the headers of a mail.
fn cut(raw: &[u8]) -> RawMail {
    let end =
        |gap: &[u8]| raw.windows(gap.len()).position(|part| part == gap).map(|at| at + gap.len());
    let end = end(b"\r\n\r\n").into_iter().chain(end(b"\n\n")).min().unwrap_or_default();
    let headers = Bytes::copy_from_slice(raw.get(..end).unwrap_or_default());
    RawMail::TooLarge { headers, size_bytes: u64::try_from(raw.len()).unwrap_or(u64::MAX) }
}

/// Decodes a JSON string of base64, of either alphabet, padded or not, with or without white space.
fn decode(json: &str) -> Option<Vec<u8>> {
    let text = json.strip_prefix('"')?.strip_suffix('"')?;
    if let Ok(bytes) = LENIENT.decode(text) {
        return Some(bytes);
    }
    let text = serde_json::from_str::<String>(json).ok()?;
    let digits = text.bytes().filter(|byte| !byte.is_ascii_whitespace() && *byte != b'=');
    let digits: Vec<u8> = digits
        .map(|digit| match digit {
            b'+' => b'-',
            b'/' => b'_',
            other => other,
        })
        .collect();
    LENIENT.decode(digits).ok()
}

#[cfg(test)]
mod tests {
    use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE, BASE64_URL_SAFE_NO_PAD};
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn whole_of(answer: &Value, most: usize) -> Result<Found, Unusable> {
        whole(answer.to_string().as_bytes(), "a", most)
    }

    #[test]
    fn hidden_and_undecodable_mails_say_so() {
        for label in ["SPAM", "TRASH", "DRAFT"] {
            let answer = json!({ "id": "a", "labelIds": ["INBOX", label], "raw": "YQ" });
            assert!(matches!(whole_of(&answer, 9), Ok(Found::Hidden)), "{label}");
        }
        for raw in [json!(null), json!("a"), json!("§"), json!(5), json!(["YQ"])] {
            let answer = json!({ "id": "a", "raw": raw });
            assert!(matches!(whole_of(&answer, 9), Ok(Found::Unreadable(_))), "{raw}");
        }
        assert!(whole_of(&json!({ "id": "b", "raw": "YQ" }), 9).is_err());
        assert!(whole(b"{\"id\":\"a\",\"raw\":\"YQ", "a", 9).is_err());
    }

    #[test]
    fn what_is_too_large_keeps_its_headers() {
        let raw = "Subject: x\r\nTo: y\r\n\r\nlong body";
        let answer =
            json!({ "id": "a", "raw": BASE64_URL_SAFE.encode(raw), "internalDate": "1000" });
        let Ok(Found::Mail(message)) = whole_of(&answer, 20) else { panic!("no mail") };
        let RawMail::TooLarge { headers, size_bytes } = message.raw else { panic!("not cut") };
        assert_eq!((&headers[..], size_bytes), (&b"Subject: x\r\nTo: y\r\n\r\n"[..], 30));
        assert_eq!(message.received_at.map(|at| at.timestamp()), Some(1));
    }

    #[test]
    fn headers_cannot_add_headers() {
        let answer = json!({ "id": "a", "sizeEstimate": 70_000_000, "payload": { "headers": [
            { "name": "Subject", "value": "x\r\nBcc: y" }, { "name": "A\nB", "value": "z" },
            { "name": 5 }, { "name": "To", "value": "ann@example.com" },
        ] } });
        let found = headers(answer.to_string().as_bytes(), "a");
        let Ok(Found::Mail(Message { raw: RawMail::TooLarge { headers, size_bytes }, .. })) = found
        else {
            panic!("no headers")
        };
        let want = "Subject: x Bcc: y\r\nTo: ann@example.com\r\n\r\n";
        assert_eq!((&headers[..], size_bytes), (want.as_bytes(), 70_000_000));
    }

    proptest! {
        #[test]
        fn every_form_of_base64_is_read(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let forms = [
                BASE64_URL_SAFE.encode(&bytes),
                BASE64_URL_SAFE_NO_PAD.encode(&bytes),
                BASE64_STANDARD.encode(&bytes),
                BASE64_STANDARD.encode(&bytes).replace('=', "\\u003d"),
                BASE64_STANDARD.encode(&bytes).chars().flat_map(|one| [one, ' ']).collect(),
            ];
            for form in forms {
                prop_assert_eq!(decode(&format!("\"{form}\"")), Some(bytes.clone()), "{}", form);
            }
        }
    }
}
