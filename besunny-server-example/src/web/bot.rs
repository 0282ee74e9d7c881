//! Bots in meetings: how far each is, what stands in its way, and what a person wants of them.
use std::collections::HashMap;

use besunny::core::{
    bot::{BotPhase, Capture, EndReason, Readiness},
    failure::Trouble,
    ids::MeetingId,
    meeting::Meeting,
    posting::{
        BotPolicy, BotStatus, ChoiceKind, Erasure, Outcome, Posting, Stage, Wish, Withdrawal,
        by_weight,
    },
    repository::RepositoryError,
    untrusted::Untrusted,
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    Site,
    problem::{Kind, Problem},
};

pub(super) mod words;

/// The bot of a meeting, in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct BotMark {
    /// Its id here.
    pub id: Uuid,
    /// How far it is: `pending`, `bot_scheduled`, `bot_joining`, `bot_joined`, `transcribing`, `paused`,
    /// `post_processing`, `completed`, `failed` or `cancelled` (BOT-7).
    #[schema(value_type = String)]
    pub status: BotStatus,
    /// Whether the host of the call did not let it record (BOT-15).
    pub is_denied: bool,
}

/// A bot that is or was to take part in a meeting.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct BotEntry {
    /// What a list says of it.
    #[serde(flatten)]
    pub mark: BotMark,
    /// Who sends it.
    pub provider: String,
    /// Its id at the provider, once there is one.
    pub bot: Option<String>,
    /// How far it is, in words.
    pub message: String,
    /// What can be done about it, in words, where something can.
    pub fix: Option<&'static str>,
    /// Why it is not wanted any more: `unwanted`, `stopped` or `replaced`.
    #[schema(value_type = Option<String>)]
    pub withdrawn: Option<Withdrawal>,
    /// What came of it, once nothing more happens: `attended`, `failed`, `refused`, `missed`, `withdrawn`, `lost`.
    #[schema(value_type = Option<String>)]
    pub outcome: Option<Outcome>,
    /// How far it is, in the order of all providers.
    #[schema(value_type = Option<String>)]
    pub phase: Option<BotPhase>,
    /// The provider's word for that: untrusted text.
    pub word: Option<String>,
    /// Whether it records: `off`, `on`, `paused` or `denied`.
    #[schema(value_type = String)]
    pub capture: Capture,
    /// Why it left, or did not come.
    #[schema(value_type = Option<String>)]
    pub ending: Option<EndReason>,
    /// When it joins, or was to join.
    pub joins_at: DateTime<Utc>,
    /// When it was first seen in the call.
    pub joined_at: Option<DateTime<Utc>>,
    /// When it was looked at last.
    pub looked_at: Option<DateTime<Utc>>,
    /// Why the provider did not do as it was asked the last time.
    pub trouble: Option<BotTrouble>,
    /// What there is of its recording at the provider: `none`, `running`, `complete` or `partial`.
    #[schema(value_type = String)]
    pub recording: Readiness,
    /// Whether the provider is to delete what the bot recorded, or has.
    pub erasure: Option<ErasureEntry>,
}

/// The wish that a provider deletes what a bot recorded.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct ErasureEntry {
    /// Since when it is wished.
    pub wished_at: DateTime<Utc>,
    /// Whether the settings have it, and no person.
    pub is_by_settings: bool,
    /// When the provider took it; null while it is still to be done.
    pub done_at: Option<DateTime<Utc>>,
}

/// Why a provider did not do as it was asked.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct BotTrouble {
    /// How often that has failed in a row.
    pub failures: u32,
    /// What failed.
    pub error: String,
    /// What to do, in words.
    pub fix: &'static str,
    /// When it is asked again.
    pub retry_at: DateTime<Utc>,
}

/// What a person says of a bot in one meeting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BotChoice {
    /// `send`, `keep_out`, or null to leave it to the policy.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schema(required, value_type = Option<String>)]
    pub(super) choice: Option<ChoiceKind>,
}

/// Which meetings of a person get a bot by themselves (BOT-5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// `all`, `organizer_only`, `external_only`, `invited_only` or `never`.
    #[schema(value_type = String)]
    pub(super) policy: BotPolicy,
}

impl Policy {
    /// Reads what the person has said; only meetings that invite a bot get one until then.
    pub(super) async fn read(site: &Site) -> Result<Self, RepositoryError> {
        let owners = [site.user()];
        let said = site.besunny().store().bot_policies(site.scope(), &owners).await?;
        Ok(Self { policy: said.get(&site.user()).copied().unwrap_or_default() })
    }

    /// Keeps it.
    pub(super) async fn save(self, site: &Site) -> Result<(), Problem> {
        Ok(site.besunny().prefer_bots(site.scope(), site.user(), self.policy).await?)
    }
}

/// Reads the bots of `meetings`, those that count first.
pub(super) async fn of(
    site: &Site,
    meetings: &[MeetingId],
) -> Result<HashMap<MeetingId, Vec<Posting>>, RepositoryError> {
    let mut of = HashMap::<MeetingId, Vec<Posting>>::new();
    for posting in site.besunny().store().postings_for(site.scope(), meetings).await? {
        for served in &posting.serves {
            of.entry(served.meeting).or_default().push(posting.clone());
        }
    }
    for postings in of.values_mut() {
        by_weight(postings);
    }
    Ok(of)
}

/// Says what a person wants of a bot in a meeting of theirs.
pub(super) async fn choose(
    site: &Site,
    meeting: &Meeting,
    choice: Option<ChoiceKind>,
) -> Result<(), Problem> {
    if choice == Some(ChoiceKind::Send)
        && let Some(why) = unsendable(site, meeting)
    {
        return Err(why);
    }
    site.besunny().choose_bot(site.scope(), site.user(), meeting.id, choice).await?;
    Ok(())
}

/// Says why no bot can be sent to a meeting, if none can.
fn unsendable(site: &Site, meeting: &Meeting) -> Option<Problem> {
    let (message, fix) = words::unsendable(meeting, site.clock().now()).or_else(|| {
        let has_none = site.besunny().bot_provider().is_none();
        has_none.then_some((
            "Nobody is set up who sends bots.",
            "Describe the provider under [attendee] in the settings of the server.",
        ))
    })?;
    Some(Problem::new(Kind::BadRequest, message, fix))
}

impl BotMark {
    pub(super) fn of(posting: &Posting) -> Self {
        let seen = &posting.seen;
        let had_nothing = seen.denied_at.is_some() && !seen.has_heard;
        let is_denied = match seen.capture {
            Capture::Denied => true,
            Capture::Off | Capture::Paused => had_nothing,
            Capture::On => false,
        };
        Self { id: posting.id.as_uuid(), status: posting.status(), is_denied }
    }
}

impl BotEntry {
    pub(super) fn of(posting: &Posting) -> Self {
        let seen = &posting.seen;
        let (message, fix) = words::told(posting);
        let told_at = match &posting.stage {
            Stage::Sent(sent) => sent.join_at,
            Stage::Wanted | Stage::Asked(_) | Stage::Collecting { .. } | Stage::Over { .. } => None,
        };
        Self {
            mark: BotMark::of(posting),
            provider: posting.provider.to_string(),
            bot: posting.bot().map(|bot| bot.as_str().to_owned()),
            message,
            fix,
            withdrawn: match posting.wish {
                Wish::Attend => None,
                Wish::Withdrawn(why) => Some(why),
            },
            outcome: match &posting.stage {
                Stage::Over { outcome, .. } => Some(*outcome),
                Stage::Wanted | Stage::Asked(_) | Stage::Sent(_) | Stage::Collecting { .. } => None,
            },
            phase: seen.phase,
            word: seen.word.clone().map(Untrusted::into_exposed),
            capture: seen.capture,
            ending: seen.ending.as_ref().map(|ending| ending.reason),
            joins_at: told_at.unwrap_or_else(|| posting.join_at()),
            joined_at: seen.joined_at,
            looked_at: seen.looked_at,
            recording: seen.recording,
            erasure: posting.erasure.map(ErasureEntry::of),
            trouble: posting
                .trouble
                .clone()
                .map(|trouble| BotTrouble::of(trouble, posting.is_over())),
        }
    }
}

impl ErasureEntry {
    const fn of(Erasure { by, wished_at, done_at }: Erasure) -> Self {
        Self { wished_at, is_by_settings: by.is_none(), done_at }
    }
}

impl BotTrouble {
    fn of(Trouble { attempt, error, waits_for, retry_at }: Trouble, is_over: bool) -> Self {
        // What is only frozen has not failed.
        let fix = match attempt {
            0 if is_over => words::NOT_YET_ERASED,
            0 => words::FROZEN,
            _ => words::trouble_fix(waits_for),
        };
        Self { failures: attempt, error, fix, retry_at }
    }
}
