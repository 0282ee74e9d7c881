//! Reads every public test mail, and compares what is read with Python's parser (MAIL-11).
#![cfg(test)]

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

mod python;
mod whole_set;

/// Returns the workspace root.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Returns the folder of test mails; says loudly when it is missing.
fn mime_folder() -> Option<PathBuf> {
    let data = std::env::var_os("BESUNNY_DATA").map(PathBuf::from);
    let folder = data.unwrap_or_else(|| root().join("../shared/data")).join("mime");
    if folder.is_dir() {
        return Some(folder);
    }
    say(&format!("SKIPPED: no test mails at {}; set BESUNNY_DATA", folder.display()));
    None
}

/// Writes past the capture of the test harness, so that a skipped test is seen.
fn say(line: &str) {
    writeln!(std::io::stderr(), "{line}").unwrap();
}

/// Lists the files below `folder` with their names relative to it, sorted.
fn files(folder: &Path) -> Vec<(String, PathBuf)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_string_lossy().replace('\\', "/");
                found.push((name, path));
            }
        }
    }
    found.sort();
    found
}
