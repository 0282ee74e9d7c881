//! A6: the same rows into SQLite, against the C library's own loop.
//!
//! Ours stores generated mails of 5 KB in pages of 500, as a pass of the sync loop does: compressed, with
//! items, members, documents, blobs, origins, history, events and jobs. The limit reads those very rows back into memory
//! and writes them with `executemany` into an empty file of the same schema and settings, a transaction a page.
use std::path::Path;

use anyhow::Result;
use serde_json::json;

use crate::{
    machine::{Watch, syncs_per_second, versions},
    rounds::{Plan, figure, ours, peer, spread},
};

/// Memory must not grow with the mailbox: a small one is a tenth.
const SMALL: usize = 10;

#[expect(clippy::print_stdout, reason = "a measurement speaks on stdout")]
pub(crate) fn run(plan: &Plan) -> Result<()> {
    let watch = Watch::start()?;
    let (mut ratios, mut runs) = (Vec::new(), Vec::new());
    for _ in 0..plan.repeats.rounds {
        let folder = tempfile::tempdir()?;
        let syncs = syncs_per_second(folder.path())?;
        let small = ingest(&folder.path().join("small.db"), plan.mails / SMALL)?;
        let file = folder.path().join("ours.db");
        let whole = ingest(&file, plan.mails)?;
        let limit = folder.path().join("limit.db");
        let limit = peer(
            &plan.repeats.python,
            "executemany.py",
            &[&file.to_string_lossy(), &limit.to_string_lossy(), &plan.mails.to_string()],
        )?;
        ratios.push(figure(&limit, "seconds")? / figure(&whole, "seconds")?);
        runs.push(json!({
            "fdatasync_per_second": syncs, "ours": whole, "ours_small": small, "limit": limit,
        }));
    }
    let report = json!({
        "id": "A6",
        "mails": plan.mails,
        "rate_against_limit": spread(ratios),
        "foreign_cpu": watch.foreign()?,
        "versions": versions(&plan.repeats.python),
        "runs": runs,
    });
    println!("{report}");
    Ok(())
}

fn ingest(file: &Path, mails: usize) -> Result<serde_json::Value> {
    ours(&["ingest", "--db", &file.to_string_lossy(), "--mails", &mails.to_string()])
}
