//! Bugs of providers of bots.
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use besunny_core::{
    bot::{
        Amend, Bot, BotAbilities, BotChat, BotFilter, BotPhase, BotPresence, BotProvider,
        BotRecords, BotRef, Bots, Changed, Created, NewBot, RecordingControl, RecordingLink,
        SegmentKey, Transcript,
    },
    source::{Cursor, PageToken, SourceError},
};
use besunny_testkit::conformance::{
    Power,
    bot::{self, BotWorld, Mishap, Scene},
};
use chrono::{DateTime, Utc};
use libtest_mimic::Trial;

use super::{broken, plant};
use crate::bots::scripted;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bug {
    FreshKeyEachTry,
    SwallowedFailure,
    SecondCall,
    FirstPageOnly,
    StoppedWhileFrozen,
    MovedInTheCall,
    BackToTheStart,
    SkippedSegment,
    KeysByPlace,
    ErasedEarly,
}

const BUGS: [(Bug, &str); 12] = [
    (Bug::FreshKeyEachTry, "bot.create.once"),
    (Bug::FreshKeyEachTry, "bot.create.lost-reply"),
    (Bug::SwallowedFailure, "bot.errors.not-swallowed"),
    (Bug::SecondCall, "bot.errors.not-swallowed"),
    (Bug::SecondCall, "bot.errors.unavailable"),
    (Bug::FirstPageOnly, "bot.list.complete"),
    (Bug::StoppedWhileFrozen, "bot.stop.frozen"),
    (Bug::MovedInTheCall, "bot.reschedule.late"),
    (Bug::BackToTheStart, "bot.phase.order"),
    (Bug::SkippedSegment, "records.transcript.after"),
    (Bug::KeysByPlace, "records.transcript.stable-keys"),
    (Bug::ErasedEarly, "records.erase.early"),
];

pub(crate) fn trials() -> Vec<Trial> {
    let trial = |(bug, clause)| {
        plant("bots", bug, clause, move || {
            broken(bot::cases(), || {
                let inner = scripted();
                let tries = Arc::new(AtomicU64::new(0));
                Arc::new(BuggyWorld { inner, bug, tries }) as bot::World
            })
        })
    };
    BUGS.map(trial).into()
}

#[derive(Debug)]
struct BuggyWorld {
    inner: bot::World,
    bug: Bug,
    tries: Arc<AtomicU64>,
}

/// A port that breaks one promise.
#[derive(Debug)]
struct Buggy<P: ?Sized> {
    inner: Arc<P>,
    bug: Bug,
    tries: Arc<AtomicU64>,
}

impl BuggyWorld {
    fn buggy<P: ?Sized>(&self, inner: Arc<P>) -> Arc<Buggy<P>> {
        Arc::new(Buggy { inner, bug: self.bug, tries: Arc::clone(&self.tries) })
    }
}

#[async_trait]
impl BotWorld for BuggyWorld {
    fn provider(&self) -> Arc<dyn BotProvider> {
        self.buggy(self.inner.provider())
    }
    fn records(&self) -> Arc<dyn BotRecords> {
        self.buggy(self.inner.records())
    }
    fn chat(&self) -> Option<Arc<dyn BotChat>> {
        self.inner.chat()
    }
    fn presence(&self) -> Option<Arc<dyn BotPresence>> {
        self.inner.presence()
    }
    fn control(&self) -> Option<Arc<dyn RecordingControl>> {
        self.inner.control()
    }
    fn locked_out(&self) -> Arc<dyn BotProvider> {
        self.inner.locked_out()
    }
    fn now(&self) -> DateTime<Utc> {
        self.inner.now()
    }
    async fn advance(&self, by: Duration) {
        self.inner.advance(by).await;
    }
    fn meeting(&self, number: usize) -> String {
        self.inner.meeting(number)
    }
    async fn play(&self, at: &BotRef, scene: Scene) {
        self.inner.play(at, scene).await;
    }
    async fn next(&self, mishap: Mishap) {
        self.inner.next(mishap).await;
    }
    async fn kill_pages(&self) {
        self.inner.kill_pages().await;
    }
    fn lacks(&self, power: Power) -> Option<&'static str> {
        self.inner.lacks(power)
    }
}

#[async_trait]
impl BotProvider for Buggy<dyn BotProvider> {
    fn abilities(&self) -> BotAbilities {
        self.inner.abilities()
    }

    async fn check(&self) -> Result<(), SourceError> {
        self.inner.check().await
    }

    async fn create(&self, bot: &NewBot) -> Result<Created, SourceError> {
        let mut bot = bot.clone();
        if self.bug == Bug::FreshKeyEachTry {
            bot.dedup_key = format!("{}", self.tries.fetch_add(1, Ordering::Relaxed));
        }
        self.inner.create(&bot).await
    }

    async fn find(&self, at: &BotRef) -> Result<Option<Bot>, SourceError> {
        let found = match (self.inner.find(at).await, self.bug) {
            (Err(_), Bug::SwallowedFailure) => Ok(None),
            (Err(_), Bug::SecondCall) => self.inner.find(at).await,
            (found, _) => found,
        };
        let mut found = found?;
        if let Some(bot) = found.as_mut().filter(|_| self.bug == Bug::BackToTheStart)
            && bot.phase == Some(BotPhase::Processing)
        {
            bot.phase = Some(BotPhase::Joining);
        }
        Ok(found)
    }

    async fn list(
        &self,
        filter: &BotFilter,
        page: Option<&PageToken>,
    ) -> Result<Bots, SourceError> {
        let mut page = self.inner.list(filter, page).await?;
        if self.bug == Bug::FirstPageOnly {
            page.next = None;
        }
        Ok(page)
    }

    async fn reschedule(&self, at: &BotRef, to: &Amend) -> Result<Changed, SourceError> {
        let changed = self.inner.reschedule(at, to).await?;
        let is_lie = self.bug == Bug::MovedInTheCall && changed == Changed::Frozen { until: None };
        Ok(if is_lie { Changed::Applied } else { changed })
    }

    async fn stop(&self, at: &BotRef) -> Result<Changed, SourceError> {
        let changed = self.inner.stop(at).await?;
        let is_frozen = matches!(changed, Changed::Frozen { .. });
        let is_lie = self.bug == Bug::StoppedWhileFrozen && is_frozen;
        Ok(if is_lie { Changed::Applied } else { changed })
    }
}

#[async_trait]
impl BotRecords for Buggy<dyn BotRecords> {
    async fn transcript(
        &self,
        at: &BotRef,
        after: Option<&Cursor>,
    ) -> Result<Transcript, SourceError> {
        let mut transcript = self.inner.transcript(at, after).await?;
        if self.bug == Bug::SkippedSegment && after.is_some() && !transcript.segments.is_empty() {
            transcript.segments.remove(0);
        }
        if self.bug == Bug::KeysByPlace {
            let begin = self.tries.fetch_add(100, Ordering::Relaxed);
            for (number, segment) in (begin..).zip(&mut transcript.segments) {
                segment.key = SegmentKey::from_source(number.to_string());
            }
        }
        Ok(transcript)
    }

    async fn recording(&self, at: &BotRef) -> Result<Option<RecordingLink>, SourceError> {
        self.inner.recording(at).await
    }

    async fn erase(&self, at: &BotRef) -> Result<Changed, SourceError> {
        let changed = self.inner.erase(at).await?;
        let is_frozen = matches!(changed, Changed::Frozen { .. });
        let is_lie = self.bug == Bug::ErasedEarly && is_frozen;
        Ok(if is_lie { Changed::Applied } else { changed })
    }
}
