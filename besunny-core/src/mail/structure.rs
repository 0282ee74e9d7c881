//! The MIME tree: which parts there are and where they lie (RFC 2046).
//!
//! One pass over the lines that start with two hyphens, with an explicit stack; nothing recurses.
//! `mail-parser` was measured and not used for this: it takes a boundary anywhere and as a prefix,
//! searches the whole rest for each missing one (17 s for 1,000 parts in 25 MiB), and overflows
//! the stack when 100,000 nested messages are dropped.
use memchr::memmem;

use super::{
    caps::Caps,
    field::{self, Block, Line},
    flag::{Flag, Flags},
    parameter::Value,
    transfer::Encoding,
};

/// One part: its fields, its place in the tree, and its raw body.
#[derive(Debug)]
pub(super) struct Part<'a> {
    pub(super) block: Block<'a>,
    pub(super) content_type: Value,
    pub(super) disposition: Value,
    /// Empty for a part that is no multipart.
    pub(super) children: Vec<usize>,
    pub(super) body: &'a [u8],
    /// How many multiparts it lies in.
    depth: usize,
}

/// All parts of a mail as they start; the first is the mail itself.
#[derive(Debug)]
pub(super) struct Tree<'a> {
    pub(super) parts: Vec<Part<'a>>,
    pub(super) flags: Flags,
}

impl<'a> Tree<'a> {
    /// Reads the structure below the header block of the mail.
    pub(super) fn read(raw: &'a [u8], block: Block<'a>, caps: &Caps) -> Self {
        let flags = if block.broken { Flag::BrokenMime.into() } else { Flags::default() };
        let start = block.body;
        let tree = Self { parts: Vec::new(), flags };
        let mut walk = Walk { raw, caps, tree, open: Vec::new(), leaf: None };
        walk.begin(Part::new(block, None, 0), start);
        walk.run(start);
        walk.tree
    }
}

impl<'a> Part<'a> {
    fn new(block: Block<'a>, parent: Option<&Part<'_>>, depth: usize) -> Self {
        let value = |name| block.first(name).map(Value::parse);
        let mut content_type: Value = value("content-type").unwrap_or_default();
        if !content_type.main.contains('/') {
            let digest = parent.is_some_and(|part| part.content_type.main == "multipart/digest");
            default_type(&content_type, digest).clone_into(&mut content_type.main);
        }
        let disposition = value("content-disposition").unwrap_or_default();
        Self { block, content_type, disposition, children: Vec::new(), body: &[], depth }
    }

    pub(super) fn is_multipart(&self) -> bool {
        !self.children.is_empty()
    }

    pub(super) fn encoding(&self) -> Encoding {
        let value = self.block.first("content-transfer-encoding").unwrap_or_default();
        Encoding::named(field::unfold(value).text.trim())
    }

    pub(super) fn content_id(&self) -> Option<String> {
        let value = self.block.first("content-id")?;
        Some(bare_id(&field::unfold(value).text)).filter(|id| !id.is_empty())
    }
}

/// Takes the brackets off an id.
pub(super) fn bare_id(id: &str) -> String {
    id.trim().trim_start_matches('<').trim_end_matches('>').to_owned()
}

/// Text, or a message in a digest (RFC 2045 5.2, RFC 2046 5.1.5).
///
/// A file with a name is neither.
fn default_type(content_type: &Value, in_digest: bool) -> &'static str {
    let said_nothing = content_type.main.is_empty();
    if in_digest && said_nothing {
        "message/rfc822"
    } else if !said_nothing && content_type.main != "text" && content_type.get("name").is_some() {
        "application/octet-stream"
    } else {
        "text/plain"
    }
}

/// A multipart whose end has not come yet.
struct Open {
    part: usize,
    boundary: String,
    body_start: usize,
}

struct Walk<'a, 'c> {
    raw: &'a [u8],
    caps: &'c Caps,
    tree: Tree<'a>,
    open: Vec<Open>,
    /// The part that is being passed over, and where its body starts.
    leaf: Option<(usize, usize)>,
}

/// A line that separates parts.
#[derive(Debug, Clone, Copy)]
struct Delimiter {
    /// Index of the multipart it belongs to.
    level: usize,
    is_last: bool,
}

impl<'a> Walk<'a, '_> {
    fn run(&mut self, start: usize) {
        let mut at = start;
        while let Some(line) = self.next_delimiter_line(at) {
            let Some(delimiter) = delimiter(&self.open, line.of(self.raw)) else {
                at = line.next;
                continue;
            };
            self.close(delimiter.level + 1, line.start);
            if delimiter.is_last {
                self.close(delimiter.level, line.start);
                at = line.next;
            } else if self.tree.parts.len() >= self.caps.parts {
                self.tree.flags.insert(Flag::PartsCut);
                self.close(0, line.start);
                return;
            } else {
                at = self.begin_child(delimiter.level, line.next);
            }
        }
        if !self.open.is_empty() {
            self.tree.flags.insert(Flag::BrokenMime);
        }
        self.close(0, self.raw.len());
    }

    /// Finds the next line at or after `at` that starts with two hyphens.
    fn next_delimiter_line(&self, at: usize) -> Option<Line> {
        if self.open.is_empty() {
            return None;
        }
        let rest = self.raw.get(at..)?;
        if rest.starts_with(b"--") {
            return Line::at(self.raw, at);
        }
        let found = memmem::find(rest, b"\n--")?;
        Line::at(self.raw, at + found + 1)
    }

    fn begin_child(&mut self, level: usize, start: usize) -> usize {
        let open = &self.open;
        let block = field::block(self.raw, start, self.caps.header_bytes, |line| {
            line.starts_with(b"--") && delimiter(open, line).is_some()
        });
        if block.broken {
            self.tree.flags.insert(Flag::BrokenMime);
        }
        if block.cut {
            self.tree.flags.insert(Flag::HeadersCut);
        }
        let start = block.body;
        let parent = self.open[level].part;
        let part = Part::new(block, Some(&self.tree.parts[parent]), level + 1);
        let index = self.tree.parts.len();
        self.tree.parts[parent].children.push(index);
        self.begin(part, start);
        start
    }

    fn begin(&mut self, part: Part<'a>, body_start: usize) {
        let index = self.tree.parts.len();
        let boundary = part.content_type.get("boundary").map(|text| text.trim_end().to_owned());
        let multipart = part.content_type.main.starts_with("multipart/");
        let too_deep = part.depth >= self.caps.depth;
        self.tree.parts.push(part);
        match boundary.filter(|boundary| multipart && !boundary.is_empty()) {
            Some(boundary) if !too_deep => {
                self.open.push(Open { part: index, boundary, body_start });
            }
            Some(_) => {
                self.tree.flags.insert(Flag::DepthCut);
                self.leaf = Some((index, body_start));
            }
            None => {
                if multipart {
                    self.tree.flags.insert(Flag::BrokenMime);
                    self.tree.parts[index].content_type = Value::plain_text();
                }
                self.leaf = Some((index, body_start));
            }
        }
    }

    /// Ends the current part and every multipart from `level` on, at the delimiter at `end`.
    fn close(&mut self, level: usize, end: usize) {
        if let Some((part, start)) = self.leaf.take() {
            self.tree.parts[part].body = self.body(start, end);
        }
        while self.open.len() > level {
            let Some(open) = self.open.pop() else { return };
            let body = self.body(open.body_start, end);
            let part = &mut self.tree.parts[open.part];
            if part.children.is_empty() {
                // No boundary ever came: what is there is read as text.
                part.content_type = Value::plain_text();
                part.body = body;
                self.tree.flags.insert(Flag::BrokenMime);
            }
        }
    }

    /// The line end before a delimiter belongs to the delimiter (RFC 2046 5.1.1).
    fn body(&self, start: usize, end: usize) -> &'a [u8] {
        let body = self.raw.get(start..end).unwrap_or_default();
        if end == self.raw.len() {
            return body;
        }
        let body = body.strip_suffix(b"\n").unwrap_or(body);
        body.strip_suffix(b"\r").unwrap_or(body)
    }
}

/// Recognises a delimiter of an open multipart, the innermost first.
fn delimiter(open: &[Open], line: &[u8]) -> Option<Delimiter> {
    let line = line.strip_prefix(b"--")?;
    open.iter().enumerate().rev().find_map(|(level, multipart)| {
        let rest = line.strip_prefix(multipart.boundary.as_bytes())?;
        let (rest, is_last) = rest.strip_prefix(b"--").map_or((rest, false), |rest| (rest, true));
        rest.trim_ascii().is_empty().then_some(Delimiter { level, is_last })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes the tree as `type[children]`, bodies in quotes.
    fn outline(tree: &Tree<'_>, index: usize) -> String {
        let part = &tree.parts[index];
        if part.is_multipart() {
            let children: Vec<String> =
                part.children.iter().map(|child| outline(tree, *child)).collect();
            format!("{}[{}]", part.content_type.main, children.join(", "))
        } else {
            format!("{} {:?}", part.content_type.main, String::from_utf8_lossy(part.body))
        }
    }

    fn check(raw: &str, caps: &Caps, expected: &str, flags: &[Flag]) {
        for raw in [raw.to_owned(), raw.replace('\n', "\r\n")] {
            let block = field::block(raw.as_bytes(), 0, caps.header_bytes, |_| false);
            let tree = Tree::read(raw.as_bytes(), block, caps);
            let expected_flags: Flags = flags.iter().copied().collect();
            let found = outline(&tree, 0).replace("\\r", "");
            assert_eq!((found.as_str(), tree.flags), (expected, expected_flags), "{raw}");
        }
    }

    fn check_default(raw: &str, expected: &str, flags: &[Flag]) {
        check(raw, &Caps::default(), expected, flags);
    }

    const MIXED: &str = "Content-Type: multipart/mixed; boundary=b\n\npreamble\n";

    #[test]
    fn mail_11_parts_are_found() {
        check_default("Subject: x\n\nbody\n", "text/plain \"body\\n\"", &[]);
        check_default(
            &format!("{MIXED}--b\n\none\n--b\nContent-Type: text/html\n\ntwo\n--b--\nepilogue\n"),
            "multipart/mixed[text/plain \"one\", text/html \"two\"]",
            &[],
        );
        check_default(
            &format!("{MIXED}--b \nContent-Type: text\n--b\n\n\n--b--"),
            "multipart/mixed[text/plain \"\", text/plain \"\"]",
            &[],
        );
    }

    #[test]
    fn mail_11_boundaries_are_whole_lines() {
        check_default(
            &format!("{MIXED}--b\n\n--bc\nx--b\n--b-\n--b--x\n--b--\n"),
            "multipart/mixed[text/plain \"--bc\\nx--b\\n--b-\\n--b--x\"]",
            &[],
        );
    }

    #[test]
    fn mail_11_nested_multiparts_close_with_their_parent() {
        let nested = "--b\nContent-Type: multipart/alternative; boundary=c\n\n--c\n\none\n";
        check_default(
            &format!("{MIXED}{nested}--c--\n--b\n\ntwo\n--b--"),
            "multipart/mixed[multipart/alternative[text/plain \"one\"], text/plain \"two\"]",
            &[],
        );
        check_default(
            &format!("{MIXED}{nested}--b\n\ntwo\n--b--"),
            "multipart/mixed[multipart/alternative[text/plain \"one\"], text/plain \"two\"]",
            &[],
        );
    }

    #[test]
    fn mail_11_broken_structures_keep_their_text() {
        check_default(
            &format!("{MIXED}--b\n\none\n"),
            "multipart/mixed[text/plain \"one\\n\"]",
            &[Flag::BrokenMime],
        );
        check_default(MIXED, "text/plain \"preamble\\n\"", &[Flag::BrokenMime]);
        check_default(
            "Content-Type: multipart/mixed\n\nx\n",
            "text/plain \"x\\n\"",
            &[Flag::BrokenMime],
        );
    }

    #[test]
    fn mail_11_messages_are_not_opened() {
        check_default(
            "Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: y\n\nz\n--b--\n",
            "multipart/digest[message/rfc822 \"Subject: y\\n\\nz\"]",
            &[],
        );
    }

    #[test]
    fn mail_11_depth_and_parts_have_caps() {
        let caps = Caps { depth: 1, parts: 3, ..Caps::default() };
        check(
            &format!(
                "{MIXED}--b\nContent-Type: multipart/x; boundary=c\n\n--c\n\n1\n--c--\n--b--\n"
            ),
            &caps,
            "multipart/mixed[multipart/x \"--c\\n\\n1\\n--c--\"]",
            &[Flag::DepthCut],
        );
        check(
            &format!("{MIXED}--b\n\n1\n--b\n\n2\n--b\n\n3\n--b--\n"),
            &caps,
            "multipart/mixed[text/plain \"1\", text/plain \"2\"]",
            &[Flag::PartsCut],
        );
    }
}
