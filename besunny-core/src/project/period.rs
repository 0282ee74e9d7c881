//! A span of days.
use std::fmt;

use chrono::{DateTime, Days, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

/// A project that is worked on for longer than this is a wrong year in a date.
pub const MAX_DAYS: i64 = 3660;

/// Days from `start` to `end`, both within.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Span")]
pub struct Period {
    start: NaiveDate,
    end: NaiveDate,
}

/// The stored form, before it is checked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Span {
    start: NaiveDate,
    end: NaiveDate,
}

/// Two days make no period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PeriodError {
    /// It ends before it begins.
    #[error("the period ends before it begins")]
    Backwards,
    /// It is longer than [`MAX_DAYS`].
    #[error("the period is longer than {MAX_DAYS} days")]
    TooLong,
}

impl Period {
    /// Makes a period of its first and last day.
    ///
    /// # Errors
    /// [`PeriodError`] when it ends before it begins or is longer than [`MAX_DAYS`].
    pub fn new(start: NaiveDate, end: NaiveDate) -> Result<Self, PeriodError> {
        match (end - start).num_days() {
            ..0 => Err(PeriodError::Backwards),
            0..=MAX_DAYS => Ok(Self { start, end }),
            _ => Err(PeriodError::TooLong),
        }
    }

    /// Returns the first day.
    #[must_use]
    pub const fn start(&self) -> NaiveDate {
        self.start
    }

    /// Returns the last day.
    #[must_use]
    pub const fn end(&self) -> NaiveDate {
        self.end
    }

    /// Says whether an instant is on one of the days, in UTC.
    #[must_use]
    pub fn contains(&self, at: DateTime<Utc>) -> bool {
        let day = at.date_naive();
        self.start <= day && day <= self.end
    }

    /// Returns the period with so many days before and after, as far as the calendar reaches.
    #[must_use]
    pub fn widened(self, before: Days, after: Days) -> Self {
        Self {
            start: self.start.checked_sub_days(before).unwrap_or(self.start),
            end: self.end.checked_add_days(after).unwrap_or(self.end),
        }
    }
}

impl TryFrom<Span> for Period {
    type Error = PeriodError;

    fn try_from(days: Span) -> Result<Self, PeriodError> {
        Self::new(days.start, days.end)
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", self.start, self.end)
    }
}
