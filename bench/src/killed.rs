//! `kill -9` under calls: whatever was answered 200 is kept once, and its calendar is due.
//!
//! A server takes calls over many connections and is killed at an instant that follows from a seed; then another one
//! opens the same file. In the end every call that was answered is delivered again: the store must know it. Calls that
//! were under way at a kill may be there or not, as nobody was told.
use std::{
    collections::HashMap,
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use besunny::{
    SystemClock,
    core::{
        clock::Clock,
        ids::WatchId,
        push::{About, Notice},
        repository::Accounts,
        scheduler::{COALESCE, Receipt, Scheduler},
        tenant::TenantScope,
    },
    google::GoogleCalendar,
    sqlite::{Options, SqliteStore},
};
use chrono::{DateTime, Utc};
use clap::Args;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::{
    corpus::spread,
    google::{tenant, text},
    hooks::{exchange, request},
    server::Server,
};

/// The longest life of a server under calls.
const LIFE_MS: u64 = 400;

/// How often, and by which seed.
#[derive(Debug, Args)]
pub(crate) struct Kills {
    /// How often a server is killed.
    #[arg(long, default_value_t = 200)]
    times: usize,
    /// Over how many connections it is called.
    #[arg(long, default_value_t = 32)]
    connections: usize,
    /// How many calendars there are.
    #[arg(long, default_value_t = 50)]
    calendars: usize,
    /// The seed of all instants.
    #[arg(long, default_value_t = 1)]
    seed: usize,
}

/// Calls that were answered 200: number, channel, and when it was sent.
type Answered = Arc<Mutex<Vec<(usize, String, DateTime<Utc>)>>>;

#[expect(clippy::print_stdout, reason = "a measurement speaks on stdout")]
pub(crate) fn run(plan: &Kills) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let db = folder.path().join("killed.db");
    let runtime = tokio::runtime::Runtime::new()?;
    let (numbers, answered) = (Arc::new(AtomicUsize::new(0)), Answered::default());
    for kill in 0..plan.times {
        let calendars = plan.calendars.to_string();
        let server =
            Server::start("hooks", &["--db", &db.to_string_lossy(), "--calendars", &calendars])?;
        let life = Duration::from_millis(1 + spread(plan.seed + kill) % LIFE_MS);
        runtime.block_on(call_until_killed(plan, server, life, (&numbers, &answered)))?;
    }
    let answered = std::mem::take(&mut *answered.lock().unwrap_or_else(PoisonError::into_inner));
    ensure!(answered.len() > plan.times, "only {} calls were answered", answered.len());
    let lost = runtime.block_on(lost(&db, &answered))?;
    let report = json!({
        "id": "KILLED",
        "seed": plan.seed,
        "kills": plan.times,
        "calls": numbers.load(Ordering::Relaxed),
        "answered": answered.len(),
        "lost": lost,
    });
    println!("{report}");
    ensure!(lost == 0, "{lost} of {} calls that were answered are lost", answered.len());
    Ok(())
}

/// Calls a server over all connections and kills it.
async fn call_until_killed(
    plan: &Kills,
    server: Server,
    life: Duration,
    (numbers, answered): (&Arc<AtomicUsize>, &Answered),
) -> Result<()> {
    let entry = Arc::new(server.entry.clone());
    let callers = (0..plan.connections).map(|_| {
        let (numbers, answered) = (Arc::clone(numbers), Arc::clone(answered));
        // A caller ends with an error when the server is killed.
        let caller = call(Arc::clone(&entry), numbers, answered);
        #[expect(clippy::disallowed_methods, reason = "the callers of a measurement")]
        tokio::spawn(caller)
    });
    let callers: Vec<_> = callers.collect();
    #[expect(clippy::disallowed_methods, reason = "a measurement kills at an instant")]
    tokio::time::sleep(life).await;
    server.kill()?;
    for caller in callers {
        ensure!(caller.await?.is_err(), "a caller ended by itself");
    }
    Ok(())
}

/// Calls over one connection, one call after the other, until it breaks.
async fn call(entry: Arc<Value>, numbers: Arc<AtomicUsize>, answered: Answered) -> Result<()> {
    let (channels, clock) =
        (entry["channels"].as_array().context("no channels")?, SystemClock::default());
    let mut line = TcpStream::connect(text(&entry["address"])).await?;
    loop {
        let (number, sent_at) = (numbers.fetch_add(1, Ordering::Relaxed), clock.now());
        let channel = &channels[number % channels.len()];
        exchange(&mut line, &request(channel, number)).await?;
        let call = (number, text(&channel[0]).to_owned(), sent_at);
        answered.lock().unwrap_or_else(PoisonError::into_inner).push(call);
    }
}

/// Counts the answered calls that the store has not kept, or whose calendar nobody would look at.
async fn lost(db: &Path, answered: &[(usize, String, DateTime<Utc>)]) -> Result<usize> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
    let store = SqliteStore::open(db, Arc::clone(&clock), Options::default()).await?;
    let streams = store.streams(&TenantScope::trusted(tenant())).await?;
    let soon = clock.now() + COALESCE;
    let due: HashMap<WatchId, DateTime<Utc>> = streams
        .iter()
        .filter(|stream| stream.next_due_at.is_some_and(|due_at| due_at <= soon))
        .filter_map(|stream| Some((stream.watch.as_ref()?.id, stream.noticed_at?)))
        .collect();
    let mut lost = 0;
    for (number, channel, sent_at) in answered {
        let watch: WatchId = channel.trim_end_matches("-1").parse()?;
        let is_due = due.get(&watch).is_some_and(|noticed_at| noticed_at >= sent_at);
        let dedup = Some(format!("{channel} {number}"));
        let notices = vec![Notice { about: About::Watch(watch), dedup }];
        let noted = store.note(&Receipt { provider: GoogleCalendar::provider(), notices }).await?;
        lost += usize::from(!is_due || noted.repeated != 1);
    }
    store.close().await?;
    Ok(lost)
}
