//! Header blocks: which fields there are, before anything is understood of them.
//!
//! One pass over the lines, no copy. A block that is too long is cut at the cap and its end is
//! still found, so the body stays readable.
use std::borrow::Cow;

use memchr::memchr;

use super::charset;

/// One header field as it stands in the mail: the value still folded and encoded.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field<'a> {
    pub(super) name: &'a [u8],
    pub(super) value: &'a [u8],
}

/// The fields of one header block and the offset where its body starts.
#[derive(Debug, Default)]
pub(super) struct Block<'a> {
    pub(super) fields: Vec<Field<'a>>,
    pub(super) body: usize,
    pub(super) cut: bool,
    pub(super) broken: bool,
    /// Where the value of the last field starts.
    value_start: usize,
}

impl<'a> Block<'a> {
    /// Returns the value of the first field called `name`.
    pub(super) fn first(&self, name: &str) -> Option<&'a [u8]> {
        self.all(name).next()
    }

    /// Lists the values of all fields called `name`.
    pub(super) fn all<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'a [u8]> + use<'s, 'a> {
        self.fields
            .iter()
            .filter(move |field| field.name.eq_ignore_ascii_case(name.as_bytes()))
            .map(|field| field.value)
    }
}

/// Where one line of the mail lies.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line {
    pub(super) start: usize,
    /// End of the text, without CR or LF.
    pub(super) end: usize,
    /// Start of the next line.
    pub(super) next: usize,
}

impl Line {
    pub(super) fn at(raw: &[u8], start: usize) -> Option<Self> {
        let rest = raw.get(start..).filter(|rest| !rest.is_empty())?;
        let Some(line_feed) = memchr(b'\n', rest) else {
            return Some(Self { start, end: raw.len(), next: raw.len() });
        };
        let end = start + line_feed;
        let end = if end > start && raw[end - 1] == b'\r' { end - 1 } else { end };
        Some(Self { start, end, next: start + line_feed + 1 })
    }

    pub(super) fn of<'a>(&self, raw: &'a [u8]) -> &'a [u8] {
        &raw[self.start..self.end]
    }
}

/// Reads the header block at `start`; `ends` recognises a line that cannot belong to it.
pub(super) fn block(
    raw: &[u8],
    start: usize,
    limit: usize,
    ends: impl Fn(&[u8]) -> bool,
) -> Block<'_> {
    let mut block = Block { body: raw.len(), ..Block::default() };
    let mut at = start;
    while let Some(line) = Line::at(raw, at) {
        let text = line.of(raw);
        if text.is_empty() {
            block.body = line.next;
            return block;
        }
        if ends(text) {
            block.body = line.start;
            return block;
        }
        if line.end - start > limit {
            block.cut = true;
            if start + limit > line.start {
                block.take(raw, Line { end: start + limit, ..line });
            }
            block.body = body_after(raw, line.next, &ends);
            return block;
        }
        if !block.take(raw, line) {
            block.body = line.start;
            return block;
        }
        at = line.next;
    }
    block
}

impl<'a> Block<'a> {
    /// Takes one line into the block; false when the line already belongs to the body.
    fn take(&mut self, raw: &'a [u8], line: Line) -> bool {
        let text = line.of(raw);
        if text.first().is_some_and(|byte| matches!(byte, b' ' | b'\t')) {
            if let Some(last) = self.fields.last_mut() {
                last.value = &raw[self.value_start..line.end];
            }
            return true;
        }
        if let Some((name, value)) = split(text) {
            self.value_start = line.end - value.len();
            self.fields.push(Field { name, value });
            return true;
        }
        if self.fields.is_empty() && is_mbox_separator(text) {
            return true;
        }
        self.broken = true;
        let next = Line::at(raw, line.next).map_or(&b""[..], |next| next.of(raw));
        split(next).is_some()
    }
}

fn body_after(raw: &[u8], mut at: usize, ends: &impl Fn(&[u8]) -> bool) -> usize {
    while let Some(line) = Line::at(raw, at) {
        if line.start == line.end {
            return line.next;
        }
        if ends(line.of(raw)) {
            return line.start;
        }
        at = line.next;
    }
    raw.len()
}

/// Splits `Name: value`; RFC 5322 2.2 allows printable ASCII but the colon in a name.
fn split(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = line.iter().position(|byte| !matches!(byte, b'!'..=b'9' | b';'..=b'~'))?;
    let after = line[colon..].trim_ascii_start();
    let value = after.strip_prefix(b":")?;
    (colon > 0).then_some((&line[..colon], value))
}

fn is_mbox_separator(line: &[u8]) -> bool {
    line.starts_with(b"From ") || line.starts_with(b">From ")
}

/// Returns the value of a field as text on one line.
///
/// Its charset is repaired; encoded words stay.
pub(super) fn unfold(value: &[u8]) -> charset::Decoded<'_> {
    let mut decoded = charset::decode(value.trim_ascii(), None);
    if memchr(b'\n', value).is_some() {
        let line: String = decoded.text.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
        decoded.text = Cow::Owned(line);
    }
    decoded
}

#[cfg(test)]
mod tests {
    use std::str::from_utf8;

    use super::*;

    fn check(raw: &str, expected: &[(&str, &str)], body: &str) {
        let block = block(raw.as_bytes(), 0, 64, |line| line.starts_with(b"--b"));
        let fields: Vec<(String, String)> = block
            .fields
            .iter()
            .map(|f| (from_utf8(f.name).unwrap().into(), unfold(f.value).text.into_owned()))
            .collect();
        let expected: Vec<(String, String)> =
            expected.iter().map(|(n, v)| ((*n).into(), (*v).into())).collect();
        assert_eq!((fields, &raw[block.body..]), (expected, body), "{raw:?}");
    }

    #[test]
    fn fields_are_found_and_unfolded() {
        check("A: b\r\nC : d\r\n e\r\n\r\nx", &[("A", "b"), ("C", "d e")], "x");
        check("A:\n b\n \n c\n\nx", &[("A", "b  c")], "x");
        check("From me Mon\nA: b\n\n", &[("A", "b")], "");
        check(">From me Mon\nA: b", &[("A", "b")], "");
        check(" lost fold\nA: b\n\nx", &[("A", "b")], "x");
    }

    #[test]
    fn broken_blocks_keep_their_rest() {
        check("A: b\njunk line\nC: d\n\nx", &[("A", "b"), ("C", "d")], "x");
        check("junk line\nC: d\n\nx", &[("C", "d")], "x");
        check("A: b\nHello there,\nhow are you\n", &[("A", "b")], "Hello there,\nhow are you\n");
        check("A: b\n--b\nC: d\n", &[("A", "b")], "--b\nC: d\n");
        check("Hello\n\nx", &[], "Hello\n\nx");
        check(": b\n\nx", &[], ": b\n\nx");
    }

    #[test]
    fn a_long_block_is_cut_and_the_body_found() {
        let long = "y".repeat(80);
        let raw = format!("A: b\nX: {long}\nC: d\n\nbody");
        let block = block(raw.as_bytes(), 0, 64, |_| false);
        assert!(block.cut);
        assert_eq!(block.fields.len(), 2);
        assert_eq!(&raw[block.body..], "body");
    }
}
