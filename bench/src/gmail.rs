//! Takes in a whole Gmail mailbox: listed, fetched, read, stored, routed.
use std::{sync::Arc, time::Duration};

use anyhow::Result;
use async_trait::async_trait;
use besunny::{
    SystemClock,
    core::{
        adapter::Adapter,
        budget::{Budget, Paced, Unmetered},
        clock::Clock,
        repository::{DocumentFilter, StateFilter, Store},
        tenant::TenantScope,
    },
    google::Gmail,
};
use chrono::{DateTime, TimeDelta, Utc};
use clap::Args;
use serde_json::Value;

use crate::{
    google::{Grant, config, transport},
    measure::report,
};

/// Takes in a Gmail mailbox.
#[derive(Debug, Args)]
pub(crate) struct TakeIn {
    #[command(flatten)]
    grant: Grant,
    /// How many mails there must be in the end.
    #[arg(long)]
    mails: u64,
    /// Keeps to Google's quota, with time this many times as fast.
    #[arg(long)]
    scale: Option<u32>,
}

impl TakeIn {
    pub(crate) fn run(self) -> Result<()> {
        tokio::runtime::Runtime::new()?.block_on(self.take_in())
    }

    async fn take_in(self) -> Result<()> {
        let clock: Arc<dyn Clock> = Arc::new(Fast::new(self.scale.unwrap_or(1)));
        let gmail = gmail(&self.grant.world()?, &clock, self.scale.is_some())?;
        let took = self.grant.take_in(
            Gmail::provider(),
            clock,
            |engine| engine.mail(Gmail::provider(), Adapter::new(gmail)),
            async |it| wait_for(it.store, it.scope, self.mails).await,
        );
        let (wall, processor) = took.await?;
        report(usize::try_from(self.mails)?, wall, processor)
    }
}

/// Waits until all mails are stored and decided on.
async fn wait_for(store: &dyn Store, scope: &TenantScope, mails: u64) -> Result<()> {
    /// Rarely enough to cost nothing.
    const LOOK: Duration = Duration::from_millis(200);
    /// A tally counts all documents, so it is taken only when nothing waits.
    const WAITING: DocumentFilter = DocumentFilter {
        owner: None,
        kind: None,
        project: None,
        state: Some(StateFilter::Pending),
        before: None,
        limit: 1,
    };
    loop {
        if store.documents(scope, &WAITING).await?.is_empty() {
            let tally = store.tally(scope, None).await?;
            if tally.needs_review + tally.routed.values().sum::<u64>() == mails {
                return Ok(());
            }
        }
        #[expect(clippy::disallowed_methods, reason = "a measurement waits for what it measures")]
        tokio::time::sleep(LOOK).await;
    }
}

fn gmail(entry: &Value, clock: &Arc<dyn Clock>, is_metered: bool) -> Result<Gmail> {
    let config = config(entry);
    let quota = config.quota.quota();
    let (http, tokens) = transport(config, entry, clock)?;
    let budget: Arc<dyn Budget> = if is_metered {
        Arc::new(Paced::new(Arc::clone(clock), [quota]))
    } else {
        Arc::new(Unmetered)
    };
    Ok(Gmail::new(http, tokens, budget))
}

/// The machine's time, so many times as fast.
#[derive(Debug)]
struct Fast {
    clock: SystemClock,
    began: DateTime<Utc>,
    factor: u32,
}

impl Fast {
    fn new(factor: u32) -> Self {
        let clock = SystemClock::default();
        let began = clock.now();
        Self { clock, began, factor }
    }
}

#[async_trait]
impl Clock for Fast {
    fn now(&self) -> DateTime<Utc> {
        let passed = self.clock.now() - self.began;
        self.began + passed * i32::try_from(self.factor).unwrap_or(i32::MAX)
    }

    async fn sleep_until(&self, at: DateTime<Utc>) {
        let passed = (at - self.began).max(TimeDelta::zero());
        let wake = self.began + passed / i32::try_from(self.factor).unwrap_or(i32::MAX);
        // Rounding down would wake too early.
        self.clock.sleep_until(wake + TimeDelta::milliseconds(1)).await;
    }
}
