//! Maildirs: a file a mail, named once and for ever before the colon.
//!
//! Mails are in `cur` and `new` of the folder itself and of its subfolders: `.Name` (Maildir++) and
//! `Name/Sub` (Dovecot's `LAYOUT=fs`,
//! <https://doc.dovecot.org/main/core/config/mailbox/formats/maildir.html>). What is flagged as
//! trashed (`T`) or a draft (`D`), or lies in a folder of that name, is out of scope, like spam.
//! A mail moves from `new` to `cur` and never back (<https://cr.yp.to/proto/maildir.html>), so
//! `new` is read first.
use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs, io,
    path::{Path, PathBuf},
};

use besunny_core::{mail::ContentHash, source::ItemId};
use chrono::{DateTime, Utc};

use crate::index::{Content, DEPTH, Index, Indexed, Place, half, is_file, too_deep, unless_gone};

/// Subfolders whose mails are out of scope, without the leading dot, in lower case.
const OUT_OF_SCOPE: [&str; 5] = ["drafts", "junk", "spam", "trash", "deleted messages"];
/// The folders of a Maildir, which are no subfolders.
const PARTS: [&str; 3] = ["new", "cur", "tmp"];
/// A busy Maildir is walked so often; mails that come later are seen by the next look.
const WALKS: usize = 8;
/// A mail that is renamed again and again is looked for so often.
const TRIES: usize = 8;

/// Describes the Maildir at `path`: the names of its mails.
pub(crate) fn look(path: &Path) -> io::Result<String> {
    Ok(fingerprint(&mails(path)?))
}

/// Lists the mails of the Maildir at `path`.
pub(crate) fn index(path: &Path) -> io::Result<Index> {
    let mails = mails(path)?;
    Ok(Index::new(fingerprint(&mails), mails, None))
}

/// Reads a mail whose flags or folder changed since it was listed; `None` when it is gone.
pub(crate) fn read(path: &Path, id: &ItemId) -> io::Result<Option<(Indexed, Content)>> {
    for _ in 0..TRIES {
        let Some(mail) = mails(path)?.into_iter().find(|mail| mail.id == *id) else {
            return Ok(None);
        };
        let index = Index::new(String::new(), vec![mail.clone()], None);
        if let Some(content) = index.read(&mail)? {
            return Ok(Some((mail, content)));
        }
    }
    Err(io::Error::new(io::ErrorKind::ResourceBusy, "the mail is renamed while it is read"))
}

fn fingerprint(mails: &[Indexed]) -> String {
    let mut hash = ContentHash::default();
    for mail in mails {
        hash.update(mail.id.as_str().as_bytes());
        hash.update(b"\n");
    }
    half(&hash.finish())
}

fn mails(root: &Path) -> io::Result<Vec<Indexed>> {
    settled(|| walked(root))
}

/// Walks until two walks agree; of a Maildir that never rests, returns what any walk saw.
///
/// A file that is renamed during a walk may be in none of its answers (POSIX `readdir`). A mail that
/// went since an earlier walk is found to be gone when it is read.
fn settled(mut walk: impl FnMut() -> io::Result<Found>) -> io::Result<Vec<Indexed>> {
    let mut before = walk()?;
    let mut all = before.clone();
    for _ in 1..WALKS {
        let now = walk()?;
        if now.keys().eq(before.keys()) {
            all = now;
            break;
        }
        all.extend(now.clone());
        before = now;
    }
    Ok(all.into_iter().map(|(id, place)| Indexed { id, place }).collect())
}

/// The mails of one walk and where they are.
type Found = BTreeMap<ItemId, Place>;

/// Walks the Maildir once.
///
/// A mail is called by its name; where folders hold other mails of the same name, all but the first
/// are called by their folder too, which no name can equal, since it has a slash.
fn walked(root: &Path) -> io::Result<Found> {
    let mut found = Found::new();
    for folder in folders(root)? {
        let within = escaped(folder.strip_prefix(root).unwrap_or(&folder).as_os_str());
        for (unique, place) in mails_in(&folder, folder == root)? {
            let first = ItemId::from_source(&unique);
            let id = if found.contains_key(&first) {
                ItemId::from_source(format!("{unique}/{within}"))
            } else {
                first
            };
            found.insert(id, place);
        }
    }
    Ok(found)
}

/// Returns the mails of one folder by their names before the colon.
fn mails_in(folder: &Path, is_root: bool) -> io::Result<BTreeMap<String, Place>> {
    let mut mails = BTreeMap::new();
    for part in ["new", "cur"] {
        let entries = fs::read_dir(folder.join(part));
        let entries = if is_root { Some(entries?) } else { unless_gone(entries)? };
        for entry in entries.into_iter().flatten() {
            let entry = entry?;
            let name = escaped(&entry.file_name());
            let (unique, flags) = name.split_once(':').unwrap_or((&name, ""));
            if in_scope(unique, flags) && is_file(&entry)? {
                let place =
                    Place::Delivered { path: entry.path(), delivered_at: delivered_at(unique) };
                mails.insert(unique.to_owned(), place);
            }
        }
    }
    Ok(mails)
}

/// Returns the Maildir itself and its subfolders in scope, in order of their paths.
fn folders(root: &Path) -> io::Result<Vec<PathBuf>> {
    let mut folders = vec![root.to_path_buf()];
    enter(fs::read_dir(root)?, DEPTH, &mut folders)?;
    folders.sort_unstable();
    Ok(folders)
}

fn enter(entries: fs::ReadDir, depth: usize, folders: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_folder = unless_gone(entry.file_type())?.is_some_and(|kind| kind.is_dir());
        if !is_folder || PARTS.contains(&name.as_str()) {
            continue;
        }
        let name = name.to_lowercase();
        let path = entry.path();
        if depth == 0 {
            return Err(too_deep(&path));
        }
        if let Some(entries) = unless_gone(fs::read_dir(&path))? {
            enter(entries, depth - 1, folders)?;
        }
        if !OUT_OF_SCOPE.contains(&name.rsplit('.').next().unwrap_or_default()) {
            folders.push(path);
        }
    }
    Ok(())
}

/// Writes a name as text from which it can be told again.
///
/// What is not UTF-8 becomes U+FFFD and the byte in hex, and U+FFFD itself is doubled.
fn escaped(name: &OsStr) -> String {
    let mut text = String::new();
    for chunk in name.as_encoded_bytes().utf8_chunks() {
        text.push_str(&chunk.valid().replace('\u{FFFD}', "\u{FFFD}\u{FFFD}"));
        text.extend(chunk.invalid().iter().map(|byte| format!("\u{FFFD}{byte:02x}")));
    }
    text
}

fn in_scope(unique: &str, flags: &str) -> bool {
    let flags = flags.strip_prefix("2,").unwrap_or_default();
    !unique.is_empty() && !unique.starts_with('.') && !flags.contains(['T', 'D'])
}

/// Reads the time of delivery off the name: `1717200000.M1P2.host`.
fn delivered_at(unique: &str) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(unique.split('.').next()?.parse().ok()?, 0)
}

#[cfg(test)]
mod tests;
