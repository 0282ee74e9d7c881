//! The zones of a calendar: known ones by name, others by the rules that the calendar gives.
use std::{collections::HashMap, sync::Arc};

use chrono::NaiveDateTime;

use super::{
    Caps, IcsError,
    block::{Block, Calendar},
};
use crate::calendar::{
    LocalZone, Observance,
    line::{Property, visible},
    moment::{Moment, number},
    zone::{NAME_BYTES, Zone},
};

/// So much of a zone's description is kept with each of its events; real ones have 10 KB at most.
const DESCRIPTION_BYTES: usize = 32 << 10;

/// What the times of a calendar may name.
pub(super) struct Zones {
    described: HashMap<String, Arc<LocalZone>>,
    /// The zone of times that name none: UTC where the calendar does not say.
    pub(super) floating: Found,
    found: HashMap<String, Option<Found>>,
    most: usize,
}

/// A zone, and its description if nobody else knows it.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) zone: Zone,
    pub(super) own: Option<Arc<LocalZone>>,
}

impl Zones {
    pub(super) fn of(calendar: &Calendar<'_>, caps: &Caps) -> Self {
        let mut described = HashMap::new();
        for block in &calendar.zones {
            let Some(name) = block.first("TZID").and_then(|property| property.raw()) else {
                continue;
            };
            let name = name.into_exposed();
            if name.len() > NAME_BYTES {
                continue;
            }
            // What cannot be read has no observances, and is no zone.
            let observances = if block.is_cut { None } else { observances(block) };
            let observances = observances.filter(|all| weight_bytes(all) <= DESCRIPTION_BYTES);
            let zone = LocalZone::new(name.clone(), observances.unwrap_or_default());
            described.entry(name).or_insert_with(|| Arc::new(zone));
        }
        let floating = Found { zone: Zone::utc(), own: None };
        let mut zones = Self { described, floating, found: HashMap::new(), most: caps.zones };
        if let Some(found) = calendar.zone.as_deref().and_then(|name| zones.find(name)) {
            zones.floating = found;
        }
        zones
    }

    /// Finds a zone by the name that a time gives.
    pub(super) fn find(&mut self, name: &str) -> Option<Found> {
        if let Some(found) = self.found.get(name) {
            return found.clone();
        }
        let known = Zone::named(name).map(|zone| Found { zone, own: None });
        let found = known.or_else(|| {
            let own = self.described.get(name)?;
            Some(Found { zone: own.zone()?, own: Some(Arc::clone(own)) })
        });
        if self.found.len() <= self.most {
            self.found.insert(name.to_owned(), found.clone());
        }
        found
    }

    /// Refuses a file whose times name more zones than there may be.
    pub(super) fn check(&self) -> Result<(), IcsError> {
        if self.found.len() > self.most {
            return Err(IcsError::TooManyZones { limit: self.most });
        }
        Ok(())
    }
}

fn weight_bytes(observances: &[Observance]) -> usize {
    let lines = observances.iter().flat_map(|observance| &observance.recurrence);
    size_of_val(observances) + lines.map(|line| line.expose().len()).sum::<usize>()
}

fn observances(zone: &Block<'_>) -> Option<Vec<Observance>> {
    zone.inner.iter().map(observance).collect()
}

/// Reads one observance; `None` makes no sense, or is told by the time of another zone.
fn observance(block: &Block<'_>) -> Option<Observance> {
    if block.is_cut || block.lines.iter().any(|line| line.is_cut) {
        return None;
    }
    let is_rule = |property: &Property<'_>| property.is("RRULE") || property.is("RDATE");
    let lines = block
        .lines
        .iter()
        .filter(|line| Property::parse(&line.text).is_some_and(|property| is_rule(&property)));
    Some(Observance {
        starts: local(&block.first("DTSTART")?)?,
        from_seconds: offset(block.first("TZOFFSETFROM")?.value)?,
        to_seconds: offset(block.first("TZOFFSETTO")?.value)?,
        recurrence: lines.map(|line| visible(&line.text)).collect(),
    })
}

fn local(property: &Property<'_>) -> Option<NaiveDateTime> {
    match Moment::parse(property.value)? {
        Moment::Local(at) if property.parameter("TZID").is_none() => Some(at),
        Moment::Day(day) => Some(day.and_time(chrono::NaiveTime::MIN)),
        Moment::Local(_) | Moment::Utc(_) => None,
    }
}

/// Reads `+0100`, `-033000`; in seconds.
fn offset(text: &str) -> Option<i32> {
    let text = text.trim();
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let part = |from: usize| digits.get(from..from + 2).and_then(number::<i32>);
    let seconds = match digits.len() {
        4 => 0,
        6 => part(4)?,
        _ => return None,
    };
    Some(sign * (part(0)? * 3_600 + part(2)? * 60 + seconds))
}
