//! A1 and A2: a calendar into SQLite, against google-api-python-client and dlt.
//!
//! All read the same simulated calendar over HTTP, in a process of its own, page by page: the address of a page comes
//! with the page before. At no latency (A1) what counts is the rate against the C library's own, which writes the
//! very rows that ours ends with from memory; at 50 ms (A2) how long it takes against the time in which nobody can
//! have asked for all pages. The small calendar has a tenth of the events: memory must not grow with them.
use std::collections::BTreeMap;

use anyhow::Result;
use clap::Args;
use serde_json::{Value, json};

use crate::{
    machine::{Watch, syncs_per_second, versions},
    rounds::{Repeats, figure, has, ours, peer, spread},
    server::Server,
    share::as_f64,
};

/// What else takes in calendars: its name, its script, what Python needs for it.
const PEERS: [(&str, &str, &str); 2] = [
    ("google-api-python-client", "calendar_list.py", "googleapiclient"),
    ("dlt", "calendar_dlt.py", "dlt, sqlalchemy"),
];

/// How large, and how often.
#[derive(Debug, Args)]
pub(crate) struct Calendars {
    #[command(flatten)]
    repeats: Repeats,
    /// How many events.
    #[arg(long, default_value_t = 100_000)]
    events: usize,
    /// How many events a page has.
    #[arg(long, value_delimiter = ',', default_value = "2500,250")]
    pages: Vec<u16>,
}

/// Figures of a page size by their name, one of each round.
type Figures = BTreeMap<String, Vec<f64>>;

#[expect(clippy::print_stdout, reason = "a measurement speaks on stdout")]
pub(crate) fn run(id: &str, latency_ms: u32, plan: &Calendars) -> Result<()> {
    let watch = Watch::start()?;
    let python = &plan.repeats.python;
    let peers: Vec<_> = PEERS.into_iter().filter(|(_, _, needs)| has(python, needs)).collect();
    let mut figures: BTreeMap<u16, Figures> = BTreeMap::new();
    let mut runs = Vec::new();
    for _ in 0..plan.repeats.rounds {
        let folder = tempfile::tempdir()?;
        let syncs = syncs_per_second(folder.path())?;
        let bench = Bench { plan, latency_ms, folder: folder.path() };
        let small = bench.world(plan.events / 10)?;
        let world = bench.world(plan.events)?;
        for page in &plan.pages {
            let (figures, name) = (figures.entry(*page).or_default(), format!("p{page}"));
            let run = bench.round(*page, [&small, &world], &peers, figures)?;
            runs.push(json!({ "fdatasync_per_second": syncs, "page": page, name: run }));
        }
        small.end()?;
        world.end()?;
    }
    let figures: BTreeMap<u16, BTreeMap<String, Value>> = figures
        .into_iter()
        .map(|(page, of)| (page, of.into_iter().map(|(name, it)| (name, spread(it))).collect()))
        .collect();
    let report = json!({
        "id": id,
        "events": plan.events,
        "latency_ms": latency_ms,
        "by_page": figures,
        "foreign_cpu": watch.foreign()?,
        "versions": versions(python),
        "runs": runs,
    });
    println!("{report}");
    Ok(())
}

/// Everything a round needs.
struct Bench<'a> {
    plan: &'a Calendars,
    latency_ms: u32,
    folder: &'a std::path::Path,
}

impl Bench<'_> {
    /// Starts a world with a calendar.
    fn world(&self, events: usize) -> Result<Server> {
        let (events, latency) = (events.to_string(), self.latency_ms.to_string());
        Server::start("world", &["--events", &events, "--latency", &latency])
    }

    /// Names a new file.
    fn db(&self, page: u16, name: &str) -> String {
        self.folder.join(format!("{name}-{page}.db")).to_string_lossy().into_owned()
    }

    /// Lets everybody take the calendar in once.
    fn round(
        &self,
        page: u16,
        [small, world]: [&Server; 2],
        peers: &[(&str, &str, &str)],
        figures: &mut Figures,
    ) -> Result<Value> {
        let (plan, entry) = (self.plan, world.entry.to_string());
        let (events, size) = (plan.events.to_string(), page.to_string());
        let mut note = |name: &str, value| figures.entry(name.to_owned()).or_default().push(value);
        let small = self.take_in(page, small, plan.events / 10, "small")?;
        let ours = self.take_in(page, world, plan.events, "ours")?;
        let (db, limit) = (self.db(page, "ours"), self.db(page, "limit"));
        let limit = peer(&plan.repeats.python, "executemany.py", &[&db, &limit, &events, &size])?;
        let seconds = figure(&ours, "seconds")?;
        note("rate_against_limit", figure(&limit, "seconds")? / seconds);
        note("peak_kib", figure(&ours, "peak_kib")?);
        note("peak_kib_of_a_tenth", figure(&small, "peak_kib")?);
        if self.latency_ms > 0 {
            let pages = as_f64(plan.events.div_ceil(usize::from(page)));
            let floor = pages * f64::from(self.latency_ms) / 1_000.0;
            note("seconds_over_floor", seconds / floor);
            // Where SQLite alone takes longer than all calls, nobody can keep to their floor.
            note("limit_over_floor", figure(&limit, "seconds")? / floor);
        }
        let mut theirs = BTreeMap::new();
        for (name, script, _) in peers {
            let db = self.db(page, name);
            let them = peer(&plan.repeats.python, script, &[&entry, &db, &events, &size])?;
            for what in ["seconds", "cpu_seconds"] {
                let ratio = figure(&them, what)? / figure(&ours, what)?;
                note(&format!("{what}_of_{name}_over_ours"), ratio);
            }
            theirs.insert(name, them);
        }
        Ok(json!({ "ours": ours, "ours_small": small, "limit": limit, "theirs": theirs }))
    }

    fn take_in(&self, page: u16, world: &Server, events: usize, name: &str) -> Result<Value> {
        let (entry, db) = (world.entry.to_string(), self.db(page, name));
        let (events, page) = (events.to_string(), page.to_string());
        ours(&[
            "take-in-calendar",
            "--db",
            &db,
            "--entry",
            &entry,
            "--events",
            &events,
            "--page",
            &page,
        ])
    }
}
