//! A provider of bots that may break one promise.
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use besunny_core::{bot::Changed, source::SourceError};

use super::Planted;
use crate::bots::{BotRewrite, BotWeather};

/// What is wrong with a provider; a bug that is none of a provider changes nothing.
#[derive(Debug)]
pub struct BotBug {
    bug: Option<Planted>,
    made: AtomicU64,
}

impl BotBug {
    /// Makes the weather of a provider that has `bug`.
    #[must_use]
    pub const fn of(bug: Option<Planted>) -> Self {
        Self { bug, made: AtomicU64::new(0) }
    }
}

#[async_trait]
impl BotWeather for BotBug {
    async fn before(&self, _: &'static str) -> Result<(), SourceError> {
        Ok(())
    }

    async fn after(&self, _: &'static str) -> Result<(), SourceError> {
        Ok(())
    }

    fn rewrite(&self, what: BotRewrite<'_>) {
        match (self.bug, what) {
            (Some(Planted::DoubledBots), BotRewrite::Create(bot)) => {
                let number = self.made.fetch_add(1, Ordering::Relaxed);
                bot.dedup_key = format!("{} {number}", bot.dedup_key);
            }
            (Some(Planted::DeafBots), BotRewrite::Stop(answer)) => {
                *answer = Some(Changed::Applied);
            }
            (Some(Planted::LostWords), BotRewrite::Heard(Some(_), read)) => {
                read.segments.truncate(1);
            }
            (_, _) => {}
        }
    }
}
