//! A bot for each meeting that wants one: at the right time, once, and what it heard is kept.
use std::{sync::Arc, time::Duration};

use besunny_core::{
    account::Provider,
    adapter::BotAdapter,
    bot::{BotPhase, BotRef},
    calendar::EventTime,
    clock::Clock,
    commit::{Basis, Commit, Decision, Effect},
    document::{Document, DocumentKind, DocumentState},
    history::Fact,
    ids::{CommitId, ProjectId, UserId},
    meeting::{Meeting, MeetingLink, MeetingStatus, meeting_id},
    posting::{BotStatus, BotStyle, Choice, ChoiceKind, Outcome, Posting, Stage},
    project::{Project, Signals},
    push::{About, Notice},
    repository::{DocumentFilter, Store},
    scheduler::Receipt,
    source::SourceErrorKind,
    worker::{Bots, Worker},
};
use besunny_testkit::{
    bots::{BotStage, ScriptedBots},
    conformance::bot::{Mishap, Scene as Act},
    scripted::Fair,
};
use chrono::{DateTime, TimeDelta, Utc};

use crate::scene::{MakeStore, Scene, in_a_file, in_memory};

mod completeness;
mod crashes;
mod model;
mod wishes;

/// A bot can be neither moved nor stopped so long before it joins, as with Attendee.
const FROZEN: TimeDelta = TimeDelta::minutes(5);
const ROOM: &str = "https://meet.google.com/abc-defg-hij";

/// A room, the bots that are sent into it, and engines.
struct Room {
    scene: Scene,
    stage: Arc<BotStage>,
    bots: ScriptedBots,
    style: BotStyle,
    begun: DateTime<Utc>,
}

impl Room {
    async fn new(make: MakeStore) -> Self {
        let scene = Scene::new(make, Arc::new(Fair)).await;
        let stage = Arc::new(BotStage::new(Arc::clone(&scene.clock), FROZEN));
        let bots = ScriptedBots::new(Arc::clone(&stage));
        let begun = scene.clock.now();
        Self { scene, stage, bots, style: BotStyle::default(), begun }
    }

    fn at(&self, minutes: i64) -> DateTime<Utc> {
        self.begun + TimeDelta::minutes(minutes)
    }

    fn worker(&self) -> Worker {
        self.engine(Arc::clone(&self.scene.store), BotAdapter::new(self.bots.clone()))
    }

    fn engine(&self, store: Arc<dyn Store>, adapter: BotAdapter) -> Worker {
        let (provider, style) = (Provider::new("stage"), self.style.clone());
        Worker { bots: Some(Bots { provider, adapter, style }), ..self.scene.engine(store) }
    }

    async fn work(&self) {
        self.worker().run_until_idle().await;
    }

    /// Lets time go by until `minutes` after the beginning, and works whenever something is due.
    async fn until(&self, minutes: i64) {
        while self.scene.clock.now() < self.at(minutes) {
            self.scene.clock.advance(Duration::from_secs(30));
            self.work().await;
        }
    }

    fn meeting(&self, owner: &str, uid: &str, starts: i64) -> Meeting {
        self.scene.meeting(owner, uid, self.at(starts), ROOM)
    }

    /// Changes a meeting as it is stored.
    async fn put(&self, meeting: &Meeting, change: impl FnOnce(&mut Meeting)) -> Meeting {
        let stored = self.scene.store.meeting(&self.scene.scope, meeting.id).await.unwrap();
        let mut new = stored.unwrap_or_else(|| meeting.clone());
        change(&mut new);
        self.scene.put(&new).await
    }

    async fn postings(&self) -> Vec<Posting> {
        let room = MeetingLink::of_url(ROOM).unwrap().key;
        let room = self.scene.store.room(&self.scene.scope, &room, self.begun).await.unwrap();
        room.postings
    }

    async fn posting(&self) -> Posting {
        let mut postings = self.postings().await;
        assert_eq!(postings.len(), 1, "{postings:#?}");
        postings.remove(0)
    }

    /// Returns the names of all bots that are there, and how far they are.
    fn bots(&self) -> Vec<(String, BotPhase)> {
        self.stage.phases()
    }

    fn only(&self) -> String {
        let bots = self.bots();
        assert_eq!(bots.len(), 1, "{bots:?}");
        bots[0].0.clone()
    }

    async fn notice(&self, bot: &str, dedup: &str) {
        let about = About::Bot(BotRef::from_source(bot));
        let notices = vec![Notice { about, dedup: Some(dedup.to_owned()) }];
        let receipt = Receipt { provider: Provider::new("stage"), notices };
        self.scene.store.note(&receipt).await.unwrap();
    }

    /// Returns the texts of all transcript documents.
    async fn transcripts(&self) -> Vec<String> {
        let kind = Some(DocumentKind::MeetingTranscript);
        let filter = DocumentFilter { kind, limit: 100, ..DocumentFilter::default() };
        let (store, scope) = (&self.scene.store, &self.scene.scope);
        let mut texts = Vec::new();
        for document in store.documents(scope, &filter).await.unwrap() {
            let content = store.content(scope, document.id).await.unwrap().unwrap();
            texts.push(content.mail.text.into_exposed());
        }
        texts.sort();
        texts
    }
}

fn says(text: &str) -> Act {
    Act::Says { name: "Ada", text: text.to_owned() }
}

#[tokio::test]
async fn bot_4_a_bot_joins_two_minutes_before_its_meeting_and_what_it_heard_is_one_document() {
    for make in [in_memory as MakeStore, in_a_file] {
        let room = Room::new(make).await;
        let meeting = room.meeting("ann", "one", 3 * 24 * 60);
        room.put(&meeting, |_| ()).await;
        room.work().await;
        assert_eq!(room.posting().await.status(), BotStatus::Pending);
        assert!(room.bots().is_empty(), "nobody is asked for a bot days ahead");
        let start = 3 * 24 * 60;
        room.scene.clock.advance(Duration::from_hours(2 * 24));
        room.work().await;
        assert_eq!(room.posting().await.status(), BotStatus::BotScheduled);
        let bot = room.only();
        room.until(start - 3).await;
        assert_eq!(room.bots()[0].1, BotPhase::Committed);
        room.until(start - 1).await;
        assert_eq!(room.bots()[0].1, BotPhase::Joining);
        room.stage.play(&bot, Act::LetIn);
        room.stage.play(&bot, says("Shall we start?"));
        room.until(start + 3).await;
        assert_eq!(room.posting().await.status(), BotStatus::Transcribing);
        assert!(room.transcripts().await.is_empty(), "the meeting is under way");
        let said = room.scene.store.said(&room.scene.scope, &[room.posting().await.id]).await;
        assert_eq!(said.unwrap().len(), 1, "what is said is kept as it comes");
        room.stage.play(&bot, says("The roof is paid for."));
        room.stage.play(&bot, Act::Ends);
        room.until(start + 6).await;
        assert_eq!(room.posting().await.status(), BotStatus::PostProcessing);
        room.stage.play(&bot, Act::Prepared);
        room.until(start + 60).await;
        let posting = room.posting().await;
        assert_eq!(posting.status(), BotStatus::Completed, "{posting:#?}");
        let texts = room.transcripts().await;
        assert_eq!(texts.len(), 1);
        assert!(texts[0].starts_with("[00:00:00] Ada: Shall we start?\n"), "{}", texts[0]);
        assert!(texts[0].ends_with("Ada: The roof is paid for.\n"), "{}", texts[0]);
    }
}

#[tokio::test]
async fn bot_6_a_bot_is_moved_with_its_meeting_and_withdrawn_when_it_is_cancelled() {
    for make in [in_memory as MakeStore, in_a_file] {
        let room = Room::new(make).await;
        let meeting = room.put(&room.meeting("ann", "one", 120), |_| ()).await;
        room.work().await;
        let bot = room.only();
        let later = room.at(180);
        room.put(&meeting, |meeting| meeting.starts_at = later).await;
        room.work().await;
        assert_eq!(room.only(), bot, "it is the same bot");
        let join_at = later - TimeDelta::minutes(2);
        assert_eq!(room.stage.wanted(&bot).unwrap().join_at, Some(join_at));
        room.put(&meeting, |meeting| meeting.status = MeetingStatus::Cancelled).await;
        room.work().await;
        assert!(room.bots().is_empty());
        room.until(300).await;
        assert_eq!(room.posting().await.status(), BotStatus::Cancelled);
        assert!(room.bots().is_empty());
    }
}

#[tokio::test]
async fn e_13_two_people_in_one_meeting_have_one_bot_and_a_document_each() {
    let room = Room::new(in_memory).await;
    for owner in ["ann", "bob"] {
        room.put(&room.meeting(owner, "shared", 60), |_| ()).await;
        room.work().await;
    }
    let bot = room.only();
    room.until(59).await;
    room.stage.play(&bot, Act::LetIn);
    room.stage.play(&bot, says("Hello both."));
    room.stage.play(&bot, Act::Ends);
    room.stage.play(&bot, Act::Prepared);
    room.until(150).await;
    assert_eq!(room.posting().await.serves.len(), 2);
    assert_eq!(room.transcripts().await.len(), 2);
}

#[tokio::test]
async fn a_wish_to_keep_out_is_uttered_until_the_frozen_bot_leaves() {
    let room = Room::new(in_memory).await;
    let meeting = room.put(&room.meeting("ann", "one", 60), |_| ()).await;
    room.work().await;
    let bot = room.only();
    room.until(54).await;
    assert_eq!(room.bots()[0].1, BotPhase::Committed);
    let at = room.scene.clock.now();
    let choice = Some(Choice { kind: ChoiceKind::KeepOut, at });
    room.put(&meeting, |meeting| meeting.choice = choice).await;
    room.work().await;
    let trouble = room.posting().await.trouble.unwrap();
    assert_eq!(trouble.retry_at, room.at(58), "the wish is uttered again when it joins");
    room.until(58).await;
    room.until(60).await;
    assert!(room.bots()[0].1 >= BotPhase::Leaving, "{:?}", room.bots());
    room.stage.play(&bot, Act::Prepared);
    room.until(120).await;
    assert!(matches!(
        room.posting().await.stage,
        Stage::Over { outcome: Outcome::Attended | Outcome::Withdrawn, .. }
    ));
}

#[tokio::test]
async fn a_frozen_bot_whose_meeting_is_moved_leaves_and_another_one_comes_in_time() {
    let room = Room::new(in_memory).await;
    let meeting = room.put(&room.meeting("ann", "one", 60), |_| ()).await;
    room.work().await;
    let first = room.only();
    room.until(54).await;
    let (starts, ends) = (room.at(180), room.at(210));
    room.put(&meeting, |meeting| (meeting.starts_at, meeting.ends_at) = (starts, ends)).await;
    room.until(61).await;
    let phase = |bot: &str| {
        let found = room.bots().into_iter().find(|(name, _)| name == bot);
        found.map(|(_, phase)| phase)
    };
    assert!(phase(&first).unwrap() >= BotPhase::Leaving);
    room.until(179).await;
    let second = room.bots().into_iter().find(|(name, _)| *name != first).unwrap();
    assert_eq!(second.1, BotPhase::Joining);
}

#[tokio::test]
async fn a_bot_that_froze_before_anybody_saw_it_is_replaced_at_once() {
    let room = Room::new(in_memory).await;
    let meeting = room.put(&room.meeting("ann", "one", 60), |_| ()).await;
    room.work().await;
    let first = room.only();
    room.until(43).await;
    // Another look half a minute later, so that the next ones are not at the moment it freezes.
    room.scene.clock.advance(Duration::from_secs(30));
    room.notice(&first, "1").await;
    room.until(53).await;
    assert_eq!(room.posting().await.seen.phase, Some(BotPhase::Planned), "nobody has looked");
    let (starts, ends) = (room.at(180), room.at(210));
    room.put(&meeting, |meeting| (meeting.starts_at, meeting.ends_at) = (starts, ends)).await;
    room.work().await;
    let phases = room.bots();
    assert_eq!(phases[0], (first, BotPhase::Committed), "its provider does not let it go");
    assert_eq!(phases[1].1, BotPhase::Planned, "{phases:?}");
}

#[tokio::test]
async fn a_bot_that_is_taken_away_before_it_joins_is_sent_again_until_that_is_meant() {
    let room = Room::new(in_memory).await;
    room.put(&room.meeting("ann", "one", 60), |_| ()).await;
    for minute in [43, 45, 47] {
        room.until(minute).await;
        room.stage.take_away(&room.only());
    }
    room.until(100).await;
    assert!(room.bots().is_empty(), "{:?}", room.bots());
    let lost =
        |posting: &&Posting| matches!(posting.stage, Stage::Over { outcome: Outcome::Lost, .. });
    assert_eq!(room.postings().await.iter().filter(lost).count(), 3);
}

#[tokio::test]
async fn whoever_asks_for_a_bot_after_one_was_taken_out_of_the_call_gets_another() {
    let room = Room::new(in_memory).await;
    let meeting = room.put(&room.meeting("ann", "one", 60), |_| ()).await;
    room.until(60).await;
    let first = room.only();
    room.stage.play(&first, Act::LetIn);
    room.until(66).await;
    room.stage.play(&first, Act::Ends);
    room.until(70).await;
    assert_eq!(room.bots().len(), 1, "nobody asked for another one");
    let at = room.scene.clock.now();
    let choice = Some(Choice { kind: ChoiceKind::Send, at });
    room.put(&meeting, |meeting| meeting.choice = choice).await;
    room.work().await;
    assert_eq!(room.bots().len(), 2, "{:?}", room.bots());
}

#[tokio::test]
async fn a_lost_reply_and_a_provider_that_is_down() {
    let room = Room::new(in_memory).await;
    room.put(&room.meeting("ann", "one", 60), |_| ()).await;
    room.stage.next(Mishap::LostReply);
    room.stage.next(Mishap::Down);
    room.stage.next(Mishap::TooMany(90));
    room.work().await;
    assert_eq!(room.bots().len(), 1, "the bot was made, and nobody heard of it");
    let trouble = room.posting().await.trouble.unwrap();
    assert_eq!((trouble.attempt, trouble.waits_for), (1, None));
    room.until(5).await;
    assert_eq!(room.posting().await.status(), BotStatus::BotScheduled);
    assert_eq!(room.bots().len(), 1, "it was adopted");
}

#[tokio::test]
async fn a_dead_key_is_named_and_the_bot_is_sent_once_it_is_mended() {
    let room = Room::new(in_memory).await;
    room.put(&room.meeting("ann", "one", 60), |_| ()).await;
    let locked = BotAdapter::new(room.bots.locked_out());
    let worker = room.engine(Arc::clone(&room.scene.store), locked);
    worker.run_until_idle().await;
    let trouble = room.posting().await.trouble.unwrap();
    assert!(trouble.waits_for.is_some() && trouble.error.contains("bots.list"), "{trouble:?}");
    let kind = SourceErrorKind::Unauthorized;
    assert!(trouble.error.contains(&kind.to_string()), "{}", trouble.error);
    room.until(10).await;
    assert_eq!(room.posting().await.status(), BotStatus::BotScheduled);
}

#[tokio::test]
async fn bot_9_a_notice_brings_the_look_forward_and_is_not_needed() {
    let room = Room::new(in_memory).await;
    room.put(&room.meeting("ann", "one", 60), |_| ()).await;
    room.work().await;
    let bot = room.only();
    room.until(59).await;
    room.stage.play(&bot, Act::LetIn);
    room.scene.clock.advance(Duration::from_secs(2));
    room.work().await;
    assert_eq!(room.posting().await.status(), BotStatus::BotJoining, "nobody has looked");
    room.notice(&bot, "1").await;
    room.work().await;
    assert_eq!(room.posting().await.status(), BotStatus::Transcribing);
    let version = room.posting().await.version;
    room.notice(&bot, "1").await;
    room.notice("another", "2").await;
    room.work().await;
    assert_eq!(room.posting().await.version, version, "a repeated notice, and one of a stranger");
}

#[tokio::test]
async fn bot_12_what_comes_late_is_written_into_the_one_document() {
    for make in [in_memory as MakeStore, in_a_file] {
        let room = Room::new(make).await;
        room.put(&room.meeting("ann", "one", 60), |_| ()).await;
        room.work().await;
        let bot = room.only();
        room.until(59).await;
        room.stage.play(&bot, Act::LetIn);
        room.until(62).await;
        room.stage.play(&bot, says("First."));
        room.stage.play(&bot, Act::Breaks);
        room.until(66).await;
        assert_eq!(
            room.transcripts().await,
            ["[00:00:00] Ada: First.\n"],
            "it broke, and was heard"
        );
        room.stage.play(&bot, Act::Amends("First, amended.".to_owned()));
        room.until(80).await;
        assert_eq!(room.transcripts().await, ["[00:00:00] Ada: First, amended.\n"]);
        room.until(200).await;
        assert!(room.posting().await.is_over());
    }
}

/// Lets a meeting take place in which one line is said, and returns its document.
async fn take_place(room: &Room, meeting: &Meeting, line: &str) -> Document {
    room.put(meeting, |_| ()).await;
    let starts = (meeting.starts_at - room.begun).num_minutes();
    room.until(starts - 1).await;
    let (bot, _) = room.bots().into_iter().find(|(_, phase)| phase.is_present()).unwrap();
    for act in [Act::LetIn, says(line), Act::Ends, Act::Prepared] {
        room.stage.play(&bot, act);
    }
    room.until(starts + 20).await;
    let filter = DocumentFilter { limit: 100, ..DocumentFilter::default() };
    let documents = room.scene.store.documents(&room.scene.scope, &filter).await.unwrap();
    let received = |document: &Document| document.received_at == meeting.starts_at;
    documents.into_iter().find(received).unwrap()
}

#[tokio::test]
async fn cls_1_a_project_that_is_known_from_the_series_is_hard_evidence() {
    for make in [in_memory as MakeStore, in_a_file] {
        let room = Room::new(make).await;
        let (store, scope) = (&room.scene.store, &room.scene.scope);
        let ann = UserId::derived(&[b"ann"]);
        let project = ProjectId::derived(&[b"roof"]);
        let signals = Signals::default();
        let (name, description) = ("Quarterly".to_owned(), String::new());
        let created_at = room.begun;
        let filed = Project { id: project, owner: ann, name, description, signals, created_at };
        store.put_project(scope, &filed).await.unwrap();
        let first = room.meeting("ann", "weekly", 30);
        let document = take_place(&room, &first, "Nothing in particular.").await;
        assert!(matches!(document.state, DocumentState::NeedsReview(_)), "{:?}", document.state);
        let state = DocumentState::assigned(Some(project), ann);
        let fact = Fact::Assigned { by: ann, from: None, to: Some(project), act: None };
        let (id, expected) = (document.id, document.version);
        let decision = Decision { document: id, expected, state, fact };
        let (id, at) = (CommitId::derived(&[b"assigned"]), room.scene.clock.now());
        let effects = vec![Effect::Decide(decision)];
        let commit = Arc::new(Commit { id, basis: Basis::Person, at, effects });
        store.commit(scope, commit).await.unwrap();
        let (starts_at, ends_at) = (room.at(120), room.at(150));
        let original = EventTime::At { at: starts_at.fixed_offset(), zone: None };
        let id = meeting_id(scope.tenant(), ann, &first.uid, Some(&original));
        let original = Some(original);
        let second = Meeting { id, original, starts_at, ends_at, ..first };
        let document = take_place(&room, &second, "Nothing new.").await;
        assert_eq!(document.state.project(), Some(project), "{:?}", document.state);
    }
}
