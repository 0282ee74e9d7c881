//! The life of a bot: states, what moves it on, and what happens in its call.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::hall::{Bot, Coming, Event, Message, Utterance, stamp};
use crate::clock::later;

/// The scheduler stages bots so long before they join.
pub(super) const STAGED_BEFORE: Duration = Duration::from_mins(5);
/// A bot that leaves has left after this.
const LEAVING: Duration = Duration::from_secs(3);
/// What was recorded is prepared in this.
const PROCESSING: Duration = Duration::from_secs(30);
/// How long somebody speaks for each word: 150 words take a minute.
const WORD_MS: u64 = 400;

/// Where a bot is, in Attendee's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Scheduled,
    Staged,
    Joining,
    WaitingRoom,
    NotRecording,
    Recording,
    Paused,
    Denied,
    Leaving,
    PostProcessing,
    Ended,
    FatalError,
    DataDeleted,
}

/// Every word that a filter may name; the simulated bots know most of them.
pub(super) const WORDS: [&str; 19] = [
    "ready",
    "joining",
    "joined_not_recording",
    "joined_recording",
    "leaving",
    "post_processing",
    "fatal_error",
    "waiting_room",
    "ended",
    "data_deleted",
    "scheduled",
    "staged",
    "joined_recording_paused",
    "joining_breakout_room",
    "leaving_breakout_room",
    "joined_recording_permission_denied",
    "connecting",
    "connected",
    "disconnecting",
];

/// States in which a bot can be told to leave, as the server lists them.
pub(super) const CAN_LEAVE: &str = "joined_recording_paused, joined_recording, \
    joined_not_recording, joined_recording_permission_denied, waiting_room, joining, \
    joining_breakout_room, leaving_breakout_room";

impl State {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Staged => "staged",
            Self::Joining => "joining",
            Self::WaitingRoom => "waiting_room",
            Self::NotRecording => "joined_not_recording",
            Self::Recording => "joined_recording",
            Self::Paused => "joined_recording_paused",
            Self::Denied => "joined_recording_permission_denied",
            Self::Leaving => "leaving",
            Self::PostProcessing => "post_processing",
            Self::Ended => "ended",
            Self::FatalError => "fatal_error",
            Self::DataDeleted => "data_deleted",
        }
    }

    pub(super) const fn is_terminal(self) -> bool {
        matches!(self, Self::Ended | Self::FatalError | Self::DataDeleted)
    }

    pub(super) const fn is_joined(self) -> bool {
        matches!(self, Self::NotRecording | Self::Recording | Self::Paused | Self::Denied)
    }

    pub(super) const fn can_leave(self) -> bool {
        self.is_joined() || matches!(self, Self::Joining | Self::WaitingRoom)
    }
}

/// Something that happens in a call, played from outside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case")]
pub enum Act {
    /// The bot waits to be let in.
    Waits,
    /// It is let in, and may record.
    LetIn,
    /// It is turned away.
    TurnedAway,
    /// The host does not allow it to record.
    Denied,
    /// Somebody says something.
    Says {
        /// Who.
        name: String,
        /// What.
        text: String,
    },
    /// What was said last is heard better.
    Amends {
        /// What it was.
        text: String,
    },
    /// Somebody writes to everyone.
    Writes {
        /// Who.
        name: String,
        /// What.
        text: String,
    },
    /// Somebody comes.
    Comes {
        /// Who.
        name: String,
    },
    /// Somebody goes.
    Goes {
        /// Who.
        name: String,
    },
    /// The meeting ends.
    Ends,
    /// Everything is prepared, before its time.
    Prepared,
    /// The bot breaks.
    Breaks,
}

impl Bot {
    /// What the clock does next with the bot: when, and by which event into which state.
    fn next(&self) -> Option<(DateTime<Utc>, &'static str, State)> {
        match self.state {
            State::Scheduled => {
                let staged = chrono::Duration::from_std(STAGED_BEFORE).ok()?;
                let at = (self.join_at? - staged).max(self.created_at);
                Some((at, "staged", State::Staged))
            }
            State::Staged => Some((self.join_at?, "join_requested", State::Joining)),
            State::Leaving => {
                Some((later(self.since, LEAVING), "left_meeting", State::PostProcessing))
            }
            State::PostProcessing => {
                let at = later(self.since, PROCESSING);
                Some((at, "post_processing_completed", State::Ended))
            }
            State::Joining
            | State::WaitingRoom
            | State::NotRecording
            | State::Recording
            | State::Paused
            | State::Denied
            | State::Ended
            | State::FatalError
            | State::DataDeleted => None,
        }
    }

    /// Says when the clock does something with the bot next.
    pub(super) fn next_due(&self) -> Option<DateTime<Utc>> {
        self.next().map(|(at, ..)| at)
    }

    /// Does what the clock does next, at an instant.
    pub(super) fn turn(&mut self, at: DateTime<Utc>) {
        if let Some((_, kind, to)) = self.next() {
            self.go(kind, None, to, at);
        }
    }

    /// Moves the bot on, and remembers what its webhooks are to be told.
    pub(super) fn go(
        &mut self,
        kind: &'static str,
        sub_type: Option<&'static str>,
        to: State,
        at: DateTime<Utc>,
    ) {
        let data = serde_json::json!({
            "new_state": to.as_str(),
            "old_state": self.state.as_str(),
            "created_at": stamp(at, "+00:00"),
            "event_type": kind,
            "event_sub_type": sub_type,
            "event_metadata": {},
        });
        (self.state, self.since) = (to, at);
        self.events.push(Event { kind, sub_type, at });
        self.tell("bot.state_change", data);
    }

    /// Plays an act; one that cannot happen now does not.
    pub(super) fn play(&mut self, act: &Act, now: DateTime<Utc>) {
        let is_in = self.state.is_joined();
        match act {
            Act::Waits if self.state == State::Joining => {
                self.go("put_in_waiting_room", None, State::WaitingRoom, now);
            }
            Act::LetIn if matches!(self.state, State::Joining | State::WaitingRoom) => {
                self.go("joined_meeting", None, State::NotRecording, now);
                self.go("recording_permission_granted", None, State::Recording, now);
            }
            Act::TurnedAway if matches!(self.state, State::Joining | State::WaitingRoom) => {
                let why = Some("request_to_join_denied");
                self.go("could_not_join_meeting", why, State::FatalError, now);
            }
            Act::Denied if is_in => {
                let why = Some("host_denied_permission");
                self.go("recording_permission_denied", why, State::Denied, now);
            }
            Act::Ends if self.state.can_leave() || self.state == State::Leaving => {
                self.go("meeting_ended", None, State::PostProcessing, now);
            }
            Act::Prepared if self.state == State::PostProcessing => self.turn(now),
            Act::Breaks if !self.state.is_terminal() => {
                self.go("fatal_error", Some("heartbeat_timeout"), State::FatalError, now);
            }
            // A late piece comes after the end, too.
            Act::Says { name, text } if is_in || self.state.is_terminal() => {
                self.say(name, text, now);
            }
            Act::Amends { text } => self.amend(text, now),
            Act::Writes { name, text } if is_in => self.write(name, text, now),
            Act::Comes { name } if is_in => self.movement(name, "join", now),
            Act::Goes { name } if is_in => self.movement(name, "leave", now),
            Act::Waits
            | Act::LetIn
            | Act::TurnedAway
            | Act::Denied
            | Act::Ends
            | Act::Prepared
            | Act::Breaks
            | Act::Says { .. }
            | Act::Writes { .. }
            | Act::Comes { .. }
            | Act::Goes { .. } => {}
        }
    }

    fn say(&mut self, name: &str, text: &str, now: DateTime<Utc>) {
        let said = Utterance {
            name: name.to_owned(),
            timestamp_ms: now.timestamp_millis(),
            duration_ms: text.split_whitespace().map(|_| WORD_MS).sum(),
            text: text.to_owned(),
            updated_at: now,
        };
        self.tell("transcript.update", said.to_json());
        self.said.push(said);
    }

    fn amend(&mut self, text: &str, now: DateTime<Utc>) {
        let Some(said) = self.said.last_mut() else { return };
        text.clone_into(&mut said.text);
        said.updated_at = now;
        let json = said.to_json();
        self.tell("transcript.update", json);
    }

    fn write(&mut self, name: &str, text: &str, now: DateTime<Utc>) {
        let id = self.fresh("msg");
        let message = Message { id, name: name.to_owned(), text: text.to_owned(), at: now };
        self.tell("chat_messages.update", message.to_json());
        self.chat.push(message);
    }

    fn movement(&mut self, name: &str, kind: &'static str, now: DateTime<Utc>) {
        let id = self.fresh("pe");
        let coming = Coming { id, name: name.to_owned(), kind, at: now };
        self.tell("participant_events.join_leave", coming.to_json());
        self.comings.push(coming);
    }
}
