//! Errors with their causes, in one line.
use std::error::Error;

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repository::RepositoryError;

    #[test]
    fn causes_follow_in_order() {
        let error = RepositoryError::Store(Box::new(std::io::Error::other("disk")));
        assert_eq!(describe(&error), "the store failed: disk");
    }
}
