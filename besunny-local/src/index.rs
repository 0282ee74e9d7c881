//! Where each mail of a mailbox is, and what it is called.
use std::{
    collections::HashMap,
    fs::{self, DirEntry, File, Metadata},
    io::{self, BufReader, Read, Write},
    path::{Path, PathBuf},
};

use besunny_core::{
    mail::{ContentHash, content_hash},
    message::RawMail,
    source::ItemId,
};
use bytes::Bytes;
use chrono::{DateTime, Utc};

/// More of a mail is not read (MAIL-18: 25 MB).
pub(crate) const LARGEST_MAIL: u64 = 25 << 20;
/// So much of a mail that is too large is looked at for its headers.
const HEADER_BYTES: u64 = 256 << 10;
/// Folders are entered so deep: each open one takes a handle, and nobody nests mail deeper.
pub(crate) const DEPTH: usize = 64;

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
    /// A file of its own, named by its content.
    File(PathBuf),
    /// A file that names itself (Maildir).
    Delivered {
        /// Its path.
        path: PathBuf,
        /// When it was delivered, where its name says so.
        delivered_at: Option<DateTime<Utc>>,
    },
    /// There, but of a kind that is not read.
    Strange {
        /// Why, without any of its content.
        why: &'static str,
    },
}

/// What is at the place of a mail.
#[derive(Debug)]
pub(crate) enum Content {
    /// The mail.
    Mail(RawMail),
    /// Something that cannot be read, and why.
    Unreadable(&'static str),
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

    /// Reads a mail; `None` when it is not where it was, or is another one by now.
    pub(crate) fn read(&self, mail: &Indexed) -> io::Result<Option<Content>> {
        let found = match (&mail.place, &self.file) {
            (Place::Strange { why }, _) => return Ok(Some(Content::Unreadable(why))),
            (Place::File(path), _) => read_file(path, Some(&mail.id)),
            (Place::Delivered { path, .. }, _) => read_file(path, None),
            (Place::Stretch { offset, length, quoted }, Some(file)) => {
                let stretch = Stretch { file, offset: *offset };
                read_capped(stretch, *length, *quoted, Some(&mail.id))
            }
            (Place::Stretch { .. }, None) => Ok(None),
        };
        let is = |kind| found.as_ref().is_err_and(|error| error.kind() == kind);
        if is(io::ErrorKind::NotFound) {
            return Ok(None);
        }
        if is(io::ErrorKind::PermissionDenied) {
            return Ok(Some(Content::Unreadable("its file may not be read")));
        }
        Ok(found?.map(Content::Mail))
    }
}

/// Reads a file from a place of its own.
///
/// Mails are read at once by several threads, and copies of a handle share one position.
#[derive(Clone, Copy)]
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

/// Reads a mail that is a file; `None` when it is not the one called `id`.
fn read_file(path: &Path, id: Option<&ItemId>) -> io::Result<Option<RawMail>> {
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    read_capped(Stretch { file: &file, offset: 0 }, length, false, id)
}

/// Reads a mail of `length` bytes, or its headers when it is too large.
///
/// `None` when its content is not what `id` names.
fn read_capped(
    from: Stretch<'_>,
    length: u64,
    quoted: bool,
    id: Option<&ItemId>,
) -> io::Result<Option<RawMail>> {
    let is_whole = length <= LARGEST_MAIL;
    let mut raw = Vec::new();
    from.take(if is_whole { length } else { HEADER_BYTES }).read_to_end(&mut raw)?;
    if quoted {
        raw = crate::mbox::unquoted(raw);
    }
    if let Some(id) = id {
        let all = BufReader::new(from.take(length));
        let hash = match (is_whole, quoted) {
            (true, _) => content_hash(&raw),
            (false, true) => crate::mbox::hashed(all)?,
            (false, false) => hashed(all)?,
        };
        if !is_named(&hash, id) {
            return Ok(None);
        }
    }
    if is_whole {
        return Ok(Some(RawMail::Whole(Bytes::from(raw))));
    }
    let blank = raw.windows(2).position(|pair| pair == b"\n\n" || pair == b"\n\r");
    raw.truncate(blank.map_or(raw.len(), |at| at + 1));
    Ok(Some(RawMail::TooLarge { headers: Bytes::from(raw), size_bytes: length }))
}

/// Says whether content of this hash is what `id` names, whichever of its equals.
fn is_named(hash: &[u8; 32], id: &ItemId) -> bool {
    id.as_str().rsplit_once('-').is_some_and(|(name, _)| name == half(hash))
}

/// Hashes all that can be read.
pub(crate) fn hashed(mut from: impl Read) -> io::Result<[u8; 32]> {
    struct Into(ContentHash);
    impl Write for Into {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.update(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut hash = Into(ContentHash::default());
    io::copy(&mut from, &mut hash)?;
    Ok(hash.0.finish())
}

/// Says whether an entry of a folder is a file, or a link to one.
///
/// What may not be looked at counts as one, so that it is not passed over; what is gone does not.
pub(crate) fn is_file(entry: &DirEntry) -> io::Result<bool> {
    let Some(kind) = unless_gone(entry.file_type())? else { return Ok(false) };
    if !kind.is_symlink() {
        return Ok(kind.is_file());
    }
    Ok(match fs::metadata(entry.path()) {
        Ok(target) => target.is_file(),
        Err(error) => error.kind() == io::ErrorKind::PermissionDenied,
    })
}

/// Turns what is gone, or is no folder by now, into nothing.
pub(crate) fn unless_gone<T>(found: io::Result<T>) -> io::Result<Option<T>> {
    match found {
        Err(error)
            if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) =>
        {
            Ok(None)
        }
        found => found.map(Some),
    }
}

/// Refuses a folder inside `DEPTH` others.
pub(crate) fn too_deep(folder: &Path) -> io::Error {
    let what = format!(
        "{} lies more than {DEPTH} folders deep: move its mail further up",
        folder.display()
    );
    io::Error::new(io::ErrorKind::InvalidData, what)
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
    use std::io::Seek;

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

    #[test]
    fn a_mail_that_is_too_large_is_read_only_while_it_is_the_one_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("1.eml");
        let length = usize::try_from(LARGEST_MAIL).unwrap() + 1;
        let mut raw = b"Subject: 1\n\n".to_vec();
        raw.resize(length, b'x');
        let id = Names::default().next(content_hash(&raw));
        let mail = Indexed { id, place: Place::File(path.clone()) };
        let index = Index::new(String::new(), vec![mail.clone()], None);
        fs::write(&path, &raw).unwrap();
        let read = index.read(&mail).unwrap();
        assert!(matches!(read, Some(Content::Mail(RawMail::TooLarge { .. }))));
        raw[length - 1] = b'y';
        fs::write(&path, &raw).unwrap();
        assert!(index.read(&mail).unwrap().is_none());
    }
}
