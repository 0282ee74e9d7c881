//! JSON as Python writes it: for bodies, and for the text that is signed instead of them.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

/// Signs a document as Attendee does; none where the secret is no base64.
pub(super) fn sign(secret: &str, document: &Value) -> Option<String> {
    let key = BASE64_STANDARD.decode(secret).ok()?;
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
    let mut text = String::new();
    put(document, Style::Signed, &mut text);
    Some(BASE64_STANDARD.encode(hmac::sign(&key, text.as_bytes())))
}

/// Writes a body as it is sent: spaces after `,` and `:`, everything beyond ASCII escaped.
pub(super) fn python(document: &Value) -> String {
    let mut text = String::new();
    put(document, Style::Sent, &mut text);
    text
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    Sent,
    /// Sorted, without spaces, nothing escaped that need not be.
    Signed,
}

fn put(value: &Value, style: Style, into: &mut String) {
    let comma = if style == Style::Sent { ", " } else { "," };
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => into.push_str(&value.to_string()),
        Value::String(text) => quote(text, style, into),
        Value::Array(items) => {
            into.push('[');
            for (place, item) in items.iter().enumerate() {
                into.push_str(if place > 0 { comma } else { "" });
                put(item, style, into);
            }
            into.push(']');
        }
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            if style == Style::Signed {
                entries.sort_by_key(|(name, _)| *name);
            }
            into.push('{');
            for (place, (name, value)) in entries.into_iter().enumerate() {
                into.push_str(if place > 0 { comma } else { "" });
                quote(name, style, into);
                into.push_str(if style == Style::Sent { ": " } else { ":" });
                put(value, style, into);
            }
            into.push('}');
        }
    }
}

fn quote(text: &str, style: Style, into: &mut String) {
    into.push('"');
    for letter in text.chars() {
        match letter {
            '"' | '\\' => into.extend(['\\', letter]),
            '\n' => into.push_str("\\n"),
            '\r' => into.push_str("\\r"),
            '\t' => into.push_str("\\t"),
            '\u{8}' => into.push_str("\\b"),
            '\u{c}' => into.push_str("\\f"),
            ' '..='\u{7e}' => into.push(letter),
            other if style == Style::Signed && other >= ' ' => into.push(other),
            other => {
                for unit in other.encode_utf16(&mut [0; 2]) {
                    into.push_str("\\u");
                    let digit =
                        |shift: u32| char::from_digit((u32::from(*unit) >> shift) & 0xf, 16);
                    into.extend([12, 8, 4, 0].into_iter().filter_map(digit));
                }
            }
        }
    }
    into.push('"');
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_body_is_not_what_is_signed() {
        let document = json!({ "b": "é\u{1}😀", "a": [1, null, "\u{7f}/"] });
        let mut signed = String::new();
        put(&document, Style::Signed, &mut signed);
        assert_eq!(signed, "{\"a\":[1,null,\"\u{7f}/\"],\"b\":\"é\\u0001😀\"}");
        assert_eq!(
            python(&document),
            r#"{"a": [1, null, "\u007f/"], "b": "\u00e9\u0001\ud83d\ude00"}"#
        );
        assert_eq!(sign("no base64!", &document), None);
    }
}
