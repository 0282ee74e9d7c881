//! The one write path for synced data: facts, decisions and the track move together.
//!
//! A [`Commit`] is applied whole or not at all (ARCHITECTURE.md L1). What a store does with each
//! [`Effect`] is part of its contract, numbered in `docs/adapter-spec.md`.
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    address::Username,
    calendar::CalendarEvent,
    document::{Document, DocumentState, NewDocument},
    event::{DocumentAt, Event, News},
    feedback::Act,
    history::{Entry, Fact},
    ids::{CommitId, DocumentId, JobId, MeetingId, StreamId, TenantId, UserId},
    item::{IgnoredReason, QuarantineReason},
    job::Job,
    label::Answer,
    mail::RecipientKind,
    meeting::{MeetingChange, MeetingKey},
    posting::{BotPolicy, PostingChange},
    push::Watch,
    repository::Position,
    scheduler::Lease,
    source::{ItemId, ItemRef},
    track::{ScanId, Track, Version},
};

/// Fencing number of a lease: a commit under an older one is refused.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Epoch(pub u64);

/// One transaction of ours.
#[derive(Clone, Debug)]
pub struct Commit {
    /// Names it, so that repeating it after a lost reply changes nothing (ARCHITECTURE.md L4).
    pub id: CommitId,
    /// By what right it is made.
    pub basis: Basis,
    /// When it is made.
    pub at: DateTime<Utc>,
    /// What changes, in order.
    pub effects: Vec<Effect>,
}

/// By what right a commit is made; the store checks it in the same transaction.
#[derive(Clone, Debug)]
pub enum Basis {
    /// A page was read under a lease on a stream.
    Pass(Box<PassBasis>),
    /// Jobs were done, each under a claim on it; all are complete with this commit.
    ///
    /// One claim that no longer holds refuses them all.
    Jobs(Vec<Claimed>),
    /// A person decided.
    Person,
}

/// A job that was done under a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// The job.
    pub job: JobId,
    /// The fencing number of the claim.
    pub epoch: Epoch,
}

/// A page read under a lease.
#[derive(Clone, Debug)]
pub struct PassBasis {
    /// The stream.
    pub stream: StreamId,
    /// The fencing number of the lease.
    pub epoch: Epoch,
    /// The version the pass began at.
    pub expected: Version,
    /// Where the stream is after it.
    pub track: Track,
    /// Everything met: it becomes a member.
    pub met: Vec<ItemRef>,
    /// The scan that what was met is marked with; none while a page is read in part, since the page
    /// may be read again and show less.
    pub mark: Option<ScanId>,
}

impl PassBasis {
    /// Returns the basis of a commit under `lease` that met nothing and leaves the track where it is.
    #[must_use]
    pub fn standing(lease: &Lease, at: Position) -> Self {
        let Lease { stream, epoch, .. } = *lease;
        Self { stream, epoch, expected: at.version, track: at.track, met: Vec::new(), mark: None }
    }
}

/// A decision, as data.
#[derive(Clone, Debug)]
pub enum Effect {
    /// The item became documents; one that exists already only gains an origin.
    Store {
        /// The item.
        item: ItemRef,
        /// One document for each owner.
        documents: Vec<NewDocument>,
    },
    /// The item says these events; they take the place of what it said before (CAL-6).
    Hold {
        /// The item.
        item: ItemRef,
        /// What holds them.
        by: Holding,
        /// The events, as their source holds them, and whose calendar each concerns.
        events: Vec<(UserId, CalendarEvent)>,
    },
    /// A meeting is as it says, if it is still at the version that was read (CAL-6, CAL-7).
    Meet(Box<MeetingChange>),
    /// A posting is as it says, if it is still at the version that was read (BOT-4).
    Post(Box<PostingChange>),
    /// The bots of a room were planned, if nobody planned them since the room was read.
    Staff {
        /// The room.
        room: MeetingKey,
        /// The version that was read, 0 where there was none; the commit is a conflict at any other.
        expected: u64,
    },
    /// What was said in a meeting is a document, in the place of what it said before (BOT-12).
    Transcribe(Box<NewTranscript>),
    /// A person wants bots in these meetings from now on (BOT-5).
    Prefer {
        /// The person.
        user: UserId,
        /// Which meetings.
        policy: BotPolicy,
    },
    /// The item is none of our business under the rules `policy`.
    Ignore {
        /// The item.
        item: ItemRef,
        /// Why.
        reason: IgnoredReason,
        /// The revision of the rules; under others it is looked at again.
        policy: u32,
    },
    /// The item could not be taken in.
    Quarantine {
        /// The item.
        item: ItemId,
        /// Why.
        reason: QuarantineReason,
    },
    /// The item is no longer in this stream; a document none of whose items is left is removed.
    Leave(ItemId),
    /// A virtual address was found on the item (MAIL-8); an item that named nobody is asked for
    /// once somebody has the name, see [`People::add_user`](crate::repository::People::add_user).
    Detect(Detection),
    /// A document's state changes, if it is still at the version that was read.
    Decide(Decision),
    /// Work to be done later, unless it waits already.
    Enqueue(Job),
    /// Work to be done after a time, unless it waits already or was done.
    Defer {
        /// The work.
        job: Job,
        /// Not before so long from now.
        by: Duration,
    },
    /// An answer goes into the log of the document's owner, if the document is still at a version.
    Label {
        /// The version that was read; the commit is a conflict at any other.
        expected: u64,
        /// The answer.
        answer: Answer,
    },
    /// The push registration of the stream.
    Watch(Option<Watch>),
    /// An act of a person is kept, and its rules are changed, if they are still as it found them.
    Act(Box<Act>),
}

impl Effect {
    /// Returns the document and version without which the commit is a conflict.
    #[must_use]
    pub const fn pinned(&self) -> Option<(DocumentId, u64)> {
        match self {
            Self::Decide(decision) => Some((decision.document, decision.expected)),
            Self::Label { expected, answer } => Some((answer.document, *expected)),
            Self::Store { .. }
            | Self::Hold { .. }
            | Self::Meet(_)
            | Self::Post(_)
            | Self::Staff { .. }
            | Self::Transcribe(_)
            | Self::Prefer { .. }
            | Self::Ignore { .. }
            | Self::Quarantine { .. }
            | Self::Leave(_)
            | Self::Detect(_)
            | Self::Enqueue(_)
            | Self::Defer { .. }
            | Self::Watch(_)
            | Self::Act(_) => None,
        }
    }
}

/// A transcript as it is stored.
#[derive(Clone, Debug)]
pub struct NewTranscript {
    /// The meeting.
    pub meeting: MeetingId,
    /// The version of its document that was read, 0 where there was none; the commit is a conflict at
    /// any other.
    pub expected: u64,
    /// The document as it is now.
    pub document: NewDocument,
}

/// What holds an event: it says what becomes of the event when the item goes away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Holding {
    /// A calendar: an event that is no longer in it does not take place for its owner.
    Calendar,
    /// A mail of the organizer: the invitation was received, whatever becomes of the mail (MAIL-13).
    Mail,
    /// A mail of somebody else, or of nobody knows whom: it says nothing about what others said.
    Forwarded,
}

impl Holding {
    /// Returns the stored name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Calendar => "calendar",
            Self::Mail => "mail",
            Self::Forwarded => "forwarded",
        }
    }

    /// Reads the stored name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Calendar, Self::Mail, Self::Forwarded]
            .into_iter()
            .find(|holding| holding.as_str() == name)
    }
}

/// A virtual address found on an item (MAIL-8): one record per item and address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Detection {
    /// The item.
    pub item: ItemId,
    /// The address, in lower case.
    pub address: String,
    /// The name in it.
    pub username: Username,
    /// Whose name it is, when somebody has it.
    pub user: Option<UserId>,
    /// Where in the mail it stood.
    pub kind: RecipientKind,
}

/// A change of a document's state.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// The document.
    pub document: DocumentId,
    /// The version that was read; the commit is a conflict at any other.
    pub expected: u64,
    /// The state after it.
    pub state: DocumentState,
    /// What is written into the history.
    pub fact: Fact,
}

/// A change of a document as it is recorded: the history line and the published event.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// The line of history.
    pub entry: Entry,
    /// The event.
    pub event: Event,
}

impl Recorded {
    /// Returns what is recorded when `fact` brings `document` to its version and `state`.
    #[must_use]
    pub fn of(
        tenant: TenantId,
        document: DocumentAt,
        at: DateTime<Utc>,
        state: &DocumentState,
        fact: Fact,
    ) -> Self {
        let news = match (&fact, state) {
            (Fact::Removed, _) => News::DocumentRemoved,
            (Fact::Restored, _) => News::DocumentRestored,
            (Fact::Amended { .. }, _) => News::DocumentAmended,
            (Fact::Undone { .. }, DocumentState::Pending) => News::DocumentReopened,
            (_, DocumentState::Pending) => News::DocumentStored,
            (_, DocumentState::NoProject { .. }) => News::DocumentInNoProject,
            (_, DocumentState::Routed(route)) => {
                News::DocumentRouted { project: route.project, confidence: route.confidence }
            }
            (_, DocumentState::NeedsReview(review)) => {
                News::DocumentNeedsReview { suggestion: review.suggestion }
            }
        };
        let entry = Entry { document: document.id, version: document.version, at, fact };
        Self { entry, event: Event::of(tenant, document, at, news) }
    }

    /// Returns what is recorded when a new document is stored; `fact` says where it came from.
    #[must_use]
    pub fn birth(tenant: TenantId, new: &NewDocument, fact: Fact, at: DateTime<Utc>) -> Self {
        let document = DocumentAt { id: new.id, owner: new.owner, version: FIRST_VERSION };
        Self::of(tenant, document, at, &DocumentState::Pending, fact)
    }

    /// Returns what is recorded when `document` changes by `fact`, one version on.
    #[must_use]
    pub fn change(
        tenant: TenantId,
        document: &Document,
        state: &DocumentState,
        at: DateTime<Utc>,
        fact: Fact,
    ) -> Self {
        let next =
            DocumentAt { id: document.id, owner: document.owner, version: document.version + 1 };
        Self::of(tenant, next, at, state, fact)
    }
}

/// The version of a document that was just stored.
pub const FIRST_VERSION: u64 = 1;
