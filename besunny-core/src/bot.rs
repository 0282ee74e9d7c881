//! Meeting bots: a provider sends one into a call, and keeps what was said (BOT-1).
//!
//! To add a provider, implement [`BotProvider`] and [`BotRecords`] and run the conformance suite of
//! `besunny-testkit` over them; docs/bot-adapter.md shows how. [`BotChat`], [`BotPresence`] and
//! [`RecordingControl`] are powers that not every provider has. What a provider calls back with is
//! read by [`BotReceiver`], and is a hint only (ARCHITECTURE.md L2).
use std::{collections::BTreeMap, fmt, fmt::Debug, time::Duration};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

mod hint;
mod phase;
mod records;
mod room;

pub use hint::{BotHint, BotNotice, BotReceiver};
pub use phase::{BotPhase, Capture, EndReason, Ending};
pub use records::{BotRecords, RecordingLink, Segment, Speaker, Transcript};
pub use room::{
    BotChat, BotPresence, ChatMessage, ChatTo, Coming, Movement, Participant, Portion,
    RecordingControl, company,
};

use crate::{
    source::{PageToken, SourceError, opaque},
    untrusted::Untrusted,
};

opaque! {
    /// A bot at its provider, by whatever its adapter needs to find it again.
    BotRef,
    /// A piece of a transcript, the same in every answer about its bot.
    SegmentKey,
}

/// A bot that somebody wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewBot {
    /// The address of the meeting, as its calendar or its mail gave it.
    pub meeting: Untrusted<String>,
    /// What it is called in the call.
    pub name: String,
    /// When it joins; at once without it, or where the provider keeps no bots for later.
    pub join_at: Option<DateTime<Utc>>,
    /// The same for every try to get this bot, and for no other bot.
    pub dedup_key: String,
    /// What the provider keeps with it and tells again.
    pub metadata: BTreeMap<String, String>,
    /// What it says in the chat once it has joined (BOT-15).
    pub greeting: Option<String>,
    /// What is recorded besides the transcript.
    pub recording: RecordingKind,
    /// Where the provider calls back, if it can be told for one bot.
    pub callback: Option<String>,
}

/// What a bot records besides the transcript.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordingKind {
    /// Nothing.
    #[default]
    None,
    /// Sound.
    Audio,
    /// Sound and picture.
    Video,
}

/// A bot as its provider shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bot {
    /// Where it is found again.
    pub at: BotRef,
    /// How far it is; none where the provider uses a word that the adapter does not know.
    pub phase: Option<BotPhase>,
    /// The provider's own word for it.
    pub word: Untrusted<String>,
    /// Whether it records.
    pub capture: Capture,
    /// Why it is over, if it is and the provider says so.
    pub ending: Option<Ending>,
    /// When it joins, or was to join.
    pub join_at: Option<DateTime<Utc>>,
    /// The key it was made under, where the provider shows it.
    pub dedup_key: Option<String>,
    /// What was to be kept with it, where the provider keeps anything.
    pub metadata: BTreeMap<String, String>,
    /// What there is of its transcript.
    pub transcript: Readiness,
    /// What there is of its recording.
    pub recording: Readiness,
    /// When it last changed, by the provider's clock, where the provider shows it.
    pub changed_at: Option<DateTime<Utc>>,
}

/// What there is of a record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Readiness {
    /// Nothing yet, or the provider does not say.
    #[default]
    None,
    /// It grows.
    Running,
    /// All of it.
    Complete,
    /// A part, and the provider expects no more; single pieces may come late.
    Partial,
}

/// The answer to [`BotProvider::create`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Created {
    /// The bot was not there before, as far as the provider tells.
    New(Bot),
    /// An earlier try had made it.
    Adopted(Bot),
}

/// What became of a wish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changed {
    /// The provider took it.
    Applied,
    /// Not now; the wish is to be kept and uttered again.
    Frozen {
        /// Until when, where that is known.
        until: Option<DateTime<Utc>>,
    },
    /// Too late: the bot is leaving or has left.
    Over,
    /// The provider knows of no such bot.
    Gone,
}

/// Which bots [`BotProvider::list`] shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BotFilter {
    /// None that is over.
    pub open_only: bool,
    /// Those under one key.
    pub dedup_key: Option<String>,
}

/// One page of bots.
#[derive(Clone, Debug)]
pub struct Bots {
    /// The bots.
    pub bots: Vec<Bot>,
    /// Where the listing goes on.
    pub next: Option<PageToken>,
}

/// What changes about a bot that has not joined; what is absent stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Amend {
    /// When it joins.
    pub join_at: Option<DateTime<Utc>>,
    /// The address of the meeting.
    pub meeting: Option<Untrusted<String>>,
}

/// Facts of a provider that change what the engine does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BotAbilities {
    /// How it keeps bots for later; none where a bot joins when it is made, whatever time it was given.
    pub schedules: Option<Schedules>,
    /// A meeting has one bot at most: another key for the same address adopts it.
    pub one_per_meeting: bool,
    /// Whether a bot can have a callback of its own.
    pub callback_per_bot: bool,
    /// The most bytes of one value of the metadata; none are kept where it is 0.
    pub metadata_bytes: usize,
    /// The shortest sensible time between two looks at one bot.
    pub poll_floor: Duration,
}

/// How a provider keeps bots for later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedules {
    /// A bot is asked for at least so long before it joins.
    pub min_lead: Duration,
    /// So long before it joins it can neither be moved nor stopped.
    pub frozen_before_join: Duration,
    /// It joins at most so far ahead.
    pub max_ahead: Duration,
}

/// Sends bots into calls.
///
/// # Contract
/// - A bot that was made MUST be found with its time, its key and its metadata, as far as the provider
///   shows them (`bot.create.found`). A bot for later MUST NOT join before its time, and MUST join then
///   (`bot.create.joins`).
/// - A bot without a time MUST join at once (`bot.create.at-once`).
/// - Two keys MUST be two bots, except where a meeting has one bot at most (`bot.create.keys-apart`).
/// - `find` MUST answer `None` for what the provider does not know (`bot.find.gone`).
/// - A listing MUST show every bot that the filter lets through, once, on any number of pages
///   (`bot.list.complete`, `bot.list.filtered`).
/// - `reschedule` MUST move a planned bot and keep its [`BotRef`] (`bot.reschedule.moves`). It MUST answer
///   `Gone` for what is not there (`bot.reschedule.gone`), and MUST change nothing about a bot that can
///   no longer be moved (`bot.reschedule.late`).
/// - A planned bot that was stopped MUST NOT join (`bot.stop.planned`), and one in the call MUST leave it
///   (`bot.stop.in-call`), by the one verb. Stopping what has left MUST be `Over`, and what is not there
///   `Gone` (`bot.stop.over`, `bot.stop.gone`).
/// - While the provider lets nobody stop a bot, both verbs MUST answer `Frozen` and change nothing; the
///   same wish MUST be taken once the bot joins (`bot.stop.frozen`).
/// - The phases of a bot MUST be told in order (`bot.phase.order`). A bot that did not come into the call
///   MUST be `Failed`, with why (`bot.phase.failed`).
///
/// # Errors
/// [`SourceError`]: a dead key MUST be `Unauthorized`, and `check` finds it (`bot.errors.unauthorized`).
/// A refusal for too many calls MUST be `RateLimited` and carry the wait that was asked for
/// (`bot.errors.rate-limited`). A provider that is down MUST be `Unavailable`
/// (`bot.errors.unavailable`), and an answer without sense `Malformed` (`bot.errors.malformed`). A bot that
/// the provider will not make as it was asked for is `Malformed` too, since asking again heals nothing.
/// Used-up credit and too many bots at once are `LimitReached`. A dead page token MUST be `PageExpired`
/// (`bot.list.expired`). A failure MUST be an error of the one call that it struck, which is not made
/// again (`bot.errors.not-swallowed`); no error MUST show anything of an answer (`bot.errors.no-content`).
///
/// # Cancellation
/// Dropping `create` may leave a bot; the next `create` under its key adopts it. Dropping another call
/// that changes something may have changed it.
///
/// # Idempotence
/// While the bot of a key is not over, `create` under that key MUST answer that bot and make no other
/// (`bot.create.once`), also when the first answer was lost (`bot.create.lost-reply`). Moving to the same
/// time twice and stopping twice MUST be no error (`bot.stop.again`).
#[async_trait]
pub trait BotProvider: Debug + Send + Sync {
    /// Returns the facts that drive the engine.
    fn abilities(&self) -> BotAbilities;
    /// Asks something harmless, to see that address, key and version are right.
    async fn check(&self) -> Result<(), SourceError>;
    /// Makes the bot of a key, or finds the one that is there.
    async fn create(&self, bot: &NewBot) -> Result<Created, SourceError>;
    /// Looks at one bot.
    async fn find(&self, at: &BotRef) -> Result<Option<Bot>, SourceError>;
    /// Lists bots, page by page.
    async fn list(&self, filter: &BotFilter, page: Option<&PageToken>)
    -> Result<Bots, SourceError>;
    /// Moves a bot that has not joined.
    async fn reschedule(&self, at: &BotRef, to: &Amend) -> Result<Changed, SourceError>;
    /// Cancels, deletes or leaves: whatever keeps the bot out of the call now.
    async fn stop(&self, at: &BotRef) -> Result<Changed, SourceError>;
}

impl Created {
    /// Returns the bot, whoever made it.
    #[must_use]
    pub const fn bot(&self) -> &Bot {
        match self {
            Self::New(bot) | Self::Adopted(bot) => bot,
        }
    }

    /// Returns the bot by value, whoever made it.
    #[must_use]
    pub fn into_bot(self) -> Bot {
        match self {
            Self::New(bot) | Self::Adopted(bot) => bot,
        }
    }
}

impl Bot {
    /// Says whether nothing more happens to it; late pieces of its transcript aside.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.phase.is_some_and(BotPhase::is_over)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stored_form_of_a_bot() {
        let bot = Bot {
            at: BotRef::from_source("bot_1"),
            phase: Some(BotPhase::Failed),
            word: "fatal_error".to_owned().into(),
            capture: Capture::Denied,
            ending: Some(Ending {
                reason: EndReason::NotAdmitted,
                word: Some("request_to_join_denied".to_owned().into()),
            }),
            join_at: Some(DateTime::UNIX_EPOCH),
            dedup_key: Some("key".to_owned()),
            metadata: [("meeting".to_owned(), "1".to_owned())].into(),
            transcript: Readiness::Partial,
            recording: Readiness::None,
            changed_at: None,
        };
        insta::assert_json_snapshot!(bot);
    }
}
