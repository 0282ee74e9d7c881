//! Characters that no reader sees but that a model reads.
//!
//! Joiners and marks that writing systems need stay: a joiner between letters or emoji, one
//! variation selector after a character, tags that follow a flag.
use std::borrow::Cow;

use super::flag::{Flag, Flags};

/// Text without invisible characters.
#[derive(Debug)]
pub(crate) struct Clean<'a> {
    pub(crate) text: Cow<'a, str>,
    pub(super) flags: Flags,
}

/// Removes invisible and control characters; line ends become LF.
pub(crate) fn clean(text: &str) -> Clean<'_> {
    let Some(first) = text.bytes().position(|byte| SUSPECT[byte as usize]) else {
        return Clean { text: Cow::Borrowed(text), flags: Flags::default() };
    };
    let first = text.floor_char_boundary(first);
    let mut out = String::with_capacity(text.len());
    out.push_str(&text[..first]);
    let mut flags = Flags::default();
    let mut cleaner = Cleaner { last: out.chars().next_back(), selected: false, in_flag: false };
    let mut rest = &text[first..];
    while let Some(c) = rest.chars().next() {
        let plain = rest.bytes().position(|byte| SUSPECT[byte as usize]).unwrap_or(rest.len());
        // Whatever is suspect begins a character, so the run ends where one does.
        let (run, tail) = rest.split_at(plain);
        if let Some(last) = run.chars().next_back() {
            cleaner.keep(last);
            out.push_str(run);
            rest = tail;
            continue;
        }
        rest = &rest[c.len_utf8()..];
        match cleaner.judge(c, rest.chars().next()) {
            Judgement::Keep => out.push(c),
            Judgement::LineEnd => out.push('\n'),
            Judgement::DropQuietly => {}
            Judgement::Drop => flags.insert(Flag::InvisibleCharactersRemoved),
        }
    }
    Clean { text: Cow::Owned(out), flags }
}

/// Marks the control bytes, and the lead bytes of all that is removed or changed.
const SUSPECT: [bool; 256] = suspect_bytes();

const fn suspect_bytes() -> [bool; 256] {
    let mut suspect = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        suspect[byte] = (byte < 0x20 && byte != 9 && byte != 10) || byte == 0x7f;
        byte += 1;
    }
    // Of U+0080, 034F, 061C, 1100, 2000, 3164, FE00, FFA0, 1D173 and E0000, and their neighbours.
    let leads = [0xc2, 0xcd, 0xd8, 0xe1, 0xe2, 0xe3, 0xef, 0xf0, 0xf3];
    let mut at = 0;
    while at < leads.len() {
        suspect[leads[at]] = true;
        at += 1;
    }
    suspect
}

enum Judgement {
    Keep,
    LineEnd,
    /// Carries no text and hides none, like the CR of CRLF.
    DropQuietly,
    Drop,
}

struct Cleaner {
    /// The last character that stays, apart from selectors.
    last: Option<char>,
    /// Whether a selector for it stays too.
    selected: bool,
    /// Within the tag letters that follow U+1F3F4, as in the flag of Wales.
    in_flag: bool,
}

impl Cleaner {
    fn judge(&mut self, c: char, next: Option<char>) -> Judgement {
        let judgement = self.decide(c, next);
        if matches!(judgement, Judgement::Keep) {
            self.keep(c);
        }
        judgement
    }

    fn keep(&mut self, c: char) {
        self.in_flag = c == '\u{1f3f4}' || (self.in_flag && is_tag(c) && c != '\u{e007f}');
        self.selected = is_selector(c);
        if !self.selected {
            self.last = Some(c);
        }
    }

    fn decide(&self, c: char, next: Option<char>) -> Judgement {
        match c {
            '\r' if next == Some('\n') => Judgement::DropQuietly,
            '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => Judgement::LineEnd,
            '\u{feff}' if self.last.is_none() => Judgement::DropQuietly,
            '\u{200c}' | '\u{200d}' if self.joins(next) => Judgement::Keep,
            '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}' if self.selects(c) => {
                Judgement::Keep
            }
            _ if is_tag(c) && self.in_flag => Judgement::Keep,
            _ if is_invisible(c) => Judgement::Drop,
            _ => Judgement::Keep,
        }
    }

    /// A joiner is part of the writing between two letters beyond Latin, or between emoji.
    fn joins(&self, next: Option<char>) -> bool {
        let joinable = |c: char| c >= '\u{0590}' && !c.is_whitespace() && !is_invisible(c);
        self.last.is_some_and(joinable) && next.is_some_and(joinable)
    }

    /// A variation selector belongs to the one visible character before it.
    fn selects(&self, selector: char) -> bool {
        let Some(last) = self.last.filter(|last| !last.is_whitespace() && !self.selected) else {
            return false;
        };
        let ideograph = ('\u{3400}'..='\u{9fff}').contains(&last) || last >= '\u{20000}';
        selector <= '\u{fe0f}' || (ideograph && !is_tag(last))
    }
}

fn is_selector(c: char) -> bool {
    matches!(c, '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}')
}

fn is_tag(c: char) -> bool {
    matches!(c, '\u{e0000}'..='\u{e007f}')
}

/// Tells whether `c` shows nothing and is no plain white space.
pub(super) fn is_invisible(c: char) -> bool {
    matches!(c,
        '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{7f}'..='\u{9f}'
        | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff9}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
        || is_selector(c)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, expected: &str, flagged: bool) {
        let clean = clean(text);
        let got = (&*clean.text, clean.flags.contains(Flag::InvisibleCharactersRemoved));
        assert_eq!(got, (expected, flagged), "{text:?}");
    }

    #[test]
    fn c7_invisible_characters_are_removed_and_flagged() {
        check("pay\u{200b}pal", "paypal", true);
        check("a\u{202e}exe.gpj", "aexe.gpj", true);
        check("hi\u{e0049}\u{e0067}\u{e006e}", "hi", true);
        check("a\u{fe01}\u{fe02}\u{fe03}b", "a\u{fe01}b", true);
        check("a\u{e0101}b", "ab", true);
        check("a\0b\u{1b}[31m", "ab[31m", true);
        check("a\u{ad}b\u{34f}c\u{3164}", "abc", true);
    }

    #[test]
    fn writing_keeps_what_it_needs() {
        check("plain\ttext\n", "plain\ttext\n", false);
        check("a\r\nb\rc\u{2028}d", "a\nb\nc\nd", false);
        check("\u{feff}mark", "mark", false);
        check("👩\u{200d}💻 ok", "👩\u{200d}💻 ok", false);
        check("می\u{200c}خواهم", "می\u{200c}خواهم", false);
        check("❤\u{fe0f}\u{200d}🔥", "❤\u{fe0f}\u{200d}🔥", false);
        let wales = "🏴\u{e0067}\u{e0062}\u{e0077}\u{e006c}\u{e0073}\u{e007f}";
        check(wales, wales, false);
        check("葛\u{e0100}城", "葛\u{e0100}城", false);
    }

    #[test]
    fn joiners_in_latin_text_are_hidden_text() {
        check("a\u{200d}b\u{200c} c", "ab c", true);
        check("🏴\u{e0067}\u{e007f}\u{e0049}", "🏴\u{e0067}\u{e007f}", true);
    }

    proptest! {
        #[test]
        fn cleaning_twice_changes_nothing(text in "\\PC*|[\\x00-\\u{2fff}\\u{e0000}-\\u{e01ff}]*") {
            let once = clean(&text).text.into_owned();
            prop_assert_eq!(&*clean(&once).text, once.as_str());
        }
    }
}
