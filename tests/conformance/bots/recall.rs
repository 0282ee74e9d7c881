//! A provider in the shape of Recall.ai (docs.recall.ai): creation is replayed by an idempotency key,
//! a bot is cancelled until it is dispatched and else told to leave, and the transcript is a file that
//! exists when the call is over.
use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use besunny_core::{
    bot::{
        Amend, Bot, BotAbilities, BotFilter, BotPhase, BotProvider, BotRecords, BotRef, Bots,
        Capture, Changed, Created, NewBot, Readiness, RecordingLink, Schedules, Transcript,
    },
    source::{Cursor, PageToken, SourceError},
};
use besunny_testkit::{
    bots::Actor,
    conformance::{Power, bot, bot::BotPower},
};

use super::{
    StageWorld,
    shape::{Server, artifact, link, told, wipe},
};

/// Under this name our key stands in the metadata, by which bots can be listed.
const OUR_KEY: &str = "dedup_key";

#[derive(Clone, Debug)]
pub(crate) struct Recall {
    server: Server,
    /// What the server answered to each idempotency key.
    replays: Arc<Mutex<HashMap<String, String>>>,
}

pub(crate) fn world() -> bot::World {
    let stage = super::stage(chrono::TimeDelta::zero());
    let recall = Recall { server: Server::new(&stage), replays: Arc::default() };
    Arc::new(StageWorld {
        stage,
        locked_out: Arc::new(Recall { server: recall.server.locked_out(), ..recall.clone() }),
        provider: Arc::new(recall),
        room: None,
        actor: |at| at.as_str().to_owned(),
        lacks,
    })
}

pub(crate) fn lacks(power: Power) -> Option<&'static str> {
    let Power::Bot(power) = power else { return None };
    match power {
        BotPower::Freeze => Some("a bot can be stopped at any time"),
        BotPower::Amend | BotPower::SpeakLate => Some("the transcript is one file"),
        BotPower::Chat | BotPower::Presence | BotPower::Pause => {
            Some("this shape is about bots and transcripts")
        }
        BotPower::Plan | BotPower::Record => None,
    }
}

/// The words of the server.
fn word(phase: BotPhase) -> &'static str {
    match phase {
        BotPhase::Planned | BotPhase::Committed => "ready",
        BotPhase::Joining => "joining_call",
        BotPhase::Lobby => "in_waiting_room",
        BotPhase::InCall => "in_call_recording",
        BotPhase::Leaving | BotPhase::Processing => "call_ended",
        BotPhase::Done => "done",
        BotPhase::Failed => "fatal",
        BotPhase::Erased => "media_expired",
    }
}

/// What the adapter makes of them.
fn phase(word: &str) -> Option<BotPhase> {
    Some(match word {
        "ready" => BotPhase::Planned,
        "joining_call" => BotPhase::Joining,
        "in_waiting_room" => BotPhase::Lobby,
        "in_call_not_recording" | "in_call_recording" => BotPhase::InCall,
        "call_ended" | "recording_done" => BotPhase::Processing,
        "done" => BotPhase::Done,
        "fatal" => BotPhase::Failed,
        "media_expired" => BotPhase::Erased,
        _ => return None,
    })
}

fn shown(actor: &Actor, at: BotPhase) -> Bot {
    let word = word(at);
    let mut metadata = actor.wanted.metadata.clone();
    let dedup_key = metadata.remove(OUR_KEY);
    let is_over = at.is_over() && at != BotPhase::Erased;
    let ready = if is_over { Readiness::Complete } else { Readiness::None };
    Bot {
        at: BotRef::from_source(&actor.id),
        phase: phase(word),
        word: word.to_owned().into(),
        capture: if word == "in_call_recording" { Capture::On } else { Capture::Off },
        ending: actor.ending.clone(),
        join_at: actor.wanted.join_at,
        dedup_key,
        metadata,
        transcript: ready,
        recording: ready,
        changed_at: None,
    }
}

#[async_trait]
impl BotProvider for Recall {
    fn abilities(&self) -> BotAbilities {
        BotAbilities {
            schedules: Some(Schedules {
                min_lead: Duration::from_mins(10),
                frozen_before_join: Duration::ZERO,
                max_ahead: Duration::from_hours(24 * 365),
            }),
            one_per_meeting: false,
            callback_per_bot: true,
            metadata_bytes: 500,
            poll_floor: Duration::from_secs(10),
        }
    }

    async fn check(&self) -> Result<(), SourceError> {
        self.server.check("recall.check")
    }

    /// `POST /bot/` with the header `Idempotency-Key`: a repeated key brings the first answer again.
    async fn create(&self, bot: &NewBot) -> Result<Created, SourceError> {
        let mut wanted = bot.clone();
        wanted.metadata.insert(OUR_KEY.to_owned(), bot.dedup_key.clone());
        let answer = self.server.call("recall.bot.create", |cast| {
            let mut replays = self.replays.lock().expect("no panic under the lock");
            if let Some(id) = replays.get(&bot.dedup_key) {
                let (actor, phase) = cast.look(id).ok_or(404_u16)?;
                return Ok(Created::Adopted(shown(&actor, phase)));
            }
            let actor = cast.make(&wanted);
            replays.insert(bot.dedup_key.clone(), actor.id.clone());
            Ok(Created::New(shown(&actor, cast.phase(&actor))))
        });
        told("recall.bot.create", answer)
    }

    async fn find(&self, at: &BotRef) -> Result<Option<Bot>, SourceError> {
        self.server.find("recall.bot.get", at.as_str(), shown)
    }

    /// `GET /bot/?metadata__dedup_key=..&page=..`.
    async fn list(
        &self,
        filter: &BotFilter,
        page: Option<&PageToken>,
    ) -> Result<Bots, SourceError> {
        self.server.list("recall.bot.list", (filter, page), shown)
    }

    /// `PATCH /bot/{id}/`: 405 once it is dispatched.
    async fn reschedule(&self, at: &BotRef, to: &Amend) -> Result<Changed, SourceError> {
        let answer = self.server.call("recall.bot.patch", |cast| {
            let (_, phase) = cast.look(at.as_str()).ok_or(404_u16)?;
            if phase != BotPhase::Planned {
                return Err(405);
            }
            let actor = cast.actor(at.as_str()).ok_or(404_u16)?;
            actor.wanted.join_at = to.join_at.or(actor.wanted.join_at);
            Ok(())
        })?;
        match answer {
            Ok(()) => Ok(Changed::Applied),
            Err(404) => Ok(Changed::Gone),
            Err(405) => {
                let is_over = self
                    .find(at)
                    .await?
                    .is_none_or(|bot| bot.phase.is_none_or(|phase| phase >= BotPhase::Leaving));
                Ok(if is_over { Changed::Over } else { Changed::Frozen { until: None } })
            }
            other => told("recall.bot.patch", Ok(other.map(|()| Changed::Applied))),
        }
    }

    /// `DELETE /bot/{id}/`, and where that is 405 `POST /bot/{id}/leave_call/`.
    async fn stop(&self, at: &BotRef) -> Result<Changed, SourceError> {
        let answer = self.server.call("recall.bot.delete", |cast| {
            if cast.look(at.as_str()).ok_or(404_u16)?.1 != BotPhase::Planned {
                return Err(405);
            }
            cast.remove(at.as_str());
            Ok(())
        })?;
        match answer {
            Ok(()) => return Ok(Changed::Applied),
            Err(404) => return Ok(Changed::Gone),
            Err(405) => {}
            other => return told("recall.bot.delete", Ok(other.map(|()| Changed::Applied))),
        }
        let answer = self.server.call("recall.bot.leave", |cast| {
            let (_, phase) = cast.look(at.as_str()).ok_or(404_u16)?;
            let is_present = phase.is_present();
            if is_present {
                cast.leave(at.as_str());
            }
            Ok(if is_present { Changed::Applied } else { Changed::Over })
        });
        told("recall.bot.leave", answer)
    }
}

#[async_trait]
impl BotRecords for Recall {
    async fn transcript(
        &self,
        at: &BotRef,
        _after: Option<&Cursor>,
    ) -> Result<Transcript, SourceError> {
        let over = self.server.over("recall.transcript", at.as_str())?;
        Ok(artifact(over.as_ref()))
    }

    async fn recording(&self, at: &BotRef) -> Result<Option<RecordingLink>, SourceError> {
        let over = self.server.over("recall.recording", at.as_str())?;
        Ok(over.map(|actor| link(&actor, BTreeMap::new())))
    }

    /// `POST /bot/{id}/delete_media/`.
    async fn erase(&self, at: &BotRef) -> Result<Changed, SourceError> {
        self.server.erase("recall.media.delete", at.as_str(), wipe)
    }
}
