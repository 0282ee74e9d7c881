//! What is sent to Attendee and what comes back. Only fields that are needed are sent, since it refuses
//! fields that it does not know; fields of answers that we do not know are left alone.
use std::collections::BTreeMap;

use besunny_core::{
    bot::{
        Amend, Bot, BotPhase, BotRef, ChatMessage, ChatTo, Coming, Ending, Movement, NewBot,
        Participant, Readiness, RecordingKind, Segment, SegmentKey, Speaker,
    },
    untrusted::Untrusted,
};
use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

use crate::word;

/// Longer names are refused by the server with an error that says nothing.
const MAX_NAME_CHARS: usize = 255;
/// Longer messages are refused (docs.attendee.dev, "Create a bot").
const MAX_GREETING_CHARS: usize = 10_000;
/// The most of one value of the metadata, as JSON in ASCII (the server's own limit).
pub(crate) const MAX_METADATA_BYTES: usize = 1_000;
/// Events of a bot that we are told of, as the server names them.
const TRIGGERS: [&str; 4] = [
    "bot.state_change",
    "transcript.update",
    "chat_messages.update",
    "participant_events.join_leave",
];

/// Something that Attendee would refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unsendable {
    /// The name.
    #[error("the name of the bot is longer than {MAX_NAME_CHARS} characters")]
    LongName,
    /// The greeting.
    #[error("the greeting is longer than {MAX_GREETING_CHARS} characters")]
    LongGreeting,
    /// Letters of a text.
    #[error("the {0} has characters beyond U+FFFF, such as emoji")]
    Astral(&'static str),
    /// What is kept with the bot.
    #[error("a value of the metadata has more than {MAX_METADATA_BYTES} bytes as JSON")]
    LongMetadata,
}

#[derive(Serialize)]
pub(crate) struct Create<'a> {
    meeting_url: &'a str,
    bot_name: &'a str,
    deduplication_key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    join_at: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    metadata: &'a BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bot_chat_message: Option<Greeting<'a>>,
    recording_settings: RecordingSettings,
    #[serde(skip_serializing_if = "Option::is_none")]
    webhooks: Option<[Webhook<'a>; 1]>,
}

#[derive(Serialize)]
struct Greeting<'a> {
    to: &'static str,
    message: &'a str,
}

#[derive(Serialize)]
struct RecordingSettings {
    format: &'static str,
}

#[derive(Serialize)]
struct Webhook<'a> {
    url: &'a str,
    triggers: [&'static str; 4],
}

impl<'a> Create<'a> {
    pub(crate) fn of(bot: &'a NewBot) -> Result<Self, Unsendable> {
        check_words(&bot.name, bot.greeting.as_deref())?;
        if bot.metadata.values().any(|value| ascii_bytes(value) > MAX_METADATA_BYTES) {
            return Err(Unsendable::LongMetadata);
        }
        let format = match bot.recording {
            RecordingKind::None => "none",
            RecordingKind::Audio => "mp3",
            RecordingKind::Video => "mp4",
        };
        Ok(Self {
            meeting_url: bot.meeting.expose(),
            bot_name: &bot.name,
            deduplication_key: &bot.dedup_key,
            join_at: bot.join_at.map(instant),
            metadata: &bot.metadata,
            bot_chat_message: bot
                .greeting
                .as_deref()
                .map(|message| Greeting { to: "everyone", message }),
            recording_settings: RecordingSettings { format },
            webhooks: bot.callback.as_deref().map(|url| [Webhook { url, triggers: TRIGGERS }]),
        })
    }
}

/// Checks what a bot is called and says.
pub(crate) fn check_words(name: &str, greeting: Option<&str>) -> Result<(), Unsendable> {
    let is_astral = |text: &str| text.chars().any(|letter| letter > '\u{ffff}');
    match greeting {
        _ if name.chars().count() > MAX_NAME_CHARS => Err(Unsendable::LongName),
        _ if is_astral(name) => Err(Unsendable::Astral("name of the bot")),
        Some(said) if said.chars().count() > MAX_GREETING_CHARS => Err(Unsendable::LongGreeting),
        Some(said) if is_astral(said) => Err(Unsendable::Astral("greeting")),
        Some(_) | None => Ok(()),
    }
}

/// Counts a value as the server does: as JSON in which everything beyond ASCII is escaped.
fn ascii_bytes(text: &str) -> usize {
    let letter = |letter: char| match letter {
        '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
        ' '..='~' => 1,
        other => 6 * other.len_utf16(),
    };
    "\"\"".len() + text.chars().map(letter).sum::<usize>()
}

#[derive(Serialize)]
pub(crate) struct Patch<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    join_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    meeting_url: Option<&'a str>,
}

impl<'a> Patch<'a> {
    pub(crate) fn of(amend: &'a Amend) -> Self {
        let meeting_url = amend.meeting.as_ref().map(|meeting| meeting.expose().as_str());
        Self { join_at: amend.join_at.map(instant), meeting_url }
    }
}

#[derive(Serialize)]
pub(crate) struct Writing<'a> {
    message: &'a str,
    to: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    to_user_uuid: Option<&'a str>,
}

impl<'a> Writing<'a> {
    pub(crate) fn of(message: &'a str, to: &'a ChatTo) -> Self {
        match to {
            ChatTo::Everyone => Self { message, to: "everyone", to_user_uuid: None },
            ChatTo::One(person) => {
                Self { message, to: "specific_user", to_user_uuid: Some(person.expose()) }
            }
        }
    }
}

/// Writes an instant with a `Z`: an offset's `+` would be a space in a query.
pub(crate) fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

#[derive(Deserialize)]
pub(crate) struct Version {
    pub(crate) version: String,
}

/// One page; its next one is only known by the cursor in an address.
#[derive(Deserialize)]
pub(crate) struct Page<T> {
    pub(crate) next: Option<String>,
    pub(crate) results: Vec<T>,
}

#[derive(Deserialize)]
pub(crate) struct BotAnswer {
    id: String,
    state: String,
    #[serde(default)]
    events: Vec<Event>,
    metadata: Option<BTreeMap<String, serde_json::Value>>,
    transcription_state: Option<String>,
    recording_state: Option<String>,
    join_at: Option<DateTime<Utc>>,
    deduplication_key: Option<String>,
}

#[derive(Deserialize)]
struct Event {
    #[serde(rename = "type")]
    kind: String,
    created_at: Option<DateTime<Utc>>,
    sub_type: Option<String>,
}

impl BotAnswer {
    pub(crate) fn into_bot(self) -> Bot {
        let phase = word::phase(&self.state);
        let is_out = phase >= Some(BotPhase::Leaving);
        let changed_at = self.events.iter().filter_map(|event| event.created_at).max();
        let metadata = self.metadata.unwrap_or_default().into_iter();
        Bot {
            at: BotRef::from_source(self.id),
            phase,
            capture: word::capture(&self.state),
            word: Untrusted::new(self.state),
            ending: if is_out { ending(&self.events) } else { None },
            join_at: self.join_at,
            dedup_key: self.deduplication_key,
            metadata: metadata
                .filter_map(|(name, value)| Some((name, value.as_str()?.to_owned())))
                .collect(),
            transcript: readiness(self.transcription_state.as_deref()),
            recording: readiness(self.recording_state.as_deref()),
            changed_at,
        }
    }
}

/// Reads why a bot is over: what it failed of, or else what was asked of it first.
fn ending(events: &[Event]) -> Option<Ending> {
    let read = |event: &Event| {
        let reason = word::ending(&event.kind, event.sub_type.as_deref())?;
        let word = event.sub_type.clone().map(Untrusted::new);
        Some(Ending { reason, word })
    };
    let failed = |event: &&Event| matches!(&*event.kind, "could_not_join_meeting" | "fatal_error");
    events.iter().find(failed).and_then(read).or_else(|| events.iter().find_map(read))
}

fn readiness(state: Option<&str>) -> Readiness {
    match state {
        Some("in_progress" | "paused") => Readiness::Running,
        Some("complete") => Readiness::Complete,
        Some("failed") => Readiness::Partial,
        _ => Readiness::None,
    }
}

#[derive(Deserialize)]
pub(crate) struct Utterance {
    speaker_name: Option<String>,
    speaker_uuid: String,
    speaker_user_uuid: Option<String>,
    #[serde(default)]
    speaker_is_host: bool,
    timestamp_ms: i64,
    duration_ms: Option<u64>,
    transcription: Option<Transcription>,
}

#[derive(Deserialize)]
struct Transcription {
    transcript: Option<String>,
}

impl Utterance {
    /// Returns the segment; none while there are no words, and an error for a time that is none.
    pub(crate) fn into_segment(self) -> Result<Option<Segment>, Timeless> {
        let Some(text) = self.transcription.and_then(|said| said.transcript) else {
            return Ok(None);
        };
        let key = format!("{}@{}", self.speaker_uuid, self.timestamp_ms);
        Ok(Some(Segment {
            key: SegmentKey::from_source(key),
            starts_at: time(self.timestamp_ms)?,
            speaker: Some(Speaker {
                id: Untrusted::new(self.speaker_uuid),
                name: self.speaker_name.map(Untrusted::new),
                account: self.speaker_user_uuid.map(Untrusted::new),
                is_host: self.speaker_is_host,
            }),
            duration: self.duration_ms.map(std::time::Duration::from_millis),
            text: Untrusted::new(text),
            is_final: true,
        }))
    }
}

/// A number of milliseconds that is no time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a time is beyond all times")]
pub(crate) struct Timeless;

fn time(milliseconds: i64) -> Result<DateTime<Utc>, Timeless> {
    DateTime::from_timestamp_millis(milliseconds).ok_or(Timeless)
}

#[derive(Deserialize)]
pub(crate) struct RecordingAnswer {
    pub(crate) url: String,
    pub(crate) start_timestamp_ms: Option<i64>,
}

#[derive(Deserialize)]
pub(crate) struct MessageAnswer {
    id: String,
    text: String,
    timestamp_ms: i64,
    to: Option<String>,
    sender_name: Option<String>,
    sender_uuid: String,
    sender_user_uuid: Option<String>,
}

impl TryFrom<MessageAnswer> for ChatMessage {
    type Error = Timeless;

    fn try_from(answer: MessageAnswer) -> Result<Self, Timeless> {
        Ok(Self {
            id: Untrusted::new(answer.id),
            sender: Speaker {
                id: Untrusted::new(answer.sender_uuid),
                name: answer.sender_name.map(Untrusted::new),
                account: answer.sender_user_uuid.map(Untrusted::new),
                is_host: false,
            },
            sent_at: time(answer.timestamp_ms)?,
            is_private: answer.to.as_deref() == Some("only_bot"),
            text: Untrusted::new(answer.text),
        })
    }
}

#[derive(Deserialize)]
pub(crate) struct ParticipantAnswer {
    name: Option<String>,
    uuid: String,
    user_uuid: Option<String>,
    #[serde(default)]
    is_host: bool,
}

impl TryFrom<ParticipantAnswer> for Participant {
    type Error = Timeless;

    fn try_from(answer: ParticipantAnswer) -> Result<Self, Timeless> {
        Ok(Self {
            id: Untrusted::new(answer.uuid),
            name: answer.name.map(Untrusted::new),
            account: answer.user_uuid.map(Untrusted::new),
            is_host: answer.is_host,
        })
    }
}

#[derive(Deserialize)]
pub(crate) struct EventAnswer {
    id: String,
    participant_name: Option<String>,
    participant_uuid: String,
    participant_user_uuid: Option<String>,
    #[serde(default)]
    participant_is_host: bool,
    event_type: String,
    timestamp_ms: i64,
}

impl TryFrom<EventAnswer> for Coming {
    type Error = Timeless;

    fn try_from(answer: EventAnswer) -> Result<Self, Timeless> {
        Ok(Self {
            id: Untrusted::new(answer.id),
            who: Speaker {
                id: Untrusted::new(answer.participant_uuid),
                name: answer.participant_name.map(Untrusted::new),
                account: answer.participant_user_uuid.map(Untrusted::new),
                is_host: answer.participant_is_host,
            },
            at: time(answer.timestamp_ms)?,
            movement: match answer.event_type.as_str() {
                "join" => Some(Movement::Joined),
                "leave" => Some(Movement::Left),
                _ => None,
            },
        })
    }
}

#[cfg(test)]
mod tests;
