//! The router on a labelled mailbox: seconds of the processor for a classification and for a correction.
#![expect(clippy::cast_precision_loss, reason = "mails that are counted are far below 2^52")]
use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context, Result};
use besunny::{
    ai::learned::{Features, Learned},
    core::{
        ids::ProjectId,
        mail::{self, Caps, Mail},
    },
};
use chrono::{DateTime, Utc};
use clap::Args;
use flate2::{Compression, read::MultiGzDecoder, write::GzEncoder};
use serde_json::{Value, json};

use crate::{
    corpus::spread,
    measure::{peak_kib, processor_seconds},
};

/// Classifications are repeated until the processor's clock, which ticks in hundredths, can tell.
const REPEATS: usize = 8;
/// The mails that are classified: the last ones.
const ASKED: usize = 500;
/// Corrections are timed over so many of the last ones.
const CORRECTIONS: usize = 1_000;
/// Words of a generated mail; the mean of mail that people write.
const WORDS: u64 = 180;
/// Each project has so many words of its own, and all share ten times as many.
const OWN_WORDS: u64 = 200;
/// One word in so many is of the project.
const RARE: u64 = 6;
/// People of each project.
const PEOPLE: u64 = 12;

/// Classifies and learns a labelled mailbox.
#[derive(Debug, Args)]
pub(crate) struct Router {
    /// The folder with messages.tar.gz and manifest.jsonl.
    #[arg(long)]
    folder: PathBuf,
}

impl Router {
    #[expect(clippy::print_stdout, reason = "a runner speaks on stdout")]
    #[expect(clippy::disallowed_methods, reason = "the longest single correction needs the clock")]
    pub(crate) fn run(&self) -> Result<()> {
        let mails = read(&self.folder)?;
        let mut model = Learned::default();
        let mut longest = 0.0_f64;
        let timed = mails.len().saturating_sub(CORRECTIONS);
        let began = processor_seconds()?;
        let mut late = began;
        for (index, (mail, at, label)) in mails.iter().enumerate() {
            if index == timed {
                late = processor_seconds()?;
            }
            let start = Instant::now();
            let class = Some(ProjectId::derived(&[label.as_bytes()]));
            let features = Features::read(mail, *at);
            // A correction comes after a prediction, which the model learns from too.
            if let Some(prediction) = model.predict(&features) {
                model.judge(&prediction, class);
            }
            model.learn(features, class);
            longest = longest.max(start.elapsed().as_secs_f64());
        }
        let learned = processor_seconds()?;
        let asked = &mails[mails.len().saturating_sub(ASKED)..];
        let mut chosen = 0;
        for _ in 0..REPEATS {
            for (mail, at, _) in asked {
                let prediction = model.predict(&Features::read(mail, *at));
                chosen += usize::from(prediction.is_some_and(|found| found.choice.is_some()));
            }
        }
        let classified = processor_seconds()? - learned;
        let measured: Value = json!({
            "mails": mails.len(),
            "projects": model.classes().len(),
            "correction_seconds": (learned - late) / mails.len().min(CORRECTIONS) as f64,
            "correction_seconds_over_all": (learned - began) / mails.len() as f64,
            "longest_correction_seconds": longest,
            "classify_seconds": classified / (asked.len() * REPEATS) as f64,
            "chosen": chosen,
            "model_bytes": model.export()?.len(),
            "peak_kib": peak_kib()?,
        });
        println!("{measured}");
        Ok(())
    }
}

/// A mail, when it came, and where it belongs.
type Labelled = (Mail, DateTime<Utc>, String);

fn read(folder: &Path) -> Result<Vec<Labelled>> {
    let mut raw: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let file = File::open(folder.join("messages.tar.gz"))?;
    for member in tar::Archive::new(MultiGzDecoder::new(file)).entries()? {
        let mut member = member?;
        let mut bytes = Vec::new();
        member.read_to_end(&mut bytes)?;
        raw.insert(member.path()?.to_string_lossy().into_owned(), bytes);
    }
    let manifest = fs::read_to_string(folder.join("manifest.jsonl"))?;
    let mut rows: Vec<Value> =
        manifest.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    rows.sort_by_key(|row| (row["date"].as_str().unwrap_or("").to_owned(), row["n"].as_u64()));
    let one = |row: &Value| {
        let text = |name: &str| row[name].as_str().with_context(|| format!("{name} in {row}"));
        let bytes = raw.get(text("file")?).context("a mail is missing in the archive")?;
        let mail = mail::read(bytes, &Caps::default()).unwrap_or_default();
        Ok((mail, text("date")?.parse()?, text("label")?.to_owned()))
    };
    rows.iter().map(one).collect()
}

/// Writes a mailbox that is the same each time: some words of all, some of the project, its people.
pub(crate) fn generate(folder: &Path, mails: usize, projects: u64) -> Result<()> {
    let file = File::create(folder.join("messages.tar.gz"))?;
    let mut archive = tar::Builder::new(GzEncoder::new(file, Compression::fast()));
    let mut manifest = String::new();
    for number in 0..mails {
        let (label, raw) = written(number, projects);
        let name = format!("messages/{number:05}.eml");
        let mut header = tar::Header::new_gnu();
        header.set_size(raw.len() as u64);
        header.set_cksum();
        archive.append_data(&mut header, &name, raw.as_bytes())?;
        let at = DateTime::UNIX_EPOCH + chrono::TimeDelta::hours(i64::try_from(number)?);
        let row = json!({ "n": number, "file": name, "label": label, "date": at.to_rfc3339() });
        manifest.extend([row.to_string().as_str(), "\n"]);
    }
    archive.into_inner()?.finish()?;
    fs::write(folder.join("manifest.jsonl"), manifest)?;
    Ok(())
}

fn written(number: usize, projects: u64) -> (String, String) {
    let mut dice = spread(number);
    let mut roll = |sides: u64| {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (dice >> 33) % sides
    };
    let project = roll(projects);
    let person = roll(PEOPLE);
    let word = |roll: &mut dyn FnMut(u64) -> u64| {
        if roll(RARE) == 0 {
            format!("w{project}x{}", roll(OWN_WORDS))
        } else {
            // The lesser of two throws: some words are frequent, many are rare.
            let all = OWN_WORDS * 10;
            format!("common{}", roll(all).min(roll(all)))
        }
    };
    let subject: Vec<String> = (0..5).map(|_| word(&mut roll)).collect();
    let length = WORDS / 2 + roll(WORDS);
    let text: Vec<String> = (0..length).map(|_| word(&mut roll)).collect();
    let raw = format!(
        "Message-ID: <{number}@example.org>\r\nFrom: p{person}@x{project}.example\r\nTo: ann@example.com, p{}@example.com\r\n\
         Subject: {}\r\nContent-Type: text/plain\r\n\r\n{}\r\n",
        roll(PEOPLE * projects),
        subject.join(" "),
        text.join(" ")
    );
    (format!("project-{project}"), raw)
}
