//! What is left after a call: the transcript and the recording (BOT-12).
use std::{fmt::Debug, time::Duration};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::{BotRef, Changed, SegmentKey};
use crate::{
    source::{Cursor, SourceError},
    untrusted::Untrusted,
};

/// What one person said without a break.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// Names it; a later answer with the same key takes its place.
    pub key: SegmentKey,
    /// Who spoke, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speaker: Option<Speaker>,
    /// When it began.
    pub starts_at: DateTime<Utc>,
    /// How long it took, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration: Option<Duration>,
    /// The words.
    pub text: Untrusted<String>,
    /// Whether the provider takes it for finished; it may be told anew all the same.
    pub is_final: bool,
}

/// Who spoke, or takes part.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Speaker {
    /// Names the person within the call.
    pub id: Untrusted<String>,
    /// What the call shows as their name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Untrusted<String>>,
    /// Names the person at the conference's own provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<Untrusted<String>>,
    /// Whether they host the call.
    pub is_host: bool,
}

/// A part of a transcript, or the whole; [`Bot::transcript`](super::Bot) says how much there is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transcript {
    /// What was said, in the order of time.
    pub segments: Vec<Segment>,
    /// Whether this is everything, so that what is not in it is no more; otherwise it is added by key.
    pub is_whole: bool,
    /// Where the next look goes on.
    pub next: Cursor,
}

/// Where a recording can be had.
#[derive(Clone, Debug)]
pub struct RecordingLink {
    /// The address; whoever has it may often read without a key.
    pub url: SecretString,
    /// What must be sent with the request.
    pub headers: Vec<(String, SecretString)>,
    /// Until when it is good, where the provider says so.
    pub until: Option<DateTime<Utc>>,
    /// When the recording begins.
    pub starts_at: Option<DateTime<Utc>>,
}

/// Brings what a bot recorded.
///
/// # Contract
/// - `transcript` without a cursor MUST answer everything said so far, each segment once, with who spoke,
///   when, and the words (`records.transcript.complete`).
/// - By a cursor it MUST answer at least whatever was added or changed since the answer that gave the
///   cursor (`records.transcript.after`, `records.transcript.amended`), also what comes when the bot is
///   over (`records.transcript.late`). Segments may come again; their keys MUST stay the same
///   (`records.transcript.stable-keys`).
/// - Reading MUST NOT consume: the same cursor can be read again (`records.transcript.repeatable`).
/// - A bot that failed MUST keep what it heard (`records.transcript.failed`).
/// - `recording` MUST answer `None` while there is none, and a link afterwards
///   (`records.recording.ready`). A link MUST NOT show its address for debugging
///   (`records.recording.hidden`).
/// - After `erase` there MUST be neither transcript nor recording (`records.erase.ends`). A bot that is
///   not over MUST NOT be erased (`records.erase.early`).
///
/// # Errors
/// [`SourceError`] as of [`BotProvider`](super::BotProvider). Records of a bot that the provider does not
/// know MUST be `StreamGone` (`records.transcript.gone`). An answer without sense MUST be `Malformed`,
/// whole, rather than a part (`records.errors.malformed`); no error MUST show what was said
/// (`records.errors.no-content`).
///
/// # Cancellation
/// Dropping `transcript` and `recording` leaves no effect; a dropped `erase` may have erased.
///
/// # Idempotence
/// Erasing again MUST be no error (`records.erase.again`).
#[async_trait]
pub trait BotRecords: Debug + Send + Sync {
    /// Reads what was said, all of it or what is new since `after`.
    async fn transcript(
        &self,
        at: &BotRef,
        after: Option<&Cursor>,
    ) -> Result<Transcript, SourceError>;
    /// Says where the recording can be had.
    async fn recording(&self, at: &BotRef) -> Result<Option<RecordingLink>, SourceError>;
    /// Deletes what was recorded, at the provider, for ever (BOT-15).
    async fn erase(&self, at: &BotRef) -> Result<Changed, SourceError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stored_form_of_a_segment() {
        let segment = Segment {
            key: SegmentKey::from_source("p-ada@1795200004000"),
            speaker: Some(Speaker {
                id: "p-ada".to_owned().into(),
                name: Some("Ada".to_owned().into()),
                account: None,
                is_host: true,
            }),
            starts_at: DateTime::UNIX_EPOCH,
            duration: Some(Duration::from_millis(2_900)),
            text: "Shall we start?".to_owned().into(),
            is_final: true,
        };
        insta::assert_json_snapshot!(segment);
    }
}
