//! Meeting bots in memory: a stage on which calls are played, and a provider on it.
//!
//! [`BotStage`] is the truth: bots join by the clock, and what happens in their calls is played by a
//! test. [`ScriptedBots`] is a provider with every power. Fakes in the shape of other providers stand on
//! the same stage.
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use besunny_core::{
    bot::{BotPhase, Capture, ChatMessage, Coming, EndReason, Ending, Movement, NewBot, Segment},
    bot::{SegmentKey, Speaker},
    clock::Clock,
    source::{PageToken, SourceError, SourceErrorKind},
};
use chrono::{DateTime, TimeDelta, Utc};

mod provider;
mod room;
mod weathered;

pub use provider::ScriptedBots;
pub use weathered::{BotRewrite, BotWeather, WeatheredBots};

use crate::{
    clock::ManualClock,
    conformance::bot::{Mishap, Scene},
};

/// Where bots join calls.
#[derive(Debug)]
pub struct BotStage {
    clock: Arc<ManualClock>,
    frozen: TimeDelta,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    actors: BTreeMap<String, Actor>,
    made: u64,
    mishaps: VecDeque<Mishap>,
    /// Counts the deaths of page tokens.
    generation: u64,
}

/// A bot on the stage.
#[derive(Clone, Debug)]
pub struct Actor {
    /// The stage's name of it; names are in the order of making.
    pub id: String,
    /// What was asked for.
    pub wanted: NewBot,
    /// How far it was played; before that its clock says it.
    pub played: Option<BotPhase>,
    /// Whether it records.
    pub capture: Capture,
    /// Why it is over.
    pub ending: Option<Ending>,
    /// What was said, each with the number of its last change.
    pub said: Vec<(u64, Segment)>,
    /// What was written.
    pub chat: Vec<ChatMessage>,
    /// What it was told to write.
    pub written: Vec<String>,
    /// Who came and went.
    pub comings: Vec<Coming>,
    /// Counts what happened to it.
    pub changes: u64,
    /// When it last changed.
    pub changed_at: DateTime<Utc>,
}

/// All actors, while somebody acts on the stage.
#[derive(Debug)]
pub struct Cast<'a> {
    inner: MutexGuard<'a, Inner>,
    frozen: TimeDelta,
    /// The present instant.
    pub now: DateTime<Utc>,
}

impl BotStage {
    /// Opens a stage on which bots are frozen for so long before they join.
    #[must_use]
    pub fn new(clock: Arc<ManualClock>, frozen: TimeDelta) -> Self {
        Self { clock, frozen, inner: Mutex::default() }
    }

    /// Acts on the stage as a call of an adapter, unless a mishap is due.
    ///
    /// # Errors
    /// What the mishap says; after [`Mishap::LostReply`] the act was done all the same.
    pub fn call<T>(
        &self,
        operation: &'static str,
        act: impl FnOnce(&mut Cast<'_>) -> T,
    ) -> Result<T, SourceError> {
        let failed = |kind| SourceError::new(kind, operation);
        let mut cast = self.cast();
        match cast.inner.mishaps.pop_front() {
            None => Ok(act(&mut cast)),
            Some(Mishap::LostReply) => {
                act(&mut cast);
                Err(failed(SourceErrorKind::Unavailable))
            }
            Some(Mishap::Down) => Err(failed(SourceErrorKind::Unavailable)),
            Some(Mishap::Garbage) => Err(failed(SourceErrorKind::Malformed)),
            Some(Mishap::TooMany(seconds)) => {
                let wait = std::time::Duration::from_secs(seconds);
                Err(failed(SourceErrorKind::RateLimited).with_retry_after(Some(wait)))
            }
        }
    }

    /// The same for a call that only reads: an answer that is lost is one that something was done for.
    ///
    /// # Errors
    /// What the mishap says.
    pub fn ask<T>(
        &self,
        operation: &'static str,
        read: impl FnOnce(&mut Cast<'_>) -> T,
    ) -> Result<T, SourceError> {
        let is_lost = self.cast().inner.mishaps.front() == Some(&Mishap::LostReply);
        if is_lost { Ok(read(&mut self.cast())) } else { self.call(operation, read) }
    }

    /// Lets the next call end like this.
    pub fn next(&self, mishap: Mishap) {
        self.cast().inner.mishaps.push_back(mishap);
    }

    /// Lets every page token die.
    pub fn kill_pages(&self) {
        self.cast().inner.generation += 1;
    }

    /// Lets something happen in the call of an actor; nothing happens to one that is not there.
    pub fn play(&self, id: &str, scene: Scene) {
        let mut cast = self.cast();
        let now = cast.now;
        if let Some(actor) = cast.actor(id) {
            actor.play(scene, now);
        }
    }

    /// Lets somebody delete an actor, as in the dashboard of a provider.
    pub fn take_away(&self, id: &str) {
        drop(self.cast().remove(id));
    }

    /// Lets the host of a call allow its bot to record, or not.
    pub fn permit(&self, id: &str, is_allowed: bool) {
        if let Some(actor) = self.cast().actor(id) {
            actor.played = Some(BotPhase::InCall);
            actor.capture = if is_allowed { Capture::On } else { Capture::Denied };
        }
    }

    /// Adds something that was said, behind the back of every cursor that was given.
    pub fn slip(&self, id: &str, text: &str) {
        let mut cast = self.cast();
        let now = cast.now;
        if let Some(actor) = cast.actor(id) {
            actor.say("Ada", text.to_owned(), now);
            if let Some((changed, _)) = actor.said.last_mut() {
                *changed = 1;
            }
        }
    }

    /// Returns all actors by name, and how far they are.
    #[must_use]
    pub fn phases(&self) -> Vec<(String, BotPhase)> {
        let cast = self.cast();
        cast.actors().map(|actor| (actor.id.clone(), cast.phase(actor))).collect()
    }

    /// Returns what was asked for when an actor was made, as it was changed since.
    #[must_use]
    pub fn wanted(&self, id: &str) -> Option<NewBot> {
        self.cast().inner.actors.get(id).map(|actor| actor.wanted.clone())
    }

    /// Returns what an actor was told to write in its chat.
    #[must_use]
    pub fn written(&self, id: &str) -> Vec<String> {
        self.cast().inner.actors.get(id).map(|actor| actor.written.clone()).unwrap_or_default()
    }

    /// Returns the present instant.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// Moves the clock on.
    pub fn advance(&self, by: std::time::Duration) {
        self.clock.advance(by);
    }

    fn cast(&self) -> Cast<'_> {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        Cast { inner, frozen: self.frozen, now: self.clock.now() }
    }
}

impl Cast<'_> {
    /// Makes an actor.
    pub fn make(&mut self, wanted: &NewBot) -> Actor {
        self.inner.made += 1;
        let id = format!("actor-{:06}", self.inner.made);
        let actor = Actor {
            id: id.clone(),
            wanted: wanted.clone(),
            played: None,
            capture: Capture::Off,
            ending: None,
            said: Vec::new(),
            chat: Vec::new(),
            written: Vec::new(),
            comings: Vec::new(),
            changes: 0,
            changed_at: self.now,
        };
        self.inner.actors.insert(id, actor.clone());
        actor
    }

    /// Returns all actors, in the order of making.
    pub fn actors(&self) -> impl Iterator<Item = &Actor> {
        self.inner.actors.values()
    }

    /// Returns an actor, to change it.
    pub fn actor(&mut self, id: &str) -> Option<&mut Actor> {
        self.inner.actors.get_mut(id)
    }

    /// Forgets an actor.
    pub fn remove(&mut self, id: &str) -> Option<Actor> {
        self.inner.actors.remove(id)
    }

    /// Returns how far an actor is now.
    #[must_use]
    pub fn phase(&self, actor: &Actor) -> BotPhase {
        let by_clock = match actor.wanted.join_at {
            Some(at) if self.now < at - self.frozen => BotPhase::Planned,
            Some(at) if self.now < at => BotPhase::Committed,
            Some(_) | None => BotPhase::Joining,
        };
        actor.played.unwrap_or(by_clock)
    }

    /// Returns an actor and how far it is.
    #[must_use]
    pub fn look(&self, id: &str) -> Option<(Actor, BotPhase)> {
        let actor = self.inner.actors.get(id)?;
        Some((actor.clone(), self.phase(actor)))
    }

    /// Makes the page token of what comes after `id`.
    #[must_use]
    pub fn page_after(&self, id: &str) -> PageToken {
        PageToken::from_source(format!("{}/{id}", self.inner.generation))
    }

    /// Returns after which actor a page begins; none for a dead token.
    #[must_use]
    pub fn page_begin<'a>(&self, page: Option<&'a PageToken>) -> Option<&'a str> {
        let Some(page) = page else { return Some("") };
        let (generation, id) = page.as_str().split_once('/')?;
        (generation == self.inner.generation.to_string()).then_some(id)
    }

    /// Lets an actor leave, as the provider was asked.
    pub fn leave(&mut self, id: &str) {
        let now = self.now;
        if let Some(actor) = self.actor(id) {
            actor.end(BotPhase::Leaving, EndReason::Requested, now);
        }
    }
}

impl Actor {
    fn play(&mut self, scene: Scene, now: DateTime<Utc>) {
        self.changes += 1;
        self.changed_at = now;
        match scene {
            Scene::Lobby => self.played = Some(BotPhase::Lobby),
            Scene::LetIn => {
                self.played = Some(BotPhase::InCall);
                self.capture = Capture::On;
            }
            Scene::TurnedAway => self.end(BotPhase::Failed, EndReason::NotAdmitted, now),
            Scene::Breaks => self.end(BotPhase::Failed, EndReason::ProviderFault, now),
            Scene::Ends => self.end(BotPhase::Processing, EndReason::MeetingEnded, now),
            Scene::Prepared => self.played = Some(BotPhase::Done),
            Scene::Says { name, text } => self.say(name, text, now),
            Scene::Amends(text) => {
                let changes = self.changes;
                if let Some((changed, segment)) = self.said.last_mut() {
                    *changed = changes;
                    segment.text = text.into();
                }
            }
            Scene::Writes { name, text } => self.chat.push(ChatMessage {
                id: format!("message-{}", self.chat.len()).into(),
                sender: person(name),
                sent_at: now,
                is_private: false,
                text: text.into(),
            }),
            Scene::Comes(name) => self.moves(name, Movement::Joined, now),
            Scene::Goes(name) => self.moves(name, Movement::Left, now),
        }
    }

    fn say(&mut self, name: &str, text: String, now: DateTime<Utc>) {
        let segment = Segment {
            key: SegmentKey::from_source(format!("segment-{}", self.said.len())),
            speaker: Some(person(name)),
            starts_at: now,
            duration: None,
            text: text.into(),
            is_final: true,
        };
        self.said.push((self.changes, segment));
    }

    fn moves(&mut self, name: &str, movement: Movement, now: DateTime<Utc>) {
        self.comings.push(Coming {
            id: format!("coming-{}", self.comings.len()).into(),
            who: person(name),
            at: now,
            movement: Some(movement),
        });
    }

    /// Ends the actor's part; what it heard stays.
    pub fn end(&mut self, phase: BotPhase, reason: EndReason, now: DateTime<Utc>) {
        self.played = Some(phase);
        self.capture = Capture::Off;
        self.changed_at = now;
        let word = Some(format!("{reason:?}").into());
        self.ending = Some(Ending { reason, word });
    }

    /// Deletes what the actor heard.
    pub fn erase(&mut self) {
        self.played = Some(BotPhase::Erased);
        self.said.clear();
        self.chat.clear();
        self.comings.clear();
    }
}

fn person(name: &str) -> Speaker {
    Speaker {
        id: format!("person-{name}").into(),
        name: Some(name.to_owned().into()),
        account: None,
        is_host: name == "Ada",
    }
}
