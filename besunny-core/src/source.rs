//! What a followed source promises: streams, a head, changes, a listing, items.
//!
//! To add a source, implement [`Source`] (or [`Snapshot`] when it has no change log) and run the
//! conformance suite of `besunny-testkit` over it. The MUST sentences below are numbered in
//! `docs/adapter-spec.md`; each has a case of that name.
use std::{fmt, fmt::Debug, time::Duration};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

mod error;
mod snapshot;

pub use error::{SourceError, SourceErrorKind};
pub use snapshot::{Entries, Snapshot, SnapshotSource};

use crate::ids::AccountId;

macro_rules! opaque {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Takes the text exactly as the source gave it.
            #[must_use]
            pub fn from_source(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            /// Returns the text to hand back to the source.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

pub(crate) use opaque;

opaque! {
    /// A durable position in a stream; only its source gives it meaning.
    Cursor,
    /// The next page of one round or listing; may die at any time.
    PageToken,
    /// An item of an account, stable while it exists.
    ItemId,
    /// Changes whenever the content of the item changes.
    Revision,
    /// The provider's name of a stream: folder, calendar, drive.
    StreamKey,
    /// The provider's name of an account: a mail address, a path.
    Subject,
}

/// What an adapter needs to find an account.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AccountRef {
    /// Our id, under which tokens and budgets are kept.
    pub id: AccountId,
    /// The provider's name of the account.
    pub subject: Subject,
}

/// One thing to follow; the unit of cursor, lease and watch.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StreamRef {
    /// Our id of the account, under which tokens and budgets are kept.
    pub account: AccountId,
    /// The provider's name of the account.
    pub subject: Subject,
    /// The provider's name of the stream.
    pub key: StreamKey,
}

/// The part of a stream we want; a stored cursor is valid only for its scope.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// Names the rules of what we take; another number begins a new listing.
    pub revision: u32,
}

/// An item as a listing names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemRef {
    /// Its id in the account.
    pub id: ItemId,
    /// Its revision; an item whose revision we hold is not fetched again. `None` always fetches.
    pub revision: Option<Revision>,
}

/// A fact at the source.
#[derive(Clone, Debug)]
pub enum Change<T> {
    /// Created, changed or moved in.
    Present {
        /// Which item.
        at: ItemRef,
        /// The whole item, when the source sends it with the page.
        item: Option<T>,
    },
    /// No longer in this stream; perhaps in another one.
    Removed(ItemId),
    /// Could not be decoded: it is quarantined, never dropped.
    Unreadable {
        /// Which item.
        id: ItemId,
        /// Why, without any of its content.
        why: &'static str,
    },
}

/// One answer of a listing or of the change log.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// What happened, in order.
    pub changes: Vec<Change<T>>,
    /// Where reading goes on.
    pub next: Next,
    /// How many items the whole listing has, when the source says so; an estimate for people.
    pub total: Option<u64>,
}

/// Where reading goes on after a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// The round goes on; the durable cursor stays where it was.
    Page(PageToken),
    /// The round is complete: a new durable cursor.
    Cursor {
        /// The cursor.
        cursor: Cursor,
        /// Whether the source already knows of further changes.
        more: bool,
    },
    /// The listing is over and brings no cursor; `head` has given one, or none exists.
    End,
}

/// The answer to [`Source::changes_since`].
#[derive(Clone, Debug)]
pub enum Read<T> {
    /// Changes after the cursor.
    Page(Page<T>),
    /// The log before the cursor is gone, or there is none: list again.
    Relist(Relist),
}

/// How the source wants to be listed anew.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Relist {
    /// Where to begin, when the source says so.
    pub start: Option<PageToken>,
    /// What to do with items that the listing does not show.
    pub sweep: Sweep,
}

/// What a listing that is complete says of items it did not show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sweep {
    /// They are gone.
    #[default]
    Forget,
    /// Nothing: the listing is known to be partial.
    Keep,
}

/// The answer for one id of [`Source::fetch`].
#[derive(Clone, Debug)]
pub enum Fetched<T> {
    /// The item, at the revision it has now.
    Present(ItemRef, T),
    /// Not there any more, or outside the stream's scope.
    Gone(ItemId),
    /// There, but it cannot be decoded.
    Unreadable {
        /// Which item.
        id: ItemId,
        /// Why, without any of its content.
        why: &'static str,
    },
}

/// Numbers of a source that drive the engine.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The most ids a `fetch` may name.
    pub fetch_batch: usize,
    /// How many `fetch` calls may be under way for one stream.
    pub fetch_concurrency: usize,
    /// The shortest sensible time between two looks without a notice.
    pub poll_floor: Duration,
    /// After which time `streams` is asked again; `None` where its answer never changes.
    pub offers_for: Option<Duration>,
}

/// A stream that an account offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferedStream {
    /// The provider's name of it.
    pub key: StreamKey,
    /// A name for people.
    pub title: String,
    /// Whether it is followed unless somebody says no.
    pub proposed: bool,
}

/// A remote truth that can be followed.
///
/// # Contract
/// - `head` MUST be a position such that `changes_since` it reports everything that happens after
///   `head` returned (`source.head.covers`).
/// - `changes_since` MUST report every change after the cursor, in one or more pages; the cursor of
///   the last page MUST cover exactly what was reported (`source.changes.complete`).
/// - Reading MUST NOT consume: the same cursor may be read again (`source.changes.repeatable`).
/// - A position that can no longer be read MUST answer [`Read::Relist`], not an error
///   (`source.changes.expired`).
/// - `list` MUST show every item in scope that is there from its first to its last page
///   (`source.list.complete`), with no bound in time: imported items have old dates.
/// - `fetch` MUST answer each id once, in any order (`source.fetch.each-once`); an id that is gone
///   or out of scope is [`Fetched::Gone`] (`source.fetch.gone`), an item that cannot be decoded is
///   [`Fetched::Unreadable`] and never fails its neighbours (`source.fetch.unreadable`).
/// - An item MUST keep its id while it exists, also across restarts (`source.items.stable-ids`).
///
/// # Errors
/// [`SourceError`] with a kind; the source neither retries nor waits, except that it asks the
/// budget first and replays one 401 after invalidating the token (ARCHITECTURE.md L9). A dead page token
/// MUST be `PageExpired` (`source.pages.expired`).
///
/// # Cancellation
/// Dropping any call MUST leave no effect (`source.cancel.harmless`).
///
/// # Idempotence
/// Every call may be repeated.
#[async_trait]
pub trait Source<T: Send + Sync>: Debug + Send + Sync {
    /// Returns the numbers that drive the engine.
    fn limits(&self) -> Limits;

    /// Lists what an account offers.
    async fn streams(&self, account: &AccountRef) -> Result<Vec<OfferedStream>, SourceError>;

    /// Returns the position of now, `None` when only a listing yields one.
    async fn head(&self, stream: &StreamRef, scope: &Scope) -> Result<Option<Cursor>, SourceError>;

    /// Reads one page of changes after `cursor`.
    async fn changes_since(
        &self,
        stream: &StreamRef,
        cursor: &Cursor,
        page: Option<&PageToken>,
    ) -> Result<Read<T>, SourceError>;

    /// Reads one page of everything in scope.
    async fn list(
        &self,
        stream: &StreamRef,
        scope: &Scope,
        page: Option<&PageToken>,
    ) -> Result<Page<T>, SourceError>;

    /// Reads the items `ids`, at most [`Limits::fetch_batch`] of them.
    async fn fetch(
        &self,
        stream: &StreamRef,
        ids: &[ItemId],
    ) -> Result<Vec<Fetched<T>>, SourceError>;
}

impl<T> Change<T> {
    /// Returns the item concerned.
    pub const fn id(&self) -> &ItemId {
        match self {
            Self::Present { at, .. } => &at.id,
            Self::Removed(id) | Self::Unreadable { id, .. } => id,
        }
    }
}

impl<T> Fetched<T> {
    /// Returns the item answered.
    pub const fn id(&self) -> &ItemId {
        match self {
            Self::Present(at, _) => &at.id,
            Self::Gone(id) | Self::Unreadable { id, .. } => id,
        }
    }
}

impl ItemRef {
    /// Names an item at a revision.
    #[must_use]
    pub fn new(id: ItemId, revision: Revision) -> Self {
        Self { id, revision: Some(revision) }
    }
}
