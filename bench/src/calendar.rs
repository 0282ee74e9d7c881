//! Takes in a whole calendar: listed, read, stored, and the meetings that follow from it.
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Result, ensure};
use besunny::{
    SystemClock,
    core::{
        adapter::Adapter,
        budget::Unmetered,
        calendar::EventUid,
        clock::Clock,
        scheduler::Lease,
        sync::{Outcome, Pass},
        worker::Observer,
    },
    google::{GoogleCalendar, GoogleConfig},
};
use clap::Args;
use tokio::sync::Notify;

use crate::{
    corpus,
    google::{Grant, TakenIn, config, transport},
    measure::report,
};

/// Takes in a calendar.
#[derive(Debug, Args)]
pub(crate) struct TakeInCalendar {
    #[command(flatten)]
    grant: Grant,
    /// How many events there must be in the end.
    #[arg(long)]
    events: usize,
    /// How many events a page has.
    #[arg(long)]
    page: u16,
}

impl TakeInCalendar {
    pub(crate) fn run(self) -> Result<()> {
        tokio::runtime::Runtime::new()?.block_on(self.take_in())
    }

    async fn take_in(self) -> Result<()> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
        let entry = self.grant.world()?;
        let config = GoogleConfig { calendar_page_size: self.page, ..config(&entry) };
        let (http, tokens) = transport(config, &entry, &clock)?;
        let calendar = GoogleCalendar::new(http, tokens, Arc::new(Unmetered));
        let progress = Arc::new(Progress::default());
        let observer = Arc::<Progress>::clone(&progress);
        let took = self.grant.take_in(
            GoogleCalendar::provider(),
            clock,
            |engine| {
                let provider = GoogleCalendar::provider();
                engine.calendar(provider, Adapter::new(calendar)).observer(observer)
            },
            async |it| {
                progress.end.notified().await;
                wait_for_meetings(&it, self.events).await
            },
        );
        let (wall, processor) = took.await?;
        let stored = progress.stored.load(Ordering::Relaxed);
        ensure!(stored == u64::try_from(self.events)?, "{stored} events were stored");
        report(self.events, wall, processor)
    }
}

/// Waits until every event that is to come has its meeting.
async fn wait_for_meetings(it: &TakenIn<'_>, events: usize) -> Result<()> {
    /// Fine enough for a ratio, and rarely enough to cost nothing.
    const LOOK: Duration = Duration::from_millis(10);
    let uids: Vec<EventUid> = corpus::upcoming(events)
        .map(|number| EventUid::from_source(corpus::event_uid(number)))
        .collect();
    // Jobs are done in the order in which they were made: most looks ask for the last one.
    for part in uids.rchunks(1).take(1).chain([uids.as_slice()]) {
        while it.store.meetings_of(it.scope, it.owner, part).await?.len() < part.len() {
            #[expect(clippy::disallowed_methods, reason = "a measurement waits")]
            tokio::time::sleep(LOOK).await;
        }
    }
    Ok(())
}

/// How far the listing is.
#[derive(Debug, Default)]
struct Progress {
    stored: AtomicU64,
    end: Notify,
}

impl Observer for Progress {
    fn passed(&self, _: &Lease, pass: &Pass) {
        self.stored.fetch_add(pass.counts.stored, Ordering::Relaxed);
        if pass.outcome == Outcome::CaughtUp {
            self.end.notify_one();
        }
    }

    fn failed(&self, _: &Lease, _: &str) {}
}
