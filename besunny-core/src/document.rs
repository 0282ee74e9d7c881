//! Documents: what became of an item for one owner, and into which project it went.
use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    ids::{AccountId, DocumentId, ProjectId, RuleId, TenantId, UserId},
    mail::Mail,
    source::ItemId,
    untrusted::Untrusted,
};

/// What kind of thing a document is; each kind has its own promised precision (CLS-4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DocumentKind {
    /// A mail.
    Email,
    /// What was said in a meeting (BOT-12).
    MeetingTranscript,
}

impl DocumentKind {
    /// Returns the stored name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::MeetingTranscript => "meeting_transcript",
        }
    }

    /// Reads the stored name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Email, Self::MeetingTranscript].into_iter().find(|kind| kind.as_str() == name)
    }
}

/// The stored record of an item for one owner.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// Derived from tenant, owner, kind and content, so the same mail is one document.
    pub id: DocumentId,
    /// Grows with every change of state.
    pub version: u64,
    /// Whose it is.
    pub owner: UserId,
    /// What kind of thing it is.
    pub kind: DocumentKind,
    /// The subject.
    pub title: Untrusted<String>,
    /// The address of the author.
    pub author: Untrusted<String>,
    /// When the source received it; the mail's own date where the source does not say.
    pub received_at: DateTime<Utc>,
    /// When it was stored.
    pub stored_at: DateTime<Utc>,
    /// Into which project it went, or what it waits for.
    pub state: DocumentState,
    /// When the last of its items went away at the source.
    pub removed_at: Option<DateTime<Utc>>,
}

/// Into which project a document went, or what it waits for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum DocumentState {
    /// Stored, not yet classified.
    Pending,
    /// In a project.
    Routed(Route),
    /// In the review queue.
    NeedsReview(Review),
    /// A person said that it belongs to no project (CLS-9).
    NoProject {
        /// The person.
        by: UserId,
    },
}

/// A document's way into a project.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Route {
    /// The project.
    pub project: ProjectId,
    /// Who decided.
    pub by: Decider,
    /// How sure that was, from 0 to 1.
    pub confidence: f64,
}

/// A document's place in the review queue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Review {
    /// Why nothing was decided.
    pub reason: ReviewReason,
    /// The best guess that was not sure enough.
    pub suggestion: Option<ProjectId>,
}

/// Who decided on a route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "who")]
pub enum Decider {
    /// A classifier, by its name.
    Classifier(String),
    /// A standing rule that a person accepted.
    Rule(RuleId),
    /// A person; never overridden by a classifier or a rule (CLS-8).
    Person(UserId),
}

/// Why a document waits for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReviewReason {
    /// Nothing spoke for any project, or for the one that was chosen.
    NoEvidence,
    /// Several projects are equally likely.
    Ambiguous,
    /// The best guess is not sure enough.
    BelowThreshold,
    /// The owner has no project.
    NoProjects,
    /// The classifier kept failing.
    ClassifierFailed,
    /// A person took it out of a project.
    TakenOut,
    /// A standing rule of the owner keeps it out of the project it would go to.
    Barred,
    /// It surely belongs to no project.
    Nowhere,
    /// Only the mail itself speaks for the project, and it may not be what it says.
    Suspicious,
}

impl DocumentState {
    /// Returns the stored name of the state.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Routed(_) => "routed",
            Self::NeedsReview(_) => "needs_review",
            Self::NoProject { .. } => "no_project",
        }
    }

    /// Returns the project the document is in.
    #[must_use]
    pub const fn project(&self) -> Option<ProjectId> {
        match self {
            Self::Routed(route) => Some(route.project),
            Self::Pending | Self::NeedsReview(_) | Self::NoProject { .. } => None,
        }
    }

    /// Says whether a person decided; nothing but a person changes that (CLS-8).
    #[must_use]
    pub const fn is_of_person(&self) -> bool {
        match self {
            Self::Pending => false,
            Self::Routed(route) => matches!(route.by, Decider::Person(_)),
            Self::NeedsReview(review) => matches!(review.reason, ReviewReason::TakenOut),
            Self::NoProject { .. } => true,
        }
    }

    /// Takes in a person's decision, which always holds.
    #[must_use]
    pub const fn assigned(project: Option<ProjectId>, by: UserId) -> Self {
        match project {
            Some(project) => {
                Self::Routed(Route { project, by: Decider::Person(by), confidence: 1.0 })
            }
            None => Self::NeedsReview(Review { reason: ReviewReason::TakenOut, suggestion: None }),
        }
    }
}

/// A document as a plan makes it, with everything that is stored beside it.
#[derive(Clone, Debug)]
pub struct NewDocument {
    /// Derived, see [`document_id`].
    pub id: DocumentId,
    /// Whose it is.
    pub owner: UserId,
    /// What kind of thing it is.
    pub kind: DocumentKind,
    /// When the source received it.
    pub received_at: DateTime<Utc>,
    /// The bytes as they came; stored once for all owners.
    pub raw: Bytes,
    /// SHA-256 of the bytes with folded line ends.
    pub content_hash: [u8; 32],
    /// What was read out of the bytes.
    pub mail: std::sync::Arc<Mail>,
}

/// Where a document came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The account.
    pub account: AccountId,
    /// The item in it.
    pub item: ItemId,
}

/// Returns the id of the document that `content` is for `owner`.
#[must_use]
pub fn document_id(
    tenant: TenantId,
    owner: UserId,
    kind: DocumentKind,
    content_hash: &[u8; 32],
) -> DocumentId {
    DocumentId::derived(&[
        tenant.as_bytes(),
        owner.as_bytes(),
        kind.as_str().as_bytes(),
        content_hash,
    ])
}
