//! The clauses of docs/adapter-spec.md are the cases of the conformance suites, by name.
use std::collections::BTreeSet;

use super::Findings;
use crate::source::File;

const SPEC: &str = "docs/adapter-spec.md";
const SUITES: &str = "besunny-testkit/src/conformance";

/// What clause ids begin with.
const FAMILIES: [&str; 4] = ["language.", "source.", "store.", "scheduler."];

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
    let mentioned: BTreeSet<&str> = files
        .iter()
        .filter(|file| file.path.starts_with("besunny-core/src/"))
        .flat_map(|file| file.text.lines())
        .filter(|line| line.trim_start().starts_with("///"))
        .flat_map(|line| line.split('`').skip(1).step_by(2))
        .filter(|word| FAMILIES.iter().any(|family| word.starts_with(family)))
        .collect();
    let unknown = mentioned.difference(&clauses);
    let unknown = unknown.map(|clause| format!("besunny-core: no clause is called `{clause}`"));
    let untested = clauses.difference(&cases);
    let unwritten = cases.difference(&clauses);
    untested
        .map(|clause| format!("{SPEC}: the clause `{clause}` has no conformance case"))
        .chain(unwritten.map(|case| format!("{SPEC}: the case `{case}` has no clause")))
        .chain(unknown)
        .collect()
}
