//! A calendar event as its source holds it, before anything is decided about it (CAL-6).
//!
//! An item of a calendar is what the source stores: a single event, a series with its rule, or an
//! exception of one occurrence. Series are expanded by us, in one way for every source, since an
//! endless series has no end at the source either.
use std::{fmt, sync::Arc};

use chrono::{DateTime, FixedOffset, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::{mail::Mailbox, source::Source, untrusted::Untrusted};

pub mod ics;
mod intake;
pub(crate) mod line;
mod moment;
mod rule;
pub mod series;
mod zone;

pub use intake::CalendarIntake;
pub(crate) use intake::hold;
pub use zone::{LocalZone, Observance};

/// A source of calendar events; one stream is one calendar.
///
/// In scope is every event of the calendar. A cancelled event that its source still names is
/// present with [`EventStatus::Cancelled`]; one that it names no more is
/// [`Removed`](crate::source::Change::Removed).
pub trait CalendarSource: Source<CalendarEvent> {}

impl<S: Source<CalendarEvent>> CalendarSource for S {}

/// One event, series or exception, as its source holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CalendarEvent {
    /// Identifies it across calendars and invitations (RFC 5545 3.8.4.7).
    pub uid: EventUid,
    /// Which occurrence of the series `uid` this replaces; none of a single event or a whole series.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<EventTime>,
    /// Whether it replaces all later occurrences too (`RANGE=THISANDFUTURE`, RFC 5545 3.2.13).
    #[serde(default)]
    pub replaces_rest: bool,
    /// Counts the updates that matter to guests (RFC 5545 3.8.7.4).
    #[serde(default)]
    pub sequence: u32,
    /// When the source last changed it, where it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<DateTime<Utc>>,
    /// Whether it takes place.
    pub status: EventStatus,
    /// What kind of entry it is.
    #[serde(default)]
    pub kind: EventKind,
    /// Whether it leaves its time free (RFC 5545 3.8.2.7).
    #[serde(default)]
    pub is_free: bool,
    /// Its first moment; a cancelled exception may have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts: Option<EventTime>,
    /// The moment after its last; exclusive, also for whole days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends: Option<EventTime>,
    /// The lines `RRULE`, `RDATE`, `EXDATE` of a series, as written (RFC 5545 3.8.5).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recurrence: Vec<Untrusted<String>>,
    /// What its source says of zones that it names and that have no IANA name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub zones: Vec<Arc<LocalZone>>,
    /// Its title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<Untrusted<String>>,
    /// Its description, perhaps HTML.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Untrusted<String>>,
    /// Where it takes place: a room, an address, a link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Untrusted<String>>,
    /// Addresses that its source gives for joining by video, the best first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conference: Vec<Untrusted<String>>,
    /// Who called it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organizer: Option<Mailbox>,
    /// Who is invited.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attendees: Vec<Attendee>,
    /// Whether the owner of the calendar called it; unknown where the source does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_own: Option<bool>,
}

/// The name of an event across calendars and invitations.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventUid(String);

/// A moment of a calendar: a whole day, or an instant with the offset it was written in.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventTime {
    /// A whole day, in no zone.
    Day(NaiveDate),
    /// An instant.
    At {
        /// The instant, in the offset that holds at the event.
        at: DateTime<FixedOffset>,
        /// The zone by which a series repeats: an IANA name, or one of the event's own zones.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        zone: Option<String>,
    },
}

/// Whether an event takes place (RFC 5545 3.8.1.11).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventStatus {
    /// It does.
    #[default]
    Confirmed,
    /// Perhaps.
    Tentative,
    /// It does not; other fields may be missing.
    Cancelled,
}

/// What kind of entry an event is (CAL-12).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// An event like any other.
    #[default]
    Event,
    /// Says when somebody is away, works alone or works where; never a meeting.
    Presence,
}

/// Somebody who is invited.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attendee {
    /// Name and address.
    pub mailbox: Mailbox,
    /// What they said.
    pub answer: Attendance,
    /// Whether it is the owner of the calendar.
    #[serde(default)]
    pub is_self: bool,
    /// Whether it is a room or another thing.
    #[serde(default)]
    pub is_resource: bool,
}

/// What somebody says to an invitation (CAL-6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Attendance {
    /// Nothing yet.
    #[default]
    NeedsAction,
    /// They come.
    Accepted,
    /// They do not come.
    Declined,
    /// They may come.
    Tentative,
}

impl CalendarEvent {
    /// Makes an event that has a name and nothing else.
    #[must_use]
    pub const fn new(uid: EventUid) -> Self {
        Self {
            uid,
            replaces: None,
            replaces_rest: false,
            sequence: 0,
            updated_at: None,
            status: EventStatus::Confirmed,
            kind: EventKind::Event,
            is_free: false,
            starts: None,
            ends: None,
            recurrence: Vec::new(),
            zones: Vec::new(),
            title: None,
            description: None,
            location: None,
            conference: Vec::new(),
            organizer: None,
            attendees: Vec::new(),
            is_own: None,
        }
    }

    /// Returns about how much memory it holds, in bytes.
    #[must_use]
    pub fn weight_bytes(&self) -> usize {
        let text = |text: &Option<Untrusted<String>>| text.as_ref().map_or(0, |t| t.expose().len());
        let lines = self.recurrence.iter().chain(&self.conference);
        let mailbox = |mailbox: &Mailbox| {
            mailbox.address.expose().len() + text(&mailbox.name) + size_of::<Attendee>()
        };
        let people = self.attendees.iter().map(|attendee| &attendee.mailbox);
        let observance = |one: &Observance| {
            size_of::<Observance>()
                + one.recurrence.iter().map(|line| line.expose().len()).sum::<usize>()
        };
        let zone = |zone: &Arc<LocalZone>| {
            zone.name.len() + zone.observances.iter().map(observance).sum::<usize>()
        };
        size_of::<Self>()
            + self.uid.0.len()
            + [&self.title, &self.description, &self.location].into_iter().map(text).sum::<usize>()
            + lines.map(|line| line.expose().len()).sum::<usize>()
            + people.chain(&self.organizer).map(mailbox).sum::<usize>()
            + self.zones.iter().map(zone).sum::<usize>()
    }
}

impl EventUid {
    /// Takes the name exactly as the source gave it.
    #[must_use]
    pub fn from_source(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Returns the name; somebody outside chose it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for EventUid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EventUid({} bytes)", self.0.len())
    }
}

impl EventTime {
    /// Returns the instant; a whole day begins at midnight UTC.
    #[must_use]
    pub fn instant(&self) -> DateTime<Utc> {
        match self {
            Self::Day(day) => day.and_time(chrono::NaiveTime::MIN).and_utc(),
            Self::At { at, .. } => at.to_utc(),
        }
    }

    /// Says whether it is a whole day.
    #[must_use]
    pub const fn is_day(&self) -> bool {
        matches!(self, Self::Day(_))
    }
}
