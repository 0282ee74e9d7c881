//! What an account offers: asked again from time to time, so that calendars come and go by themselves.
use super::{Worker, streams::due};
use crate::{
    adapter::Wired,
    cause::describe,
    repository::{Offer, RepositoryError},
    scheduler::{Lease, Release},
    source::Source,
    sync::{Plan, Road, SyncError},
};

/// A stream that is followed no more has nothing to do; it is due at once when it is offered again.
const FORGOTTEN: std::time::Duration = std::time::Duration::from_hours(24);

impl Worker {
    /// Asks what the account offers when that is due; says whether the stream is among it.
    ///
    /// Where it cannot be asked, the streams there are go on; it is asked again with the next look.
    pub(super) async fn survey<T: Send + Sync>(&self, lease: &Lease, adapter: &Wired<T>) -> bool {
        let every = adapter.source.limits().offers_for;
        match every {
            Some(every) if lease.offered_ago.is_none_or(|ago| ago >= every) => {
                self.ask_offer(lease, adapter).await
            }
            Some(_) | None => true,
        }
    }

    /// The same at once, since the stream is said to be gone.
    pub(super) async fn ask_offer<T: Send + Sync>(
        &self,
        lease: &Lease,
        adapter: &Wired<T>,
    ) -> bool {
        if adapter.source.limits().offers_for.is_none() {
            return true;
        }
        match self.take_offer(lease, adapter).await {
            Ok(is_offered) => is_offered,
            Err(error) => {
                tracing::warn!(stream = %lease.stream, error = describe(&error), "an account cannot be asked what it offers");
                true
            }
        }
    }

    async fn take_offer<T: Send + Sync>(
        &self,
        lease: &Lease,
        adapter: &Wired<T>,
    ) -> Result<bool, SyncError> {
        let source = self.guarded(&*adapter.source);
        let streams = source.streams(&lease.account.at()).await?;
        // An account without anything is taken for trouble: nothing of it is let go of.
        if streams.is_empty() {
            return Ok(true);
        }
        let is_offered = streams.iter().any(|stream| stream.key == lease.at.key);
        let offer = Offer { expected: lease.offers, streams };
        match self.repository.offer(&lease.scope, lease.account.id, &offer).await {
            Ok(()) => Ok(is_offered),
            // Somebody else has asked meanwhile.
            Err(RepositoryError::Conflict) => Ok(true),
            Err(error) => Err(error.into()),
        }
    }

    /// Lets go of a stream that is offered no more: of its watch, and of all that it holds.
    pub(super) async fn let_go<T: Send + Sync, P: Plan<T>>(
        &self,
        lease: &Lease,
        adapter: &Wired<T>,
        road: &Road<'_, T, P>,
    ) -> Option<Release> {
        self.end_watch(lease, adapter).await;
        match road.let_go(lease).await {
            Ok(()) => Some(due(lease, FORGOTTEN)),
            Err(error) => self.failure(lease, &error),
        }
    }
}
