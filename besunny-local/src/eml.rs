//! Folders and archives of raw messages, one file or member each.
//!
//! An archive is a tar (POSIX ustar and pax, GNU), gzipped or not: it ends with two blocks of zeros
//! (<https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html>), and gzip data may come
//! in several members (RFC 1952, 2.2) and be padded with zeros. What one archive's end mark is
//! followed by is read too, since archives are joined by `cat`.
use std::{
    collections::HashMap,
    fs::{self, File},
    io::{self, BufRead, BufReader, Read, Seek, SeekFrom},
    path::Path,
};

use besunny_core::mail::{ContentHash, content_hash};
use flate2::bufread::GzDecoder;
use tar::EntryType;

use crate::{
    folder::{Seen, files, fingerprint},
    index::{self, Index, Indexed, Names, Place, hashed},
};

/// An archive that unpacks to more is refused, since it fills the disk.
const LARGEST_ARCHIVE: u64 = 16 << 30;
/// The first bytes of gzip data (RFC 1952).
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// A tar archive is made of blocks of this size (POSIX ustar).
const BLOCK: u64 = 512;
/// A tar archive ends with so many bytes of zeros (POSIX ustar: two blocks).
const END_MARK: u64 = 2 * BLOCK;
/// What the names of mails in a folder end in.
const END: &str = "eml";
/// A folder is looked at so often until it stays as it is; only what changed is read again.
pub(crate) const LOOKS: usize = 16;

/// Describes the folder or archive at `path`.
pub(crate) fn look(path: &Path) -> io::Result<String> {
    if fs::metadata(path)?.is_dir() {
        Ok(fingerprint(&files(path, END)?))
    } else {
        index::look(path)
    }
}

/// Lists the mails in the folder or archive at `path`.
pub(crate) fn index(path: &Path) -> io::Result<Index> {
    if fs::metadata(path)?.is_dir() { folder(path) } else { archive(path) }
}

fn folder(root: &Path) -> io::Result<Index> {
    listed(|| files(root, END), hash_of)
}

/// Lists files that are hashed while others rename and replace them.
///
/// A mail that moves from a file not hashed yet to one that was would be missed, so the files are
/// looked at until they look as they did when they were hashed.
fn listed(
    mut files: impl FnMut() -> io::Result<Vec<Seen>>,
    mut hash_of: impl FnMut(&Path) -> io::Result<Option<[u8; 32]>>,
) -> io::Result<Index> {
    let mut hashes: HashMap<Seen, [u8; 32]> = HashMap::new();
    let mut seen = files()?;
    for _ in 0..LOOKS {
        for file in &seen {
            if !hashes.contains_key(file)
                && let Some(hash) = hash_of(&file.0)?
            {
                hashes.insert(file.clone(), hash);
            }
        }
        let again = files()?;
        if again == seen {
            let (mut mails, mut names) = (Vec::new(), Names::default());
            for file in &seen {
                if let Some(hash) = hashes.get(file) {
                    let place = Place::File(file.0.clone());
                    mails.push(Indexed { id: names.next(*hash), place });
                }
            }
            return Ok(Index::new(fingerprint(&seen), mails, None));
        }
        seen = again;
    }
    Err(io::Error::new(io::ErrorKind::ResourceBusy, "the folder changes while it is read"))
}

/// Hashes a file; `None` when it is gone.
fn hash_of(path: &Path) -> io::Result<Option<[u8; 32]>> {
    match File::open(path) {
        Ok(file) => hashed(BufReader::new(file)).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        // What may not be read is there all the same: it is named by its path.
        Err(_) => {
            let mut hash = ContentHash::default();
            hash.update(path.as_os_str().as_encoded_bytes());
            Ok(Some(hash.finish()))
        }
    }
}

/// Unpacks an archive into a file without a name, so that any mail can be read at any time.
fn archive(path: &Path) -> io::Result<Index> {
    let fingerprint = index::look(path)?;
    let mut file = File::open(path)?;
    let mut magic = [0; 2];
    let is_gzip = file.read_exact(&mut magic).is_ok() && magic == GZIP;
    file.seek(SeekFrom::Start(0))?;
    let mut plain = tempfile::tempfile()?;
    if is_gzip {
        unzip(BufReader::new(file), &mut plain)?;
    } else {
        unpack(file, &mut plain, 0)?;
    }
    plain.seek(SeekFrom::Start(0))?;
    let mails = members(&plain)?;
    Ok(Index::new(fingerprint, mails, Some(plain)))
}

/// Unpacks all members of gzip data, and the padding between and after them.
fn unzip(mut packed: impl BufRead, plain: &mut File) -> io::Result<()> {
    let mut length = 0;
    loop {
        length += unpack(GzDecoder::new(&mut packed), plain, length)?;
        loop {
            let ahead = packed.fill_buf()?;
            if ahead.is_empty() {
                return Ok(());
            }
            let zeros = ahead.iter().take_while(|byte| **byte == 0).count();
            if zeros == 0 {
                break;
            }
            packed.consume(zeros);
        }
    }
}

/// Adds what is packed to `before` bytes; returns how much it is.
fn unpack(packed: impl Read, plain: &mut File, before: u64) -> io::Result<u64> {
    let length = io::copy(&mut packed.take(LARGEST_ARCHIVE + 1 - before), plain)?;
    if before + length > LARGEST_ARCHIVE {
        let what = format!("the archive unpacks to more than {LARGEST_ARCHIVE} bytes");
        return Err(io::Error::new(io::ErrorKind::InvalidData, what));
    }
    Ok(length)
}

fn members(plain: &File) -> io::Result<Vec<Indexed>> {
    let (mut mails, mut names) = (Vec::new(), Names::default());
    let mut end = 0;
    let mut archive = tar::Archive::new(BufReader::new(plain));
    archive.set_ignore_zeros(true);
    for member in archive.entries()? {
        let mut member = member?;
        let (offset, length) = (member.raw_file_position(), member.size());
        let kind = member.header().entry_type();
        // A sparse member is stored shorter than it is: only its header knows.
        let is_sparse = kind == EntryType::GNUSparse;
        let stored = if is_sparse { member.header().entry_size()? } else { length };
        end = offset.saturating_add(stored.checked_next_multiple_of(BLOCK).unwrap_or(u64::MAX));
        if matches!(kind, EntryType::Regular | EntryType::Continuous) {
            let place = Place::Stretch { offset, length, quoted: false };
            mails.push(Indexed { id: names.next(hashed(&mut member)?), place });
        } else if is_sparse || stored > 0 && kind != EntryType::XGlobalHeader {
            let id = names.next(content_hash(member.header().as_bytes()));
            let why = "it is a kind of archive member that is not read";
            mails.push(Indexed { id, place: Place::Strange { why } });
        }
    }
    check_end(plain, end)?;
    Ok(mails)
}

/// Says that an archive is cut off unless its end mark follows its last member, which ends at `end`.
///
/// All after the last member is zeros, since anything else would have been read as a member.
fn check_end(mut plain: &File, end: u64) -> io::Result<()> {
    let length = plain.metadata()?.len();
    let mut mark = Vec::new();
    if let Some(from) = length.checked_sub(END_MARK).filter(|from| *from >= end) {
        plain.seek(SeekFrom::Start(from))?;
        plain.take(END_MARK).read_to_end(&mut mark)?;
    }
    if !mark.is_empty() && mark.iter().all(|byte| *byte == 0) {
        return Ok(());
    }
    let what = "the archive is cut off: its end mark is missing; copy or pack it anew";
    Err(io::Error::new(io::ErrorKind::UnexpectedEof, what))
}

#[cfg(test)]
mod tests;
