//! What goes on in the call beside the talk: chat, people, and the recording (BOT-8).
use std::{collections::HashSet, fmt::Debug, time::Duration};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{BotRef, Changed, Speaker};
use crate::{
    source::{Cursor, SourceError},
    untrusted::Untrusted,
};

/// One answer of a list that grows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Portion<T> {
    /// The entries, oldest first.
    pub entries: Vec<T>,
    /// Where the next look goes on.
    pub next: Cursor,
    /// Whether there is more at once.
    pub more: bool,
}

/// Somebody in the call.
pub type Participant = Speaker;

/// A message in the chat of a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatMessage {
    /// Names it within the call.
    pub id: Untrusted<String>,
    /// Who wrote it.
    pub sender: Speaker,
    /// When.
    pub sent_at: DateTime<Utc>,
    /// Whether the bot alone was addressed.
    pub is_private: bool,
    /// The words.
    pub text: Untrusted<String>,
}

/// To whom a message goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChatTo {
    /// Everybody in the call.
    Everyone,
    /// One person, by [`Speaker::id`].
    One(Untrusted<String>),
}

/// Somebody came or went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coming {
    /// Names the event within the call.
    pub id: Untrusted<String>,
    /// Who.
    pub who: Participant,
    /// When.
    pub at: DateTime<Utc>,
    /// Which way; none for what the adapter does not know.
    pub movement: Option<Movement>,
}

/// Which way somebody went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Movement {
    /// Into the call.
    Joined,
    /// Out of it.
    Left,
}

/// Returns how long more than one person was there, up to `until`; none where nobody was seen to come.
#[must_use]
pub fn company(comings: &[Coming], until: DateTime<Utc>) -> Option<Duration> {
    let mut events: Vec<&Coming> = comings.iter().filter(|coming| coming.at < until).collect();
    events.sort_by_key(|coming| coming.at);
    let (mut there, mut since, mut total) = (HashSet::new(), None, Duration::ZERO);
    let mut has_come = false;
    let long = |since: DateTime<Utc>, at: DateTime<Utc>| (at - since).to_std().unwrap_or_default();
    for coming in events {
        match coming.movement {
            Some(Movement::Joined) => has_come |= there.insert(coming.who.id.expose()),
            Some(Movement::Left) => drop(there.remove(coming.who.id.expose())),
            None => {}
        }
        if there.len() > 1 {
            since = since.or(Some(coming.at));
        } else if let Some(since) = since.take() {
            total += long(since, coming.at);
        }
    }
    total += since.map(|since| long(since, until)).unwrap_or_default();
    has_come.then_some(total)
}

/// Reads and writes the chat of a call.
///
/// # Contract
/// - `messages` MUST answer every message, over any number of portions, and by the last cursor what
///   came since (`chat.messages.complete`).
/// - `send` to a bot in the call MUST be taken, and by no other (`chat.send.in-call`). Taken is not sent:
///   providers queue.
///
/// # Errors
/// As of [`BotProvider`](super::BotProvider); records of a bot that is not there are `StreamGone`.
///
/// # Cancellation
/// Dropping `send` may have sent.
///
/// # Idempotence
/// None: a message that is sent twice stands there twice.
#[async_trait]
pub trait BotChat: Debug + Send + Sync {
    /// Reads what was written.
    async fn messages(
        &self,
        at: &BotRef,
        after: Option<&Cursor>,
    ) -> Result<Portion<ChatMessage>, SourceError>;
    /// Lets the bot write.
    async fn send(&self, at: &BotRef, text: &str, to: &ChatTo) -> Result<Changed, SourceError>;
}

/// Says who is in the call.
///
/// # Contract
/// - `participants` MUST name everybody who was in the call, and not the bot
///   (`presence.participants.complete`).
/// - `comings` MUST tell who came and went, oldest first, and by the last cursor what happened since
///   (`presence.comings.complete`).
///
/// # Errors
/// As of [`BotChat`].
///
/// # Cancellation
/// Dropping a call leaves no effect.
///
/// # Idempotence
/// Reading does not consume.
#[async_trait]
pub trait BotPresence: Debug + Send + Sync {
    /// Lists who takes part or took part.
    async fn participants(
        &self,
        at: &BotRef,
        after: Option<&Cursor>,
    ) -> Result<Portion<Participant>, SourceError>;
    /// Reads who came and went.
    async fn comings(
        &self,
        at: &BotRef,
        after: Option<&Cursor>,
    ) -> Result<Portion<Coming>, SourceError>;
}

/// Pauses the recording and the transcript of a bot in the call.
///
/// # Contract
/// - A bot that was paused MUST show [`Capture::Paused`](super::Capture) until it was resumed, and
///   [`Capture::On`](super::Capture) then (`control.pause.shown`).
/// - A bot that is not in the call MUST NOT be paused (`control.pause.absent`).
///
/// # Errors
/// As of [`BotProvider`](super::BotProvider).
///
/// # Cancellation
/// Dropping a call may have changed the bot.
///
/// # Idempotence
/// Pausing and resuming twice MUST be no error (`control.pause.again`).
#[async_trait]
pub trait RecordingControl: Debug + Send + Sync {
    /// Pauses.
    async fn pause(&self, at: &BotRef) -> Result<Changed, SourceError>;
    /// Goes on.
    async fn resume(&self, at: &BotRef) -> Result<Changed, SourceError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn company_is_more_than_one_person() {
        let minute = |minutes: i64| DateTime::UNIX_EPOCH + chrono::TimeDelta::minutes(minutes);
        let coming = |(minutes, who, movement): &(i64, &str, Option<Movement>)| Coming {
            id: minutes.to_string().into(),
            who: Speaker { id: (*who).to_owned().into(), ..Speaker::default() },
            at: minute(*minutes),
            movement: *movement,
        };
        let (joined, left) = (Some(Movement::Joined), Some(Movement::Left));
        let check = |events: &[(i64, &str, Option<Movement>)], want: Option<u64>| {
            let comings: Vec<Coming> = events.iter().map(coming).collect();
            let got = company(&comings, minute(60)).map(|long| long.as_secs() / 60);
            assert_eq!(got, want, "{events:?}");
        };
        check(&[], None);
        check(&[(5, "ada", None), (9, "ada", left)], None);
        check(&[(0, "ada", joined)], Some(0));
        check(&[(0, "ada", joined), (10, "bo", joined)], Some(50));
        check(&[(10, "bo", joined), (0, "ada", joined), (30, "ada", left)], Some(20));
        let back = [(0, "ada", joined), (10, "bo", joined), (20, "bo", left), (50, "bo", joined)];
        check(&back, Some(20));
        check(&[(0, "ada", joined), (1, "ada", joined)], Some(0));
        check(&[(0, "ada", joined), (61, "bo", joined)], Some(0));
    }
}
