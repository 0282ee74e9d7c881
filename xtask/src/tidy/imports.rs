//! Who may import whom (ARCHITECTURE.md: imports).
use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use cargo_metadata::{DependencyKind, MetadataCommand};

use super::Findings;
use crate::command::{cargo, root};

/// Crates that do I/O, spawn or keep time; core has none of them.
const IO_CRATES: [&str; 9] = [
    "axum",
    "hyper",
    "reqwest",
    "rusqlite",
    "sqlx",
    "sqlx-core",
    "tokio",
    "tokio-util",
    "async-nats",
];
/// Crates that would bring a second TLS stack or crypto provider.
const REFUSED: [&str; 4] = ["native-tls", "openssl-sys", "ring", "rsa"];

/// Checks the directions of imports from `cargo metadata`.
pub(super) fn check() -> Result<Findings> {
    let metadata = MetadataCommand::new().current_dir(root()).exec()?;
    let mut findings = Findings::new();
    for package in metadata.workspace_packages() {
        let imports = |wanted: &str| wanted.starts_with("besunny");
        for dependency in &package.dependencies {
            let name = dependency.name.as_str();
            let is_dev = dependency.kind == DependencyKind::Development;
            if imports(name) && !allowed(package.name.as_str(), name, is_dev) {
                findings.push(format!("{}: must not import {name}", package.name));
            }
            if package.name.as_str() == "besunny-core" && !is_dev && IO_CRATES.contains(&name) {
                findings.push(format!("besunny-core: must not import the I/O crate {name}"));
            }
        }
    }
    findings.extend(refused()?);
    Ok(findings)
}

/// Says whether `package` may import the workspace crate `other`.
fn allowed(package: &str, other: &str, is_dev: bool) -> bool {
    match package {
        "besunny-core" => is_dev && other == "besunny-testkit",
        "besunny-simulator" => false,
        "besunny-testkit" => other == "besunny-core",
        "besunny" => other != "besunny-server-example" && other != "besunny-simulator",
        "besunny-server-example" => matches!(other, "besunny" | "besunny-simulator") || is_dev,
        "besunny-bench" | "besunny-tests" | "xtask" => true,
        _ => other == "besunny-core" || is_dev && other == "besunny-testkit",
    }
}

/// Looks for refused crates in what is built, on any platform and with all features.
///
/// `cargo metadata` and the lock file also name what a weak feature would need if its crate were
/// there (`ring` of `rustls-webpki`); `cargo tree` does not.
fn refused() -> Result<Findings> {
    let tree = ["tree", "--workspace", "--all-features", "--target", "all", "--prefix", "none"];
    let output = cargo(&tree).args(["--format", "{p}"]).output()?;
    ensure!(output.status.success(), "cargo tree failed: {}", output.status);
    let text = String::from_utf8(output.stdout)?;
    let names: BTreeSet<&str> = text.lines().filter_map(|line| line.split(' ').next()).collect();
    let found = REFUSED.into_iter().filter(|name| names.contains(name));
    Ok(found.map(|name| format!("cargo tree: {name} must not be in the tree")).collect())
}
