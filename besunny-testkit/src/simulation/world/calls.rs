//! Calls: bots are let in, hear what is said, and leave; and never two of them are where one is wanted.
use std::collections::BTreeSet;

use besunny_core::{
    account::Provider,
    bot::{BotPhase, BotRef},
    clock::Clock,
    ids::{PostingId, TenantId},
    posting::{Posting, Wish},
    push::{About, Notice},
    repository::Postings,
    scheduler::Receipt,
};

use super::World;
use crate::{
    conformance::bot::Scene,
    simulation::{
        Violation,
        faults::Fault,
        nodes::BOTS,
        stage::{lock, now},
    },
};

/// A bot breaks in the call once in so many looks.
const BREAKS: u64 = 40;
/// A bot is not let in at once, once in so many times.
const WAITS: u64 = 3;

impl World<'_> {
    /// Lets calls go on, and looks who is in them.
    pub(super) fn attend(&self) {
        let mut starts = BTreeSet::new();
        for (bot, phase) in self.stage.calls.phases() {
            if phase >= BotPhase::Leaving {
                self.clear_away(&bot, phase);
                continue;
            }
            let Some((tenant, posting)) = self.posting(&bot) else {
                let what = format!("nobody knows of {bot}");
                self.stage.truth.lock().seen.push(Violation::Doubled(what));
                continue;
            };
            let slot = (tenant, posting.room.clone(), posting.starts_at);
            if posting.wish == Wish::Attend && !starts.insert(slot) {
                let what = format!("two bots for {} at {}", posting.room, posting.starts_at);
                self.stage.truth.lock().seen.push(Violation::Doubled(what));
            }
            self.go_on(&bot, phase, tenant, &posting);
        }
    }

    fn clear_away(&self, bot: &str, phase: BotPhase) {
        if matches!(phase, BotPhase::Leaving | BotPhase::Processing) {
            self.stage.calls.play(bot, Scene::Prepared);
        }
    }

    fn go_on(&self, bot: &str, phase: BotPhase, tenant: TenantId, posting: &Posting) {
        let calls = &self.stage.calls;
        // Where no bot is wanted people go on until it leaves.
        let is_over = self.stage.clock.now() >= posting.ends_at && posting.wish == Wish::Attend;
        if phase == BotPhase::Joining && self.stage.faults.roll(WAITS) {
            calls.play(bot, Scene::Lobby);
        } else if matches!(phase, BotPhase::Joining | BotPhase::Lobby) {
            calls.play(bot, Scene::LetIn);
            self.say(bot, tenant);
        } else if phase == BotPhase::InCall && is_over {
            calls.play(bot, Scene::Ends);
        } else if phase == BotPhase::InCall && self.stage.faults.roll(BREAKS) {
            self.stage.faults.fire(Fault::BotBroke);
            calls.play(bot, Scene::Breaks);
        } else if phase == BotPhase::InCall {
            self.say(bot, tenant);
        }
    }

    fn say(&self, bot: &str, tenant: TenantId) {
        let mut truth = self.stage.truth.lock();
        let (_, said) = truth.said.entry(bot.to_owned()).or_insert((tenant, Vec::new()));
        let text = format!("{bot} heard line {:03}", said.len());
        said.push(text.clone());
        self.stage.calls.play(bot, Scene::Says { name: "Ada", text });
    }

    /// Returns the posting that a bot was made for, by its key.
    fn posting(&self, bot: &str) -> Option<(TenantId, Posting)> {
        let id: PostingId = self.stage.calls.wanted(bot)?.dedup_key.parse().ok()?;
        lock(&self.stage.tenants).iter().find_map(|scope| {
            let posting = now(self.stage.store.posting(scope, id))?;
            Some((scope.tenant(), posting))
        })
    }

    fn any_bot(&mut self, wanted: &[BotPhase]) -> Option<String> {
        let bots = self.stage.calls.phases();
        let there = bots.into_iter().filter(|(_, phase)| wanted.contains(phase));
        let there: Vec<String> = there.map(|(bot, _)| bot).collect();
        (!there.is_empty()).then(|| self.seed.pick(&there).clone())
    }

    /// Somebody in a call takes the bot out of it.
    pub(super) fn take_out(&mut self) {
        if let Some(bot) = self.any_bot(&[BotPhase::InCall]) {
            self.stage.faults.fire(Fault::BotTakenOut);
            self.stage.calls.play(&bot, Scene::Ends);
        }
    }

    /// A host does not let a bot in.
    pub(super) fn turn_away(&mut self) {
        if let Some(bot) = self.any_bot(&[BotPhase::Joining, BotPhase::Lobby]) {
            self.stage.faults.fire(Fault::BotTurnedAway);
            self.stage.calls.play(&bot, Scene::TurnedAway);
        }
    }

    /// The provider calls about every bot, whether anything happened or not.
    pub(super) fn call_about_bots(&mut self) {
        for (bot, _) in self.stage.calls.phases() {
            self.stage.faults.fire(Fault::BotNoticed);
            let dedup = Some(format!("call {}", self.seed.number()));
            let notices = vec![Notice { about: About::Bot(BotRef::from_source(bot)), dedup }];
            now(self.stage.seen_store.note(&Receipt { provider: Provider::new(BOTS), notices }));
        }
    }

    /// Says what the calls came to: nobody sits in a room any more, and the last meetings had a bot.
    pub(super) fn look_back(&self) {
        let mut truth = self.stage.truth.lock();
        for (bot, phase) in self.stage.calls.phases() {
            if phase < BotPhase::Failed {
                truth.seen.push(Violation::Stuck(format!("{bot} is {phase:?} in the end")));
            }
        }
        let served: BTreeSet<String> = truth
            .said
            .keys()
            .filter_map(|bot| self.stage.calls.wanted(bot))
            .map(|wanted| wanted.meeting.into_exposed())
            .collect();
        let last = truth.calendars.iter().flat_map(|calendar| calendar.events.values());
        let missed = last
            .filter(|event| self.diary.last.contains(&event.uid) && !served.contains(&event.room));
        let missed: Vec<_> = missed
            .map(|event| Violation::Lost(format!("no bot came to {} in {}", event.uid, event.room)))
            .collect();
        truth.seen.extend(missed);
    }
}
