//! What people want of a bot that is over, and what they are told of one that may not record.
use std::sync::Arc;

use besunny_core::{
    bot::BotPhase,
    clock::Clock,
    commit::{Basis, Commit, Effect},
    event::News,
    ids::{CommitId, UserId},
    job::{Job, Task},
    posting::{Completeness, Stage},
};
use besunny_testkit::conformance::bot::{Mishap, Scene as Act};

use super::{Room, says};
use crate::scene::{MakeStore, in_a_file, in_memory};

impl Room {
    /// Lets a short call take place that ends at minute 63; returns its bot.
    async fn short_call(&self) -> String {
        self.put(&self.meeting("ann", "one", 60), |_| ()).await;
        self.until(59).await;
        let bot = self.only();
        self.stage.play(&bot, Act::LetIn);
        self.until(62).await;
        self.stage.play(&bot, says("First."));
        self.stage.play(&bot, Act::Ends);
        self.stage.play(&bot, Act::Prepared);
        self.until(64).await;
        bot
    }

    /// Says that what the only bot recorded is to be erased.
    async fn wish_to_erase(&self) {
        let (posting, now) = (self.posting().await, self.scene.clock.now());
        let wished = posting.clone().erasing(Some(UserId::derived(&[b"ann"])), now);
        let change = posting.changed(wished);
        let (id, version) = (change.posting.id, change.posting.version);
        let tend = Task::Tend { posting: id, version, noticed: false };
        let scope = &self.scene.scope;
        let job = Job::new(scope.tenant(), tend);
        let effects = vec![Effect::Post(Box::new(change)), Effect::Enqueue(job)];
        let id = CommitId::derived(&[b"erase", &version.to_be_bytes()]);
        let commit = Arc::new(Commit { id, basis: Basis::Person, at: now, effects });
        self.scene.store.commit(scope, commit).await.unwrap();
    }

    fn phase(&self) -> BotPhase {
        self.bots()[0].1
    }
}

#[tokio::test]
async fn bot_8_a_wish_to_erase_is_kept_until_its_provider_takes_it() {
    for make in [in_memory as MakeStore, in_a_file] {
        let room = Room::new(make).await;
        room.short_call().await;
        room.until(130).await;
        assert!(room.posting().await.is_over());
        room.stage.next(Mishap::Down);
        room.stage.next(Mishap::Garbage);
        room.wish_to_erase().await;
        room.work().await;
        let posting = room.posting().await;
        assert_eq!(room.phase(), BotPhase::Done);
        assert!(posting.erasure.unwrap().done_at.is_none() && posting.trouble.is_some());
        room.until(150).await;
        assert_eq!(room.phase(), BotPhase::Erased);
        let posting = room.posting().await;
        assert!(posting.erasure.unwrap().done_at.is_some(), "{posting:#?}");
        assert_eq!(posting.trouble, None);
        let version = posting.version;
        room.wish_to_erase().await;
        room.work().await;
        let after = room.posting().await;
        assert_eq!(after.erasure, posting.erasure, "it is erased once");
        assert!(after.version <= version + 1, "nothing more is done for it");
        assert_eq!(room.transcripts().await, ["[00:00:00] Ada: First.\n"], "ours is kept");
    }
}

#[tokio::test]
async fn bot_8_what_comes_late_is_collected_before_it_is_erased() {
    let room = Room::new(in_memory).await;
    let bot = room.short_call().await;
    room.wish_to_erase().await;
    room.work().await;
    assert!(matches!(room.posting().await.stage, Stage::Collecting { .. }));
    assert_eq!(room.phase(), BotPhase::Done);
    room.stage.play(&bot, Act::Amends("First, amended.".to_owned()));
    room.until(140).await;
    assert_eq!(room.phase(), BotPhase::Erased);
    assert_eq!(room.transcripts().await, ["[00:00:00] Ada: First, amended.\n"]);
}

#[tokio::test]
async fn bot_8_a_bot_that_is_gone_at_its_provider_is_erased() {
    let room = Room::new(in_memory).await;
    let bot = room.short_call().await;
    room.until(130).await;
    room.stage.take_away(&bot);
    room.wish_to_erase().await;
    room.work().await;
    assert!(room.posting().await.erasure.unwrap().done_at.is_some());
}

#[tokio::test]
async fn bot_15_the_settings_erase_what_was_read_to_its_end_and_nothing_else() {
    for erases_after_import in [false, true] {
        let mut room = Room::new(in_memory).await;
        room.style.erases_after_import = erases_after_import;
        room.short_call().await;
        room.until(130).await;
        let (erasure, phase) = (room.posting().await.erasure, room.phase());
        let want = if erases_after_import { BotPhase::Erased } else { BotPhase::Done };
        assert_eq!((erasure.is_some(), phase), (erases_after_import, want));
        assert_eq!(room.transcripts().await.len(), 1);
    }
    let mut room = Room::new(in_memory).await;
    room.style.erases_after_import = true;
    room.call(&["Ada", "Bo"], 65).await;
    room.until(240).await;
    let posting = room.posting().await;
    assert_eq!(posting.completeness(), Some(Completeness::Short));
    assert_eq!(posting.erasure, None, "what is missing may still be had");
}

#[tokio::test]
async fn bot_15_people_are_told_once_that_the_host_does_not_let_their_bot_record() {
    let rows: [(MakeStore, &[&str]); 2] = [(in_memory, &["ann", "bob"]), (in_a_file, &["ann"])];
    for (make, owners) in rows {
        let room = Room::new(make).await;
        for owner in owners {
            room.put(&room.meeting(owner, "shared", 60), |_| ()).await;
        }
        room.until(59).await;
        let bot = room.only();
        let told = || {
            let events = room.scene.published.lock().unwrap().clone();
            let news = events.into_iter().filter_map(|event| {
                let News::RecordingDenied { meeting } = event.news else { return None };
                Some((event.owner, meeting))
            });
            news.collect::<Vec<_>>()
        };
        for (minute, is_allowed) in [(62, false), (65, true), (68, false), (71, true)] {
            room.stage.permit(&bot, is_allowed);
            room.until(minute).await;
        }
        let served = room.posting().await.serves;
        let want = served.iter().map(|one| (one.owner, one.meeting));
        assert_eq!(told(), want.collect::<Vec<_>>());
        assert!(room.posting().await.seen.denied_at.is_some());
    }
}
