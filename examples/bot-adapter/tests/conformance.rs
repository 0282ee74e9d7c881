//! The adapter against every clause of docs/adapter-spec.md that it can be asked for.
use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use besunny_core::{
    bot::{BotChat, BotPresence, BotProvider, BotRecords, BotRef, RecordingControl},
    clock::Clock as _,
};
use besunny_example_bot_adapter::{Roster, RosterBots};
use besunny_testkit::{
    clock::ManualClock,
    conformance::{
        Power,
        bot::{BotPower, BotWorld, Mishap, Scene, cases},
    },
};
use chrono::{DateTime, Utc};

/// The provider, and the calls of its bots.
#[derive(Debug, Default)]
struct RosterWorld {
    roster: Arc<Roster>,
    clock: ManualClock,
}

#[async_trait]
impl BotWorld for RosterWorld {
    fn provider(&self) -> Arc<dyn BotProvider> {
        Arc::new(RosterBots::new(Arc::clone(&self.roster), true))
    }
    fn records(&self) -> Arc<dyn BotRecords> {
        Arc::new(RosterBots::new(Arc::clone(&self.roster), true))
    }
    fn chat(&self) -> Option<Arc<dyn BotChat>> {
        None
    }
    fn presence(&self) -> Option<Arc<dyn BotPresence>> {
        None
    }
    fn control(&self) -> Option<Arc<dyn RecordingControl>> {
        None
    }
    fn locked_out(&self) -> Arc<dyn BotProvider> {
        Arc::new(RosterBots::new(Arc::clone(&self.roster), false))
    }
    fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }
    async fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }
    fn meeting(&self, number: usize) -> String {
        format!("https://meet.google.com/abc-defg-{number:03}")
    }

    async fn play(&self, at: &BotRef, scene: Scene) {
        let mut rows = self.roster.rows();
        let number = at.as_str().parse().unwrap_or_default();
        let Some(row) = rows.bots.get_mut(&number) else { return };
        match scene {
            Scene::Lobby => row.state = "knocking",
            Scene::LetIn => row.state = "listening",
            Scene::TurnedAway => row.state = "turned_away",
            Scene::Ends => row.state = "writing",
            Scene::Prepared => row.state = "done",
            Scene::Breaks => row.state = "broken",
            Scene::Says { name, text } => row.said.push((self.now(), name.to_owned(), text)),
            Scene::Amends(_) | Scene::Writes { .. } | Scene::Comes(_) | Scene::Goes(_) => {}
        }
    }

    async fn next(&self, mishap: Mishap) {
        let mut rows = self.roster.rows();
        match mishap {
            Mishap::TooMany(seconds) => rows.fails = Some((429, Some(seconds))),
            Mishap::Down => rows.fails = Some((503, None)),
            Mishap::Garbage => rows.fails = Some((200, None)),
            Mishap::LostReply => rows.loses_reply = true,
        }
    }

    async fn kill_pages(&self) {}

    fn lacks(&self, power: Power) -> Option<&'static str> {
        if power == Power::KillPages {
            return Some("pages are numbers, which do not die");
        }
        let Power::Bot(power) = power else { return None };
        Some(match power {
            BotPower::Plan | BotPower::Freeze => "bots join when they are made",
            BotPower::Amend | BotPower::SpeakLate => "the transcript is one piece",
            BotPower::Record | BotPower::Chat | BotPower::Presence | BotPower::Pause => {
                "the provider has no such thing"
            }
        })
    }
}

#[test]
fn every_clause_holds() {
    let mut held = 0;
    for case in cases() {
        let world = Arc::new(RosterWorld::default());
        if let Some(why) = case.needs().and_then(|power| world.lacks(power)) {
            println!("{}: not asked, since {why}", case.name);
            continue;
        }
        let outcome = futures::executor::block_on(case.run(world));
        assert!(outcome.is_ok(), "{}: {outcome:?}", case.name);
        held += 1;
    }
    assert!(held > 25, "{held} clauses were asked");
}
