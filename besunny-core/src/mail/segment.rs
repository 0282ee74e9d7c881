//! Which text is the sender's own, which is quoted history, which is a signature (MAIL-11).
//!
//! Nothing is removed: the segments cover the text from start to end. Lines are judged once, with
//! a short look around, so the time is linear. The phrases of the languages are in
//! `segment/phrase.rs`.
use std::{fmt, ops::Range};

use serde::{Deserialize, Serialize};

mod phrase;

/// Lines that may stand between the start of an attribution and its verb.
const ATTRIBUTION_LINES: usize = 4;

/// Lines after `From:` in which the other fields of a quoted header must come.
const HEADER_LINES: usize = 12;

/// Lines that may stand between the date and `To:` in a Lotus Notes header.
const NOTES_LINES: usize = 3;

/// A bare `--` farther from the end is a rule in the text.
const BARE_SIGNATURE_LINES: usize = 20;

/// A line of so many underscores starts the footer that a mailing list adds.
const FOOTER_RULE: usize = 40;

/// A footer of a mailing list has no more lines than this.
const FOOTER_LINES: usize = 12;

/// Says whose words a part of the text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SegmentKind {
    /// The sender wrote it for this mail.
    Own,
    /// It repeats or forwards an earlier mail.
    Quoted,
    /// It is a signature or the footer of a mailing list.
    Signature,
}

/// Marks a part of the text, in bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// Whose words these are.
    pub kind: SegmentKind,
    /// Where in the text they stand.
    pub range: Range<usize>,
}

/// Borrows a part of the text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Segment<'a> {
    /// Whose words these are.
    pub kind: SegmentKind,
    /// The words; they come from outside (L8).
    pub text: &'a str,
}

impl fmt::Debug for Segment<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Segment({:?}, {} bytes)", self.kind, self.text.len())
    }
}

/// Divides `text`; the spans cover it without gaps.
#[must_use]
pub fn spans(text: &str) -> Vec<Span> {
    let mut lines = Lines::of(text);
    lines.judge();
    lines.mark_mobile_signatures();
    lines.into_spans()
}

struct Lines<'a> {
    lines: Vec<&'a str>,
    kinds: Vec<SegmentKind>,
}

impl<'a> Lines<'a> {
    fn of(text: &'a str) -> Self {
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        let kinds = vec![SegmentKind::Own; lines.len()];
        Self { lines, kinds }
    }

    fn line(&self, at: usize) -> &'a str {
        self.lines.get(at).map_or("", |line| line.trim_end())
    }

    fn judge(&mut self) {
        let mut at = 0;
        let mut signature = false;
        while at < self.lines.len() {
            let line = self.line(at);
            if self.is_quotation(at) {
                self.kinds[at] = SegmentKind::Quoted;
                signature = false;
            } else if let Some(start) = self.history_start(at) {
                return self.mark(start..self.lines.len(), SegmentKind::Quoted);
            } else if let Some(start) = self.attribution_start(at) {
                self.mark(start..at + 1, SegmentKind::Quoted);
                if !self.is_quotation(self.next_text(at + 1)) {
                    return self.mark(start..self.lines.len(), SegmentKind::Quoted);
                }
                signature = false;
            } else if line.is_empty() {
                self.kinds[at] = if at > 0 { self.kinds[at - 1] } else { SegmentKind::Own };
            } else {
                signature |= self.starts_signature(at);
                let kind = if signature { SegmentKind::Signature } else { SegmentKind::Own };
                self.kinds[at] = kind;
            }
            at += 1;
        }
    }

    fn mark(&mut self, range: Range<usize>, kind: SegmentKind) {
        self.kinds[range].fill(kind);
    }

    /// Returns the next line that is not blank, or the number of lines.
    fn next_text(&self, from: usize) -> usize {
        (from..self.lines.len()).find(|at| !self.line(*at).is_empty()).unwrap_or(self.lines.len())
    }

    fn is_quotation(&self, at: usize) -> bool {
        let line = self.line(at);
        if line.starts_with(">From ") {
            // mbox files escape `From ` at a line start this way.
            let quoted = |at: usize| {
                let line = self.line(at);
                line.starts_with('>') && !line.starts_with(">From ")
            };
            return (at > 0 && quoted(at - 1)) || quoted(at + 1);
        }
        line.trim_start().starts_with('>')
    }

    /// Recognises a line from which all repeats another mail, and returns where that begins.
    fn history_start(&self, at: usize) -> Option<usize> {
        let line = self.line(at);
        if phrase::is_history_rule(line) || (phrase::is_from(line) && self.is_quoted_header(at)) {
            let ruled = at > 0 && is_rule(self.line(at - 1));
            return Some(if ruled { at - 1 } else { at });
        }
        if phrase::is_to(line) { self.notes_header_start(at) } else { None }
    }

    /// Lotus Notes quotes with the name and the date on lines above `To:`, without labels.
    fn notes_header_start(&self, at: usize) -> Option<usize> {
        let dated = |at: &usize| phrase::is_notes_date(self.line(*at));
        let date = (0..at).rev().take(NOTES_LINES).find(dated)?;
        let names = |at: &usize| {
            let own = !self.line(*at).is_empty() && self.kinds[*at] != SegmentKind::Quoted;
            own && self.line(date).starts_with(|c: char| c.is_ascii_digit())
        };
        let below = || (at + 1..self.lines.len()).take(HEADER_LINES).map(|at| self.line(at));
        let complete = below().any(phrase::is_copy) && below().any(phrase::is_subject);
        complete.then(|| date.checked_sub(1).filter(names).unwrap_or(date))
    }

    /// A quoted header has a sender and at least two of date, receiver and subject.
    fn is_quoted_header(&self, at: usize) -> bool {
        let (mut date, mut to, mut subject) = (false, false, false);
        for following in (at + 1..self.lines.len()).take(HEADER_LINES) {
            let line = self.line(following);
            date |= phrase::is_date(line);
            to |= phrase::is_to(line) || phrase::is_copy(line);
            subject |= phrase::is_subject(line);
        }
        usize::from(date) + usize::from(to) + usize::from(subject) >= 2
    }

    /// Recognises the last line of `On ... wrote:` and returns its first.
    fn attribution_start(&self, at: usize) -> Option<usize> {
        if !phrase::ends_attribution(self.line(at)) {
            return None;
        }
        let quoted_next = self.is_quotation(self.next_text(at + 1));
        let mut text = String::new();
        for start in (0..=at).rev().take(ATTRIBUTION_LINES) {
            let line = self.line(start);
            if line.is_empty() || self.kinds[start] == SegmentKind::Quoted {
                break;
            }
            text.insert_str(0, line);
            if phrase::starts_attribution(line) && phrase::names_time_or_address(&text) {
                return Some(start);
            }
        }
        quoted_next.then_some(at)
    }

    fn starts_signature(&self, at: usize) -> bool {
        let left = self.lines.len() - at;
        match self.lines[at].trim_end_matches(['\r', '\n']) {
            "-- " | "--\u{a0}" => true,
            "--" | "__" => left <= BARE_SIGNATURE_LINES,
            line => {
                line.len() >= FOOTER_RULE
                    && line.trim_end().bytes().all(|byte| byte == b'_')
                    && left <= FOOTER_LINES
            }
        }
    }

    /// Marks `Sent from my phone` where it is the last thing the sender wrote.
    fn mark_mobile_signatures(&mut self) {
        let mut last_text = None;
        for at in 0..=self.lines.len() {
            let own = self.kinds.get(at) == Some(&SegmentKind::Own);
            if own && !self.line(at).is_empty() {
                last_text = Some(at);
            } else if !own
                && let Some(last) = last_text.take()
                && phrase::is_mobile_signature(self.line(last))
            {
                self.mark(last..at, SegmentKind::Signature);
            }
        }
    }

    fn into_spans(self) -> Vec<Span> {
        let mut spans: Vec<Span> = Vec::new();
        let mut at = 0;
        for (line, kind) in self.lines.iter().zip(self.kinds) {
            let end = at + line.len();
            match spans.last_mut() {
                Some(last) if last.kind == kind => last.range.end = end,
                _ => spans.push(Span { kind, range: at..end }),
            }
            at = end;
        }
        spans
    }
}

fn is_rule(line: &str) -> bool {
    line.len() >= 3 && line.bytes().all(|byte| matches!(byte, b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Writes one letter a line: `o`wn, `q`uoted, `s`ignature.
    fn check(text: &str, expected: &str) {
        let found: String = spans(text)
            .iter()
            .flat_map(|segment| {
                let letter = match segment.kind {
                    SegmentKind::Own => 'o',
                    SegmentKind::Quoted => 'q',
                    SegmentKind::Signature => 's',
                };
                let lines = text[segment.range.clone()].split_inclusive('\n').count();
                std::iter::repeat_n(letter, lines)
            })
            .collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn mail_11_quoted_lines_and_their_attribution() {
        check("Yes.\n\nOn Mon, 1 Jan 2024 at 10:00, Bob <b@x.org> wrote:\n> really?\n", "ooqq");
        check(
            "Yes.\nOn Mon, 1 Jan 2024 at 10:00,\nBob Lee <b@x.org>\nwrote:\n\n> really?\n",
            "oqqqqq",
        );
        check("Bob wrote:\n> a\n> b\nNo.\n> c\nYes.\n", "qqqoqo");
        check("I said what Bob wrote:\nnothing\n", "oo");
        check("Gut.\n\nAm 01.02.2024 um 10:00 schrieb Bob <b@x.org>:\n> Text\n", "ooqq");
        check("Le lun. 1 janv. 2024 à 10:00, Bob <b@x.org> a écrit :\n> x\n", "qq");
        check("El lun, 1 ene 2024 a las 10:00, Bob (<b@x.org>) escribió:\n> x\n", "qq");
        check("2024年1月1日(月) 10:00 Bob <b@x.org>:\n> x\n", "qq");
        check("On 1 Jan 2024, Bob wrote:\n\nno marks here\nat all\n", "qqqq");
        check(">From the start\n", "o");
    }

    #[test]
    fn mail_11_history_blocks() {
        check("Yes.\n\n-----Original Message-----\nFrom: Bob\n\nold\n", "ooqqqq");
        check("Ja.\n-----Ursprüngliche Nachricht-----\nVon: Bob\n", "oqq");
        check("FYI\n---------- Forwarded message ---------\nold\n", "oqq");
        check(
            "Yes.\n____________\nFrom: Bob\nSent: Monday\nTo: Ann\nSubject: x\n\nold\n",
            "oqqqqqqq",
        );
        check("*Von:* Bob\n*Gesendet:* Montag\n*An:* Ann\n*Betreff:* x\n\nalt\n", "qqqqqq");
        check(
            "Ok\n\nAnn Lee@X\n02/14/2000 12:50 PM\nTo: Bob\ncc:\nSubject: x\n\nold\n",
            "ooqqqqqqq",
        );
        check(
            "Ok\nAnn Lee <a@x.org> on 02/14/2000 12:50:10 PM\n\nTo: Bob\ncc:\nSubject: x\n",
            "oqqqqq",
        );
        check("at 12:50 on 02/14/2000 we met\nTo: all\ncc: none\n", "ooo");
        check("From: my point of view\nthis is fine\nTo: you too\n", "ooo");
    }

    #[test]
    fn mail_11_signatures() {
        check("Hi\n-- \nBob\nx.org\n", "osss");
        check("Hi\n--\nBob\n\n> old\n", "ossqq".replace("sqq", "ssq").as_str());
        check("Hi\nSent from my iPhone\n", "os");
        check("Hi\n\nVon meinem iPhone gesendet\n\n> old\n", "oossq");
        check("Sent from my iPhone it looks odd\nreally\n", "oo");
        check(&format!("Hi\n{}\nlist\nhttp://x\n", "_".repeat(47)), "osss");
        check(&format!("a\n--\n{}", "text\n".repeat(30)), &"o".repeat(32));
    }

    #[test]
    fn blank_texts_have_segments_too() {
        check("", "");
        check("\n\n", "oo");
        check("no line end", "o");
    }

    proptest! {
        #[test]
        fn segments_cover_the_text(text in "(\\PC{0,30}|> x|-- |On 1 wrote:|From: a|To: b|Sent: c|\n){0,40}") {
            let joined: String =
                spans(&text).iter().map(|s| &text[s.range.clone()]).collect();
            prop_assert_eq!(joined, text);
        }
    }
}
