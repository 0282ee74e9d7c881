//! Where each mail of a mailbox is, and what it is called.
use std::{
    collections::HashMap,
    fs::{self, File, Metadata},
    io::{self, Read},
    path::{Path, PathBuf},
};

use besunny_core::{mail::content_hash, message::RawMail, source::ItemId};
use bytes::Bytes;
use chrono::{DateTime, Utc};

/// More of a mail is not read (MAIL-18: 25 MB).
pub(crate) const LARGEST_MAIL: u64 = 25 << 20;
/// So much of a mail that is too large is looked at for its headers.
const HEADER_BYTES: u64 = 256 << 10;

/// A mailbox as it was when it was listed.
#[derive(Debug)]
pub(crate) struct Index {
    /// What the mailbox looked like; another look tells whether it changed.
    pub(crate) fingerprint: String,
    /// The mails, in order.
    pub(crate) mails: Vec<Indexed>,
    places: HashMap<ItemId, usize>,
    /// The file that holds all mails, unless each has its own.
    file: Option<File>,
}

/// A mail in the index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Indexed {
    pub(crate) id: ItemId,
    pub(crate) place: Place,
}

/// Where a mail is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A stretch of the one file; `quoted` says that `From ` lines are quoted in it (mboxrd).
    Stretch {
        /// Where it begins.
        offset: u64,
        /// How long it is.
        length: u64,
        /// Whether `>From ` stands for `From `.
        quoted: bool,
    },
    /// A file of its own.
    File {
        /// Its path.
        path: PathBuf,
        /// When it was delivered, where its name says so.
        delivered_at: Option<DateTime<Utc>>,
    },
}

/// Names mails by their content and how many equal ones came before.
#[derive(Debug, Default)]
pub(crate) struct Names(HashMap<[u8; 32], u32>);

impl Names {
    /// Returns the id of the next mail with this hash.
    pub(crate) fn next(&mut self, hash: [u8; 32]) -> ItemId {
        let count = self.0.entry(hash).or_default();
        *count += 1;
        named(&hash, *count)
    }
}

/// Writes the id of the mail with `hash` that is the `number`th of its kind, from 1.
///
/// Half of the hash is enough: 128 bits do not collide by chance.
fn named(hash: &[u8; 32], number: u32) -> ItemId {
    ItemId::from_source(format!("{}-{number}", half(hash)))
}

/// Writes the first half of a hash.
pub(crate) fn half(hash: &[u8; 32]) -> String {
    let first = hash.first_chunk().map_or(0, |half| u128::from_be_bytes(*half));
    format!("{first:032x}")
}

impl Index {
    pub(crate) fn new(fingerprint: String, mails: Vec<Indexed>, file: Option<File>) -> Self {
        let places = mails.iter().enumerate().map(|(at, mail)| (mail.id.clone(), at)).collect();
        Self { fingerprint, mails, places, file }
    }

    /// Returns the mail called `id`.
    pub(crate) fn find(&self, id: &ItemId) -> Option<&Indexed> {
        self.places.get(id).and_then(|at| self.mails.get(*at))
    }

    /// Reads a mail; `None` when it is not where it was.
    pub(crate) fn read(&self, mail: &Indexed) -> io::Result<Option<RawMail>> {
        match &mail.place {
            Place::File { path, .. } => read_file(path),
            Place::Stretch { offset, length, quoted } => {
                let Some(file) = &self.file else { return Ok(None) };
                let stretch = Stretch { file, offset: *offset };
                let raw = read_capped(stretch.take(*length), *length, *quoted)?;
                Ok(Some(raw).filter(|raw| is_named(raw, &mail.id)))
            }
        }
    }
}

/// Reads a file from a place of its own.
///
/// Mails are read at once by several threads, and copies of a handle share one position.
struct Stretch<'a> {
    file: &'a File,
    offset: u64,
}

impl Read for Stretch<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        #[cfg(unix)]
        let read = std::os::unix::fs::FileExt::read_at(self.file, buffer, self.offset)?;
        #[cfg(windows)]
        let read = std::os::windows::fs::FileExt::seek_read(self.file, buffer, self.offset)?;
        self.offset += u64::try_from(read).map_err(io::Error::other)?;
        Ok(read)
    }
}

/// Reads a mail that is a file; `None` when it is gone.
fn read_file(path: &Path) -> io::Result<Option<RawMail>> {
    match File::open(path) {
        Ok(file) => {
            let length = file.metadata()?.len();
            read_capped(file, length, false).map(Some)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Reads a mail of `length` bytes, or its headers when it is too large.
fn read_capped(file: impl Read, length: u64, quoted: bool) -> io::Result<RawMail> {
    let is_whole = length <= LARGEST_MAIL;
    let mut raw = Vec::new();
    file.take(if is_whole { LARGEST_MAIL + 1 } else { HEADER_BYTES }).read_to_end(&mut raw)?;
    if quoted {
        raw = crate::mbox::unquoted(raw);
    }
    if is_whole {
        return Ok(RawMail::Whole(Bytes::from(raw)));
    }
    let blank = raw.windows(2).position(|pair| pair == b"\n\n" || pair == b"\n\r");
    raw.truncate(blank.map_or(raw.len(), |at| at + 1));
    Ok(RawMail::TooLarge { headers: Bytes::from(raw), size_bytes: length })
}

/// Says whether a mail still is the one its name says, as far as all of it was read.
fn is_named(raw: &RawMail, id: &ItemId) -> bool {
    match raw {
        RawMail::TooLarge { .. } => true,
        RawMail::Whole(raw) => {
            let hash = named(&content_hash(raw), 0);
            let name = hash.as_str().rsplit_once('-').map(|(name, _)| name);
            id.as_str().rsplit_once('-').map(|(name, _)| name) == name
        }
    }
}

/// Describes a file so that any change to it shows.
pub(crate) fn look(path: &Path) -> io::Result<String> {
    let metadata = fs::metadata(path)?;
    Ok(format!("{}{}", metadata.len(), stamp(&metadata)))
}

/// Describes when a file last changed, and on unix which file it is.
#[cfg(unix)]
pub(crate) fn stamp(metadata: &Metadata) -> String {
    use std::os::unix::fs::MetadataExt;
    format!(
        "-{}.{}-{}.{}-{}",
        metadata.mtime(),
        metadata.mtime_nsec(),
        metadata.ctime(),
        metadata.ctime_nsec(),
        metadata.ino()
    )
}

/// Describes when a file last changed.
#[cfg(not(unix))]
pub(crate) fn stamp(metadata: &Metadata) -> String {
    let age = metadata.modified().ok().and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
    format!("-{}", age.unwrap_or_default().as_nanos())
}

#[cfg(test)]
mod tests {
    use std::io::{Seek, Write};

    use super::*;

    #[test]
    fn mails_of_one_file_are_read_by_many_at_once() {
        let mut file = tempfile::tempfile().unwrap();
        let mut names = Names::default();
        let mut mails = Vec::new();
        for number in 0..200 {
            let mail = format!("Subject: {number}\n\n{}\n", "x".repeat(number * 50));
            let offset = file.stream_position().unwrap();
            file.write_all(mail.as_bytes()).unwrap();
            let length = u64::try_from(mail.len()).unwrap();
            let id = names.next(content_hash(mail.as_bytes()));
            mails.push(Indexed { id, place: Place::Stretch { offset, length, quoted: false } });
        }
        let index = Index::new(String::new(), mails, Some(file));
        std::thread::scope(|threads| {
            for _ in 0..4 {
                threads.spawn(|| {
                    for mail in index.mails.iter().cycle().take(2_000) {
                        assert!(index.read(mail).unwrap().is_some(), "{:?}", mail.id);
                    }
                });
            }
        });
    }
}
