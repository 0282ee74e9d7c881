//! A provider in the shape of Meeting `BaaS` v2 (openapi-v2.json): bots for later live under another path
//! and get a second name when they are sent, a meeting is locked for five minutes after a bot was made,
//! and there is no key against doubles, so ours is kept in `extra` and looked for first.
use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use besunny_core::{
    bot::{
        Amend, Bot, BotAbilities, BotFilter, BotPhase, BotProvider, BotRecords, BotRef, Bots,
        Capture, Changed, Created, NewBot, Readiness, RecordingLink, Schedules, Transcript,
    },
    source::{Cursor, PageToken, SourceError, SourceErrorKind},
};
use besunny_testkit::{bots::Actor, conformance::bot};
use chrono::TimeDelta;

use super::{
    StageWorld,
    recall::lacks,
    shape::{Server, artifact, link, told, wipe},
};

/// Nobody gets a second bot for a meeting so soon after the first.
const LOCK: TimeDelta = TimeDelta::minutes(5);

#[derive(Clone, Debug)]
pub(crate) struct Baas(Server);

pub(crate) fn world() -> bot::World {
    let stage = super::stage(TimeDelta::zero());
    let baas = Baas(Server::new(&stage));
    Arc::new(StageWorld {
        stage,
        locked_out: Arc::new(Baas(baas.0.locked_out())),
        provider: Arc::new(baas),
        room: None,
        actor: |at| id(at).to_owned(),
        lacks,
    })
}

/// Says under which path a bot was made; it is found there for ever, whatever it is called later.
fn packed(actor: &Actor) -> BotRef {
    let path = if actor.wanted.join_at.is_some() { "scheduled" } else { "bots" };
    BotRef::from_source(format!("{path}/{}", actor.id))
}

fn id(at: &BotRef) -> &str {
    at.as_str().split_once('/').map_or("", |(_, id)| id)
}

fn word(phase: BotPhase) -> &'static str {
    match phase {
        BotPhase::Planned | BotPhase::Committed => "scheduled",
        BotPhase::Joining => "joining_call",
        BotPhase::Lobby => "in_waiting_room",
        BotPhase::InCall => "in_call_recording",
        BotPhase::Leaving => "call_ended",
        BotPhase::Processing => "transcribing",
        BotPhase::Done => "completed",
        BotPhase::Failed => "failed",
        BotPhase::Erased => "deleted",
    }
}

fn phase(word: &str) -> Option<BotPhase> {
    Some(match word {
        "scheduled" => BotPhase::Planned,
        "queued" | "pickup_delayed" | "joining_call" => BotPhase::Joining,
        "in_waiting_room" | "in_waiting_for_host" => BotPhase::Lobby,
        "in_call_not_recording" | "in_call_recording" | "recording_paused" => BotPhase::InCall,
        "call_ended" => BotPhase::Leaving,
        "recording_succeeded" | "recording_failed" | "transcribing" => BotPhase::Processing,
        "completed" => BotPhase::Done,
        "failed" => BotPhase::Failed,
        "deleted" => BotPhase::Erased,
        _ => return None,
    })
}

fn shown(actor: &Actor, at: BotPhase) -> Bot {
    let word = word(at);
    let done = if word == "completed" { Readiness::Complete } else { Readiness::None };
    Bot {
        at: packed(actor),
        phase: phase(word),
        word: word.to_owned().into(),
        capture: if word == "in_call_recording" { Capture::On } else { Capture::Off },
        ending: actor.ending.clone(),
        join_at: actor.wanted.join_at,
        dedup_key: Some(actor.wanted.dedup_key.clone()),
        metadata: actor.wanted.metadata.clone(),
        transcript: done,
        recording: done,
        changed_at: None,
    }
}

#[async_trait]
impl BotProvider for Baas {
    fn abilities(&self) -> BotAbilities {
        BotAbilities {
            schedules: Some(Schedules {
                min_lead: Duration::ZERO,
                frozen_before_join: Duration::ZERO,
                max_ahead: Duration::from_hours(24 * 365),
            }),
            one_per_meeting: false,
            callback_per_bot: true,
            metadata_bytes: 4_096,
            poll_floor: Duration::from_secs(5),
        }
    }

    async fn check(&self) -> Result<(), SourceError> {
        self.0.check("baas.check")
    }

    /// Looks for our key first; then `POST /v2/bots` or `POST /v2/bots/scheduled`, which are 409 while
    /// the meeting is locked.
    async fn create(&self, bot: &NewBot) -> Result<Created, SourceError> {
        const OPERATION: &str = "baas.bots.create";
        let open = BotFilter { open_only: true, dedup_key: Some(bot.dedup_key.clone()) };
        let mut page = None;
        loop {
            let mut bots = self.list(&open, page.as_ref()).await?;
            if let Some(bot) = bots.bots.pop() {
                return Ok(Created::Adopted(bot));
            }
            page = bots.next;
            if page.is_none() {
                break;
            }
        }
        let made = self.0.call(OPERATION, |cast| {
            let now = cast.now;
            let is_locked = |actor: &Actor| {
                actor.wanted.meeting == bot.meeting && now < actor.changed_at + LOCK
            };
            if cast.actors().any(is_locked) {
                return Err(409);
            }
            let actor = cast.make(bot);
            Ok(shown(&actor, cast.phase(&actor)))
        })?;
        if made == Err(409) {
            let locked = SourceError::new(SourceErrorKind::RateLimited, OPERATION);
            return Err(locked.with_retry_after(LOCK.to_std().ok()));
        }
        told(OPERATION, Ok(made)).map(Created::New)
    }

    /// A scheduled bot that was sent is looked for under its second name, which its schedule tells.
    async fn find(&self, at: &BotRef) -> Result<Option<Bot>, SourceError> {
        self.0.find("baas.bots.get", id(at), shown)
    }

    async fn list(
        &self,
        filter: &BotFilter,
        page: Option<&PageToken>,
    ) -> Result<Bots, SourceError> {
        self.0.list("baas.bots.list", (filter, page), shown)
    }

    /// `PATCH /v2/bots/scheduled/{id}`.
    async fn reschedule(&self, at: &BotRef, to: &Amend) -> Result<Changed, SourceError> {
        let answer = self.0.call("baas.scheduled.patch", |cast| {
            let Some((_, phase)) = cast.look(id(at)) else { return Ok(Changed::Gone) };
            if phase >= BotPhase::Leaving {
                return Ok(Changed::Over);
            }
            if phase != BotPhase::Planned {
                return Ok(Changed::Frozen { until: None });
            }
            if let Some(actor) = cast.actor(id(at)) {
                actor.wanted.join_at = to.join_at.or(actor.wanted.join_at);
            }
            Ok(Changed::Applied)
        });
        told("baas.scheduled.patch", answer)
    }

    /// `DELETE /v2/bots/scheduled/{id}`, or `POST /v2/bots/{id}/leave`, which is 409 when it is over.
    async fn stop(&self, at: &BotRef) -> Result<Changed, SourceError> {
        let answer = self.0.call("baas.bots.leave", |cast| {
            let (_, phase) = cast.look(id(at)).ok_or(404_u16)?;
            if phase == BotPhase::Planned {
                cast.remove(id(at));
            } else if phase.is_present() {
                cast.leave(id(at));
            } else {
                return Err(409);
            }
            Ok(())
        })?;
        match answer {
            Ok(()) => Ok(Changed::Applied),
            Err(404) => Ok(Changed::Gone),
            Err(409) => Ok(Changed::Over),
            other => told("baas.bots.leave", Ok(other.map(|()| Changed::Applied))),
        }
    }
}

#[async_trait]
impl BotRecords for Baas {
    async fn transcript(
        &self,
        at: &BotRef,
        _after: Option<&Cursor>,
    ) -> Result<Transcript, SourceError> {
        let over = self.0.over("baas.transcript", id(at))?;
        Ok(artifact(over.as_ref()))
    }

    async fn recording(&self, at: &BotRef) -> Result<Option<RecordingLink>, SourceError> {
        let over = self.0.over("baas.recording", id(at))?;
        Ok(over.map(|actor| link(&actor, BTreeMap::new())))
    }

    /// `DELETE /v2/bots/{id}/delete-data`.
    async fn erase(&self, at: &BotRef) -> Result<Changed, SourceError> {
        self.0.erase("baas.data.delete", id(at), wipe)
    }
}
