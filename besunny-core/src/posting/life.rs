//! How a posting goes on with what its provider says; each step consumes what was before.
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{
    Asked, Completeness, Erasure, Outcome, Posting, PostingChange, Sent, Stage, Wish,
    next::REFUSALS,
};
use crate::{
    bot::{Bot, BotPhase, Capture, Changed, Coming, Segment, Speaker, Transcript, company},
    failure::Trouble,
    ids::UserId,
    retry::{self, Failed},
    scheduler::Rest,
    source::SourceError,
    untrusted::Untrusted,
};

/// A wish that a provider does not take now is uttered again after so long, where it does not say.
const FROZEN: Duration = Duration::from_secs(10);
/// The longest wait after a failure: a bot that comes late misses what is said.
const LONGEST: Duration = Duration::from_mins(5);
/// The longest wait that a provider can ask for: more would let a bot in that is to stay out.
const LONGEST_ASKED: Duration = Duration::from_mins(15);
/// The longest wait for a provider to delete something: nobody waits for it.
const LONGEST_ERASING: Duration = Duration::from_hours(1);
/// A refusal counts from then on before the bot joins.
const NEAR: Duration = Duration::from_mins(30);

/// What a bot heard since the last look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// The pieces, each in the place of the one with its key.
    pub segments: Vec<Segment>,
    /// Whether what is not in it is no more.
    pub is_whole: bool,
}

/// What a provider was told of a bot that it made.
#[derive(Clone, Debug)]
pub struct Told {
    /// When it joins; none for at once.
    pub join_at: Option<DateTime<Utc>>,
    /// The address to join by.
    pub url: Untrusted<String>,
}

/// What a look at a bot brought.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// The bot, if the provider knows it.
    pub bot: Option<Bot>,
    /// What it heard, where that was asked for and had.
    pub transcript: Option<Transcript>,
    /// Whether that was read from its beginning.
    pub is_anew: bool,
    /// Who took part, where that was read.
    pub participants: Option<Vec<Speaker>>,
    /// Who came and went, where that was read.
    pub comings: Option<Vec<Coming>>,
}

impl Posting {
    /// The provider is asked next.
    #[must_use]
    pub fn prepared(self) -> Self {
        Self { stage: Stage::Asked(Asked::default()), trouble: None, ..self }
    }

    /// The provider has the bot: it was told `told`, if it was made by this very call.
    #[must_use]
    pub fn sent(self, bot: &Bot, told: Option<Told>, now: DateTime<Utc>) -> Self {
        // An earlier call may have told another time and another address.
        let (join_at, url) =
            told.map_or_else(Default::default, |Told { join_at, url }| (join_at, url));
        let sent = Sent {
            bot: bot.at.clone(),
            join_at: bot.join_at.or(join_at),
            url,
            stopped_at: None,
            is_stuck: false,
        };
        Self { stage: Stage::Sent(sent), trouble: None, ..self }.shown(bot, now)
    }

    /// A bot that may have been made was looked for by its key, and there is none.
    ///
    /// It is looked for twice, since a call may still be on its way.
    #[must_use]
    pub fn missed(self, now: DateTime<Utc>) -> Self {
        let asked = match &self.stage {
            Stage::Asked(asked) => *asked,
            Stage::Wanted | Stage::Sent(_) | Stage::Collecting { .. } | Stage::Over { .. } => {
                return self;
            }
        };
        let is_wanted = self.wish == Wish::Attend && now < self.ends_at;
        if asked.missed_at.is_none() || (is_wanted && asked.refusals < REFUSALS) {
            let asked = Asked { missed_at: Some(now), ..asked };
            return Self { stage: Stage::Asked(asked), ..self };
        }
        let outcome = match self.wish {
            Wish::Withdrawn(_) => Outcome::Withdrawn,
            Wish::Attend if asked.refusals >= REFUSALS => Outcome::Refused,
            Wish::Attend => Outcome::Missed,
        };
        // Why it was refused is for people.
        let trouble = self.trouble.clone().filter(|_| outcome == Outcome::Refused);
        Self { trouble, ..self.finished(outcome, now) }
    }

    /// The bot was looked at.
    #[must_use]
    pub fn looked(self, found: Found, now: DateTime<Utc>) -> PostingChange {
        let Found { bot, transcript, is_anew, participants, comings } = found;
        let before = self.clone();
        let mut posting = match &bot {
            Some(bot) => Self { trouble: None, ..self }.shown(bot, now),
            None => self.gone(now),
        };
        if let Some(people) = participants {
            posting.seen.participants = people;
        }
        if let Some(comings) = comings {
            posting.seen.company = company(&comings, posting.seen.left_at.unwrap_or(now));
        }
        // An empty whole is what is left of an erased bot; what was heard stays.
        let had = posting.seen.has_heard;
        let is_worth = |said: &Said| !(said.is_whole && said.segments.is_empty() && had);
        let said = transcript.map(|transcript| {
            posting.seen.read_at = Some(now);
            posting.seen.cursor = Some(transcript.next);
            posting.seen.has_heard |= !transcript.segments.is_empty();
            posting.seen.hear(&transcript.segments, transcript.is_whole);
            posting.seen.read_anew_at = posting.seen.read_anew_at.or(is_anew.then_some(now));
            Said { segments: transcript.segments, is_whole: transcript.is_whole }
        });
        let said = said.filter(|said| said.is_whole || !said.segments.is_empty());
        let said = said.filter(is_worth);
        PostingChange { said, ..before.changed(posting) }
    }

    /// Takes in what the provider shows of the bot.
    fn shown(mut self, bot: &Bot, now: DateTime<Utc>) -> Self {
        let seen = &mut self.seen;
        let phase = seen.phase.map_or(bot.phase, |phase| Some(phase.after(bot.phase)));
        if phase == bot.phase {
            seen.word = Some(bot.word.clone());
            seen.capture = bot.capture;
        }
        if phase == Some(BotPhase::InCall) && seen.capture == Capture::Denied {
            seen.denied_at = seen.denied_at.or(Some(now));
        }
        seen.phase = phase;
        seen.measure(bot, now);
        seen.ending = bot.ending.clone().or_else(|| seen.ending.take());
        seen.transcript = bot.transcript;
        seen.recording = bot.recording;
        seen.looked_at = Some(now);
        if phase == Some(BotPhase::InCall) && seen.joined_at.is_none() {
            seen.joined_at = Some(now);
        }
        if phase.is_some_and(|phase| phase >= BotPhase::Leaving) && seen.left_at.is_none() {
            seen.left_at = Some(bot.changed_at.map_or(now, |changed_at| changed_at.min(now)));
        }
        self.stage = match self.stage {
            Stage::Sent(sent) if phase.is_some_and(BotPhase::is_over) => {
                Stage::Collecting { bot: sent.bot, since: now }
            }
            Stage::Sent(sent) => {
                Stage::Sent(Sent { join_at: bot.join_at.or(sent.join_at), ..sent })
            }
            stage @ (Stage::Wanted
            | Stage::Asked(_)
            | Stage::Collecting { .. }
            | Stage::Over { .. }) => stage,
        };
        self
    }

    /// The provider knows of no such bot.
    #[must_use]
    pub fn gone(self, now: DateTime<Utc>) -> Self {
        let outcome = match self.outcome(now) {
            Outcome::Failed if self.seen.phase.is_none_or(|phase| !phase.is_over()) => {
                Outcome::Lost
            }
            outcome @ (Outcome::Attended
            | Outcome::Failed
            | Outcome::Refused
            | Outcome::Missed
            | Outcome::Withdrawn
            | Outcome::Lost) => outcome,
        };
        self.finished(outcome, now)
    }

    /// The bot was told to stay out or leave.
    #[must_use]
    pub fn stopped(self, changed: Changed, now: DateTime<Utc>) -> Self {
        match changed {
            Changed::Applied | Changed::Over => {
                let stopped = |sent| Sent { stopped_at: Some(now), ..sent };
                Self { trouble: None, ..self }.with_sent(stopped).unlooked()
            }
            Changed::Frozen { until } => self.frozen(until, now),
            Changed::Gone => self.gone(now),
        }
    }

    /// The bot was moved.
    #[must_use]
    pub fn moved(self, to: Option<DateTime<Utc>>, changed: Changed, now: DateTime<Utc>) -> Self {
        let url = self.url.clone();
        match changed {
            Changed::Applied => {
                let moved = |sent: Sent| Sent { join_at: to.or(sent.join_at), url, ..sent };
                Self { trouble: None, ..self }.with_sent(moved)
            }
            // Whoever staffs the room says what becomes of it.
            Changed::Frozen { .. } | Changed::Over => Self { trouble: None, ..self }
                .with_sent(|sent| Sent { is_stuck: true, ..sent })
                .unlooked(),
            Changed::Gone => self.gone(now),
        }
    }

    fn with_sent(self, change: impl FnOnce(Sent) -> Sent) -> Self {
        let stage = match self.stage {
            Stage::Sent(sent) => Stage::Sent(change(sent)),
            stage @ (Stage::Wanted
            | Stage::Asked(_)
            | Stage::Collecting { .. }
            | Stage::Over { .. }) => stage,
        };
        Self { stage, ..self }
    }

    /// Lets the next step be a look.
    fn unlooked(mut self) -> Self {
        self.seen.looked_at = None;
        self
    }

    fn frozen(self, until: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Self {
        let until = until.filter(|until| *until > now).unwrap_or(now + FROZEN);
        let retry_at = until.min(now + LONGEST_ASKED);
        let error = "the provider lets nobody stop it before it joins".to_owned();
        Self { trouble: Some(Trouble { attempt: 0, error, waits_for: None, retry_at }), ..self }
    }

    /// The provider did not do as it was asked; `error` is for people and shows nothing of an answer.
    ///
    /// It is asked again for as long as the meeting is not over.
    #[must_use]
    pub fn failed(
        self,
        failure: &SourceError,
        error: String,
        luck: f64,
        now: DateTime<Utc>,
    ) -> Self {
        let attempt = self.trouble.as_ref().map_or(0, |trouble| trouble.attempt) + 1;
        let (kind, retry_after) = (failure.kind, failure.retry_after);
        let longest = if self.is_over() { LONGEST_ERASING } else { LONGEST };
        let (wait, waits_for) = match retry::after(Failed { kind, retry_after, attempt }, luck) {
            Rest::After(wait) => (wait.min(longest), None),
            Rest::Asked(wait) => (wait.min(LONGEST_ASKED), None),
            Rest::Paused(reason) => (longest, Some(reason)),
        };
        let retry_at = now + wait;
        Self { trouble: Some(Trouble { attempt, error, waits_for, retry_at }), ..self }
    }

    /// The provider would not make the bot; long before it joins that may be a passing trouble.
    #[must_use]
    pub fn refused(self, now: DateTime<Utc>) -> Self {
        let near = self.join_at() - NEAR;
        let stage = match self.stage {
            Stage::Asked(asked) if now >= near => {
                Stage::Asked(Asked { refusals: asked.refusals + 1, ..asked })
            }
            stage @ (Stage::Wanted
            | Stage::Asked(_)
            | Stage::Sent(_)
            | Stage::Collecting { .. }
            | Stage::Over { .. }) => stage,
        };
        Self { stage, ..self }
    }

    /// Nothing more happens.
    #[must_use]
    pub fn finished(mut self, outcome: Outcome, now: DateTime<Utc>) -> Self {
        let (bot, since) = match self.stage {
            Stage::Wanted | Stage::Asked(_) => (None, now),
            Stage::Sent(sent) => (Some(sent.bot), now),
            Stage::Collecting { bot, since } => (Some(bot), since),
            Stage::Over { bot, since, .. } => (bot, since),
        };
        // What was not read stays said.
        let is_unread = self.trouble.is_some() && self.seen.read_at < self.seen.looked_at;
        let trouble = self.trouble.filter(|_| is_unread && outcome == Outcome::Attended);
        self.seen.is_unread = trouble.is_some();
        Self { stage: Stage::Over { bot, outcome, since }, trouble, ..self }
    }

    /// Somebody wants the provider to delete what the bot recorded; it is done once that was collected.
    #[must_use]
    pub fn erasing(self, by: Option<UserId>, now: DateTime<Utc>) -> Self {
        if self.erasure.is_some() || self.bot().is_none() {
            return self;
        }
        let trouble = self.trouble.filter(|_| !matches!(self.stage, Stage::Over { .. }));
        let erasure = Some(Erasure { by, wished_at: now, done_at: None });
        Self { trouble, erasure, ..self }
    }

    /// The same, as the settings have it: only where all that was said is here.
    #[must_use]
    pub fn erasing_what_is_whole(self, now: DateTime<Utc>) -> Self {
        let is_whole = self.is_over() && self.completeness() == Some(Completeness::Complete);
        if is_whole { self.erasing(None, now) } else { self }
    }

    /// The provider was told to delete what the bot recorded.
    #[must_use]
    pub fn erased(self, changed: Changed, now: DateTime<Utc>) -> Self {
        match changed {
            Changed::Applied | Changed::Over | Changed::Gone => {
                let done = |erasure| Erasure { done_at: Some(now), ..erasure };
                Self { erasure: self.erasure.map(done), trouble: None, ..self }
            }
            Changed::Frozen { .. } => {
                let error = "the provider does not take the bot for over yet".to_owned();
                let retry_at = now + LONGEST;
                let trouble = Trouble { attempt: 0, error, waits_for: None, retry_at };
                Self { trouble: Some(trouble), ..self }
            }
        }
    }
}
