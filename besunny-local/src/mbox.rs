//! Mailbox files (RFC 4155 and its cousins): one mail after the other, parted by `From ` lines.
//!
//! A separator is a line that begins with `From `, stands at the start or after an empty line, and
//! has a time and a year in it; writers that do not quote `From ` in bodies are common, and a
//! sentence rarely has both. `>From ` in a body stands for `From ` (mboxrd).
use std::{
    fs::File,
    io::{self, BufRead, BufReader},
    path::Path,
};

use besunny_core::mail::ContentHash;

use crate::index::{self, Index, Indexed, Names, Place};

/// The file is read in pieces of this size.
const BUFFER: usize = 1 << 20;

/// Lists the mails of the mailbox file at `path`.
pub(crate) fn index(path: &Path) -> io::Result<Index> {
    let fingerprint = index::look(path)?;
    let file = File::open(path)?;
    let mut reader = BufReader::with_capacity(BUFFER, file.try_clone()?);
    let mails = split(&mut reader)?;
    Ok(Index::new(fingerprint, mails, Some(file)))
}

/// A mail whose end has not been reached.
struct Open {
    offset: u64,
    length: u64,
    /// The length of the empty line it ends with so far, which belongs to the mailbox.
    blank: u64,
    hash: ContentHash,
}

/// Parts a mailbox into mails.
fn split(reader: &mut impl BufRead) -> io::Result<Vec<Indexed>> {
    let (mut mails, mut names) = (Vec::new(), Names::default());
    let (mut open, mut at, mut after_blank) = (None::<Open>, 0_u64, true);
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = reader.read_until(b'\n', &mut line)?;
        let is_end = read == 0;
        if is_end || (after_blank && is_separator(&line)) {
            mails.extend(
                open.take().filter(|mail| mail.length > 0).map(|mail| mail.close(&mut names)),
            );
        }
        if is_end {
            return Ok(mails);
        }
        let length = u64::try_from(read).map_err(io::Error::other)?;
        at += length;
        if after_blank && is_separator(&line) {
            open = Some(Open { offset: at, length: 0, blank: 0, hash: ContentHash::default() });
        } else if let Some(mail) = &mut open {
            mail.length += length;
            mail.blank = if is_blank(&line) { length } else { 0 };
            mail.hash.update(unquoted_line(&line));
        }
        after_blank = is_blank(&line);
    }
}

impl Open {
    fn close(self, names: &mut Names) -> Indexed {
        let Self { offset, length, blank, hash } = self;
        let place = Place::Stretch { offset, length: length - blank, quoted: true };
        Indexed { id: names.next(hash.finish()), place }
    }
}

fn is_blank(line: &[u8]) -> bool {
    matches!(line, b"\n" | b"\r\n")
}

/// Says whether a line parts two mails.
fn is_separator(line: &[u8]) -> bool {
    let Some(rest) = line.strip_prefix(b"From ") else { return false };
    let mut words = rest.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let (mut has_time, mut has_year) = (false, false);
    for word in words.by_ref() {
        has_time |= is_time(word);
        has_year |= word.len() == 4 && word.iter().all(u8::is_ascii_digit);
    }
    has_time && has_year
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
    let quotes = line.iter().take_while(|byte| **byte == b'>').count();
    if quotes > 0 && line[quotes..].starts_with(b"From ") { &line[1..] } else { line }
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
                Place::File { .. } => panic!("a file in a mailbox file"),
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
