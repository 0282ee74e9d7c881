//! Messages from files: mbox, tar.gz of messages, a folder of .eml, one message.

use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use flate2::bufread::MultiGzDecoder;
use tar::Archive;

/// The first bytes of a gzip file.
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// The first bytes of an mbox file, and of each message in it.
const MBOX_MARK: &[u8] = b"From ";

/// Hands every message of a file or folder to `take`, in order.
pub(crate) fn read(path: &Path, take: &mut dyn FnMut(Bytes)) -> io::Result<()> {
    if path.is_dir() {
        return read_folder(path, take);
    }
    let bytes = Bytes::from(fs::read(path)?);
    if bytes.starts_with(&GZIP_MAGIC) {
        drop(bytes);
        read_archive(BufReader::new(File::open(path)?), take)
    } else if bytes.starts_with(MBOX_MARK) {
        split_mbox(&bytes, |_, message| take(message));
        Ok(())
    } else {
        take(bytes);
        Ok(())
    }
}

fn read_folder(path: &Path, take: &mut dyn FnMut(Bytes)) -> io::Result<()> {
    let mut files: Vec<PathBuf> = fs::read_dir(path)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    files.retain(|file| file.extension().is_some_and(|kind| kind.eq_ignore_ascii_case("eml")));
    files.sort();
    for file in files {
        take(Bytes::from(fs::read(file)?));
    }
    Ok(())
}

fn read_archive(file: BufReader<File>, take: &mut dyn FnMut(Bytes)) -> io::Result<()> {
    let mut archive = Archive::new(MultiGzDecoder::new(file));
    for entry in archive.entries()? {
        let mut entry = entry?;
        if entry.header().entry_type().is_file() {
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes)?;
            take(Bytes::from(bytes));
        }
    }
    Ok(())
}

/// Splits an mbox at its `From ` lines; `>From ` lines lose one `>` (mboxrd).
///
/// `take` gets what stands after `From ` (sender and time), and the message.
pub fn split_mbox(mbox: &[u8], mut take: impl FnMut(&[u8], Bytes)) {
    let mut message = Vec::new();
    let mut begun: Option<&[u8]> = None;
    let mut after_blank = true;
    for line in mbox.split_inclusive(|byte| *byte == b'\n') {
        if let Some(begin) = line.strip_prefix(MBOX_MARK).filter(|_| after_blank) {
            if let Some(before) = begun.replace(begin.trim_ascii_end()) {
                take(before, without_separator(std::mem::take(&mut message)));
            }
            after_blank = false;
            continue;
        }
        after_blank = matches!(line, b"\n" | b"\r\n");
        message.extend_from_slice(unquoted(line));
    }
    if let Some(last) = begun {
        take(last, without_separator(message));
    }
}

fn unquoted(line: &[u8]) -> &[u8] {
    let marks = line.iter().take_while(|byte| **byte == b'>').count();
    let is_quoted = marks > 0 && line.get(marks..).is_some_and(|rest| rest.starts_with(MBOX_MARK));
    if is_quoted { line.get(1..).unwrap_or(line) } else { line }
}

/// The blank line before the next `From ` is no part of the message.
fn without_separator(mut message: Vec<u8>) -> Bytes {
    for blank in [b"\r\n".as_slice(), b"\n"] {
        let twice = [b"\n", blank].concat();
        if message.ends_with(&twice) {
            message.truncate(message.len() - blank.len());
            break;
        }
    }
    Bytes::from(message)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    fn check(mbox: &str, messages: &[&str]) {
        let mut found = Vec::new();
        split_mbox(mbox.as_bytes(), |_, message| {
            found.push(String::from_utf8(message.to_vec()).unwrap());
        });
        assert_eq!(found, messages);
    }

    #[test]
    fn a_message_of_an_mbox_comes_with_its_sender_and_time() {
        let mut begins = Vec::new();
        split_mbox(b"From a Mon\r\nS: 1\r\n\r\nFrom b Tue\nS: 2\n", |begin, _| {
            begins.push(String::from_utf8(begin.to_vec()).unwrap());
        });
        assert_eq!(begins, ["a Mon", "b Tue"]);
    }

    #[test]
    fn an_archive_of_several_gzip_members_is_read_to_its_end() {
        let mut archive = tar::Builder::new(Vec::new());
        for number in 1..=3_u8 {
            let mut header = tar::Header::new_gnu();
            header.set_size(2);
            header.set_cksum();
            archive
                .append_data(&mut header, format!("{number}.eml"), &[number, b'\n'][..])
                .unwrap();
        }
        let plain = archive.into_inner().unwrap();
        let mut packed = Vec::new();
        for part in plain.chunks(700) {
            let mut member = GzEncoder::new(&mut packed, Compression::fast());
            member.write_all(part).unwrap();
            member.finish().unwrap();
        }
        let path = std::env::temp_dir().join(format!("besunny-members-{}", std::process::id()));
        fs::write(&path, packed).unwrap();
        let mut found = Vec::new();
        let read = read(&path, &mut |message| found.push(message.to_vec()));
        fs::remove_file(&path).unwrap();
        read.unwrap();
        assert_eq!(found, [b"\x01\n", b"\x02\n", b"\x03\n"]);
    }

    #[test]
    fn mbox_is_split_and_unquoted() {
        check("From a Mon\nS: 1\n\nx\n", &["S: 1\n\nx\n"]);
        check("From a\nS: 1\n\nx\n\nFrom b\nS: 2\n\ny\n", &["S: 1\n\nx\n", "S: 2\n\ny\n"]);
        check(
            "From a\nS: 1\n\n>From me\n>>From you\n>From\n",
            &["S: 1\n\nFrom me\n>From you\n>From\n"],
        );
        check(
            "From a\nS: 1\n\nno blank before\nFrom here\n",
            &["S: 1\n\nno blank before\nFrom here\n"],
        );
        check(
            "From a\r\nS: 1\r\n\r\nx\r\n\r\nFrom b\r\nS: 2\r\n\r\ny\r\n",
            &["S: 1\r\n\r\nx\r\n", "S: 2\r\n\r\ny\r\n"],
        );
    }
}
