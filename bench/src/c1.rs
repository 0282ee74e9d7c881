//! C1 and C3: calls of calendars, proven, kept and durable before the answer, against the same rows written by the C
//! library: 64 in a transaction, and each in its own; and against `FastAPI` with the same store, called by the same.
//!
//! C1 asks as fast as answers come over 64 connections. C3 lets 20,000 calls come within two seconds, whether answers
//! come or not. A call that is not answered 200 or not kept once ends the measurement.
use anyhow::{Result, ensure};
use clap::Args;
use serde_json::{Value, json};

use crate::{
    hooks::SECRET,
    machine::{Watch, syncs_per_second, versions},
    rounds::{Repeats, figure, has, ours, peer, script, spread},
    server::Server,
};

/// How large, and how often.
#[derive(Debug, Args)]
pub(crate) struct Webhooks {
    #[command(flatten)]
    repeats: Repeats,
    /// How many calls.
    #[arg(long, default_value_t = 20_000)]
    calls: usize,
    /// How many calendars they are about (Nylas tells of 20,000 calls for 50).
    #[arg(long, default_value_t = 50)]
    calendars: usize,
    /// Over how many connections they come at most.
    #[arg(long, default_value_t = 64)]
    connections: usize,
}

#[expect(clippy::print_stdout, reason = "a measurement speaks on stdout")]
pub(crate) fn run(plan: &Webhooks) -> Result<()> {
    let watch = Watch::start()?;
    let (mut batches, mut singles, mut fast, mut runs) = (vec![], vec![], vec![], vec![]);
    let has_fastapi = has(&plan.repeats.python, "fastapi, uvicorn, uvloop, httptools");
    for _ in 0..plan.repeats.rounds {
        let folder = tempfile::tempdir()?;
        let syncs = syncs_per_second(folder.path())?;
        let db = folder.path().join("ours.db").to_string_lossy().into_owned();
        let measured = calls(plan, &db)?;
        let limit = folder.path().join("limit.db").to_string_lossy().into_owned();
        let limit = peer(
            &plan.repeats.python,
            "receipts.py",
            &[&db, &limit, &(2 * plan.calls).to_string()],
        )?;
        let rate = figure(&measured["steady"], "rate_per_second")?;
        let theirs = if has_fastapi { fastapi(plan, &db)? } else { Value::Null };
        if has_fastapi {
            fast.push(rate / figure(&theirs["steady"], "rate_per_second")?);
        }
        batches.push(rate / figure(&limit, "batches_per_second")?);
        singles.push(rate / figure(&limit, "singles_per_second")?);
        runs.push(json!({ "fdatasync_per_second": syncs, "ours": measured, "limit": limit, "fastapi": theirs }));
    }
    let burst = |name: &str| {
        spread(runs.iter().filter_map(|run| run["ours"]["burst"][name].as_f64()).collect())
    };
    let report = json!({
        "id": "C1",
        "calls": plan.calls,
        "rate_against_batches_of_64": spread(batches),
        "rate_against_one_insert_each": spread(singles),
        "rate_against_fastapi": spread(fast),
        "burst_latency_ms_p99": burst("latency_ms_p99"),
        "burst_seconds": burst("seconds"),
        "foreign_cpu": watch.foreign()?,
        "versions": versions(&plan.repeats.python),
        "runs": runs,
    });
    println!("{report}");
    Ok(())
}

/// Calls a server of its own, first as fast as it answers, then in a burst.
fn calls(plan: &Webhooks, db: &str) -> Result<Value> {
    /// In which a burst comes.
    const BURST_SECONDS: usize = 2;
    let server = Server::start("hooks", &["--db", db, "--calendars", &plan.calendars.to_string()])?;
    let steady = call(plan, &server, plan.calls, &["--first", "0"])?;
    let (first, rate) = (plan.calls.to_string(), (plan.calls / BURST_SECONDS).to_string());
    let burst = call(plan, &server, plan.calls, &["--first", &first, "--rate", &rate])?;
    Ok(json!({ "steady": steady, "burst": burst, "server": server.end()? }))
}

/// Calls a server as Calendar does.
fn call(plan: &Webhooks, server: &Server, calls: usize, how: &[&str]) -> Result<Value> {
    let (entry, calls) = (server.entry.to_string(), calls.to_string());
    let connections = plan.connections.to_string();
    let common = ["calls", "--entry", &entry, "--calls", &calls, "--connections", &connections];
    ours(&[&common[..], how].concat())
}

/// Calls `FastAPI` as fast as it answers, on a copy of what ours has stored.
fn fastapi(plan: &Webhooks, db: &str) -> Result<Value> {
    /// It is far slower, and a rate needs no more.
    const SHARE: usize = 4;
    let (copy, calls) = (format!("{db}.fastapi"), plan.calls / SHARE);
    let script = script(&plan.repeats.python, "hooks_fastapi.py", &[db, &copy, SECRET]);
    let server = Server::of(script)?;
    let steady = call(plan, &server, calls, &["--first", "0"])?;
    let server = server.end()?;
    ensure!(server["receipts"] == calls, "FastAPI has not kept every call once: {server}");
    Ok(json!({ "steady": steady, "server": server }))
}
