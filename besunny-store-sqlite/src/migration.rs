//! Bringing the schema of a file up to date, whole or not at all.
use sqlx::{Connection, SqliteConnection, migrate::MigrateError, migrate::Migrator};

/// The schema of this program.
pub(crate) static MIGRATOR: Migrator = sqlx::migrate!();

/// Why the schema of a file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaError {
    /// A later version of this program has written the file.
    #[error("its schema {version} is newer than this program: use the version that wrote it")]
    Newer {
        /// The first migration that this program does not know.
        version: i64,
    },
    /// A migration has changed since it was applied, so nobody knows what the file has.
    #[error("its schema {version} is not the one this program has: it was made by a changed build")]
    Altered {
        /// The migration that differs.
        version: i64,
    },
    /// A migration was begun and not finished.
    #[error("its schema {version} is half made: restore the file from a copy")]
    Unfinished {
        /// The migration that was not finished.
        version: i64,
    },
    /// It is a database of another program.
    #[error("it is a database of another program: name another file")]
    Foreign,
}

/// Which schema a file has, and which one this program makes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schema {
    /// The newest migration that was applied; `None` before the first.
    pub found: Option<i64>,
    /// The newest migration of this program.
    pub newest: i64,
}

/// Looks which schema a database has; nothing is changed.
pub(crate) async fn look(connection: &mut SqliteConnection) -> Result<Schema, Refused> {
    check_origin(connection).await?;
    let newest = MIGRATOR.iter().map(|migration| migration.version).max().unwrap_or_default();
    let tables: i64 =
        sqlx::query_scalar("SELECT count(*) FROM sqlite_schema WHERE name = '_sqlx_migrations'")
            .fetch_one(&mut *connection)
            .await?;
    if tables == 0 {
        return Ok(Schema { found: None, newest });
    }
    let found = sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations WHERE success");
    let found: Option<i64> = found.fetch_one(connection).await?;
    match found {
        Some(version) if version > newest => Err(Refused::Schema(SchemaError::Newer { version })),
        found => Ok(Schema { found, newest }),
    }
}

/// A schema was not brought up to date.
#[derive(Debug)]
pub(crate) enum Refused {
    Schema(SchemaError),
    Database(sqlx::Error),
}

/// Applies what is missing, in one transaction: a crash, or a second program that opens the same
/// file, leaves all of it or nothing.
pub(crate) async fn run(
    connection: &mut SqliteConnection,
    migrator: &Migrator,
) -> Result<(), Refused> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    check_origin(&mut transaction).await?;
    migrator.run_direct(None, &mut *transaction, false).await?;
    Ok(transaction.commit().await?)
}

/// Makes sure that no other program made the file; ours mark it with the first migration.
pub(crate) async fn check_origin(connection: &mut SqliteConnection) -> Result<(), Refused> {
    let mark: i64 = sqlx::query_scalar("PRAGMA application_id").fetch_one(&mut *connection).await?;
    let tables: i64 =
        sqlx::query_scalar("SELECT count(*) FROM sqlite_schema").fetch_one(connection).await?;
    if mark != APPLICATION_ID && (mark != 0 || tables > 0) {
        return Err(Refused::Schema(SchemaError::Foreign));
    }
    Ok(())
}

/// "BSUN", as in the first migration.
const APPLICATION_ID: i64 = 0x4253_554e;

impl From<sqlx::Error> for Refused {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

impl From<MigrateError> for Refused {
    #[expect(clippy::wildcard_enum_match_arm, reason = "later kinds are failures like any other")]
    fn from(error: MigrateError) -> Self {
        match error {
            MigrateError::VersionMissing(version) => Self::Schema(SchemaError::Newer { version }),
            MigrateError::VersionMismatch(version) => {
                Self::Schema(SchemaError::Altered { version })
            }
            MigrateError::Dirty(version) => Self::Schema(SchemaError::Unfinished { version }),
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => {
                Self::Database(error)
            }
            other => Self::Database(sqlx::Error::Migrate(Box::new(other))),
        }
    }
}
