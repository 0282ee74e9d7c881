//! Why something outside did not answer: a kind, the operation, the cause.
use std::{
    error::Error,
    fmt::{Debug, Display},
    time::Duration,
};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::scheduler::PauseReason;

/// A port did not answer, for a reason of kind `K`.
///
/// It never carries a body, a token or a header of the answer (ARCHITECTURE.md L7).
#[derive(Debug, thiserror::Error)]
#[error("{operation} failed: {kind}")]
pub struct PortError<K: Debug + Display> {
    /// What it means for the engine.
    pub kind: K,
    /// What was asked, such as `gmail.messages.get`.
    pub operation: &'static str,
    /// How long we were asked to wait.
    pub retry_after: Option<Duration>,
    /// What is known besides, when that is more than the kind; never content of an answer.
    #[source]
    pub source: Option<Box<dyn Error + Send + Sync>>,
}

impl<K: Debug + Display> PortError<K> {
    /// Makes an error of `kind` while doing `operation`.
    #[must_use]
    pub const fn new(kind: K, operation: &'static str) -> Self {
        Self { kind, operation, retry_after: None, source: None }
    }

    /// Adds how long we were asked to wait.
    #[must_use]
    pub fn with_retry_after(mut self, wait: Option<Duration>) -> Self {
        self.retry_after = wait;
        self
    }

    /// Adds the cause.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }
}

/// Why something outside is not as it is wanted, and when it is asked again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// How often it has failed in a row.
    pub attempt: u32,
    /// What failed, for people; without content.
    pub error: String,
    /// What a person can do about it, when time does not heal it.
    pub waits_for: Option<PauseReason>,
    /// When it is tried again.
    pub retry_at: DateTime<Utc>,
}
