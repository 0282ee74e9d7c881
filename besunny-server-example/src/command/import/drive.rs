//! Driving the engine until one source is read to its end.
use std::time::Duration;

use besunny::core::{
    account::Account,
    repository::StreamStatus,
    scheduler::Work,
    track::{Missing, Steer},
};
use chrono::{DateTime, Utc};

use super::progress::Progress;
use crate::{command::Refusal, home::Home};

/// A killed import holds its work back for so long; a living one lengthens its lease in time.
pub(super) const LEASE: Duration = Duration::from_secs(2);
/// Nothing else waits meanwhile, and decisions that are written together share one wait for the disk.
pub(super) const JOBS: usize = 256;
/// Files either can be read or not: more failures than this say that they cannot.
const FAILURES: u32 = 3;
/// The longest time between two looks whether another program has let go of the source.
const LOOK: Duration = Duration::from_millis(100);
/// Another program's lease lasts a minute; whoever makes no progress for longer is stuck.
const PATIENCE: Duration = Duration::from_secs(90);
/// A store that cannot be written says so when it is asked after such a time without progress.
const PROBE: Duration = Duration::from_secs(5);

/// One source on its way in.
#[derive(Debug)]
pub(super) struct Reading<'a> {
    pub(super) home: &'a Home,
    pub(super) account: &'a Account,
    pub(super) progress: &'a Progress,
}

impl Reading<'_> {
    /// Reads everything and decides on it; returns a mass removal that waits for a person.
    ///
    /// A source that changed while it was read is looked at once more in the end.
    pub(super) async fn to_the_end(&self, accepts: bool) -> Result<Option<Missing>, Refusal> {
        let held = self.read(Steer::Relist).await?.track.held_removal();
        if held.is_some() && accepts {
            self.read(Steer::AcceptRemovals).await?;
        }
        let held = self.read(Steer::Resume).await?.track.held_removal();
        self.decide().await?;
        Ok(held)
    }

    /// Steers the stream and waits until it is caught up.
    async fn read(&self, steer: Steer) -> Result<StreamStatus, Refusal> {
        let since = self.home.clock.now();
        let stream = self.status().await?.id;
        self.steer(stream, steer).await?;
        let mut patience = Patience::new(since);
        loop {
            self.home.besunny.run_until_idle().await;
            let status = self.status().await?;
            let (failures, why) = self.progress.failures();
            if status.paused.is_some() || failures >= FAILURES {
                let why = status.error.or(why).unwrap_or_default();
                let message = format!("{} cannot be read to its end: {why}", self.shown());
                return Err(Refusal::finding("source", message));
            }
            let is_new = status.caught_up_at.is_some_and(|at| at >= since);
            if is_new && status.track.is_settled() {
                return Ok(status);
            }
            let now = self.home.clock.now();
            let waited = patience.waited(now, (status.track.clone(), status.items));
            if waited >= PATIENCE {
                return Err(self.stuck());
            }
            if waited >= PROBE {
                self.steer(stream, Steer::Resume).await?;
            }
            self.rest(Work::Streams).await?;
        }
    }

    /// Waits until every document was decided on, or nothing can be done about it.
    async fn decide(&self) -> Result<(), Refusal> {
        let store = self.home.besunny.store();
        let mut patience = Patience::new(self.home.clock.now());
        loop {
            self.home.besunny.run_until_idle().await;
            let pending = store.tally(&self.home.scope, None).await?.pending;
            if pending == 0 || store.next_due(Work::Jobs).await?.is_none() {
                return Ok(());
            }
            if patience.waited(self.home.clock.now(), pending) >= PATIENCE {
                let message = format!(
                    "{pending} mails are stored and wait for a decision that does not come: \
                     end other programs on this database and import again"
                );
                return Err(Refusal::finding("store", message));
            }
            self.rest(Work::Jobs).await?;
        }
    }

    async fn steer(
        &self,
        stream: besunny::core::ids::StreamId,
        steer: Steer,
    ) -> Result<(), Refusal> {
        Ok(self.home.besunny.steer(&self.home.scope, stream, steer).await?)
    }

    async fn rest(&self, work: Work) -> Result<(), Refusal> {
        let due = self.home.besunny.store().next_due(work).await?;
        let wait = due.map_or(LOOK, |due| due.min(LOOK));
        self.home.clock.sleep_until(self.home.clock.now() + wait).await;
        Ok(())
    }

    async fn status(&self) -> Result<StreamStatus, Refusal> {
        let streams = self.home.besunny.store().streams(&self.home.scope).await?;
        let found = streams.into_iter().find(|status| status.account == self.account.id);
        found.ok_or_else(|| Refusal::finding("source", format!("{} is gone", self.shown())))
    }

    fn shown(&self) -> &str {
        self.account.subject.as_str()
    }

    fn stuck(&self) -> Refusal {
        let message = format!(
            "{} is being read by another program that makes no progress: end it and import again",
            self.shown()
        );
        Refusal::finding("store", message)
    }
}

/// Measures how long nothing has changed.
struct Patience<T> {
    seen: Option<T>,
    since: DateTime<Utc>,
}

impl<T: PartialEq> Patience<T> {
    const fn new(now: DateTime<Utc>) -> Self {
        Self { seen: None, since: now }
    }

    fn waited(&mut self, now: DateTime<Utc>, seen: T) -> Duration {
        if self.seen.as_ref() != Some(&seen) {
            self.seen = Some(seen);
            self.since = now;
        }
        (now - self.since).to_std().unwrap_or_default()
    }
}
