//! Links of a mail: every http(s) URL once, in order (MAIL-12).
use std::collections::HashSet;

use memchr::{memchr, memmem};

use super::{
    caps::Caps,
    drive::DriveLink,
    flag::{Flag, Flags},
    html,
};
use crate::untrusted::Untrusted;

/// Limits one link; browsers and proxies cut near 8 KiB, tracking links stay far below.
pub(crate) const LINK_BYTES: usize = 4_096;

/// Collects links without doubles, up to a cap.
#[derive(Debug, Default)]
pub(super) struct Links {
    found: Vec<String>,
    seen: HashSet<String>,
    limit: usize,
    flags: Flags,
}

impl Links {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, ..Self::default() }
    }

    /// Adds every link that stands in `text`.
    pub(super) fn add_text(&mut self, text: &str) {
        for link in links_in(text) {
            self.add(link);
        }
    }

    /// Adds one link, for example of an `href`; other schemes are passed over.
    pub(super) fn add(&mut self, link: &str) {
        if !is_web(link) || self.seen.contains(link) {
            return;
        }
        if self.found.len() >= self.limit || link.len() > LINK_BYTES {
            self.flags.insert(Flag::LinksCut);
            return;
        }
        self.seen.insert(link.to_owned());
        self.found.push(link.to_owned());
    }

    pub(super) fn into_parts(self) -> (Vec<Untrusted<String>>, Vec<DriveLink>, Flags) {
        let mut drive: Vec<DriveLink> = Vec::new();
        let mut known = HashSet::new();
        for link in self.found.iter().filter_map(|link| DriveLink::find(link)) {
            if known.insert(link.clone()) {
                drive.push(link);
            }
        }
        (self.found.into_iter().map(Untrusted::new).collect(), drive, self.flags)
    }
}

/// Returns the links of a text that may be HTML: those that stand in it, then those a reader sees.
pub(crate) fn links_of(text: &str, caps: &Caps) -> Vec<Untrusted<String>> {
    let mut links = Links::new(caps.links);
    links.add_text(&text[..text.floor_char_boundary(caps.text_bytes)]);
    if text.contains("</") || text.contains("<br") || text.contains("href=") {
        let page = html::read(text, caps, &mut links);
        links.add_text(&page.text);
    }
    links.found.into_iter().map(Untrusted::new).collect()
}

/// Tells whether `link` is http or https with a host.
pub(super) fn is_web(link: &str) -> bool {
    let scheme = |name: &str| {
        link.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name))
            && link[name.len()..].starts_with(|c: char| c.is_alphanumeric() || c == '[')
    };
    scheme("http://") || scheme("https://")
}

/// Finds the links in plain text.
fn links_in(text: &str) -> impl Iterator<Item = &str> {
    let mut taken = 0;
    memmem::find_iter(text.as_bytes(), "://").filter_map(move |at| {
        let start = scheme_start(text, at)?;
        if start < taken {
            return None;
        }
        let link = &text[start..link_end(text, at + "://".len())];
        taken = start + link.len();
        is_web(link).then_some(link)
    })
}

fn scheme_start(text: &str, at: usize) -> Option<usize> {
    let ends_with = |name: &str| {
        let start = at.checked_sub(name.len())?;
        text.get(start..at).filter(|found| found.eq_ignore_ascii_case(name))?;
        let before = text[..start].chars().next_back();
        before.is_none_or(|c| !c.is_ascii_alphanumeric()).then_some(start)
    };
    ends_with("https").or_else(|| ends_with("http"))
}

/// Finds where a link in prose ends: punctuation after it belongs to the sentence.
fn link_end(text: &str, start: usize) -> usize {
    let rest = &text[start..];
    let end = rest.find(|c: char| !is_link_letter(c)).unwrap_or(rest.len());
    let mut link = &rest[..end];
    let count = |paren: u8| link.bytes().filter(|byte| *byte == paren).count();
    let has_closing = memchr(b')', link.as_bytes()).is_some();
    let (opened, mut closed) = if has_closing { (count(b'('), count(b')')) } else { (0, 0) };
    while let Some(last) = link.chars().next_back() {
        match last {
            ')' if closed > opened => closed -= 1,
            '.' | ',' | ';' | ':' | '!' | '?' | '\'' | '*' | ']' | '[' | '~' | '(' => {}
            _ => break,
        }
        link = &link[..link.len() - last.len_utf8()];
    }
    start + link.len()
}

fn is_link_letter(c: char) -> bool {
    if c.is_ascii() {
        c.is_ascii_graphic() && !"<>\"`{}|\\^".contains(c)
    } else {
        c.is_alphanumeric()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let mut links = Links::new(10);
        links.add_text(text);
        let (found, _, _) = links.into_parts();
        let found: Vec<String> = found.into_iter().map(Untrusted::into_exposed).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn mail_12_every_link_is_found_once() {
        check("see http://a.org/x, then HTTPS://b.org. Bye", &["http://a.org/x", "HTTPS://b.org"]);
        check("http://a.org http://a.org", &["http://a.org"]);
        check("<https://a.org/?q=1&r=2>", &["https://a.org/?q=1&r=2"]);
        check("(see http://a.org/x_(y))", &["http://a.org/x_(y)"]);
        check("(see http://a.org).", &["http://a.org"]);
        check("[x](https://a.org/b)", &["https://a.org/b"]);
        check("“https://a.org/ü”、次", &["https://a.org/ü"]);
        check("http://a.org/?u=http://b.org/", &["http://a.org/?u=http://b.org/"]);
        check("https://[::1]/x", &["https://[::1]/x"]);
    }

    #[test]
    fn mail_12_other_schemes_are_no_links() {
        check("ftp://a.org xhttp://a.org http:// https://- http//a.org javascript:x", &[]);
    }

    #[test]
    fn mail_12_links_have_caps() {
        let mut links = Links::new(1);
        links.add("https://a.org");
        links.add("https://b.org");
        let (found, _, flags) = links.into_parts();
        assert_eq!(found.len(), 1);
        assert!(flags.contains(Flag::LinksCut));
    }
}
