//! Which parts are the text, which are attachments, and what the text is (MAIL-11).
use std::borrow::Cow;

use super::{
    attachment::Attachment,
    caps::Caps,
    charset,
    flag::{Flag, Flags},
    html, invisible,
    link::Links,
    structure::{Part, Tree, bare_id},
    transfer,
};

/// No charset takes more bytes for a letter, so what lies beyond could not come out anyway.
const BYTES_A_LETTER: usize = 4;

/// What the body of a mail holds.
#[derive(Debug, Default)]
pub(super) struct Body {
    pub(super) text: String,
    pub(super) html: Option<String>,
    pub(super) attachments: Vec<Attachment>,
    /// The method that a calendar part declares in its type.
    pub(super) calendar_method: Option<String>,
    pub(super) links: Links,
    pub(super) flags: Flags,
}

/// Reads every part of `tree` once.
pub(super) fn read(tree: &Tree<'_>, caps: &Caps) -> Body {
    let mut reader = Reader {
        tree,
        caps,
        texts: tree.parts.iter().map(|_| None).collect(),
        body: Body { links: Links::new(caps.links), flags: tree.flags, ..Body::default() },
    };
    let first_leaf = tree.parts.iter().position(|part| !part.is_multipart()).unwrap_or(0);
    let choice = reader.choose(0, first_leaf);
    reader.read_text(&choice);
    reader.read_html(&choice);
    reader.read_attachments(&choice);
    reader.body
}

/// Parts by their use; the numbers are indices into the tree.
#[derive(Debug, Default)]
struct Choice {
    /// The parts that make the text, in order.
    text: Vec<usize>,
    html: Vec<usize>,
    attachments: Vec<usize>,
}

impl Choice {
    fn extend(&mut self, other: Self) {
        self.text.extend(other.text);
        self.html.extend(other.html);
        self.attachments.extend(other.attachments);
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Plain,
    Html,
    Attachment,
}

fn role(part: &Part<'_>, is_root: bool, is_first_leaf: bool) -> Role {
    let main = part.content_type.main.as_str();
    let named = part.disposition.get("filename").or(part.content_type.get("name")).is_some();
    // A whole mail that calls itself an attachment but has no name is still its own text.
    let attached = part.disposition.main == "attachment" && (named || !is_root);
    if attached || (named && !is_first_leaf) {
        return Role::Attachment;
    }
    match main {
        "text/plain" => Role::Plain,
        "text/html" | "application/xhtml+xml" => Role::Html,
        // RFC 2046 4.1.4: an unknown kind of text is read as plain text.
        _ if is_root && main.starts_with("text/") && main != "text/calendar" => Role::Plain,
        _ => Role::Attachment,
    }
}

struct Reader<'t, 'a> {
    tree: &'t Tree<'a>,
    caps: &'t Caps,
    /// Decoded text parts by index.
    texts: Vec<Option<Cow<'a, str>>>,
    body: Body,
}

impl<'a> Reader<'_, 'a> {
    /// Chooses among the parts below `index`; the depth cap of the tree bounds the recursion.
    fn choose(&mut self, index: usize, first_leaf: usize) -> Choice {
        let part = &self.tree.parts[index];
        if matches!(
            part.content_type.main.as_str(),
            "multipart/encrypted" | "application/pkcs7-mime" | "application/x-pkcs7-mime"
        ) && part.content_type.get("smime-type").is_none_or(|kind| kind != "signed-data")
        {
            self.body.flags.insert(Flag::Encrypted);
        }
        if !part.is_multipart() {
            return match role(part, index == 0, index == first_leaf) {
                Role::Plain => Choice { text: vec![index], ..Choice::default() },
                Role::Html => Choice { text: vec![index], html: vec![index], ..Choice::default() },
                Role::Attachment => Choice { attachments: vec![index], ..Choice::default() },
            };
        }
        match part.content_type.main.as_str() {
            "multipart/alternative" => self.choose_alternative(&part.children, first_leaf),
            "multipart/related" => self.choose_related(part, first_leaf),
            _ => {
                let mut choice = Choice::default();
                for child in &part.children {
                    choice.extend(self.choose(*child, first_leaf));
                }
                choice
            }
        }
    }

    /// Of alternatives the first with plain text is the text.
    ///
    /// The last with HTML is the HTML: the sender's richest form (RFC 2046 5.1.4).
    fn choose_alternative(&mut self, children: &[usize], first_leaf: usize) -> Choice {
        let mut choice = Choice::default();
        let mut plain = None;
        for child in children {
            let mut found = self.choose(*child, first_leaf);
            choice.attachments.append(&mut found.attachments);
            if plain.is_none() && self.has_plain_text(&found) {
                plain = Some(std::mem::take(&mut found.text));
            } else if !found.text.is_empty() {
                choice.text = found.text;
            }
            if !found.html.is_empty() {
                choice.html = found.html;
            }
        }
        if let Some(plain) = plain {
            choice.text = plain;
        }
        choice
    }

    fn has_plain_text(&mut self, choice: &Choice) -> bool {
        choice
            .text
            .iter()
            .any(|index| !choice.html.contains(index) && !self.decoded(*index).trim().is_empty())
    }

    /// Of related parts one is the text (RFC 2387 3.2).
    ///
    /// The others are what it refers to.
    fn choose_related(&mut self, part: &Part<'_>, first_leaf: usize) -> Choice {
        let root = self.related_root(part);
        let mut choice = Choice::default();
        for child in &part.children {
            if Some(*child) == root {
                choice.extend(self.choose(*child, first_leaf));
            } else {
                self.all_leaves(*child, &mut choice.attachments);
            }
        }
        choice
    }

    /// Finds the root by its id or its declared type; otherwise it is the first.
    fn related_root(&self, part: &Part<'_>) -> Option<usize> {
        let start = part.content_type.get("start").map(bare_id);
        let kind = part.content_type.get("type").map(str::to_ascii_lowercase);
        let parts = &self.tree.parts;
        let has_id = |child: &&usize| start.is_some() && parts[**child].content_id() == start;
        let has_type = |child: &&usize| kind.as_ref() == Some(&parts[**child].content_type.main);
        let children = &part.children;
        let root = children.iter().find(has_id).or_else(|| children.iter().find(has_type));
        root.or(children.first()).copied()
    }

    fn all_leaves(&self, index: usize, leaves: &mut Vec<usize>) {
        let part = &self.tree.parts[index];
        if !part.is_multipart() {
            leaves.push(index);
        }
        for child in &part.children {
            self.all_leaves(*child, leaves);
        }
    }

    /// Returns the text of a part as it was written.
    fn decoded(&mut self, index: usize) -> &str {
        if self.texts[index].is_none() {
            let text = self.decode(index);
            self.texts[index] = Some(text);
        }
        self.texts[index].as_deref().unwrap_or_default()
    }

    fn decode(&mut self, index: usize) -> Cow<'a, str> {
        let part = &self.tree.parts[index];
        let body = transfer::decode(part.body, part.encoding());
        if body.damaged {
            self.body.flags.insert(Flag::BrokenEncoding);
        }
        let limit = self.caps.text_bytes.max(self.caps.html_bytes).saturating_mul(BYTES_A_LETTER);
        let kept = whole_lines(&body.bytes, limit).len();
        if kept < body.bytes.len() {
            self.body.flags.insert(Flag::TextCut);
        }
        let declared = declared_charset(part, &body.bytes);
        let (text, flags) = match &body.bytes {
            Cow::Borrowed(bytes) => {
                let decoded = charset::decode(&bytes[..kept], declared.as_deref());
                (decoded.text, decoded.flags)
            }
            Cow::Owned(bytes) => {
                let decoded = charset::decode(&bytes[..kept], declared.as_deref());
                (Cow::Owned(decoded.text.into_owned()), decoded.flags)
            }
        };
        self.body.flags.extend(flags);
        text
    }

    fn read_text(&mut self, choice: &Choice) {
        let mut only_html = !choice.text.is_empty();
        for index in &choice.text {
            let text = if choice.html.contains(index) {
                self.html_text(*index)
            } else {
                only_html = false;
                let text = self.texts[*index].take().unwrap_or_else(|| self.decode(*index));
                let clean = invisible::clean(&text);
                self.body.flags.extend(clean.flags);
                clean.text.into_owned()
            };
            self.append(&text);
        }
        self.body.links.add_text(&self.body.text);
        if self.body.text.trim().is_empty() {
            self.body.flags.insert(Flag::NoText);
        } else if only_html {
            self.body.flags.insert(Flag::HtmlOnly);
        }
    }

    fn append(&mut self, text: &str) {
        let so_far = &mut self.body.text;
        if !so_far.is_empty() && !so_far.ends_with('\n') {
            so_far.push('\n');
        }
        let room = self.caps.text_bytes.saturating_sub(so_far.len());
        let end = text.floor_char_boundary(room.min(text.len()));
        so_far.push_str(&text[..end]);
        if end < text.len() {
            self.body.flags.insert(Flag::TextCut);
        }
    }

    fn html_text(&mut self, index: usize) -> String {
        self.decoded(index);
        let html = self.texts[index].as_deref().unwrap_or_default();
        let visible = html::read(html, self.caps, &mut self.body.links);
        self.body.flags.extend(visible.flags);
        visible.text
    }

    fn read_html(&mut self, choice: &Choice) {
        let mut joined = String::new();
        for index in &choice.html {
            if !choice.text.contains(index) {
                // Read for its links and for what it hides; the text is that of the plain part.
                self.html_text(*index);
            }
            let room = self.caps.html_bytes.saturating_sub(joined.len());
            let html = self.decoded(*index);
            let end = html.floor_char_boundary(room.min(html.len()));
            joined.push_str(&html[..end]);
            if end < html.len() {
                self.body.flags.insert(Flag::HtmlCut);
            }
        }
        self.body.html = Some(joined).filter(|html| !html.is_empty());
    }

    fn read_attachments(&mut self, choice: &Choice) {
        for index in &choice.attachments {
            let part = &self.tree.parts[*index];
            let (attachment, flags) = Attachment::read(part);
            self.body.flags.extend(flags);
            if attachment.is_calendar() && self.body.calendar_method.is_none() {
                let method = part.content_type.get("method").map(str::to_owned);
                self.body.calendar_method = method;
            }
            self.body.attachments.push(attachment);
        }
    }
}

/// Returns the charset of a text part: of its type, for HTML otherwise of its head.
fn declared_charset(part: &Part<'_>, bytes: &[u8]) -> Option<String> {
    let declared = part.content_type.get("charset").map(str::to_owned);
    let is_html = part.content_type.main != "text/plain";
    declared.or_else(|| is_html.then(|| charset::declared_by_html(bytes)).flatten())
}

/// Returns the lines that fit into `limit` bytes, or its first letters when one line is longer.
fn whole_lines(bytes: &[u8], limit: usize) -> &[u8] {
    let Some(kept) = bytes.get(..limit) else { return bytes };
    if let Some(end) = memchr::memrchr(b'\n', kept) {
        return &bytes[..=end];
    }
    let tail = kept.len().saturating_sub(BYTES_A_LETTER);
    let cut_letter = kept[tail..].iter().rposition(|byte| *byte >= 0xc0);
    cut_letter.map_or(kept, |at| &bytes[..tail + at])
}

/// Decodes the text of a calendar part.
pub(super) fn calendar_text(attachment: &Attachment) -> String {
    charset::decode(&attachment.content, Some("utf-8")).text.into_owned()
}

#[cfg(test)]
mod tests;
