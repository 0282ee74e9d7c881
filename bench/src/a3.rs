//! A3: a Gmail mailbox into SQLite, against google-api-python-client.
//!
//! Both read the same simulated mailbox over HTTP, in a process of its own, and end with every mail parsed, stored and
//! routed. At 0 ms what counts is the processor time a mail; under Google's quota, with time 100 times as fast, how long
//! it takes against the least time in which the quota lets anybody do it.
use anyhow::Result;
use serde_json::{Value, json};

use crate::{
    machine::{Watch, syncs_per_second, versions},
    rounds::{Plan, figure, ours, peer, spread},
    server::Server,
};

/// Virtual seconds a second under quota.
const SCALE: u32 = 100;

#[expect(clippy::print_stdout, reason = "a measurement speaks on stdout")]
pub(crate) fn run(plan: &Plan) -> Result<()> {
    let watch = Watch::start()?;
    let (mut ratios, mut floors, mut runs) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..plan.repeats.rounds {
        let folder = tempfile::tempdir()?;
        let syncs = syncs_per_second(folder.path())?;
        let mails = plan.mails.to_string();
        let small = (plan.mails / 10).to_string();
        let db = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
        let small = take_in(&db("small.db"), &small, None)?;
        let whole = take_in(&db("ours.db"), &mails, None)?;
        let world = Server::start("world", &["--mails", &mails])?;
        let theirs = peer(
            &plan.repeats.python,
            "gmail_batch.py",
            &[&world.entry.to_string(), &db("theirs.db"), &mails],
        )?;
        world.end()?;
        let metered = take_in(&db("metered.db"), &mails, Some(SCALE))?;
        let cost = |run: &Value| figure(run, "cpu_seconds");
        ratios.push(cost(&theirs)? / cost(&whole["ours"])?);
        let floor = floor_seconds(figure(&metered["world"], "units")?) / f64::from(SCALE);
        floors.push(figure(&metered["ours"], "seconds")? / floor);
        runs.push(json!({
            "fdatasync_per_second": syncs, "ours_small": small, "ours": whole, "theirs": theirs,
            "metered": metered, "floor_seconds": floor,
        }));
    }
    let report = json!({
        "id": "A3",
        "mails": plan.mails,
        "cpu_a_mail_peer_over_ours": spread(ratios),
        "metered_over_floor": spread(floors),
        "foreign_cpu": watch.foreign()?,
        "versions": versions(&plan.repeats.python),
        "runs": runs,
    });
    println!("{report}");
    Ok(())
}

/// Runs ours on a world of its own.
fn take_in(db: &str, mails: &str, scale: Option<u32>) -> Result<Value> {
    let scale: Vec<String> =
        scale.into_iter().flat_map(|scale| ["--scale".to_owned(), scale.to_string()]).collect();
    let scale: Vec<&str> = scale.iter().map(String::as_str).collect();
    let world = Server::start("world", &[&["--mails", mails], scale.as_slice()].concat())?;
    let entry = world.entry.to_string();
    let arguments = ["take-in", "--db", db, "--mails", mails, "--entry", entry.as_str()];
    let ours = ours(&[&arguments, scale.as_slice()].concat())?;
    Ok(json!({ "ours": ours, "world": world.end()? }))
}

/// The least time for so many units: a full minute's units at once, the rest at their rate.
fn floor_seconds(units: f64) -> f64 {
    /// Units a minute of one mailbox (reference of Gmail's usage limits, 2026).
    const A_MINUTE: f64 = 6_000.0;
    ((units - A_MINUTE) / A_MINUTE).max(0.0) * 60.0
}
