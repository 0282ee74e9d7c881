//! A labelled mailbox: raw mails in an archive, and a manifest that says where each belongs.
use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::Read,
    path::Path,
};

use besunny::{
    ai::{eval::Item, learned::Class},
    core::{
        ids::ProjectId,
        mail::{self, Caps, Mail},
    },
};
use chrono::{DateTime, Utc};
use serde::Deserialize;

use crate::command::Refusal;

/// The label of mail that belongs to no project.
const NO_PROJECT: &str = "__none__";
/// A footer of a mailing list begins with so many underscores.
const FOOTER: usize = 20;

/// A labelled mailbox in the order of time.
pub(super) struct Mailbox {
    pub(super) name: String,
    pub(super) items: Vec<Item>,
    labels: BTreeMap<Class, String>,
}

/// A line of the manifest.
#[derive(Deserialize)]
struct Line {
    n: u64,
    file: String,
    label: String,
    date: Option<String>,
}

impl Mailbox {
    /// Reads the folder; mails that cannot be read take part without content.
    pub(super) fn read(folder: &Path, hide_hints: bool) -> Result<Self, Refusal> {
        let mut lines = manifest(&folder.join("manifest.jsonl"))?;
        lines.sort_by(|a, b| (&a.date, a.n).cmp(&(&b.date, b.n)));
        let mut raw = archive(&folder.join("messages.tar.gz"))?;
        let mut labels = BTreeMap::from([(None, NO_PROJECT.to_owned())]);
        for line in &lines {
            labels.insert(class(&line.label), line.label.clone());
        }
        let names: Vec<String> = labels.values().map(|label| label.to_lowercase()).collect();
        let mut items = Vec::new();
        for line in lines {
            let raw = raw.remove(&line.file).ok_or_else(|| {
                let message = format!("{} is in the manifest and not in the archive", line.file);
                Refusal::finding("incomplete", message)
            })?;
            let mut mail = mail::read(&raw, &Caps::default()).unwrap_or_default();
            if hide_hints {
                hide(&mut mail, &names);
            }
            let at = line.date.as_deref().and_then(|date| DateTime::parse_from_rfc3339(date).ok());
            let at = at.map_or(DateTime::UNIX_EPOCH, |at| at.with_timezone(&Utc));
            items.push(Item { mail, at, class: class(&line.label) });
        }
        let name = folder.file_name().map(|name| name.to_string_lossy().into_owned());
        Ok(Self { name: name.unwrap_or_default(), items, labels })
    }

    /// Returns the name of a class.
    pub(super) fn label(&self, class: Class) -> &str {
        self.labels.get(&class).map_or("", String::as_str)
    }

    /// Returns the name of a class as a person says it.
    pub(super) fn title(&self, class: Class) -> &str {
        if class.is_none() { "no project" } else { self.label(class) }
    }
}

fn class(label: &str) -> Class {
    (label != NO_PROJECT).then(|| ProjectId::derived(&[label.as_bytes()]))
}

fn manifest(path: &Path) -> Result<Vec<Line>, Refusal> {
    let text = fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
    let line = |(number, line): (usize, &str)| {
        serde_json::from_str(line).map_err(|error| {
            let message = format!("{} line {}: {error}", path.display(), number + 1);
            Refusal::finding("manifest", message)
        })
    };
    text.lines().enumerate().map(line).collect()
}

fn archive(path: &Path) -> Result<BTreeMap<String, Vec<u8>>, Refusal> {
    let file = File::open(path).map_err(|error| unreadable(path, &error))?;
    let mut archive = tar::Archive::new(flate2::read::MultiGzDecoder::new(file));
    let mut read = || -> std::io::Result<BTreeMap<String, Vec<u8>>> {
        let mut mails = BTreeMap::new();
        for member in archive.entries()? {
            let mut member = member?;
            if member.header().entry_type().is_file() {
                let name = member.path()?.to_string_lossy().into_owned();
                let mut raw = Vec::new();
                member.read_to_end(&mut raw)?;
                mails.insert(name, raw);
            }
        }
        Ok(mails)
    };
    read().map_err(|error| unreadable(path, &error))
}

fn unreadable(path: &Path, error: &std::io::Error) -> Refusal {
    Refusal::finding("unreadable", format!("{} cannot be read: {error}", path.display()))
}

/// Removes what gives a mailing list away.
fn hide(mail: &mut Mail, names: &[String]) {
    mail.to.clear();
    mail.cc.clear();
    mail.list_id = None;
    mail.subject = without_tags(mail.subject.expose()).into();
    let is_footer = |line: &&str| {
        let line = line.trim_end_matches('\r');
        line == "-- " || line.len() >= FOOTER && line.bytes().all(|byte| byte == b'_')
    };
    let lines = mail.text.expose().lines().take_while(|line| !is_footer(line));
    let gives_away = |word: &&str| {
        let lower = word.to_lowercase();
        lower.contains('@')
            || lower.contains("://")
            || names.iter().any(|name| lower.contains(name))
    };
    let words =
        |line: &str| line.split(' ').filter(|word| !gives_away(word)).collect::<Vec<_>>().join(" ");
    mail.text = lines.map(words).collect::<Vec<_>>().join("\n").into();
}

/// Removes what stands in square brackets.
fn without_tags(subject: &str) -> String {
    let mut depth = 0_u32;
    let mut kept = String::new();
    for c in subject.chars() {
        match c {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            c if depth == 0 => kept.push(c),
            _ => {}
        }
    }
    kept
}
