//! Why a source did not answer: a kind, the operation, the cause.
use std::{error::Error, time::Duration};

use serde::{Deserialize, Serialize};

/// A source did not answer.
///
/// It never carries a body, a token or a header of the answer (ARCHITECTURE.md L7).
#[derive(Debug, thiserror::Error)]
#[error("{operation} failed: {kind}")]
pub struct SourceError {
    /// What it means for the engine.
    pub kind: SourceErrorKind,
    /// What was asked, such as `gmail.messages.get`.
    pub operation: &'static str,
    /// How long the source asked us to wait.
    pub retry_after: Option<Duration>,
    /// What the source said, when that is more than the kind; never content of an answer.
    #[source]
    pub source: Option<Box<dyn Error + Send + Sync>>,
}

/// What a failure means; the one retry table is in [`retry`](crate::retry).
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum SourceErrorKind {
    /// The grant is dead: the person must connect again.
    #[error("the grant is no longer valid")]
    Unauthorized,
    /// The grant lives but does not cover this: a scope, a policy.
    #[error("the grant does not cover this")]
    Forbidden,
    /// The page token died; the round is read again from its cursor.
    #[error("the page token has expired")]
    PageExpired,
    /// The stream itself is gone; never used for one item.
    #[error("the stream is gone")]
    StreamGone,
    /// Too many requests for now.
    #[error("too many requests")]
    RateLimited,
    /// A cap that waiting does not lift soon: credits, a daily limit.
    #[error("a limit is used up")]
    LimitReached,
    /// The source cannot be reached or is broken for now.
    #[error("the source is unavailable")]
    Unavailable,
    /// The answer does not make sense.
    #[error("the answer is malformed")]
    Malformed,
    /// Our settings for the source are wrong.
    #[error("the source is misconfigured")]
    Misconfigured,
}

impl SourceError {
    /// Makes an error of `kind` while doing `operation`.
    #[must_use]
    pub const fn new(kind: SourceErrorKind, operation: &'static str) -> Self {
        Self { kind, operation, retry_after: None, source: None }
    }

    /// Makes an error that means the same, without its cause.
    #[must_use]
    pub const fn alike(&self) -> Self {
        Self::new(self.kind, self.operation).with_retry_after(self.retry_after)
    }

    /// Adds how long the source asked us to wait.
    #[must_use]
    pub const fn with_retry_after(mut self, wait: Option<Duration>) -> Self {
        self.retry_after = wait;
        self
    }

    /// Adds the cause.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Says whether the failure may concern the items asked for, and not the stream.
    #[must_use]
    pub const fn concerns_item(&self) -> bool {
        matches!(self.kind, SourceErrorKind::Malformed | SourceErrorKind::Unavailable)
    }
}
