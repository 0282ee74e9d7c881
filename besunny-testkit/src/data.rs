//! The public test data: mailboxes and mails that a test may read and the repository may not contain.
use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

/// Returns the folder or file `name` of the data set, or says loudly that it is not there.
///
/// The data set is where `BESUNNY_DATA` says, or beside the workspace.
#[must_use]
pub fn find(name: &str) -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let data = std::env::var_os("BESUNNY_DATA").map_or_else(beside, PathBuf::from);
    let found = data.join(name);
    if found.exists() {
        return Some(found);
    }
    say(&format!("SKIPPED: no test data at {}; set BESUNNY_DATA to its folder", found.display()));
    None
}

/// Writes past the capture of the test harness, so that a skipped test is seen.
pub fn say(line: &str) {
    // Nobody is left to be told.
    drop(writeln!(std::io::stderr(), "{line}"));
}

/// Lists the files below `folder` with their names relative to it, sorted.
#[must_use]
pub fn files(folder: &Path) -> Vec<(String, PathBuf)> {
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(name) = path.strip_prefix(folder) {
                found.push((name.to_string_lossy().replace('\\', "/"), path));
            }
        }
    }
    found.sort();
    found
}
