//! From a call of Google to what follows from it, for mailboxes (D1) and calendars (N1).
//!
//! Google is simulated in a process of its own and answers after 50 ms. Every account changes once, at its own time,
//! and is measured from the arrival of the call. Calls of Google lie between, and commits that end with an fdatasync.
//! A call counts as long as one that asks for nothing took beside the engine while it was measured, and an fdatasync
//! as long as one of a small write; what is left is ours. A timer of 50 ms fires after 51: the call is measured, not
//! assumed. What is ours is bounded by how long it takes to wake another thread, since every statement goes to the
//! thread of its connection and back: so that is measured in the same run.
use std::{
    collections::HashMap,
    path::Path,
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use axum::{Router, body::Bytes, extract::State, http::HeaderMap, routing::post};
use besunny::{
    Besunny, Builder, SystemClock,
    core::{
        account::{Intake, NewAccount, Provider},
        clock::Clock,
        ids::UserId,
        source::Subject,
        tenant::TenantScope,
    },
    sqlite::{Options, SqliteStore},
};
use clap::Args;
use futures::future::{self, Either};
use serde_json::{Value, json};

use crate::{
    LATENCY_MS,
    google::{settle, text},
    machine::{Watch, syncs_per_second, versions},
    probe::{Probe, handoffs},
    rounds::spread,
    server::{Server, take},
    share::{as_f64, as_ms, share},
};

/// Nothing of the world takes so long.
const PATIENCE: Duration = Duration::from_secs(30);
/// Looks that follow a push end within so long; then the accounts are quiet.
const QUIET: Duration = Duration::from_secs(25);

/// How large, and how often.
#[derive(Debug, Args)]
pub(crate) struct Pushes {
    /// How often.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// How many accounts, each with a mailbox or a calendar.
    #[arg(long, default_value_t = 300)]
    accounts: usize,
}

/// What calls us, and what follows from it.
pub(crate) trait Pushed: Sized + 'static {
    /// What the measurement is called.
    const ID: &'static str;
    /// Calls of Google between a call and its end, one after the other.
    const CALLS: f64;
    /// Commits that are synced between them, one after the other.
    const COMMITS: f64;
    /// How many accounts change in a second; without it half of the greatest rate, which a burst tells.
    const RATE: Option<f64>;
    /// Where it calls.
    const PATH: &'static str;
    /// What is asked for to learn how long a call of Google takes.
    const NOTHING: &'static str;

    fn provider() -> Provider;
    /// Lets an engine follow all accounts, and note when something has its end.
    fn wire(engine: Builder, place: &Place<'_>, times: &Times) -> Result<Builder>;
    /// Returns the account that a call is about.
    fn about(headers: &HeaderMap, body: &[u8]) -> Option<String>;
    /// Lets something happen in an account; returns by which name its end is noted.
    async fn happen(bench: &Bench, account: &str, number: usize) -> Result<String>;
}

/// Where everything is.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    pub(crate) entry: &'a Value,
    /// Where calls of Google are taken.
    pub(crate) endpoint: &'a str,
    pub(crate) folder: &'a Path,
    pub(crate) clock: Arc<dyn Clock>,
}

#[expect(clippy::print_stdout, reason = "a measurement speaks on stdout")]
pub(crate) fn run<K: Pushed>(pushes: &Pushes) -> Result<()> {
    let watch = Watch::start()?;
    let mut runs = Vec::new();
    for _ in 0..pushes.rounds {
        runs.push(tokio::runtime::Runtime::new()?.block_on(round::<K>(pushes.accounts))?);
    }
    let of = |name: &str| spread(runs.iter().filter_map(|run| run[name].as_f64()).collect());
    let report = json!({
        "id": K::ID,
        "accounts": pushes.accounts,
        "own_overhead_ms_p50": of("own_overhead_ms_p50"),
        "own_overhead_ms_p99": of("own_overhead_ms_p99"),
        "foreign_cpu": watch.foreign()?,
        "versions": versions(Path::new("python3")),
        "runs": runs,
    });
    println!("{report}");
    Ok(())
}

/// When calls came, by account, and when what followed had its end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Times(Arc<Mutex<Seen>>);

#[derive(Debug, Default)]
struct Seen {
    pushed: HashMap<String, Instant>,
    ended: HashMap<String, Instant>,
}

impl Times {
    fn with<T>(&self, change: impl FnOnce(&mut Seen) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Something has its end now.
    #[expect(clippy::disallowed_methods, reason = "a measurement needs the wall clock")]
    pub(crate) fn end(&self, names: impl Iterator<Item = String>) {
        let now = Instant::now();
        self.with(|seen| {
            for name in names {
                seen.ended.entry(name).or_insert(now);
            }
        });
    }
}

/// Everything a round needs.
#[derive(Debug)]
pub(crate) struct Bench {
    base: String,
    accounts: Vec<String>,
    times: Times,
    pub(crate) scope: TenantScope,
    pub(crate) owner: UserId,
    http: reqwest::Client,
}

async fn round<K: Pushed>(accounts: usize) -> Result<Value> {
    let folder = tempfile::tempdir()?;
    let syncs = syncs_per_second(folder.path())?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let endpoint = format!("http://{}{}", listener.local_addr()?, K::PATH);
    let (latency, count) = (LATENCY_MS.to_string(), accounts.to_string());
    let world = ["--accounts", &count, "--latency", &latency, "--push-to", &endpoint];
    let world = Server::start("world", &world)?;
    let times = Times::default();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
    let place = Place { entry: &world.entry, endpoint: &endpoint, folder: folder.path(), clock };
    let (engine, bench) = connect::<K>(&place, &times).await?;
    let router =
        Router::new().route(K::PATH, post(receive::<K>)).with_state((engine.clone(), times));
    #[expect(clippy::disallowed_methods, reason = "the server of a measurement")]
    let server = tokio::spawn(axum::serve(listener, router).into_future());
    let running = engine.start();
    follow_all(&engine, &bench.scope, accounts).await?;
    rest(QUIET).await;
    let rate = match K::RATE {
        Some(rate) => rate,
        None => bench.burst::<K>().await? / 2.0,
    };
    rest(QUIET).await;
    let probe = Probe::start(folder.path().to_owned());
    let (latencies, call_ms) = bench.beside_calls(K::NOTHING, bench.steady::<K>(rate)).await?;
    let sync_ms = probe.end()?;
    ensure!(running.stop().await, "the engine ends in time");
    server.abort();
    let handoffs = handoffs();
    let given = K::CALLS * share(&call_ms, 50) + K::COMMITS * share(&sync_ms, 50);
    Ok(json!({
        "call_ms_p50": share(&call_ms, 50),
        "call_ms_p99": share(&call_ms, 99),
        "fdatasync_per_second": syncs,
        "fdatasync_ms_p50": share(&sync_ms, 50),
        "fdatasync_ms_p99": share(&sync_ms, 99),
        "rate_per_second": rate,
        "latency_ms_p50": share(&latencies, 50),
        "latency_ms_p99": share(&latencies, 99),
        "handoff_ms_p50": share(&handoffs, 50),
        "own_overhead_ms_p50": share(&latencies, 50) - given,
        "own_overhead_ms_p99": share(&latencies, 99) - given,
        "world": world.end()?,
    }))
}

/// Makes an engine that follows all accounts of the world.
async fn connect<K: Pushed>(place: &Place<'_>, times: &Times) -> Result<(Besunny, Bench)> {
    let (db, clock) = (place.folder.join("besunny.db"), &place.clock);
    let store = SqliteStore::open(db.as_path(), Arc::clone(clock), Options::default()).await?;
    let (store, scope, owner) = settle(store, clock.now()).await?;
    let engine = Besunny::builder(store).clock(Arc::clone(clock));
    let engine = K::wire(engine, place, times)?.build();
    let accounts = place.entry["accounts"].as_array().context("no accounts")?;
    let accounts: Vec<String> =
        accounts.iter().map(|account| text(&account["address"]).to_owned()).collect();
    for address in &accounts {
        let (provider, subject) = (K::provider(), Subject::from_source(address.clone()));
        let grant = NewAccount { owner, provider, subject, intake: Intake::Whole };
        engine.connect(&scope, grant).await?;
    }
    let base = text(&place.entry["base"]).to_owned();
    let http = reqwest::Client::builder().timeout(PATIENCE).build()?;
    Ok((engine, Bench { base, accounts, times: times.clone(), scope, owner, http }))
}

/// Waits until every account is followed and calls; one that is not finds them later.
async fn follow_all(engine: &Besunny, scope: &TenantScope, accounts: usize) -> Result<()> {
    /// Rarely enough to cost nothing.
    const LOOK: Duration = Duration::from_millis(200);
    /// Ten minutes.
    const LOOKS: usize = 3_000;
    for _ in 0..LOOKS {
        let streams = engine.store().streams(scope).await?;
        let followed = streams.iter().filter(|stream| {
            let is_watched = stream.watch.as_ref().is_some_and(|watch| watch.until.is_some());
            is_watched && stream.caught_up_at.is_some()
        });
        if followed.count() == accounts {
            return Ok(());
        }
        rest(LOOK).await;
    }
    anyhow::bail!("not all accounts are followed")
}

#[expect(clippy::disallowed_methods, reason = "a measurement waits for what it measures")]
async fn rest(time: Duration) {
    tokio::time::sleep(time).await;
}

/// Takes a call as the reference server does, and remembers when it came.
#[expect(clippy::disallowed_methods, reason = "a measurement needs the wall clock")]
async fn receive<K: Pushed>(
    State((engine, times)): State<(Besunny, Times)>,
    headers: HeaderMap,
    body: Bytes,
) -> axum::http::StatusCode {
    let now = Instant::now();
    if let Some(account) = K::about(&headers, &body) {
        times.with(|seen| *seen.pushed.entry(account).or_insert(now));
    }
    match take(&engine, &K::provider(), K::PATH, (&headers, &body)).await {
        Ok(_) => axum::http::StatusCode::OK,
        Err(_) => axum::http::StatusCode::SERVICE_UNAVAILABLE,
    }
}

impl Bench {
    /// Posts something to the hand on an account of the world.
    pub(crate) async fn post(&self, account: &str, path: &str, body: Bytes) -> Result<()> {
        let url = format!("{}/control/accounts/{account}/{path}", self.base);
        let request = self.http.post(url).header("content-type", "application/json").body(body);
        request.send().await?.error_for_status()?;
        Ok(())
    }

    /// Returns how many changes a second have their end when all come at once.
    #[expect(clippy::disallowed_methods, reason = "a measurement needs the wall clock")]
    async fn burst<K: Pushed>(&self) -> Result<f64> {
        let began = Instant::now();
        let accounts = self.accounts.iter().enumerate();
        let changes = accounts.map(|(number, account)| K::happen(self, account, number));
        let names = future::try_join_all(changes).await?;
        self.wait_for(&names).await?;
        Ok(as_f64(names.len()) / began.elapsed().as_secs_f64())
    }

    /// Lets changes come at a steady rate; returns how long each took from its call, in ms.
    #[expect(clippy::disallowed_methods, reason = "a measurement needs the wall clock")]
    async fn steady<K: Pushed>(&self, rate: f64) -> Result<Vec<f64>> {
        self.times.with(|seen| *seen = Seen::default());
        let (count, began) = (self.accounts.len(), Instant::now());
        let mut names = Vec::with_capacity(count);
        for (number, account) in self.accounts.iter().enumerate() {
            let due = Duration::from_secs_f64(as_f64(number) / rate);
            rest(due.saturating_sub(began.elapsed())).await;
            names.push(K::happen(self, account, count + number).await?);
        }
        self.wait_for(&names).await?;
        let took = |(account, name): (&String, &String)| {
            self.times.with(|seen| {
                let pushed = seen.pushed.get(account).context("no call came")?;
                let ended = seen.ended.get(name).context("it had no end")?;
                Ok(as_ms(ended.duration_since(*pushed)))
            })
        };
        self.accounts.iter().zip(&names).map(took).collect()
    }

    /// Measures calls that ask for nothing until `work` is done; returns how long each took, in ms.
    #[expect(clippy::disallowed_methods, reason = "a measurement needs the wall clock")]
    async fn beside_calls<T>(
        &self,
        nothing: &str,
        work: impl Future<Output = Result<T>>,
    ) -> Result<(T, Vec<f64>)> {
        /// Rarely enough not to be in the way.
        const PAUSE: Duration = Duration::from_millis(50);
        let took = Mutex::new(Vec::new());
        let call = async || -> Result<()> {
            let began = Instant::now();
            // It carries no token and is refused, after the same time as any call.
            let answer = self.http.get(format!("{}{nothing}", self.base));
            drop(answer.send().await?.bytes().await?);
            took.lock().unwrap_or_else(PoisonError::into_inner).push(as_ms(began.elapsed()));
            rest(PAUSE).await;
            Ok(())
        };
        let calls = async {
            loop {
                if let Err(error) = call().await {
                    return error;
                }
            }
        };
        let done = match future::select(pin!(work), pin!(calls)).await {
            Either::Left((done, _)) => done?,
            Either::Right((error, _)) => return Err(error),
        };
        Ok((done, took.into_inner().unwrap_or_else(PoisonError::into_inner)))
    }

    async fn wait_for(&self, names: &[String]) -> Result<()> {
        /// Fine enough for the rate of a burst.
        const LOOK: Duration = Duration::from_millis(5);
        /// What has no end by then is lost.
        const LOOKS: usize = 24_000;
        let missing = || {
            self.times
                .with(|seen| names.iter().filter(|name| !seen.ended.contains_key(*name)).count())
        };
        for _ in 0..LOOKS {
            if missing() == 0 {
                return Ok(());
            }
            rest(LOOK).await;
        }
        anyhow::bail!("{} of {} changes had no end", missing(), names.len())
    }
}
