//! Work on files: where it may block, and how it fails.
use besunny_core::source::{SourceError, SourceErrorKind};

/// Turns a failure of the file system into one of the source.
///
/// What is not there may come back, such as a disk that is mounted late; only while an account is
/// connected does it name the wrong path ([`misconfigured`]).
pub(crate) fn unavailable(operation: &'static str, error: std::io::Error) -> SourceError {
    use std::io::ErrorKind as Io;
    #[expect(clippy::wildcard_enum_match_arm, reason = "the system has kinds without number")]
    let kind = match error.kind() {
        Io::PermissionDenied => SourceErrorKind::Forbidden,
        Io::InvalidData | Io::UnexpectedEof | Io::InvalidInput => SourceErrorKind::Malformed,
        _ => SourceErrorKind::Unavailable,
    };
    SourceError::new(kind, operation).because(error)
}

/// Turns a failure while an account is connected into one of the source.
pub(crate) fn misconfigured(operation: &'static str, error: std::io::Error) -> SourceError {
    use std::io::ErrorKind as Io;
    if matches!(error.kind(), Io::NotFound | Io::NotADirectory | Io::IsADirectory) {
        return SourceError::new(SourceErrorKind::Misconfigured, operation).because(error);
    }
    unavailable(operation, error)
}

/// Runs file work where it may block.
pub(crate) async fn blocking<T: Send + 'static>(
    operation: &'static str,
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T, SourceError> {
    let done = tried(operation, work).await?;
    done.map_err(|error| unavailable(operation, error))
}

/// Runs file work where it may block, and leaves its failure to the caller.
pub(crate) async fn tried<T: Send + 'static>(
    operation: &'static str,
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<std::io::Result<T>, SourceError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| SourceError::new(SourceErrorKind::Unavailable, operation).because(error))
}
