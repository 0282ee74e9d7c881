//! D1: from a push to a mail that is stored and routed, at half of the greatest rate.
//!
//! Gmail is simulated in a process of its own and answers after 50 ms. Every mailbox gets one mail in a burst, which
//! tells the greatest rate, and later one at its own time, which is measured from the arrival of the push. Two calls
//! of Gmail lie between (history, mail), and five commits that end with an fdatasync (notice, lease, mail, claim,
//! decision). A call counts as long as one that asks for nothing took beside the engine while it was measured, and an
//! fdatasync as long as one of a small write; what is left is ours. A timer of 50 ms fires after 51: the call is
//! measured, not assumed. What is ours is bounded by how long it takes to wake another thread, since every statement
//! goes to the thread of its connection and back: so that is measured in the same run.
use std::{
    collections::HashMap,
    io::Write,
    path::{Path, PathBuf},
    pin::pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use async_trait::async_trait;
use axum::{Router, body::Bytes, extract::State, http::HeaderMap, routing::post};
use base64::Engine as _;
use besunny::{
    Besunny, SystemClock,
    core::{
        account::{Intake, NewAccount},
        adapter::Adapter,
        budget::Unmetered,
        clock::Clock,
        document::{DocumentKind, document_id},
        event::{Event, EventSink, News, PublishError},
        ids::{DocumentId, UserId},
        mail,
        source::Subject,
        tenant::TenantScope,
    },
    google::{Gmail, GoogleKeys, GoogleTokens, Http, PushConfig},
    sqlite::{Options, SqliteStore},
};
use clap::Args;
use futures::future::{self, Either};
use serde_json::{Value, json};

use crate::{
    corpus::raw_mail,
    gmail::{config, credentials, settle, text},
    machine::{Watch, syncs_per_second, versions},
    rounds::spread,
    server::{Server, take},
    share::{as_f64, as_ms, share},
    world::{SERVICE_ACCOUNT, SUBSCRIPTION, TOPIC},
};

/// What an answer of Gmail takes.
const LATENCY_MS: u64 = 50;
/// Calls of Gmail between a push and a routed mail.
const CALLS: f64 = 2.0;
/// Commits that are synced between them, one after the other.
const COMMITS: f64 = 5.0;
/// Nothing of the world takes so long.
const PATIENCE: Duration = Duration::from_secs(30);
/// Looks that follow a push end within so long; then the mailboxes are quiet.
const QUIET: Duration = Duration::from_secs(25);

/// How large, and how often.
#[derive(Debug, Args)]
pub(crate) struct Pushes {
    /// How often.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// How many mailboxes.
    #[arg(long, default_value_t = 300)]
    mailboxes: usize,
}

#[expect(clippy::print_stdout, reason = "a measurement speaks on stdout")]
pub(crate) fn run(pushes: &Pushes) -> Result<()> {
    let watch = Watch::start()?;
    let mut runs = Vec::new();
    for _ in 0..pushes.rounds {
        runs.push(tokio::runtime::Runtime::new()?.block_on(round(pushes.mailboxes))?);
    }
    let of = |name: &str| spread(runs.iter().filter_map(|run| run[name].as_f64()).collect());
    let report = json!({
        "id": "D1",
        "mailboxes": pushes.mailboxes,
        "own_overhead_ms_p50": of("own_overhead_ms_p50"),
        "own_overhead_ms_p99": of("own_overhead_ms_p99"),
        "foreign_cpu": watch.foreign()?,
        "versions": versions(Path::new("python3")),
        "runs": runs,
    });
    println!("{report}");
    Ok(())
}

/// When pushes came, and when mails found their place.
#[derive(Clone, Debug, Default)]
struct Times(Arc<Mutex<Seen>>);

#[derive(Debug, Default)]
struct Seen {
    pushed: HashMap<String, Instant>,
    decided: HashMap<DocumentId, Instant>,
}

impl Times {
    fn with<T>(&self, change: impl FnOnce(&mut Seen) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl EventSink for Times {
    #[expect(clippy::disallowed_methods, reason = "a measurement needs the wall clock")]
    async fn publish(&self, events: &[Event]) -> Result<(), PublishError> {
        let now = Instant::now();
        self.with(|seen| {
            for event in events {
                if matches!(
                    event.news,
                    News::DocumentRouted { .. } | News::DocumentNeedsReview { .. }
                ) {
                    seen.decided.entry(event.document).or_insert(now);
                }
            }
        });
        Ok(())
    }
}

/// Everything a round needs.
struct Bench {
    base: String,
    addresses: Vec<String>,
    times: Times,
    scope: TenantScope,
    owner: UserId,
    http: reqwest::Client,
}

async fn round(mailboxes: usize) -> Result<Value> {
    let folder = tempfile::tempdir()?;
    let syncs = syncs_per_second(folder.path())?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let endpoint = format!("http://{}/webhooks/gmail", listener.local_addr()?);
    let (latency, count) = (LATENCY_MS.to_string(), mailboxes.to_string());
    let world =
        ["--mails", "0", "--accounts", &count, "--latency", &latency, "--push-to", &endpoint];
    let world = Server::start("world", &world)?;
    let times = Times::default();
    let (engine, bench) = connect(&world.entry, &endpoint, folder.path(), &times).await?;
    let router =
        Router::new().route("/webhooks/gmail", post(receive)).with_state((engine.clone(), times));
    #[expect(clippy::disallowed_methods, reason = "the server of a measurement")]
    let server = tokio::spawn(axum::serve(listener, router).into_future());
    let running = engine.start();
    follow_all(&engine, &bench.scope, mailboxes).await?;
    rest(QUIET).await;
    let rate = bench.burst().await?;
    rest(QUIET).await;
    let probe = Probe::start(folder.path().to_owned());
    let (latencies, call_ms) = bench.beside_calls(bench.steady(rate / 2.0)).await?;
    let sync_ms = probe.end()?;
    ensure!(running.stop().await, "the engine ends in time");
    server.abort();
    let handoffs = handoffs();
    let given = CALLS * share(&call_ms, 50) + COMMITS * share(&sync_ms, 50);
    Ok(json!({
        "call_ms_p50": share(&call_ms, 50),
        "call_ms_p99": share(&call_ms, 99),
        "fdatasync_per_second": syncs,
        "fdatasync_ms_p50": share(&sync_ms, 50),
        "fdatasync_ms_p99": share(&sync_ms, 99),
        "greatest_rate_per_second": rate,
        "latency_ms_p50": share(&latencies, 50),
        "latency_ms_p99": share(&latencies, 99),
        "handoff_ms_p50": share(&handoffs, 50),
        "own_overhead_ms_p50": share(&latencies, 50) - given,
        "own_overhead_ms_p99": share(&latencies, 99) - given,
        "world": world.end()?,
    }))
}

/// Makes an engine that follows all mailboxes of the world.
async fn connect(
    entry: &Value,
    endpoint: &str,
    folder: &Path,
    times: &Times,
) -> Result<(Besunny, Bench)> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
    let db = folder.join("besunny.db");
    let store = SqliteStore::open(db.as_path(), Arc::clone(&clock), Options::default()).await?;
    let (store, scope, owner) = settle(store, clock.now()).await?;
    let push = PushConfig {
        topic: TOPIC.to_owned(),
        subscription: SUBSCRIPTION.to_owned(),
        audience: endpoint.to_owned(),
        service_account: SERVICE_ACCOUNT.to_owned(),
    };
    let http = Http::new(config(entry), Arc::clone(&clock))?;
    let tokens = GoogleTokens::new(http.clone(), credentials(entry, folder)?);
    let gmail = Gmail::new(http.clone(), Arc::new(tokens), Arc::new(Unmetered)).with_push(push)?;
    let adapter = Adapter::new(gmail).with_push().with_keys(GoogleKeys::new(http));
    let engine = Besunny::builder(store)
        .mail(Gmail::provider(), adapter)
        .sink(times.clone())
        .clock(clock)
        .build();
    let accounts = entry["accounts"].as_array().context("no accounts")?;
    let addresses: Vec<String> =
        accounts.iter().map(|account| text(&account["address"]).to_owned()).collect();
    for address in &addresses {
        let (provider, subject) = (Gmail::provider(), Subject::from_source(address.clone()));
        let grant = NewAccount { owner, provider, subject, intake: Intake::Whole };
        engine.connect(&scope, grant).await?;
    }
    let base = text(&entry["base"]).to_owned();
    let http = reqwest::Client::builder().timeout(PATIENCE).build()?;
    Ok((engine, Bench { base, addresses, times: times.clone(), scope, owner, http }))
}

/// Waits until every mailbox is followed and tells of its mails; one that is not finds them later.
async fn follow_all(engine: &Besunny, scope: &TenantScope, mailboxes: usize) -> Result<()> {
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
        if followed.count() == mailboxes {
            return Ok(());
        }
        rest(LOOK).await;
    }
    anyhow::bail!("not all mailboxes are followed")
}

#[expect(clippy::disallowed_methods, reason = "a measurement waits for what it measures")]
async fn rest(time: Duration) {
    tokio::time::sleep(time).await;
}

/// Takes a push as the reference server does, and remembers when it came.
#[expect(clippy::disallowed_methods, reason = "a measurement needs the wall clock")]
async fn receive(
    State((engine, times)): State<(Besunny, Times)>,
    headers: HeaderMap,
    body: Bytes,
) -> axum::http::StatusCode {
    let now = Instant::now();
    let address = serde_json::from_slice(&body).ok().and_then(|body: Value| {
        let data = base64::engine::general_purpose::STANDARD.decode(text(&body["message"]["data"]));
        let data: Value = serde_json::from_slice(&data.ok()?).ok()?;
        Some(text(&data["emailAddress"]).to_owned())
    });
    if let Some(address) = address {
        times.with(|seen| *seen.pushed.entry(address).or_insert(now));
    }
    match take(&engine, &Gmail::provider(), "/webhooks/gmail", (&headers, &body)).await {
        Ok(_) => axum::http::StatusCode::OK,
        Err(_) => axum::http::StatusCode::SERVICE_UNAVAILABLE,
    }
}

impl Bench {
    /// Lets mail number `number` arrive in a mailbox; returns the document it will be.
    async fn deliver(&self, mailbox: usize, number: usize) -> Result<DocumentId> {
        let raw = raw_mail(number);
        let address = self.addresses.get(mailbox).context("no such mailbox")?;
        let url = format!("{}/control/accounts/{address}/messages", self.base);
        self.http.post(url).body(raw.clone()).send().await?.error_for_status()?;
        let hash = mail::content_hash(&raw);
        Ok(document_id(self.scope.tenant(), self.owner, DocumentKind::Email, &hash))
    }

    /// Returns how many mails a second are routed when all come at once.
    #[expect(clippy::disallowed_methods, reason = "a measurement needs the wall clock")]
    async fn burst(&self) -> Result<f64> {
        let began = Instant::now();
        let deliveries = (0..self.addresses.len()).map(|mailbox| self.deliver(mailbox, mailbox));
        let documents = future::try_join_all(deliveries).await?;
        self.wait_for(&documents).await?;
        Ok(as_f64(documents.len()) / began.elapsed().as_secs_f64())
    }

    /// Lets mails come at a steady rate; returns how long each took from its push, in ms.
    #[expect(clippy::disallowed_methods, reason = "a measurement needs the wall clock")]
    async fn steady(&self, rate: f64) -> Result<Vec<f64>> {
        self.times.with(|seen| seen.pushed.clear());
        let (count, began) = (self.addresses.len(), Instant::now());
        let mut documents = Vec::with_capacity(count);
        for mailbox in 0..count {
            let due = Duration::from_secs_f64(as_f64(mailbox) / rate);
            rest(due.saturating_sub(began.elapsed())).await;
            documents.push(self.deliver(mailbox, count + mailbox).await?);
        }
        self.wait_for(&documents).await?;
        let took = |(address, document): (&String, &DocumentId)| {
            self.times.with(|seen| {
                let pushed = seen.pushed.get(address).context("no push came")?;
                let decided = seen.decided.get(document).context("no decision")?;
                Ok(as_ms(decided.duration_since(*pushed)))
            })
        };
        self.addresses.iter().zip(&documents).map(took).collect()
    }

    /// Measures calls that ask for nothing until `work` is done; returns how long each took, in ms.
    #[expect(clippy::disallowed_methods, reason = "a measurement needs the wall clock")]
    async fn beside_calls<T>(
        &self,
        work: impl Future<Output = Result<T>>,
    ) -> Result<(T, Vec<f64>)> {
        /// Rarely enough not to be in the way.
        const PAUSE: Duration = Duration::from_millis(50);
        let took = Mutex::new(Vec::new());
        let call = async || -> Result<()> {
            let began = Instant::now();
            // It carries no token and is refused, after the same time as any call.
            let answer = self.http.get(format!("{}/gmail/v1/users/me/profile", self.base));
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

    async fn wait_for(&self, documents: &[DocumentId]) -> Result<()> {
        /// Fine enough for the rate of a burst.
        const LOOK: Duration = Duration::from_millis(5);
        /// A mail that is not there by then is lost.
        const LOOKS: usize = 24_000;
        for _ in 0..LOOKS {
            let all =
                self.times.with(|seen| documents.iter().all(|id| seen.decided.contains_key(id)));
            if all {
                return Ok(());
            }
            rest(LOOK).await;
        }
        let missing = self
            .times
            .with(|seen| documents.iter().filter(|id| !seen.decided.contains_key(id)).count());
        anyhow::bail!("{missing} of {} mails were not routed", documents.len())
    }
}

/// Measures the disk beside the engine: a small write, made durable, now and then.
struct Probe {
    is_over: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<Result<Vec<f64>>>,
}

impl Probe {
    fn start(folder: PathBuf) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let ends = Arc::clone(&is_over);
        let thread = std::thread::spawn(move || probe(&folder, &ends));
        Self { is_over, thread }
    }

    /// Returns how long each write took, in ms.
    fn end(self) -> Result<Vec<f64>> {
        self.is_over.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_panicked| anyhow::anyhow!("the probe of the disk panicked"))?
    }
}

#[expect(clippy::disallowed_methods, reason = "a measurement needs the wall clock")]
fn probe(folder: &Path, is_over: &AtomicBool) -> Result<Vec<f64>> {
    /// Rarely enough not to be in the way.
    const PAUSE: Duration = Duration::from_millis(20);
    let mut file = std::fs::File::create(folder.join("probe"))?;
    let mut took = Vec::new();
    while took.is_empty() || !is_over.load(Ordering::Relaxed) {
        file.write_all(&[0; 4096])?;
        let began = Instant::now();
        file.sync_data()?;
        took.push(as_ms(began.elapsed()));
        std::thread::sleep(PAUSE);
    }
    Ok(took)
}

/// Measures how long it takes to wake a waiting thread and be woken by it, in ms.
#[expect(clippy::disallowed_methods, reason = "a measurement needs the wall clock")]
fn handoffs() -> Vec<f64> {
    /// Enough for a median.
    const TIMES: usize = 1_000;
    /// Between two statements both threads sleep.
    const PAUSE: Duration = Duration::from_micros(500);
    let (ask, asked) = std::sync::mpsc::channel::<()>();
    let (answer, answered) = std::sync::mpsc::channel::<()>();
    let echo = std::thread::spawn(move || while asked.recv().is_ok() && answer.send(()).is_ok() {});
    let once = |_| {
        std::thread::sleep(PAUSE);
        let began = Instant::now();
        (ask.send(()).is_ok() && answered.recv().is_ok()).then(|| as_ms(began.elapsed()))
    };
    let took = (0..TIMES).filter_map(once).collect();
    drop(ask);
    drop(echo.join());
    took
}
