//! Files below a folder, and what they look like.
use std::{
    fs, io,
    path::{Path, PathBuf},
};

use besunny_core::mail::ContentHash;

use crate::index::{DEPTH, half, is_file, stamp, too_deep, unless_gone};

/// A file of a folder and what it looks like.
pub(crate) type Seen = (PathBuf, String);

/// Describes what was seen so that any change to it shows.
pub(crate) fn fingerprint(files: &[Seen]) -> String {
    let mut hash = ContentHash::default();
    for (path, look) in files {
        hash.update(format!("{}\n{look}\n", path.display()).as_bytes());
    }
    half(&hash.finish())
}

/// Returns the files below `root` that end in `.` and `end`, in order of their names.
pub(crate) fn files(root: &Path, end: &str) -> io::Result<Vec<Seen>> {
    let mut found = Vec::new();
    walk(fs::read_dir(root)?, end, DEPTH, &mut found)?;
    found.sort_unstable();
    Ok(found)
}

fn walk(entries: fs::ReadDir, end: &str, depth: usize, found: &mut Vec<Seen>) -> io::Result<()> {
    for entry in entries {
        let entry = entry?;
        let path = entry.path();
        let kind = unless_gone(entry.file_type())?;
        let is_meant = path.extension().is_some_and(|found| found.eq_ignore_ascii_case(end));
        if kind.is_some_and(|kind| kind.is_dir()) {
            if depth == 0 {
                return Err(too_deep(&path));
            }
            if let Some(entries) = unless_gone(fs::read_dir(&path))? {
                walk(entries, end, depth - 1, found)?;
            }
        } else if is_meant && is_file(&entry)? {
            match fs::metadata(&path) {
                Ok(file) => found.push((path, format!("{}{}", file.len(), stamp(&file)))),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => found.push((path, error.kind().to_string())),
            }
        }
    }
    Ok(())
}
