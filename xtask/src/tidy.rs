//! The rules of the house that no compiler knows (ARCHITECTURE.md, CONTRIBUTING.md).
use std::collections::BTreeSet;

use anyhow::{Result, bail};

mod clauses;
mod imports;
mod style;

use crate::source::{self, File};

/// What breaks a rule: where, and what to do.
type Findings = Vec<String>;

/// Checks everything; fails with the list of what breaks a rule.
#[expect(clippy::print_stdout, reason = "a command speaks on stdout")]
pub(crate) fn run() -> Result<()> {
    let files = source::files()?;
    let mut findings = imports::check()?;
    findings.extend(style::check(&files));
    findings.extend(clauses::check(&files));
    findings.extend(dependencies(&files));
    findings.extend(leaks(&files));
    println!("{}", style::figures(&files));
    if findings.is_empty() {
        println!("tidy: {} files keep the rules of the house", files.len());
        return Ok(());
    }
    bail!("tidy: {} findings\n{}", findings.len(), findings.join("\n"));
}

/// Every dependency of the workspace has its row in docs/dependencies.md, and every row its use.
fn dependencies(files: &[File]) -> Findings {
    let find = |path: &str| files.iter().find(|file| file.path == path);
    let (Some(manifest), Some(reasons)) = (find("Cargo.toml"), find("docs/dependencies.md")) else {
        return vec![
            "docs/dependencies.md: missing; it names the reason of every dependency".into(),
        ];
    };
    let table = manifest.text.split("[workspace.dependencies]").nth(1).unwrap_or_default();
    let table = table.split("\n[").next().unwrap_or_default();
    let names: BTreeSet<&str> = table
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, _)| name.trim())
        .filter(|name| !name.starts_with("besunny"))
        .collect();
    let rows: BTreeSet<&str> = reasons
        .text
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .collect();
    let unexplained = names.difference(&rows);
    let left_over = rows.difference(&names);
    unexplained
        .map(|name| format!("docs/dependencies.md: the reason for `{name}` is missing"))
        .chain(left_over.map(|name| format!("docs/dependencies.md: `{name}` is no dependency")))
        .collect()
}

/// Paths of the machine it was written on do not belong into the repository.
fn leaks(files: &[File]) -> Findings {
    let roots = ["work", "root", "farm"].map(|root| format!("/{root}/"));
    let leaks = files.iter().filter(|file| file.path != "Cargo.lock").filter_map(|file| {
        let (number, line) = file
            .text
            .lines()
            .enumerate()
            .find(|(_, line)| roots.iter().any(|root| line.contains(root.as_str())))?;
        Some(format!("{}:{}: names a path of one machine: {}", file.path, number + 1, line.trim()))
    });
    leaks.collect()
}
