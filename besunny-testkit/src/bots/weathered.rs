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
    /// Changes what goes in or comes out, as a planted bug does.
    fn rewrite(&self, _: BotRewrite<'_>) {}
}

/// What a weather may change.
#[derive(Debug)]
pub enum BotRewrite<'a> {
    /// The bot that is asked for.
    Create(&'a mut NewBot),
    /// The answer to a stop; the provider is not asked once there is one.
    Stop(&'a mut Option<Changed>),
    /// What was heard, since the cursor if there was one.
    Heard(Option<&'a Cursor>, &'a mut Transcript),
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
        let mut bot = bot.clone();
        self.weather.rewrite(BotRewrite::Create(&mut bot));
        self.around("bots.create", self.bots.create(&bot)).await
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
        let mut answer = None;
        self.weather.rewrite(BotRewrite::Stop(&mut answer));
        match answer {
            Some(answer) => Ok(answer),
            None => self.around("bots.stop", self.bots.stop(at)).await,
        }
    }
}

#[async_trait]
impl<B: BotRecords> BotRecords for WeatheredBots<B> {
    async fn transcript(
        &self,
        at: &BotRef,
        after: Option<&Cursor>,
    ) -> Result<Transcript, SourceError> {
        let read = self.around("bots.transcript", self.bots.transcript(at, after)).await;
        read.map(|mut read| {
            self.weather.rewrite(BotRewrite::Heard(after, &mut read));
            read
        })
    }

    async fn recording(&self, at: &BotRef) -> Result<Option<RecordingLink>, SourceError> {
        self.around("bots.recording", self.bots.recording(at)).await
    }

    async fn erase(&self, at: &BotRef) -> Result<Changed, SourceError> {
        self.around("bots.erase", self.bots.erase(at)).await
    }
}
