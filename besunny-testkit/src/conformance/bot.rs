//! What every provider of meeting bots promises: [`BotProvider`], [`BotRecords`], and the powers that
//! some have.
use std::{collections::BTreeMap, fmt::Debug, sync::Arc, time::Duration};

use async_trait::async_trait;
use besunny_core::{
    bot::{
        Bot, BotChat, BotFilter, BotPhase, BotPresence, BotProvider, BotRecords, BotRef, NewBot,
        RecordingControl, RecordingKind,
    },
    source::SourceError,
};
use chrono::{DateTime, DurationRound, TimeDelta, Utc};

mod failures;
mod provider;
mod records;
mod room;
mod stopping;

use super::{Broken, Case, Outcome, Power, check, check_equal, clause};

/// A provider of bots, and calls that go on as the test wants.
#[async_trait]
pub trait BotWorld: Debug + Send + Sync {
    /// Returns the adapter under test.
    fn provider(&self) -> Arc<dyn BotProvider>;
    /// Returns what brings the records.
    fn records(&self) -> Arc<dyn BotRecords>;
    /// Returns the chat, where there is one.
    fn chat(&self) -> Option<Arc<dyn BotChat>>;
    /// Returns who says who is there, if anybody does.
    fn presence(&self) -> Option<Arc<dyn BotPresence>>;
    /// Returns what pauses, if anything does.
    fn control(&self) -> Option<Arc<dyn RecordingControl>>;
    /// Returns an adapter whose key is dead.
    fn locked_out(&self) -> Arc<dyn BotProvider>;
    /// Returns the present instant of the provider.
    fn now(&self) -> DateTime<Utc>;
    /// Lets so much time pass.
    async fn advance(&self, by: Duration);
    /// Returns the address of a meeting that the provider takes bots for; another for each number.
    fn meeting(&self, number: usize) -> String;
    /// Lets something happen in the call of a bot that is on its way or in it.
    async fn play(&self, at: &BotRef, scene: Scene);
    /// Lets the next call to the provider end like this.
    async fn next(&self, mishap: Mishap);
    /// Lets every page token die.
    async fn kill_pages(&self);
    /// Returns why the world cannot do something.
    fn lacks(&self, power: Power) -> Option<&'static str>;
}

/// Something that happens in a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scene {
    /// The bot waits to be let in.
    Lobby,
    /// It is let in, and records.
    LetIn,
    /// It is turned away.
    TurnedAway,
    /// Somebody says something, now.
    Says {
        /// Who.
        name: &'static str,
        /// What.
        text: String,
    },
    /// What was said last is heard better.
    Amends(String),
    /// Somebody writes to everyone.
    Writes {
        /// Who.
        name: &'static str,
        /// What.
        text: String,
    },
    /// Somebody comes.
    Comes(&'static str),
    /// Somebody goes.
    Goes(&'static str),
    /// The meeting ends.
    Ends,
    /// Everything is prepared.
    Prepared,
    /// The bot breaks in the middle of the call.
    Breaks,
}

/// How a call to the provider ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mishap {
    /// Too many requests; come again after so many seconds.
    TooMany(u64),
    /// The provider is down.
    Down,
    /// The answer makes no sense.
    Garbage,
    /// The provider does what it is asked, and its answer is lost; calls that only read are spared.
    LostReply,
}

/// What not every provider of bots can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BotPower {
    /// Keep a bot for later.
    Plan,
    /// Let nobody stop a bot shortly before it joins.
    Freeze,
    /// Hear better what was said last.
    Amend,
    /// Bring a piece of a transcript when its bot is over.
    SpeakLate,
    /// Record more than a transcript.
    Record,
    /// Write in the chat of a call.
    Chat,
    /// Come into a call and go.
    Presence,
    /// Pause a recording.
    Pause,
}

/// A world of which each case gets a fresh one, without a bot.
pub type World = Arc<dyn BotWorld>;

/// Returns all cases.
#[must_use]
pub fn cases() -> Vec<Case<World>> {
    let groups =
        [provider::cases(), stopping::cases(), failures::cases(), records::cases(), room::cases()];
    groups.into_iter().flatten().collect()
}

/// Stands in all that is given to the provider, and must stand in no error.
const CANARY: &str = "canary-5c2b";
/// Bots join so much after the shortest time that the provider allows.
const AHEAD: Duration = Duration::from_mins(30);
/// A bot that has not joined so long after its time does not join.
const PATIENCE: Duration = Duration::from_mins(10);
/// A moment of a call.
const MOMENT: Duration = Duration::from_mins(1);

fn wanted(world: &World, number: usize, join_at: Option<DateTime<Utc>>) -> NewBot {
    NewBot {
        meeting: world.meeting(number).into(),
        name: format!("Notes {CANARY}"),
        join_at,
        dedup_key: format!("{CANARY}-{number}"),
        metadata: BTreeMap::from([("meeting".to_owned(), format!("{CANARY} ä {number}"))]),
        greeting: None,
        recording: RecordingKind::None,
        callback: None,
    }
}

/// How long before it joins a bot is frozen, and how far ahead it must be made.
fn margins(world: &World) -> (Duration, Duration) {
    let schedules = world.provider().abilities().schedules;
    schedules.map_or((Duration::ZERO, Duration::ZERO), |schedules| {
        (schedules.frozen_before_join, schedules.min_lead)
    })
}

/// A time at which a bot that is made now can join, in whole seconds as every provider keeps them.
fn later(world: &World) -> DateTime<Utc> {
    let (frozen, lead) = margins(world);
    let at = world.now() + frozen + lead + AHEAD;
    at.duration_trunc(TimeDelta::seconds(1)).unwrap_or(at)
}

async fn planned(world: &World, number: usize) -> Result<Bot, Broken> {
    let wanted = wanted(world, number, Some(later(world)));
    Ok(world.provider().create(&wanted).await?.into_bot())
}

/// Makes a bot that joins at once, and lets it in.
async fn in_call(world: &World, number: usize) -> Result<BotRef, Broken> {
    let_in(world, &wanted(world, number, None)).await
}

async fn let_in(world: &World, wanted: &NewBot) -> Result<BotRef, Broken> {
    let bot = world.provider().create(wanted).await?.into_bot();
    world.advance(MOMENT).await;
    world.play(&bot.at, Scene::LetIn).await;
    world.advance(MOMENT).await;
    Ok(bot.at)
}

/// Lets the meeting of a bot end, until everything is prepared.
async fn end(world: &World, at: &BotRef) {
    for scene in [Scene::Ends, Scene::Prepared] {
        world.advance(MOMENT).await;
        world.play(at, scene).await;
    }
    world.advance(MOMENT).await;
}

async fn find(world: &World, at: &BotRef) -> Result<Bot, Broken> {
    let bot = world.provider().find(at).await?;
    bot.ok_or_else(|| Broken::new("a bot that was made is not found"))
}

async fn check_phase(world: &World, at: &BotRef, want: BotPhase, when: &str) -> Outcome {
    check_equal(&find(world, at).await?.phase, &Some(want), &format!("the phase {when}"))
}

/// Returns every bot that the filter lets through, page by page.
async fn listed(world: &World, filter: &BotFilter) -> Result<Vec<Bot>, Broken> {
    let (mut bots, mut page) = (Vec::new(), None);
    loop {
        let answer = world.provider().list(filter, page.as_ref()).await?;
        bots.extend(answer.bots);
        page = answer.next;
        if page.is_none() {
            return Ok(bots);
        }
    }
}

async fn under_key(world: &World, key: &str) -> Result<Vec<Bot>, Broken> {
    let filter = BotFilter { open_only: true, dedup_key: Some(key.to_owned()) };
    listed(world, &filter).await
}

fn refused<T>(answer: Result<T, SourceError>, what: &str) -> Result<SourceError, Broken> {
    answer.err().ok_or_else(|| Broken::new(format!("{what} was answered")))
}

fn unknown() -> BotRef {
    BotRef::from_source("bot_0000000000000000")
}
