//! A provider of bots that may break one promise.
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use besunny_core::{
    bot::{
        Amend, Bot, BotAbilities, BotFilter, BotProvider, BotRecords, BotRef, Bots, Changed,
        Created, NewBot, RecordingLink, Transcript,
    },
    source::{Cursor, PageToken, SourceError},
};

use super::Planted;

/// A provider that may break one promise.
#[derive(Debug)]
pub struct BuggyBots<B> {
    bots: B,
    bug: Option<Planted>,
    made: AtomicU64,
}

impl<B> BuggyBots<B> {
    /// Plants `bug` in `bots`; a bug that is none of a provider changes nothing.
    #[must_use]
    pub const fn new(bots: B, bug: Option<Planted>) -> Self {
        Self { bots, bug, made: AtomicU64::new(0) }
    }

    fn has(&self, bug: Planted) -> bool {
        self.bug == Some(bug)
    }
}

#[async_trait]
impl<B: BotProvider> BotProvider for BuggyBots<B> {
    fn abilities(&self) -> BotAbilities {
        self.bots.abilities()
    }

    async fn check(&self) -> Result<(), SourceError> {
        self.bots.check().await
    }

    async fn create(&self, bot: &NewBot) -> Result<Created, SourceError> {
        if self.has(Planted::DoubledBots) {
            let number = self.made.fetch_add(1, Ordering::Relaxed);
            let dedup_key = format!("{} {number}", bot.dedup_key);
            return self.bots.create(&NewBot { dedup_key, ..bot.clone() }).await;
        }
        self.bots.create(bot).await
    }

    async fn find(&self, at: &BotRef) -> Result<Option<Bot>, SourceError> {
        self.bots.find(at).await
    }

    async fn list(
        &self,
        filter: &BotFilter,
        page: Option<&PageToken>,
    ) -> Result<Bots, SourceError> {
        self.bots.list(filter, page).await
    }

    async fn reschedule(&self, at: &BotRef, to: &Amend) -> Result<Changed, SourceError> {
        self.bots.reschedule(at, to).await
    }

    async fn stop(&self, at: &BotRef) -> Result<Changed, SourceError> {
        if self.has(Planted::DeafBots) {
            return Ok(Changed::Applied);
        }
        self.bots.stop(at).await
    }
}

#[async_trait]
impl<B: BotRecords> BotRecords for BuggyBots<B> {
    async fn transcript(
        &self,
        at: &BotRef,
        after: Option<&Cursor>,
    ) -> Result<Transcript, SourceError> {
        let mut read = self.bots.transcript(at, after).await?;
        if self.has(Planted::LostWords) && after.is_some() {
            read.segments.truncate(1);
        }
        Ok(read)
    }

    async fn recording(&self, at: &BotRef) -> Result<Option<RecordingLink>, SourceError> {
        self.bots.recording(at).await
    }

    async fn erase(&self, at: &BotRef) -> Result<Changed, SourceError> {
        self.bots.erase(at).await
    }
}
