//! What fails below a question or a change: the cause inside `RepositoryError::Store`.
use std::{path::Path, sync::Arc};

use besunny_core::repository::RepositoryError;

/// Why the store failed; found as the source of [`RepositoryError::Store`].
///
/// Each names what a person can do about it, where there is something to do.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// The disk is full, or the file has reached its allowed size.
    #[error("{} cannot grow: free space on its disk, or allow the store more", shown(.file.as_ref()))]
    Full {
        /// The file, where it is known.
        file: Option<Arc<Path>>,
    },
    /// Another program kept the file locked for longer than is waited.
    #[error("{} is locked by another program: end it, or try again", shown(.file.as_ref()))]
    Busy {
        /// The file, where it is known.
        file: Option<Arc<Path>>,
    },
    /// The file may be read and not written.
    #[error("{} may not be written: change its owner or its permissions", shown(.file.as_ref()))]
    ReadOnly {
        /// The file, where it is known.
        file: Option<Arc<Path>>,
    },
    /// The store was closed, or the runtime it ran on has ended.
    #[error("the store is closed")]
    Closed,
    /// A value has no stored form.
    #[error("a value cannot be written")]
    Unwritable(#[source] Arc<dyn std::error::Error + Send + Sync>),
    /// The database failed.
    #[error("the database failed")]
    Database(#[source] Arc<dyn std::error::Error + Send + Sync>),
}

/// SQLite's primary result codes, see <https://www.sqlite.org/rescode.html>.
pub(crate) const PERM: i32 = 3;
const BUSY: i32 = 5;
pub(crate) const READONLY: i32 = 8;
const FULL: i32 = 13;
/// An extended result code holds the primary one in its lowest byte.
const PRIMARY: i32 = 0xff;

impl Failure {
    pub(crate) fn unwritable(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Unwritable(Arc::new(error))
    }

    /// Names the file where it is not named yet.
    pub(crate) fn at(self, named: &Arc<Path>) -> Self {
        let name = |file: Option<Arc<Path>>| file.or_else(|| Some(Arc::clone(named)));
        match self {
            Self::Full { file } => Self::Full { file: name(file) },
            Self::Busy { file } => Self::Busy { file: name(file) },
            Self::ReadOnly { file } => Self::ReadOnly { file: name(file) },
            other @ (Self::Closed | Self::Unwritable(_) | Self::Database(_)) => other,
        }
    }
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        match primary_code(&error) {
            Some(BUSY) => Self::Busy { file: None },
            Some(FULL) => Self::Full { file: None },
            Some(PERM | READONLY) => Self::ReadOnly { file: None },
            _ if matches!(error, sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed) => {
                Self::Closed
            }
            _ => Self::Database(Arc::new(error)),
        }
    }
}

impl From<Failure> for RepositoryError {
    fn from(failure: Failure) -> Self {
        Self::Store(Box::new(failure))
    }
}

/// Returns SQLite's result code, if the database said anything at all.
pub(crate) fn primary_code(error: &sqlx::Error) -> Option<i32> {
    let code = error.as_database_error()?.code()?;
    Some(code.parse::<i32>().ok()? & PRIMARY)
}

/// Says that the database failed.
pub(crate) fn failed(error: sqlx::Error) -> RepositoryError {
    Failure::from(error).into()
}

/// Says that the database failed, or that `parent` is missing when the row refers to nothing.
pub(crate) fn orphaned(parent: &'static str) -> impl Fn(sqlx::Error) -> RepositoryError {
    move |error| match error.as_database_error() {
        Some(cause) if cause.is_foreign_key_violation() => RepositoryError::Missing(parent),
        _ => failed(error),
    }
}

/// Names the file in an error that leaves the store.
pub(crate) fn in_file(error: RepositoryError, file: &Arc<Path>) -> RepositoryError {
    match error {
        RepositoryError::Store(source) => match source.downcast::<Failure>() {
            Ok(failure) => failure.at(file).into(),
            Err(source) => RepositoryError::Store(source),
        },
        refused @ (RepositoryError::Conflict
        | RepositoryError::Fenced
        | RepositoryError::Missing(_)
        | RepositoryError::Taken(_)
        | RepositoryError::Corrupt { .. }) => refused,
    }
}

fn shown(file: Option<&Arc<Path>>) -> String {
    file.map_or_else(|| "the file".to_owned(), |file| file.display().to_string())
}
