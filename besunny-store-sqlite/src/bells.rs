//! Waking whoever waits for work of a kind.
use besunny_core::scheduler::Work;
use futures::{FutureExt, future::BoxFuture};
use tokio::sync::watch;

/// One bell a kind of work.
#[derive(Debug, Default)]
pub(crate) struct Bells {
    streams: watch::Sender<()>,
    jobs: watch::Sender<()>,
    events: watch::Sender<()>,
}

/// The kinds of work that a change has made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Made {
    pub(crate) streams: bool,
    pub(crate) jobs: bool,
    pub(crate) events: bool,
}

impl Bells {
    /// Wakes who waits for what was made.
    pub(crate) fn ring(&self, made: Made) {
        let rung =
            [(made.streams, &self.streams), (made.jobs, &self.jobs), (made.events, &self.events)];
        for (_, bell) in rung.iter().filter(|(made, _)| *made) {
            bell.send_replace(());
        }
    }

    /// Waits for the next ring after this very call, not after the first poll.
    pub(crate) fn next(&self, work: Work) -> BoxFuture<'static, ()> {
        let bell = match work {
            Work::Streams => &self.streams,
            Work::Jobs => &self.jobs,
            Work::Events => &self.events,
        };
        let mut heard = bell.subscribe();
        // An error says that the store is gone; the next call says so too.
        async move { drop(heard.changed().await) }.boxed()
    }
}

impl Made {
    /// Returns what both have made.
    pub(crate) const fn and(self, other: Self) -> Self {
        Self {
            streams: self.streams || other.streams,
            jobs: self.jobs || other.jobs,
            events: self.events || other.events,
        }
    }
}
