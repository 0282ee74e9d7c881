//! A provider with a place before and after every call, where a test can wait, fail or die.
use std::{fmt::Debug, sync::Arc};

use async_trait::async_trait;
use besunny_core::{
    bot::{
        Amend, Bot, BotAbilities, BotFilter, BotProvider, BotRecords, BotRef, Bots, Changed,
        Created, NewBot, RecordingLink, Transcript,
    },
    source::{Cursor, PageToken, SourceError},
};

/// What happens before and after a call of a provider.
#[async_trait]
pub trait BotWeather: Debug + Send + Sync {
    /// Before the provider is called; an error means that it never was.
    async fn before(&self, operation: &'static str) -> Result<(), SourceError>;
    /// After it answered; an error means that the answer is lost.
    async fn after(&self, operation: &'static str) -> Result<(), SourceError>;
}

/// A provider whose calls pass through a weather.
#[derive(Clone, Debug)]
pub struct WeatheredBots<B> {
    bots: B,
    weather: Arc<dyn BotWeather>,
}

impl<B: Sync> WeatheredBots<B> {
    /// Puts `weather` before and after all calls of `bots`.
    #[must_use]
    pub fn new(bots: B, weather: Arc<dyn BotWeather>) -> Self {
        Self { bots, weather }
    }

    async fn around<T: Send>(
        &self,
        operation: &'static str,
        call: impl Future<Output = Result<T, SourceError>> + Send,
    ) -> Result<T, SourceError> {
        self.weather.before(operation).await?;
        let answer = call.await;
        self.weather.after(operation).await?;
        answer
    }
}

#[async_trait]
impl<B: BotProvider> BotProvider for WeatheredBots<B> {
    fn abilities(&self) -> BotAbilities {
        self.bots.abilities()
    }

    async fn check(&self) -> Result<(), SourceError> {
        self.around("bots.check", self.bots.check()).await
    }

    async fn create(&self, bot: &NewBot) -> Result<Created, SourceError> {
        self.around("bots.create", self.bots.create(bot)).await
    }

    async fn find(&self, at: &BotRef) -> Result<Option<Bot>, SourceError> {
        self.around("bots.find", self.bots.find(at)).await
    }

    async fn list(
        &self,
        filter: &BotFilter,
        page: Option<&PageToken>,
    ) -> Result<Bots, SourceError> {
        self.around("bots.list", self.bots.list(filter, page)).await
    }

    async fn reschedule(&self, at: &BotRef, to: &Amend) -> Result<Changed, SourceError> {
        self.around("bots.reschedule", self.bots.reschedule(at, to)).await
    }

    async fn stop(&self, at: &BotRef) -> Result<Changed, SourceError> {
        self.around("bots.stop", self.bots.stop(at)).await
    }
}

#[async_trait]
impl<B: BotRecords> BotRecords for WeatheredBots<B> {
    async fn transcript(
        &self,
        at: &BotRef,
        after: Option<&Cursor>,
    ) -> Result<Transcript, SourceError> {
        self.around("bots.transcript", self.bots.transcript(at, after)).await
    }

    async fn recording(&self, at: &BotRef) -> Result<Option<RecordingLink>, SourceError> {
        self.around("bots.recording", self.bots.recording(at)).await
    }

    async fn erase(&self, at: &BotRef) -> Result<Changed, SourceError> {
        self.around("bots.erase", self.bots.erase(at)).await
    }
}
