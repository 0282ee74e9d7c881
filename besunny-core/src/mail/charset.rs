//! Bytes to text: the declared charset, then BOM, then UTF-8, then windows-1252 (MAIL-11).
//!
//! No U+FFFD appears where a better decoding exists, and a charset that contradicts the bytes is
//! reported. `encoding_rs` decodes what browsers know; `mail-parser` knows some older charsets.
use std::borrow::Cow;

use encoding_rs::{
    BIG5, EUC_JP, EUC_KR, Encoding, GBK, ISO_2022_JP, REPLACEMENT, SHIFT_JIS, UTF_8, UTF_16BE,
    UTF_16LE, WINDOWS_1252,
};
use mail_parser::decoders::charsets::map::charset_decoder;
use memchr::memmem;

use super::flag::{Flag, Flags};

/// Limits how far an HTML head is searched for its charset (WHATWG: 1,024 bytes).
const META_SEARCH_BYTES: usize = 1_024;

/// Text and what had to be done to get it.
#[derive(Debug)]
pub(super) struct Decoded<'a> {
    pub(super) text: Cow<'a, str>,
    pub(super) flags: Flags,
}

impl<'a> Decoded<'a> {
    fn as_declared(text: Cow<'a, str>) -> Self {
        Self { text, flags: Flags::default() }
    }

    fn repaired(text: Cow<'a, str>) -> Self {
        Self { text, flags: [Flag::CharsetRepaired].into_iter().collect() }
    }

    fn lying(text: Cow<'a, str>) -> Self {
        Self { text, flags: [Flag::CharsetRepaired, Flag::LyingCharset].into_iter().collect() }
    }
}

/// Decodes `bytes`, trusting `declared` as far as the bytes agree with it.
pub(super) fn decode<'a>(bytes: &'a [u8], declared: Option<&str>) -> Decoded<'a> {
    let declared = declared.map(|label| label.trim_matches(['"', '\'', ' ', '\t']));
    let encoding = declared.and_then(known);
    if let Some(text) = plain_ascii(bytes, declared, encoding) {
        return Decoded::as_declared(Cow::Borrowed(text));
    }
    if let Some(found) = marked(bytes, encoding) {
        return found;
    }
    match (declared, encoding) {
        (Some(label), Some(encoding)) if !is_ascii_label(label) => decode_as(bytes, encoding),
        (Some(label), _) => decode_older(bytes, label),
        (None, _) => guess(bytes),
    }
}

/// Decodes a file that declares nothing.
pub(crate) fn file_text(raw: &[u8]) -> Cow<'_, str> {
    utf_16_file(raw).map_or_else(|| decode(raw, None).text, Cow::Owned)
}

/// Finds the charset that an HTML head declares.
pub(super) fn declared_by_html(html: &[u8]) -> Option<String> {
    let head = html.get(..META_SEARCH_BYTES).unwrap_or(html);
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let meta = &head[head.find("<meta")?..];
    let label = meta[meta.find("charset")? + "charset".len()..].trim_start().strip_prefix('=')?;
    let label = label.trim_start_matches([' ', '"', '\'']);
    let end = label.find(['"', '\'', ' ', ';', '>', '/']).unwrap_or(label.len());
    known(&label[..end]).map(|_| label[..end].to_owned())
}

/// Decodes a whole file that an editor saved as UTF-16: mail itself is never that.
pub(super) fn utf_16_file(raw: &[u8]) -> Option<String> {
    let encoding = match raw {
        [0xff, 0xfe, letter, 0, ..] if letter.is_ascii() => UTF_16LE,
        [0xfe, 0xff, 0, letter, ..] if letter.is_ascii() => UTF_16BE,
        [a, 0, b, 0, ..] if a.is_ascii_graphic() && b.is_ascii_graphic() => UTF_16LE,
        [0, a, 0, b, ..] if a.is_ascii_graphic() && b.is_ascii_graphic() => UTF_16BE,
        _ => return None,
    };
    Some(encoding.decode_with_bom_removal(raw).0.into_owned())
}

fn known(label: &str) -> Option<&'static Encoding> {
    Encoding::for_label_no_replacement(label.as_bytes())
        .filter(|encoding| *encoding != REPLACEMENT)
        .or_else(|| match label.to_ascii_lowercase().as_str() {
            "cp932" | "x-ms-cp932" | "windows-932" => Some(SHIFT_JIS),
            "cp936" | "ms936" | "windows-936" => Some(GBK),
            "cp949" | "ms949" | "uhc" => Some(EUC_KR),
            "cp950" | "windows-950" => Some(BIG5),
            "iso-2022-jp-1" | "iso-2022-jp-2" | "iso-2022-jp-ms" | "cp50220" | "cp50221" => {
                Some(ISO_2022_JP)
            }
            "utf8mb4" | "utf_8" | "utf-8-sig" => Some(UTF_8),
            _ => None,
        })
}

fn is_ascii_label(label: &str) -> bool {
    ["us-ascii", "ascii", "ansi_x3.4-1968", "iso646-us", "646"]
        .iter()
        .any(|ascii| label.eq_ignore_ascii_case(ascii))
}

/// Returns the bytes as they are when every candidate charset would read them alike.
fn plain_ascii<'a>(
    bytes: &'a [u8],
    declared: Option<&str>,
    encoding: Option<&'static Encoding>,
) -> Option<&'a str> {
    let compatible = match (declared, encoding) {
        (_, Some(encoding)) => encoding.is_ascii_compatible(),
        (Some(label), None) => older_is_ascii_compatible(label),
        (None, None) => true,
    };
    if !compatible || memchr::memchr(0x1b, bytes).is_some() || !bytes.is_ascii() {
        return None;
    }
    str::from_utf8(bytes).ok()
}

fn older_is_ascii_compatible(label: &str) -> bool {
    let label = label.to_ascii_lowercase();
    !["utf-7", "utf7", "hz", "iso-2022", "utf-32", "utf32", "csutf7", "unicode"]
        .iter()
        .any(|shifted| label.starts_with(shifted) || label.contains("utf-7"))
}

/// Decodes text that starts with a byte order mark.
fn marked<'a>(bytes: &'a [u8], declared: Option<&'static Encoding>) -> Option<Decoded<'a>> {
    let (encoding, mark) = Encoding::for_bom(bytes)?;
    let text = encoding.decode_without_bom_handling_and_without_replacement(&bytes[mark..])?;
    let agrees = declared.is_none_or(|declared| {
        declared == encoding || ([UTF_16LE, UTF_16BE].contains(&declared) && encoding != UTF_8)
    });
    Some(if agrees { Decoded::as_declared(text) } else { Decoded::lying(text) })
}

fn decode_as<'a>(bytes: &'a [u8], encoding: &'static Encoding) -> Decoded<'a> {
    if encoding == ISO_2022_JP && memmem::find(bytes, IDLE_ESCAPE).is_some() {
        let clean = without_idle_escapes(bytes);
        let Decoded { text, flags } = decode_as(&clean, encoding);
        return Decoded { text: Cow::Owned(text.into_owned()), flags };
    }
    if encoding == UTF_8 {
        return match str::from_utf8(bytes) {
            Ok(text) => Decoded::as_declared(Cow::Borrowed(text)),
            Err(_) => Decoded::lying(Cow::Owned(utf8_with_windows_1252(bytes))),
        };
    }
    if encoding.is_single_byte() {
        // Every byte decodes in a single-byte charset, so only the form of UTF-8 tells the truth.
        if let Some(text) = utf8_beyond_ascii(bytes) {
            return Decoded::lying(Cow::Borrowed(text));
        }
    }
    if let Some(text) = encoding.decode_without_bom_handling_and_without_replacement(bytes) {
        return Decoded::as_declared(text);
    }
    if encoding.is_single_byte() {
        // Unassigned bytes of the declared charset: windows-1252 assigns all but five.
        return Decoded::lying(WINDOWS_1252.decode_without_bom_handling(bytes).0);
    }
    lying_multi_byte(bytes, encoding)
}

/// Reads bytes that are invalid in the declared multi-byte charset.
fn lying_multi_byte<'a>(bytes: &'a [u8], encoding: &'static Encoding) -> Decoded<'a> {
    if let Some(text) = utf8_beyond_ascii(bytes) {
        return Decoded::lying(Cow::Borrowed(text));
    }
    let japanese = [ISO_2022_JP, SHIFT_JIS, EUC_JP];
    if japanese.contains(&encoding) {
        let read = japanese
            .iter()
            .find_map(|other| other.decode_without_bom_handling_and_without_replacement(bytes));
        if let Some(text) = read {
            return Decoded::lying(text);
        }
    }
    Decoded::lying(encoding.decode_without_bom_handling(bytes).0)
}

/// Decodes by a label that browsers do not know.
fn decode_older<'a>(bytes: &'a [u8], label: &str) -> Decoded<'a> {
    let lower = label.to_ascii_lowercase();
    if let Some(text) = decode_shifted(bytes, &lower) {
        return Decoded::as_declared(text);
    }
    if is_ascii_label(label) {
        let guessed = guess(bytes);
        return if bytes.is_ascii() { guessed } else { Decoded::lying(guessed.text) };
    }
    if let Some(text) = utf8_beyond_ascii(bytes) {
        return Decoded::repaired(Cow::Borrowed(text));
    }
    match charset_decoder(lower.as_bytes()).map(|decoder| decoder(bytes)) {
        Some(text) if !text.contains(char::REPLACEMENT_CHARACTER) => {
            Decoded::as_declared(Cow::Owned(text))
        }
        _ => guess(bytes),
    }
}

/// Decodes the seven-bit charsets that browsers refuse, by setting the high bit.
fn decode_shifted<'a>(bytes: &[u8], label: &str) -> Option<Cow<'a, str>> {
    let text = match label {
        "iso-2022-kr" | "csiso2022kr" => {
            EUC_KR.decode_without_bom_handling(&unshift_korean(bytes)).0.into_owned()
        }
        "hz-gb-2312" | "hz" => GBK.decode_without_bom_handling(&unshift_hz(bytes)).0.into_owned(),
        _ => return None,
    };
    Some(Cow::Owned(text))
}

/// RFC 1557: SO and SI switch, the designator `ESC $ ) C` has no text.
fn unshift_korean(bytes: &[u8]) -> Vec<u8> {
    let bytes = bytes.strip_prefix(b"\x1b$)C").unwrap_or(bytes);
    let mut shifted = false;
    let mut unshifted = Vec::with_capacity(bytes.len());
    for &byte in bytes {
        match byte {
            0x0e => shifted = true,
            0x0f => shifted = false,
            b'\n' => {
                shifted = false;
                unshifted.push(byte);
            }
            b'!'..=b'~' if shifted => unshifted.push(byte | 0x80),
            _ => unshifted.push(byte),
        }
    }
    unshifted
}

/// Undoes HZ (RFC 1843): `~{` and `~}` switch, `~~` is a tilde.
fn unshift_hz(bytes: &[u8]) -> Vec<u8> {
    let mut shifted = false;
    let mut unshifted = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match (byte, bytes.get(at + 1)) {
            (b'~', Some(b'{')) => shifted = true,
            (b'~', Some(b'}')) => shifted = false,
            (b'~', Some(b'~')) if !shifted => unshifted.push(b'~'),
            (b'~', Some(b'\n')) if !shifted => {}
            _ => {
                let high = shifted && (b'!'..=b'~').contains(&byte);
                unshifted.push(if high { byte | 0x80 } else { byte });
                at += 1;
                continue;
            }
        }
        at += 2;
    }
    unshifted
}

/// Decodes bytes of which nothing is declared.
fn guess(bytes: &[u8]) -> Decoded<'_> {
    if has_japanese_escape(bytes)
        && let Some(text) = ISO_2022_JP.decode_without_bom_handling_and_without_replacement(bytes)
    {
        return Decoded::repaired(text);
    }
    match str::from_utf8(bytes) {
        Ok(text) if bytes.is_ascii() => Decoded::as_declared(Cow::Borrowed(text)),
        Ok(text) => Decoded::repaired(Cow::Borrowed(text)),
        Err(_) => Decoded::repaired(Cow::Owned(utf8_with_windows_1252(bytes))),
    }
}

/// Two escape sequences in a row, an error to browsers; joined encoded words have them.
const IDLE_ESCAPE: &[u8] = b"\x1b(B\x1b";

fn without_idle_escapes(bytes: &[u8]) -> Vec<u8> {
    let mut clean = Vec::with_capacity(bytes.len());
    let mut start = 0;
    for at in memmem::find_iter(bytes, IDLE_ESCAPE) {
        clean.extend_from_slice(&bytes[start..at]);
        start = at + IDLE_ESCAPE.len() - 1;
    }
    clean.extend_from_slice(&bytes[start..]);
    clean
}

fn has_japanese_escape(bytes: &[u8]) -> bool {
    memmem::find(bytes, b"\x1b$B").is_some() || memmem::find(bytes, b"\x1b$@").is_some()
}

fn utf8_beyond_ascii(bytes: &[u8]) -> Option<&str> {
    str::from_utf8(bytes).ok().filter(|text| !text.is_ascii())
}

/// Reads valid UTF-8 as such and each other byte as windows-1252.
fn utf8_with_windows_1252(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() + bytes.len() / 8);
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.push_str(&WINDOWS_1252.decode_without_bom_handling(chunk.invalid()).0);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPAIRED: &[Flag] = &[Flag::CharsetRepaired];
    const LYING: &[Flag] = &[Flag::CharsetRepaired, Flag::LyingCharset];

    fn check(bytes: &[u8], declared: Option<&str>, text: &str, flags: &[Flag]) {
        let decoded = decode(bytes, declared);
        let flags: Flags = flags.iter().copied().collect();
        assert_eq!((&*decoded.text, decoded.flags), (text, flags), "{declared:?}");
    }

    #[test]
    fn mail_11_the_declared_charset_is_used() {
        check(b"caf\xe9", Some("iso-8859-1"), "café", &[]);
        check(b"caf\xe9 \x80", Some("\"ISO-8859-1\""), "café €", &[]);
        check("café".as_bytes(), Some("utf-8"), "café", &[]);
        check(b"\xcf\xf0\xe8\xe2\xe5\xf2", Some("windows-1251"), "Привет", &[]);
        check(b"\xc4\xe3\xba\xc3", Some("gb2312"), "你好", &[]);
        check(b"\x1b$B%O%m!<\x1b(B", Some("iso-2022-jp"), "ハロー", &[]);
        check(b"+ZeVnLIqe-", Some("utf-7"), "日本語", &[]);
        check(b"\x9b\x9c", Some("ibm850"), "ø£", &[]);
        check(b"\x1b$)C\x0eGQ1[\x0f", Some("iso-2022-kr"), "한글", &[]);
        check(b"~{<:Ky2;S{~}~~", Some("hz-gb-2312"), "己所不欲~", &[]);
        check(b"a\0b\0", Some("utf-16le"), "ab", &[]);
    }

    #[test]
    fn mail_11_a_byte_order_mark_wins() {
        check("\u{feff}café".as_bytes(), None, "café", &[]);
        check(b"\xff\xfea\0b\0", Some("utf-16"), "ab", &[]);
        check(b"\xfe\xff\0a\0b", Some("utf-16"), "ab", &[]);
        check("\u{feff}café".as_bytes(), Some("iso-8859-1"), "café", LYING);
    }

    #[test]
    fn mail_11_a_lying_charset_is_repaired() {
        check("naïve café".as_bytes(), Some("iso-8859-1"), "naïve café", LYING);
        check("Привет".as_bytes(), Some("koi8-r"), "Привет", LYING);
        check(b"caf\xe9", Some("utf-8"), "café", LYING);
        check(b"caf\xe9 \xc3\xa9", Some("utf-8"), "café é", LYING);
        check("café".as_bytes(), Some("us-ascii"), "café", LYING);
        check("日本".as_bytes(), Some("iso-2022-jp"), "日本", LYING);
        check(b"\x83n\x83\x8d", Some("iso-2022-jp"), "ハロ", LYING);
        check(b"\x1b$B%O\x1b(B\x1b$B%m\x1b(B", Some("iso-2022-jp"), "ハロ", &[]);
    }

    #[test]
    fn mail_11_a_missing_or_unknown_charset_is_guessed() {
        check(b"plain", None, "plain", &[]);
        check(b"plain", Some("x-unknown"), "plain", &[]);
        check("café".as_bytes(), None, "café", REPAIRED);
        check(b"caf\xe9", Some("unknown-8bit"), "café", REPAIRED);
        check(b"caf\xe9", None, "café", REPAIRED);
        check(b"\x1b$B%O%m!<\x1b(B", None, "ハロー", REPAIRED);
    }

    #[test]
    fn an_html_head_names_its_charset() {
        let declared = |html: &str| declared_by_html(html.as_bytes());
        assert_eq!(declared("<meta charset=\"koi8-r\">").as_deref(), Some("koi8-r"));
        let old = "<META http-equiv=Content-Type content='text/html; charset=Big5'>";
        assert_eq!(declared(old).as_deref(), Some("big5"));
        assert_eq!(declared("<meta charset=nonsense>"), None);
        assert_eq!(declared("<p>charset=utf-8"), None);
    }

    #[test]
    fn no_replacement_character_appears_for_arbitrary_bytes_without_a_charset() {
        let all: Vec<u8> = (0..=255).collect();
        assert!(!decode(&all, None).text.contains(char::REPLACEMENT_CHARACTER));
        assert!(!decode(&all, Some("utf-8")).text.contains(char::REPLACEMENT_CHARACTER));
        assert!(!decode(&all, Some("windows-1253")).text.contains(char::REPLACEMENT_CHARACTER));
    }
}
