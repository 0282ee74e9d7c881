//! Chat, people, and the pause of the recording (BOT-8).
use async_trait::async_trait;
use besunny_core::{
    bot::{
        BotChat, BotPhase, BotPresence, BotProvider, BotRef, Capture, Changed, ChatMessage, ChatTo,
        Coming, Participant, Portion, RecordingControl,
    },
    source::{Cursor, SourceError, SourceErrorKind},
};
use reqwest::Method;
use serde::de::DeserializeOwned;

use crate::{
    provider::{Attendee, cursor, hindered, json, path, unexpected},
    records::gone,
    refusal::Sense,
    transport::Call,
    wire::{EventAnswer, MessageAnswer, Page, ParticipantAnswer, Timeless, Writing},
};

/// Where the reading of a list stands.
///
/// Written as `since|floor|page`: from when on is asked for, from when on the next round asks, and the
/// page that is next in this round.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Place<'a> {
    since: &'a str,
    floor: &'a str,
    page: &'a str,
}

impl<'a> Place<'a> {
    fn read(cursor: Option<&'a Cursor>) -> Self {
        let mut parts = cursor.map_or("", Cursor::as_str).splitn(3, '|');
        let mut part = || parts.next().unwrap_or_default();
        Self { since: part(), floor: part(), page: part() }
    }

    fn write(self) -> Cursor {
        Cursor::from_source(format!("{}|{}|{}", self.since, self.floor, self.page))
    }
}

impl Attendee {
    /// Reads one page of a list; `since` is the parameter that leaves out what was read, if it has one.
    async fn portion<A, T>(
        &self,
        (operation, at, tail): (&'static str, &BotRef, &str),
        since: Option<&'static str>,
        after: Option<&Cursor>,
    ) -> Result<Portion<T>, SourceError>
    where
        A: DeserializeOwned,
        T: TryFrom<A, Error = Timeless>,
    {
        let path = path(at, tail).ok_or_else(|| gone(operation))?;
        let place = Place::read(after);
        let mut call = Call::get(operation, path);
        if let Some(name) = since.filter(|_| !place.since.is_empty()) {
            call = call.with(name, place.since);
        }
        if !place.page.is_empty() {
            call = call.with("cursor", place.page);
        }
        let good = match self.ask(call).await? {
            Ok(good) => good,
            Err(refusal) if refusal.sense == Sense::NoSuchBot => return Err(gone(operation)),
            Err(refusal) => return Err(unexpected(operation, refusal)),
        };
        let Page { next, results } = good.read::<Page<A>>()?;
        // What comes while the round goes on is new for the next one.
        let floor = match place.page {
            "" => self.watermark(good.made_at, place.since),
            _ => place.floor.to_owned(),
        };
        let next = next.map(|next| cursor(operation, &next)).transpose()?;
        let then = match &next {
            Some(page) => Place { since: place.since, floor: &floor, page },
            None => Place { since: &floor, floor: "", page: "" },
        };
        let entries = results.into_iter().map(T::try_from).collect::<Result<_, _>>();
        let failed = |odd| SourceError::new(SourceErrorKind::Malformed, operation).because(odd);
        Ok(Portion { entries: entries.map_err(failed)?, next: then.write(), more: next.is_some() })
    }

    /// Pauses or resumes, unless it is so already.
    async fn capture(
        &self,
        operation: &'static str,
        at: &BotRef,
        (want, tail): (Capture, &str),
    ) -> Result<Changed, SourceError> {
        let Some(bot) = self.find(at).await? else { return Ok(Changed::Gone) };
        let Some(path) = path(at, tail) else { return Ok(Changed::Gone) };
        match bot.phase {
            Some(phase) if phase < BotPhase::InCall => {
                return Ok(Changed::Frozen { until: bot.join_at });
            }
            Some(phase) if phase > BotPhase::InCall => return Ok(Changed::Over),
            Some(_) | None if bot.capture == want => return Ok(Changed::Applied),
            Some(_) | None => {}
        }
        let call = Call::send(operation, Method::POST, path, Some(b"{}".to_vec()));
        Ok(match self.ask(call).await? {
            Ok(_) => Changed::Applied,
            Err(refusal) => hindered(refusal),
        })
    }
}

#[async_trait]
impl BotChat for Attendee {
    async fn messages(
        &self,
        at: &BotRef,
        after: Option<&Cursor>,
    ) -> Result<Portion<ChatMessage>, SourceError> {
        let what = ("attendee.chat.list", at, "/chat_messages");
        self.portion::<MessageAnswer, _>(what, Some("updated_after"), after).await
    }

    async fn send(&self, at: &BotRef, text: &str, to: &ChatTo) -> Result<Changed, SourceError> {
        const OPERATION: &str = "attendee.chat.send";
        let Some(path) = path(at, "/send_chat_message") else { return Ok(Changed::Gone) };
        let body = json(OPERATION, &Writing::of(text, to))?;
        Ok(match self.ask(Call::send(OPERATION, Method::POST, path, body)).await? {
            Ok(_) => Changed::Applied,
            Err(refusal) => hindered(refusal),
        })
    }
}

#[async_trait]
impl BotPresence for Attendee {
    async fn participants(
        &self,
        at: &BotRef,
        after: Option<&Cursor>,
    ) -> Result<Portion<Participant>, SourceError> {
        let what = ("attendee.participants.list", at, "/participants");
        self.portion::<ParticipantAnswer, _>(what, None, after).await
    }

    /// Reads from the start each time: the server filters by when it was, not by when it was stored.
    async fn comings(
        &self,
        at: &BotRef,
        after: Option<&Cursor>,
    ) -> Result<Portion<Coming>, SourceError> {
        let what = ("attendee.participant_events.list", at, "/participant_events");
        self.portion::<EventAnswer, _>(what, None, after).await
    }
}

#[async_trait]
impl RecordingControl for Attendee {
    async fn pause(&self, at: &BotRef) -> Result<Changed, SourceError> {
        self.capture("attendee.recording.pause", at, (Capture::Paused, "/pause_recording")).await
    }

    async fn resume(&self, at: &BotRef) -> Result<Changed, SourceError> {
        self.capture("attendee.recording.resume", at, (Capture::On, "/resume_recording")).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_kept_in_a_cursor() {
        let place = Place { since: "2026-11-20T18:24:41Z", floor: "", page: "a|b" };
        let cursor = place.write();
        assert_eq!(Place::read(Some(&cursor)), place);
        assert_eq!(Place::read(None), Place::default());
        insta::assert_snapshot!(cursor, @"2026-11-20T18:24:41Z||a|b");
    }
}
