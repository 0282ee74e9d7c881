//! Opening and closing: one connection that writes, a few that read.
use std::{fmt, path::Path, sync::Arc, time::Duration};

use besunny_core::{clock::Clock, repository::RepositoryError};
use sqlx::{
    ConnectOptions, Connection, SqliteConnection, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

#[cfg(doc)]
use crate::failure::Failure;
use crate::{
    bells::Bells,
    migration::{self, Schema},
    place::{Ground, OpenError, Place},
    writer::{Desk, Outcome, Pace, Turn, Writer},
};

/// How a store uses its machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// So many questions are answered at once; each holds a connection and a thread.
    pub readers: u32,
    /// So long a call waits while another program writes to the file.
    pub busy_timeout: Duration,
    /// The file never grows beyond so many bytes; `None` leaves it to the disk.
    pub max_bytes: Option<u64>,
}

impl Default for Options {
    /// Four readers, five seconds of patience, and no limit but the disk.
    fn default() -> Self {
        Self { readers: 4, busy_timeout: Duration::from_secs(5), max_bytes: None }
    }
}

/// The embedded store: one SQLite file.
///
/// It needs a tokio runtime with time enabled, and lives on the runtime it was opened on. Any
/// number of stores, also in other processes, may use one file: each waits for the others to
/// write, and hears of their work when it looks, not by
/// [`changed`](besunny_core::scheduler::Scheduler::changed).
///
/// # Errors
/// Calls answer [`RepositoryError::Store`] with a [`Failure`] inside when the file cannot be read
/// or written. Whoever asks for rows of a tenant that was never founded finds none.
///
/// # Cancellation
/// Dropping a call may have applied it. Dropping the store writes what waits and ends its task;
/// [`close`](Self::close) waits for that.
pub struct SqliteStore {
    pub(crate) readers: SqlitePool,
    writer: Writer,
    pub(crate) bells: Arc<Bells>,
    pub(crate) clock: Arc<dyn Clock>,
    ground: Ground,
}

/// Pages are of this size: several mails share one, and few bytes are written anew for a short row.
const PAGE_BYTES: u64 = 8192;
/// The writer keeps so many KiB of pages in memory; a negative number means KiB to SQLite.
const CACHE: &str = "-16384";
/// So many pages are written before they move from the log into the file: 32 MiB, so that a long
/// import moves the same pages of an index once for several pages of mail.
const CHECKPOINT_PAGES: &str = "4096";
/// What a statement of many rows would undo is kept in memory, not written to a file: it is never
/// needed after a crash, since the log undoes the whole transaction.
const UNDO_IN_MEMORY: &str = "PRAGMA temp_store = MEMORY";
/// The log is cut back to so many bytes after a large transaction.
const LOG_BYTES: &str = "67108864";
/// Texts a connection keeps prepared: all statements, and what is sent together often.
const STATEMENTS: usize = 256;

impl SqliteStore {
    /// Opens the store at `place`, bringing its schema up to date; leases run on `clock`.
    ///
    /// # Errors
    /// [`OpenError`] names the file and what to do.
    ///
    /// # Cancellation
    /// Dropping the future may leave a new file, which the next opening uses.
    pub async fn open(
        place: impl Into<Place>,
        clock: Arc<dyn Clock>,
        options: Options,
    ) -> Result<Self, OpenError> {
        let ground = place.into().prepare()?;
        let connection = connect(&ground.file, &options).await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(options.readers.max(1))
            .test_before_acquire(false)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_lazy_with(plain(&ground.file, &options).read_only(true));
        let bells = Arc::new(Bells::default());
        let writer = Writer::start(Desk {
            connection,
            clock: Arc::clone(&clock),
            bells: Arc::clone(&bells),
            file: Arc::clone(&ground.file),
        });
        Ok(Self { readers, writer, bells, clock, ground })
    }

    /// Looks which schema the file at `path` has; a file that is not there is not made.
    ///
    /// # Errors
    /// [`OpenError`] when it cannot be read, or its schema cannot be used by this program.
    pub async fn look(path: &Path) -> Result<Schema, OpenError> {
        let of_database = |error| OpenError::of_database(path, error);
        let file = std::fs::metadata(path).map_err(|error| OpenError::of_io(path, error))?;
        if file.is_dir() {
            return Err(OpenError::Folder(path.to_path_buf()));
        }
        let settings = plain(path, &Options::default()).read_only(true);
        let mut connection = settings.connect().await.map_err(of_database)?;
        let schema = migration::look(&mut connection).await;
        connection.close().await.map_err(of_database)?;
        schema.map_err(|refused| OpenError::of(path, refused))
    }

    /// Returns the path of the file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.ground.file
    }

    /// Writes what waits, moves the log into the file and closes it; later calls fail.
    ///
    /// # Errors
    /// [`RepositoryError::Store`] when the file was not closed in order. Nothing that was answered
    /// is lost by that.
    pub async fn close(&self) -> Result<(), RepositoryError> {
        // Only the last connection moves the log into the file, and a reader may not.
        self.readers.close().await;
        Ok(self.writer.close().await?)
    }

    /// Applies `change` in the writer's transaction and returns once it is durable.
    pub(crate) async fn write<T, C>(&self, change: C) -> Result<T, RepositoryError>
    where
        T: Send + 'static,
        C: for<'c> FnOnce(Turn<'c>) -> Outcome<'c, T> + Send + 'static,
    {
        self.write_at(Pace::Now, change).await
    }

    /// Applies `change` as [`write`](Self::write) does, at a pace of its own.
    pub(crate) async fn write_at<T, C>(&self, pace: Pace, change: C) -> Result<T, RepositoryError>
    where
        T: Send + 'static,
        C: for<'c> FnOnce(Turn<'c>) -> Outcome<'c, T> + Send + 'static,
    {
        self.writer.apply(pace, change).await
    }
}

/// Opens the connection that writes; the file of another program is left as it is.
async fn connect(file: &Arc<Path>, options: &Options) -> Result<SqliteConnection, OpenError> {
    let of_database = |error| OpenError::of_database(file, error);
    let mut stranger = plain(file, options).connect().await.map_err(of_database)?;
    let checked = migration::check_origin(&mut stranger).await;
    checked.map_err(|refused| OpenError::of(file, refused))?;
    stranger.close().await.map_err(of_database)?;
    let mut settings = plain(file, options)
        .page_size(u32::try_from(PAGE_BYTES).unwrap_or(8192))
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .pragma("fullfsync", "ON")
        .pragma("checkpoint_fullfsync", "ON")
        .pragma("cache_size", CACHE)
        .pragma("wal_autocheckpoint", CHECKPOINT_PAGES)
        .pragma("journal_size_limit", LOG_BYTES);
    if let Some(bytes) = options.max_bytes {
        settings = settings.pragma("max_page_count", (bytes / PAGE_BYTES).max(1).to_string());
    }
    let mut connection = settings.connect().await.map_err(of_database)?;
    check(&mut connection, file).await?;
    let migrated = migration::run(&mut connection, &migration::MIGRATOR).await;
    migrated.map_err(|refused| OpenError::of(file, refused))?;
    // Only now: what a migration sorts may be larger than memory.
    sqlx::query(UNDO_IN_MEMORY).execute(&mut connection).await.map_err(of_database)?;
    Ok(connection)
}

/// Returns what all connections have in common.
fn plain(file: &Path, options: &Options) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(file)
        .busy_timeout(options.busy_timeout)
        .foreign_keys(true)
        .statement_cache_capacity(STATEMENTS)
        .disable_statement_logging()
}

/// Makes sure that SQLite took the settings on which the promises rest.
async fn check(connection: &mut SqliteConnection, file: &Path) -> Result<(), OpenError> {
    let of_database = |error| OpenError::of_database(file, error);
    let not_durable =
        |setting, found| Err(OpenError::NotDurable { path: file.to_path_buf(), setting, found });
    let journal: String = sqlx::query_scalar("PRAGMA journal_mode")
        .fetch_one(&mut *connection)
        .await
        .map_err(of_database)?;
    if journal != "wal" {
        return not_durable("journal_mode", journal);
    }
    let synchronous: i64 = sqlx::query_scalar("PRAGMA synchronous")
        .fetch_one(connection)
        .await
        .map_err(of_database)?;
    if synchronous < FULL {
        return not_durable("synchronous", synchronous.to_string());
    }
    Ok(())
}

/// The number of `synchronous=FULL`: the log is on the disk before a commit returns.
const FULL: i64 = 2;

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").field("path", &self.path()).finish_non_exhaustive()
    }
}
