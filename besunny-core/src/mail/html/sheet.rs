//! Style sheets: the simple rules by which a class, an id or an element is hidden.
//!
//! Only selectors of one element, class or id are understood. Rules inside `@media` count when
//! they hold for every screen. Others are passed over; if they paint backgrounds, nothing is
//! known of the background any more.
use std::collections::HashMap;

use memchr::{memchr, memchr2};

use super::style::{Background, Declarations, Style};

/// Limits the source that is read of all style sheets of a mail.
const SHEET_BYTES: usize = 256 * 1_024;

/// Limits the classes of one element that are looked up.
const CLASSES: usize = 16;

/// The rules of all style sheets seen so far.
#[derive(Debug, Default)]
pub(super) struct Sheet {
    /// By selector: `td`, `.class`, `td.class`, `#id` or `td#id`.
    rules: HashMap<String, Declarations>,
    bytes: usize,
    /// Whether a rule that was not understood paints a background.
    pub(super) paints_unknown: bool,
}

impl Sheet {
    /// Adds the content of a `style` element.
    pub(super) fn add(&mut self, source: &str) {
        let left = SHEET_BYTES - self.bytes;
        let source = &source[..source.floor_char_boundary(left.min(source.len()))];
        self.bytes += source.len();
        self.add_rules(source, Nesting::Outer);
    }

    fn add_rules(&mut self, source: &str, nesting: Nesting) {
        let mut rest = source;
        loop {
            rest = skip_comments(rest);
            let Some(at) = memchr2(b'{', b';', rest.as_bytes()) else { return };
            let (prelude, block) = rest.split_at(at);
            if let Some(after) = block.strip_prefix(';') {
                rest = after;
                continue;
            }
            let end = block_end(block);
            let inner = &block[1..end];
            let prelude = prelude.trim().trim_start_matches('}').trim();
            if let Some(condition) = prelude.strip_prefix("@media") {
                if nesting == Nesting::Outer && holds_on_every_screen(condition) {
                    self.add_rules(inner, Nesting::Media);
                }
            } else if !prelude.starts_with('@') {
                self.add_rule(prelude, inner);
            }
            rest = block.get(end + 1..).unwrap_or_default();
        }
    }

    fn add_rule(&mut self, selectors: &str, block: &str) {
        let declarations = Declarations::parse(block);
        if declarations == Declarations::default() {
            return;
        }
        for selector in selectors.split(',').map(str::trim) {
            if let Some(selector) = simple_selector(selector) {
                let known = self.rules.entry(selector).or_default();
                *known = declarations.over(*known);
            } else {
                self.paints_unknown |= declarations.normal.background.is_some()
                    || declarations.important.background.is_some();
            }
        }
    }

    /// Returns what the sheets and the element's own `style` declare for it.
    pub(super) fn style_of(&self, element: &str, class: &str, id: &str, own: &str) -> Style {
        let own = if own.is_empty() { Declarations::default() } else { Declarations::parse(own) };
        if self.rules.is_empty() {
            return own.important.over(own.normal);
        }
        let mut sheet = self.rules.get(element).copied().unwrap_or_default();
        for class in class.split_ascii_whitespace().take(CLASSES) {
            self.lay(&format!(".{class}"), element, &mut sheet);
        }
        if !id.is_empty() {
            self.lay(&format!("#{id}"), element, &mut sheet);
        }
        let normal = own.normal.over(sheet.normal);
        own.important.over(sheet.important).over(normal)
    }

    fn lay(&self, mark: &str, element: &str, sheet: &mut Declarations) {
        let for_any = self.rules.get(mark);
        let for_element = self.rules.get(&format!("{element}{mark}"));
        for declarations in [for_any, for_element].into_iter().flatten() {
            *sheet = declarations.over(*sheet);
        }
    }

    /// Tells whether a colour behind all text can be trusted to be the default white.
    pub(super) fn leaves_page_white(&self) -> bool {
        !self.paints_unknown
            && !self
                .rules
                .values()
                .any(|declarations| declarations.normal.background == Some(Background::Unknown))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Nesting {
    Outer,
    Media,
}

fn skip_comments(mut rest: &str) -> &str {
    loop {
        rest = rest.trim_start();
        let markers = ["<!--", "-->"];
        if let Some(after) = markers.iter().find_map(|marker| rest.strip_prefix(marker)) {
            rest = after;
        } else if let Some(comment) = rest.strip_prefix("/*") {
            rest = comment.split_once("*/").map_or("", |(_, after)| after);
        } else {
            return rest;
        }
    }
}

/// Returns the offset of the brace that closes the block.
///
/// Without one the block reaches to the end.
fn block_end(block: &str) -> usize {
    let bytes = block.as_bytes();
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(found) = memchr2(b'{', b'}', &bytes[at..]) {
        at += found;
        if bytes[at] == b'{' {
            depth += 1;
        } else {
            depth -= 1;
        }
        if depth == 0 {
            return at;
        }
        at += 1;
    }
    block.len()
}

fn holds_on_every_screen(condition: &str) -> bool {
    let condition = condition.trim().to_ascii_lowercase();
    matches!(condition.as_str(), "" | "all" | "screen" | "only screen")
}

/// Normalises a selector such as `td.hidden`; combined ones give none.
fn simple_selector(selector: &str) -> Option<String> {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let mark = memchr2(b'.', b'#', selector.as_bytes());
    let (element, key) = selector.split_at(mark.unwrap_or(selector.len()));
    let name = key.get(1..).unwrap_or_default();
    if !element.bytes().all(letter) || !name.bytes().all(letter) {
        return None;
    }
    let element = element.to_ascii_lowercase();
    let complete = if mark.is_some() { !name.is_empty() } else { !element.is_empty() };
    complete.then(|| element + key)
}

/// Tells whether `source` has any rule at all; an empty sheet costs nothing.
pub(super) fn has_rules(source: &str) -> bool {
    memchr(b'{', source.as_bytes()).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(css: &str, class: &str, own: &str, hidden: bool) {
        let mut sheet = Sheet::default();
        sheet.add(css);
        let style = sheet.style_of("td", class, "x", own);
        assert_eq!(style.hides_content(), hidden, "{css}");
    }

    #[test]
    fn c7_rules_that_hide_are_found() {
        check(".h{display:none}", "a h", "", true);
        check("<!-- .h , p {display:none} -->", "h", "", true);
        check("/* x */ td.h { display : none !important }", "h", "display:block", true);
        check("#x{display:none}", "", "", true);
        check("td{display:none}", "", "", true);
        check("@media all{.h{display:none}}", "h", "", true);
        check("@import url(x); .h{display:none}", "h", "", true);
        check("@font-face{font-family:x} .h{display:none", "h", "", true);
    }

    #[test]
    fn other_rules_hide_nothing() {
        check(".h{display:none}", "b", "", false);
        check("p.h{display:none}", "h", "", false);
        check(".h{display:none}", "h", "display:block", false);
        check("@media (max-width:600px){.h{display:none}} .b{color:red}", "h b", "", false);
        check("div .h{display:none}", "h", "", false);
        check(".h:hover{display:none}", "h", "", false);
        check("}}}{", "h", "", false);
    }

    #[test]
    fn unknown_backgrounds_are_remembered() {
        let mut sheet = Sheet::default();
        assert!(sheet.leaves_page_white());
        sheet.add(".a .b{background:#000}");
        assert!(!sheet.leaves_page_white());
    }
}
