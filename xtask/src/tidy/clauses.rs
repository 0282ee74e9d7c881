//! The clauses of docs/adapter-spec.md are the cases of the conformance suites, by name.
use std::collections::BTreeSet;

use super::Findings;
use crate::source::File;

const SPEC: &str = "docs/adapter-spec.md";
const SUITES: &str = "besunny-testkit/src/conformance";

/// Compares the clause ids of the specification with the names of the cases.
pub(super) fn check(files: &[File]) -> Findings {
    let clauses: BTreeSet<&str> = files
        .iter()
        .filter(|file| file.path == SPEC)
        .flat_map(|file| file.text.lines())
        .filter_map(|line| line.strip_prefix("- **`")?.split('`').next())
        .collect();
    let cases: BTreeSet<&str> = files
        .iter()
        .filter(|file| file.path.starts_with(SUITES) && file.is_rust())
        .flat_map(|file| file.text.lines())
        .filter_map(|line| line.trim_start().strip_prefix("clause(\"")?.split('"').next())
        .collect();
    let untested = clauses.difference(&cases);
    let unwritten = cases.difference(&clauses);
    untested
        .map(|clause| format!("{SPEC}: the clause `{clause}` has no conformance case"))
        .chain(unwritten.map(|case| format!("{SPEC}: the case `{case}` has no clause")))
        .collect()
}
