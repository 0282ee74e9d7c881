//! Content-Transfer-Encoding: base64, quoted-printable, uuencode (RFC 2045 6).
//!
//! Lenient and linear: damage is reported, the rest is still decoded. `mail-parser` decodes base64
//! and gives up at the first wrong byte, so such a body is cleaned before. Its quoted-printable
//! gives up at `==`, which unencoded URLs have; its other form underflows on `=` before a boundary.
use std::borrow::Cow;

use mail_parser::decoders::base64::base64_decode;
use memchr::memchr;

use super::field::Line;

/// How a body travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Identity,
    Base64,
    QuotedPrintable,
    Uuencode,
}

impl Encoding {
    pub(super) fn named(value: &str) -> Self {
        let name = value.split([';', ' ', '\t', '(']).next().unwrap_or_default();
        match name.trim_matches('"').to_ascii_lowercase().as_str() {
            "base64" => Self::Base64,
            "quoted-printable" => Self::QuotedPrintable,
            "x-uuencode" | "uuencode" | "x-uue" | "uue" => Self::Uuencode,
            _ => Self::Identity,
        }
    }
}

/// Decoded bytes, and whether the encoding was damaged.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Body<'a> {
    pub(super) bytes: Cow<'a, [u8]>,
    pub(super) damaged: bool,
}

/// Decodes `body`; text that follows base64 unencoded (a list footer) is kept.
pub(super) fn decode(body: &[u8], encoding: Encoding) -> Body<'_> {
    match encoding {
        Encoding::Identity => Body { bytes: Cow::Borrowed(body), damaged: false },
        Encoding::Base64 => base64_with_footer(body),
        Encoding::QuotedPrintable => quoted_printable(body),
        Encoding::Uuencode => uuencode(body),
    }
}

/// Decodes base64, passing over all that is not in the alphabet.
pub(super) fn base64(encoded: &[u8]) -> Vec<u8> {
    base64_decode(encoded).unwrap_or_else(|| {
        let clean: Vec<u8> = encoded.iter().copied().filter(|byte| is_base64(*byte)).collect();
        base64_decode(&clean).unwrap_or_default()
    })
}

/// Decodes base64 up to the first line that cannot be base64.
///
/// The rest is kept as it is: mailing lists add such footers.
fn base64_with_footer(body: &[u8]) -> Body<'_> {
    if let Some(bytes) = base64_decode(body) {
        return Body { bytes: Cow::Owned(bytes), damaged: false };
    }
    let (encoded, footer) = body.split_at(first_plain_line(body));
    let mut bytes = base64(encoded);
    if bytes.is_empty() {
        return Body { bytes: Cow::Borrowed(body), damaged: true };
    }
    if !footer.is_empty() {
        bytes.push(b'\n');
        bytes.extend_from_slice(footer);
    }
    Body { bytes: Cow::Owned(bytes), damaged: true }
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')
}

/// Finds the first line of which more than a tenth is outside the alphabet.
fn first_plain_line(body: &[u8]) -> usize {
    let mut at = 0;
    while let Some(line) = Line::at(body, at) {
        let text = line.of(body).trim_ascii();
        let strays = text.iter().filter(|byte| !is_base64(**byte)).count();
        if strays * 10 > text.len() {
            return at;
        }
        at = line.next;
    }
    body.len()
}

/// Decodes quoted-printable; a wrong escape stays as it stands.
fn quoted_printable(body: &[u8]) -> Body<'_> {
    if memchr(b'=', body).is_none() {
        return Body { bytes: Cow::Borrowed(body), damaged: false };
    }
    let mut bytes = Vec::with_capacity(body.len());
    let mut damaged = false;
    let mut at = 0;
    while let Some(line) = Line::at(body, at) {
        // White space at a line end is added by transport (RFC 2045 6.7 rule 3).
        let text = line.of(body).trim_ascii_end();
        let (text, soft) = text.strip_suffix(b"=").map_or((text, false), |text| (text, true));
        damaged |= unescape(text, &mut bytes);
        if !soft {
            bytes.extend_from_slice(&body[line.end..line.next]);
        }
        at = line.next;
    }
    Body { bytes: Cow::Owned(bytes), damaged }
}

/// Appends `text` with its `=XX` resolved; tells whether one was wrong.
fn unescape(mut text: &[u8], bytes: &mut Vec<u8>) -> bool {
    let mut damaged = false;
    while let Some(at) = memchr(b'=', text) {
        bytes.extend_from_slice(&text[..at]);
        if let Some(byte) = hex_pair(&text[at + 1..]) {
            bytes.push(byte);
            text = &text[at + 3..];
        } else {
            damaged = true;
            bytes.push(b'=');
            text = &text[at + 1..];
        }
    }
    bytes.extend_from_slice(text);
    damaged
}

/// Reads two hexadecimal digits at the start of `text`.
pub(crate) fn hex_pair(text: &[u8]) -> Option<u8> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let value = digit(text.first()?)? << 4 | digit(text.get(1)?)?;
    u8::try_from(value).ok()
}

/// Decodes the Q form of an encoded word (RFC 2047 4.2).
pub(super) fn q_word(data: &[u8]) -> Vec<u8> {
    let spaced: Vec<u8> =
        data.iter().map(|byte| if *byte == b'_' { b' ' } else { *byte }).collect();
    let mut bytes = Vec::with_capacity(spaced.len());
    unescape(&spaced, &mut bytes);
    bytes
}

/// Decodes the lines between `begin` and `end`.
fn uuencode(body: &[u8]) -> Body<'_> {
    let mut bytes = Vec::with_capacity(body.len() / 4 * 3);
    let (mut begun, mut ended) = (false, false);
    let mut at = 0;
    while let Some(line) = Line::at(body, at) {
        let text = line.of(body);
        at = line.next;
        if !begun {
            begun = text.starts_with(b"begin ");
        } else if text.starts_with(b"end") {
            ended = true;
            break;
        } else if let Some((length, data)) = text.split_first() {
            uu_line(*length, data, &mut bytes);
        }
    }
    if !begun {
        return Body { bytes: Cow::Borrowed(body), damaged: true };
    }
    Body { bytes: Cow::Owned(bytes), damaged: !ended }
}

fn uu_line(length: u8, data: &[u8], bytes: &mut Vec<u8>) {
    let value = |byte: Option<&u8>| byte.map_or(0, |byte| u32::from(byte.wrapping_sub(b' ') & 63));
    let end = bytes.len() + usize::from(length.wrapping_sub(b' ') & 63);
    for group in data.chunks(4) {
        let bits = value(group.first()) << 18
            | value(group.get(1)) << 12
            | value(group.get(2)) << 6
            | value(group.get(3));
        bytes.extend_from_slice(&bits.to_be_bytes()[1..]);
    }
    bytes.truncate(end);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(encoding: &str, body: &str, expected: &str, damaged: bool) {
        let decoded = decode(body.as_bytes(), Encoding::named(encoding));
        let text = String::from_utf8_lossy(&decoded.bytes).into_owned();
        assert_eq!((text.as_str(), decoded.damaged), (expected, damaged), "{body:?}");
    }

    #[test]
    fn base64_is_decoded_leniently() {
        check("base64", "SGVsbG8=\r\n", "Hello", false);
        check("BASE64 (x)", "SGVs\nbG8", "Hello", false);
        check("base64", "SGVsbG8=SGVsbG8=", "HelloHello", false);
        check("base64", "S", "", false);
        check("base64", "SGVs*bG8sIHdvcmxk", "Hello, world", true);
    }

    #[test]
    fn base64_keeps_a_plain_footer() {
        check(
            "base64",
            "SGVsbG8=\n____________\nlist info\n",
            "Hello\n____________\nlist info\n",
            true,
        );
        check("base64", "This is no base64.\nAt all.", "This is no base64.\nAt all.", true);
    }

    #[test]
    fn quoted_printable_is_decoded_leniently() {
        check("quoted-printable", "a=3Db=\r\nc  \r\nd", "a=bc\r\nd", false);
        check("\"quoted-printable\"", "a= \nb", "ab", false);
        check("quoted-printable", "1=x =4", "1=x =4", true);
        check("quoted-printable", "=", "", false);
        check("quoted-printable", "=c3=A9", "é", false);
    }

    #[test]
    fn uuencode_is_decoded() {
        check("x-uuencode", "begin 644 a\n%2&5L;&\\\n`\nend\n", "Hello", false);
        check("uuencode", "begin 644 a\n%2&5L;&\\\n", "Hello", true);
        check("uuencode", "no begin", "no begin", true);
    }

    #[test]
    fn unknown_encodings_leave_the_body() {
        check("8bit", "a=3D", "a=3D", false);
        check("", "a=3D", "a=3D", false);
    }

    #[test]
    fn q_words_have_underscores_for_spaces() {
        assert_eq!(q_word(b"a_b=5Fc"), b"a b_c");
    }
}
