//! Feeds the tokenizer so that no input makes it slow.
//!
//! The tokenizer compares each attribute of a tag with all before it, so one tag with 100,000
//! attributes would take minutes. Pieces are small, a construct that stays open too long is read
//! here instead, and only its first attributes reach the tokenizer. Raw text (`script`, `style`,
//! `title`) never reaches it at all.
use html5ever::{
    tendril::StrTendril,
    tokenizer::{BufferQueue, Tokenizer, TokenizerOpts},
};
use memchr::{memchr, memchr2, memmem};

use super::page::{Page, RawText};
use crate::mail::flag::Flag;

/// Largest piece of a tag or comment fed at once.
const PIECE_BYTES: usize = 2_048;

/// Largest piece of text fed at once.
const TEXT_BYTES: usize = 64 * 1_024;

/// A tag or comment that is longer is read here, not by the tokenizer.
const CONSTRUCT_BYTES: usize = 4_096;

/// Attributes of such a tag that are kept.
const ATTRIBUTES: usize = 64;

/// Longer attributes of such a tag are left out: they are embedded images.
const ATTRIBUTE_BYTES: usize = 8 * 1_024;

/// Reads `html` into `page`.
pub(super) fn feed(html: &str, page: Page) -> Page {
    let mut feed = Feed::new(html, page);
    while feed.at < html.len() {
        feed.step();
    }
    feed.tokenizer.end();
    if feed.open_since.is_some_and(|since| html[since..].starts_with('<')) {
        feed.tokenizer.sink.flag(Flag::HtmlCut);
    }
    feed.tokenizer.sink
}

struct Feed<'a> {
    html: &'a str,
    whole: StrTendril,
    tokenizer: Tokenizer<Page>,
    queue: BufferQueue,
    at: usize,
    /// Where the tag or comment starts that has not ended yet.
    open_since: Option<usize>,
    /// Whether a `title` was left open, so that no end is looked for again.
    no_title_end: bool,
}

impl<'a> Feed<'a> {
    fn new(html: &'a str, page: Page) -> Self {
        Self {
            html,
            whole: StrTendril::from_slice(html),
            tokenizer: tokenizer(page),
            queue: BufferQueue::default(),
            at: 0,
            open_since: None,
            no_title_end: false,
        }
    }

    fn step(&mut self) {
        let start = self.at;
        let end = self.piece_end();
        let tokens = self.tokenizer.sink.tokens();
        self.push(start, end);
        self.at = end;
        if self.tokenizer.sink.tokens() > tokens {
            self.open_since = None;
        } else if self.open_since.is_none() {
            self.open_since = Some(start);
        }
        if let Some(raw) = self.tokenizer.sink.take_raw_text() {
            self.skip_raw_text(raw);
        }
        if let Some(since) = self.open_since
            && end - since > CONSTRUCT_BYTES
        {
            self.read_long_construct(since);
        }
    }

    fn push(&mut self, start: usize, end: usize) {
        // Lossless: `Caps::html_bytes` keeps offsets far below 4 GiB, and others are cut there.
        let (Ok(offset), Ok(length)) = (u32::try_from(start), u32::try_from(end - start)) else {
            return;
        };
        self.queue.push_back(self.whole.subtendril(offset, length));
        // The sink never asks for a script or another encoding, so the result is always `Done`.
        drop(self.tokenizer.feed(&self.queue));
    }

    /// Ends a piece so that a start tag is always the last thing in it.
    fn piece_end(&self) -> usize {
        let bytes = &self.html.as_bytes()[self.at..];
        let in_tag = self.open_since.is_some() || bytes[0] == b'<';
        let limit = if in_tag { PIECE_BYTES } else { TEXT_BYTES };
        let window = &bytes[..limit.min(bytes.len())];
        let end = if in_tag {
            match memchr2(b'<', b'>', &window[1..]).map(|at| at + 1) {
                Some(at) if window[at] == b'>' => at + 1,
                Some(at) => at,
                None if window[0] == b'>' => 1,
                None => window.len(),
            }
        } else {
            memchr(b'<', window).unwrap_or(window.len())
        };
        let end = self.html.floor_char_boundary(self.at + end);
        if end > self.at { end } else { self.html.ceil_char_boundary(self.at + 1) }
    }

    fn skip_raw_text(&mut self, raw: RawText) {
        let rest = &self.html[self.at..];
        if raw == RawText::Title && self.no_title_end {
            return;
        }
        let end = end_tag(rest, raw.name());
        if raw == RawText::Style {
            self.tokenizer.sink.add_style_sheet(&rest[..end.unwrap_or(rest.len())]);
        }
        match end {
            Some(end) => self.at += end,
            None if raw == RawText::Title => self.no_title_end = true,
            None => {
                self.tokenizer.sink.flag(Flag::HtmlCut);
                self.at = self.html.len();
            }
        }
    }

    /// Reads a tag or comment that grew too long, and goes on behind it.
    fn read_long_construct(&mut self, start: usize) {
        self.open_since = None;
        let rest = &self.html[start..];
        let construct = Construct::read(rest);
        self.renew_tokenizer();
        if construct.cut {
            self.tokenizer.sink.flag(Flag::HtmlCut);
        }
        if !construct.tag.is_empty() {
            self.queue.push_back(StrTendril::from_slice(&construct.tag));
            drop(self.tokenizer.feed(&self.queue));
        }
        self.at = start + construct.bytes;
        if let Some(raw) = self.tokenizer.sink.take_raw_text() {
            self.skip_raw_text(raw);
        }
    }

    fn renew_tokenizer(&mut self) {
        let old = std::mem::replace(&mut self.tokenizer, tokenizer(Page::default()));
        self.tokenizer = tokenizer(old.sink);
        self.queue = BufferQueue::default();
    }
}

fn tokenizer(page: Page) -> Tokenizer<Page> {
    Tokenizer::new(page, TokenizerOpts::default())
}

fn end_tag(rest: &str, name: &str) -> Option<usize> {
    memmem::find_iter(rest.as_bytes(), "</").find(|at| {
        let after = &rest.as_bytes()[at + 2..];
        after.get(..name.len()).is_some_and(|found| found.eq_ignore_ascii_case(name.as_bytes()))
    })
}

/// A long tag or comment, and the short tag to use in its place.
struct Construct {
    bytes: usize,
    tag: String,
    cut: bool,
}

impl Construct {
    fn read(text: &str) -> Self {
        if let Some(comment) = text.strip_prefix("<!--") {
            let end = memmem::find(comment.as_bytes(), b"-->").map(|end| end + "<!---->".len());
            return Self::skipped(end, text);
        }
        let name = text[1..].strip_prefix('/').unwrap_or(&text[1..]);
        if name.starts_with(|c: char| c.is_ascii_alphabetic()) {
            return Self::read_tag(text);
        }
        Self::skipped(memchr(b'>', text.as_bytes()).map(|end| end + 1), text)
    }

    fn skipped(end: Option<usize>, text: &str) -> Self {
        Self { bytes: end.unwrap_or(text.len()), tag: String::new(), cut: end.is_none() }
    }

    fn read_tag(text: &str) -> Self {
        let mut scanner = TagScanner { bytes: text.as_bytes(), at: 1 };
        scanner.skip_while(|byte| !byte.is_ascii_whitespace() && byte != b'>');
        let name_end = scanner.at.min(ATTRIBUTE_BYTES);
        let mut tag = text[..text.floor_char_boundary(name_end)].to_owned();
        let (mut kept, mut cut) = (0, name_end < scanner.at);
        while let Some((start, end)) = scanner.attribute() {
            if kept == ATTRIBUTES {
                cut = true;
            } else if end - start <= ATTRIBUTE_BYTES {
                tag.push(' ');
                tag.push_str(&text[start..end]);
                kept += 1;
            }
        }
        if scanner.at >= text.len() {
            return Self { bytes: text.len(), tag: String::new(), cut: true };
        }
        tag.push('>');
        Self { bytes: scanner.at + 1, tag, cut }
    }
}

/// Walks the attributes of a tag as the HTML standard does (13.2.5.32 to 13.2.5.39).
struct TagScanner<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl TagScanner<'_> {
    fn skip_while(&mut self, skipped: impl Fn(u8) -> bool) {
        while self.bytes.get(self.at).is_some_and(|byte| skipped(*byte)) {
            self.at += 1;
        }
    }

    /// Returns where the next attribute lies; none at the end of the tag.
    fn attribute(&mut self) -> Option<(usize, usize)> {
        self.skip_while(|byte| byte.is_ascii_whitespace() || byte == b'/');
        let start = self.at;
        if matches!(self.bytes.get(start), None | Some(b'>')) {
            return None;
        }
        self.at += 1;
        self.skip_while(|byte| !byte.is_ascii_whitespace() && !b"/>=".contains(&byte));
        let name_end = self.at;
        self.skip_while(|byte| byte.is_ascii_whitespace());
        if self.bytes.get(self.at) != Some(&b'=') {
            self.at = name_end;
            return Some((start, name_end));
        }
        self.at += 1;
        self.skip_while(|byte| byte.is_ascii_whitespace());
        match self.bytes.get(self.at) {
            Some(&quote @ (b'"' | b'\'')) => {
                let rest = &self.bytes[self.at + 1..];
                self.at += memchr(quote, rest).map_or(rest.len() + 1, |end| end + 2);
            }
            _ => self.skip_while(|byte| !byte.is_ascii_whitespace() && byte != b'>'),
        }
        Some((start, self.at))
    }
}
