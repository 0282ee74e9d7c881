//! Why a source did not answer.
use serde::{Deserialize, Serialize};

use crate::failure::PortError;

/// A source did not answer.
pub type SourceError = PortError<SourceErrorKind>;

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

impl PortError<SourceErrorKind> {
    /// Says whether the failure may concern the items asked for, and not the stream.
    #[must_use]
    pub const fn concerns_item(&self) -> bool {
        matches!(self.kind, SourceErrorKind::Malformed | SourceErrorKind::Unavailable)
    }
}
