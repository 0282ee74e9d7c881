//! A panic is caught where it happens: it is a failure like others, and takes no neighbour down.
//!
//! What a panic says is not kept, since it may quote content (ARCHITECTURE.md L7); the process has
//! written it to its standard error by then.
use std::panic::AssertUnwindSafe;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures::FutureExt;

use crate::{
    classify::{Classifier, ClassifyError, Question, Verdict},
    event::{Event, EventSink, PublishError},
    message::{Filing, MailFiling},
    project::Project,
    push::{Push, Watch, WatchRequest},
    source::{
        AccountRef, Cursor, Fetched, ItemId, Limits, OfferedStream, Page, PageToken, Read, Scope,
        Source, SourceError, SourceErrorKind, StreamRef,
    },
};

/// Something panicked.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("it panicked, which is a bug: standard error of the process says where")]
pub(super) struct Panicked;

/// Does `work`; a panic ends it alone.
///
/// What it was at is thrown away with it, and what it shared with others is behind a port.
pub(super) async fn caught<T>(work: impl Future<Output = T>) -> Result<T, Panicked> {
    AssertUnwindSafe(work).catch_unwind().await.map_err(|_content| Panicked)
}

/// A port whose panics are failures.
#[derive(Debug)]
pub(super) struct Caught<'a, P: ?Sized>(pub(super) &'a P);

/// Asks a source; who panics gives an answer that makes no sense, of an item or of the stream.
async fn asked<T, F>(
    operation: &'static str,
    ask: impl FnOnce() -> F + Send,
) -> Result<T, SourceError>
where
    F: Future<Output = Result<T, SourceError>> + Send,
{
    let answer = caught(async { ask().await }).await;
    answer.unwrap_or_else(|panicked| {
        Err(SourceError::new(SourceErrorKind::Malformed, operation).because(panicked))
    })
}

#[async_trait]
impl<T: Send + Sync, S: Source<T> + ?Sized> Source<T> for Caught<'_, S> {
    fn limits(&self) -> Limits {
        self.0.limits()
    }

    async fn streams(&self, account: &AccountRef) -> Result<Vec<OfferedStream>, SourceError> {
        asked("streams", || self.0.streams(account)).await
    }

    async fn head(&self, stream: &StreamRef, scope: &Scope) -> Result<Option<Cursor>, SourceError> {
        asked("head", || self.0.head(stream, scope)).await
    }

    async fn changes_since(
        &self,
        stream: &StreamRef,
        cursor: &Cursor,
        page: Option<&PageToken>,
    ) -> Result<Read<T>, SourceError> {
        asked("changes_since", || self.0.changes_since(stream, cursor, page)).await
    }

    async fn list(
        &self,
        stream: &StreamRef,
        scope: &Scope,
        page: Option<&PageToken>,
    ) -> Result<Page<T>, SourceError> {
        asked("list", || self.0.list(stream, scope, page)).await
    }

    async fn fetch(
        &self,
        stream: &StreamRef,
        ids: &[ItemId],
    ) -> Result<Vec<Fetched<T>>, SourceError> {
        asked("fetch", || self.0.fetch(stream, ids)).await
    }
}

#[async_trait]
impl<P: Push + ?Sized> Push for Caught<'_, P> {
    async fn start_watch(
        &self,
        request: &WatchRequest,
        now: DateTime<Utc>,
    ) -> Result<Watch, SourceError> {
        asked("start_watch", || self.0.start_watch(request, now)).await
    }

    async fn renew(
        &self,
        stream: &StreamRef,
        watch: &Watch,
        now: DateTime<Utc>,
    ) -> Result<Option<Watch>, SourceError> {
        asked("renew", || self.0.renew(stream, watch, now)).await
    }

    async fn stop_watch(&self, stream: &StreamRef, watch: &Watch) -> Result<(), SourceError> {
        asked("stop_watch", || self.0.stop_watch(stream, watch)).await
    }
}

#[async_trait]
impl<F: MailFiling + ?Sized> MailFiling for Caught<'_, F> {
    async fn file(
        &self,
        stream: &StreamRef,
        item: &ItemId,
        filing: &Filing,
    ) -> Result<(), SourceError> {
        asked("file", || self.0.file(stream, item, filing)).await
    }
}

#[async_trait]
impl<C: Classifier + ?Sized> Classifier for Caught<'_, C> {
    async fn classify(
        &self,
        question: &Question<'_>,
        candidates: &[Project],
    ) -> Result<Verdict, ClassifyError> {
        let verdict = caught(async { self.0.classify(question, candidates).await }).await;
        verdict.unwrap_or_else(|panicked| Err(ClassifyError::new("that was asked", panicked)))
    }
}

#[async_trait]
impl<E: EventSink + ?Sized> EventSink for Caught<'_, E> {
    async fn publish(&self, events: &[Event]) -> Result<(), PublishError> {
        let published = caught(async { self.0.publish(events).await }).await;
        published.unwrap_or_else(|panicked| Err(PublishError(Box::new(panicked))))
    }
}
