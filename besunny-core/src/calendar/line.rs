//! The one reader of iCalendar text: lines, properties, parameters (RFC 5545 3.1, RFC 6868).
//!
//! Invitations in mail and calendars in files are read by it. It is our own, since what strangers
//! send must cost no more than one pass over its bytes.
use std::{
    borrow::Cow,
    iter::{Enumerate, Filter, Peekable},
    str::Split,
};

use crate::{mail::invisible, untrusted::Untrusted};

/// Lines with their continuations, which start with white space.
///
/// Empty lines are none: old programs write them within a folded one.
#[derive(Debug)]
pub(crate) struct Lines<'a> {
    lines: Peekable<Written<'a>>,
    most: usize,
}

/// The lines of a text that are not empty, with their numbers.
type Written<'a> = Filter<Enumerate<Split<'a, char>>, fn(&(usize, &'a str)) -> bool>;

/// One line, unfolded.
#[derive(Clone, Debug)]
pub(crate) struct Line<'a> {
    /// Its text, without line ends.
    pub(crate) text: Cow<'a, str>,
    /// Where it begins, counted from 1.
    pub(crate) number: usize,
    /// Whether its end is missing, since it is longer than was asked for.
    pub(crate) is_cut: bool,
}

impl<'a> Lines<'a> {
    /// Reads `text`; of a longer line the first `most` bytes are kept.
    pub(crate) fn of(text: &'a str, most: usize) -> Self {
        let is_written: fn(&(usize, &'a str)) -> bool =
            |(_, line)| !line.bytes().all(|byte| byte == b'\r');
        Self { lines: text.split('\n').enumerate().filter(is_written).peekable(), most }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    fn next(&mut self) -> Option<Line<'a>> {
        let (before, whole) = self.lines.next()?;
        let whole = whole.trim_end_matches('\r');
        let kept = &whole[..whole.floor_char_boundary(self.most)];
        let is_cut = kept.len() < whole.len();
        let mut line = Line { text: Cow::Borrowed(kept), number: before + 1, is_cut };
        while let Some((_, more)) = self.lines.next_if(|(_, more)| more.starts_with([' ', '\t'])) {
            let more = &more.trim_end_matches('\r')[1..];
            line.is_cut |= line.text.len() + more.len() > self.most;
            if !line.is_cut && !more.is_empty() {
                line.text.to_mut().push_str(more);
            }
        }
        Some(line)
    }
}

/// `NAME;PARAM=value:value`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Property<'a> {
    pub(crate) name: &'a str,
    parameters: &'a str,
    pub(crate) value: &'a str,
}

impl<'a> Property<'a> {
    pub(crate) fn parse(line: &'a str) -> Option<Self> {
        // A quote that is never closed hides no colon.
        let colon = unquoted(line, b':').or_else(|| line.find(':'))?;
        let (head, value) = line.split_at(colon);
        let (name, parameters) = head.split_once(';').unwrap_or((head, ""));
        Some(Self { name: name.trim(), parameters, value: &value[1..] })
    }

    pub(crate) fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// Returns a parameter without its quotes, if it says anything.
    pub(crate) fn parameter(&self, name: &str) -> Option<Cow<'a, str>> {
        let mut rest = self.parameters;
        while !rest.is_empty() {
            let end = unquoted(rest, b';').unwrap_or(rest.len());
            let (parameter, tail) = rest.split_at(end);
            rest = tail.get(1..).unwrap_or_default();
            let Some((found, value)) = parameter.split_once('=') else { continue };
            if found.trim().eq_ignore_ascii_case(name) {
                let value = value.trim().trim_matches('"').trim();
                return (!value.is_empty()).then(|| uncaretted(value));
            }
        }
        None
    }

    /// Says whether a parameter has this value, in letters of any case.
    pub(crate) fn says(&self, name: &str, value: &str) -> bool {
        self.parameter(name).is_some_and(|found| found.eq_ignore_ascii_case(value))
    }

    /// Returns the value as written, if there is any.
    pub(crate) fn raw(&self) -> Option<Untrusted<String>> {
        let value = self.value.trim();
        (!value.is_empty()).then(|| visible(value))
    }

    /// Returns the value as text, without its escapes (RFC 5545 3.3.11).
    pub(crate) fn text(&self) -> Option<Untrusted<String>> {
        let mut text = String::with_capacity(self.value.len());
        let mut rest = self.value;
        while let Some(at) = rest.find('\\') {
            text.push_str(&rest[..at]);
            let mut letters = rest[at + 1..].chars();
            match letters.next() {
                Some('n' | 'N') => text.push('\n'),
                Some(letter) => text.push(letter),
                None => text.push('\\'),
            }
            rest = letters.as_str();
        }
        text.push_str(rest);
        let text = text.trim();
        (!text.is_empty()).then(|| visible(text))
    }
}

/// Takes out what no reader sees.
pub(crate) fn visible(text: &str) -> Untrusted<String> {
    invisible::clean(text).text.into_owned().into()
}

/// Finds a byte that stands outside of quotes.
fn unquoted(text: &str, wanted: u8) -> Option<usize> {
    let mut quoted = false;
    text.bytes().position(|byte| {
        quoted ^= byte == b'"';
        byte == wanted && !quoted
    })
}

/// Reads the escapes of parameter values (RFC 6868).
fn uncaretted(value: &str) -> Cow<'_, str> {
    if !value.contains('^') {
        return Cow::Borrowed(value);
    }
    let mut text = String::with_capacity(value.len());
    let mut letters = value.chars().peekable();
    while let Some(letter) = letters.next() {
        let escaped = match (letter, letters.peek()) {
            ('^', Some('n')) => '\n',
            ('^', Some('\'')) => '"',
            ('^', Some('^')) => '^',
            _ => {
                text.push(letter);
                continue;
            }
        };
        letters.next();
        text.push(escaped);
    }
    Cow::Owned(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_lines(text: &str, most: usize, want: &[(usize, &str, bool)]) {
        let got: Vec<_> = Lines::of(text, most).collect();
        let got: Vec<_> = got.iter().map(|line| (line.number, &*line.text, line.is_cut)).collect();
        assert_eq!(got, want, "{text:?}");
    }

    #[test]
    fn lines_are_unfolded_and_cut() {
        check_lines("A:1\r\n 2\r\n\t3\r\nB", 9, &[(1, "A:123", false), (4, "B", false)]);
        check_lines("A:1\n 2\n 3456\n 7\nB", 5, &[(1, "A:12", true), (5, "B", false)]);
        check_lines("ABCDEF\n G", 3, &[(1, "ABC", true)]);
        check_lines("Aß", 2, &[(1, "A", true)]);
        check_lines("\n\r\r\n", 9, &[]);
        check_lines("A\n\n :1\n\nB", 9, &[(1, "A:1", false), (5, "B", false)]);
    }

    fn check(line: &str, name: &str, want: Option<&str>) {
        let property = Property::parse(line).unwrap();
        assert_eq!(property.parameter(name).as_deref(), want, "{line}");
    }

    #[test]
    fn parameters_have_quotes_and_carets() {
        check("A;CN=x:y", "cn", Some("x"));
        check("A;CN=\"x;y:z\";TZID=\"B\":y", "CN", Some("x;y:z"));
        check("A;CN=\"x;y:z\";TZID=\"B\":y", "TZID", Some("B"));
        check("A;CN=\"x;TZID=no\":y", "TZID", None);
        check("A;;VALUE=DATE:y", "VALUE", Some("DATE"));
        check(
            "A;CN=George Herman ^'Babe^' Ruth^n^^1^x:y",
            "CN",
            Some("George Herman \"Babe\" Ruth\n^1^x"),
        );
        check("A;CN=:y", "CN", None);
        check("A;CN=\"open:y", "CN", Some("open"));
    }

    fn check_text(value: &str, want: Option<&str>) {
        let line = format!("A:{value}");
        let text = Property::parse(&line).unwrap().text().map(Untrusted::into_exposed);
        assert_eq!(text.as_deref(), want, "{value}");
    }

    #[test]
    fn text_has_escapes() {
        check_text("a\\, b\\; c\\\\n\\Nd\\ne", Some("a, b; c\\n\nd\ne"));
        check_text("end\\", Some("end\\"));
        check_text(" \\n ", None);
        check_text("zero\u{200b}width", Some("zerowidth"));
    }
}
