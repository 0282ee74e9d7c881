//! The log of requests, for tests that count calls.

use std::collections::VecDeque;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::lock::Guarded;
use crate::operation::Operation;

/// One request that a client made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RequestEntry {
    /// Virtual time of the answer.
    pub at: DateTime<Utc>,
    /// The HTTP method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// What was asked for.
    pub operation: Operation,
    /// Whose mailbox, once the token is known to be good.
    pub account: Option<String>,
    /// The status of the answer; absent where the connection was cut or stalled.
    pub status: Option<u16>,
    /// Quota units that were charged.
    pub units: u64,
    /// The kind of the fault that was delivered.
    pub fault: Option<String>,
}

#[derive(Debug, Default)]
pub(crate) struct Journal(Guarded<VecDeque<RequestEntry>>);

impl Journal {
    pub(crate) fn record(&self, entry: RequestEntry, most: usize) {
        let mut entries = self.0.write();
        while entries.len() >= most.max(1) {
            entries.pop_front();
        }
        if most > 0 {
            entries.push_back(entry);
        }
    }

    pub(crate) fn entries(&self) -> Vec<RequestEntry> {
        self.0.read().iter().cloned().collect()
    }

    pub(crate) fn clear(&self) {
        self.0.write().clear();
    }
}
