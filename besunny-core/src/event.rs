//! Published facts: written with the data, delivered at least once, under a stable id.
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use async_trait::async_trait;

use crate::{
    ids::{DocumentId, EventId, MeetingId, PostingId, ProjectId, TenantId, UserId},
    posting::Served,
    transcript,
};

/// A published fact (RT-2); a receiver that honours `id` sees it exactly once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Stable across deliveries: derived from the document and its version, or from the bot and its meeting.
    pub id: EventId,
    /// Whose fact it is.
    pub tenant: TenantId,
    /// Whose document it concerns.
    pub owner: UserId,
    /// The document concerned; of a meeting, the one that is made of it once something was heard.
    pub document: DocumentId,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// What happened.
    pub news: News,
}

/// What happened, in the words of the API.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum News {
    /// A new document, not yet classified.
    DocumentStored,
    /// A document went into a project.
    DocumentRouted {
        /// The project.
        project: ProjectId,
        /// How sure that is, from 0 to 1.
        confidence: f64,
    },
    /// A document waits for a person.
    DocumentNeedsReview {
        /// The best guess.
        suggestion: Option<ProjectId>,
    },
    /// A person said that a document belongs to no project.
    DocumentInNoProject,
    /// A person undid the decision on a document, which is classified again.
    DocumentReopened,
    /// The last item of a document went away at the source.
    DocumentRemoved,
    /// An item of a removed document came back.
    DocumentRestored,
    /// More was heard of the meeting that a document is about.
    DocumentAmended,
    /// The host of a call does not let the bot record (BOT-15).
    RecordingDenied {
        /// The meeting.
        meeting: MeetingId,
    },
}

impl News {
    /// Returns the name of the event type.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::DocumentStored => "document_stored",
            Self::DocumentRouted { .. } => "document_routed",
            Self::DocumentNeedsReview { .. } => "document_needs_review",
            Self::DocumentInNoProject => "document_in_no_project",
            Self::DocumentReopened => "document_reopened",
            Self::DocumentRemoved => "document_removed",
            Self::DocumentRestored => "document_restored",
            Self::DocumentAmended => "document_amended",
            Self::RecordingDenied { .. } => "recording_denied",
        }
    }
}

impl Event {
    /// Makes the event of a document's change to `version`.
    #[must_use]
    pub fn of(tenant: TenantId, document: DocumentAt, at: DateTime<Utc>, news: News) -> Self {
        let id = EventId::derived(&[
            tenant.as_bytes(),
            document.id.as_bytes(),
            &document.version.to_be_bytes(),
            news.as_str().as_bytes(),
        ]);
        Self { id, tenant, owner: document.owner, document: document.id, at, news }
    }

    /// Makes the event that the bot of a meeting may not record; there is one for each bot and meeting.
    #[must_use]
    pub fn recording_denied(
        tenant: TenantId,
        posting: PostingId,
        served: Served,
        at: DateTime<Utc>,
    ) -> Self {
        let news = News::RecordingDenied { meeting: served.meeting };
        let id = EventId::derived(&[
            tenant.as_bytes(),
            posting.as_bytes(),
            served.meeting.as_bytes(),
            news.as_str().as_bytes(),
        ]);
        let document = transcript::id_for(tenant, served);
        Self { id, tenant, owner: served.owner, document, at, news }
    }
}

/// A document at one of its versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DocumentAt {
    /// Which document.
    pub id: DocumentId,
    /// Whose it is.
    pub owner: UserId,
    /// Its version after the change.
    pub version: u64,
}

/// Receives published facts.
///
/// # Contract
/// `publish` MAY see an event again after a crash; `id` is then the same.
///
/// # Errors
/// On an error the events stay in the outbox and come again.
#[async_trait]
pub trait EventSink: std::fmt::Debug + Send + Sync {
    /// Takes `events` in order.
    async fn publish(&self, events: &[Event]) -> Result<(), PublishError>;
}

/// Events could not be published.
#[derive(Debug, thiserror::Error)]
#[error("events could not be published")]
pub struct PublishError(#[source] pub Box<dyn std::error::Error + Send + Sync>);
