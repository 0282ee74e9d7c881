//! Occurrences: what a series comes to within a window (RFC 5545 3.8.5).
//!
//! One way for every source. A series, its exceptions and its cancelled exceptions are given as the
//! source holds them; what comes back is keyed by the event's name and the original start. The work
//! is bounded by an [`Allowance`], and an answer that was cut says so.
use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use thiserror::Error;

use super::{CalendarEvent, EventStatus, EventTime, EventUid, rule::Steps, zone::Zone};

mod exception;
mod plan;

use self::{
    exception::{Exceptions, newest},
    plan::{Length, Plan},
};

/// So many occurrences are more than a screen, a year of meetings or a bot needs.
pub const OCCURRENCES: usize = 20_000;
/// So many steps may the expansion of one question take; a year of a daily rule takes 730.
pub const STEPS: u64 = 1_000_000;

/// A stretch of time; what overlaps it is within it.
///
/// A whole day is in no zone: here it is the day in UTC. What takes no time is within if it begins
/// within.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Its first moment.
    pub from: DateTime<Utc>,
    /// The moment after its last.
    pub to: DateTime<Utc>,
}

/// What an expansion may cost; what one series takes is not there for the next.
#[derive(Clone, Copy, Debug)]
pub struct Allowance {
    occurrences: usize,
    steps: Steps,
}

/// One time that something takes place, or would have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Occurrence<'a> {
    /// When the series would have it; none of an event that is no series.
    pub original: Option<EventTime>,
    /// Its first moment.
    pub starts: EventTime,
    /// The moment after its last; a time without an end ends when it starts (RFC 5545 3.6.1).
    pub ends: EventTime,
    /// Whether it takes place.
    pub status: EventStatus,
    /// What the source says of it: the event, the series or the exception.
    pub event: &'a CalendarEvent,
}

/// The occurrences of one series or of many, in the order of their starts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Occurrences<'a> {
    /// The occurrences, cancelled ones among them.
    pub found: Vec<Occurrence<'a>>,
    /// Whether there may be more, since the allowance was used up.
    pub is_cut: bool,
    /// The series that could not be expanded, by name.
    pub unreadable: Vec<(&'a EventUid, SeriesError)>,
}

/// Why a series cannot be expanded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{}", self.as_str())]
pub enum SeriesError {
    /// A line `RRULE`, `RDATE` or `EXDATE` makes no sense.
    Rule,
    /// A time names a zone that nobody describes, or one that makes no sense.
    Zone,
    /// A time is further away than a calendar reaches.
    Range,
}

impl SeriesError {
    /// Returns what is wrong, for people.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rule => "a recurrence rule cannot be read",
            Self::Zone => "a time zone is not known or makes no sense",
            Self::Range => "a time is out of range",
        }
    }
}

impl Window {
    /// Says whether something from `starts` to `ends` is within.
    #[must_use]
    pub fn has(&self, starts: &EventTime, ends: &EventTime) -> bool {
        let (starts, ends) = (starts.instant(), ends.instant());
        starts < self.to && (ends > self.from || starts >= self.from)
    }
}

impl Allowance {
    /// Allows so many occurrences and steps.
    #[must_use]
    pub const fn new(occurrences: usize, steps: u64) -> Self {
        Self { occurrences, steps: Steps::new(steps) }
    }
}

impl Default for Allowance {
    fn default() -> Self {
        Self::new(OCCURRENCES, STEPS)
    }
}

/// Checks that a series can be expanded, without doing it.
pub(super) fn check(event: &CalendarEvent) -> Result<(), SeriesError> {
    event.replaces.iter().chain(&event.starts).chain(&event.ends).try_for_each(|time| {
        plan::zone_of(time, event)?;
        Ok(())
    })?;
    Plan::of(event).map(|_| ())
}

/// Returns the clock of one of an event's times.
pub(super) fn clock_of(time: &EventTime, event: &CalendarEvent) -> Result<Zone, SeriesError> {
    plan::zone_of(time, event)
}

/// Returns the occurrences of all events within a window.
///
/// A series that cannot be expanded is named and does not disturb the others.
#[must_use]
pub fn agenda<'a>(
    events: impl IntoIterator<Item = &'a CalendarEvent>,
    window: &Window,
    allowance: &mut Allowance,
) -> Occurrences<'a> {
    let mut by_uid: BTreeMap<&EventUid, Vec<&CalendarEvent>> = BTreeMap::new();
    for event in events {
        by_uid.entry(&event.uid).or_default().push(event);
    }
    let mut all = Occurrences::default();
    for (uid, events) in by_uid {
        if all.is_cut && allowance.occurrences == 0 {
            break;
        }
        match occurrences(&events, window, allowance) {
            Ok(one) => {
                all.found.extend(one.found);
                all.is_cut |= one.is_cut;
            }
            Err(error) => all.unreadable.push((uid, error)),
        }
    }
    sort(&mut all.found);
    all
}

/// Returns the occurrences of the events of one name within a window.
///
/// The events are the series, if it is known, and its exceptions. Of several that say the same the
/// newest counts, by sequence, then by the time of the change, then by the order given.
pub fn occurrences<'a>(
    events: &[&'a CalendarEvent],
    window: &Window,
    allowance: &mut Allowance,
) -> Result<Occurrences<'a>, SeriesError> {
    let (exceptions, masters): (Vec<_>, Vec<_>) =
        events.iter().copied().partition(|event| event.replaces.is_some());
    let master = newest(masters);
    let exceptions = Exceptions::of(exceptions, master)?;
    let mut found = Found { window, most: allowance.occurrences, all: Vec::new(), is_cut: false };
    if let Some(master) = master.filter(|master| master.starts.is_some()) {
        let plan = Plan::of(master)?;
        found.take_series(&plan, &exceptions, &mut allowance.steps)?;
        found.take_exceptions(&exceptions, Some(&plan));
    } else {
        found.take_exceptions(&exceptions, None);
    }
    sort(&mut found.all);
    found.is_cut |= found.all.len() > allowance.occurrences;
    found.all.truncate(allowance.occurrences);
    allowance.occurrences -= found.all.len();
    Ok(Occurrences { found: found.all, is_cut: found.is_cut, unreadable: Vec::new() })
}

fn sort(occurrences: &mut [Occurrence<'_>]) {
    occurrences.sort_by(|one, other| {
        let key = |occurrence: &Occurrence<'_>| {
            (occurrence.starts.instant(), occurrence.original.as_ref().map(EventTime::instant))
        };
        key(one).cmp(&key(other)).then_with(|| one.event.uid.cmp(&other.event.uid))
    });
}

/// What was found so far.
struct Found<'a, 'w> {
    window: &'w Window,
    most: usize,
    all: Vec<Occurrence<'a>>,
    is_cut: bool,
}

impl<'a> Found<'a, '_> {
    /// Takes what the rules and dates of a series say, except what an exception replaces.
    fn take_series(
        &mut self,
        plan: &Plan<'a>,
        exceptions: &Exceptions<'a>,
        steps: &mut Steps,
    ) -> Result<(), SeriesError> {
        let is_series = plan.is_series() || !exceptions.is_empty();
        let mut seen = std::collections::HashSet::new();
        let mut failed = None;
        let within = plan.reach(self.window, exceptions.widest());
        let is_cut = plan.walk(within, steps, |original, length| {
            if plan.excludes(&original) || exceptions.replace(plan, &original) {
                return true;
            }
            match exceptions.later(plan, &original, length) {
                Ok((starts, ends, event)) if self.window.has(&starts, &ends) => {
                    if seen.insert(original.instant()) {
                        let status = status_of(event, Some(plan.master));
                        let original = is_series.then_some(original);
                        self.all.push(Occurrence { original, starts, ends, status, event });
                    }
                    self.all.len() <= self.most
                }
                Ok(_) => true,
                Err(error) => {
                    failed = Some(error);
                    false
                }
            }
        });
        self.is_cut |= is_cut;
        failed.map_or(Ok(()), Err)
    }

    fn take_exceptions(&mut self, exceptions: &Exceptions<'a>, plan: Option<&Plan<'a>>) {
        for exception in exceptions.iter() {
            let Some(original) = &exception.replaces else { continue };
            if plan.is_some_and(|plan| plan.excludes(original)) {
                continue;
            }
            let starts = exception.starts.as_ref().unwrap_or(original).clone();
            let length = match (&exception.starts, plan) {
                (None, Some(plan)) => plan.length,
                _ => Length::of(exception),
            };
            let Some(ends) = length.after(&starts) else { continue };
            if self.window.has(&starts, &ends) {
                let status = status_of(exception, plan.map(|plan| plan.master));
                let original = Some(original.clone());
                self.all.push(Occurrence { original, starts, ends, status, event: exception });
            }
        }
    }
}

/// A series that was cancelled as a whole takes its exceptions with it, unless they are newer.
fn status_of(event: &CalendarEvent, master: Option<&CalendarEvent>) -> EventStatus {
    let is_over = master.is_some_and(|master| {
        master.status == EventStatus::Cancelled && master.sequence >= event.sequence
    });
    if is_over { EventStatus::Cancelled } else { event.status }
}

/// No calendar reaches further from 1970, in seconds: years have four digits (RFC 5545 3.3.4).
const FURTHEST: i64 = 400_000_000_000;

/// Adds without leaving the calendar.
fn moved(time: DateTime<Utc>, by: TimeDelta) -> DateTime<Utc> {
    let end = if by < TimeDelta::zero() { -FURTHEST } else { FURTHEST };
    let seconds = time.checked_add_signed(by).map_or(end, |time| time.timestamp());
    DateTime::from_timestamp(seconds.clamp(-FURTHEST, FURTHEST), 0).unwrap_or_default()
}

#[cfg(test)]
mod tests;
