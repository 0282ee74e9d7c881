//! Work to be done later: rows in the store, made in the same transaction as their cause.
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    ids::{
        AccountId, CommitId, DocumentId, JobId, MeetingId, PostingId, StreamId, TenantId, UserId,
    },
    label::Answer,
    meeting::MeetingKey,
    source::ItemId,
};

/// A piece of work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// Derived from what is to be done, so asking twice is asking once.
    pub id: JobId,
    /// What is to be done.
    pub task: Task,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "task")]
pub enum Task {
    /// Put a document into the right project, or say that nobody knows.
    Classify {
        /// The document.
        document: DocumentId,
    },
    /// Classify a document again that a person did not decide on, since a classifier was out (F22).
    AskAgain {
        /// The document.
        document: DocumentId,
        /// Its version then; at any other there is nothing to do.
        version: u64,
    },
    /// Mark a mail at the source as processed (MAIL-14).
    File {
        /// The stream it is in.
        stream: StreamId,
        /// The mail.
        item: ItemId,
    },
    /// See what meetings follow from the events of an item, as it is now (CAL-6, CAL-7).
    Meet {
        /// The account it is or was in.
        account: AccountId,
        /// The item.
        item: ItemId,
        /// When it changed, or is to be looked at again; tells one change from the next.
        at: DateTime<Utc>,
    },
    /// See which bots a room needs, by the meetings in it as they are now (BOT-5).
    Staff {
        /// The room.
        room: MeetingKey,
        /// The meeting in it that is to have a bot or none: whoever owns it sees that nobody has planned it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        meeting: Option<MeetingId>,
        /// What changed; tells one change from the next.
        cause: CommitId,
    },
    /// See which bots the coming meetings of a person need, since the person wants others (BOT-5).
    StaffAll {
        /// The person.
        owner: UserId,
        /// What changed; tells one change from the next.
        cause: CommitId,
    },
    /// Do what is to be done for a posting now (BOT-4, BOT-11).
    Tend {
        /// The posting.
        posting: PostingId,
        /// Its version then; at any other there is nothing to do.
        version: u64,
        /// Whether its provider called.
        noticed: bool,
    },
    /// Write what was said in a meeting into its document (BOT-12).
    Transcribe {
        /// The meeting.
        meeting: MeetingId,
        /// What was heard; tells one change from the next.
        cause: CommitId,
    },
    /// Take it for a right answer that nobody corrected a route (CLS-9).
    Consent {
        /// The version of the document that was routed; at any other there is nothing to do.
        version: u64,
        /// The answer.
        #[serde(flatten)]
        answer: Answer,
    },
}

impl Task {
    /// Returns the stored name of the kind of work.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Classify { .. } => "classify",
            Self::AskAgain { .. } => "ask_again",
            Self::File { .. } => "file",
            Self::Meet { .. } => "meet",
            Self::Staff { .. } => "staff",
            Self::StaffAll { .. } => "staff_all",
            Self::Tend { .. } => "tend",
            Self::Transcribe { .. } => "transcribe",
            Self::Consent { .. } => "consent",
        }
    }
}

impl Job {
    /// Makes the job of doing `task` for `tenant`.
    #[must_use]
    pub fn new(tenant: TenantId, task: Task) -> Self {
        let id = match &task {
            Task::Classify { document } => {
                JobId::derived(&[tenant.as_bytes(), b"classify", document.as_bytes()])
            }
            Task::AskAgain { document, version } => JobId::derived(&[
                tenant.as_bytes(),
                b"ask again",
                document.as_bytes(),
                &version.to_be_bytes(),
            ]),
            Task::File { stream, item } => JobId::derived(&[
                tenant.as_bytes(),
                b"file",
                stream.as_bytes(),
                item.as_str().as_bytes(),
            ]),
            Task::Meet { account, item, at } => JobId::derived(&[
                tenant.as_bytes(),
                b"meet",
                account.as_bytes(),
                item.as_str().as_bytes(),
                &at.timestamp_micros().to_be_bytes(),
            ]),
            Task::Staff { room, cause, .. } => JobId::derived(&[
                tenant.as_bytes(),
                b"staff",
                room.as_str().as_bytes(),
                cause.as_bytes(),
            ]),
            Task::StaffAll { owner, cause } => JobId::derived(&[
                tenant.as_bytes(),
                b"staff all",
                owner.as_bytes(),
                cause.as_bytes(),
            ]),
            Task::Tend { posting, version, noticed } => JobId::derived(&[
                tenant.as_bytes(),
                if *noticed { b"tend, noticed" } else { b"tend" },
                posting.as_bytes(),
                &version.to_be_bytes(),
            ]),
            Task::Transcribe { meeting, cause } => JobId::derived(&[
                tenant.as_bytes(),
                b"transcribe",
                meeting.as_bytes(),
                cause.as_bytes(),
            ]),
            Task::Consent { version, answer } => JobId::derived(&[
                tenant.as_bytes(),
                b"consent",
                answer.document.as_bytes(),
                &version.to_be_bytes(),
            ]),
        };
        Self { id, task }
    }

    /// Makes the job of classifying a document once more, since `act` undid the decision on it.
    #[must_use]
    pub fn again(tenant: TenantId, document: DocumentId, act: CommitId) -> Self {
        let id = JobId::derived(&[
            tenant.as_bytes(),
            b"classify again",
            document.as_bytes(),
            act.as_bytes(),
        ]);
        Self { id, task: Task::Classify { document } }
    }
}
