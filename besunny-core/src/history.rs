//! The history of a document: append-only, and the answer to "why is it here".
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    classify::{Ruling, Verdict},
    document::{DocumentState, Origin},
    ids::{CommitId, DocumentId, MeetingId, ProjectId, UserId},
    standing::StandingRule,
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
    /// It was written from what was said in a meeting (BOT-12).
    Transcribed {
        /// The meeting.
        meeting: MeetingId,
    },
    /// More was heard of the meeting, and it was written anew.
    Amended {
        /// The meeting.
        meeting: MeetingId,
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
        /// The rules of the owner that kept it out of projects.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        barred: Vec<StandingRule>,
    },
    /// A standing rule of the owner decided, and no classifier was asked.
    Ruled {
        /// The rule as it was then.
        rule: Box<StandingRule>,
        /// What the engine made of it.
        state: DocumentState,
        /// The act by which a person applied the rule to what was there; none for new documents.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        act: Option<CommitId>,
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
        /// The act, by which it can be undone; facts of before there were acts have none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        act: Option<CommitId>,
    },
    /// A person said that the project is right.
    Confirmed {
        /// The person.
        by: UserId,
        /// The project.
        project: ProjectId,
        /// The act.
        act: CommitId,
    },
    /// A person said that it belongs to no project.
    Declined {
        /// The person.
        by: UserId,
        /// The project before.
        from: Option<ProjectId>,
        /// The act.
        act: CommitId,
    },
    /// A person undid an act, so that the document is as it was before that.
    Undone {
        /// The person.
        by: UserId,
        /// The act that is undone.
        undoes: CommitId,
        /// The state that came back.
        state: DocumentState,
        /// The act of undoing it, which can be undone too.
        act: CommitId,
    },
    /// Its last item went away at the source.
    Removed,
    /// An item of it came back.
    Restored,
}

/// What classifiers said of a document, and what was made of it.
#[derive(Clone, Copy, Debug)]
pub struct Weighed<'a> {
    /// The verdict it rests on.
    pub verdict: &'a Verdict,
    /// What became of the document.
    pub state: &'a DocumentState,
    /// How that came about.
    pub ruling: &'a Ruling,
    /// The rules of the owner that kept it out of projects.
    pub barred: &'a [StandingRule],
}

impl Fact {
    /// Returns the act of a person that the fact is part of, by which it can be undone.
    #[must_use]
    pub const fn act(&self) -> Option<CommitId> {
        match self {
            Self::Assigned { act, .. } | Self::Ruled { act, .. } => *act,
            Self::Confirmed { act, .. } | Self::Declined { act, .. } | Self::Undone { act, .. } => {
                Some(*act)
            }
            Self::Stored { .. }
            | Self::Transcribed { .. }
            | Self::Amended { .. }
            | Self::Decided { .. }
            | Self::ClassifierFailed { .. }
            | Self::Removed
            | Self::Restored => None,
        }
    }

    /// Returns what classifiers said, and what was made of it; none of any other fact.
    #[must_use]
    pub const fn weighed(&self) -> Option<Weighed<'_>> {
        match self {
            Self::Decided { verdict, state, ruling, barred } => {
                Some(Weighed { verdict, state, ruling, barred: barred.as_slice() })
            }
            Self::Stored { .. }
            | Self::Transcribed { .. }
            | Self::Amended { .. }
            | Self::Ruled { .. }
            | Self::ClassifierFailed { .. }
            | Self::Assigned { .. }
            | Self::Confirmed { .. }
            | Self::Declined { .. }
            | Self::Undone { .. }
            | Self::Removed
            | Self::Restored => None,
        }
    }

    /// Says whether a document was left to a person since a classifier was out of reach.
    #[must_use]
    pub fn waits_for_classifier(&self) -> bool {
        self.weighed().is_some_and(|Weighed { ruling, state, .. }| {
            let is_out = ruling.unheard.as_ref().is_some_and(|unheard| unheard.is_out);
            is_out && matches!(state, DocumentState::NeedsReview(_))
        })
    }

    /// Says whether the document is where it was before: the source moved, nobody decided.
    #[must_use]
    pub const fn is_of_source(&self) -> bool {
        match self {
            Self::Removed | Self::Restored | Self::Amended { .. } => true,
            Self::Stored { .. }
            | Self::Transcribed { .. }
            | Self::Decided { .. }
            | Self::Ruled { .. }
            | Self::ClassifierFailed { .. }
            | Self::Assigned { .. }
            | Self::Confirmed { .. }
            | Self::Declined { .. }
            | Self::Undone { .. } => false,
        }
    }
}
