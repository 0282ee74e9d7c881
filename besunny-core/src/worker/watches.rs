//! Push registrations: kept alive under the stream's lease, so that no two workers ask for one.
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::Worker;
use crate::{
    adapter::Wired,
    cause::describe,
    commit::{Basis, Commit, Effect, PassBasis},
    failure::Trouble,
    ids::{CommitId, WatchId},
    push::{Push, Watch, WatchRequest},
    repository::RepositoryError,
    retry::{self, Failed},
    scheduler::{Lease, Rest},
    source::SourceError,
};

/// A watch is asked for as long as any provider we know grants; the answer says how long it lasts.
const ASKED_LIFE: chrono::Duration = chrono::Duration::days(7);

#[derive(Debug, thiserror::Error)]
enum WatchError {
    #[error("the provider did not start a watch")]
    Source(#[from] SourceError),
    #[error("the watch could not be stored")]
    Repository(#[from] RepositoryError),
}

impl Worker {
    /// Starts or renews the watch when that is due; returns whether the provider calls us.
    ///
    /// A failing watch never stops the stream from being polled (ARCHITECTURE.md L2).
    pub(super) async fn keep_watch<T>(&self, lease: &Lease, adapter: &Wired<T>) -> bool {
        let now = self.clock.now();
        let Some(push) = &adapter.push else {
            self.give_up_watch(lease, now).await;
            return false;
        };
        if let Some(watch) = &lease.watch
            && !watch.is_due(now)
        {
            return watch.is_live(now);
        }
        match self.renew(lease, &self.guarded(&**push)).await {
            Ok(watch) => watch.is_live(now),
            Err(error) => {
                let watch = self.troubled(lease, &error);
                tracing::warn!(stream = %lease.stream, error = describe(&error), "push is off");
                let is_live = watch.is_live(now);
                if let Err(error) = self.store_watch(lease, watch).await {
                    tracing::warn!(stream = %lease.stream, error = describe(&error), "push is off");
                }
                is_live
            }
        }
    }

    /// Forgets the trouble with a watch that nobody asks for any more, and all of one that is over.
    ///
    /// One that is live ends at the provider by itself; its notices are welcome until then.
    async fn give_up_watch(&self, lease: &Lease, now: DateTime<Utc>) {
        let Some(watch) = &lease.watch else { return };
        let live = watch.is_live(now).then(|| Watch { trouble: None, ..watch.clone() });
        if live.as_ref() == Some(watch) {
            return;
        }
        if let Err(error) = self.put_watch(lease, watch.id, live).await {
            tracing::warn!(stream = %lease.stream, error = describe(&error), "a watch is kept");
        }
    }

    /// Ends the watch of a stream that is followed no more.
    pub(super) async fn end_watch<T>(&self, lease: &Lease, adapter: &Wired<T>) {
        let Some(watch) = &lease.watch else { return };
        if let Some(push) = &adapter.push
            && let Err(error) = self.guarded(&**push).stop_watch(&lease.at, watch).await
        {
            tracing::info!(error = describe(&error), "a watch is left to end by itself");
        }
        if let Err(error) = self.put_watch(lease, watch.id, None).await {
            tracing::warn!(stream = %lease.stream, error = describe(&error), "a watch is kept");
        }
    }

    /// Returns the watch as it is after a failure, with the time of the next attempt.
    fn troubled(&self, lease: &Lease, error: &WatchError) -> Watch {
        let now = self.clock.now();
        let watch = lease.watch.clone().unwrap_or_else(|| pending(lease, now));
        let attempt = watch.trouble.as_ref().map_or(0, |trouble| trouble.attempt) + 1;
        let luck = retry::luck(&[lease.stream.as_bytes(), &lease.epoch.0.to_be_bytes(), b"watch"]);
        let rest = match error {
            WatchError::Source(SourceError { kind, retry_after, .. }) => {
                let (kind, retry_after) = (*kind, *retry_after);
                retry::after(Failed { kind, retry_after, attempt }, luck)
            }
            WatchError::Repository(_) => Rest::After(retry::STORE.wait(attempt, luck)),
        };
        let (wait, waits_for) = match rest {
            Rest::After(wait) | Rest::Asked(wait) => (wait, None),
            Rest::Paused(reason) => (retry::WATCH_PAUSED, Some(reason)),
        };
        let (error, retry_at) = (describe(error), now + wait);
        Watch { trouble: Some(Trouble { attempt, error, waits_for, retry_at }), ..watch }
    }

    /// Lengthens the watch, or starts another one and then stops the old one.
    async fn renew(&self, lease: &Lease, push: &impl Push) -> Result<Watch, WatchError> {
        let now = self.clock.now();
        let old = lease.watch.as_ref().filter(|watch| watch.is_live(now));
        if let Some(old) = old
            && let Some(renewed) = push.renew(&lease.at, old, now).await?
        {
            return self.had(lease, renewed).await;
        }
        let pending = pending(lease, now);
        let id = pending.id;
        // Stored before the call: the first delivery may come before the answer (seen at Gmail).
        if old.is_none() && lease.watch.as_ref().is_none_or(|watch| watch.id != id) {
            self.store_watch(lease, pending).await?;
        }
        let request = WatchRequest { id, stream: lease.at.clone(), until: now + ASKED_LIFE };
        let started = push.start_watch(&request, now).await?;
        let started = self.had(lease, started).await?;
        if let Some(old) = old
            && let Err(error) = push.stop_watch(&lease.at, old).await
        {
            tracing::info!(error = describe(&error), "an old watch is left to end by itself");
        }
        Ok(started)
    }

    /// Stores a watch that was had, without the trouble there was before.
    async fn had(&self, lease: &Lease, watch: Watch) -> Result<Watch, WatchError> {
        let watch = Watch { trouble: None, ..watch };
        self.store_watch(lease, watch.clone()).await?;
        Ok(watch)
    }

    async fn store_watch(&self, lease: &Lease, watch: Watch) -> Result<(), RepositoryError> {
        self.put_watch(lease, watch.id, Some(watch)).await
    }

    async fn put_watch(
        &self,
        lease: &Lease,
        id: WatchId,
        watch: Option<Watch>,
    ) -> Result<(), RepositoryError> {
        let at = self.repository.position(&lease.scope, lease.stream).await?;
        let basis = PassBasis::standing(lease, at);
        let id = CommitId::derived(&[
            id.as_bytes(),
            &lease.epoch.0.to_be_bytes(),
            &basis.expected.0.to_be_bytes(),
        ]);
        let effects = vec![Effect::Watch(watch)];
        let commit =
            Commit { id, basis: Basis::Pass(Box::new(basis)), at: self.clock.now(), effects };
        self.repository.commit(&lease.scope, Arc::new(commit)).await.map(drop)
    }
}

/// Returns the watch that is asked for under `lease`; one that never began is asked for again.
fn pending(lease: &Lease, now: DateTime<Utc>) -> Watch {
    let begun = lease.watch.as_ref().filter(|watch| watch.handle.is_none());
    let fresh = || WatchId::derived(&[lease.stream.as_bytes(), &lease.epoch.0.to_be_bytes()]);
    let id = begun.map_or_else(fresh, |watch| watch.id);
    Watch { id, handle: None, since: now, until: None, trouble: None }
}
