//! What goes on in the call beside the talk: chat, people, and the recording (BOT-8).
use std::fmt::Debug;

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
