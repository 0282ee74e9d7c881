//! Errors with their causes, in one line.
use std::{error::Error, io};

/// Writes an error with its causes in one line; none of ours carries content (ARCHITECTURE.md L7).
#[must_use]
pub fn describe(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// Returns the kind of the input or output that failed, which is all of an error that never carries
/// content.
#[must_use]
pub fn io_kind(error: &(dyn Error + 'static)) -> Option<io::ErrorKind> {
    let mut kind = None;
    let mut cause = Some(error);
    while let Some(error) = cause {
        kind = error.downcast_ref::<io::Error>().map(io::Error::kind).or(kind);
        cause = error.source();
    }
    kind
}

/// Writes such a kind after what failed.
#[must_use]
pub fn after_colon(kind: Option<io::ErrorKind>) -> String {
    kind.map(|kind| format!(": {kind}")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repository::RepositoryError;

    #[test]
    fn causes_follow_in_order() {
        let error = RepositoryError::Store(Box::new(io::Error::other("disk")));
        assert_eq!(describe(&error), "the store failed: disk");
    }
}
