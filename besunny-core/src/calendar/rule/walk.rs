//! Walking a rule: one period after the other, with a bound on the steps.
use std::ops::RangeInclusive;

use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike};

use super::{Frequency, Rule, days_of_month, days_of_year, signed};

/// How many steps a walk may still take; a step is a day, a time or a period looked at.
#[derive(Clone, Copy, Debug)]
pub(in crate::calendar) struct Steps(u64);

impl Steps {
    pub(in crate::calendar) const fn new(steps: u64) -> Self {
        Self(steps)
    }

    /// Takes one step, if there is one left.
    pub(in crate::calendar) const fn take(&mut self) -> bool {
        let has_left = self.0 > 0;
        self.0 = self.0.saturating_sub(1);
        has_left
    }

    /// Takes a step for each of these times of a day but the first, before they are made: a rule that
    /// shows one of thousands an hour costs what it makes.
    const fn take_for(&mut self, hours: &[u32], minutes: &[u32], seconds: &[u32]) -> bool {
        let more = (hours.len() * minutes.len() * seconds.len()).saturating_sub(1) as u64;
        let has_left = self.0 >= more;
        self.0 = self.0.saturating_sub(more);
        has_left
    }
}

/// Why a walk goes no further.
enum Stop {
    /// The rule is over, or what was asked for.
    Over,
    /// There are more, but the steps are used up, or whoever asks has enough.
    Cut,
}

impl Rule {
    /// Calls `each` with every time in `within`, in order, until it says no.
    ///
    /// The first time is always `start`, whatever the rule says, and it counts (RFC 5545 3.8.5.3).
    /// Without a count the walk begins near the first time that is asked for, so that a rule which
    /// began long ago costs no more than a new one. Returns whether there may be more.
    pub(in crate::calendar) fn walk(
        &self,
        start: NaiveDateTime,
        within: RangeInclusive<NaiveDateTime>,
        steps: &mut Steps,
        each: impl FnMut(NaiveDateTime) -> bool,
    ) -> bool {
        let rule = self.completed(start.date());
        let (hours, minutes, seconds) = (
            or(&rule.hours, start.hour()),
            or(&rule.minutes, start.minute()),
            or(&rule.seconds, start.second()),
        );
        let mut walk = Walk { rule: &rule, start, within, steps, each, left: rule.count };
        let stop = match walk.first() {
            Err(stop) => stop,
            Ok(()) if rule.frequency < Frequency::Daily => walk.by_clock(&minutes, &seconds),
            Ok(()) if walk.steps.take_for(&hours, &minutes, &seconds) => {
                walk.by_days(&times(&hours, &minutes, &seconds))
            }
            Ok(()) => Stop::Cut,
        };
        matches!(stop, Stop::Cut)
    }
}

struct Walk<'a, F> {
    rule: &'a Rule,
    start: NaiveDateTime,
    within: RangeInclusive<NaiveDateTime>,
    steps: &'a mut Steps,
    each: F,
    /// How many times the rule may still happen, if it counts.
    left: Option<u64>,
}

impl<F: FnMut(NaiveDateTime) -> bool> Walk<'_, F> {
    fn first(&mut self) -> Result<(), Stop> {
        self.show(self.start)
    }

    /// Counts a time and shows it if it is asked for.
    fn show(&mut self, time: NaiveDateTime) -> Result<(), Stop> {
        if time > *self.within.end() {
            return Err(Stop::Over);
        }
        if time >= *self.within.start() && !(self.each)(time) {
            return Err(Stop::Cut);
        }
        if let Some(left) = &mut self.left {
            *left -= 1;
            if *left == 0 {
                return Err(Stop::Over);
            }
        }
        Ok(())
    }

    fn step(&mut self) -> Result<(), Stop> {
        if self.steps.take() { Ok(()) } else { Err(Stop::Cut) }
    }

    /// Walks by years, months, weeks or days.
    fn by_days(&mut self, times: &[NaiveTime]) -> Stop {
        let mut number = self.skipped();
        let mut days = Vec::new();
        loop {
            let Some((first, length)) = self.period(number) else { return Stop::Over };
            if first > self.within.end().date() {
                return Stop::Over;
            }
            if let Err(stop) = self.find_days(first, length, &mut days) {
                return stop;
            }
            if let Err(stop) = self.show_all(&days, times) {
                return stop;
            }
            number += 1;
        }
    }

    /// Finds the days of a period that the rule allows; a month that it does not is one step.
    fn find_days(
        &mut self,
        first: NaiveDate,
        length: i64,
        days: &mut Vec<NaiveDate>,
    ) -> Result<(), Stop> {
        days.clear();
        let (mut day, mut left) = (first, length);
        while left > 0 {
            self.step()?;
            let allows = self.rule.is_in_month(day);
            if allows && self.rule.is_on(day) {
                days.push(day);
            }
            let ahead = if allows { 1 } else { i64::from(days_of_month(day) - day.day0()) };
            let Some(next) = day.checked_add_signed(TimeDelta::days(ahead)) else { break };
            (day, left) = (next, left - ahead);
        }
        Ok(())
    }

    /// Returns how many periods may be passed over, since they are before what is asked for.
    fn skipped(&self) -> i64 {
        if self.left.is_some() {
            return 0;
        }
        let (start, from) = (self.start.date(), self.within.start().date());
        let months = |day: NaiveDate| i64::from(day.year()) * 12 + i64::from(day.month0());
        let between = match self.rule.frequency {
            Frequency::Yearly => i64::from(from.year()) - i64::from(start.year()),
            Frequency::Monthly => months(from) - months(start),
            Frequency::Weekly => (from - start).num_days() / 7,
            Frequency::Daily | Frequency::Hourly | Frequency::Minutely | Frequency::Secondly => {
                (from - start).num_days()
            }
        };
        // One period before, since weeks and rounding may hold a day more.
        (between / self.rule.interval - 1).max(0)
    }

    /// Returns the first day of a period and how many it has.
    fn period(&self, number: i64) -> Option<(NaiveDate, i64)> {
        let start = self.start.date();
        let ahead = number.checked_mul(self.rule.interval)?;
        match self.rule.frequency {
            Frequency::Yearly => {
                let year = i64::from(start.year()).checked_add(ahead)?;
                let first = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, 1, 1)?;
                Some((first, days_of_year(first).into()))
            }
            Frequency::Monthly => {
                let month = i64::from(start.year()) * 12 + i64::from(start.month0()) + ahead;
                let year = i32::try_from(month.div_euclid(12)).ok()?;
                let month = u32::try_from(month.rem_euclid(12)).ok()? + 1;
                let first = NaiveDate::from_ymd_opt(year, month, 1)?;
                Some((first, days_of_month(first).into()))
            }
            Frequency::Weekly => {
                let since = start.weekday().days_since(self.rule.week_starts);
                let days = ahead.checked_mul(7)?.checked_sub(since.into())?;
                Some((start.checked_add_signed(TimeDelta::try_days(days)?)?, 7))
            }
            Frequency::Daily | Frequency::Hourly | Frequency::Minutely | Frequency::Secondly => {
                Some((start.checked_add_signed(TimeDelta::try_days(ahead)?)?, 1))
            }
        }
    }

    /// Shows the times of a period, or those at the positions that the rule names.
    fn show_all(&mut self, days: &[NaiveDate], times: &[NaiveTime]) -> Result<(), Stop> {
        let all = days.len() * times.len();
        let at = |number: usize| days[number / times.len()].and_time(times[number % times.len()]);
        if self.rule.positions.is_empty() {
            for number in 0..all {
                self.show_later(at(number))?;
            }
            return Ok(());
        }
        let mut numbers: Vec<usize> =
            self.rule.positions.iter().filter_map(|position| nth(*position, all)).collect();
        numbers.sort_unstable();
        numbers.dedup();
        for number in numbers {
            self.show_later(at(number))?;
        }
        Ok(())
    }

    /// Shows a time, unless it is the first one, which was shown, or before it.
    fn show_later(&mut self, time: NaiveDateTime) -> Result<(), Stop> {
        self.step()?;
        if time > self.start { self.show(time) } else { Ok(()) }
    }

    /// Walks by hours, minutes or seconds.
    fn by_clock(&mut self, minutes: &[u32], seconds: &[u32]) -> Stop {
        let unit = self.rule.frequency.seconds();
        let step = unit * self.rule.interval;
        let start = self.start.and_utc().timestamp();
        let base = start - start.rem_euclid(unit);
        let ahead = self.within.start().and_utc().timestamp() - base;
        let mut number = if self.left.is_some() { 0 } else { (ahead / step - 1).max(0) };
        loop {
            let time = number.checked_mul(step).and_then(|ahead| base.checked_add(ahead));
            let Some(time) = time.and_then(|time| chrono::DateTime::from_timestamp(time, 0)) else {
                return Stop::Over;
            };
            let time = time.naive_utc();
            if time > *self.within.end() {
                return Stop::Over;
            }
            if let Err(stop) = self.step() {
                return stop;
            }
            let Some(next) = self.is_later_on(time) else {
                if let Err(stop) = self.show_within(time, minutes, seconds) {
                    return stop;
                }
                number += 1;
                continue;
            };
            // The first period at or after the next time that may be allowed.
            number = (next - base).div_euclid(step) + i64::from((next - base).rem_euclid(step) > 0);
        }
    }

    /// Returns when the rule may hold again, if it does not hold in this hour, minute or second.
    fn is_later_on(&self, time: NaiveDateTime) -> Option<i64> {
        let rule = self.rule;
        let at = time.and_utc().timestamp();
        let after = |unit: i64| Some(at - at.rem_euclid(unit) + unit);
        let allows = |list: &[i32], value: u32| list.is_empty() || list.contains(&signed(value));
        if !rule.is_on(time.date()) {
            after(86_400)
        } else if !allows(&rule.hours, time.hour()) {
            after(3_600)
        } else if rule.frequency <= Frequency::Minutely && !allows(&rule.minutes, time.minute()) {
            after(60)
        } else if rule.frequency == Frequency::Secondly && !allows(&rule.seconds, time.second()) {
            after(1)
        } else {
            None
        }
    }

    /// Shows the times within one hour, minute or second.
    fn show_within(
        &mut self,
        time: NaiveDateTime,
        minutes: &[u32],
        seconds: &[u32],
    ) -> Result<(), Stop> {
        let (hour, minute, second) = ([time.hour()], [time.minute()], [time.second()]);
        let by = self.rule.frequency;
        let minutes = if by == Frequency::Hourly { minutes } else { &minute };
        let seconds = if by == Frequency::Secondly { &second } else { seconds };
        if !self.steps.take_for(&hour, minutes, seconds) {
            return Err(Stop::Cut);
        }
        self.show_all(&[time.date()], &times(&hour, minutes, seconds))
    }
}

/// Returns what a rule names, or else what the first occurrence has.
fn or(list: &[i32], start: u32) -> Vec<u32> {
    if list.is_empty() {
        return vec![start];
    }
    // The second 60 is not on this clock.
    list.iter().filter_map(|value| u32::try_from(*value).ok()).filter(|value| *value < 60).collect()
}

fn times(hours: &[u32], minutes: &[u32], seconds: &[u32]) -> Vec<NaiveTime> {
    let mut times = Vec::with_capacity(hours.len() * minutes.len() * seconds.len());
    for hour in hours {
        for minute in minutes {
            let at = |second: &u32| NaiveTime::from_hms_opt(*hour, *minute, *second);
            times.extend(seconds.iter().filter_map(at));
        }
    }
    times.sort_unstable();
    times.dedup();
    times
}

/// Returns the index of the `position`th of `all`, from the front or from the back.
fn nth(position: i32, all: usize) -> Option<usize> {
    let index = usize::try_from(position.unsigned_abs()).ok()?.checked_sub(1)?;
    let index = if position > 0 { Some(index) } else { all.checked_sub(index + 1) };
    index.filter(|index| *index < all)
}
