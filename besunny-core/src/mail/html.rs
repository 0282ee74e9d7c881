//! HTML to readable text, by the html5ever tokenizer and without a tree (MAIL-11).
//!
//! Memory is bounded by the input and time is linear: there is no recursion, the stack of open
//! elements has a cap, and a tag that is too long is cut before the tokenizer sees it
//! (`html/feed.rs`). What no reader would see is left out and flagged.
//!
//! To support one more element, give it its effect in `html/page.rs`; one more way to hide text
//! belongs into `html/style.rs`.
use super::{
    caps::Caps,
    drive::DriveLink,
    flag::{Flag, Flags},
    link::Links,
};
use crate::untrusted::Untrusted;

mod colour;
mod feed;
mod layout;
mod look;
mod page;
mod sheet;
mod style;

/// Holds what an HTML body says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HtmlText {
    /// The visible text.
    pub text: Untrusted<String>,
    /// Each http(s) link once, in order.
    pub links: Vec<Untrusted<String>>,
    /// The Google Drive links among them.
    pub drive_links: Vec<DriveLink>,
    /// What was removed or cut.
    pub flags: Flags,
}

/// Converts HTML to the text that a reader would see.
#[must_use]
pub fn html_to_text(html: &str, caps: &Caps) -> HtmlText {
    let mut links = Links::new(caps.links);
    let page = read(html, caps, &mut links);
    links.add_text(&page.text);
    let (links, drive_links, link_flags) = links.into_parts();
    let mut flags = page.flags;
    flags.extend(link_flags);
    HtmlText { text: page.text.into(), links, drive_links, flags }
}

/// Visible text and what was removed or cut.
pub(super) struct Visible {
    pub(super) text: String,
    pub(super) flags: Flags,
}

/// Reads `html` up to the cap; its links go to `links`.
pub(super) fn read(html: &str, caps: &Caps, links: &mut Links) -> Visible {
    let kept = &html[..html.floor_char_boundary(caps.html_bytes.min(html.len()))];
    let page = page::Page::new(caps.text_bytes, std::mem::take(links));
    let (visible, found) = feed::feed(kept, page).finish();
    *links = found;
    let mut visible = visible;
    if kept.len() < html.len() {
        visible.flags.insert(Flag::HtmlCut);
    }
    visible
}

#[cfg(test)]
mod tests;
