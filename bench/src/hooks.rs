//! A server that takes the calls of calendars, and who calls it.
//!
//! Calls carry what Google sends: a channel, its token, a number and no body. The server proves the token, keeps the
//! receipt, makes the calendar due and answers when that is durable; nobody reads the calendars meanwhile.
use std::{
    io::Read,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use aws_lc_rs::hmac;
use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use besunny::{
    Besunny, SystemClock,
    core::{
        account::{Account, Intake, NewAccount},
        adapter::Adapter,
        budget::Unmetered,
        clock::Clock,
        commit::{Basis, Commit, Effect, PassBasis},
        ids::{CommitId, WatchId},
        push::Watch,
        repository::{Accounts, Streams},
        scheduler::{Ask, Lease, Release, Rest, Scheduler},
        source::{OfferedStream, StreamKey, Subject},
        tenant::TenantScope,
    },
    google::{
        ChannelConfig, ClientSecret, Credential, Credentials, GoogleCalendar, GoogleConfig,
        GoogleTokens, Http,
    },
    sqlite::{Options, SqliteStore},
};
use clap::Args;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    google::{settle, tenant, text},
    measure::{peak_kib, processor_seconds},
    server::take,
    share::{as_f64, as_ms, share},
};

/// The secret of the receiver; a measurement has nothing to hide.
pub(crate) const SECRET: &str = "a secret of thirty-two bytes or more";

/// Where calendars call.
pub(crate) const PATH: &str = "/webhooks/calendar";

/// Takes the calls of calendars.
#[derive(Debug, Args)]
pub(crate) struct Hooks {
    /// The file to write.
    #[arg(long)]
    db: PathBuf,
    /// How many calendars there are.
    #[arg(long)]
    calendars: usize,
}

impl Hooks {
    pub(crate) fn run(self) -> Result<()> {
        tokio::runtime::Runtime::new()?.block_on(self.serve())
    }

    #[expect(clippy::print_stdout, reason = "a runner speaks on stdout")]
    async fn serve(self) -> Result<()> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
        let store = SqliteStore::open(self.db, Arc::clone(&clock), Options::default()).await?;
        let scope = TenantScope::trusted(tenant());
        let is_new = store.streams(&scope).await?.is_empty();
        let store = if is_new { watched(store, &*clock, self.calendars).await? } else { store };
        let channels = channels(&store, &scope).await?;
        let http = Http::new(GoogleConfig::default(), Arc::clone(&clock))?;
        let secret = |name: &str| name.to_owned().into();
        let client = ClientSecret { id: "bench".to_owned(), secret: secret("bench") };
        let credential = Credential { client, refresh_token: secret("bench") };
        let tokens = GoogleTokens::new(http.clone(), Credentials::Given(credential));
        let push = ChannelConfig {
            address: "https://bench.example.test/webhooks/calendar".to_owned(),
            secrets: vec![secret(SECRET)],
        };
        let source = GoogleCalendar::new(http, Arc::new(tokens), Arc::new(Unmetered));
        let adapter = Adapter::new(source.with_push(push)?).with_push();
        let engine = Besunny::builder(store)
            .calendar(GoogleCalendar::provider(), adapter)
            .clock(clock)
            .build();
        let router = Router::new().route(PATH, post(receive)).with_state(engine);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        println!(
            "{}",
            json!({ "address": listener.local_addr()?.to_string(), "channels": channels })
        );
        let before = processor_seconds()?;
        #[expect(clippy::disallowed_methods, reason = "the server of a measurement")]
        let server = tokio::spawn(axum::serve(listener, router).into_future());
        let input = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
        input.await??;
        server.abort();
        let cpu_seconds = processor_seconds()? - before;
        println!("{}", json!({ "cpu_seconds": cpu_seconds, "peak_kib": peak_kib()? }));
        Ok(())
    }
}

/// Returns the channels of all calendars, with their tokens.
async fn channels(store: &SqliteStore, scope: &TenantScope) -> Result<Vec<[String; 2]>> {
    let streams = store.streams(scope).await?;
    let watches = streams.iter().filter_map(|stream| stream.watch.as_ref());
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let channel = |watch: &Watch| {
        let channel = format!("{}-1", watch.id);
        let tag = hmac::sign(&key, format!("google calendar channel {channel}").as_bytes());
        [channel, BASE64_URL_SAFE_NO_PAD.encode(tag)]
    };
    Ok(watches.map(channel).collect())
}

/// Connects an account whose calendars are watched.
async fn watched(store: SqliteStore, clock: &dyn Clock, calendars: usize) -> Result<SqliteStore> {
    let (store, scope, owner) = settle(store, clock.now()).await?;
    let (provider, subject) =
        (GoogleCalendar::provider(), Subject::from_source("ann@example.test".to_owned()));
    let grant = NewAccount { owner, provider, subject, intake: Intake::Whole };
    let account = Account::new(scope.tenant(), grant, clock.now());
    let offered = (0..calendars).map(|number| {
        let key = StreamKey::from_source(format!("calendar{number}"));
        OfferedStream { key, title: format!("Calendar {number}"), proposed: true }
    });
    store.connect(&scope, &account, &offered.collect::<Vec<_>>()).await?;
    let ask = Ask { limit: calendars, lease_for: Duration::from_hours(1) };
    let leases = store.lease(ask).await?;
    ensure!(leases.len() == calendars, "{} of {calendars} calendars are due", leases.len());
    for lease in &leases {
        watch(&store, &scope, lease, clock).await?;
        let release = Release {
            rest: Rest::After(Duration::from_hours(1)),
            attempt: 0,
            expired: 0,
            error: None,
            caught_up: true,
            quiet: 0,
        };
        store.release(lease, release).await?;
    }
    Ok(store)
}

/// Gives a calendar a watch.
async fn watch(
    store: &SqliteStore,
    scope: &TenantScope,
    lease: &Lease,
    clock: &dyn Clock,
) -> Result<()> {
    let (id, at) = (WatchId::derived(&[lease.stream.as_bytes()]), clock.now());
    let until = Some(at + Duration::from_hours(24));
    let watch = Watch { id, handle: Some("bench".to_owned()), since: at, until, trouble: None };
    let basis = PassBasis::standing(lease, store.position(scope, lease.stream).await?);
    let commit = Commit {
        id: CommitId::derived(&[lease.stream.as_bytes()]),
        basis: Basis::Pass(Box::new(basis)),
        at,
        effects: vec![Effect::Watch(Some(watch))],
    };
    store.commit(scope, Arc::new(commit)).await?;
    Ok(())
}

/// Takes a call as the reference server does.
async fn receive(State(engine): State<Besunny>, headers: HeaderMap, body: Bytes) -> StatusCode {
    match take(&engine, &GoogleCalendar::provider(), PATH, (&headers, &body)).await {
        Ok(noted) if noted.streams == 1 => StatusCode::OK,
        Ok(_) => StatusCode::CONFLICT,
        Err(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// Calls the server.
#[derive(Debug, Args)]
pub(crate) struct CallHooks {
    /// Where the server is and which channels there are, as it printed it.
    #[arg(long)]
    entry: String,
    /// The number of the first call; each channel takes a number once.
    #[arg(long)]
    first: usize,
    /// How many calls.
    #[arg(long)]
    calls: usize,
    /// How many connections.
    #[arg(long)]
    connections: usize,
    /// So many calls a second, whether answers come or not; without it each waits for the one before.
    #[arg(long)]
    rate: Option<f64>,
}

impl CallHooks {
    #[expect(clippy::print_stdout, reason = "a runner speaks on stdout")]
    pub(crate) fn run(self) -> Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        println!("{}", runtime.block_on(self.call())?);
        Ok(())
    }

    #[expect(clippy::disallowed_methods, reason = "a measurement needs the wall clock")]
    async fn call(self) -> Result<Value> {
        let entry: Value = serde_json::from_str(&self.entry)?;
        let channels = entry["channels"].as_array().context("no channels")?;
        let request = |number: usize| request(&channels[number % channels.len()], number);
        let mut lines = Vec::with_capacity(self.connections);
        for _ in 0..self.connections {
            lines.push(TcpStream::connect(text(&entry["address"])).await?);
        }
        let began = Instant::now();
        let lines = lines.into_iter().enumerate().map(|(nth, mut line)| {
            let numbers = (nth..self.calls).step_by(self.connections);
            let request = &request;
            async move {
                let mut took = Vec::new();
                for number in numbers {
                    let due = self.rate.map(|rate| Duration::from_secs_f64(as_f64(number) / rate));
                    if let Some(due) = due {
                        tokio::time::sleep(due.saturating_sub(began.elapsed())).await;
                    }
                    let since = due.unwrap_or_else(|| began.elapsed());
                    exchange(&mut line, &request(self.first + number)).await?;
                    took.push(as_ms(began.elapsed().saturating_sub(since)));
                }
                anyhow::Ok(took)
            }
        });
        let took = futures::future::try_join_all(lines).await?.concat();
        let seconds = began.elapsed().as_secs_f64();
        Ok(json!({
            "calls": took.len(),
            "seconds": seconds,
            "rate_per_second": as_f64(took.len()) / seconds,
            "latency_ms_p50": share(&took, 50),
            "latency_ms_p99": share(&took, 99),
        }))
    }
}

/// Writes a call of a channel as Calendar does.
pub(crate) fn request(channel: &Value, number: usize) -> String {
    format!(
        "POST {PATH} HTTP/1.1\r\nhost: bench\r\nx-goog-channel-id: {}\r\n\
        x-goog-channel-token: {}\r\nx-goog-resource-state: exists\r\n\
        x-goog-message-number: {number}\r\ncontent-length: 0\r\n\r\n",
        text(&channel[0]),
        text(&channel[1]),
    )
}

/// Sends a request and reads its answer, which must be a 200 without a body.
pub(crate) async fn exchange(line: &mut TcpStream, request: &str) -> Result<()> {
    line.write_all(request.as_bytes()).await?;
    let (mut answer, mut read) = ([0_u8; 1024], 0);
    while !answer.get(..read).is_some_and(|answer| answer.ends_with(b"\r\n\r\n")) {
        let more = line.read(answer.get_mut(read..).unwrap_or_default()).await?;
        ensure!(more > 0, "the server hung up");
        read += more;
    }
    ensure!(answer.starts_with(b"HTTP/1.1 200"), "not taken: {}", answer.escape_ascii());
    Ok(())
}
