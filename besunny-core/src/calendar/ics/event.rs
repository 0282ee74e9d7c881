//! One event: from its lines to a [`CalendarEvent`].
use std::{fmt::Write as _, sync::Arc};

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use super::{
    EventError,
    block::Block,
    zones::{Found, Zones},
};
use crate::{
    calendar::{
        Attendance, Attendee, CalendarEvent, EventKind, EventStatus, EventTime, EventUid,
        line::{Line, Property, visible},
        moment::{Moment, Span},
        series::{self, SeriesError},
        zone::Zone,
    },
    mail::{Mailbox, Method},
    untrusted::Untrusted,
};

/// Properties for people: what is too long of them is cut.
const FOR_PEOPLE: [&str; 3] = ["SUMMARY", "DESCRIPTION", "LOCATION"];
/// An event names so many zones of its own at most: one for its start, and one for its end, and room.
const OWN_ZONES: usize = 4;
/// A name that is made for an event without one has so many bytes of its hash.
const NAME_BYTES: usize = 16;

/// Reads an event.
pub(super) fn read(
    block: &Block<'_>,
    zones: &mut Zones,
    method: Option<Method>,
) -> Result<CalendarEvent, EventError> {
    if block.is_cut {
        return Err(EventError::TooManyLines);
    }
    let mut draft = Draft::of(uid(block).unwrap_or_else(|| made_up(block)));
    for line in &block.lines {
        let Some(property) = Property::parse(&line.text) else { continue };
        if line.is_cut && !FOR_PEOPLE.iter().any(|name| property.is(name)) {
            return Err(EventError::TooLong);
        }
        draft.take(&property, line, zones)?;
    }
    draft.finish(method)
}

/// Returns the name of an event, if it has one.
pub(super) fn uid(block: &Block<'_>) -> Option<EventUid> {
    let text = block.first("UID")?.text()?;
    Some(EventUid::from_source(text.into_exposed()))
}

/// Returns which occurrence an event replaces, as far as that can be read.
pub(super) fn replaced(block: &Block<'_>, zones: &mut Zones) -> Option<EventTime> {
    let property = block.first("RECURRENCE-ID")?;
    Draft::of(made_up(block)).time(&property, zones).ok()
}

/// Makes a name of what the event says: the same event has the same name again.
fn made_up(block: &Block<'_>) -> EventUid {
    let mut hash = Sha256::new();
    for line in &block.lines {
        hash.update(line.text.as_bytes());
        hash.update(b"\n");
    }
    let mut name = String::from("unnamed-");
    for byte in &hash.finalize()[..NAME_BYTES] {
        // Writing to a string cannot fail.
        write!(name, "{byte:02x}").unwrap_or_default();
    }
    EventUid::from_source(name)
}

/// An event while its lines are read.
struct Draft {
    event: CalendarEvent,
    duration: Option<Span>,
    stamped_at: Option<DateTime<Utc>>,
    /// Addresses for joining, and how much each looks like one.
    links: Vec<(u8, Untrusted<String>)>,
}

impl Draft {
    fn of(uid: EventUid) -> Self {
        let event = CalendarEvent::new(uid);
        Self { event, duration: None, stamped_at: None, links: Vec::new() }
    }

    fn take(
        &mut self,
        property: &Property<'_>,
        line: &Line<'_>,
        zones: &mut Zones,
    ) -> Result<(), EventError> {
        let name = property.name.to_ascii_uppercase();
        match name.as_str() {
            "DTSTART" if self.event.starts.is_none() => {
                self.event.starts = Some(self.time(property, zones)?);
            }
            "DTEND" if self.event.ends.is_none() => {
                self.event.ends = Some(self.time(property, zones)?);
            }
            "DURATION" => {
                self.duration = Some(Span::parse(property.value).ok_or(EventError::Time)?);
            }
            "RECURRENCE-ID" => {
                self.event.replaces_rest = property.says("RANGE", "THISANDFUTURE");
                self.event.replaces = Some(self.time(property, zones)?);
            }
            "RRULE" | "RDATE" | "EXDATE" if !property.value.trim().is_empty() => {
                self.event.recurrence.push(visible(line.text.trim()));
                if let Some(zone) = property.parameter("TZID") {
                    self.zone(&zone, zones)?;
                }
            }
            "DTSTAMP" => self.stamped_at = instant(property.value),
            _ => self.take_fact(&name, property),
        }
        Ok(())
    }

    fn take_fact(&mut self, name: &str, property: &Property<'_>) {
        let event = &mut self.event;
        match name {
            "SEQUENCE" => event.sequence = property.value.trim().parse().unwrap_or(0),
            "STATUS" => event.status = status(property.value),
            "TRANSP" => event.is_free = property.value.trim().eq_ignore_ascii_case("TRANSPARENT"),
            "X-MICROSOFT-CDO-BUSYSTATUS" => event.kind = kind(property.value),
            "SUMMARY" => event.title = property.text(),
            "DESCRIPTION" => event.description = property.text(),
            "LOCATION" => event.location = property.text(),
            "ORGANIZER" => event.organizer = mailbox(property),
            "ATTENDEE" => event.attendees.extend(attendee(property)),
            "LAST-MODIFIED" => event.updated_at = instant(property.value).or(event.updated_at),
            _ => self.links.extend(link(name, property)),
        }
    }

    /// Reads a time and remembers its zone if nobody else knows it.
    fn time(
        &mut self,
        property: &Property<'_>,
        zones: &mut Zones,
    ) -> Result<EventTime, EventError> {
        let moment = Moment::parse(property.value).ok_or(EventError::Time)?;
        let moment =
            if property.says("VALUE", "DATE") { Moment::Day(moment.day()) } else { moment };
        let time = match (moment, property.parameter("TZID")) {
            (Moment::Day(day), _) => Some(EventTime::Day(day)),
            (Moment::Utc(at), _) => Zone::utc().event_time(at),
            (Moment::Local(at), Some(name)) => self.zone(&name, zones)?.event_time(at),
            (Moment::Local(at), None) => self.known(zones.floating.clone())?.event_time(at),
        };
        time.ok_or(EventError::Series(SeriesError::Range))
    }

    fn zone(&mut self, name: &str, zones: &mut Zones) -> Result<Zone, EventError> {
        let found = zones.find(name).ok_or(EventError::Series(SeriesError::Zone))?;
        self.known(found)
    }

    /// Remembers the description of a zone that nobody else knows.
    fn known(&mut self, Found { zone, own }: Found) -> Result<Zone, EventError> {
        let is_new = |own: &Arc<_>| !self.event.zones.contains(own);
        self.event.zones.extend(own.filter(is_new));
        if self.event.zones.len() > OWN_ZONES {
            return Err(EventError::Series(SeriesError::Zone));
        }
        Ok(zone)
    }

    fn finish(mut self, method: Option<Method>) -> Result<CalendarEvent, EventError> {
        if method == Some(Method::Cancel) {
            self.event.status = EventStatus::Cancelled;
        }
        if self.event.starts.is_none() && self.event.status != EventStatus::Cancelled {
            return Err(EventError::NoStart);
        }
        self.links.sort_by_key(|(rank, _)| *rank);
        self.event.conference = self.links.into_iter().map(|(_, link)| link).collect();
        self.event.updated_at = self.event.updated_at.or(self.stamped_at);
        self.event.ends = ends(&self.event, self.duration)?;
        series::check(&self.event)?;
        Ok(self.event)
    }
}

/// Returns when an event ends: of its own kind, and never before it begins.
fn ends(event: &CalendarEvent, duration: Option<Span>) -> Result<Option<EventTime>, EventError> {
    let Some(starts) = &event.starts else { return Ok(None) };
    let out_of_range = EventError::Series(SeriesError::Range);
    let ends = match (starts, &event.ends, duration) {
        (EventTime::Day(first), ends, duration) => {
            let end = match (ends, duration) {
                (Some(EventTime::Day(end)), _) => Some(*end),
                (Some(EventTime::At { at, .. }), _) => Some(at.date_naive()),
                (None, Some(span)) => {
                    let end = span.days_after(first.and_time(chrono::NaiveTime::MIN));
                    Some(end.ok_or(out_of_range)?.date())
                }
                (None, None) => None,
            };
            let least = first.succ_opt().ok_or(out_of_range)?;
            Some(EventTime::Day(end.map_or(least, |end| end.max(least))))
        }
        (EventTime::At { .. }, Some(end @ EventTime::At { .. }), _) => Some(end.clone()),
        (EventTime::At { zone, at }, Some(EventTime::Day(end)), _) => {
            let clock = series::clock_of(starts, event)?;
            let at_midnight = clock.at(end.and_time(chrono::NaiveTime::MIN)).ok_or(out_of_range)?;
            Some(EventTime::At { at: at_midnight.max(*at), zone: zone.clone() })
        }
        (EventTime::At { at, .. }, None, Some(span)) => {
            let clock = series::clock_of(starts, event)?;
            let later = span.days_after(clock.show(at.to_utc()).naive_local());
            let later = later.and_then(|later| clock.at(later)).ok_or(out_of_range)?;
            let end = span.by_clock().and_then(|time| later.to_utc().checked_add_signed(time));
            Some(clock.moment(clock.show(end.ok_or(out_of_range)?)))
        }
        (EventTime::At { .. }, None, None) => None,
    };
    Ok(ends.filter(|ends| ends.instant() >= starts.instant()))
}

fn status(text: &str) -> EventStatus {
    match text.trim().to_ascii_uppercase().as_str() {
        "CANCELLED" => EventStatus::Cancelled,
        "TENTATIVE" => EventStatus::Tentative,
        _ => EventStatus::Confirmed,
    }
}

/// Reads what Outlook calls it: out of office, or working elsewhere.
fn kind(text: &str) -> EventKind {
    match text.trim().to_ascii_uppercase().as_str() {
        "OOF" | "WORKINGELSEWHERE" => EventKind::Presence,
        _ => EventKind::Event,
    }
}

fn instant(text: &str) -> Option<DateTime<Utc>> {
    match Moment::parse(text)? {
        Moment::Utc(at) | Moment::Local(at) => Some(at.and_utc()),
        Moment::Day(_) => None,
    }
}

/// Reads a calendar user: `mailto:` and an address, or the parameter `EMAIL` (RFC 7986 6.2).
fn mailbox(property: &Property<'_>) -> Option<Mailbox> {
    let value = property.value.trim();
    let is_mailto = value.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("mailto:"));
    let address = if is_mailto { &value[7..] } else { value };
    let address = if address.contains('@') {
        visible(address.trim())
    } else {
        property.parameter("EMAIL").map_or_else(Untrusted::default, |email| visible(&email))
    };
    let name = property.parameter("CN").map(|name| visible(&name));
    (name.is_some() || !address.expose().is_empty()).then_some(Mailbox { name, address })
}

fn attendee(property: &Property<'_>) -> Option<Attendee> {
    let answer = property.parameter("PARTSTAT").map(|answer| answer.to_ascii_uppercase());
    let answer = match answer.as_deref() {
        Some("ACCEPTED") => Attendance::Accepted,
        Some("DECLINED") => Attendance::Declined,
        Some("TENTATIVE") => Attendance::Tentative,
        _ => Attendance::NeedsAction,
    };
    let is_resource = property.says("CUTYPE", "RESOURCE") || property.says("CUTYPE", "ROOM");
    Some(Attendee { mailbox: mailbox(property)?, answer, is_self: false, is_resource })
}

/// Returns an address for joining and its rank: video, other conferences, the page of the event.
fn link(name: &str, property: &Property<'_>) -> Option<(u8, Untrusted<String>)> {
    let rank = match name {
        "CONFERENCE" => {
            let features = property.parameter("FEATURE").unwrap_or_default().to_ascii_uppercase();
            u8::from(!features.split(',').any(|feature| feature.trim() == "VIDEO"))
        }
        "X-GOOGLE-CONFERENCE" | "X-MICROSOFT-SKYPETEAMSMEETINGURL" => 0,
        "X-MICROSOFT-ONLINEMEETINGEXTERNALLINK" => 1,
        "URL" => 2,
        _ => return None,
    };
    let link = property.raw()?;
    let scheme = link.expose().split_once("://")?.0.to_ascii_lowercase();
    ["http", "https"].contains(&scheme.as_str()).then_some((rank, link))
}
