//! Providers of meeting bots: the scripted one, and fakes in the shape of others.
use std::{fmt::Debug, sync::Arc, time::Duration};

use async_trait::async_trait;
use besunny_core::bot::{BotChat, BotPresence, BotProvider, BotRecords, BotRef, RecordingControl};
use besunny_testkit::{
    bots::{BotStage, ScriptedBots},
    clock::ManualClock,
    conformance::{
        Power,
        bot::{BotWorld, Mishap, Scene, World, cases},
    },
};
use chrono::{DateTime, TimeDelta, Utc};
use futures::future::BoxFuture;
use libtest_mimic::Trial;

mod attendee;
mod baas;
mod deliveries;
mod recall;
mod shape;
mod vexa;

pub(crate) fn trials() -> Vec<Trial> {
    let attendee = || Box::pin(attendee::AttendeeWorld::fresh()) as BoxFuture<'static, World>;
    let groups = [
        super::trials("attendee", cases(), |_| None, attendee),
        deliveries::trials(),
        trials_of("scripted-bots", scripted),
        trials_of("shaped-recall", recall::world),
        trials_of("shaped-vexa", vexa::world),
        trials_of("shaped-baas", baas::world),
    ];
    groups.into_iter().flatten().collect()
}

fn trials_of(name: &str, world: fn() -> World) -> Vec<Trial> {
    let lacks = world();
    super::trials_by(
        name,
        cases(),
        move |power| lacks.lacks(power),
        move || Box::pin(async move { world() }) as BoxFuture<'static, World>,
    )
}

/// As long as Attendee's, the longest that is known.
const FROZEN: TimeDelta = TimeDelta::minutes(5);

/// A world on a stage, whatever the shape of its provider.
#[derive(Debug)]
pub(crate) struct StageWorld<P> {
    pub(crate) stage: Arc<BotStage>,
    pub(crate) provider: Arc<P>,
    pub(crate) locked_out: Arc<P>,
    pub(crate) room: Option<Arc<ScriptedBots>>,
    /// Returns the stage's name of a bot.
    pub(crate) actor: fn(&BotRef) -> String,
    pub(crate) lacks: fn(Power) -> Option<&'static str>,
}

/// Opens a stage that stands still, on which bots are frozen so long before they join.
pub(crate) fn stage(frozen: TimeDelta) -> Arc<BotStage> {
    Arc::new(BotStage::new(Arc::new(ManualClock::default()), frozen))
}

/// The provider with every power.
pub(crate) fn scripted() -> World {
    let stage = stage(FROZEN);
    let provider = Arc::new(ScriptedBots::new(Arc::clone(&stage)));
    Arc::new(StageWorld {
        stage,
        locked_out: Arc::new(provider.locked_out()),
        room: Some(Arc::clone(&provider)),
        provider,
        actor: |at| at.as_str().to_owned(),
        lacks: |_| None,
    })
}

#[async_trait]
impl<P> BotWorld for StageWorld<P>
where
    P: BotProvider + BotRecords + 'static,
{
    fn provider(&self) -> Arc<dyn BotProvider> {
        Arc::<P>::clone(&self.provider)
    }

    fn records(&self) -> Arc<dyn BotRecords> {
        Arc::<P>::clone(&self.provider)
    }

    fn chat(&self) -> Option<Arc<dyn BotChat>> {
        self.room.clone().map(|room| room as Arc<dyn BotChat>)
    }

    fn presence(&self) -> Option<Arc<dyn BotPresence>> {
        self.room.clone().map(|room| room as Arc<dyn BotPresence>)
    }

    fn control(&self) -> Option<Arc<dyn RecordingControl>> {
        self.room.clone().map(|room| room as Arc<dyn RecordingControl>)
    }

    fn locked_out(&self) -> Arc<dyn BotProvider> {
        Arc::<P>::clone(&self.locked_out)
    }

    fn now(&self) -> DateTime<Utc> {
        self.stage.now()
    }

    async fn advance(&self, by: Duration) {
        self.stage.advance(by);
    }

    fn meeting(&self, number: usize) -> String {
        format!("https://meet.google.com/abc-defg-{number:03}")
    }

    async fn play(&self, at: &BotRef, scene: Scene) {
        self.stage.play(&(self.actor)(at), scene);
    }

    async fn next(&self, mishap: Mishap) {
        self.stage.next(mishap);
    }

    async fn kill_pages(&self) {
        self.stage.kill_pages();
    }

    fn lacks(&self, power: Power) -> Option<&'static str> {
        (self.lacks)(power)
    }
}
