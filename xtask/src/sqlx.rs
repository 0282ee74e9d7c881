//! The committed cache of checked SQL against the schema that the migrations make.
//!
//! A build without a database trusts the cache, so a migration that changes what a statement means
//! goes unnoticed until somebody looks: this does. It neither reads a `DATABASE_URL` nor needs one,
//! and builds into a folder of its own, so that nothing else is built anew.
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use ::sqlx::{ConnectOptions, Connection, migrate::Migrator, sqlite::SqliteConnectOptions};
use anyhow::{Context, Result, bail};

use crate::command::{cargo, root, run};

const CRATE: &str = "besunny-store-sqlite";
/// As in the crate's `sqlx.toml`.
const VARIABLE: &str = "BESUNNY_SQLITE_DATABASE_URL";

/// What the macros found out about each statement, by file name.
type Cache = BTreeMap<String, String>;

/// Fails when the committed cache is not what the schema says.
#[expect(clippy::print_stdout, reason = "a command speaks on stdout")]
pub(crate) fn check() -> Result<()> {
    let (committed, found) = (read(&committed())?, prepare()?);
    let differs = |(name, text): &(&String, &String)| committed.get(*name) != Some(*text);
    let wrong = found.iter().filter(differs).map(|(_, text)| ("not cached as it is", text));
    let stale = committed.iter().filter(|(name, _)| !found.contains_key(*name));
    let stale = stale.map(|(_, text)| ("cached, but no longer used", text));
    let findings: Vec<String> =
        wrong.chain(stale).map(|(what, text)| format!("{what}: {}", statement(text))).collect();
    if findings.is_empty() {
        println!("sqlx-check: {} statements are as the schema says", found.len());
        return Ok(());
    }
    let fix = "write the cache anew by `cargo xtask sqlx-check --refresh`";
    bail!("sqlx-check: {} findings; {fix}\n{}", findings.len(), findings.join("\n"));
}

/// Writes the committed cache anew.
#[expect(clippy::print_stdout, reason = "a command speaks on stdout")]
pub(crate) fn refresh() -> Result<()> {
    let (folder, found) = (committed(), prepare()?);
    empty(&folder)?;
    for (name, text) in &found {
        fs::write(folder.join(name), text)?;
    }
    println!("sqlx-check: {} statements are cached", found.len());
    Ok(())
}

fn committed() -> PathBuf {
    root().join(CRATE).join(".sqlx")
}

/// Compiles the crate against a fresh database; returns what the macros found out.
fn prepare() -> Result<Cache> {
    let scratch = root().join("target").join("sqlx-check");
    let (cache, builds) = (scratch.join("cache"), scratch.join("builds"));
    empty(&cache)?;
    let database = scratch.join("schema.db");
    migrate(&database)?;
    let builds = builds.to_str().context("the path of the workspace is no UTF-8")?;
    // The macros run only when the crate is compiled, and cargo does not see their database.
    run(cargo(&["clean", "--quiet", "--package", CRATE, "--target-dir", builds]))?;
    let arguments = ["check", "--quiet", "--package", CRATE, "--lib", "--target-dir", builds];
    let mut build = cargo(&arguments);
    build.env(VARIABLE, format!("sqlite://{}", database.display()));
    build.env("SQLX_OFFLINE", "false").env("SQLX_OFFLINE_DIR", &cache);
    run(build)?;
    read(&cache)
}

/// Makes a database with the schema.
fn migrate(database: &Path) -> Result<()> {
    for end in ["", "-wal", "-shm", "-journal"] {
        let file = PathBuf::from(format!("{}{end}", database.display()));
        if file.exists() {
            fs::remove_file(file)?;
        }
    }
    let migrate = async {
        let migrator = Migrator::new(root().join(CRATE).join("migrations")).await?;
        let options = SqliteConnectOptions::new().filename(database).create_if_missing(true);
        let mut connection = options.connect().await?;
        migrator.run_direct(None, &mut connection, false).await?;
        connection.close().await?;
        anyhow::Ok(())
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(migrate).context("the migrations cannot be applied")
}

fn empty(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    Ok(fs::create_dir_all(folder)?)
}

fn read(folder: &Path) -> Result<Cache> {
    if !folder.exists() {
        return Ok(Cache::new());
    }
    let mut cache = Cache::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        cache.insert(name, fs::read_to_string(&path)?);
    }
    Ok(cache)
}

/// Returns the statement of a cache file, on one line.
fn statement(text: &str) -> String {
    let cached: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    let statement = cached["query"].as_str().unwrap_or("unreadable");
    statement.split_whitespace().collect::<Vec<_>>().join(" ")
}
