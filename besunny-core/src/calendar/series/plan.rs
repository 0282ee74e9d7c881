//! A series as something to walk: its clock, its rules, its single dates.
use std::{collections::HashSet, ops::RangeInclusive};

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};

use super::{SeriesError, Window, moved};
use crate::calendar::{
    CalendarEvent, EventTime,
    line::Property,
    moment::{Moment, Span},
    rule::{Rule, Steps, Until},
    zone::Zone,
};

/// A series and the clock by which it repeats.
#[derive(Debug)]
pub(super) struct Plan<'a> {
    pub(super) master: &'a CalendarEvent,
    pub(super) length: Length,
    starts: EventTime,
    zone: Zone,
    local: NaiveDateTime,
    rules: Vec<Rule>,
    /// Single dates; one that is a period has a length of its own.
    dates: Vec<(EventTime, Option<Length>)>,
    excluded: HashSet<DateTime<Utc>>,
    excluded_days: HashSet<NaiveDate>,
}

/// How long an occurrence takes: whole days, or a time that is the same whatever the clock does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Length {
    Days(i64),
    Time(TimeDelta),
}

impl Length {
    /// Returns how long an event takes: a day at least, or no time at all, if it does not say.
    pub(super) fn of(event: &CalendarEvent) -> Self {
        let Some(starts) = &event.starts else { return Self::Time(TimeDelta::zero()) };
        Self::between(starts, event.ends.as_ref())
    }

    fn between(starts: &EventTime, ends: Option<&EventTime>) -> Self {
        match (starts, ends) {
            (EventTime::Day(first), Some(EventTime::Day(end))) => {
                Self::Days((*end - *first).num_days().max(1))
            }
            (EventTime::Day(_), _) => Self::Days(1),
            (EventTime::At { .. }, ends) => {
                let time = ends.map_or(TimeDelta::zero(), |ends| ends.instant() - starts.instant());
                Self::Time(time.max(TimeDelta::zero()))
            }
        }
    }

    /// Returns the moment after something that takes so long from `starts`.
    pub(super) fn after(self, starts: &EventTime) -> Option<EventTime> {
        match starts {
            EventTime::Day(day) => {
                let days = match self {
                    Self::Days(days) => days,
                    Self::Time(time) => time.num_days().max(1),
                };
                Some(EventTime::Day(day.checked_add_signed(TimeDelta::try_days(days)?)?))
            }
            EventTime::At { at, zone } => {
                let ends = at.to_utc().checked_add_signed(self.time())?;
                Some(match zone.as_deref().and_then(Zone::named) {
                    Some(zone) => zone.moment(zone.show(ends)),
                    None => {
                        EventTime::At { at: ends.with_timezone(at.offset()), zone: zone.clone() }
                    }
                })
            }
        }
    }

    pub(super) fn time(self) -> TimeDelta {
        match self {
            Self::Days(days) => TimeDelta::try_days(days).unwrap_or(TimeDelta::MAX),
            Self::Time(time) => time,
        }
    }
}

/// Returns the clock of a time; whole days have that of UTC.
pub(super) fn zone_of(time: &EventTime, event: &CalendarEvent) -> Result<Zone, SeriesError> {
    match time {
        EventTime::Day(_) => Ok(Zone::utc()),
        EventTime::At { at, zone: None } => Ok(Zone::Fixed(*at.offset())),
        EventTime::At { zone: Some(name), .. } => {
            Zone::of_event(name, event).ok_or(SeriesError::Zone)
        }
    }
}

/// Returns a time as the clock of its zone shows it.
pub(super) fn local_of(time: &EventTime, zone: &Zone) -> NaiveDateTime {
    match time {
        EventTime::Day(day) => day.and_time(NaiveTime::MIN),
        EventTime::At { at, .. } => zone.show(at.to_utc()).naive_local(),
    }
}

impl<'a> Plan<'a> {
    /// Reads the lines of a series; of a single event there are none.
    pub(super) fn of(master: &'a CalendarEvent) -> Result<Self, SeriesError> {
        let starts = master.starts.clone().unwrap_or(EventTime::Day(NaiveDate::MIN));
        let zone = zone_of(&starts, master)?;
        let local = local_of(&starts, &zone);
        let length = Length::of(master);
        let (rules, dates) = (Vec::new(), Vec::new());
        let (excluded, excluded_days) = (HashSet::new(), HashSet::new());
        let mut plan =
            Self { master, length, starts, zone, local, rules, dates, excluded, excluded_days };
        for line in &master.recurrence {
            let property = Property::parse(line.expose()).ok_or(SeriesError::Rule)?;
            plan.take(&property)?;
        }
        Ok(plan)
    }

    pub(super) fn is_series(&self) -> bool {
        !self.master.recurrence.is_empty()
    }

    fn take(&mut self, property: &Property<'_>) -> Result<(), SeriesError> {
        if property.is("RRULE") {
            self.rules.push(Rule::parse(property.value).ok_or(SeriesError::Rule)?);
            return Ok(());
        }
        for value in property.value.split(',').map(str::trim).filter(|value| !value.is_empty()) {
            let (first, end) = value.split_once('/').map_or((value, None), |(a, b)| (a, Some(b)));
            let moment = Moment::parse(first).ok_or(SeriesError::Rule)?;
            if property.is("EXDATE") {
                self.exclude(moment, property)?;
            } else if property.is("RDATE") {
                let starts = self.time(moment, property)?;
                let length = end.map(|end| self.length_to(&starts, end, property)).transpose()?;
                self.dates.push((starts, length));
            }
        }
        Ok(())
    }

    /// Excludes a time, or all of a day.
    fn exclude(&mut self, moment: Moment, property: &Property<'_>) -> Result<(), SeriesError> {
        let is_day = self.starts.is_day() || matches!(moment, Moment::Day(_));
        if is_day {
            self.excluded_days.insert(moment.day());
        } else {
            let time = self.time(moment, property)?;
            self.excluded.insert(time.instant());
        }
        Ok(())
    }

    /// Reads a moment of a line; what names no zone is on the clock of the series.
    fn time(&self, moment: Moment, property: &Property<'_>) -> Result<EventTime, SeriesError> {
        let of_day = match moment {
            _ if self.starts.is_day() => return Ok(EventTime::Day(moment.day())),
            Moment::Utc(at) => return Ok(self.zone.moment(self.zone.show(at.and_utc()))),
            Moment::Day(day) => day.and_time(self.local.time()),
            Moment::Local(at) => at,
        };
        let time = match property.parameter("TZID") {
            Some(name) => {
                let zone = Zone::of_event(&name, self.master).ok_or(SeriesError::Zone)?;
                zone.at(of_day).map(|at| self.zone.moment(self.zone.show(at.to_utc())))
            }
            None => self.zone.event_time(of_day),
        };
        time.ok_or(SeriesError::Range)
    }

    /// Reads the end of a period: a time, or a duration.
    fn length_to(
        &self,
        starts: &EventTime,
        end: &str,
        property: &Property<'_>,
    ) -> Result<Length, SeriesError> {
        if let Some(moment) = Moment::parse(end) {
            let ends = self.time(moment, property)?;
            return Ok(Length::between(starts, Some(&ends)));
        }
        let span = Span::parse(end).ok_or(SeriesError::Rule)?;
        let days = TimeDelta::try_days(span.days).ok_or(SeriesError::Range)?;
        let time = span.by_clock().and_then(|time| time.checked_add(&days));
        Ok(Length::Time(time.ok_or(SeriesError::Range)?))
    }

    /// Says whether an `EXDATE` names this occurrence, or the day it is on.
    pub(super) fn excludes(&self, original: &EventTime) -> bool {
        self.excluded.contains(&original.instant())
            || !self.excluded_days.is_empty() && self.excluded_days.contains(&self.day_of(original))
    }

    /// Returns the day of an occurrence on the clock of the series.
    pub(super) fn day_of(&self, original: &EventTime) -> NaiveDate {
        local_of(original, &self.zone).date()
    }

    /// Returns a time on the clock of the series.
    pub(super) fn local_of(&self, time: &EventTime) -> NaiveDateTime {
        local_of(time, &self.zone)
    }

    /// Returns where on the clock the originals of a window may be.
    pub(super) fn reach(
        &self,
        window: &Window,
        widest: TimeDelta,
    ) -> RangeInclusive<NaiveDateTime> {
        let longest = self.dates.iter().filter_map(|(_, length)| *length).chain([self.length]);
        let longest = longest.map(Length::time).max().unwrap_or_default();
        let before = longest.checked_add(&widest).unwrap_or(TimeDelta::MAX);
        let from = self.zone.show(moved(window.from, -before)).naive_local();
        let to = self.zone.show(moved(window.to, widest)).naive_local();
        let leap = self.zone.widest_leap();
        from.checked_sub_signed(leap).unwrap_or(from)..=to.checked_add_signed(leap).unwrap_or(to)
    }

    /// Calls `each` with every original start in reach and its length, until it says no.
    ///
    /// Returns whether there may be more.
    pub(super) fn walk(
        &self,
        within: RangeInclusive<NaiveDateTime>,
        steps: &mut Steps,
        mut each: impl FnMut(EventTime, Length) -> bool,
    ) -> bool {
        for (starts, length) in &self.dates {
            let is_near = within.contains(&self.local_of(starts));
            if is_near && !(steps.take() && each(starts.clone(), length.unwrap_or(self.length))) {
                return true;
            }
        }
        if self.rules.is_empty() {
            return within.contains(&self.local) && !each(self.starts.clone(), self.length);
        }
        let mut is_cut = false;
        for rule in &self.rules {
            let until = self.until(rule);
            let within = *within.start()..=until.local.min(*within.end());
            is_cut |= rule.walk(self.local, within, steps, |local| match self.original(local) {
                Some(original) if until.instant.is_some_and(|last| original.instant() > last) => {
                    true
                }
                Some(original) => each(original, self.length),
                None => false,
            });
        }
        is_cut
    }

    /// Returns an occurrence by the clock of the series.
    fn original(&self, local: NaiveDateTime) -> Option<EventTime> {
        if local == self.local {
            return Some(self.starts.clone());
        }
        if self.starts.is_day() {
            return Some(EventTime::Day(local.date()));
        }
        self.zone.event_time(local)
    }

    /// Returns the last moment of a rule. A date means all of that day, as older calendars write it.
    fn until(&self, rule: &Rule) -> Last {
        let end_of = |day: NaiveDate| {
            day.and_time(NaiveTime::MIN) + (TimeDelta::days(1) - TimeDelta::seconds(1))
        };
        match rule.until {
            None => Last { local: NaiveDateTime::MAX, instant: None },
            Some(Until::Day(day)) => Last { local: end_of(day), instant: None },
            Some(Until::Local(at) | Until::Utc(at)) if self.starts.is_day() => {
                Last { local: end_of(at.date()), instant: None }
            }
            Some(Until::Local(at)) => Last { local: at, instant: None },
            // By the instant, since the clock may show a time twice.
            Some(Until::Utc(at)) => {
                let local = self.zone.show(at.and_utc()).naive_local() + self.zone.widest_leap();
                Last { local, instant: Some(at.and_utc()) }
            }
        }
    }
}

/// The last moment of a rule: on the clock, and perhaps as an instant.
struct Last {
    local: NaiveDateTime,
    instant: Option<DateTime<Utc>>,
}
