//! Takes in a whole Gmail mailbox: listed, fetched, read, stored, routed.
use std::{
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use async_trait::async_trait;
use besunny::{
    Besunny, SystemClock,
    core::{
        account::{Intake, NewAccount},
        adapter::Adapter,
        address::Username,
        budget::{Budget, Paced, Unmetered},
        clock::Clock,
        ids::{TenantId, UserId},
        project::Project,
        repository::{DocumentFilter, StateFilter, Store},
        source::Subject,
        tenant::{Tenant, TenantScope, User},
    },
    google::{
        ClientSecret, Credential, Credentials, Endpoints, Gmail, GoogleConfig, GoogleTokens, Http,
    },
    sqlite::{Options, SqliteStore},
};
use chrono::{DateTime, TimeDelta, Utc};
use clap::Args;
use serde_json::Value;

use crate::measure::{processor_seconds, report};

/// Projects that mails are routed to.
const PROJECTS: [&str; 3] = ["harbour works", "city library", "night train"];

/// Takes in a Gmail mailbox.
#[derive(Debug, Args)]
pub(crate) struct TakeIn {
    /// The file to write.
    #[arg(long)]
    db: PathBuf,
    /// Where Gmail is, as the world printed it.
    #[arg(long)]
    entry: String,
    /// How many mails there must be in the end.
    #[arg(long)]
    mails: u64,
    /// Keeps to Google's quota, with time this many times as fast.
    #[arg(long)]
    scale: Option<u32>,
}

impl TakeIn {
    pub(crate) fn run(self) -> Result<()> {
        tokio::runtime::Runtime::new()?.block_on(self.take_in())
    }

    #[expect(clippy::disallowed_methods, reason = "a measurement needs the wall clock")]
    async fn take_in(self) -> Result<()> {
        let clock: Arc<dyn Clock> = Arc::new(Fast::new(self.scale.unwrap_or(1)));
        let store = SqliteStore::open(self.db.as_path(), Arc::clone(&clock), Options::default());
        let (store, scope, owner) = settle(store.await?, clock.now()).await?;
        let entry: Value = serde_json::from_str(&self.entry)?;
        let adapter = Adapter::new(gmail(&entry, &clock, self.scale.is_some())?);
        let engine = Besunny::builder(store)
            .mail(Gmail::provider(), adapter)
            .clock(Arc::clone(&clock))
            .build();
        let (began, processor) = (std::time::Instant::now(), processor_seconds()?);
        let grant = NewAccount {
            owner,
            provider: Gmail::provider(),
            subject: Subject::from_source(text(&entry["credentials"]["address"])),
            intake: Intake::Whole,
        };
        engine.connect(&scope, grant).await?;
        let store = Arc::clone(engine.store());
        let running = engine.start();
        wait_for(&*store, &scope, self.mails).await?;
        let (wall, processor) = (began.elapsed(), processor_seconds()? - processor);
        ensure!(running.stop().await, "the engine ends in time");
        report(usize::try_from(self.mails)?, wall, processor)
    }
}

/// Waits until all mails are stored and decided on.
async fn wait_for(store: &dyn Store, scope: &TenantScope, mails: u64) -> Result<()> {
    /// Rarely enough to cost nothing.
    const LOOK: Duration = Duration::from_millis(200);
    /// A tally counts all documents, so it is taken only when nothing waits.
    const WAITING: DocumentFilter = DocumentFilter {
        owner: None,
        kind: None,
        project: None,
        state: Some(StateFilter::Pending),
        before: None,
        limit: 1,
    };
    loop {
        if store.documents(scope, &WAITING).await?.is_empty() {
            let tally = store.tally(scope, None).await?;
            if tally.needs_review + tally.routed.values().sum::<u64>() == mails {
                return Ok(());
            }
        }
        #[expect(clippy::disallowed_methods, reason = "a measurement waits for what it measures")]
        tokio::time::sleep(LOOK).await;
    }
}

/// Makes a tenant with one person and some projects.
pub(crate) async fn settle(
    store: SqliteStore,
    now: DateTime<Utc>,
) -> Result<(SqliteStore, TenantScope, UserId)> {
    use besunny::core::repository::{People, Projects};
    let (tenant, owner) = (TenantId::derived(&[b"bench"]), UserId::derived(&[b"ann"]));
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

fn gmail(entry: &Value, clock: &Arc<dyn Clock>, is_metered: bool) -> Result<Gmail> {
    let config = config(entry);
    let quota = config.quota.quota();
    let http = Http::new(config, Arc::clone(clock))?;
    let tokens =
        GoogleTokens::new(http.clone(), Credentials::Given(credential(&entry["credentials"])));
    let budget: Arc<dyn Budget> = if is_metered {
        Arc::new(Paced::new(Arc::clone(clock), [quota]))
    } else {
        Arc::new(Unmetered)
    };
    Ok(Gmail::new(http, Arc::new(tokens), budget))
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

/// The machine's time, so many times as fast.
#[derive(Debug)]
struct Fast {
    clock: SystemClock,
    began: DateTime<Utc>,
    factor: u32,
}

impl Fast {
    fn new(factor: u32) -> Self {
        let clock = SystemClock::default();
        let began = clock.now();
        Self { clock, began, factor }
    }
}

#[async_trait]
impl Clock for Fast {
    fn now(&self) -> DateTime<Utc> {
        let passed = self.clock.now() - self.began;
        self.began + passed * i32::try_from(self.factor).unwrap_or(i32::MAX)
    }

    async fn sleep_until(&self, at: DateTime<Utc>) {
        let passed = (at - self.began).max(TimeDelta::zero());
        let wake = self.began + passed / i32::try_from(self.factor).unwrap_or(i32::MAX);
        // Rounding down would wake too early.
        self.clock.sleep_until(wake + TimeDelta::milliseconds(1)).await;
    }
}
