//! Maildirs: a file a mail, named once and for ever before the colon.
//!
//! Mails are in `cur` and `new` of the folder itself and of its subfolders (Maildir++: `.Name`).
//! What is flagged as trashed (`T`) or a draft (`D`), or lies in a folder of that name, is out of
//! scope, like spam.
use std::{
    fs, io,
    path::{Path, PathBuf},
};

use besunny_core::{mail::ContentHash, source::ItemId};
use chrono::{DateTime, Utc};

use crate::index::{Index, Indexed, Place, half};

/// Subfolders whose mails are out of scope, without the leading dot, in lower case.
const OUT_OF_SCOPE: [&str; 5] = ["drafts", "junk", "spam", "trash", "deleted messages"];

/// Describes the Maildir at `path`: the names of its mails and their flags.
pub(crate) fn look(path: &Path) -> io::Result<String> {
    let mut hash = ContentHash::default();
    for mail in mails(path)? {
        hash.update(mail.id.as_str().as_bytes());
        hash.update(b"\n");
    }
    Ok(half(&hash.finish()))
}

/// Lists the mails of the Maildir at `path`.
pub(crate) fn index(path: &Path) -> io::Result<Index> {
    Ok(Index::new(look(path)?, mails(path)?, None))
}

/// Finds a mail whose flags or folder changed since it was listed.
pub(crate) fn find(path: &Path, id: &ItemId) -> io::Result<Option<Indexed>> {
    Ok(mails(path)?.into_iter().find(|mail| mail.id == *id))
}

fn mails(root: &Path) -> io::Result<Vec<Indexed>> {
    let mut found = Vec::new();
    for folder in folders(root)? {
        for part in ["cur", "new"] {
            let part = folder.join(part);
            let entries = match fs::read_dir(&part) {
                Err(error) if error.kind() == io::ErrorKind::NotFound && folder != root => continue,
                entries => entries?,
            };
            for entry in entries {
                let entry = entry?;
                let name = entry.file_name().to_string_lossy().into_owned();
                let (unique, flags) = name.split_once(':').unwrap_or((&name, ""));
                if entry.file_type()?.is_file() && in_scope(unique, flags) {
                    let id = ItemId::from_source(unique);
                    let delivered_at = delivered_at(unique);
                    found.push(Indexed {
                        id,
                        place: Place::File { path: entry.path(), delivered_at },
                    });
                }
            }
        }
    }
    found.sort_unstable_by(|one, other| one.id.cmp(&other.id));
    found.dedup_by(|one, other| one.id == other.id);
    Ok(found)
}

/// Returns the Maildir itself and its subfolders in scope.
fn folders(root: &Path) -> io::Result<Vec<PathBuf>> {
    let mut folders = vec![root.to_path_buf()];
    for entry in fs::read_dir(root)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().to_lowercase();
        let is_subfolder = name.starts_with('.') && entry.file_type()?.is_dir();
        let last = name.rsplit('.').next().unwrap_or_default();
        if is_subfolder && !OUT_OF_SCOPE.contains(&last) {
            folders.push(entry.path());
        }
    }
    Ok(folders)
}

fn in_scope(unique: &str, flags: &str) -> bool {
    let flags = flags.strip_prefix("2,").unwrap_or_default();
    !unique.is_empty() && !unique.starts_with('.') && !flags.contains(['T', 'D'])
}

/// Reads the time of delivery off the name: `1717200000.M1P2.host`.
fn delivered_at(unique: &str) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(unique.split('.').next()?.parse().ok()?, 0)
}
