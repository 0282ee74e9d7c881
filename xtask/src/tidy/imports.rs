//! Who may import whom (DESIGN: directions of imports).
use anyhow::Result;
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

use super::Findings;
use crate::command::root;

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
    findings.extend(refused(&metadata));
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

fn refused(metadata: &Metadata) -> Findings {
    let refused = |package: &&Package| REFUSED.contains(&package.name.as_str());
    let found = metadata.packages.iter().filter(refused);
    found.map(|package| format!("Cargo.lock: {} must not be in the tree", package.name)).collect()
}
