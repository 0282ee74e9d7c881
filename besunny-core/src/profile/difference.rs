//! What a new profile adds, removes and changes.
use serde::{Deserialize, Serialize};

use super::{Field, Profile};

/// How a field differs; one that is replaced has an old and a new line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Which field.
    pub field: Field,
    /// Lines that come.
    pub added: Vec<String>,
    /// Lines that go.
    pub removed: Vec<String>,
}

/// Returns the fields that differ, in order; the order of lines makes no difference.
#[must_use]
pub fn difference(before: &Profile, after: &Profile) -> Vec<Change> {
    let change = |field: &Field| {
        let (old, new) = (before.lines(*field), after.lines(*field));
        let without = |lines: &[String], others: &[String]| -> Vec<String> {
            lines.iter().filter(|line| !others.contains(line)).cloned().collect()
        };
        let (added, removed) = (without(&new, &old), without(&old, &new));
        let differs = !added.is_empty() || !removed.is_empty();
        differs.then_some(Change { field: *field, added, removed })
    };
    Field::ALL.iter().filter_map(change).collect()
}
