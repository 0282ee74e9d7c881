//! Mail from files on this machine: the same port as a provider's, with no account.
//!
//! [`LocalMail`] follows mbox files, folders and archives of `.eml` files, and Maildirs. The subject
//! of an account is a path. None of them keeps a change log, so each is a
//! [`Snapshot`](besunny_core::source::Snapshot): its fingerprint says whether to list again.
//!
//! Files and folders give no ids, so an item is named by its content: the hash of the mail and how
//! many equal ones come before it. Message ids repeat in real mailboxes, and offsets break when a
//! mailbox is compacted. A Maildir names its mails itself.

mod eml;
mod index;
mod maildir;
mod mbox;
mod source;

pub use source::{Form, LocalMail};

use besunny_core::source::{SourceError, SourceErrorKind};

/// Turns a failure of the file system into one of the source.
///
/// What is not there may come back, such as a disk that is mounted late; only while an account is
/// connected does it name the wrong path ([`misconfigured`]).
fn unavailable(operation: &'static str, error: std::io::Error) -> SourceError {
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
fn misconfigured(operation: &'static str, error: std::io::Error) -> SourceError {
    use std::io::ErrorKind as Io;
    if matches!(error.kind(), Io::NotFound | Io::NotADirectory | Io::IsADirectory) {
        return SourceError::new(SourceErrorKind::Misconfigured, operation).because(error);
    }
    unavailable(operation, error)
}
