//! Calendars in text: `.ics` files and the calendar parts of mail (RFC 5545, RFC 5546, RFC 7986).
//!
//! A file is read in one pass, with caps; what is wrong with one event is reported and does not
//! disturb its neighbours. Series are not expanded here: [`series`](super::series) does that.
use std::borrow::Cow;

use thiserror::Error;

use super::{CalendarEvent, EventTime, EventUid, series::SeriesError};
use crate::mail::{Method, charset};

mod block;
mod event;
mod zones;

use self::{block::Scan, zones::Zones};

/// Ten years of a busy calendar have a tenth of it.
pub const BYTES: usize = 16 << 20;
/// Thirteen events a day for ten years.
pub const EVENTS: usize = 50_000;
/// Events contain alarms, and calendars contain events: real files are three deep.
pub const DEPTH: usize = 16;
/// Files of real programs describe a handful of zones.
pub const ZONES: usize = 100;
/// One event has no more lines: an event with 2,000 guests and 1,000 exceptions has fewer.
pub const PROPERTIES: usize = 10_000;
/// Lines are to be folded after 75 bytes (RFC 5545 3.1), but pictures within events are often not.
pub const LINE_BYTES: usize = 8 << 20;
/// Of one property so much is kept: Google cuts descriptions at 8 KiB, Outlook's are longer.
pub const VALUE_BYTES: usize = 64 << 10;

/// Limits what is read of a calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caps {
    /// Bytes of the whole file.
    pub bytes: usize,
    /// Events in the file.
    pub events: usize,
    /// Components within one another.
    pub depth: usize,
    /// Time zones in the file.
    pub zones: usize,
    /// Lines of one event.
    pub properties: usize,
    /// Bytes of one line of the file.
    pub line_bytes: usize,
    /// Bytes of one property that are kept.
    pub value_bytes: usize,
}

impl Default for Caps {
    fn default() -> Self {
        Self {
            bytes: BYTES,
            events: EVENTS,
            depth: DEPTH,
            zones: ZONES,
            properties: PROPERTIES,
            line_bytes: LINE_BYTES,
            value_bytes: VALUE_BYTES,
        }
    }
}

/// What a file holds, in the order of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IcsFile {
    /// The events that can be read.
    pub entries: Vec<Entry>,
    /// The events that cannot.
    pub unreadable: Vec<Unreadable>,
}

/// An event and what its sender asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The event; one that its sender cancels has that status.
    pub event: CalendarEvent,
    /// What the calendar around it asks for, where it is a message (RFC 5546).
    pub method: Option<Method>,
}

/// An event that cannot be read, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Its name, if it has one.
    pub uid: Option<EventUid>,
    /// Which occurrence of its series it is about, if it says so.
    pub replaces: Option<EventTime>,
    /// The line where it begins, from 1.
    pub line: usize,
    /// What is wrong.
    pub why: EventError,
}

/// Why a file is refused as a whole. It carries nothing of the content.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum IcsError {
    /// The file exceeds [`Caps::bytes`].
    #[error("a calendar of {bytes} bytes exceeds the limit of {limit} bytes")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The limit in force.
        limit: usize,
    },
    /// There is nothing but white space.
    #[error("the calendar is empty")]
    Empty,
    /// Nothing in it begins a component.
    #[error("no calendar was found in it")]
    NotCalendar,
    /// Its end is missing: what was still to come must not be taken for removed.
    #[error("the calendar is cut off: a component that begins in line {line} does not end")]
    CutOff {
        /// Where the innermost open component begins.
        line: usize,
    },
    /// There are more events than [`Caps::events`].
    #[error("the calendar has more than {limit} events")]
    TooManyEvents {
        /// The limit in force.
        limit: usize,
    },
    /// There are more time zones than [`Caps::zones`].
    #[error("the calendar has more than {limit} time zones")]
    TooManyZones {
        /// The limit in force.
        limit: usize,
    },
    /// Components lie deeper in one another than [`Caps::depth`].
    #[error("line {line} begins a component more than {limit} deep")]
    TooDeep {
        /// Where.
        line: usize,
        /// The limit in force.
        limit: usize,
    },
    /// A line of the file exceeds [`Caps::line_bytes`].
    #[error("line {line} exceeds the limit of {limit} bytes")]
    LineTooLong {
        /// Which line of the file, from 1.
        line: usize,
        /// The limit in force.
        limit: usize,
    },
}

/// Why one event cannot be read. It carries nothing of the content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{}", self.as_str())]
pub enum EventError {
    /// It does not say when it begins.
    NoStart,
    /// A time in it is none.
    Time,
    /// One of its lines exceeds [`Caps::value_bytes`], and it matters.
    TooLong,
    /// It has more lines than [`Caps::properties`].
    TooManyLines,
    /// Its rules or its zones cannot be followed.
    Series(SeriesError),
}

impl EventError {
    /// Returns what is wrong, for people.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoStart => "it has no start",
            Self::Time => "a date or time cannot be read",
            Self::TooLong => "a line of it is too long",
            Self::TooManyLines => "it has too many lines",
            Self::Series(error) => error.as_str(),
        }
    }
}

impl From<SeriesError> for EventError {
    fn from(error: SeriesError) -> Self {
        Self::Series(error)
    }
}

/// Reads a calendar file.
///
/// The file may hold several calendars, or events without a calendar around them. Its charset is
/// UTF-8 (RFC 5545 3.1.4); UTF-16 and windows-1252 are recognised.
///
/// # Errors
/// [`IcsError`] refuses the file as a whole. An event that cannot be read is in
/// [`IcsFile::unreadable`].
pub fn read(raw: &[u8], caps: &Caps) -> Result<IcsFile, IcsError> {
    read_as(raw, None, caps)
}

/// Reads the calendar part of a mail, whose type may say what the sender asks for (RFC 6047 2.4).
///
/// What a calendar says itself goes before `declared`.
///
/// # Errors
/// As [`read`].
pub fn read_as(raw: &[u8], declared: Option<Method>, caps: &Caps) -> Result<IcsFile, IcsError> {
    if raw.len() > caps.bytes {
        return Err(IcsError::TooLarge { bytes: raw.len(), limit: caps.bytes });
    }
    let unfolded = unfolded(raw);
    let text = charset::file_text(&unfolded);
    if text.trim().is_empty() {
        return Err(IcsError::Empty);
    }
    if let Some(line) = text.split('\n').position(|line| line.len() > caps.line_bytes) {
        return Err(IcsError::LineTooLong { line: line + 1, limit: caps.line_bytes });
    }
    let mut file = IcsFile::default();
    for calendar in Scan::of(&text, caps)? {
        let mut zones = Zones::of(&calendar, caps);
        let method = calendar.method.or(declared);
        for block in &calendar.events {
            match event::read(block, &mut zones, method) {
                Ok(event) => file.entries.push(Entry { event, method }),
                Err(why) => {
                    let (uid, replaces) = (event::uid(block), event::replaced(block, &mut zones));
                    file.unreadable.push(Unreadable { uid, replaces, line: block.line, why });
                }
            }
            zones.check()?;
        }
    }
    Ok(file)
}

/// Unfolds bytes where folding has split a letter, which RFC 5545 3.1 allows.
fn unfolded(raw: &[u8]) -> Cow<'_, [u8]> {
    if raw.is_ascii() || str::from_utf8(raw).is_ok() {
        return Cow::Borrowed(raw);
    }
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = memchr::memchr(b'\n', rest) {
        if matches!(rest.get(at + 1), Some(b' ' | b'\t')) {
            bytes.extend_from_slice(rest[..at].strip_suffix(b"\r").unwrap_or(&rest[..at]));
            rest = &rest[at + 2..];
        } else {
            bytes.extend_from_slice(&rest[..=at]);
            rest = &rest[at + 1..];
        }
    }
    bytes.extend_from_slice(rest);
    if str::from_utf8(&bytes).is_ok() { Cow::Owned(bytes) } else { Cow::Borrowed(raw) }
}

#[cfg(test)]
mod tests;
