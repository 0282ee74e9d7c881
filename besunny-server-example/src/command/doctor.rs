//! `besunny doctor`: every setting, what is wrong with it, and the fix.
use std::{
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    sync::Arc,
};

use besunny::{
    SystemClock,
    core::{clock::Clock, ids::TenantId},
    sqlite::SqliteStore,
};
use serde_json::json;

use super::{Answer, DEFAULT_DB, Refusal, describe};
use crate::{
    attendee::Bots,
    config::{Config, Finding},
    gmail::{Google, Mailbox},
    language::Language,
    token,
};

/// With less room than this, a store may fill its disk within one large mailbox.
const ROOM_BYTES: u64 = 1 << 30;

/// Checks every setting.
#[derive(Debug, clap::Args)]
pub(super) struct Doctor {
    /// The settings of the server
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The address the server will listen on
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
}

impl Doctor {
    pub(super) async fn run(self, db: Option<PathBuf>) -> Result<Answer, Refusal> {
        let mut findings = Vec::new();
        let config = match self.config.as_deref().map(Config::read).transpose() {
            Ok(config) => config.unwrap_or_default(),
            Err(refusal) => {
                let fix = "correct it: docs/configuration.md lists every key";
                findings.push(Finding::new("config", refusal.message(), fix));
                Config::default()
            }
        };
        findings.extend(config.findings());
        let db = db.or_else(|| config.db.clone()).unwrap_or_else(|| DEFAULT_DB.into());
        findings.extend(check_db(&db).await);
        findings.extend(check_room(&db));
        findings.extend(check_access(&config, self.listen.as_deref()));
        findings.extend(check_google(config.google, config.public_url.as_deref()).await);
        findings.extend(check_language(config.language).await);
        findings.extend(check_bots(config.attendee, config.public_url.as_deref()).await);
        Ok(answer(&findings))
    }
}

fn answer(findings: &[Finding]) -> Answer {
    let lines: Vec<String> = findings
        .iter()
        .map(|Finding { setting, problem, fix }| format!("{setting}: {problem}\n  fix: {fix}"))
        .collect();
    let text = if lines.is_empty() { "everything is in order".into() } else { lines.join("\n") };
    Answer { json: json!({ "findings": findings }), text, is_finding: !findings.is_empty() }
}

/// Checks the database without changing it.
async fn check_db(db: &Path) -> Option<Finding> {
    let folder = folder(db);
    if !folder.is_dir() {
        let problem = format!("the folder {} does not exist", folder.display());
        return Some(Finding::new("db", problem, format!("run `mkdir -p {}`", folder.display())));
    }
    if !db.exists() {
        return tried(folder).err().map(|error| {
            let problem = format!("nothing can be written in {}: {error}", folder.display());
            Finding::new("db", problem, "change its permissions, or name a file elsewhere")
        });
    }
    match SqliteStore::look(db).await {
        Err(error) => Some(Finding::new(
            "db",
            describe(&error),
            "name the right file with --db, or bring back a copy of it",
        )),
        Ok(schema) if schema.found != Some(schema.newest) => {
            let problem = format!("{} has an older schema", db.display());
            Some(Finding::new("db", problem, "run `besunny migrate`"))
        }
        Ok(_) => {
            std::fs::OpenOptions::new().append(true).open(folder.join(db.file_name()?)).err().map(
                |error| {
                    let problem = format!("{} may not be written: {error}", db.display());
                    Finding::new("db", problem, "change its owner or its permissions")
                },
            )
        }
    }
}

/// Makes and removes a file, to see whether that is allowed.
fn tried(folder: &Path) -> std::io::Result<()> {
    let probe = folder.join(format!(".besunny-doctor-{}", std::process::id()));
    std::fs::OpenOptions::new().write(true).create_new(true).open(&probe)?;
    std::fs::remove_file(probe)
}

#[cfg(unix)]
fn check_room(db: &Path) -> Option<Finding> {
    let disk = rustix::fs::statvfs(folder(db)).ok()?;
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    (free < ROOM_BYTES).then(|| {
        let problem = format!("its disk has {} MiB of free room", free >> 20);
        Finding::new("db", problem, "free at least 1 GiB, or put the database on another disk")
    })
}

#[cfg(not(unix))]
const fn check_room(_: &Path) -> Option<Finding> {
    None
}

fn folder(db: &Path) -> &Path {
    match db.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// Tries the mailbox at Google; changes nothing there.
async fn check_google(google: Option<Google>, public_url: Option<&str>) -> Vec<Finding> {
    let Some(google) = google else { return Vec::new() };
    match Mailbox::at_google(google, public_url) {
        Ok(mailbox) => {
            let tenant = TenantId::derived(&[b"doctor"]);
            mailbox.findings(tenant, Arc::new(SystemClock::default())).await
        }
        Err(finding) => vec![finding],
    }
}

/// Asks the language model for one word.
async fn check_language(language: Option<Language>) -> Option<Finding> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
    language?.probe(&clock).await
}

/// Asks Attendee for its version, and for no bots.
async fn check_bots(bots: Option<Bots>, public_url: Option<&str>) -> Vec<Finding> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
    match bots {
        Some(bots) => bots.probe(public_url, &clock).await,
        None => Vec::new(),
    }
}

fn check_access(config: &Config, listen: Option<&str>) -> Vec<Finding> {
    let token = token::configured(config.token_file.as_deref());
    let address = config.listen(listen);
    let exposed = match (&address, &token) {
        (Ok(address), Ok(None)) => exposed(*address),
        _ => None,
    };
    let busy = address.as_ref().ok().and_then(|address| {
        let error = TcpListener::bind(address).err()?;
        let problem = format!("nobody can listen on {address}: {error}");
        Some(Finding::new("listen", problem, "end the other program, or choose another address"))
    });
    let unnamed = address.as_ref().ok().and_then(|address| config.unnamed(*address));
    [token.err(), address.err(), exposed, unnamed, busy].into_iter().flatten().collect()
}

/// An address that others can reach wants a token that its owner has chosen.
pub(super) fn exposed(address: SocketAddr) -> Option<Finding> {
    (!address.ip().is_loopback()).then(|| {
        let problem = format!("others can reach {address}, and no token is configured");
        let fix = "set BESUNNY_TOKEN or token_file, or listen on 127.0.0.1";
        Finding::new("listen", problem, fix)
    })
}
