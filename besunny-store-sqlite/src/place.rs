//! Where a store is: a file that exists, can be made, or lasts as long as the store.
use std::{
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    sync::Arc,
};

use tempfile::TempDir;

use crate::{
    failure::{Failure, PERM, READONLY},
    migration::{Refused, SchemaError},
};

/// Where a store is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In this file, which is made when it is not there; two more stand beside it while it is open.
    File(PathBuf),
    /// In a folder of its own that is removed with the store; for tests and trials.
    Temporary,
}

/// A store was not opened; each says which file, and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The path names a folder.
    #[error("{} is a folder: name a file in it", .0.display())]
    Folder(PathBuf),
    /// The folder of the file does not exist.
    #[error("the folder of {} does not exist: make it first", .0.display())]
    NoFolder(PathBuf),
    /// The file may not be read and written.
    #[error("{} may not be read and written: change its owner or its permissions", .0.display())]
    Permission(PathBuf),
    /// The file is no database.
    #[error("{} is no SQLite database: name another file", .0.display())]
    NotADatabase(PathBuf),
    /// The schema of the file cannot be used.
    #[error("{} cannot be used", path.display())]
    Schema {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        reason: SchemaError,
    },
    /// What is written there would not survive a crash.
    #[error(
        "{} cannot be written durably ({setting} is {found}): put it on a local disk",
        path.display()
    )]
    NotDurable {
        /// The file.
        path: PathBuf,
        /// The setting that SQLite did not take.
        setting: &'static str,
        /// What it is instead.
        found: String,
    },
    /// The file could not be opened for another reason, such as a full disk.
    #[error("{} cannot be opened", path.display())]
    Other {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: Failure,
    },
}

/// A place that is there.
#[derive(Debug)]
pub(crate) struct Ground {
    pub(crate) file: Arc<Path>,
    #[expect(dead_code, reason = "the folder is removed when it is dropped")]
    pub(crate) folder: Option<TempDir>,
}

impl Place {
    /// Makes sure of the file, so that what is wrong with it is said in its own words.
    pub(crate) fn prepare(self) -> Result<Ground, OpenError> {
        match self {
            Self::File(path) => {
                // A relative name would change its meaning, and `file:` has one for SQLite.
                let path =
                    std::path::absolute(&path).map_err(|error| OpenError::of_io(&path, error))?;
                create(&path).map_err(|error| OpenError::of_io(&path, error))?;
                Ok(Ground { file: path.into(), folder: None })
            }
            Self::Temporary => {
                let folder = TempDir::with_prefix("besunny-");
                let folder = folder.map_err(|error| {
                    OpenError::of_io(&std::env::temp_dir().join("besunny"), error)
                })?;
                let path = folder.path().join("store.db");
                create(&path).map_err(|error| OpenError::of_io(&path, error))?;
                Ok(Ground { file: path.into(), folder: Some(folder) })
            }
        }
    }
}

/// Makes the file unless it is there; it holds people's mail, so only its owner may read it.
///
/// A file that is there is not even opened: closing it again would drop the locks that another
/// store of this process holds on it (<https://www.sqlite.org/howtocorrupt.html>, section 2.2).
fn create(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Err(ErrorKind::IsADirectory.into());
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        made => made.map(drop),
    }
}

impl OpenError {
    #[expect(clippy::wildcard_enum_match_arm, reason = "other kinds have no fix of their own")]
    pub(crate) fn of_io(path: &Path, error: io::Error) -> Self {
        let path = path.to_path_buf();
        match error.kind() {
            ErrorKind::IsADirectory => Self::Folder(path),
            ErrorKind::NotFound | ErrorKind::NotADirectory => Self::NoFolder(path),
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => Self::Permission(path),
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
                let file = Some(path.as_path().into());
                Self::Other { path, cause: Failure::Full { file } }
            }
            _ => Self::Other { path, cause: Failure::Database(Arc::new(error)) },
        }
    }

    pub(crate) fn of(path: &Path, refused: Refused) -> Self {
        match refused {
            Refused::Schema(reason) => Self::Schema { path: path.to_path_buf(), reason },
            Refused::Database(error) => Self::of_database(path, error),
        }
    }

    pub(crate) fn of_database(path: &Path, error: sqlx::Error) -> Self {
        let path = path.to_path_buf();
        match crate::failure::primary_code(&error) {
            Some(PERM | READONLY | CANTOPEN) => Self::Permission(path),
            Some(NOT_A_DATABASE) => Self::NotADatabase(path),
            _ => {
                let cause = Failure::from(error).at(&path.as_path().into());
                Self::Other { path, cause }
            }
        }
    }
}

/// SQLite's primary result codes, see <https://www.sqlite.org/rescode.html>.
const CANTOPEN: i32 = 14;
const NOT_A_DATABASE: i32 = 26;

impl From<PathBuf> for Place {
    fn from(path: PathBuf) -> Self {
        Self::File(path)
    }
}

impl From<&Path> for Place {
    fn from(path: &Path) -> Self {
        Self::File(path.to_path_buf())
    }
}
