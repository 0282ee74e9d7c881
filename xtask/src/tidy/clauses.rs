//! The clauses of docs/adapter-spec.md are the cases of the conformance suites, by name, and every
//! promise in the docs of a port is one of them.
use std::collections::BTreeSet;

use super::Findings;
use crate::source::File;

const SPEC: &str = "docs/adapter-spec.md";
const SUITES: &str = "besunny-testkit/src/conformance";
const PORTS: &str = "besunny-core/src/";
/// What makes a sentence a promise.
const PROMISE: &str = "MUST";
/// An id has a family, a subject and a promise.
const PARTS: usize = 3;

/// Compares the clause ids of the specification, the names of the cases and the docs of the ports.
pub(super) fn check(files: &[File]) -> Findings {
    let text = |file: &File| file.text.clone();
    let spec: String = files.iter().filter(|file| file.path == SPEC).map(text).collect();
    let is_suite = |file: &&File| file.path.starts_with(SUITES) && file.is_rust();
    let suites: String = files.iter().filter(is_suite).map(text).collect();
    let mut findings = compare(&spec, &suites);
    let ids = ids(&spec);
    for file in files.iter().filter(|file| file.path.starts_with(PORTS) && file.is_rust()) {
        findings.extend(check_port(&file.path, &file.text, &ids));
    }
    findings
}

/// Returns the clause ids of the specification.
fn ids(spec: &str) -> BTreeSet<&str> {
    clauses(spec).map(|(id, _)| id).collect()
}

/// Returns each clause of the specification, by its id.
fn clauses(spec: &str) -> impl Iterator<Item = (&str, &str)> {
    spec.lines().filter_map(|line| line.strip_prefix("- **`")?.split_once('`'))
}

/// Compares the clauses with the cases of the suites.
fn compare(spec: &str, suites: &str) -> Findings {
    let cases: BTreeSet<&str> = suites
        .lines()
        .filter_map(|line| line.split_once("clause(\"")?.1.split('"').next())
        .collect();
    let clauses_by_id = ids(spec);
    let empty = clauses(spec).filter(|(_, clause)| !clause.contains(PROMISE));
    let empty = empty.map(|(id, _)| format!("{SPEC}: the clause `{id}` has no {PROMISE}"));
    let untested = clauses_by_id.difference(&cases);
    let untested =
        untested.map(|clause| format!("{SPEC}: the clause `{clause}` has no conformance case"));
    let unwritten = cases.difference(&clauses_by_id);
    let unwritten = unwritten.map(|case| format!("{SPEC}: the case `{case}` has no clause"));
    untested.chain(unwritten).chain(empty).collect()
}

/// Checks that each promise in the docs of a file names its clause, and that the clause is there.
fn check_port(path: &str, text: &str, ids: &BTreeSet<&str>) -> Findings {
    let families: BTreeSet<&str> = ids.iter().filter_map(|id| id.split('.').next()).collect();
    let is_id = |word: &&str| {
        let mut parts = word.split('.');
        let is_family = parts.next().is_some_and(|family| families.contains(family));
        let is_word = |part: &str| {
            !part.is_empty()
                && part.chars().all(|letter| letter.is_ascii_lowercase() || letter == '-')
        };
        is_family && word.split('.').count() == PARTS && parts.all(is_word)
    };
    let mut findings = Findings::new();
    for (line, sentence) in sentences(text) {
        let named: Vec<&str> = sentence.split('`').skip(1).step_by(2).filter(is_id).collect();
        let unknown = named.iter().filter(|id| !ids.contains(**id));
        findings.extend(unknown.map(|id| format!("{path}:{line}: no clause is called `{id}`")));
        if sentence.split(|letter: char| !letter.is_alphanumeric()).any(|word| word == PROMISE)
            && named.is_empty()
        {
            findings.push(format!(
                "{path}:{line}: a {PROMISE} without the id of its clause: {sentence}"
            ));
        }
    }
    findings
}

/// Returns the sentences of doc comments, each with the line of its block's first word.
///
/// A block is a paragraph or a point of a list; a sentence ends with a full stop before a space.
fn sentences(text: &str) -> Vec<(usize, String)> {
    let mut blocks: Vec<(usize, String)> = Vec::new();
    let mut is_open = false;
    for (number, line) in text.lines().enumerate() {
        let doc = line.trim_start().strip_prefix("///").map(str::trim);
        let Some(doc) = doc.filter(|doc| !doc.is_empty()) else {
            is_open = false;
            continue;
        };
        match blocks.last_mut() {
            Some((_, block)) if is_open && !doc.starts_with(['-', '#']) => {
                block.push(' ');
                block.push_str(doc);
            }
            Some(_) | None => blocks.push((number + 1, doc.to_owned())),
        }
        is_open = !doc.starts_with('#');
    }
    let parted = blocks.into_iter().flat_map(|(line, block)| {
        let parts: Vec<_> = block.split(". ").map(|part| (line, part.to_owned())).collect();
        parts
    });
    parted.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD_SPEC: &str =
        "- **`port.act.one`** One MUST be.\n- **`port.act.two`** Two MUST NOT be.";

    fn check_compare(spec: &str, suites: &str, want: &[&str]) {
        assert_eq!(compare(spec, suites), want, "{spec}\n{suites}");
    }

    #[test]
    fn clauses_and_cases_are_the_same() {
        let cases = "    clause(\"port.act.one\", one),\n        clause(\"port.act.two\", two),";
        check_compare(GOOD_SPEC, cases, &[]);
        check_compare(
            GOOD_SPEC,
            "vec![clause(\"port.act.one\", one)]",
            &["docs/adapter-spec.md: the clause `port.act.two` has no conformance case"],
        );
        check_compare(
            "- **`port.act.one`** One MUST be.",
            cases,
            &["docs/adapter-spec.md: the case `port.act.two` has no clause"],
        );
        check_compare(
            "- **`port.act.one`** One is.",
            "clause(\"port.act.one\", one)",
            &["docs/adapter-spec.md: the clause `port.act.one` has no MUST"],
        );
    }

    /// Looks at the docs of a port; what is found, by its line.
    fn check_docs(docs: &str, want: &[&str]) {
        let found = check_port("port.rs", docs, &ids(GOOD_SPEC));
        let found: Vec<&str> =
            found.iter().map(|line| line.trim_start_matches("port.rs:")).collect();
        assert_eq!(found, want, "{docs}");
    }

    #[test]
    fn every_promise_names_its_clause() {
        check_docs(
            "/// `act` MUST be one (`port.act.one`), and MUST NOT be\n/// two (`port.act.two`).",
            &[],
        );
        check_docs("/// - It MUST be one (`port.act.one`).\n/// - It may be three.", &[]);
        check_docs("//! What MUST be is said below.\nlet code = \"MUST\"; // MUST", &[]);
        check_docs("/// Nothing MUSTERS anything.", &[]);
        check_docs("/// It MUST be.", &["1: a MUST without the id of its clause: It MUST be."]);
        check_docs(
            "/// It MUST be one (`port.act.one`). And it\n/// MUST be more.",
            &["1: a MUST without the id of its clause: And it MUST be more."],
        );
        check_docs(
            "/// - It MUST be one\n/// - (`port.act.one`)",
            &["1: a MUST without the id of its clause: - It MUST be one"],
        );
        check_docs(
            "/// # Errors\n/// They MUST be\n///\n/// (`port.act.one`)",
            &["2: a MUST without the id of its clause: They MUST be"],
        );
        check_docs(
            "fn one() {}\n/// It MUST be `port.act.three`.",
            &["2: no clause is called `port.act.three`"],
        );
        check_docs("/// See `port.rs`, `port.act` and `other.act.one`.", &[]);
    }
}
