//! docs/quality.md: how good the router is, each figure beside the baseline's, from one command.
use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};
use clap::Args;
use serde_json::Value;

use crate::command::{cargo, root};

/// The labelled mailboxes of the data set.
const SETS: [&str; 5] = [
    "email_enron/lokay-m",
    "email_enron/farmer-d",
    "email_enron/kaminski-v",
    "email_spamassassin",
    "email_rlists",
];
/// The mailbox that is measured once more without what gives its lists away.
const HIDDEN: &str = "email_rlists";
const DOCUMENT: &str = "docs/quality.md";
const DIAGRAM: &str = "docs/quality.svg";
/// Everything else that is measured, with plots; it names people and stays out of the repository.
const REPORT: &str = "target/quality.html";

/// Where the mailboxes are, and what the baseline runs on.
#[derive(Debug, Args)]
pub(crate) struct Quality {
    /// The folder of the mailboxes.
    #[arg(long, env = "BESUNNY_DATA", default_value = "../shared/data")]
    data: PathBuf,
    /// A Python with scikit-learn, for the baseline.
    #[arg(long, default_value = "python3")]
    python: PathBuf,
}

impl Quality {
    /// Measures all mailboxes and writes the document.
    pub(crate) fn run(&self) -> Result<()> {
        let data = root().join(&self.data);
        let folders: Vec<PathBuf> = SETS.iter().map(|set| data.join(set)).collect();
        let open = eval(&folders, &["--report", REPORT, "--diagram", DIAGRAM])?;
        let hidden = eval(&[data.join(HIDDEN)], &["--hide-hints"])?;
        let mut rows = Vec::new();
        let sets = open["sets"].as_array().context("no sets were measured")?;
        for (measured, folder) in sets.iter().zip(&folders) {
            rows.push((name(measured), measured, self.baseline("quality", folder)?));
        }
        let name = format!("{}, hints hidden", name(&hidden));
        rows.push((name, &hidden, self.baseline("hidden", &data.join(HIDDEN))?));
        fs::write(root().join(DOCUMENT), document(&rows, &open["pooled"])?)?;
        Ok(())
    }

    fn baseline(&self, mode: &str, folder: &Path) -> Result<Value> {
        let mut command = Command::new(&self.python);
        command.arg("bench/peers/router.py").arg(mode).arg(folder).current_dir(root());
        last_line(command)
    }
}

fn eval(folders: &[PathBuf], more: &[&str]) -> Result<Value> {
    // The parts that compute are optimised in this profile too.
    let mut command = cargo(&["run", "--quiet", "-p", "besunny-server-example", "--"]);
    command.args(["eval", "--json"]);
    for folder in folders {
        command.arg("--data").arg(folder);
    }
    command.args(more);
    last_line(command)
}

fn last_line(mut command: Command) -> Result<Value> {
    let output = command.stderr(Stdio::inherit()).output();
    let output = output.with_context(|| format!("cannot start {command:?}"))?;
    ensure!(output.status.success(), "{command:?} failed: {}", output.status);
    let text = String::from_utf8(output.stdout)?;
    Ok(serde_json::from_str(text.lines().last().unwrap_or_default())?)
}

fn name(measured: &Value) -> String {
    measured["set"].as_str().unwrap_or_default().to_owned()
}

type Row<'a> = (String, &'a Value, Value);

fn document(rows: &[Row<'_>], pooled: &Value) -> Result<String> {
    let mut text = format!(
        "# How good the router is\n\n\
         Version {}, protocol `incremental`. This file is written by `cargo xtask quality`; every number in it comes from that run.\n\n\
         {INTRODUCTION}\n",
        env!("CARGO_PKG_VERSION")
    );
    text += "\n## Right on the first guess\n\n\
             | Mailbox | Mails | Projects | Right | Baseline | Right where the project was known | False routes | Confidence off by |\n\
             |---|--:|--:|--:|--:|--:|--:|--:|\n";
    for (name, ours, baseline) in rows {
        writeln!(
            text,
            "| {name} | {} | {} | **{}** | {} | {} | {} | {} |",
            ours["n"],
            ours["projects"],
            percent(&ours["accuracy"])?,
            percent(&baseline["accuracy"])?,
            percent(&ours["accuracy_seen"])?,
            percent(&ours["false_route_rate"])?,
            percent(&ours["ece"])?
        )?;
    }
    text += "\n## Routed without a person, and how much of that was right\n\n\
             | Mailbox | 90 % promised | Baseline | 95 % promised | Baseline | 98 % promised | Baseline |\n\
             |---|--:|--:|--:|--:|--:|--:|\n";
    for (name, ours, baseline) in rows {
        write!(text, "| {name} ")?;
        for level in ["0.90", "0.95", "0.98"] {
            let (ours, baseline) = (&ours["promised"][level], &baseline["promised"][level]);
            write!(text, "| **{}**", kept(ours)?)?;
            write!(text, " | {} ", kept(baseline)?)?;
        }
        text += "|\n";
    }
    text += "\n## Promises over all mailboxes\n\n\
             | Promised | Delivered | Surely above | Choices taken |\n|---|--:|--:|--:|\n";
    for level in ["0.90", "0.95", "0.98"] {
        let of = &pooled["promised"][level];
        writeln!(
            text,
            "| {level} | {} | {} | {} |",
            percent(&of["precision"])?,
            percent(&of["precision_at_least"])?,
            of["taken"]
        )?;
    }
    text += CLOSING;
    text += &cost(rows)?;
    Ok(text)
}

fn cost(rows: &[Row<'_>]) -> Result<String> {
    let mut text = "\n## Cost\n\n| Mailbox | Mails a second | ms to learn a correction | Model, MiB | Language-model calls |\n\
                    |---|--:|--:|--:|--:|\n"
        .to_owned();
    for (name, ours, _) in rows {
        let bytes = ours["model_bytes"].as_f64().context("no size")?;
        writeln!(
            text,
            "| {name} | {} | {} | {:.1} | {} |",
            ours["items_per_second"],
            ours["train_ms_per_correction"],
            bytes / f64::from(1_u32 << 20),
            ours["lm_calls"]
        )?;
    }
    Ok(text)
}

fn percent(share: &Value) -> Result<String> {
    Ok(format!("{:.1} %", share.as_f64().context("a figure is missing")? * 100.0))
}

fn kept(delivered: &Value) -> Result<String> {
    Ok(format!("{} at {}", percent(&delivered["coverage"])?, percent(&delivered["precision"])?))
}

const INTRODUCTION: &str = "Mails are taken in the order of their dates: the model learns the first k, says where each of the next 100 belongs and how
sure it is, and only then is told. Thresholds follow from past predictions. Nothing that is measured knew its future. A mail whose
project was never seen counts as an error. The baseline is what one writes with scikit-learn, TF-IDF with addresses and a linear
support vector machine, under the same protocol (`bench/peers/router.py`). The mailboxes are public: three people of Enron, the mailing
lists of the SpamAssassin corpus with mail of no list among them, and three lists about R.
";

const CLOSING: &str = "
\"Surely above\" is the lower end of what chance leaves open, one side of 95 %. Each \"routed\" share counts choices of no project
too, from the fourth hundred of mails on.

![How sure the router was, and how often it was right, over all mailboxes](quality.svg)

Bars show how many mails there were at each confidence, strokes what chance leaves open.
";
