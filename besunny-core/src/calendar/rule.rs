//! Recurrence rules: when something happens again, on the clock of its zone (RFC 5545 3.3.10).
use std::str::FromStr;

use chrono::{Datelike, NaiveDate, NaiveDateTime, Weekday};

use super::moment::{Moment, number};

mod walk;

pub(super) use walk::Steps;

/// A list of a rule has no more values; all days of a year, from both ends.
const VALUES: usize = 2 * 366;

/// A rule as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    frequency: Frequency,
    interval: i64,
    count: Option<u64>,
    /// The last moment at which it may happen.
    pub(super) until: Option<Until>,
    week_starts: Weekday,
    months: Vec<i32>,
    weeks: Vec<i32>,
    year_days: Vec<i32>,
    month_days: Vec<i32>,
    /// Weekdays, each with its number in the month or year; 0 is all of them.
    weekdays: Vec<(i32, Weekday)>,
    hours: Vec<i32>,
    minutes: Vec<i32>,
    seconds: Vec<i32>,
    positions: Vec<i32>,
}

/// The last moment of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Until {
    /// All of a day.
    Day(NaiveDate),
    /// A time on the clock of the event.
    Local(NaiveDateTime),
    /// A time in UTC.
    Utc(NaiveDateTime),
}

/// What a rule counts by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Frequency {
    Secondly,
    Minutely,
    Hourly,
    Daily,
    Weekly,
    Monthly,
    Yearly,
}

impl Rule {
    /// Reads the value of an `RRULE`; `None` cannot be read, or says another calendar.
    ///
    /// Parts that are not known are passed over, and a negative count, which some programs write
    /// for an endless series, is none.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut rule = Self::by(Frequency::Daily);
        let mut frequency = None;
        for part in text.split(';').map(str::trim).filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=')?;
            let value = value.trim();
            match name.trim().to_ascii_uppercase().as_str() {
                "FREQ" => frequency = Some(Frequency::parse(value)?),
                "RSCALE" if !value.eq_ignore_ascii_case("gregorian") => return None,
                _ => rule.take(name, value)?,
            }
        }
        Some(Self { frequency: frequency?, ..rule })
    }

    fn by(frequency: Frequency) -> Self {
        Self {
            frequency,
            interval: 1,
            count: None,
            until: None,
            week_starts: Weekday::Mon,
            months: Vec::new(),
            weeks: Vec::new(),
            year_days: Vec::new(),
            month_days: Vec::new(),
            weekdays: Vec::new(),
            hours: Vec::new(),
            minutes: Vec::new(),
            seconds: Vec::new(),
            positions: Vec::new(),
        }
    }

    fn take(&mut self, name: &str, value: &str) -> Option<()> {
        match name.trim().to_ascii_uppercase().as_str() {
            "INTERVAL" => self.interval = number::<u32>(value).filter(|n| *n > 0)?.into(),
            "COUNT" if value.starts_with('-') => {}
            "COUNT" => self.count = Some(number(value).filter(|n| *n > 0)?),
            "UNTIL" => self.until = Some(Until::parse(value)?),
            "WKST" => self.week_starts = weekday(value)?,
            "BYMONTH" => self.months = numbers(value, 1, 12, false)?,
            "BYWEEKNO" => self.weeks = numbers(value, 1, 53, true)?,
            "BYYEARDAY" => self.year_days = numbers(value, 1, 366, true)?,
            "BYMONTHDAY" => self.month_days = numbers(value, 1, 31, true)?,
            "BYDAY" => self.weekdays = list(value, numbered_weekday)?,
            "BYHOUR" => self.hours = numbers(value, 0, 23, false)?,
            "BYMINUTE" => self.minutes = numbers(value, 0, 59, false)?,
            "BYSECOND" => self.seconds = numbers(value, 0, 60, false)?,
            "BYSETPOS" => self.positions = numbers(value, 1, 366, true)?,
            _ => {}
        }
        Some(())
    }

    /// Fills in what a rule leaves to the first occurrence (RFC 5545 3.3.10, "derived from DTSTART").
    fn completed(&self, start: NaiveDate) -> Self {
        let mut rule = self.clone();
        let names_days = [&self.year_days, &self.month_days].iter().any(|days| !days.is_empty())
            || !self.weekdays.is_empty();
        if names_days {
            return rule;
        }
        let by_week = self.frequency == Frequency::Weekly || !self.weeks.is_empty();
        if by_week && self.frequency >= Frequency::Weekly {
            rule.weekdays.push((0, start.weekday()));
        } else if self.frequency >= Frequency::Monthly {
            rule.month_days.extend(i32::try_from(start.day()).ok());
            if self.frequency == Frequency::Yearly && rule.months.is_empty() {
                rule.months.extend(i32::try_from(start.month()).ok());
            }
        }
        rule
    }

    /// Says whether the parts that name days allow this one.
    fn is_on(&self, day: NaiveDate) -> bool {
        self.is_in_month(day)
            && (self.weeks.is_empty() || self.is_in_week(day))
            && is_named(&self.year_days, day.ordinal(), days_of_year(day))
            && is_named(&self.month_days, day.day(), days_of_month(day))
            && (self.weekdays.is_empty() || self.is_weekday(day))
    }

    fn is_in_month(&self, day: NaiveDate) -> bool {
        self.months.is_empty() || self.months.contains(&signed(day.month()))
    }

    /// Weeks begin as the rule says; the first has at least four days in the year.
    fn is_in_week(&self, day: NaiveDate) -> bool {
        let since = day.weekday().days_since(self.week_starts);
        let Some(fourth) = day.checked_add_signed(chrono::TimeDelta::days(3 - i64::from(since)))
        else {
            return false;
        };
        let week = (fourth.ordinal0()) / 7 + 1;
        let weeks = (days_of_year(fourth) - 1 - fourth.ordinal0() % 7) / 7 + 1;
        is_named(&self.weeks, week, weeks)
    }

    fn is_weekday(&self, day: NaiveDate) -> bool {
        let in_year = self.frequency == Frequency::Yearly && self.months.is_empty();
        let numbered = self.frequency >= Frequency::Monthly && self.weeks.is_empty();
        let (at, all) = if in_year {
            (day.ordinal0(), days_of_year(day))
        } else {
            (day.day0(), days_of_month(day))
        };
        let (from_front, from_back) = (signed(at / 7) + 1, -signed((all - 1 - at) / 7) - 1);
        self.weekdays.iter().any(|(n, weekday)| {
            *weekday == day.weekday()
                && (*n == 0 || !numbered || *n == from_front || *n == from_back)
        })
    }
}

impl Until {
    fn parse(text: &str) -> Option<Self> {
        Some(match Moment::parse(text)? {
            Moment::Day(day) => Self::Day(day),
            Moment::Local(at) => Self::Local(at),
            Moment::Utc(at) => Self::Utc(at),
        })
    }
}

impl Frequency {
    fn parse(text: &str) -> Option<Self> {
        Some(match text.to_ascii_uppercase().as_str() {
            "SECONDLY" => Self::Secondly,
            "MINUTELY" => Self::Minutely,
            "HOURLY" => Self::Hourly,
            "DAILY" => Self::Daily,
            "WEEKLY" => Self::Weekly,
            "MONTHLY" => Self::Monthly,
            "YEARLY" => Self::Yearly,
            _ => return None,
        })
    }

    /// Returns how long a step on the clock is; a day or longer is not measured so.
    const fn seconds(self) -> i64 {
        match self {
            Self::Secondly => 1,
            Self::Minutely => 60,
            Self::Hourly => 3_600,
            Self::Daily | Self::Weekly | Self::Monthly | Self::Yearly => 86_400,
        }
    }
}

fn list<T: Copy + PartialEq>(text: &str, read: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
    let values = text.split(',').map(str::trim).filter(|value| !value.is_empty());
    let mut values: Vec<T> = values.take(VALUES + 1).map(read).collect::<Option<_>>()?;
    // What is said twice is meant once, and must not cost twice.
    let mut kept = Vec::new();
    (values.len() <= VALUES).then(|| {
        values.retain(|value| {
            !kept.contains(value) && {
                kept.push(*value);
                true
            }
        });
        values
    })
}

/// Reads numbers of `least..=most`, perhaps counted from the end.
fn numbers(text: &str, least: i32, most: i32, signs: bool) -> Option<Vec<i32>> {
    list(text, |value| {
        let (sign, digits) = sign_of(value);
        let value = number(digits).filter(|value| (least..=most).contains(value))?;
        (signs || sign > 0).then_some(sign * value)
    })
}

fn sign_of(text: &str) -> (i32, &str) {
    match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    }
}

/// Reads `MO`, `2MO`, `-1FR`.
fn numbered_weekday(text: &str) -> Option<(i32, Weekday)> {
    let (digits, day) = text.split_at_checked(text.len().checked_sub(2)?)?;
    let (sign, digits) = sign_of(digits);
    let count = if digits.is_empty() { 0 } else { number(digits).filter(|n| *n <= 53)? };
    Some((sign * count, weekday(day)?))
}

fn weekday(text: &str) -> Option<Weekday> {
    let name = match text.to_ascii_uppercase().as_str() {
        "MO" => "Mon",
        "TU" => "Tue",
        "WE" => "Wed",
        "TH" => "Thu",
        "FR" => "Fri",
        "SA" => "Sat",
        "SU" => "Sun",
        _ => return None,
    };
    Weekday::from_str(name).ok()
}

/// Says whether a list names the `at`th of `all`, from the front or from the back, or nothing.
fn is_named(list: &[i32], at: u32, all: u32) -> bool {
    list.is_empty() || list.contains(&signed(at)) || list.contains(&(signed(at) - signed(all) - 1))
}

fn days_of_year(day: NaiveDate) -> u32 {
    if day.leap_year() { 366 } else { 365 }
}

fn days_of_month(day: NaiveDate) -> u32 {
    u32::from(day.num_days_in_month())
}

/// Days, weeks and months are small numbers.
fn signed(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests;
