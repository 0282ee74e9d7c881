//! Sources without a change log: a fingerprint says whether to list again.
use std::fmt::Debug;

use async_trait::async_trait;

use super::{
    AccountRef, Change, Cursor, Fetched, ItemId, ItemRef, Limits, Next, OfferedStream, Page,
    PageToken, Read, Relist, Scope, Source, SourceError, StreamRef,
};

/// One page of what a snapshot holds.
#[derive(Clone, Debug)]
pub struct Entries {
    /// The items of the page.
    pub items: Vec<ItemRef>,
    /// The next page, `None` after the last.
    pub next: Option<PageToken>,
    /// How many items there are in all, when known.
    pub total: Option<u64>,
}

/// A source that can tell only what it holds now; [`SnapshotSource`] makes a [`Source`] of it.
///
/// # Contract
/// - `fingerprint` MUST change whenever an item appears, changes or goes
///   (`snapshot.fingerprint.changes`), and MUST NOT change where nothing happened
///   (`snapshot.fingerprint.quiet`).
/// - `entries` MUST show what was there when its first page was read, or fail with `PageExpired`
///   (`snapshot.entries.as-begun`).
/// - `read` MUST answer each id once (`snapshot.read.each-once`), as [`Source::fetch`] does.
///
/// # Errors, cancellation and idempotence
/// Those of [`Source`].
#[async_trait]
pub trait Snapshot<T: Send + Sync>: Debug + Send + Sync {
    /// Returns the numbers that drive the engine.
    fn limits(&self) -> Limits;
    /// Lists what an account offers.
    async fn streams(&self, account: &AccountRef) -> Result<Vec<OfferedStream>, SourceError>;
    /// Returns a text that differs whenever anything differs.
    async fn fingerprint(&self, stream: &StreamRef) -> Result<Cursor, SourceError>;
    /// Reads one page of what is there.
    async fn entries(
        &self,
        stream: &StreamRef,
        page: Option<&PageToken>,
    ) -> Result<Entries, SourceError>;
    /// Reads the items `ids`.
    async fn read(
        &self,
        stream: &StreamRef,
        ids: &[ItemId],
    ) -> Result<Vec<Fetched<T>>, SourceError>;
}

/// Follows a [`Snapshot`]: equal fingerprints mean no change, others a new listing.
#[derive(Clone, Debug)]
pub struct SnapshotSource<S>(S);

impl<S> SnapshotSource<S> {
    /// Wraps `snapshot`.
    pub const fn new(snapshot: S) -> Self {
        Self(snapshot)
    }

    /// Returns what it follows.
    pub const fn snapshot(&self) -> &S {
        &self.0
    }
}

#[async_trait]
impl<T: Send + Sync + 'static, S: Snapshot<T>> Source<T> for SnapshotSource<S> {
    fn limits(&self) -> Limits {
        self.0.limits()
    }

    async fn streams(&self, account: &AccountRef) -> Result<Vec<OfferedStream>, SourceError> {
        self.0.streams(account).await
    }

    async fn head(&self, stream: &StreamRef, _: &Scope) -> Result<Option<Cursor>, SourceError> {
        self.0.fingerprint(stream).await.map(Some)
    }

    async fn changes_since(
        &self,
        stream: &StreamRef,
        cursor: &Cursor,
        _: Option<&PageToken>,
    ) -> Result<Read<T>, SourceError> {
        let now = self.0.fingerprint(stream).await?;
        if now != *cursor {
            return Ok(Read::Relist(Relist::default()));
        }
        let next = Next::Cursor { cursor: now, more: false };
        Ok(Read::Page(Page { changes: Vec::new(), next, total: None }))
    }

    async fn list(
        &self,
        stream: &StreamRef,
        _: &Scope,
        page: Option<&PageToken>,
    ) -> Result<Page<T>, SourceError> {
        let found = self.0.entries(stream, page).await?;
        let changes =
            found.items.into_iter().map(|at| Change::Present { at, item: None }).collect();
        let next = found.next.map_or(Next::End, Next::Page);
        Ok(Page { changes, next, total: found.total })
    }

    async fn fetch(
        &self,
        stream: &StreamRef,
        ids: &[ItemId],
    ) -> Result<Vec<Fetched<T>>, SourceError> {
        self.0.read(stream, ids).await
    }
}
