//! A provider in the shape of Vexa 0.12 (docs/docs/api/meetings.mdx): a bot is known by its meeting, of
//! which it has one; plans and bots are stopped by different calls; the transcript comes whole, with
//! drafts, while the call goes on. Nothing that we say is kept with a bot.
use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use besunny_core::{
    bot::{
        Amend, Bot, BotAbilities, BotFilter, BotPhase, BotProvider, BotRecords, BotRef, Bots,
        Capture, Changed, Created, NewBot, Readiness, RecordingLink, Schedules, SegmentKey,
        Transcript,
    },
    source::{Cursor, PageToken, SourceError},
};
use besunny_testkit::{
    bots::{Actor, Cast},
    conformance::{Power, bot, bot::BotPower},
};
use chrono::TimeDelta;

use super::{
    StageWorld,
    shape::{Server, link, told},
};

#[derive(Clone, Debug)]
pub(crate) struct Vexa(Server);

pub(crate) fn world() -> bot::World {
    // A sweep sends planned bots about a minute before their time.
    let stage = super::stage(TimeDelta::minutes(1));
    let vexa = Vexa(Server::new(&stage));
    Arc::new(StageWorld {
        stage,
        locked_out: Arc::new(Vexa(vexa.0.locked_out())),
        provider: Arc::new(vexa),
        room: None,
        actor: |at| record(at).to_owned(),
        lacks,
    })
}

fn lacks(power: Power) -> Option<&'static str> {
    if power == Power::KillPages {
        return Some("pages are numbers of rows, which do not die");
    }
    let Power::Bot(BotPower::Chat | BotPower::Presence | BotPower::Pause) = power else {
        return None;
    };
    Some("this shape is about bots and transcripts")
}

/// A bot is found by the platform and the platform's name of the meeting while it lives, and by a
/// number afterwards; all three are packed into one name.
fn packed(actor: &Actor) -> BotRef {
    let native = actor.wanted.meeting.expose().rsplit('/').next().unwrap_or_default();
    BotRef::from_source(format!("google_meet/{native}/{}", actor.id))
}

fn record(at: &BotRef) -> &str {
    at.as_str().rsplit('/').next().unwrap_or_default()
}

fn word(phase: BotPhase) -> &'static str {
    match phase {
        BotPhase::Planned => "scheduled",
        BotPhase::Committed => "requested",
        BotPhase::Joining => "joining",
        BotPhase::Lobby => "awaiting_admission",
        BotPhase::InCall => "active",
        BotPhase::Leaving | BotPhase::Processing => "stopping",
        BotPhase::Done | BotPhase::Erased => "completed",
        BotPhase::Failed => "failed",
    }
}

fn phase(word: &str) -> Option<BotPhase> {
    Some(match word {
        "idle" | "scheduled" => BotPhase::Planned,
        "requested" => BotPhase::Committed,
        "joining" => BotPhase::Joining,
        "awaiting_admission" | "needs_help" => BotPhase::Lobby,
        "active" => BotPhase::InCall,
        "stopping" => BotPhase::Leaving,
        "completed" => BotPhase::Done,
        "failed" => BotPhase::Failed,
        _ => return None,
    })
}

fn shown(actor: &Actor, at: BotPhase) -> Bot {
    let word = word(at);
    let transcript = match word {
        "active" | "stopping" => Readiness::Running,
        "completed" => Readiness::Complete,
        "failed" => Readiness::Partial,
        _ => Readiness::None,
    };
    Bot {
        at: packed(actor),
        phase: phase(word),
        word: word.to_owned().into(),
        capture: if word == "active" { Capture::On } else { Capture::Off },
        ending: actor.ending.clone(),
        join_at: actor.wanted.join_at,
        dedup_key: None,
        metadata: BTreeMap::new(),
        transcript,
        recording: transcript,
        changed_at: None,
    }
}

/// Finds the bot that a meeting has now.
fn active(cast: &Cast<'_>, bot: &NewBot) -> Option<Actor> {
    let is_active =
        |actor: &&Actor| actor.wanted.meeting == bot.meeting && !cast.phase(actor).is_over();
    cast.actors().find(is_active).cloned()
}

#[async_trait]
impl BotProvider for Vexa {
    fn abilities(&self) -> BotAbilities {
        BotAbilities {
            schedules: Some(Schedules {
                min_lead: Duration::from_mins(2),
                frozen_before_join: Duration::from_mins(1),
                max_ahead: Duration::from_hours(24 * 90),
            }),
            one_per_meeting: true,
            callback_per_bot: false,
            metadata_bytes: 0,
            poll_floor: Duration::from_secs(5),
        }
    }

    async fn check(&self) -> Result<(), SourceError> {
        self.0.check("vexa.check")
    }

    /// `POST /bots` or, for later, `POST /meetings`: 409 where the meeting has a bot, which is adopted.
    async fn create(&self, bot: &NewBot) -> Result<Created, SourceError> {
        const OPERATION: &str = "vexa.bots.create";
        let made = self.0.call(OPERATION, |cast| {
            if active(cast, bot).is_some() {
                return Err(409);
            }
            let actor = cast.make(bot);
            Ok(shown(&actor, cast.phase(&actor)))
        })?;
        if made != Err(409) {
            return told(OPERATION, Ok(made)).map(Created::New);
        }
        let answer = self.0.call(OPERATION, |cast| {
            let actor = active(cast, bot).ok_or(409_u16)?;
            Ok(shown(&actor, cast.phase(&actor)))
        });
        told(OPERATION, answer).map(Created::Adopted)
    }

    async fn find(&self, at: &BotRef) -> Result<Option<Bot>, SourceError> {
        self.0.find("vexa.meetings.get", record(at), shown)
    }

    async fn list(
        &self,
        filter: &BotFilter,
        page: Option<&PageToken>,
    ) -> Result<Bots, SourceError> {
        self.0.list("vexa.meetings.list", (filter, page), shown)
    }

    /// `PATCH /meetings/{id}`: 409 once the bot was requested.
    async fn reschedule(&self, at: &BotRef, to: &Amend) -> Result<Changed, SourceError> {
        let answer = self.0.call("vexa.meetings.patch", |cast| {
            let Some((actor, phase)) = cast.look(record(at)) else { return Ok(Changed::Gone) };
            if phase >= BotPhase::Leaving {
                return Ok(Changed::Over);
            }
            if phase != BotPhase::Planned {
                return Ok(Changed::Frozen { until: actor.wanted.join_at });
            }
            if let Some(actor) = cast.actor(record(at)) {
                actor.wanted.join_at = to.join_at.or(actor.wanted.join_at);
            }
            Ok(Changed::Applied)
        });
        told("vexa.meetings.patch", answer)
    }

    /// `DELETE /meetings/{id}` for a plan, `DELETE /bots/{platform}/{native id}` for a bot.
    async fn stop(&self, at: &BotRef) -> Result<Changed, SourceError> {
        let answer = self.0.call("vexa.bots.delete", |cast| {
            let Some((actor, phase)) = cast.look(record(at)) else { return Ok(Changed::Gone) };
            if phase == BotPhase::Planned {
                cast.remove(record(at));
            } else if phase == BotPhase::Committed {
                return Ok(Changed::Frozen { until: actor.wanted.join_at });
            } else if phase.is_present() {
                cast.leave(record(at));
            } else {
                return Ok(Changed::Over);
            }
            Ok(Changed::Applied)
        });
        told("vexa.bots.delete", answer)
    }
}

#[async_trait]
impl BotRecords for Vexa {
    /// `GET /transcripts/{platform}/{native id}`: everything, each time; the last piece may be a draft.
    async fn transcript(
        &self,
        at: &BotRef,
        _after: Option<&Cursor>,
    ) -> Result<Transcript, SourceError> {
        let answer = self.0.call("vexa.transcripts.get", |cast| cast.look(record(at)).ok_or(404));
        let (actor, phase) = told("vexa.transcripts.get", answer)?;
        let last = actor.said.len().saturating_sub(1);
        let segments = actor.said.into_iter().enumerate().map(|(place, (_, mut segment))| {
            segment.is_final = place < last || phase.is_over();
            segment.key = SegmentKey::from_source(segment.starts_at.to_rfc3339());
            segment
        });
        Ok(Transcript {
            segments: segments.collect(),
            is_whole: true,
            next: Cursor::from_source("whole"),
        })
    }

    /// Bytes, with our own key.
    async fn recording(&self, at: &BotRef) -> Result<Option<RecordingLink>, SourceError> {
        let answer = self.0.call("vexa.recordings.get", |cast| cast.look(record(at)).ok_or(404));
        let (actor, phase) = told("vexa.recordings.get", answer)?;
        let headers = BTreeMap::from([("X-API-Key", "the key of the account")]);
        Ok((phase == BotPhase::Done).then(|| link(&actor, headers)))
    }

    /// `DELETE /meetings/{id}` takes the row away.
    async fn erase(&self, at: &BotRef) -> Result<Changed, SourceError> {
        self.0.erase("vexa.meetings.delete", record(at), |cast, id| drop(cast.remove(id)))
    }
}
