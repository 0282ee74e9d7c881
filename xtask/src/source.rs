//! The tracked files of the repository, as text.
use std::{path::PathBuf, process::Command};

use anyhow::{Context, Result};

use crate::command::root;

/// A tracked text file.
#[derive(Debug)]
pub(crate) struct File {
    /// Its path from the root, with forward slashes.
    pub(crate) path: String,
    /// Its text.
    pub(crate) text: String,
}

/// Reads all files git tracks or would track; files that are no text are left out.
pub(crate) fn files() -> Result<Vec<File>> {
    let mut list = Command::new("git");
    list.args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"]).current_dir(root());
    let output = list.output().context("git is needed to list the files")?;
    let paths = String::from_utf8(output.stdout).context("a path is no UTF-8")?;
    let read = |path: &str| {
        let text = std::fs::read_to_string(root().join(path)).ok()?;
        Some(File { path: path.to_owned(), text })
    };
    Ok(paths.split('\0').filter(|path| !path.is_empty()).filter_map(read).collect())
}

impl File {
    /// Says whether it is Rust code.
    pub(crate) fn is_rust(&self) -> bool {
        PathBuf::from(&self.path).extension().is_some_and(|end| end == "rs")
    }
}
