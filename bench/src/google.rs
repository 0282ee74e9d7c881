//! Accounts of the simulated Google, and an engine that takes in what they have.
use std::{
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use besunny::{
    Besunny, Builder,
    core::{
        account::{Intake, NewAccount, Provider},
        address::Username,
        clock::Clock,
        ids::{TenantId, UserId},
        project::Project,
        repository::Store,
        source::Subject,
        tenant::{Tenant, TenantScope, User},
    },
    google::{ClientSecret, Credential, Credentials, Endpoints, GoogleConfig, GoogleTokens, Http},
    sqlite::{Options, SqliteStore},
};
use chrono::{DateTime, Utc};
use clap::Args;
use serde_json::Value;

use crate::measure::processor_seconds;

/// Projects that mails are routed to.
const PROJECTS: [&str; 3] = ["harbour works", "city library", "night train"];

/// An account of the world, and the file that it is taken into.
#[derive(Debug, Args)]
pub(crate) struct Grant {
    /// The file to write.
    #[arg(long)]
    db: PathBuf,
    /// Where Google is, as the world printed it.
    #[arg(long)]
    entry: String,
}

/// Where to see what was taken in.
#[derive(Debug)]
pub(crate) struct TakenIn<'a> {
    pub(crate) store: &'a dyn Store,
    pub(crate) scope: &'a TenantScope,
    pub(crate) owner: UserId,
}

impl Grant {
    /// Returns where the world is.
    pub(crate) fn world(&self) -> Result<Value> {
        Ok(serde_json::from_str(&self.entry)?)
    }

    /// Lets an engine take in the first account of the world until `wait` says that all is there.
    ///
    /// Returns how long that took, and what it cost in seconds of the processor.
    #[expect(clippy::disallowed_methods, reason = "a measurement needs the wall clock")]
    pub(crate) async fn take_in(
        &self,
        provider: Provider,
        clock: Arc<dyn Clock>,
        wire: impl FnOnce(Builder) -> Builder,
        wait: impl AsyncFnOnce(TakenIn<'_>) -> Result<()>,
    ) -> Result<(Duration, f64)> {
        let store = SqliteStore::open(self.db.as_path(), Arc::clone(&clock), Options::default());
        let (store, scope, owner) = settle(store.await?, clock.now()).await?;
        let engine = wire(Besunny::builder(store).clock(clock)).build();
        let (began, processor) = (Instant::now(), processor_seconds()?);
        let subject = Subject::from_source(text(&self.world()?["credentials"]["address"]));
        let grant = NewAccount { owner, provider, subject, intake: Intake::Whole };
        engine.connect(&scope, grant).await?;
        let store = Arc::clone(engine.store());
        let running = engine.start();
        wait(TakenIn { store: &*store, scope: &scope, owner }).await?;
        let took = (began.elapsed(), processor_seconds()? - processor);
        ensure!(running.stop().await, "the engine ends in time");
        Ok(took)
    }
}

/// Names the tenant of all measurements.
pub(crate) fn tenant() -> TenantId {
    TenantId::derived(&[b"bench"])
}

/// Makes a tenant with one person and some projects.
pub(crate) async fn settle(
    store: SqliteStore,
    now: DateTime<Utc>,
) -> Result<(SqliteStore, TenantScope, UserId)> {
    use besunny::core::repository::{People, Projects};
    let (tenant, owner) = (tenant(), UserId::derived(&[b"ann"]));
    let scope = TenantScope::trusted(tenant);
    store.found(&Tenant { id: tenant, name: "Bench".to_owned(), created_at: now }).await?;
    let username = Username::parse("ann")?;
    let user = User { id: owner, username, name: "Ann".to_owned(), created_at: now };
    store.add_user(&scope, &user).await?;
    for name in PROJECTS {
        store.put_project(&scope, &Project::new(tenant, owner, name, now)?).await?;
    }
    Ok((store, scope, owner))
}

/// Makes what calls the world's Google, with the tokens of its first account.
pub(crate) fn transport(
    config: GoogleConfig,
    entry: &Value,
    clock: &Arc<dyn Clock>,
) -> Result<(Http, Arc<GoogleTokens>)> {
    let http = Http::new(config, Arc::clone(clock))?;
    let credential = credential(&entry["credentials"]);
    let tokens = GoogleTokens::new(http.clone(), Credentials::Given(credential));
    Ok((http, Arc::new(tokens)))
}

/// Finds all of Google at the world's address.
pub(crate) fn config(entry: &Value) -> GoogleConfig {
    GoogleConfig { endpoints: Endpoints::at(text(&entry["base"])), ..GoogleConfig::default() }
}

/// Writes the credentials of all accounts into a file that nobody else may read.
pub(crate) fn credentials(entry: &Value, folder: &Path) -> Result<Credentials> {
    use std::os::unix::fs::OpenOptionsExt;
    let accounts = entry["accounts"].as_array().context("no accounts")?;
    let by_address: serde_json::Map<String, Value> = accounts
        .iter()
        .map(|account| (text(&account["address"]).to_owned(), account.clone()))
        .collect();
    let path = folder.join("credentials.json");
    let mut file =
        std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
    file.write_all(Value::Object(by_address).to_string().as_bytes())?;
    Ok(Credentials::File(path))
}

fn credential(credentials: &Value) -> Credential {
    let secret = |name: &str| text(&credentials[name]).to_owned().into();
    let id = text(&credentials["client_id"]).to_owned();
    let client = ClientSecret { id, secret: secret("client_secret") };
    Credential { client, refresh_token: secret("refresh_token") }
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
