//! Address lists: names, addresses, groups, comments, quoted parts (RFC 5322 3.4).
//!
//! The parser is tolerant, since a lost recipient is a lost mail, but it remembers whether it had
//! to be: [`Mailbox::parse`] accepts only what the grammar allows. `mail-parser` takes a quoted
//! local part for a name and a comment for a part of the address, hence our own.
use serde::{Deserialize, Serialize};

use self::lexer::{Lexer, Token};
use super::{flag::Flags, word};
use crate::untrusted::Untrusted;

mod lexer;

/// Names one sender or receiver as the mail gives it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Mailbox {
    /// The display name, decoded; a comment when there is no name.
    pub name: Option<Untrusted<String>>,
    /// The address without comments and needless quotes; empty when there is none.
    pub address: Untrusted<String>,
}

impl Mailbox {
    /// Parses exactly one mailbox; anything beyond the grammar is refused.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut list = List::parse(text);
        let mailbox = list.mailboxes.pop()?;
        (list.mailboxes.is_empty() && !list.tolerated).then_some(mailbox)
    }

    /// Parses an address list as it stands in `To` or `Cc`, unfolded; groups are flattened.
    #[must_use]
    pub fn parse_list(text: &str) -> Vec<Self> {
        List::parse(text).mailboxes
    }
}

/// The mailboxes of one header field.
#[derive(Debug, Default)]
pub(super) struct List {
    pub(super) mailboxes: Vec<Mailbox>,
    pub(super) flags: Flags,
    /// Whether the text strays from the grammar.
    tolerated: bool,
}

impl List {
    pub(super) fn parse(text: &str) -> Self {
        let mut lexer = Lexer::new(text);
        let mut list = Self::default();
        let mut entry = Entry::default();
        let mut in_group = false;
        while let Some(token) = lexer.next_token() {
            match token {
                Token::Comma => list.finish(&mut entry),
                Token::Semicolon => {
                    list.tolerated |= !in_group;
                    in_group = false;
                    list.finish(&mut entry);
                }
                Token::Colon if !in_group && entry.is_phrase() => {
                    in_group = true;
                    entry = Entry::default();
                }
                Token::Colon => entry.push_stray(':'),
                Token::Angle(inner) => {
                    if entry.address.is_some() {
                        list.tolerated = true;
                        list.finish(&mut entry);
                    }
                    entry.push_angle(inner);
                }
                Token::Comment(comment) => entry.comments.push(comment),
                Token::Word(word) => {
                    if entry.address.is_some() {
                        list.tolerated = true;
                        list.finish(&mut entry);
                    }
                    entry.words.push(word);
                }
            }
        }
        list.finish(&mut entry);
        list.tolerated |= lexer.tolerated || in_group;
        list
    }

    fn finish(&mut self, entry: &mut Entry) {
        let entry = std::mem::take(entry);
        self.tolerated |= entry.tolerated;
        match entry.address {
            Some(address) => {
                let name = join_phrase(&entry.words, &mut self.flags);
                self.push(name, &entry.comments, address);
            }
            None => self.finish_bare(&entry),
        }
    }

    /// Finishes an entry without angle brackets: `bob@x.org`, or several with the commas missing.
    fn finish_bare(&mut self, entry: &Entry) {
        let mut phrase_start = 0;
        for (start, end) in bare_addresses(&entry.words) {
            let name = join_phrase(&entry.words[phrase_start..start], &mut self.flags);
            self.tolerated |=
                name.is_some() || phrase_start > 0 || !is_addr_spec(&entry.words[start..end]);
            let address = spell_address(&entry.words[start..end]);
            self.push(name, &entry.comments, address);
            phrase_start = end;
        }
        let rest = &entry.words[phrase_start..];
        if phrase_start > 0 {
            self.tolerated |= !rest.is_empty();
        } else if let [word] = rest
            && !word.quoted
            && !word.text.starts_with("=?")
        {
            self.tolerated = true;
            self.push(None, &entry.comments, word.text.clone());
        } else if let Some(name) = join_phrase(rest, &mut self.flags) {
            self.tolerated = true;
            self.push(Some(name), &entry.comments, String::new());
        }
    }

    fn push(&mut self, name: Option<String>, comments: &[String], address: String) {
        let name = name.or_else(|| {
            let words = word::decode(comments.first()?.trim());
            self.flags.extend(words.flags);
            Some(words.text.into_owned())
        });
        let name = name.map(|name| clean_name(&name)).filter(|name| !name.is_empty());
        if name.is_some() || !address.is_empty() {
            let mailbox = Mailbox { name: name.map(Untrusted::new), address: address.into() };
            self.mailboxes.push(mailbox);
        }
    }
}

/// Reads the raw value of an address field.
pub(super) fn read_list(value: &[u8]) -> List {
    let decoded = super::field::unfold(value);
    let mut list = List::parse(&decoded.text);
    list.flags.extend(decoded.flags);
    list
}

/// One word of a phrase or address, with what stood before it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Word {
    text: String,
    quoted: bool,
    /// Whether white space or a comment comes before it.
    spaced: bool,
}

#[derive(Default)]
struct Entry {
    words: Vec<Word>,
    comments: Vec<String>,
    address: Option<String>,
    tolerated: bool,
}

impl Entry {
    fn is_phrase(&self) -> bool {
        self.address.is_none()
            && !self.words.is_empty()
            && !self.words.iter().any(|word| word.is_at_sign() || word.text.starts_with('@'))
    }

    fn push_stray(&mut self, c: char) {
        self.tolerated = true;
        self.words.push(Word { text: c.to_string(), quoted: false, spaced: false });
    }

    fn push_angle(&mut self, inner: &str) {
        let inner = inner.trim();
        let inner = inner.strip_prefix("mailto:").unwrap_or(inner);
        // A source route, obsolete since RFC 2822: `<@a.org,@b.org:bob@c.org>`.
        let inner = match inner.split_once(':') {
            Some((route, rest)) if route.starts_with('@') => rest,
            _ => inner,
        };
        let mut lexer = Lexer::new(inner);
        let mut words = Vec::new();
        while let Some(token) = lexer.next_token() {
            match token {
                Token::Word(word) => words.push(word),
                Token::Comment(comment) => self.comments.push(comment),
                Token::Comma | Token::Semicolon | Token::Colon | Token::Angle(_) => {
                    self.tolerated = true;
                }
            }
        }
        self.tolerated |= lexer.tolerated || !is_addr_spec(&words);
        self.address = Some(spell_address(&words));
    }
}

impl Word {
    fn is_at_sign(&self) -> bool {
        !self.quoted && self.text == "@"
    }
}

/// Tells whether the words are one `local@domain`, without a gap inside a part.
fn is_addr_spec(words: &[Word]) -> bool {
    matches!(words, [local, at, domain]
        if !local.is_at_sign() && at.is_at_sign() && !domain.is_at_sign() && !domain.quoted)
}

/// Finds the runs of words around each `@`; RFC 5322 4.4 allows space beside it.
fn bare_addresses(words: &[Word]) -> Vec<(usize, usize)> {
    let mut found: Vec<(usize, usize)> = Vec::new();
    for at in 0..words.len() {
        let taken = found.last().map_or(0, |last| last.1);
        if !words[at].is_at_sign() || at <= taken || at + 1 == words.len() {
            continue;
        }
        let mut start = at - 1;
        while start > taken && !words[start].spaced {
            start -= 1;
        }
        let mut end = at + 2;
        while words.get(end).is_some_and(|word| !word.spaced) {
            end += 1;
        }
        found.push((start, end));
    }
    found
}

/// Writes an address; what is not of the grammar keeps its quotes and gaps, so that it cannot
/// become another, valid address.
fn spell_address(words: &[Word]) -> String {
    let whole = is_addr_spec(words);
    let mut address = String::new();
    for word in words {
        // White space is allowed beside a dot and the at sign only (RFC 5322 4.4).
        let joined = address.is_empty()
            || address.ends_with(['.', '@'])
            || word.text.starts_with(['.', '@']);
        if word.spaced && !joined {
            address.push(' ');
        }
        if word.quoted && !(whole && is_dot_atom(&word.text)) {
            push_quoted(&word.text, &mut address);
        } else {
            address.push_str(&word.text);
        }
    }
    address
}

fn push_quoted(text: &str, address: &mut String) {
    address.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            address.push('\\');
        }
        address.push(c);
    }
    address.push('"');
}

fn is_dot_atom(text: &str) -> bool {
    !text.is_empty()
        && text.split('.').all(|atom| !atom.is_empty() && atom.chars().all(lexer::is_atom_letter))
}

fn join_phrase(words: &[Word], flags: &mut Flags) -> Option<String> {
    if words.is_empty() {
        return None;
    }
    let mut phrase = String::new();
    for word in words {
        if word.spaced && !phrase.is_empty() {
            phrase.push(' ');
        }
        phrase.push_str(&word.text);
    }
    let decoded = word::decode(&phrase);
    flags.extend(decoded.flags);
    Some(decoded.text.into_owned())
}

fn clean_name(name: &str) -> String {
    let mut clean = String::with_capacity(name.len());
    for word in name.split_whitespace() {
        if !clean.is_empty() {
            clean.push(' ');
        }
        clean.push_str(word);
    }
    super::invisible::clean(&clean).text.into_owned()
}

#[cfg(test)]
mod tests;
