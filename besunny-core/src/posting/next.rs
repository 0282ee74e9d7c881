//! What is to be done for a posting now (BOT-4, BOT-6, BOT-11).
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{Asked, EARLY, JOIN_BEFORE, Outcome, Posting, Sent, Stage, Wish};
use crate::bot::{Amend, BotPhase, EndReason, Readiness, Schedules};

/// A provider is asked for a bot so long before it joins: early enough that an outage of a day does no
/// harm, and late enough that most meetings are where they stay.
const ASK_BEFORE: Duration = Duration::from_hours(24);
/// A bot that waits is looked at from then on before it joins (BOT-11).
const WATCH_BEFORE: Duration = Duration::from_mins(15);
/// A bot on its way or in the call is looked at so often (BOT-11).
const LOOK: Duration = Duration::from_mins(2);
/// One that leaves, or whose transcript is prepared, so often (BOT-11).
const LOOK_AT_END: Duration = Duration::from_mins(1);
/// A bot that has not come by then after the end of its meeting is given up (BOT-11).
const GIVE_UP: Duration = Duration::from_hours(6);
/// A bot that is still in the call by then is left to its provider.
const LEAVE_ALONE: Duration = Duration::from_hours(24);
/// Whether the provider made a bot is looked for once more after so long: a call that was dropped may
/// still be on its way, and no adapter waits longer for an answer.
const ASKED_GRACE: Duration = Duration::from_mins(3);
/// A bot that the provider will not make is given up after so many tries (attendee.md 0.4: the answer
/// to a passing failure may look the same).
pub(super) const REFUSALS: u32 = 3;
/// After the end of a bot its transcript is read at these times, in minutes (BOT-12).
const COLLECT: [u64; 5] = [2, 5, 10, 30, 60];
/// A transcript that its provider calls complete is read until then; pieces may come late.
const COMPLETE: Duration = Duration::from_mins(10);
/// Another one until then.
const LATE: Duration = Duration::from_hours(1);
/// One that cannot be read, or still grows, is given up.
const UNREAD: Duration = Duration::from_hours(24);
/// A bot that was not launched by then after its time is lost: Attendee launches none that is 5 minutes
/// late (attendee.md 3).
const LAUNCH: Duration = Duration::from_mins(6);
/// A bot is moved to no time sooner than this, which a provider would take for the past.
const SOONEST: Duration = Duration::from_secs(30);
/// Times differ if they differ by more than this; providers keep whole seconds.
const TOLERANCE: Duration = Duration::from_secs(1);

/// What a provider can do, as far as the next step depends on it.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// How it keeps bots for later.
    pub schedules: Option<Schedules>,
    /// The shortest time between two looks.
    pub poll_floor: Duration,
}

/// What is to be done for a posting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing until then.
    Rest(DateTime<Utc>),
    /// Write down that the provider is asked next.
    Prepare,
    /// Ask for the bot.
    Create {
        /// When it joins; at once without it.
        join_at: Option<DateTime<Utc>>,
    },
    /// Look whether the provider made a bot that is wanted no more, or at another time.
    Search,
    /// Move the bot.
    Move(Amend),
    /// Keep the bot out, or let it leave.
    Stop,
    /// See how far the bot is, and what it heard since.
    Look,
    /// Let the provider delete what the bot recorded.
    Erase,
    /// Nothing more happens.
    Finish(Outcome),
    /// It is over.
    Nothing,
}

impl Posting {
    /// Returns what is to be done at `now`; pure.
    #[must_use]
    pub fn next(&self, terms: &Terms, now: DateTime<Utc>) -> Step {
        let step = match &self.stage {
            Stage::Wanted => return self.next_of_wanted(terms, now),
            Stage::Asked(asked) => self.next_of_asked(*asked, terms, now),
            Stage::Sent(sent) => self.next_of_sent(sent, terms, now),
            Stage::Collecting { since, .. } => self.next_of_collecting(*since, now),
            Stage::Over { .. } => self.next_of_over(),
        };
        match step {
            Step::Create { .. }
            | Step::Search
            | Step::Move(_)
            | Step::Stop
            | Step::Look
            | Step::Erase => {
                let later = self.trouble.as_ref().map(|trouble| trouble.retry_at);
                later.filter(|later| *later > now).map_or(step, Step::Rest)
            }
            Step::Rest(_) | Step::Prepare | Step::Finish(_) | Step::Nothing => step,
        }
    }

    /// Returns when there is something to do; none once it is over.
    #[must_use]
    pub fn due_at(&self, terms: &Terms, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match self.next(terms, now) {
            Step::Rest(until) => Some(until),
            Step::Nothing => None,
            Step::Prepare
            | Step::Create { .. }
            | Step::Search
            | Step::Move(_)
            | Step::Stop
            | Step::Look
            | Step::Erase
            | Step::Finish(_) => Some(now),
        }
    }

    /// Returns when the bot is to join.
    #[must_use]
    pub fn join_at(&self) -> DateTime<Utc> {
        self.starts_at - JOIN_BEFORE
    }

    /// Returns when the provider is asked for the bot.
    fn ask_at(&self, terms: &Terms) -> DateTime<Utc> {
        let ahead =
            terms.schedules.map_or(Duration::ZERO, |schedules| schedules.max_ahead.min(ASK_BEFORE));
        self.join_at() - ahead
    }

    fn next_of_wanted(&self, terms: &Terms, now: DateTime<Utc>) -> Step {
        match self.wish {
            Wish::Withdrawn(_) => Step::Finish(Outcome::Withdrawn),
            Wish::Attend if now >= self.ends_at => Step::Finish(Outcome::Missed),
            Wish::Attend => {
                let due = self.ask_at(terms);
                if now < due { Step::Rest(due) } else { Step::Prepare }
            }
        }
    }

    fn next_of_asked(&self, asked: Asked, terms: &Terms, now: DateTime<Utc>) -> Step {
        let is_refused = asked.refusals >= REFUSALS;
        if is_refused || matches!(self.wish, Wish::Withdrawn(_)) || now >= self.ends_at {
            let later = asked.missed_at.map(|missed_at| missed_at + ASKED_GRACE);
            return later.filter(|later| *later > now).map_or(Step::Search, Step::Rest);
        }
        let due = self.ask_at(terms);
        if now < due {
            // It was moved away since; what an earlier call made is to be moved too.
            return if asked.missed_at.is_none() { Step::Search } else { Step::Rest(due) };
        }
        let join_at = self.join_at();
        let lead = terms.schedules.map(|schedules| schedules.min_lead);
        let is_later = lead.is_some_and(|lead| join_at >= now + lead);
        Step::Create { join_at: is_later.then_some(join_at) }
    }

    fn next_of_sent(&self, sent: &Sent, terms: &Terms, now: DateTime<Utc>) -> Step {
        let looked_at = self.seen.looked_at;
        let phase = self.seen.phase.unwrap_or(BotPhase::Planned);
        if matches!(self.wish, Wish::Withdrawn(_)) {
            match sent.stopped_at {
                None if phase < BotPhase::Leaving => return Step::Stop,
                // It was told to leave and is there all the same.
                Some(told) if phase.is_present() && now >= told + LOOK => return Step::Stop,
                None | Some(_) => {}
            }
        } else if let Some(amend) = self.amend(sent, now) {
            return Step::Move(amend);
        }
        if let Some(step) = self.give_up(sent, phase, now) {
            return step;
        }
        let Some(looked_at) = looked_at else { return Step::Look };
        let every = match phase {
            _ if sent.stopped_at.is_some() => LOOK_AT_END,
            BotPhase::Planned
            | BotPhase::Committed
            | BotPhase::Joining
            | BotPhase::Lobby
            | BotPhase::InCall => LOOK,
            BotPhase::Leaving
            | BotPhase::Processing
            | BotPhase::Failed
            | BotPhase::Done
            | BotPhase::Erased => LOOK_AT_END,
        };
        let mut due = looked_at + every.max(terms.poll_floor);
        if phase == BotPhase::Planned && sent.stopped_at.is_none() {
            due = due.max(sent.join_at.unwrap_or(self.starts_at) - WATCH_BEFORE);
        }
        if now < due { Step::Rest(due) } else { Step::Look }
    }

    /// Says what becomes of a bot that does not come, or does not go.
    fn give_up(&self, sent: &Sent, phase: BotPhase, now: DateTime<Utc>) -> Option<Step> {
        let told = sent.join_at.unwrap_or(self.starts_at).max(self.join_at());
        let is_late = phase <= BotPhase::Committed && now >= told + LAUNCH && now < self.ends_at;
        let patience = if phase.is_present() { LEAVE_ALONE } else { GIVE_UP };
        match sent.stopped_at {
            None if is_late || now >= self.ends_at + patience => Some(Step::Stop),
            Some(told) if now >= self.ends_at.max(told) + GIVE_UP => {
                Some(Step::Finish(self.outcome(now)))
            }
            None | Some(_) => None,
        }
    }

    /// Returns what the provider was told otherwise than it is wanted, while that can be changed.
    fn amend(&self, sent: &Sent, now: DateTime<Utc>) -> Option<Amend> {
        if sent.is_stuck {
            return None;
        }
        match self.seen.phase {
            None | Some(BotPhase::Planned) => {}
            // It comes, or has come, for another time: the provider says that it cannot be moved.
            Some(BotPhase::Committed | BotPhase::Joining | BotPhase::Lobby | BotPhase::InCall)
                if self.join_at() > now + EARLY && sent.join_at != Some(self.join_at()) =>
            {
                return Some(Amend { join_at: Some(self.join_at()), meeting: None });
            }
            Some(
                BotPhase::Committed
                | BotPhase::Joining
                | BotPhase::Lobby
                | BotPhase::InCall
                | BotPhase::Leaving
                | BotPhase::Processing
                | BotPhase::Failed
                | BotPhase::Done
                | BotPhase::Erased,
            ) => return None,
        }
        let told = sent.join_at?;
        // One whose meeting is moved to now is told to come at once.
        let join_at = self.join_at().max(now + SOONEST);
        let is_moved = (told - join_at).abs().to_std().unwrap_or_default() > TOLERANCE;
        let is_past = self.join_at() <= now && told <= now + SOONEST;
        let moved = Amend {
            join_at: (is_moved && !is_past).then_some(join_at),
            meeting: (self.url != sent.url).then(|| self.url.clone()),
        };
        (moved != Amend::default()).then_some(moved)
    }

    fn next_of_collecting(&self, since: DateTime<Utc>, now: DateTime<Utc>) -> Step {
        let looked_at = self.seen.looked_at.unwrap_or(since);
        let read_at = self.seen.read_at.unwrap_or(since);
        let is_read = match self.seen.transcript {
            Readiness::Complete if self.is_short() => read_at >= since + LATE,
            Readiness::Complete => read_at >= since + COMPLETE,
            // What never came into a call has nothing to say.
            Readiness::None if !self.was_there() => looked_at > since,
            Readiness::None | Readiness::Partial => read_at >= since + LATE,
            Readiness::Running => false,
        };
        if is_read || now >= since + UNREAD {
            return Step::Finish(self.outcome(since));
        }
        let looks = COLLECT.into_iter().map(|minutes| since + Duration::from_mins(minutes));
        let due = looks.into_iter().find(|at| *at > looked_at).unwrap_or(looked_at + LATE / 2);
        if now < due { Step::Rest(due) } else { Step::Look }
    }

    fn next_of_over(&self) -> Step {
        let is_wished = self.erasure.is_some_and(|erasure| erasure.done_at.is_none());
        if is_wished { Step::Erase } else { Step::Nothing }
    }

    /// Says whether the next look reads the transcript from its beginning: once, where it is short.
    ///
    /// A cursor may have gone past a piece; this is late enough for pieces that only come late.
    pub(crate) fn reads_anew(&self, now: DateTime<Utc>) -> bool {
        match self.stage {
            Stage::Collecting { since, .. } => {
                now >= since + LATE / 2 && self.seen.read_anew_at.is_none() && self.is_short()
            }
            Stage::Wanted | Stage::Asked(_) | Stage::Sent(_) | Stage::Over { .. } => false,
        }
    }

    /// Returns what came of a bot that was over at `since`.
    pub(super) fn outcome(&self, since: DateTime<Utc>) -> Outcome {
        match self.wish {
            _ if self.was_there() => Outcome::Attended,
            Wish::Withdrawn(_) => Outcome::Withdrawn,
            Wish::Attend if since < self.join_at() || self.is_broken() => Outcome::Lost,
            Wish::Attend => Outcome::Failed,
        }
    }

    /// Says whether the provider broke, rather than the call refused the bot.
    fn is_broken(&self) -> bool {
        let reason = self.seen.ending.as_ref().map(|ending| ending.reason);
        reason == Some(EndReason::ProviderFault)
    }

    /// Returns the look that a notice asks for, if it is time for one.
    pub(crate) fn next_noticed(&self, terms: &Terms, now: DateTime<Utc>) -> Step {
        let next = self.next(terms, now);
        let until = match next {
            Step::Rest(until) => until,
            Step::Prepare
            | Step::Create { .. }
            | Step::Search
            | Step::Move(_)
            | Step::Stop
            | Step::Look
            | Step::Erase
            | Step::Finish(_)
            | Step::Nothing => return next,
        };
        let waits = self.trouble.as_ref().is_some_and(|trouble| trouble.retry_at > now);
        let due = self.seen.looked_at.unwrap_or(now) + terms.poll_floor;
        match self.stage {
            Stage::Sent(_) | Stage::Collecting { .. } if !waits && now < due => {
                Step::Rest(due.min(until))
            }
            Stage::Sent(_) | Stage::Collecting { .. } if !waits => Step::Look,
            Stage::Wanted
            | Stage::Asked(_)
            | Stage::Sent(_)
            | Stage::Collecting { .. }
            | Stage::Over { .. } => Step::Rest(until),
        }
    }

    /// Says whether the bot was in the call, as far as was seen.
    pub(super) const fn was_there(&self) -> bool {
        let is_done = matches!(self.seen.phase, Some(BotPhase::Done | BotPhase::Erased));
        self.seen.joined_at.is_some() || self.seen.has_heard || is_done
    }
}
