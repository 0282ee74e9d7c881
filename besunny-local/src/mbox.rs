//! Mailbox files (RFC 4155 and its cousins): one mail after the other, parted by `From ` lines.
//!
//! A separator is a line that begins with `From `, stands at the start or after an empty line, and
//! has a time and a year in it; writers that do not quote `From ` in bodies are common, and a
//! sentence rarely has both. `>From ` in a body stands for `From ` (mboxrd,
//! <https://www.loc.gov/preservation/digital/formats/fdd/fdd000385.shtml>).
//!
//! Mailboxes joined by hand lack empty lines, and some writers leave out the date. So a line also is
//! a separator if a field of a header (RFC 5322, 2.2) follows it, and it either has all of a date
//! (RFC 4155: that of `asctime`), or stands after an empty line and names one sender and no more.
//! What comes before the first separator is a mail too, but for a byte order mark (RFC 3629, 6).
use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::Path,
};

use besunny_core::mail::ContentHash;

use crate::index::{self, Index, Indexed, Names, Place};

/// The file is read in pieces of this size.
const BUFFER: usize = 1 << 20;
/// A line is judged by its beginning of this size; RFC 5322 allows lines 998 bytes.
const LINE: u64 = 4 << 10;
/// A file in UTF-8 may begin with this mark (RFC 3629, 6).
const MARK: &[u8] = b"\xef\xbb\xbf";
const DAYS: [&[u8]; 7] = [b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat", b"Sun"];
const MONTHS: [&[u8]; 12] = [
    b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec",
];

/// Lists the mails of the mailbox file at `path`.
pub(crate) fn index(path: &Path) -> io::Result<Index> {
    let fingerprint = index::look(path)?;
    let file = File::open(path)?;
    let mut reader = BufReader::with_capacity(BUFFER, file.try_clone()?);
    let mails = split(&mut reader)?;
    Ok(Index::new(fingerprint, mails, Some(file)))
}

/// Hashes a mail of a mailbox as it is listed, without its quotes.
pub(crate) fn hashed(mut mail: impl BufRead) -> io::Result<[u8; 32]> {
    let mut hash = ContentHash::default();
    let mut line = Line::default();
    while line.next(&mut mail)? {
        hash.update(line.unquoted());
    }
    Ok(hash.finish())
}

/// A line, or a piece of one that is longer than [`LINE`].
#[derive(Default)]
struct Line {
    bytes: Vec<u8>,
    is_inside: bool,
}

impl Line {
    /// Reads the next piece; `false` at the end.
    fn next(&mut self, reader: &mut impl BufRead) -> io::Result<bool> {
        self.is_inside = self.bytes.last().is_some_and(|last| *last != b'\n');
        self.bytes.clear();
        reader.by_ref().take(LINE).read_until(b'\n', &mut self.bytes)?;
        Ok(!self.bytes.is_empty())
    }

    fn length(&self) -> io::Result<u64> {
        u64::try_from(self.bytes.len()).map_err(io::Error::other)
    }

    fn is_blank(&self) -> bool {
        !self.is_inside && matches!(&self.bytes[..], b"\n" | b"\r\n")
    }

    fn is_field(&self) -> bool {
        !self.is_inside && is_field(&self.bytes)
    }

    /// Says whether it parts two mails; a line that is longer than [`LINE`] does not.
    fn parting(&self, after_blank: bool) -> io::Result<Parting> {
        let is_whole = self.bytes.ends_with(b"\n") || self.length()? < LINE;
        let is_candidate = !self.is_inside && is_whole;
        Ok(if is_candidate { parting(&self.bytes, after_blank) } else { Parting::No })
    }

    fn unquoted(&self) -> &[u8] {
        if self.is_inside { &self.bytes } else { unquoted_line(&self.bytes) }
    }
}

/// Whether a line parts two mails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Parting {
    Yes,
    /// If a field of a header follows.
    BeforeField,
    No,
}

/// A mail whose end has not been reached.
struct Open {
    offset: u64,
    length: u64,
    /// The length of the empty line it ends with so far, which belongs to the mailbox.
    blank: u64,
    hash: ContentHash,
    /// Whether anything but white space is in it.
    has_text: bool,
}

impl Open {
    fn at(offset: u64) -> Self {
        let hash = ContentHash::default();
        Self { offset, length: 0, blank: 0, hash, has_text: false }
    }

    fn add(&mut self, line: &Line) -> io::Result<()> {
        let length = line.length()?;
        self.length += length;
        self.blank = if line.is_blank() { length } else { 0 };
        self.hash.update(line.unquoted());
        self.has_text |= !line.bytes.iter().all(u8::is_ascii_whitespace);
        Ok(())
    }

    /// Ends the mail; nothing in front of a mailbox is no mail.
    fn close(self, is_first: bool, names: &mut Names) -> Option<Indexed> {
        let Self { offset, length, blank, hash, has_text } = self;
        if length == 0 || is_first && !has_text {
            return None;
        }
        let place = Place::Stretch { offset, length: length - blank, quoted: true };
        Some(Indexed { id: names.next(hash.finish()), place })
    }
}

/// Parts a mailbox into mails; what has no separator at all is no mailbox and has none.
fn split(reader: &mut impl BufRead) -> io::Result<Vec<Indexed>> {
    let (mut mails, mut names) = (Vec::new(), Names::default());
    let mut at = skip_mark(reader)?;
    let (mut open, mut is_first, mut after_blank) = (Open::at(at), true, true);
    let (mut line, mut held) = (Line::default(), None::<Line>);
    let mut part = |open: &mut Open, offset| {
        let done = std::mem::replace(open, Open::at(offset));
        mails.extend(done.close(is_first, &mut names));
        is_first = false;
    };
    while line.next(reader)? {
        match held.take() {
            Some(_) if line.is_field() => part(&mut open, at),
            Some(held) => open.add(&held)?,
            None => {}
        }
        at += line.length()?;
        let parting = line.parting(after_blank)?;
        after_blank = line.is_blank();
        match parting {
            Parting::Yes => part(&mut open, at),
            Parting::BeforeField => held = Some(std::mem::take(&mut line)),
            Parting::No => open.add(&line)?,
        }
    }
    if let Some(held) = held {
        open.add(&held)?;
    }
    if !is_first {
        mails.extend(open.close(is_first, &mut names));
    }
    Ok(mails)
}

/// Passes over a byte order mark; returns how long it is.
fn skip_mark(reader: &mut impl BufRead) -> io::Result<u64> {
    let length = if reader.fill_buf()?.starts_with(MARK) { MARK.len() } else { 0 };
    reader.consume(length);
    u64::try_from(length).map_err(io::Error::other)
}

fn parting(line: &[u8], after_blank: bool) -> Parting {
    let Some(rest) = line.strip_prefix(b"From ") else { return Parting::No };
    let (mut count, mut found) = (0, Date::default());
    for word in rest.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()) {
        count += 1;
        found.take_in(word);
    }
    if after_blank && found.time && found.year {
        return Parting::Yes;
    }
    if found == Date::WHOLE || after_blank && count == 1 {
        return Parting::BeforeField;
    }
    Parting::No
}

/// Which parts of a date have been found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each part of a date is there or not")]
struct Date {
    weekday: bool,
    month: bool,
    day: bool,
    time: bool,
    year: bool,
}

impl Date {
    const WHOLE: Self = Self { weekday: true, month: true, day: true, time: true, year: true };

    fn take_in(&mut self, word: &[u8]) {
        let name = word.strip_suffix(b",").unwrap_or(word);
        let is_number = word.iter().all(u8::is_ascii_digit);
        self.weekday |= DAYS.contains(&name);
        self.month |= MONTHS.contains(&name);
        self.day |= is_number && matches!(word.len(), 1 | 2);
        self.time |= is_time(word);
        self.year |= is_number && word.len() == 4;
    }
}

/// Says whether a line begins a field of a header (RFC 5322, 2.2), and no address of a page.
fn is_field(line: &[u8]) -> bool {
    let Some(colon) = line.iter().position(|byte| *byte == b':') else { return false };
    let (name, value) = line.split_at(colon);
    !name.is_empty() && name.iter().all(u8::is_ascii_graphic) && !value.starts_with(b"://")
}

/// Says whether a word is a time of day: `9:30`, `09:30:00`.
fn is_time(word: &[u8]) -> bool {
    let mut parts = word.split(|byte| *byte == b':');
    let is_number =
        |part: &[u8]| matches!(part.len(), 1..=2) && part.iter().all(u8::is_ascii_digit);
    let count = parts.clone().count();
    matches!(count, 2..=3) && parts.all(is_number)
}

/// Takes one `>` off a quoted `From ` line.
fn unquoted_line(line: &[u8]) -> &[u8] {
    let judged = usize::try_from(LINE).map_or(line, |length| &line[..line.len().min(length)]);
    let quotes = judged.iter().take_while(|byte| **byte == b'>').count();
    if quotes > 0 && judged[quotes..].starts_with(b"From ") { &line[1..] } else { line }
}

/// Takes one `>` off every quoted `From ` line.
pub(crate) fn unquoted(raw: Vec<u8>) -> Vec<u8> {
    if !raw.windows(6).any(|window| window == b">From ") {
        return raw;
    }
    let mut clean = Vec::with_capacity(raw.len());
    for line in raw.split_inclusive(|byte| *byte == b'\n') {
        clean.extend_from_slice(unquoted_line(line));
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    const FROM: &str = "From bob@example.org Mon Jun  1 09:30:00 2026";

    fn check(mbox: &str, want: &[&str]) {
        let mails = split(&mut mbox.as_bytes()).unwrap();
        let got: Vec<String> = mails
            .iter()
            .map(|mail| match &mail.place {
                Place::Stretch { offset, length, .. } => {
                    let (offset, length) =
                        (usize::try_from(*offset).unwrap(), usize::try_from(*length).unwrap());
                    let raw = mbox.as_bytes()[offset..offset + length].to_vec();
                    String::from_utf8(unquoted(raw)).unwrap()
                }
                Place::File(_) | Place::Delivered { .. } | Place::Strange { .. } => {
                    panic!("no stretch: {mail:?}")
                }
            })
            .collect();
        assert_eq!(got, want, "{mbox:?}");
    }

    #[test]
    fn mails_are_parted_by_from_lines_after_an_empty_line() {
        check("", &[]);
        check(&format!("{FROM}\nA: 1\n\nx\n"), &["A: 1\n\nx\n"]);
        check(&format!("{FROM}\nA: 1\n\n{FROM}\nB: 2\n"), &["A: 1\n", "B: 2\n"]);
        check(&format!("{FROM}\r\nA: 1\r\n\r\n{FROM}\r\nB: 2"), &["A: 1\r\n", "B: 2"]);
        check(&format!("{FROM}\nA: 1\n{FROM}\nx\n"), &[&format!("A: 1\n{FROM}\nx\n")]);
    }

    #[test]
    fn from_in_a_body_parts_nothing_and_is_unquoted() {
        check(&format!("{FROM}\nA: 1\n\nFrom here on\n"), &["A: 1\n\nFrom here on\n"]);
        check(&format!("{FROM}\nA: 1\n\n>From x\n>>From y\n"), &["A: 1\n\nFrom x\n>From y\n"]);
        check("From - Mon Jun  1 09:30:00 2026\nA: 1\n", &["A: 1\n"]);
        check("From 17@xxx Mon Jun 01 09:30:00 +0000 2026\nA: 1\n", &["A: 1\n"]);
    }

    #[test]
    fn what_is_no_mailbox_has_no_mails() {
        check("A: 1\n\nx\n", &[]);
        check("From here on\nx\n", &[]);
    }

    #[test]
    fn separators_without_an_empty_line_or_a_date_part_mails_before_a_header() {
        check(&format!("{FROM}\nA: 1\n\nx\n{FROM}\nB: 2\n"), &["A: 1\n\nx\n", "B: 2\n"]);
        check(&format!("{FROM}\nA: 1\n \n{FROM}\nB: 2\n"), &["A: 1\n \n", "B: 2\n"]);
        check(&format!("{FROM}\r\nA: 1\r\n{FROM}\r\nB: 2\r\n"), &["A: 1\r\n", "B: 2\r\n"]);
        check("From bob\nA: 1\n\nFrom bob\nB: 2\n", &["A: 1\n", "B: 2\n"]);
        check(
            &format!("{FROM}\nA: 1\n\nFrom bob\nB: 2\n\n{FROM}\nC: 3"),
            &["A: 1\n", "B: 2\n", "C: 3"],
        );
    }

    #[test]
    fn sentences_before_what_looks_like_a_field_part_nothing() {
        for body in [
            "From bob\nhttps://example.org\n",
            "From bob\n: x\n",
            "From bob\nFrom bob\n",
            "From bob to Ann\nNote: x\n",
            "x\nFrom bob\nNote: x\n",
            "x\nFrom Tom at 9:30 in 2026\nNote: x\n",
            "From bob",
        ] {
            check(&format!("{FROM}\nA: 1\n\n{body}"), &[&format!("A: 1\n\n{body}")]);
        }
    }

    #[test]
    fn what_comes_before_the_first_separator_is_a_mail_but_for_a_mark() {
        check(&format!("\u{feff}{FROM}\nA: 1\n"), &["A: 1\n"]);
        check(&format!("\n \r\n\n{FROM}\nA: 1\n"), &["A: 1\n"]);
        check(&format!("A: 1\n\nx\n\n{FROM}\nB: 2\n"), &["A: 1\n\nx\n", "B: 2\n"]);
        check(&format!("\u{feff}junk\n{FROM}\nB: 2\n"), &["junk\n", "B: 2\n"]);
    }

    #[test]
    fn a_long_line_is_read_in_pieces_that_part_and_unquote_nothing() {
        struct Endless(u64);
        impl Read for Endless {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                let length = buffer.len().min(usize::try_from(self.0).unwrap());
                buffer[..length].fill(b'x');
                self.0 -= length as u64;
                Ok(length)
            }
        }
        let mut line = Line::default();
        let mut endless = BufReader::new(Endless(20 << 20));
        while line.next(&mut endless).unwrap() {
            assert!(line.bytes.capacity() as u64 <= 4 * LINE);
        }
        let pad = "x".repeat(usize::try_from(LINE).unwrap());
        for line in [
            format!("{pad}>From x"),
            format!("{pad}{FROM}"),
            format!("{FROM} {pad}"),
            format!("{}From x", ">".repeat(pad.len())),
            format!("{pad}\n\nx"),
        ] {
            let mail = format!("A: 1\n\n{line}\n");
            check(&format!("{FROM}\n{mail}\n{FROM}\nB: 2\n"), &[&mail, "B: 2\n"]);
        }
    }

    #[test]
    fn a_mail_hashed_by_lines_has_the_hash_of_the_mail_that_is_read() {
        let long = ">".repeat(usize::try_from(LINE).unwrap());
        for mail in ["", "A: 1\n\n>From x\n>>From y\n", &format!("{long}From x\r\n"), "\r\n\n"] {
            let read = besunny_core::mail::content_hash(&unquoted(mail.as_bytes().to_vec()));
            assert_eq!(hashed(mail.as_bytes()).unwrap(), read, "{mail:?}");
        }
    }

    #[test]
    fn equal_mails_have_ids_of_their_own_that_stay_when_others_are_added() {
        let ids = |mbox: &str| {
            let mails = split(&mut mbox.as_bytes()).unwrap();
            mails.into_iter().map(|mail| mail.id).collect::<Vec<_>>()
        };
        let two = format!("{FROM}\nA: 1\n\n{FROM}\nA: 1\n\n");
        let before = ids(&two);
        assert_ne!(before[0], before[1]);
        let after = ids(&format!("{two}{FROM}\nB: 2\n\n"));
        assert_eq!(after[..2], before[..]);
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics_and_stretches_stay_inside(text in "(From |>From |\\PC|\n|\r\n|[0-9:]{1,5} ){0,200}") {
            for mail in split(&mut text.as_bytes()).unwrap() {
                let Place::Stretch { offset, length, .. } = mail.place else { panic!("a file") };
                proptest::prop_assert!(offset + length <= text.len() as u64);
            }
        }
    }
}
