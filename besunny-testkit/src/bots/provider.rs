//! A provider with every power, as ours would be.
use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use besunny_core::{
    bot::{
        Amend, Bot, BotAbilities, BotFilter, BotPhase, BotProvider, BotRecords, BotRef, Bots,
        Changed, Created, NewBot, Readiness, RecordingLink, Schedules, Transcript,
    },
    source::{Cursor, PageToken, SourceError, SourceErrorKind},
};
use chrono::TimeDelta;

use super::{Actor, BotStage, Cast};

/// A page shows so many bots: few enough that a test needs several.
const PAGE: usize = 25;
/// How long a link is good; any provider's is some hours.
const LINK_LIFE: TimeDelta = TimeDelta::hours(4);

/// A provider of bots on a stage; cheap to clone.
#[derive(Clone, Debug)]
pub struct ScriptedBots {
    pub(super) stage: Arc<BotStage>,
    is_locked_out: bool,
}

impl ScriptedBots {
    /// Makes the provider on `stage`.
    #[must_use]
    pub const fn new(stage: Arc<BotStage>) -> Self {
        Self { stage, is_locked_out: false }
    }

    /// Returns the same provider, asked with a dead key.
    #[must_use]
    pub fn locked_out(&self) -> Self {
        Self { is_locked_out: true, ..self.clone() }
    }

    pub(super) fn call<T>(
        &self,
        operation: &'static str,
        act: impl FnOnce(&mut Cast<'_>) -> T,
    ) -> Result<T, SourceError> {
        if self.is_locked_out {
            return Err(SourceError::new(SourceErrorKind::Unauthorized, operation));
        }
        self.stage.call(operation, act)
    }

    /// The same for a call that only reads, of which no reply is lost.
    fn ask<T>(
        &self,
        operation: &'static str,
        read: impl FnOnce(&mut Cast<'_>) -> T,
    ) -> Result<T, SourceError> {
        if self.is_locked_out {
            return Err(SourceError::new(SourceErrorKind::Unauthorized, operation));
        }
        self.stage.ask(operation, read)
    }
}

/// Returns what the provider shows of an actor.
pub(super) fn shown(actor: &Actor, phase: BotPhase) -> Bot {
    let readiness = match phase {
        BotPhase::InCall | BotPhase::Leaving | BotPhase::Processing => Readiness::Running,
        BotPhase::Done => Readiness::Complete,
        BotPhase::Failed => Readiness::Partial,
        BotPhase::Planned
        | BotPhase::Committed
        | BotPhase::Joining
        | BotPhase::Lobby
        | BotPhase::Erased => Readiness::None,
    };
    Bot {
        at: BotRef::from_source(&actor.id),
        phase: Some(phase),
        word: format!("{phase:?}").into(),
        capture: actor.capture,
        ending: actor.ending.clone(),
        join_at: actor.wanted.join_at,
        dedup_key: Some(actor.wanted.dedup_key.clone()),
        metadata: actor.wanted.metadata.clone(),
        transcript: readiness,
        recording: readiness,
        changed_at: Some(actor.changed_at),
    }
}

#[async_trait]
impl BotProvider for ScriptedBots {
    fn abilities(&self) -> BotAbilities {
        let frozen = self.stage.frozen.to_std().unwrap_or_default();
        BotAbilities {
            schedules: Some(Schedules {
                min_lead: Duration::from_mins(2),
                frozen_before_join: frozen,
                max_ahead: Duration::from_hours(24 * 365),
            }),
            one_per_meeting: false,
            callback_per_bot: false,
            metadata_bytes: 1_000,
            poll_floor: Duration::from_secs(1),
        }
    }

    async fn check(&self) -> Result<(), SourceError> {
        self.call("bots.check", |_| ())
    }

    async fn create(&self, bot: &NewBot) -> Result<Created, SourceError> {
        self.call("bots.create", |cast| {
            let open = cast.actors().find(|actor| {
                actor.wanted.dedup_key == bot.dedup_key && !cast.phase(actor).is_over()
            });
            if let Some(open) = open {
                return Created::Adopted(shown(open, cast.phase(open)));
            }
            let actor = cast.make(bot);
            Created::New(shown(&actor, cast.phase(&actor)))
        })
    }

    async fn find(&self, at: &BotRef) -> Result<Option<Bot>, SourceError> {
        self.ask("bots.find", |cast| {
            let found = cast.look(at.as_str());
            found.map(|(actor, phase)| shown(&actor, phase))
        })
    }

    async fn list(
        &self,
        filter: &BotFilter,
        page: Option<&PageToken>,
    ) -> Result<Bots, SourceError> {
        const OPERATION: &str = "bots.list";
        self.ask(OPERATION, |cast| {
            let expired = || SourceError::new(SourceErrorKind::PageExpired, OPERATION);
            let after = cast.page_begin(page).ok_or_else(expired)?;
            let is_shown = |actor: &&Actor| {
                let is_open = !cast.phase(actor).is_over();
                let key = filter.dedup_key.as_ref();
                (is_open || !filter.open_only)
                    && key.is_none_or(|key| *key == actor.wanted.dedup_key)
                    && actor.id.as_str() > after
            };
            let shown = |actor| shown(actor, cast.phase(actor));
            let mut bots: Vec<Bot> =
                cast.actors().filter(is_shown).take(PAGE + 1).map(shown).collect();
            let more = bots.len() > PAGE;
            bots.truncate(PAGE);
            let next = bots.last().filter(|_| more).map(|bot| cast.page_after(bot.at.as_str()));
            Ok(Bots { bots, next })
        })?
    }

    async fn reschedule(&self, at: &BotRef, to: &Amend) -> Result<Changed, SourceError> {
        self.call("bots.reschedule", |cast| {
            let Some((actor, phase)) = cast.look(at.as_str()) else { return Changed::Gone };
            let until = actor.wanted.join_at;
            match phase {
                BotPhase::Planned => {}
                BotPhase::Committed => return Changed::Frozen { until },
                BotPhase::Joining | BotPhase::Lobby | BotPhase::InCall => {
                    return Changed::Frozen { until: None };
                }
                BotPhase::Leaving
                | BotPhase::Processing
                | BotPhase::Failed
                | BotPhase::Done
                | BotPhase::Erased => return Changed::Over,
            }
            if let Some(actor) = cast.actor(at.as_str()) {
                actor.wanted.join_at = to.join_at.or(actor.wanted.join_at);
                if let Some(meeting) = &to.meeting {
                    actor.wanted.meeting = meeting.clone();
                }
            }
            Changed::Applied
        })
    }

    async fn stop(&self, at: &BotRef) -> Result<Changed, SourceError> {
        self.call("bots.stop", |cast| {
            let Some((actor, phase)) = cast.look(at.as_str()) else { return Changed::Gone };
            match phase {
                BotPhase::Planned => drop(cast.remove(at.as_str())),
                BotPhase::Committed => return Changed::Frozen { until: actor.wanted.join_at },
                BotPhase::Joining | BotPhase::Lobby | BotPhase::InCall => cast.leave(at.as_str()),
                BotPhase::Leaving
                | BotPhase::Processing
                | BotPhase::Failed
                | BotPhase::Done
                | BotPhase::Erased => return Changed::Over,
            }
            Changed::Applied
        })
    }
}

#[async_trait]
impl BotRecords for ScriptedBots {
    async fn transcript(
        &self,
        at: &BotRef,
        after: Option<&Cursor>,
    ) -> Result<Transcript, SourceError> {
        const OPERATION: &str = "bots.transcript";
        let found = self.ask(OPERATION, |cast| cast.look(at.as_str()))?;
        let gone = || SourceError::new(SourceErrorKind::StreamGone, OPERATION);
        let (actor, _) = found.ok_or_else(gone)?;
        let after = after.and_then(|cursor| cursor.as_str().parse().ok()).unwrap_or(0);
        let news = actor.said.iter().filter(|(changed, _)| *changed > after);
        Ok(Transcript {
            segments: news.map(|(_, segment)| segment.clone()).collect(),
            is_whole: false,
            next: Cursor::from_source(actor.changes.to_string()),
        })
    }

    async fn recording(&self, at: &BotRef) -> Result<Option<RecordingLink>, SourceError> {
        const OPERATION: &str = "bots.recording";
        let found = self.ask(OPERATION, |cast| cast.look(at.as_str()))?;
        let gone = || SourceError::new(SourceErrorKind::StreamGone, OPERATION);
        let (actor, phase) = found.ok_or_else(gone)?;
        Ok((phase == BotPhase::Done).then(|| RecordingLink {
            url: format!("https://records.example/{}?signature=x", actor.id).into(),
            headers: Vec::new(),
            until: Some(self.stage.now() + LINK_LIFE),
            starts_at: actor.said.first().map(|(_, segment)| segment.starts_at),
        }))
    }

    async fn erase(&self, at: &BotRef) -> Result<Changed, SourceError> {
        self.call("bots.erase", |cast| match cast.look(at.as_str()) {
            None => Changed::Gone,
            Some((_, BotPhase::Erased)) => Changed::Over,
            Some((_, phase)) if phase.is_over() => {
                if let Some(actor) = cast.actor(at.as_str()) {
                    actor.erase();
                }
                Changed::Applied
            }
            Some(_) => Changed::Frozen { until: None },
        })
    }
}
