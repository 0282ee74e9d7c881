//! Ports as the worker asks them: a panic is a failure like others, and so is an answer that never
//! comes. Neither takes a neighbour down.
//!
//! What a panic says is not kept, since it may quote content (ARCHITECTURE.md L7); the process has
//! written it to its standard error by then. A call that blocks its thread cannot be let go.
use std::{panic::AssertUnwindSafe, time::Duration};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures::{
    FutureExt,
    future::{self, Either},
};

use super::Worker;
use crate::{
    classify::{Classifier, ClassifyError, Question, Verdict},
    clock::Clock,
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

/// A call did not come back.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("it did not answer within {} s, and is let go", .0.as_secs())]
pub(super) struct Silent(Duration);

/// A port whose panics and hung calls are failures.
#[derive(Debug)]
pub(super) struct Guarded<'a, P: ?Sized> {
    port: &'a P,
    clock: &'a dyn Clock,
    patience: Duration,
}

/// Why a call has no answer of its own.
#[derive(Clone, Copy, Debug, thiserror::Error)]
enum Unanswered {
    #[error(transparent)]
    Panicked(Panicked),
    #[error(transparent)]
    Silent(Silent),
}

impl Worker {
    /// Asks `port` for as long as [`Settings::hung_after`](crate::settings::Settings::hung_after).
    pub(super) fn guarded<'a, P: ?Sized>(&'a self, port: &'a P) -> Guarded<'a, P> {
        Guarded { port, clock: &*self.clock, patience: self.settings.hung_after }
    }
}

impl<P: ?Sized + Sync> Guarded<'_, P> {
    /// Waits for an answer; what is asked is dropped when there is none in time.
    async fn answer<T, F>(&self, ask: impl FnOnce() -> F + Send) -> Result<T, Unanswered>
    where
        T: Send,
        F: Future<Output = T> + Send,
    {
        let answer = Box::pin(caught(async { ask().await }));
        let patience = self.clock.sleep_until(self.clock.now() + self.patience);
        match future::select(answer, patience).await {
            Either::Left((answer, _)) => answer.map_err(Unanswered::Panicked),
            Either::Right(((), _)) => Err(Unanswered::Silent(Silent(self.patience))),
        }
    }

    /// Asks a source; a panic is an answer that makes no sense, silence is an outage.
    pub(super) async fn asked<T, F>(
        &self,
        operation: &'static str,
        ask: impl FnOnce() -> F + Send,
    ) -> Result<T, SourceError>
    where
        T: Send,
        F: Future<Output = Result<T, SourceError>> + Send,
    {
        self.answer(ask).await.unwrap_or_else(|unanswered| {
            let kind = match unanswered {
                Unanswered::Panicked(_) => SourceErrorKind::Malformed,
                Unanswered::Silent(_) => SourceErrorKind::Unavailable,
            };
            Err(SourceError::new(kind, operation).because(unanswered))
        })
    }
}

#[async_trait]
impl<T: Send + Sync, S: Source<T> + ?Sized> Source<T> for Guarded<'_, S> {
    fn limits(&self) -> Limits {
        self.port.limits()
    }

    async fn streams(&self, account: &AccountRef) -> Result<Vec<OfferedStream>, SourceError> {
        self.asked("streams", || self.port.streams(account)).await
    }

    async fn head(&self, stream: &StreamRef, scope: &Scope) -> Result<Option<Cursor>, SourceError> {
        self.asked("head", || self.port.head(stream, scope)).await
    }

    async fn changes_since(
        &self,
        stream: &StreamRef,
        cursor: &Cursor,
        page: Option<&PageToken>,
    ) -> Result<Read<T>, SourceError> {
        self.asked("changes_since", || self.port.changes_since(stream, cursor, page)).await
    }

    async fn list(
        &self,
        stream: &StreamRef,
        scope: &Scope,
        page: Option<&PageToken>,
    ) -> Result<Page<T>, SourceError> {
        self.asked("list", || self.port.list(stream, scope, page)).await
    }

    async fn fetch(
        &self,
        stream: &StreamRef,
        ids: &[ItemId],
    ) -> Result<Vec<Fetched<T>>, SourceError> {
        self.asked("fetch", || self.port.fetch(stream, ids)).await
    }
}

#[async_trait]
impl<P: Push + ?Sized> Push for Guarded<'_, P> {
    async fn start_watch(
        &self,
        request: &WatchRequest,
        now: DateTime<Utc>,
    ) -> Result<Watch, SourceError> {
        self.asked("start_watch", || self.port.start_watch(request, now)).await
    }

    async fn renew(
        &self,
        stream: &StreamRef,
        watch: &Watch,
        now: DateTime<Utc>,
    ) -> Result<Option<Watch>, SourceError> {
        self.asked("renew", || self.port.renew(stream, watch, now)).await
    }

    async fn stop_watch(&self, stream: &StreamRef, watch: &Watch) -> Result<(), SourceError> {
        self.asked("stop_watch", || self.port.stop_watch(stream, watch)).await
    }
}

#[async_trait]
impl<F: MailFiling + ?Sized> MailFiling for Guarded<'_, F> {
    async fn file(
        &self,
        stream: &StreamRef,
        item: &ItemId,
        filing: &Filing,
    ) -> Result<(), SourceError> {
        self.asked("file", || self.port.file(stream, item, filing)).await
    }
}

#[async_trait]
impl<C: Classifier + ?Sized> Classifier for Guarded<'_, C> {
    async fn classify(
        &self,
        question: &Question<'_>,
        candidates: &[Project],
    ) -> Result<Verdict, ClassifyError> {
        let verdict = self.answer(|| self.port.classify(question, candidates)).await;
        verdict.unwrap_or_else(|unanswered| Err(ClassifyError::new("that was asked", unanswered)))
    }
}

#[async_trait]
impl<E: EventSink + ?Sized> EventSink for Guarded<'_, E> {
    async fn publish(&self, events: &[Event]) -> Result<(), PublishError> {
        let published = self.answer(|| self.port.publish(events)).await;
        published.unwrap_or_else(|unanswered| Err(PublishError(Box::new(unanswered))))
    }
}
