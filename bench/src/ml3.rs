//! ML3: classifying and learning a correction, against training scikit-learn again.
//!
//! Both read the same mailbox, generated or labelled by a person. Ours learns it in the order of time and then
//! classifies the last mails; the peer trains on all of it at once, which is what it must do to take in
//! a correction, and classifies the same mails, one by one and all together. What counts is the processor's time.
use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use serde_json::json;

use crate::{
    machine::{Watch, versions},
    rounds::{figure, ours, peer, spread},
    router::generate,
};

/// What is measured, and how often.
#[derive(Debug, Args)]
pub(crate) struct Corrections {
    /// How often each runner runs.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// How many mails are generated.
    #[arg(long, default_value_t = 4_000)]
    mails: usize,
    /// Into how many projects they belong.
    #[arg(long, default_value_t = 25)]
    projects: u64,
    /// A labelled mailbox to take instead: messages.tar.gz and manifest.jsonl.
    #[arg(long)]
    data: Option<PathBuf>,
    /// The Python of the peer, with scikit-learn installed.
    #[arg(long, default_value = "python3")]
    python: PathBuf,
}

#[expect(clippy::print_stdout, reason = "a measurement speaks on stdout")]
pub(crate) fn run(plan: &Corrections) -> Result<()> {
    let watch = Watch::start()?;
    let made = tempfile::tempdir()?;
    if plan.data.is_none() {
        generate(made.path(), plan.mails, plan.projects)?;
    }
    let folder = plan.data.as_deref().unwrap_or(made.path()).to_string_lossy().into_owned();
    let (mut learning, mut one_by_one, mut together) = (Vec::new(), Vec::new(), Vec::new());
    let mut runs = Vec::new();
    for _ in 0..plan.rounds {
        let ours = ours(&["router", "--folder", &folder])?;
        let peer = peer(&plan.python, "router.py", &["speed", &folder])?;
        let correction = figure(&ours, "correction_seconds")?;
        let classify = figure(&ours, "classify_seconds")?;
        learning.push(figure(&peer, "retrain_seconds")? / correction);
        one_by_one.push(figure(&peer, "classify_seconds")? / classify);
        together.push(figure(&peer, "classify_together_seconds")? / classify);
        runs.push(json!({ "ours": ours, "peer": peer }));
    }
    let report = json!({
        "id": "ML3",
        "retraining_against_correction": spread(learning),
        "classification_against_peer_one_by_one": spread(one_by_one),
        "classification_against_peer_together": spread(together),
        "foreign_cpu": watch.foreign()?,
        "versions": versions(&plan.python),
        "runs": runs,
    });
    println!("{report}");
    Ok(())
}
