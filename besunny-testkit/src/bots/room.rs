//! Chat, people and the pause of scripted bots.
use std::collections::BTreeMap;

use async_trait::async_trait;
use besunny_core::{
    bot::{
        BotChat, BotPhase, BotPresence, BotRef, Capture, Changed, ChatMessage, ChatTo, Coming,
        Participant, Portion, RecordingControl,
    },
    source::{Cursor, SourceError, SourceErrorKind},
};

use super::{Actor, ScriptedBots};

/// A portion has so many entries: few enough that a test needs several.
const PORTION: usize = 25;

impl ScriptedBots {
    /// Reads a list of an actor from where the cursor stands.
    fn portion<T: Clone>(
        &self,
        operation: &'static str,
        at: &BotRef,
        after: Option<&Cursor>,
        list: impl FnOnce(Actor) -> Vec<T>,
    ) -> Result<Portion<T>, SourceError> {
        let found = self.call(operation, |cast| cast.look(at.as_str()))?;
        let gone = || SourceError::new(SourceErrorKind::StreamGone, operation);
        let entries = list(found.ok_or_else(gone)?.0);
        let begin = after.and_then(|cursor| cursor.as_str().parse().ok()).unwrap_or(0);
        let end = entries.len().min(begin + PORTION);
        Ok(Portion {
            entries: entries.get(begin..end).unwrap_or_default().to_vec(),
            next: Cursor::from_source(end.to_string()),
            more: end < entries.len(),
        })
    }

    /// Changes an actor that is in the call.
    fn in_call(
        &self,
        operation: &'static str,
        at: &BotRef,
        act: impl FnOnce(&mut Actor),
    ) -> Result<Changed, SourceError> {
        self.call(operation, |cast| match cast.look(at.as_str()) {
            None => Changed::Gone,
            Some((_, BotPhase::InCall)) => {
                cast.actor(at.as_str()).map(act);
                Changed::Applied
            }
            Some((_, phase)) if phase < BotPhase::InCall => Changed::Frozen { until: None },
            Some(_) => Changed::Over,
        })
    }
}

#[async_trait]
impl BotChat for ScriptedBots {
    async fn messages(
        &self,
        at: &BotRef,
        after: Option<&Cursor>,
    ) -> Result<Portion<ChatMessage>, SourceError> {
        self.portion("bots.messages", at, after, |actor| actor.chat)
    }

    async fn send(&self, at: &BotRef, text: &str, _to: &ChatTo) -> Result<Changed, SourceError> {
        self.in_call("bots.send", at, |actor| actor.written.push(text.to_owned()))
    }
}

#[async_trait]
impl BotPresence for ScriptedBots {
    async fn participants(
        &self,
        at: &BotRef,
        after: Option<&Cursor>,
    ) -> Result<Portion<Participant>, SourceError> {
        self.portion("bots.participants", at, after, |actor| {
            let people =
                actor.comings.into_iter().map(|coming| (coming.who.id.clone(), coming.who));
            people.collect::<BTreeMap<_, _>>().into_values().collect()
        })
    }

    async fn comings(
        &self,
        at: &BotRef,
        after: Option<&Cursor>,
    ) -> Result<Portion<Coming>, SourceError> {
        self.portion("bots.comings", at, after, |actor| actor.comings)
    }
}

#[async_trait]
impl RecordingControl for ScriptedBots {
    async fn pause(&self, at: &BotRef) -> Result<Changed, SourceError> {
        self.in_call("bots.pause", at, |actor| actor.capture = Capture::Paused)
    }

    async fn resume(&self, at: &BotRef) -> Result<Changed, SourceError> {
        self.in_call("bots.resume", at, |actor| actor.capture = Capture::On)
    }
}
