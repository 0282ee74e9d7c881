//! The engine dies at every place of a bot's life, and another one goes on.
use std::{sync::Arc, time::Duration};

use besunny_core::{
    adapter::BotAdapter, bot::BotPhase, clock::Clock, meeting::MeetingStatus, repository::Store,
};
use besunny_testkit::{
    bots::WeatheredBots, conformance::bot::Scene as Act, crash::CrashPoint, interposed::Interposed,
};

use super::{Room, says};
use crate::scene::{MakeStore, in_a_file, in_memory};

/// What is left in the end: how far the bots that were made are, what was heard, how many postings are over.
type Left = (Vec<BotPhase>, Vec<String>, usize);

/// A room whose engine dies once.
struct Doomed {
    room: Room,
    point: Arc<CrashPoint>,
}

impl Doomed {
    async fn new(make: MakeStore, place: u64) -> Self {
        let mut room = Room::new(make).await;
        room.style.erases_after_import = true;
        Self { room, point: CrashPoint::at(place) }
    }

    /// Works until nothing is due; an engine that dies is followed by another once its claims end.
    async fn work(&self) {
        let point = || Arc::<CrashPoint>::clone(&self.point);
        let store = Arc::clone(&self.room.scene.store);
        let mortal: Arc<dyn Store> = Arc::new(Interposed::new(store, point()));
        let bots = WeatheredBots::new(self.room.bots.clone(), point());
        let engine = self.room.engine(mortal, BotAdapter::new(bots));
        if self.point.was_reached() || self.point.run(engine.run_until_idle()).await {
            self.room.work().await;
        }
    }

    async fn until(&self, minutes: i64) {
        while self.room.scene.clock.now() < self.room.at(minutes) {
            self.room.scene.clock.advance(Duration::from_mins(1));
            self.work().await;
        }
    }

    /// Names the bots that are in the room, or knock.
    fn present(&self) -> Vec<String> {
        let present = self.room.bots().into_iter().filter(|(_, phase)| phase.is_present());
        present.map(|(bot, _)| bot).collect()
    }

    /// One meeting is moved and takes place, another one is cancelled.
    async fn life(&self) -> Left {
        let room = &self.room;
        let one = room.put(&room.meeting("ann", "one", 20), |_| ()).await;
        let two = room.put(&room.meeting("ann", "two", 90), |_| ()).await;
        self.work().await;
        let starts = room.at(30);
        room.put(&one, |meeting| meeting.starts_at = starts).await;
        self.until(29).await;
        for bot in self.present() {
            room.stage.play(&bot, Act::LetIn);
            room.stage.play(&bot, says("Hello."));
        }
        self.until(33).await;
        for bot in self.present() {
            room.stage.play(&bot, says("Good bye."));
            room.stage.play(&bot, Act::Ends);
            room.stage.play(&bot, Act::Prepared);
        }
        room.put(&two, |meeting| meeting.status = MeetingStatus::Cancelled).await;
        self.until(60).await;
        room.until(180).await;
        let over = room.postings().await.iter().filter(|posting| posting.is_over()).count();
        let phases = room.bots().into_iter().map(|(_, phase)| phase).collect();
        (phases, room.transcripts().await, over)
    }
}

async fn check(make: MakeStore, every: usize) {
    let unharmed = Doomed::new(make, 0).await;
    let want = unharmed.life().await;
    let erased = vec![BotPhase::Erased];
    assert_eq!((&want.0, want.1.len(), want.2), (&erased, 1, 2), "{want:?}");
    let places = unharmed.point.count();
    assert!(places > 100, "{places} places are too few to mean anything");
    for place in (1..=places).step_by(every) {
        let doomed = Doomed::new(make, place).await;
        assert_eq!(doomed.life().await, want, "death at place {place} of {places}");
        assert!(doomed.point.was_reached(), "place {place} of {places} was not reached");
    }
}

#[tokio::test]
async fn a_bot_is_sent_once_and_heard_whole_if_the_engine_dies_at_any_await() {
    check(in_memory, 1).await;
}

/// Each place costs seconds on a disk; the long run in memory has all of them.
#[tokio::test]
async fn a_bot_is_sent_once_on_sqlite_if_the_engine_dies_at_any_await() {
    check(in_a_file, 23).await;
}
