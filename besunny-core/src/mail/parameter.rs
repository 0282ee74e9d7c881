//! `Content-Type` and `Content-Disposition`: a value and its parameters (RFC 2045, RFC 2231).
use std::{borrow::Cow, collections::BTreeMap};

use super::{charset, transfer::hex_pair, word};

/// Limits the parameters that are read of one field; real ones have fewer than ten.
const PARAMETERS: usize = 100;

/// A header value such as `text/plain; charset=utf-8`, in lower case but for the parameters.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Value {
    pub(super) main: String,
    parameters: BTreeMap<String, String>,
}

impl Value {
    /// Makes the value of a part whose type is of no use.
    pub(super) fn plain_text() -> Self {
        Self { main: "text/plain".to_owned(), ..Self::default() }
    }

    /// Parses a value; what it does not understand it leaves out.
    pub(super) fn parse(text: &str) -> Self {
        let mut scanner = Scanner { rest: text };
        let main = scanner.until_semicolon().trim().to_ascii_lowercase();
        let mut pieces = Pieces::default();
        for _ in 0..PARAMETERS {
            let Some((name, value)) = scanner.parameter() else { break };
            pieces.push(name, value);
        }
        Self { main, parameters: pieces.joined() }
    }

    /// Returns the parameter `name`, given in lower case.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str)
    }
}

struct Scanner<'a> {
    rest: &'a str,
}

impl<'a> Scanner<'a> {
    /// Takes the text up to the next semicolon, without comments.
    fn until_semicolon(&mut self) -> Cow<'a, str> {
        let end = self.rest.find([';', '(']).unwrap_or(self.rest.len());
        let (text, rest) = self.rest.split_at(end);
        self.rest = rest;
        if !rest.starts_with('(') {
            return Cow::Borrowed(text);
        }
        self.skip_comment();
        Cow::Owned(format!("{text}{}", self.rest_until_semicolon()))
    }

    fn rest_until_semicolon(&mut self) -> &'a str {
        let end = self.rest.find(';').unwrap_or(self.rest.len());
        let (text, rest) = self.rest.split_at(end);
        self.rest = rest;
        text
    }

    fn skip_comment(&mut self) {
        let mut depth = 0_usize;
        let mut escaped = false;
        for (at, c) in self.rest.char_indices() {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '(' => depth += 1,
                ')' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                self.rest = &self.rest[at + c.len_utf8()..];
                return;
            }
        }
        self.rest = "";
    }

    /// Takes the next `; name=value`.
    fn parameter(&mut self) -> Option<(&'a str, Cow<'a, str>)> {
        loop {
            self.rest =
                self.rest.trim_start_matches(|c: char| c == ';' || c == ',' || c.is_whitespace());
            if self.rest.starts_with('(') {
                self.skip_comment();
                continue;
            }
            if self.rest.is_empty() {
                return None;
            }
            let end = self.rest.find(['=', ';']).unwrap_or(self.rest.len());
            let (name, rest) = self.rest.split_at(end);
            let Some(rest) = rest.strip_prefix('=') else {
                self.rest = rest;
                continue;
            };
            self.rest = rest.trim_start();
            return Some((name.trim(), self.value()));
        }
    }

    fn value(&mut self) -> Cow<'a, str> {
        if let Some(quoted) = self.rest.strip_prefix('"')
            && let Some((value, rest)) = unquote(quoted)
        {
            self.rest = rest;
            return value;
        }
        let value = self.rest_until_semicolon().trim().trim_start_matches('"');
        let end = value.find(" (").unwrap_or(value.len());
        Cow::Borrowed(value[..end].trim_end())
    }
}

/// Takes a quoted string after its opening quote.
///
/// Only quote and backslash can be escaped, because old programs write Windows paths unescaped.
fn unquote(quoted: &str) -> Option<(Cow<'_, str>, &str)> {
    let mut value = String::new();
    let mut start = 0;
    let mut escaped = false;
    for (at, byte) in quoted.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if matches!(quoted.as_bytes().get(at + 1), Some(b'"' | b'\\')) => {
                value.push_str(&quoted[start..at]);
                start = at + 1;
                escaped = true;
            }
            b'"' => {
                let rest = &quoted[at + 1..];
                if value.is_empty() {
                    return Some((Cow::Borrowed(&quoted[start..at]), rest));
                }
                value.push_str(&quoted[start..at]);
                return Some((Cow::Owned(value), rest));
            }
            _ => {}
        }
    }
    None
}

/// Parameters, and the pieces of those that are continued (RFC 2231 3 and 4).
#[derive(Default)]
struct Pieces<'a> {
    whole: BTreeMap<String, String>,
    continued: BTreeMap<String, BTreeMap<u32, (bool, Cow<'a, str>)>>,
}

impl<'a> Pieces<'a> {
    fn push(&mut self, name: &str, value: Cow<'a, str>) {
        let name = name.to_ascii_lowercase();
        let (name, percent) =
            name.strip_suffix('*').map_or((name.as_str(), false), |name| (name, true));
        let section = name
            .rsplit_once('*')
            .and_then(|(name, number)| number.parse::<u32>().ok().map(|number| (name, number)));
        match section {
            Some((name, number)) => {
                let pieces = self.continued.entry(name.to_owned()).or_default();
                pieces.entry(number).or_insert((percent, value));
            }
            None if percent => {
                let pieces = self.continued.entry(name.to_owned()).or_default();
                pieces.entry(0).or_insert((true, value));
            }
            None => {
                let value = word::decode(&value).text.into_owned();
                self.whole.entry(name.to_owned()).or_insert(value);
            }
        }
    }

    fn joined(self) -> BTreeMap<String, String> {
        let mut joined = self.whole;
        for (name, pieces) in self.continued {
            joined.insert(name, join(pieces));
        }
        joined
    }
}

/// Joins the pieces of one parameter; the first names the charset as `charset'language'`.
fn join(pieces: BTreeMap<u32, (bool, Cow<'_, str>)>) -> String {
    let mut label = None;
    let mut bytes = Vec::new();
    for (index, (percent, value)) in pieces.into_values().enumerate() {
        let mut text: &str = &value;
        if index == 0
            && percent
            && let Some((charset, rest)) = text.split_once('\'')
            && let Some((_language, rest)) = rest.split_once('\'')
        {
            label = Some(charset.to_owned()).filter(|charset| !charset.is_empty());
            text = rest;
        }
        if percent {
            percent_decode(text.as_bytes(), &mut bytes);
        } else {
            bytes.extend_from_slice(text.as_bytes());
        }
    }
    charset::decode(&bytes, label.as_deref()).text.into_owned()
}

fn percent_decode(mut text: &[u8], bytes: &mut Vec<u8>) {
    while let Some(at) = memchr::memchr(b'%', text) {
        bytes.extend_from_slice(&text[..at]);
        if let Some(byte) = hex_pair(&text[at + 1..]) {
            bytes.push(byte);
            text = &text[at + 3..];
        } else {
            bytes.push(b'%');
            text = &text[at + 1..];
        }
    }
    bytes.extend_from_slice(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, main: &str, parameters: &[(&str, &str)]) {
        let value = Value::parse(text);
        let expected =
            parameters.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        assert_eq!(value, Value { main: main.into(), parameters: expected }, "{text}");
    }

    #[test]
    fn values_and_parameters() {
        check("Text/Plain; Charset=\"UTF-8\"", "text/plain", &[("charset", "UTF-8")]);
        check("text/plain", "text/plain", &[]);
        check("multipart/mixed;boundary=a/b=c;x", "multipart/mixed", &[("boundary", "a/b=c")]);
        check("a/b; n=\"x \\\"y\\\\\"; m = z", "a/b", &[("n", "x \"y\\"), ("m", "z")]);
        check("a/b (c; d) ; n=v (w)", "a/b", &[("n", "v")]);
        check("a/b; n=\"open; m=1", "a/b", &[("n", "open"), ("m", "1")]);
        check("", "", &[]);
    }

    #[test]
    fn rfc_2231_pieces_are_joined_before_they_are_decoded() {
        check("a; filename*=utf-8'en'%e2%82%ac%20x.txt", "a", &[("filename", "€ x.txt")]);
        check("a; f*1=\"b\"; f*0=a; f*2*=%63", "a", &[("f", "abc")]);
        check("a; f*0*=UTF-8''%e4%bd; f*1*=%a0.txt", "a", &[("f", "你.txt")]);
        check("a; f=plain; f*=iso-8859-1''caf%e9", "a", &[("f", "café")]);
        check("a; f*=100%", "a", &[("f", "100%")]);
        check("a; f=\"C:\\dir\\x.txt\"", "a", &[("f", "C:\\dir\\x.txt")]);
    }

    #[test]
    fn encoded_words_in_parameters_are_decoded_although_forbidden() {
        check("a; name=\"=?utf-8?B?4pi6?=.txt\"", "a", &[("name", "☺.txt")]);
    }
}
