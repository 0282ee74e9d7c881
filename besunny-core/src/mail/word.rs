//! Encoded words in headers (RFC 2047, RFC 2231 language tags).
//!
//! Neighbouring words of one charset are joined before they are decoded, because many programs
//! cut a character in the middle.
use std::borrow::Cow;

use super::{charset, flag::Flags, transfer};

/// Limits the charset label of an encoded word; the longest registered name has 45 letters.
const LABEL_BYTES: usize = 64;

/// Text of a header and what had to be repaired in it.
#[derive(Debug)]
pub(super) struct Words<'a> {
    pub(super) text: Cow<'a, str>,
    pub(super) flags: Flags,
}

/// Decodes every encoded word of `text`.
pub(super) fn decode(text: &str) -> Words<'_> {
    if !text.contains("=?") {
        return Words { text: Cow::Borrowed(text), flags: Flags::default() };
    }
    // Without a terminator ahead no word can follow: this keeps the search linear.
    let last_end = text.rfind("?=").unwrap_or(0);
    let mut joined = Joined::default();
    let mut rest = text;
    while let Some(at) = rest.find("=?") {
        let (before, found) = rest.split_at(at);
        if text.len() - found.len() > last_end {
            break;
        }
        if let Some((word, after)) = Word::parse(found) {
            joined.push_word(before, &word);
            rest = after;
        } else {
            joined.push_text(before);
            joined.push_text("=?");
            rest = &found[2..];
        }
    }
    joined.push_text(rest);
    joined.flush();
    Words { text: Cow::Owned(joined.text), flags: joined.flags }
}

struct Word<'a> {
    charset: &'a str,
    bytes: Vec<u8>,
}

impl<'a> Word<'a> {
    /// Parses `=?charset?encoding?data?=` at the start of `found`.
    fn parse(found: &'a str) -> Option<(Self, &'a str)> {
        let (label, rest) = found.strip_prefix("=?")?.split_once('?')?;
        let charset = label.split_once('*').map_or(label, |(charset, _language)| charset);
        if charset.is_empty() || label.len() > LABEL_BYTES || !label.bytes().all(is_token) {
            return None;
        }
        let (encoding, rest) = rest.split_once('?')?;
        let (data, after) = rest.split_once("?=")?;
        let bytes = match encoding {
            "B" | "b" => transfer::base64(data.as_bytes()),
            "Q" | "q" => transfer::q_word(data.as_bytes()),
            _ => return None,
        };
        Some((Self { charset, bytes }, after))
    }
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"()<>@,;\"/[]=".contains(&byte)
}

/// Text so far, and the bytes of the words that may still go on.
#[derive(Default)]
struct Joined<'a> {
    text: String,
    flags: Flags,
    charset: &'a str,
    bytes: Vec<u8>,
    after_word: bool,
}

impl<'a> Joined<'a> {
    fn push_text(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        self.flush();
        self.text.push_str(text);
        self.after_word = false;
    }

    fn push_word(&mut self, before: &str, word: &Word<'a>) {
        // White space between two encoded words is no text (RFC 2047 6.2).
        if !(self.after_word && before.trim_ascii().is_empty()) {
            self.push_text(before);
        }
        if !self.charset.eq_ignore_ascii_case(word.charset) {
            self.flush();
            self.charset = word.charset;
        }
        self.bytes.extend_from_slice(&word.bytes);
        self.after_word = true;
    }

    fn flush(&mut self) {
        if !self.bytes.is_empty() {
            let decoded = charset::decode(&self.bytes, Some(self.charset));
            self.text.push_str(&decoded.text);
            self.flags.extend(decoded.flags);
            self.bytes.clear();
        }
        self.charset = "";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(encoded: &str, expected: &str) {
        assert_eq!(decode(encoded).text, expected, "{encoded}");
    }

    #[test]
    fn words_are_decoded() {
        check("plain =?", "plain =?");
        check("=?utf-8?Q?B=C3=B6b_B?= x", "Böb B x");
        check("a =?ISO-8859-1?q?=E9?= b", "a é b");
        check("=?utf-8*de?b?4pi6?=", "☺");
        check("=?gb2312?B?xOO6ww==?=", "你好");
        check("=?US-ASCII?Q?Keith_Moore?=", "Keith Moore");
    }

    #[test]
    fn neighbouring_words_are_joined_even_inside_a_character() {
        check("=?utf-8?Q?a?= =?utf-8?Q?b?=", "ab");
        check("=?utf-8?Q?=E2=98?=  =?UTF-8?Q?=BA?=", "☺");
        check("=?utf-8?B?4pg=?= =?utf-8?B?ug==?=", "☺");
        check("=?utf-8?Q?a?= x =?utf-8?Q?b?=", "a x b");
        check("=?utf-8?Q?=E9?= =?iso-8859-1?Q?=E9?=", "éé");
    }

    #[test]
    fn what_is_no_word_stays() {
        check("=?utf-8?X?abc?= =?utf-8?Q?b?=", "=?utf-8?X?abc?= b");
        check("=??Q?a?=", "=??Q?a?=");
        check("1+1=?2 =?utf-8?Q?b?=", "1+1=?2 b");
        check("=?utf-8?Q?unfinished", "=?utf-8?Q?unfinished");
    }

    #[test]
    fn a_lying_charset_is_flagged() {
        let words = decode("=?utf-8?Q?caf=E9?=");
        assert_eq!(words.text, "café");
        assert!(words.flags.contains(super::super::flag::Flag::LyingCharset));
    }
}
