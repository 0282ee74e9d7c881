//! Attachments: what they are called, what they declare, what is in them (MAIL-11).
use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{
    flag::{Flag, Flags},
    invisible,
    structure::Part,
    transfer,
};
use crate::untrusted::Untrusted;

/// Limits a file name, as most file systems do.
const NAME_BYTES: usize = 255;

/// Longer ends of a name are no extension that is worth keeping.
const EXTENSION_BYTES: usize = 16;

/// Holds one part of a mail that is no text of it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// File name, decoded; it has no path and no control characters.
    pub name: Option<Untrusted<String>>,
    /// Declared type in lower case, for example `application/pdf`.
    pub mime_type: Untrusted<String>,
    /// Size of the decoded content.
    pub size_bytes: usize,
    /// SHA-256 of the decoded content; serialised in lower-case hexadecimal.
    #[serde(with = "hexadecimal")]
    pub sha256: [u8; 32],
    /// Whether it belongs into the text, as an image of an HTML body does.
    pub inline: bool,
    /// `Content-ID` without brackets.
    pub content_id: Option<Untrusted<String>>,
    /// The decoded content; it is stored apart, so it is not serialised.
    #[serde(skip)]
    pub content: Bytes,
}

impl fmt::Debug for Attachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attachment")
            .field("name", &self.name)
            .field("mime_type", &self.mime_type)
            .field("size_bytes", &self.size_bytes)
            .field("inline", &self.inline)
            .finish_non_exhaustive()
    }
}

impl Attachment {
    pub(super) fn read(part: &Part<'_>) -> (Self, Flags) {
        let body = transfer::decode(part.body, part.encoding());
        let flags = if body.damaged { Flag::BrokenEncoding.into() } else { Flags::default() };
        let content_id = part.content_id();
        let inline = match part.disposition.main.as_str() {
            "inline" => true,
            "" => content_id.is_some(),
            _ => false,
        };
        let attachment = Self {
            name: name(part).map(Untrusted::new),
            mime_type: part.content_type.main.clone().into(),
            size_bytes: body.bytes.len(),
            sha256: Sha256::digest(&body.bytes).into(),
            inline,
            content_id: content_id.map(Untrusted::new),
            content: Bytes::from(body.bytes.into_owned()),
        };
        (attachment, flags)
    }

    /// Tells whether it is a calendar, by its type or its name.
    #[must_use]
    pub fn is_calendar(&self) -> bool {
        let by_type =
            matches!(self.mime_type.expose().as_str(), "text/calendar" | "application/ics");
        by_type || self.name.as_ref().is_some_and(|name| has_calendar_extension(name.expose()))
    }
}

fn has_calendar_extension(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, extension)| extension.eq_ignore_ascii_case("ics"))
}

/// Returns the file name of a part, made harmless.
pub(super) fn name(part: &Part<'_>) -> Option<String> {
    let given = part.disposition.get("filename").or_else(|| part.content_type.get("name"))?;
    harmless_name(given)
}

/// Takes out of a name what could leave a folder or deceive a reader.
fn harmless_name(given: &str) -> Option<String> {
    let clean = invisible::clean(given).text;
    let safe: String = clean
        .chars()
        .map(|c| if matches!(c, '/' | '\\' | ':' | '\n' | '\t') { '_' } else { c })
        .collect();
    let safe = safe.trim().trim_end_matches(['.', ' ']);
    let safe = if safe.trim_start_matches(['.', ' ']).is_empty() { "" } else { safe };
    (!safe.is_empty()).then(|| shortened(safe))
}

fn shortened(name: &str) -> String {
    if name.len() <= NAME_BYTES {
        return name.to_owned();
    }
    let extension = name.rsplit_once('.').map_or("", |(stem, _)| &name[stem.len()..]).trim_end();
    let extension = if extension.len() <= EXTENSION_BYTES { extension } else { "" };
    let end = name.floor_char_boundary(NAME_BYTES - extension.len());
    format!("{}{extension}", &name[..end])
}

mod hexadecimal {
    //! Hashes in JSON.
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use crate::mail::transfer::hex_pair;

    pub(super) fn serialize<S: Serializer>(hash: &[u8; 32], to: S) -> Result<S::Ok, S::Error> {
        let digit = |nibble: u8| char::from(b"0123456789abcdef"[usize::from(nibble & 15)]);
        let text: String = hash.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect();
        to.serialize_str(&text)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<[u8; 32], D::Error> {
        let text = String::deserialize(from)?;
        let bytes: Option<Vec<u8>> = text.as_bytes().chunks(2).map(hex_pair).collect();
        let hash = bytes.and_then(|bytes| bytes.try_into().ok());
        hash.ok_or_else(|| D::Error::custom("not a SHA-256 in hexadecimal"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(given: &str, expected: Option<&str>) {
        assert_eq!(harmless_name(given).as_deref(), expected, "{given:?}");
    }

    #[test]
    fn mail_11_names_are_made_harmless() {
        check("plan.pdf", Some("plan.pdf"));
        check("../../etc/passwd", Some(".._.._etc_passwd"));
        check("C:\\dir\\x.txt", Some("C__dir_x.txt"));
        check("a\u{202e}fdp.exe", Some("afdp.exe"));
        check("a\0b\r\nc.txt", Some("ab_c.txt"));
        check(" x. ", Some("x"));
        check("..", None);
        check("", None);
        check(".profile", Some(".profile"));
    }

    #[test]
    fn mail_11_long_names_keep_their_extension() {
        let name = harmless_name(&format!("{}.pdf", "é".repeat(300))).unwrap();
        assert!(name.len() <= NAME_BYTES && name.ends_with("é.pdf"));
        let name = harmless_name(&format!("a.{}", "b".repeat(300))).unwrap();
        assert_eq!(name.len(), NAME_BYTES);
    }
}
