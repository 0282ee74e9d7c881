//! Whether a transcript can be all that was said: its provider's word, and its length (BOT-12).
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Outcome, Posting, Seen, Stage};
use crate::bot::{Bot, BotPhase, Capture, Readiness, Segment};

/// A call in which less than this was recorded is not measured: people wait for each other, and part.
const MEASURED: Duration = Duration::from_mins(10);
/// From the first word to the last there is at least one part in so many of the time in which the bot
/// recorded people: those who meet talk until they part, and whoever reads or shows something for
/// longer than they talk is rare. A captions stream that dies leaves less.
const SHARE: u32 = 2;

/// Whether a transcript is all that was said, as far as anybody can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Completeness {
    /// Nothing says that a part is missing.
    Complete,
    /// It covers less than half of the time in which the bot recorded more than one person.
    Short,
    /// Its provider says that a part is missing, or not all of it could be read.
    Partial,
}

/// From the first word that was heard to the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heard {
    /// When the first word was said.
    pub from: DateTime<Utc>,
    /// When the last one was over.
    pub until: DateTime<Utc>,
}

/// What a transcript is measured by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Measures {
    /// How long the bot was seen to record; none where nobody saw it in the call.
    pub recorded: Option<Duration>,
    /// How long more than one person was there; none where the provider does not tell.
    pub company: Option<Duration>,
    /// From the first word to the last.
    pub heard: Duration,
}

impl Measures {
    /// Says whether so little was heard that the transcript is hardly all of it; pure.
    #[must_use]
    pub fn is_short(&self) -> bool {
        let talk = match (self.recorded, self.company) {
            (Some(recorded), Some(company)) => recorded.min(company),
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => Duration::ZERO,
        };
        talk >= MEASURED && self.heard < talk / SHARE
    }
}

impl Heard {
    /// Returns the span of what is in `segments`, if anything is.
    #[must_use]
    pub fn of(segments: &[Segment]) -> Option<Self> {
        let ends =
            segments.iter().map(|segment| segment.starts_at + segment.duration.unwrap_or_default());
        let from = segments.iter().map(|segment| segment.starts_at).min()?;
        Some(Self { from, until: ends.max()? })
    }

    /// Returns how long it is.
    #[must_use]
    pub fn duration(&self) -> Duration {
        (self.until - self.from).to_std().unwrap_or_default()
    }

    fn with(self, other: Option<Self>) -> Self {
        let Some(other) = other else { return self };
        Self { from: self.from.min(other.from), until: self.until.max(other.until) }
    }
}

impl Posting {
    /// Says whether its transcript is all that was said; none while it grows, and where there was no bot.
    #[must_use]
    pub fn completeness(&self) -> Option<Completeness> {
        let (is_over, readiness) = match self.stage {
            Stage::Collecting { .. } if self.was_there() => (false, self.seen.transcript),
            Stage::Over { outcome: Outcome::Attended, .. } => (true, self.seen.transcript),
            Stage::Wanted
            | Stage::Asked(_)
            | Stage::Sent(_)
            | Stage::Collecting { .. }
            | Stage::Over { .. } => return None,
        };
        match readiness {
            Readiness::Running if !is_over => None,
            Readiness::Running | Readiness::Partial => Some(Completeness::Partial),
            Readiness::None | Readiness::Complete if self.seen.is_unread => {
                Some(Completeness::Partial)
            }
            Readiness::None | Readiness::Complete if self.is_short() => Some(Completeness::Short),
            Readiness::None | Readiness::Complete => Some(Completeness::Complete),
        }
    }

    /// Says whether less was heard than people are likely to have said.
    pub(super) fn is_short(&self) -> bool {
        let seen = &self.seen;
        let recorded = seen.joined_at.map(|_| seen.recorded);
        let heard = seen.heard.map(|heard| heard.duration()).unwrap_or_default();
        Measures { recorded, company: seen.company, heard }.is_short()
    }
}

/// Says whether what was said in a meeting is all there; of several bots the worst counts.
#[must_use]
pub fn completeness(postings: &[Posting]) -> Option<Completeness> {
    postings.iter().filter_map(Posting::completeness).max()
}

impl Seen {
    /// Counts how long the bot recorded, by what its provider shows of it now.
    pub(super) fn measure(&mut self, bot: &Bot, now: DateTime<Utc>) {
        let records = self.phase == Some(BotPhase::InCall) && self.capture == Capture::On;
        let since = bot.changed_at.map_or(now, |changed_at| changed_at.min(now));
        match self.recording_since {
            None if records => self.recording_since = Some(since),
            Some(begun) if !records => {
                self.recorded += (since - begun).to_std().unwrap_or_default();
                self.recording_since = None;
            }
            None | Some(_) => {}
        }
    }

    /// Takes in the span of what was heard since.
    pub(super) fn hear(&mut self, segments: &[Segment], is_whole: bool) {
        let before = self.heard.filter(|_| !is_whole || segments.is_empty());
        let new = Heard::of(segments);
        self.heard = before.map(|before| before.with(new)).or(new);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bot_12_what_covers_less_than_half_of_the_call_is_suspicious() {
        let rows = [
            // Minutes recorded, with company, heard.
            (Some(60), None, 60, false),
            (Some(60), None, 30, false),
            (Some(60), None, 29, true),
            (Some(60), None, 0, true),
            (Some(60), Some(60), 10, true),
            (Some(60), Some(15), 10, false),
            (Some(60), Some(0), 0, false),
            (Some(15), Some(60), 10, false),
            (Some(9), None, 0, false),
            (Some(10), None, 4, true),
            (None, Some(60), 10, true),
            (None, None, 0, false),
        ];
        let minutes = |minutes: u64| Duration::from_mins(minutes);
        for (recorded, company, heard, want) in rows {
            let (recorded, company) = (recorded.map(minutes), company.map(minutes));
            let measures = Measures { recorded, company, heard: minutes(heard) };
            assert_eq!(measures.is_short(), want, "{measures:?}");
        }
    }
}
