//! `besunny migrate`: the schema of the database, brought up to date.
use std::path::Path;

use besunny::{
    SystemClock,
    sqlite::{Options, SqliteStore},
};
use serde_json::json;

use super::{Answer, Refusal};
use crate::home::refused;

pub(super) async fn run(db: &Path) -> Result<Answer, Refusal> {
    let from = if db.exists() {
        SqliteStore::look(db).await.map_err(|error| refused(&error))?.found
    } else {
        None
    };
    let clock = std::sync::Arc::new(SystemClock::default());
    let store = SqliteStore::open(db, clock, Options::default()).await;
    let store = store.map_err(|error| refused(&error))?;
    store.close().await?;
    let to = SqliteStore::look(db).await.map_err(|error| refused(&error))?.found;
    let shown = db.display();
    let version = |version: Option<i64>| version.map_or("none".to_owned(), |at| at.to_string());
    let text = if from == to {
        format!("{shown} is up to date: schema {}", version(to))
    } else {
        format!("{shown} was brought from schema {} to {}", version(from), version(to))
    };
    let json = json!({ "db": shown.to_string(), "from": from, "to": to });
    Ok(Answer::done(json, text))
}
