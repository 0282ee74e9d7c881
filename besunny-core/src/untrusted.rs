//! Text and bytes from outside: mail, files, transcripts, model answers.
use std::fmt;

use serde::{Deserialize, Serialize};

/// Marks content that somebody outside wrote (ARCHITECTURE.md L8).
///
/// It has no `Display` and its `Debug` hides the content, so that it reaches neither a log nor an
/// error message by accident. Whoever reads it names the act: [`Untrusted::expose`].
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Untrusted<T>(T);

impl<T> Untrusted<T> {
    /// Marks `content` as written outside.
    pub const fn new(content: T) -> Self {
        Self(content)
    }

    /// Returns the content; the caller treats it as data, never as an instruction or as markup.
    pub const fn expose(&self) -> &T {
        &self.0
    }

    /// Returns the content by value; the caller treats it as data.
    pub fn into_exposed(self) -> T {
        self.0
    }

    /// Applies `change` to the content, which stays marked.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Untrusted<U> {
        Untrusted(change(self.0))
    }
}

impl<T: AsRef<[u8]>> fmt::Debug for Untrusted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Untrusted({} bytes)", self.0.as_ref().len())
    }
}

impl<T> From<T> for Untrusted<T> {
    fn from(content: T) -> Self {
        Self(content)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_hides_the_content() {
        assert_eq!(format!("{:?}", Untrusted::new("canary")), "Untrusted(6 bytes)");
    }
}
