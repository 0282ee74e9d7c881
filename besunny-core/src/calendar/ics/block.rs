//! The components of a file: calendars, their zones and their events (RFC 5545 3.4).
use super::{Caps, IcsError};
use crate::{
    calendar::line::{Line, Lines, Property},
    mail::Method,
};

/// One calendar of a file; what stands outside of any is one too.
#[derive(Debug, Default)]
pub(super) struct Calendar<'a> {
    pub(super) method: Option<Method>,
    /// The zone of times that name none (`X-WR-TIMEZONE`).
    pub(super) zone: Option<String>,
    pub(super) zones: Vec<Block<'a>>,
    pub(super) events: Vec<Block<'a>>,
}

/// A component and those of its lines that are read.
#[derive(Debug)]
pub(super) struct Block<'a> {
    /// The line where it begins.
    pub(super) line: usize,
    pub(super) lines: Vec<Line<'a>>,
    /// Whether there are more lines than are kept.
    pub(super) is_cut: bool,
    /// The components in it that are read: the observances of a zone.
    pub(super) inner: Vec<Block<'a>>,
}

/// A component by what it is to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Calendar,
    Zone,
    Observance,
    Event,
    Other,
}

/// The properties of events and zones that are read.
const READ: [&str; 27] = [
    "ATTENDEE",
    "CONFERENCE",
    "DESCRIPTION",
    "DTEND",
    "DTSTAMP",
    "DTSTART",
    "DURATION",
    "EXDATE",
    "LAST-MODIFIED",
    "LOCATION",
    "ORGANIZER",
    "RDATE",
    "RECURRENCE-ID",
    "RRULE",
    "SEQUENCE",
    "STATUS",
    "SUMMARY",
    "TRANSP",
    "TZID",
    "TZOFFSETFROM",
    "TZOFFSETTO",
    "UID",
    "URL",
    "X-GOOGLE-CONFERENCE",
    "X-MICROSOFT-CDO-BUSYSTATUS",
    "X-MICROSOFT-ONLINEMEETINGEXTERNALLINK",
    "X-MICROSOFT-SKYPETEAMSMEETINGURL",
];

/// A file while it is read.
pub(super) struct Scan<'a, 'c> {
    caps: &'c Caps,
    calendars: Vec<Calendar<'a>>,
    /// The components that are open: what they are, what they are called, where they begin.
    open: Vec<(Kind, String, usize)>,
    events: usize,
    zones: usize,
    has_begun: bool,
}

impl<'a, 'c> Scan<'a, 'c> {
    /// Finds all calendars of a text.
    pub(super) fn of(text: &'a str, caps: &'c Caps) -> Result<Vec<Calendar<'a>>, IcsError> {
        let mut scan = Self {
            caps,
            calendars: Vec::new(),
            open: Vec::new(),
            events: 0,
            zones: 0,
            has_begun: false,
        };
        for line in Lines::of(text.trim_start_matches('\u{feff}'), caps.value_bytes) {
            scan.take(line)?;
        }
        match scan.open.last() {
            Some((.., line)) => Err(IcsError::CutOff { line: *line }),
            None if !scan.has_begun => Err(IcsError::NotCalendar),
            None => Ok(scan.calendars),
        }
    }

    fn take(&mut self, line: Line<'a>) -> Result<(), IcsError> {
        let Some(property) = Property::parse(&line.text) else { return Ok(()) };
        if property.is("BEGIN") {
            let name = property.value.trim().to_ascii_uppercase();
            return self.begin(name, line.number);
        }
        if property.is("END") {
            self.end(property.value.trim());
            return Ok(());
        }
        match self.kind() {
            Some(Kind::Calendar) | None => self.take_outer(&property),
            Some(Kind::Event | Kind::Zone | Kind::Observance)
                if READ.iter().any(|name| property.is(name)) =>
            {
                self.keep(line);
            }
            Some(Kind::Event | Kind::Zone | Kind::Observance | Kind::Other) => {}
        }
        Ok(())
    }

    fn kind(&self) -> Option<Kind> {
        self.open.last().map(|(kind, ..)| *kind)
    }

    fn begin(&mut self, name: String, line: usize) -> Result<(), IcsError> {
        self.has_begun = true;
        if name == "VEVENT" {
            self.end_event();
        }
        if self.open.len() >= self.caps.depth {
            return Err(IcsError::TooDeep { line, limit: self.caps.depth });
        }
        let kind = match (name.as_str(), self.kind()) {
            ("STANDARD" | "DAYLIGHT", Some(Kind::Zone)) => Kind::Observance,
            (_, Some(Kind::Event | Kind::Zone | Kind::Observance)) => Kind::Other,
            ("VCALENDAR", _) => Kind::Calendar,
            ("VEVENT", _) => Kind::Event,
            ("VTIMEZONE", _) => Kind::Zone,
            _ => Kind::Other,
        };
        self.open.push((kind, name, line));
        self.add(kind, Block { line, lines: Vec::new(), is_cut: false, inner: Vec::new() })
    }

    fn add(&mut self, kind: Kind, block: Block<'a>) -> Result<(), IcsError> {
        match kind {
            Kind::Calendar => self.calendars.push(Calendar::default()),
            Kind::Event => {
                self.events += 1;
                if self.events > self.caps.events {
                    return Err(IcsError::TooManyEvents { limit: self.caps.events });
                }
                self.calendar().events.push(block);
            }
            Kind::Zone => {
                self.zones += 1;
                if self.zones > self.caps.zones {
                    return Err(IcsError::TooManyZones { limit: self.caps.zones });
                }
                self.calendar().zones.push(block);
            }
            Kind::Observance => {
                let most = self.caps.properties;
                if let Some(zone) = self.calendar().zones.last_mut() {
                    zone.is_cut |= zone.inner.len() >= most;
                    if !zone.is_cut {
                        zone.inner.push(block);
                    }
                }
            }
            Kind::Other => {}
        }
        Ok(())
    }

    /// Ends a component, and those in it that were left open.
    fn end(&mut self, name: &str) {
        if let Some(at) = self.open.iter().rposition(|(_, open, _)| open.eq_ignore_ascii_case(name))
        {
            self.open.truncate(at);
        }
    }

    /// Ends an event that did not end before the next one begins; how much of it is lost nobody knows.
    fn end_event(&mut self) {
        let open = self.open.iter().position(|(kind, ..)| *kind == Kind::Event);
        let Some(at) = open else { return };
        self.open.truncate(at);
        if let Some(event) = self.calendar().events.last_mut() {
            event.is_cut = true;
        }
    }

    fn calendar(&mut self) -> &mut Calendar<'a> {
        if self.calendars.is_empty() {
            self.calendars.push(Calendar::default());
        }
        let last = self.calendars.len() - 1;
        &mut self.calendars[last]
    }

    fn take_outer(&mut self, property: &Property<'_>) {
        if property.is("METHOD") {
            let method = Method::parse(property.value);
            let calendar = self.calendar();
            calendar.method = calendar.method.or(method);
        } else if property.is("X-WR-TIMEZONE") {
            let zone = property.value.trim().to_owned();
            self.calendar().zone.get_or_insert(zone);
        }
    }

    fn keep(&mut self, line: Line<'a>) {
        let most = self.caps.properties;
        let kind = self.kind();
        let calendar = self.calendar();
        let block = match kind {
            Some(Kind::Event) => calendar.events.last_mut(),
            Some(Kind::Zone) => calendar.zones.last_mut(),
            Some(Kind::Observance) => {
                calendar.zones.last_mut().and_then(|zone| zone.inner.last_mut())
            }
            Some(Kind::Calendar | Kind::Other) | None => None,
        };
        if let Some(block) = block {
            block.is_cut |= block.lines.len() >= most;
            if !block.is_cut {
                block.lines.push(line);
            }
        }
    }
}

impl Block<'_> {
    /// Returns the first property of a name.
    pub(super) fn first(&self, name: &str) -> Option<Property<'_>> {
        self.properties().find(|property| property.is(name))
    }

    pub(super) fn properties(&self) -> impl Iterator<Item = Property<'_>> {
        self.lines.iter().filter_map(|line| Property::parse(&line.text))
    }
}
