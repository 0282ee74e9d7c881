//! What only this store promises; what every store promises is in the conformance suite.
use std::{path::Path, sync::Arc};

use besunny_testkit::clock::ManualClock;

use crate::{OpenError, Options, SqliteStore};

mod forms;
mod full;
mod lying;
mod migrating;
mod opening;
mod statements;
mod writing;

async fn open(path: &Path) -> Result<SqliteStore, OpenError> {
    open_with(path, Options::default()).await
}

async fn open_with(path: &Path, options: Options) -> Result<SqliteStore, OpenError> {
    SqliteStore::open(path, Arc::new(ManualClock::default()), options).await
}
