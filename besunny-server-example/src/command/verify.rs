//! `besunny verify`: every remembered source against what is held of it.
use std::path::Path;

use besunny::{
    Verification,
    core::{account::Account, source::ItemId},
};
use serde_json::{Value, json};

use super::{Answer, Refusal, describe};
use crate::home::Home;

/// The name under which several sources are summed up.
const ALL: &str = "all";
/// So many ids are shown to people; programs get all of them.
const SHOWN: usize = 10;

/// What was found of one source.
struct Found {
    source: String,
    result: Result<Verification, String>,
}

pub(super) async fn run(db: &Path) -> Result<Answer, Refusal> {
    if !db.exists() {
        let message =
            format!("there is no database at {}: import first, or name it with --db", db.display());
        return Err(Refusal::usage("store", message));
    }
    let home = Home::open(db, |builder, _| Ok(builder)).await?;
    let mut accounts = home.besunny.store().accounts(&home.scope).await?;
    accounts.sort_by(|one, other| one.subject.cmp(&other.subject));
    let mut found = Vec::with_capacity(accounts.len());
    for account in &accounts {
        found.push(verify(&home, account).await);
    }
    home.close().await?;
    Ok(answer(&found))
}

/// Verifies one source; that it cannot be read says nothing about the others.
async fn verify(home: &Home, account: &Account) -> Found {
    let source = account.subject.as_str().to_owned();
    let result = home.besunny.verify(&home.scope, account).await;
    Found { source, result: result.map_err(|error| describe(&error)) }
}

fn answer(found: &[Found]) -> Answer {
    let sources: Vec<Value> = found.iter().map(Found::to_json).collect();
    let mut json = match &sources[..] {
        [one] => one.clone(),
        _ => sum(found).to_json(),
    };
    let errors: Vec<String> = found.iter().filter_map(Found::to_error).collect();
    if !errors.is_empty() {
        json["error"] = json!({ "kind": "source", "message": errors.join("; ") });
    }
    json["sources"] = sources.into();
    let text: Vec<String> = found.iter().map(Found::to_text).collect();
    let text =
        if text.is_empty() { "no source was imported yet".to_owned() } else { text.join("\n") };
    Answer { json, text, is_finding: !found.iter().all(Found::is_complete) }
}

/// Adds up what was found of several sources.
fn sum(found: &[Found]) -> Found {
    let mut all = Verification::default();
    for verification in found.iter().filter_map(|found| found.result.as_ref().ok()) {
        all.stored += verification.stored;
        all.ignored += verification.ignored;
        all.quarantined += verification.quarantined;
        all.missing.extend_from_slice(&verification.missing);
        all.extra.extend_from_slice(&verification.extra);
    }
    Found { source: ALL.to_owned(), result: Ok(all) }
}

impl Found {
    fn is_complete(&self) -> bool {
        self.result.as_ref().is_ok_and(Verification::is_complete)
    }

    fn to_error(&self) -> Option<String> {
        let error = self.result.as_ref().err()?;
        Some(format!("{} cannot be read: {error}", self.source))
    }

    fn to_json(&self) -> Value {
        let (verification, error) = match &self.result {
            Ok(verification) => (verification, None),
            Err(error) => (&Verification::default(), Some(error)),
        };
        let mut json = json!({
            "source": self.source,
            "stored": verification.stored,
            "ignored": verification.ignored,
            "quarantined": verification.quarantined,
            "missing": verification.missing,
            "extra": verification.extra,
        });
        if let Some(error) = error {
            json["error"] = json!({ "kind": "source", "message": error });
        }
        json
    }

    fn to_text(&self) -> String {
        let source = &self.source;
        match &self.result {
            Err(error) => format!("{source} cannot be read: {error}"),
            Ok(found) => {
                let Verification { stored, ignored, quarantined, missing, extra } = found;
                let first = format!(
                    "{source}: {stored} stored, {ignored} ignored, {quarantined} quarantined, {} \
                     missing, {} extra",
                    missing.len(),
                    extra.len()
                );
                let lists = list("missing", missing).chain(list("extra", extra));
                std::iter::once(first).chain(lists).collect::<Vec<_>>().join("\n")
            }
        }
    }
}

fn list(what: &str, ids: &[ItemId]) -> impl Iterator<Item = String> {
    let shown = ids.iter().take(SHOWN).map(move |id| format!("  {what}: {}", id.as_str()));
    let more = ids.len().saturating_sub(SHOWN);
    shown.chain((more > 0).then(|| format!("  {what}: {more} more, see --json")))
}
