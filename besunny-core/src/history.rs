//! The history of a document: append-only, and the answer to "why is it here".
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    classify::{Ruling, Verdict},
    document::{DocumentState, Origin},
    ids::{DocumentId, ProjectId, UserId},
};

/// One line of a document's history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The document.
    pub document: DocumentId,
    /// The document's version after it; orders the lines.
    pub version: u64,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// What happened.
    pub fact: Fact,
}

/// What happened to a document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "fact")]
pub enum Fact {
    /// It was stored, from this item.
    Stored {
        /// Where it came from.
        origin: Origin,
    },
    /// A classifier gave its verdict, and the engine decided by it.
    Decided {
        /// What the classifier said, with its evidence.
        verdict: Box<Verdict>,
        /// What the engine made of it.
        state: DocumentState,
        /// By which stage and threshold, and what other classifiers said.
        #[serde(default)]
        ruling: Box<Ruling>,
    },
    /// The classifier failed for good.
    ClassifierFailed {
        /// Why, without content.
        why: String,
    },
    /// A person put it into a project, or took it out.
    Assigned {
        /// The person.
        by: UserId,
        /// The project before.
        from: Option<ProjectId>,
        /// The project after.
        to: Option<ProjectId>,
    },
    /// Its last item went away at the source.
    Removed,
    /// An item of it came back.
    Restored,
}
