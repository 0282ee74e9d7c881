//! Lists of known differences to an independent reader, each with the reason that a person gave.
//!
//! A list is a table in `docs/`: what differs, a mark of what we say, and the reason. With
//! `BESUNNY_BLESS` set it is written anew and keeps the reasons; a new difference has the reason
//! `UNEXPLAINED`, which a person replaces after looking at it.
use std::{collections::BTreeMap, fmt::Write, fs, path::Path};

use serde_json::Value;
use sha2::{Digest, Sha256};

const UNEXPLAINED: &str = "UNEXPLAINED";

/// What differs: the cells that name it, and what we say of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference {
    /// The cells that name it, such as a file and a field.
    pub of: Vec<String>,
    /// Marks our value, so that a change of ours is seen even where the other differs anyway.
    pub mark: String,
}

impl Difference {
    /// Notes that we say `ours` of something where the other reader says something else.
    #[must_use]
    pub fn new(of: &[&str], ours: &Value) -> Self {
        let of = of.iter().map(|cell| (*cell).to_owned()).collect();
        Self { of, mark: mark(ours) }
    }
}

/// Compares the differences that were found with the list at `path`.
///
/// `head` is all of the list before its rows.
///
/// # Errors
/// The list as it should be, where it differs or has a row without a reason.
pub fn check(path: &Path, head: &str, found: &[Difference]) -> Result<(), String> {
    let committed = fs::read_to_string(path).unwrap_or_default();
    let reasons = reasons(&committed);
    let mut list = head.to_owned();
    for Difference { of, mark } in found {
        let reason = reasons.get(of).map_or(UNEXPLAINED, String::as_str);
        writeln!(list, "| {} | {mark} | {reason} |", of.join(" | "))
            .map_err(|error| error.to_string())?;
    }
    if std::env::var_os("BESUNNY_BLESS").is_some() {
        fs::write(path, &list).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    let now = fs::read_to_string(path).unwrap_or_default();
    if now == list && !list.contains(UNEXPLAINED) { Ok(()) } else { Err(list) }
}

/// Reads the reasons out of the rows of a list.
fn reasons(list: &str) -> BTreeMap<Vec<String>, String> {
    list.lines()
        .filter_map(|line| {
            let row = line.strip_prefix("| ")?.strip_suffix(" |")?;
            let mut cells: Vec<_> = row.split(" | ").map(str::to_owned).collect();
            let reason = cells.pop()?;
            cells.pop()?;
            Some((cells, reason))
        })
        .collect()
}

fn mark(value: &Value) -> String {
    let hash = Sha256::digest(value.to_string());
    let first = hash.first_chunk().map_or(0, |first| u32::from_be_bytes(*first));
    format!("{first:08x}")
}
