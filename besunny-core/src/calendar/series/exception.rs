//! What replaces occurrences of a series: one, or all from one on (RFC 5545 3.8.4.4).
use std::collections::{HashMap, HashSet};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

use super::{
    SeriesError,
    plan::{Length, Plan, local_of, zone_of},
};
use crate::calendar::{CalendarEvent, EventTime};

/// The exceptions of a series.
#[derive(Debug)]
pub(super) struct Exceptions<'a> {
    all: Vec<&'a CalendarEvent>,
    instants: HashSet<DateTime<Utc>>,
    days: HashSet<NaiveDate>,
    /// Those that replace all later ones too, in order, and how far they move them.
    later: Vec<(DateTime<Utc>, TimeDelta, &'a CalendarEvent)>,
}

/// Returns the newest of several events that say the same; the last one of equals.
pub(super) fn newest(events: Vec<&CalendarEvent>) -> Option<&CalendarEvent> {
    events.into_iter().max_by_key(|event| (event.sequence, event.updated_at))
}

impl<'a> Exceptions<'a> {
    /// Keeps the newest exception of each occurrence.
    pub(super) fn of(
        events: Vec<&'a CalendarEvent>,
        master: Option<&CalendarEvent>,
    ) -> Result<Self, SeriesError> {
        let mut by_original: HashMap<_, Vec<&CalendarEvent>> = HashMap::new();
        for event in events {
            let original = event.replaces.as_ref().map(|time| (time.is_day(), time.instant()));
            by_original.entry(original).or_default().push(event);
        }
        let mut exceptions = Self {
            all: Vec::new(),
            instants: HashSet::new(),
            days: HashSet::new(),
            later: Vec::new(),
        };
        let is_day =
            master.and_then(|master| master.starts.as_ref()).is_some_and(EventTime::is_day);
        for event in by_original.into_values().filter_map(newest) {
            let Some(original) = &event.replaces else { continue };
            match original {
                EventTime::Day(day) => exceptions.days.insert(*day),
                EventTime::At { at, .. } if is_day => exceptions.days.insert(at.date_naive()),
                EventTime::At { at, .. } => exceptions.instants.insert(at.to_utc()),
            };
            exceptions.all.push(event);
            if event.replaces_rest {
                let by = match &event.starts {
                    Some(starts) => {
                        local_of(starts, &zone_of(starts, event)?)
                            - local_of(original, &zone_of(original, event)?)
                    }
                    None => TimeDelta::zero(),
                };
                exceptions.later.push((original.instant(), by, event));
            }
        }
        exceptions.later.sort_by_key(|(from, ..)| *from);
        Ok(exceptions)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &'a CalendarEvent> {
        self.all.iter().copied()
    }

    /// Says whether an exception stands for this occurrence alone.
    pub(super) fn replace(&self, plan: &Plan<'_>, original: &EventTime) -> bool {
        self.instants.contains(&original.instant())
            || !self.days.is_empty() && self.days.contains(&plan.day_of(original))
    }

    /// Returns how far originals of a window may lie outside of it, since they were moved.
    pub(super) fn widest(&self) -> TimeDelta {
        let reach = |(_, by, event): &(_, TimeDelta, &CalendarEvent)| {
            by.abs().checked_add(&Length::of(event).time()).unwrap_or(TimeDelta::MAX)
        };
        self.later.iter().map(reach).max().unwrap_or_default()
    }

    /// Returns an occurrence as the last exception says that replaces all later ones.
    pub(super) fn later(
        &self,
        plan: &Plan<'a>,
        original: &EventTime,
        length: Length,
    ) -> Result<(EventTime, EventTime, &'a CalendarEvent), SeriesError> {
        let at = self.later.partition_point(|(from, ..)| *from <= original.instant());
        let Some((_, by, event)) = at.checked_sub(1).map(|last| &self.later[last]) else {
            let ends = length.after(original).ok_or(SeriesError::Range)?;
            return Ok((original.clone(), ends, plan.master));
        };
        let (starts, length) = match &event.starts {
            None => (original.clone(), length),
            Some(model) => {
                let local =
                    plan.local_of(original).checked_add_signed(*by).ok_or(SeriesError::Range)?;
                let starts = match model {
                    EventTime::Day(_) => Some(EventTime::Day(local.date())),
                    EventTime::At { .. } => zone_of(model, event)?.event_time(local),
                };
                (starts.ok_or(SeriesError::Range)?, Length::of(event))
            }
        };
        let ends = length.after(&starts).ok_or(SeriesError::Range)?;
        Ok((starts, ends, event))
    }
}
