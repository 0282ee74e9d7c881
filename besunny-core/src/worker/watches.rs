//! Push registrations: kept alive under the stream's lease, so that no two workers ask for one.
use std::sync::Arc;

use super::Worker;
use crate::{
    adapter::MailAdapter,
    cause::describe,
    commit::{Basis, Commit, Effect, PassBasis},
    ids::{CommitId, WatchId},
    push::{Push, Watch, WatchRequest},
    repository::RepositoryError,
    scheduler::Lease,
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
    pub(super) async fn keep_watch(&self, lease: &Lease, adapter: &MailAdapter) -> bool {
        let now = self.clock.now();
        let Some(push) = &adapter.push else { return false };
        if let Some(watch) = &lease.watch
            && !watch.is_due(now)
        {
            return watch.is_live(now);
        }
        match self.renew(lease, push).await {
            Ok(watch) => watch.is_live(now),
            Err(error) => {
                tracing::warn!(stream = %lease.stream, error = describe(&error), "push is off");
                lease.watch.as_ref().is_some_and(|watch| watch.is_live(now))
            }
        }
    }

    /// Lengthens the watch, or starts another one and then stops the old one.
    async fn renew(&self, lease: &Lease, push: &Arc<dyn Push>) -> Result<Watch, WatchError> {
        let now = self.clock.now();
        let old = lease.watch.as_ref().filter(|watch| watch.is_live(now));
        if let Some(old) = old
            && let Some(renewed) = push.renew(&lease.at, old, now).await?
        {
            self.store_watch(lease, renewed.clone()).await?;
            return Ok(renewed);
        }
        let epoch = lease.epoch.0.to_be_bytes();
        let id = WatchId::derived(&[lease.stream.as_bytes(), &epoch]);
        // Stored before the call: the first delivery may come before the answer (seen at Gmail).
        if old.is_none() {
            let pending = Watch { id, handle: None, since: now, until: None };
            self.store_watch(lease, pending).await?;
        }
        let request = WatchRequest { id, stream: lease.at.clone(), until: now + ASKED_LIFE };
        let started = push.start_watch(&request, now).await?;
        self.store_watch(lease, started.clone()).await?;
        if let Some(old) = old
            && let Err(error) = push.stop_watch(&lease.at, old).await
        {
            tracing::info!(error = describe(&error), "an old watch is left to end by itself");
        }
        Ok(started)
    }

    async fn store_watch(&self, lease: &Lease, watch: Watch) -> Result<(), RepositoryError> {
        let at = self.repository.position(&lease.scope, lease.stream).await?;
        let basis = PassBasis {
            stream: lease.stream,
            epoch: lease.epoch,
            expected: at.version,
            track: at.track,
            met: Vec::new(),
            mark: None,
        };
        let id = CommitId::derived(&[
            watch.id.as_bytes(),
            &lease.epoch.0.to_be_bytes(),
            &at.version.0.to_be_bytes(),
        ]);
        let effects = vec![Effect::Watch(Some(watch))];
        let commit =
            Commit { id, basis: Basis::Pass(Box::new(basis)), at: self.clock.now(), effects };
        self.repository.commit(&lease.scope, Arc::new(commit)).await.map(drop)
    }
}
