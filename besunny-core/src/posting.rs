//! Postings: which bots we want in which rooms, and what became of each (BOT-4 to BOT-15).
//!
//! A posting is one bot of ours for one time that a room is used. It is stored before the provider is
//! asked for anything, so that whatever a crash leaves behind is found again by its key. [`staff`] says
//! which postings a room needs, [`Posting::next`] what is to be done for one of them now; both are pure.
use std::{collections::BTreeSet, time::Duration};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

mod completeness;
mod life;
mod next;
mod plan;
mod policy;

pub use completeness::{Completeness, Heard, Measures, completeness};
pub use life::{Found, Said, Told};
pub use next::{Step, Terms};
pub use plan::{Needs, Staffing, staff};
pub use policy::{BotPolicy, Choice, ChoiceKind};

use crate::{
    account::Provider,
    bot::{Bot, BotPhase, BotRef, Capture, Ending, NewBot, Readiness, RecordingKind, Speaker},
    event::Event,
    failure::Trouble,
    ids::{MeetingId, PostingId, TenantId, UserId},
    meeting::MeetingKey,
    source::Cursor,
    untrusted::Untrusted,
};

/// What bots are called, and what they say and record; the defaults of BOT-3 and BOT-15.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BotStyle {
    /// The name in the call.
    pub name: String,
    /// What it says in the chat once it has joined; whoever is recorded should know of it (BOT-15).
    pub greeting: Option<String>,
    /// What is recorded besides the transcript.
    pub recording: RecordingKind,
    /// Whether the provider is to delete what it has once all of it was read (BOT-15).
    pub erases_after_import: bool,
}

impl Default for BotStyle {
    fn default() -> Self {
        let greeting = "Hi, I'm here to transcribe this meeting!";
        Self {
            name: "Sunny AI Notetaker".to_owned(),
            greeting: Some(greeting.to_owned()),
            recording: RecordingKind::None,
            erases_after_import: false,
        }
    }
}

/// A bot of ours for one time that a room is used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Posting {
    /// Derived from tenant, room, start and the version of the room, see [`staff`].
    pub id: PostingId,
    /// Grows with every change.
    pub version: u64,
    /// Who sends the bot.
    pub provider: Provider,
    /// The room.
    pub room: MeetingKey,
    /// The address to join by.
    pub url: Untrusted<String>,
    /// When its meetings begin.
    pub starts_at: DateTime<Utc>,
    /// When the last of them ends.
    pub ends_at: DateTime<Utc>,
    /// The meetings it is for, in order; each gets the transcript.
    pub serves: Vec<Served>,
    /// When it was made.
    pub made_at: DateTime<Utc>,
    /// Whether the bot is wanted.
    pub wish: Wish,
    /// How far it is.
    pub stage: Stage,
    /// What was seen of the bot.
    pub seen: Seen,
    /// Why its provider did not do as it was asked the last time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<Trouble>,
    /// Whether its provider is to delete what it recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erasure: Option<Erasure>,
}

/// The wish that a provider deletes what a bot recorded (BOT-15).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erasure {
    /// Whose wish it is; none where the settings have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<UserId>,
    /// Since when.
    pub wished_at: DateTime<Utc>,
    /// When the provider took it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done_at: Option<DateTime<Utc>>,
}

/// A meeting that a posting is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Served {
    /// The meeting.
    pub meeting: MeetingId,
    /// Whose it is.
    pub owner: UserId,
}

/// Whether a bot is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "wish", content = "why")]
pub enum Wish {
    /// It is to take part.
    Attend,
    /// It is to stay out, or to leave.
    Withdrawn(Withdrawal),
}

/// Why a bot is wanted no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Withdrawal {
    /// No meeting at that time wants one.
    Unwanted,
    /// Somebody said that it must not take part.
    Stopped,
    /// It could not be moved, and another one takes its place.
    Replaced,
}

/// How far a posting is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "stage")]
pub enum Stage {
    /// Nothing was asked of the provider.
    Wanted,
    /// The provider may have made the bot.
    Asked(Asked),
    /// The provider has the bot.
    Sent(Sent),
    /// The bot is over; what it heard is collected.
    Collecting {
        /// The bot.
        bot: BotRef,
        /// Since when.
        since: DateTime<Utc>,
    },
    /// Nothing more happens.
    Over {
        /// The bot, if there was one.
        bot: Option<BotRef>,
        /// What came of it.
        outcome: Outcome,
        /// Since when.
        since: DateTime<Utc>,
    },
}

/// A bot that its provider was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// How often the provider would not make it.
    pub refusals: u32,
    /// When it was looked for and not found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missed_at: Option<DateTime<Utc>>,
}

/// A bot that its provider has, as the provider was told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// The bot.
    pub bot: BotRef,
    /// When it was told to join; none for at once.
    pub join_at: Option<DateTime<Utc>>,
    /// The address that it was told.
    pub url: Untrusted<String>,
    /// When it was told to stay out or leave, if that was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped_at: Option<DateTime<Utc>>,
    /// Whether it can be moved no more.
    #[serde(default)]
    pub is_stuck: bool,
}

/// What came of a posting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The bot was in the call.
    Attended,
    /// It did not come into the call, or broke.
    Failed,
    /// The provider would not make it.
    Refused,
    /// The meeting was over before a bot could be had.
    Missed,
    /// It was not wanted any more before it joined.
    Withdrawn,
    /// It was taken away or broke at the provider before it was to join.
    Lost,
}

/// What was seen of a bot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Seen {
    /// How far it is; it never goes back (BOT-7).
    pub phase: Option<BotPhase>,
    /// The provider's word for that.
    pub word: Option<Untrusted<String>>,
    /// Whether it records.
    pub capture: Capture,
    /// When it was first seen that the host does not let it record.
    pub denied_at: Option<DateTime<Utc>>,
    /// Why it is over.
    pub ending: Option<Ending>,
    /// When it was looked at last.
    pub looked_at: Option<DateTime<Utc>>,
    /// When it was first seen in the call.
    pub joined_at: Option<DateTime<Utc>>,
    /// When it left or broke, as far as was seen.
    pub left_at: Option<DateTime<Utc>>,
    /// When its transcript was read last.
    pub read_at: Option<DateTime<Utc>>,
    /// What there is of its transcript at the provider.
    pub transcript: Readiness,
    /// What there is of its recording at the provider.
    pub recording: Readiness,
    /// Where reading the transcript goes on.
    pub cursor: Option<Cursor>,
    /// Whether anything was heard.
    pub has_heard: bool,
    /// Who took part, once that was read.
    pub participants: Vec<Speaker>,
    /// Since when it has been recording.
    pub recording_since: Option<DateTime<Utc>>,
    /// How long it recorded before that.
    pub recorded: Duration,
    /// How long more than one person was there, where the provider told who came and went.
    pub company: Option<Duration>,
    /// From the first word that was heard to the last.
    pub heard: Option<Heard>,
    /// When everything was read once more, since it was suspiciously short.
    pub read_anew_at: Option<DateTime<Utc>>,
    /// Whether the transcript could not be read to its end.
    pub is_unread: bool,
}

/// A posting as it is after a change.
#[derive(Clone, Debug, PartialEq)]
pub struct PostingChange {
    /// The version that was read, 0 where there was none; the commit is a conflict at any other.
    pub expected: u64,
    /// The posting, one version on.
    pub posting: Posting,
    /// What its bot heard since.
    pub said: Option<Said>,
    /// What is published of it.
    pub told: Vec<Event>,
}

/// How far a bot is, in the words shown to people (BOT-7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BotStatus {
    /// It is wanted, and its provider was not asked yet.
    Pending,
    /// The provider has it.
    BotScheduled,
    /// It is on its way, or waits to be let in.
    BotJoining,
    /// It is in the call and does not record.
    BotJoined,
    /// It is in the call and records.
    Transcribing,
    /// Somebody paused it.
    Paused,
    /// It has left; its transcript is prepared.
    PostProcessing,
    /// It is done.
    Completed,
    /// It could not take part.
    Failed,
    /// It was withdrawn before it took part.
    Cancelled,
}

impl BotStatus {
    /// Returns the stored name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::BotScheduled => "bot_scheduled",
            Self::BotJoining => "bot_joining",
            Self::BotJoined => "bot_joined",
            Self::Transcribing => "transcribing",
            Self::Paused => "paused",
            Self::PostProcessing => "post_processing",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

impl Posting {
    /// Returns what the provider is asked to make.
    #[must_use]
    pub fn wanted(
        &self,
        tenant: TenantId,
        style: &BotStyle,
        join_at: Option<DateTime<Utc>>,
    ) -> NewBot {
        let facts = [(POSTING, self.id.to_string()), ("besunny_tenant", tenant.to_string())];
        NewBot {
            meeting: self.url.clone(),
            name: style.name.clone(),
            join_at,
            dedup_key: self.dedup_key(),
            metadata: facts.map(|(key, value)| (key.to_owned(), value)).into(),
            greeting: style.greeting.clone(),
            recording: style.recording,
            callback: None,
        }
    }

    /// Returns the key under which the provider makes this bot and no other (BOT-4).
    #[must_use]
    pub fn dedup_key(&self) -> String {
        self.id.to_string()
    }

    /// Says whether `bot` was made for this posting, by what its provider shows of it.
    #[must_use]
    pub fn is_bot(&self, bot: &Bot) -> bool {
        let key = self.dedup_key();
        bot.dedup_key.as_ref() == Some(&key) || bot.metadata.get(POSTING) == Some(&key)
    }

    /// Returns the bot at its provider, if it has one.
    #[must_use]
    pub const fn bot(&self) -> Option<&BotRef> {
        match &self.stage {
            Stage::Wanted | Stage::Asked(_) => None,
            Stage::Sent(sent) => Some(&sent.bot),
            Stage::Collecting { bot, .. } => Some(bot),
            Stage::Over { bot, .. } => bot.as_ref(),
        }
    }

    /// Says whether nothing more happens.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        match self.stage {
            Stage::Wanted | Stage::Asked(_) | Stage::Sent(_) | Stage::Collecting { .. } => false,
            Stage::Over { .. } => true,
        }
    }

    /// Says whether its bot is over, so that nothing more is recorded.
    #[must_use]
    pub const fn is_recorded(&self) -> bool {
        match self.stage {
            Stage::Wanted | Stage::Asked(_) | Stage::Sent(_) => false,
            Stage::Collecting { .. } | Stage::Over { .. } => true,
        }
    }

    /// Says whether its bot may be in the call, or come into it, now or later.
    #[must_use]
    pub fn is_open(&self) -> bool {
        match self.stage {
            Stage::Wanted | Stage::Asked(_) => true,
            Stage::Sent(_) => self.seen.phase.is_none_or(|phase| phase < BotPhase::Leaving),
            Stage::Collecting { .. } | Stage::Over { .. } => false,
        }
    }

    /// Says whether its bot is wanted and may come; a room has one of these for each start at most.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.wish == Wish::Attend && self.is_open()
    }

    /// Says whether its bot comes, or has come, for another time and can be moved no more.
    #[must_use]
    pub const fn is_stuck(&self) -> bool {
        match &self.stage {
            Stage::Sent(sent) => sent.is_stuck,
            Stage::Wanted | Stage::Asked(_) | Stage::Collecting { .. } | Stage::Over { .. } => {
                false
            }
        }
    }

    /// Returns how far it is, in the words shown to people (BOT-7).
    #[must_use]
    pub fn status(&self) -> BotStatus {
        match (&self.stage, self.wish) {
            (Stage::Wanted | Stage::Asked(_), Wish::Attend) => BotStatus::Pending,
            (Stage::Wanted | Stage::Asked(_), Wish::Withdrawn(_)) => BotStatus::Cancelled,
            (Stage::Sent(_), _) => self.status_seen(),
            (Stage::Collecting { .. }, _) => match self.seen.phase {
                Some(BotPhase::Failed) if !self.seen.has_heard => BotStatus::Failed,
                _ => BotStatus::PostProcessing,
            },
            (Stage::Over { outcome, .. }, _) => match outcome {
                Outcome::Attended => BotStatus::Completed,
                Outcome::Failed | Outcome::Refused | Outcome::Missed | Outcome::Lost => {
                    BotStatus::Failed
                }
                Outcome::Withdrawn => BotStatus::Cancelled,
            },
        }
    }

    fn status_seen(&self) -> BotStatus {
        let Some(phase) = self.seen.phase else { return BotStatus::BotScheduled };
        match phase {
            BotPhase::Planned | BotPhase::Committed => match self.wish {
                Wish::Attend => BotStatus::BotScheduled,
                Wish::Withdrawn(_) => BotStatus::Cancelled,
            },
            BotPhase::Joining | BotPhase::Lobby => BotStatus::BotJoining,
            BotPhase::InCall => match self.seen.capture {
                Capture::Off | Capture::Denied => BotStatus::BotJoined,
                Capture::On => BotStatus::Transcribing,
                Capture::Paused => BotStatus::Paused,
            },
            BotPhase::Leaving | BotPhase::Processing => BotStatus::PostProcessing,
            BotPhase::Failed => BotStatus::Failed,
            BotPhase::Done | BotPhase::Erased => BotStatus::Completed,
        }
    }
}

/// Orders the bots of a meeting, the one that counts first: wanted, or still there, or the last.
pub fn by_weight(postings: &mut [Posting]) {
    let weight =
        |posting: &Posting| (posting.is_live(), !posting.is_over(), posting.made_at, posting.id);
    postings.sort_by_key(|posting| std::cmp::Reverse(weight(posting)));
}

/// Lists who took part in the calls of several bots, each once.
#[must_use]
pub fn participants(postings: &[Posting]) -> Vec<Speaker> {
    let mut known = BTreeSet::new();
    let all = postings.iter().flat_map(|posting| &posting.seen.participants);
    all.filter(|person| known.insert(person.id.expose())).cloned().collect()
}

/// Under this name a provider keeps the posting with its bot (BOT-14).
const POSTING: &str = "besunny_posting";
/// A bot joins so long before its meeting begins (BOT-4).
pub const JOIN_BEFORE: Duration = Duration::from_mins(2);
/// One that is in the room, or can be moved no more, stays for what begins so much later at most.
const EARLY: Duration = Duration::from_mins(5);

#[cfg(test)]
mod tests;
