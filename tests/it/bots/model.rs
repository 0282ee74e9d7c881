//! Every order of what may happen to a meeting, up to a small bound: never two bots, never one for a
//! meeting that does not want it, and nothing that was said is lost.
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    task::Poll,
    time::Duration,
};

use async_trait::async_trait;
use besunny_core::{
    adapter::BotAdapter,
    bot::BotPhase,
    clock::Clock,
    commit::Commit,
    meeting::{Meeting, MeetingStatus},
    posting::{BotPolicy, Choice, ChoiceKind, Posting, Wish},
    repository::{RepositoryError, Store},
    scheduler::Work,
    tenant::TenantScope,
    track::Version,
};
use besunny_testkit::{
    bots::WeatheredBots,
    conformance::bot::{Mishap, Scene as Act},
    crash::CrashPoint,
    interposed::{Interposed, Interposer},
    seed::Seed,
};
use chrono::{DateTime, TimeDelta, Utc};
use futures::future;

use super::{Room, says};
use crate::scene::in_memory;

/// What may happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Move {
    /// The meeting is moved away, farther than bots are frozen.
    Later,
    /// The meeting begins in three minutes.
    Soon,
    /// The meeting is cancelled, or takes place after all.
    Cancel,
    /// Its owner keeps bots out, or wants one after all.
    KeepOut,
    /// The engine does what is due.
    Work,
    /// Two engines do what is due, a call of the store each in turn.
    Two,
    /// Time goes by until something is due, and the engine does it.
    Wait,
    /// Somebody in the call takes the bot out of it.
    Kick,
    /// The provider calls.
    Notice,
    /// The engine dies while it does what is due, at its fourth or eleventh await.
    Crash(u64),
    /// The answer to the next call of the provider is lost.
    LostReply,
}

const MOVES: [Move; 12] = [
    Move::Later,
    Move::Soon,
    Move::Cancel,
    Move::KeepOut,
    Move::Work,
    Move::Two,
    Move::Wait,
    Move::Kick,
    Move::Notice,
    Move::Crash(4),
    Move::Crash(11),
    Move::LostReply,
];
/// So many moves make a history in the tests; `BESUNNY_MODEL_DEPTH` asks for more.
const DEPTH: u32 = 4;
/// So many long histories are played; `BESUNNY_MODEL_SEEDS` asks for more.
const SEEDS: u64 = 150;
/// A long history has so many moves.
const LONG: usize = 25;
/// A bot that is not wanted is told to leave within this: the longest wait after a failure, and a look.
const PATIENCE: TimeDelta = TimeDelta::minutes(8);
/// A bot is in the room so long before its meeting at most: two minutes, or seven if it was there.
const EARLY: TimeDelta = TimeDelta::minutes(8);
/// The meeting takes so long.
const LASTS: TimeDelta = TimeDelta::minutes(20);

/// Lets others go first.
#[derive(Debug)]
struct Polite;

impl Polite {
    async fn wait() {
        let mut has_waited = false;
        future::poll_fn(|context| {
            if std::mem::replace(&mut has_waited, true) {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }
}

#[async_trait]
impl Interposer for Polite {
    async fn before(&self, _: &'static str) -> Result<(), RepositoryError> {
        Self::wait().await;
        Ok(())
    }

    async fn after(&self, _: &'static str) -> Result<(), RepositoryError> {
        Self::wait().await;
        Ok(())
    }

    fn committed(&self, _: &TenantScope, _: &Commit, _: &Result<Version, RepositoryError>) {}
}

/// A meeting, and what its bots did.
struct Model {
    room: Room,
    meeting: Meeting,
    said: BTreeMap<String, Vec<String>>,
    unwanted_since: BTreeMap<String, DateTime<Utc>>,
    /// The starts at which a bot was wanted and took part.
    served: BTreeSet<DateTime<Utc>>,
    /// The starts whose bot was taken out of the call, and when.
    kicked: BTreeMap<DateTime<Utc>, DateTime<Utc>>,
}

impl Model {
    async fn new() -> Self {
        let room = Room::new(in_memory).await;
        let begun = room.begun + TimeDelta::minutes(30);
        let meeting = Meeting { ends_at: begun + LASTS, ..room.meeting("ann", "one", 30) };
        let meeting = room.put(&meeting, |_| ()).await;
        let (said, unwanted_since, served, kicked) = Default::default();
        Self { room, meeting, said, unwanted_since, served, kicked }
    }

    fn now(&self) -> DateTime<Utc> {
        self.room.scene.clock.now()
    }

    async fn change(&mut self, change: impl FnOnce(&mut Meeting)) {
        self.meeting = self.room.put(&self.meeting, change).await;
    }

    async fn play(&mut self, happens: Move) -> Result<(), String> {
        let now = self.now();
        let at = |starts: DateTime<Utc>| {
            move |meeting: &mut Meeting| {
                (meeting.starts_at, meeting.ends_at) = (starts, starts + LASTS);
            }
        };
        match happens {
            Move::Later => self.change(at(now + TimeDelta::minutes(40))).await,
            Move::Soon => self.change(at(now + TimeDelta::minutes(3))).await,
            Move::Cancel => {
                self.change(|meeting| {
                    meeting.status = match meeting.status {
                        MeetingStatus::Cancelled => MeetingStatus::Planned,
                        MeetingStatus::Planned | MeetingStatus::Tentative => {
                            MeetingStatus::Cancelled
                        }
                    };
                })
                .await;
            }
            Move::KeepOut => {
                self.change(|meeting| {
                    let kind = match meeting.choice.map(|choice| choice.kind) {
                        Some(ChoiceKind::KeepOut) => ChoiceKind::Send,
                        Some(ChoiceKind::Send) | None => ChoiceKind::KeepOut,
                    };
                    meeting.choice = Some(Choice { kind, at: now });
                })
                .await;
            }
            Move::Work => return self.work().await,
            Move::Two => {
                future::join(self.slow(), self.slow()).await;
                return self.check().await;
            }
            Move::Wait => return self.wait().await,
            Move::Kick => self.kick(),
            Move::Notice => {
                for (bot, _) in self.room.bots() {
                    self.room.notice(&bot, &format!("{bot} at {now}")).await;
                }
            }
            Move::Crash(place) => self.crash(place).await,
            Move::LostReply => self.room.stage.next(Mishap::LostReply),
        }
        Ok(())
    }

    fn kick(&mut self) {
        let now = self.now();
        for (bot, phase) in self.room.bots() {
            if phase == BotPhase::InCall {
                self.room.stage.play(&bot, Act::Ends);
                self.kicked.insert(self.meeting.starts_at, now);
            }
        }
    }

    async fn work(&mut self) -> Result<(), String> {
        self.world();
        self.room.work().await;
        self.check().await
    }

    /// Does what is due, and lets others go first at each call of the store.
    async fn slow(&self) {
        let store = Interposed::new(Arc::clone(&self.room.scene.store), Arc::new(Polite));
        let bots = BotAdapter::new(self.room.bots.clone());
        self.room.engine(Arc::new(store), bots).run_until_idle().await;
    }

    async fn crash(&self, place: u64) {
        let point = CrashPoint::at(place);
        let store = Arc::clone(&self.room.scene.store);
        let mortal: Arc<dyn Store> =
            Arc::new(Interposed::new(store, Arc::<CrashPoint>::clone(&point)));
        let weather = Arc::<CrashPoint>::clone(&point);
        let bots = WeatheredBots::new(self.room.bots.clone(), weather);
        let engine = self.room.engine(mortal, BotAdapter::new(bots));
        point.run(engine.run_until_idle()).await;
    }

    /// Lets time go by until something is due: in the store, in the call, or for a bot to join.
    async fn wait(&mut self) -> Result<(), String> {
        let due = self.room.scene.store.next_due(Work::Jobs).await.unwrap();
        let due = due.unwrap_or(Duration::from_mins(5));
        let due = due.clamp(Duration::from_secs(5), Duration::from_mins(5));
        self.room.scene.clock.advance(due);
        self.work().await
    }

    /// Calls go on: whoever knocks is let in, hears a line each time, and leaves at the end.
    fn world(&mut self) {
        let now = self.now();
        for (bot, phase) in self.room.bots() {
            let stage = &self.room.stage;
            match phase {
                BotPhase::Joining | BotPhase::Lobby => stage.play(&bot, Act::LetIn),
                BotPhase::InCall if now >= self.meeting.ends_at => stage.play(&bot, Act::Ends),
                BotPhase::InCall => {
                    let said = self.said.entry(bot.clone()).or_default();
                    let line = format!("{bot} heard line {:03}", said.len());
                    stage.play(&bot, says(&line));
                    said.push(line);
                }
                BotPhase::Leaving | BotPhase::Processing => stage.play(&bot, Act::Prepared),
                BotPhase::Planned
                | BotPhase::Committed
                | BotPhase::Failed
                | BotPhase::Done
                | BotPhase::Erased => {}
            }
        }
    }

    fn is_wanted(&self) -> bool {
        BotPolicy::default().wants(&self.meeting)
    }

    /// Looks whether what holds at every moment holds now.
    async fn check(&mut self) -> Result<(), String> {
        let now = self.now();
        let postings = self.room.postings().await;
        let mut present = Vec::new();
        let mut starts = BTreeSet::new();
        for (bot, phase) in self.room.bots() {
            if phase >= BotPhase::Leaving {
                self.unwanted_since.remove(&bot);
                continue;
            }
            let key = self.room.stage.wanted(&bot).map(|wanted| wanted.dedup_key);
            let posting = postings.iter().find(|one| Some(one.dedup_key()) == key);
            let posting = posting.ok_or_else(|| format!("nobody knows of {bot}"))?;
            if posting.wish == Wish::Attend && !starts.insert(posting.starts_at) {
                return Err(format!("two bots for {}: {:?}", posting.starts_at, self.room.bots()));
            }
            let kicked = self.kicked.get(&posting.starts_at).copied();
            let asked = self.meeting.choice.map(|choice| choice.at);
            if kicked.is_some_and(|kicked| posting.made_at > kicked) && asked < kicked {
                return Err(format!("{bot} comes after another one was taken out"));
            }
            if phase.is_present() {
                present.push((bot, posting.clone()));
            }
        }
        let attending = |(_, posting): &&(String, Posting)| posting.wish == Wish::Attend;
        if present.iter().filter(attending).count() > 1 {
            return Err(format!("two bots in the room: {present:?}"));
        }
        for (bot, posting) in present {
            let is_time = now >= posting.starts_at - EARLY;
            if is_time && self.is_wanted() && posting.wish == Wish::Attend {
                self.unwanted_since.remove(&bot);
                self.served.insert(self.meeting.starts_at);
                continue;
            }
            let since = *self.unwanted_since.entry(bot.clone()).or_insert(now);
            if now - since > PATIENCE {
                return Err(format!("{bot} is in the room since {since} and is not wanted"));
            }
        }
        Ok(())
    }

    /// Lets everything come to its end, and looks what is left.
    async fn settle(&mut self) -> Result<(), String> {
        let is_due =
            self.is_wanted() && self.now() < self.meeting.starts_at - TimeDelta::minutes(2);
        let end = self.now().max(self.meeting.ends_at) + TimeDelta::minutes(100);
        while self.now() < end {
            self.wait().await?;
        }
        if is_due && !self.served.contains(&self.meeting.starts_at) {
            return Err("no bot came to a meeting that wanted one".to_owned());
        }
        if let Some(open) = self.room.postings().await.iter().find(|one| !one.is_over()) {
            return Err(format!("{open:?} is not over"));
        }
        let kept = self.room.transcripts().await.join("\n");
        let said = self.said.values().flatten();
        let is_kept = |line: &&String| kept.lines().any(|kept| kept.ends_with(line.as_str()));
        let lost: Vec<&String> = said.filter(|line| !is_kept(line)).collect();
        if lost.is_empty() { Ok(()) } else { Err(format!("{lost:?} is lost of {kept:?}")) }
    }
}

/// Returns the history with this number, in base [`MOVES`].
fn history(number: usize, depth: u32) -> Vec<Move> {
    let digit = |place: u32| MOVES[number / MOVES.len().pow(place) % MOVES.len()];
    (0..depth).map(digit).collect()
}

async fn outcome(moves: &[Move]) -> Result<(), String> {
    let mut model = Model::new().await;
    for happens in moves {
        model.play(*happens).await?;
    }
    model.settle().await
}

/// Plays a share of all histories, so that several processes share them.
async fn check_share(share: usize, shares: usize) {
    let depth = std::env::var("BESUNNY_MODEL_DEPTH").ok().and_then(|depth| depth.parse().ok());
    let depth = depth.unwrap_or(DEPTH);
    let mut played = 0;
    for number in (share..MOVES.len().pow(depth)).step_by(shares) {
        let moves = history(number, depth);
        if let Err(why) = outcome(&moves).await {
            panic!("{why}\nafter {moves:?}");
        }
        played += 1;
    }
    assert!(played > 0);
}

#[tokio::test]
async fn in_every_order_at_most_one_bot_comes_and_nothing_is_lost_first_half() {
    check_share(0, 2).await;
}

#[tokio::test]
async fn in_every_order_at_most_one_bot_comes_and_nothing_is_lost_second_half() {
    check_share(1, 2).await;
}

/// Plays histories of `MOVES` far longer than all of them can be played, by seed.
#[tokio::test]
async fn in_long_histories_at_most_one_bot_comes_and_nothing_is_lost() {
    let seeds = std::env::var("BESUNNY_MODEL_SEEDS").ok().and_then(|seeds| seeds.parse().ok());
    for seed in 0..seeds.unwrap_or(SEEDS) {
        let mut dice = Seed::new(seed);
        let pick = || *dice.pick(&MOVES);
        let moves: Vec<Move> = std::iter::repeat_with(pick).take(LONG).collect();
        if let Err(why) = outcome(&moves).await {
            panic!("{why}\nseed {seed}: {moves:?}");
        }
    }
}
