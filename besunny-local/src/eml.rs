//! Folders and archives of raw messages, one file or member each.
use std::{
    fs::{self, File},
    io::{self, BufReader, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use besunny_core::mail::ContentHash;
use flate2::read::GzDecoder;

use crate::index::{self, Index, Indexed, Names, Place, half, stamp};

/// Folders are entered so deep.
const DEPTH: usize = 16;
/// An archive that unpacks to more is refused, since it fills the disk.
const LARGEST_ARCHIVE: u64 = 16 << 30;
/// The first bytes of gzip data (RFC 1952).
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Describes the folder or archive at `path`.
pub(crate) fn look(path: &Path) -> io::Result<String> {
    if !fs::metadata(path)?.is_dir() {
        return index::look(path);
    }
    let mut hash = ContentHash::default();
    for file in files(path)? {
        let metadata = fs::metadata(&file)?;
        let line = format!("{}\n{}{}\n", file.display(), metadata.len(), stamp(&metadata));
        hash.update(line.as_bytes());
    }
    Ok(half(&hash.finish()))
}

/// Lists the mails in the folder or archive at `path`.
pub(crate) fn index(path: &Path) -> io::Result<Index> {
    if fs::metadata(path)?.is_dir() { folder(path) } else { archive(path) }
}

fn folder(path: &Path) -> io::Result<Index> {
    let fingerprint = look(path)?;
    let (mut mails, mut names) = (Vec::new(), Names::default());
    for path in files(path)? {
        let mut hash = ContentHash::default();
        match File::open(&path) {
            Ok(file) => copy(&mut BufReader::new(file), &mut hash)?,
            // A file that went away since the folder was read is not listed.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            // What may not be read is there all the same: it is named by its path.
            Err(_) => hash.update(path.as_os_str().as_encoded_bytes()),
        }
        let place = Place::File { path, delivered_at: None };
        mails.push(Indexed { id: names.next(hash.finish()), place });
    }
    Ok(Index::new(fingerprint, mails, None))
}

/// Returns the `.eml` files below `path`, in order of their names.
fn files(path: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    walk(path, DEPTH, &mut found)?;
    found.sort_unstable();
    Ok(found)
}

fn walk(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (kind, path) = (entry.file_type()?, entry.path());
        if kind.is_dir() && depth > 0 {
            walk(&path, depth - 1, found)?;
        }
        let is_mail = path.extension().is_some_and(|end| end.eq_ignore_ascii_case("eml"));
        if kind.is_file() && is_mail {
            found.push(path);
        }
    }
    Ok(())
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
        unpack(GzDecoder::new(BufReader::new(file)), &mut plain)?;
    } else {
        unpack(file, &mut plain)?;
    }
    plain.seek(SeekFrom::Start(0))?;
    let mails = members(BufReader::new(plain.try_clone()?))?;
    Ok(Index::new(fingerprint, mails, Some(plain)))
}

fn unpack(packed: impl Read, plain: &mut File) -> io::Result<()> {
    let length = io::copy(&mut packed.take(LARGEST_ARCHIVE + 1), plain)?;
    if length > LARGEST_ARCHIVE {
        let what = format!("the archive unpacks to more than {LARGEST_ARCHIVE} bytes");
        return Err(io::Error::new(io::ErrorKind::InvalidData, what));
    }
    Ok(())
}

fn members(plain: impl Read) -> io::Result<Vec<Indexed>> {
    let (mut mails, mut names) = (Vec::new(), Names::default());
    for member in tar::Archive::new(plain).entries()? {
        let mut member = member?;
        if !member.header().entry_type().is_file() {
            continue;
        }
        let (offset, length) = (member.raw_file_position(), member.size());
        let mut hash = ContentHash::default();
        copy(&mut member, &mut hash)?;
        let place = Place::Stretch { offset, length, quoted: false };
        mails.push(Indexed { id: names.next(hash.finish()), place });
    }
    Ok(mails)
}

fn copy(from: &mut impl Read, hash: &mut ContentHash) -> io::Result<()> {
    struct Into<'a>(&'a mut ContentHash);
    impl Write for Into<'_> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.update(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    io::copy(from, &mut Into(hash)).map(drop)
}
