//! What another model would have decided, noted beside a decision; it never acts (ML-5).
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    classify::{Ruling, Verdict},
    contender::Contender,
    document::DocumentState,
    ids::DocumentId,
};

/// What a shadow made of a document, beside the decision of the engine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shadow {
    /// The document.
    pub document: DocumentId,
    /// The document's version after the decision that it stands beside.
    pub version: u64,
    /// Who was asked.
    pub with: Contender,
    /// When.
    pub at: DateTime<Utc>,
    /// What came of it.
    pub view: View,
}

/// What a shadow would have done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "came_to")]
pub enum View {
    /// It would have decided so.
    Decided {
        /// What it said, with its evidence.
        verdict: Box<Verdict>,
        /// What would have become of the document.
        state: DocumentState,
        /// By which stage and threshold, and what other classifiers said.
        ruling: Box<Ruling>,
    },
    /// It failed.
    Failed {
        /// Why, without content.
        why: String,
    },
}

impl View {
    /// Returns what it cost, in millionths of the unit that the price list is in.
    #[must_use]
    pub fn cost_micros(&self) -> u64 {
        match self {
            Self::Decided { verdict, ruling, .. } => ruling.cost_micros(verdict),
            Self::Failed { .. } => 0,
        }
    }
}
