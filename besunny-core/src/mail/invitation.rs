//! Calendar invitations in a mail: recognised and recorded, not acted on (MAIL-12, MAIL-13).
use serde::{Deserialize, Serialize};

use super::caps::Caps;
use crate::{
    calendar::line::{Lines, Property, visible},
    untrusted::Untrusted,
};

/// Limits one unfolded property; longer descriptions are cut.
const PROPERTY_BYTES: usize = 8 * 1_024;

/// Limits the events of one calendar that are looked at for the main one.
const EVENTS: usize = 100;

/// Records what a mail says about one calendar event, as it is written there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invitation {
    /// Where it was found.
    pub source: InvitationSource,
    /// What the sender asks for.
    pub method: Option<Method>,
    /// Identifies the event across its updates.
    pub uid: Option<Untrusted<String>>,
    /// Counts the updates of the event.
    pub sequence: Option<u32>,
    /// Title of the event.
    pub summary: Option<Untrusted<String>>,
    /// Place or conference address.
    pub location: Option<Untrusted<String>>,
    /// Raw value of `DTSTART`.
    pub dtstart: Option<CalendarTime>,
    /// Raw value of `DTEND`.
    pub dtend: Option<CalendarTime>,
    /// Raw value of `RRULE`.
    pub rrule: Option<Untrusted<String>>,
    /// Raw value of `RECURRENCE-ID`: the mail is about one instance.
    pub recurrence_id: Option<CalendarTime>,
    /// Raw value of `ORGANIZER`, mostly `mailto:` and an address.
    pub organizer: Option<Untrusted<String>>,
}

/// Says where an invitation was found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InvitationSource {
    /// A `text/calendar` part or an attached `.ics` file.
    #[default]
    Calendar,
    /// Lines `When:` and `Where:` in the text.
    TextLines,
}

/// Names the methods of RFC 5546.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the words are those of RFC 5546 1.4")]
pub enum Method {
    Publish,
    Request,
    Reply,
    Add,
    Cancel,
    Refresh,
    Counter,
    DeclineCounter,
}

impl Method {
    pub(crate) fn parse(name: &str) -> Option<Self> {
        match name.trim().to_ascii_uppercase().as_str() {
            "PUBLISH" => Some(Self::Publish),
            "REQUEST" => Some(Self::Request),
            "REPLY" => Some(Self::Reply),
            "ADD" => Some(Self::Add),
            "CANCEL" => Some(Self::Cancel),
            "REFRESH" => Some(Self::Refresh),
            "COUNTER" => Some(Self::Counter),
            "DECLINECOUNTER" => Some(Self::DeclineCounter),
            _ => None,
        }
    }
}

/// Holds a date or time of a calendar as written, with its zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CalendarTime {
    /// The value, for example `20240131T100000Z` or `20240131`.
    pub value: Untrusted<String>,
    /// The `TZID` parameter.
    pub zone: Option<Untrusted<String>>,
}

/// Reads the first event of a calendar.
///
/// Of a series it is the one that is no exception.
#[must_use]
pub fn read_invitation(calendar: &str, caps: &Caps) -> Option<Invitation> {
    let end = calendar.floor_char_boundary(caps.calendar_bytes.min(calendar.len()));
    let mut reader = Reader::default();
    for line in Lines::of(&calendar[..end], PROPERTY_BYTES) {
        if let Some(property) = Property::parse(&line.text) {
            reader.take(&property);
        }
        if reader.is_done() {
            break;
        }
    }
    reader.finish()
}

/// Recognises the invitations that people write by hand: both `When:` and `Where:`.
pub(super) fn in_text(text: &str) -> Option<Invitation> {
    let (mut when, mut place) = (false, None);
    for line in text.lines() {
        let line = line.trim_start_matches(['*', ' ', '\t', '>']);
        if label_value(line, "when").is_some() {
            when = true;
        } else if let Some(value) = label_value(line, "where") {
            place = place.or(Some(value));
        }
    }
    let place = place.filter(|_| when)?;
    let location = Some(place.to_owned()).filter(|place| !place.is_empty()).map(Untrusted::new);
    Some(Invitation { source: InvitationSource::TextLines, location, ..Invitation::default() })
}

fn label_value<'a>(line: &'a str, label: &str) -> Option<&'a str> {
    let start = line.get(..label.len())?;
    let rest = &line[label.len()..];
    let value = rest.trim_start_matches('*').strip_prefix(':')?;
    start.eq_ignore_ascii_case(label).then(|| value.trim_matches(['*', ' ', '\t', '\r']))
}

fn time(property: &Property<'_>) -> Option<CalendarTime> {
    let zone = property.parameter("TZID").map(|zone| visible(&zone));
    Some(CalendarTime { value: property.raw()?, zone })
}

#[derive(Default)]
struct Reader {
    method: Option<Method>,
    /// The event that is being read, and the components open inside it.
    event: Option<(Invitation, usize)>,
    found: Option<Invitation>,
    events: usize,
}

impl Reader {
    /// The main event ends the search once the method is known too.
    fn is_done(&self) -> bool {
        let master = self.found.as_ref().is_some_and(|event| event.recurrence_id.is_none());
        self.events >= EVENTS || (master && self.method.is_some())
    }

    fn take(&mut self, property: &Property<'_>) {
        let Some((event, depth)) = &mut self.event else {
            return self.take_outside(property);
        };
        if property.is("begin") {
            *depth += 1;
        } else if property.is("end") && *depth > 0 {
            *depth -= 1;
        } else if property.is("end") {
            self.end_event();
        } else if *depth == 0 {
            event.take(property);
        }
    }

    fn take_outside(&mut self, property: &Property<'_>) {
        if property.is("method") {
            self.method = self.method.or(Method::parse(property.value));
        } else if property.is("begin") && property.value.trim().eq_ignore_ascii_case("vevent") {
            self.event = Some((Invitation::default(), 0));
        }
    }

    fn end_event(&mut self) {
        let Some((event, _)) = self.event.take() else { return };
        self.events += 1;
        let better = match &self.found {
            None => true,
            Some(found) => found.recurrence_id.is_some() && event.recurrence_id.is_none(),
        };
        if better {
            self.found = Some(event);
        }
    }

    fn finish(mut self) -> Option<Invitation> {
        // An event that was cut off still says what it is about.
        self.end_event();
        self.found.map(|event| Invitation { method: self.method, ..event })
    }
}

impl Invitation {
    fn take(&mut self, property: &Property<'_>) {
        match property.name.to_ascii_uppercase().as_str() {
            "UID" => self.uid = self.uid.take().or_else(|| property.text()),
            "SEQUENCE" => self.sequence = property.value.trim().parse().ok(),
            "SUMMARY" => self.summary = property.text(),
            "LOCATION" => self.location = property.text(),
            "DTSTART" => self.dtstart = time(property),
            "DTEND" => self.dtend = time(property),
            "RRULE" => self.rrule = property.raw(),
            "RECURRENCE-ID" => self.recurrence_id = time(property),
            "ORGANIZER" => self.organizer = property.raw(),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(calendar: &str) -> Option<Invitation> {
        read_invitation(calendar, &Caps::default())
    }

    const SERIES: &str = "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VTIMEZONE\r\n\
        BEGIN:STANDARD\r\nDTSTART:19700101T000000\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n\
        BEGIN:VEVENT\r\nUID:u1\r\nRECURRENCE-ID:20240108T100000Z\r\nSUMMARY:Moved\r\nEND:VEVENT\r\n\
        BEGIN:VEVENT\r\nUID:u1\r\nSEQUENCE:3\r\nSUMMARY:Weekly\\, with\r\n  everyone\\nSecond\r\n\
        DTSTART;TZID=\"Europe/Berlin\":20240101T110000\r\nDTEND;TZID=Europe/Berlin:20240101T120000\r\n\
        RRULE:FREQ=WEEKLY\r\nORGANIZER;CN=\"A: B\":mailto:a@x.org\r\nLOCATION:Room 1\r\n\
        BEGIN:VALARM\r\nSUMMARY:alarm\r\nEND:VALARM\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";

    #[test]
    fn mail_12_the_main_event_of_a_series_is_read() {
        insta::assert_json_snapshot!(read(SERIES), @r#"
        {
          "source": "calendar",
          "method": "request",
          "uid": "u1",
          "sequence": 3,
          "summary": "Weekly, with everyone\nSecond",
          "location": "Room 1",
          "dtstart": {
            "value": "20240101T110000",
            "zone": "Europe/Berlin"
          },
          "dtend": {
            "value": "20240101T120000",
            "zone": "Europe/Berlin"
          },
          "rrule": "FREQ=WEEKLY",
          "recurrence_id": null,
          "organizer": "mailto:a@x.org"
        }
        "#);
    }

    fn check(calendar: &str, uid: Option<&str>, method: Option<Method>) {
        let found = read(calendar);
        let found_uid = found.as_ref().and_then(|event| event.uid.clone());
        assert_eq!(found_uid.map(Untrusted::into_exposed).as_deref(), uid, "{calendar}");
        assert_eq!(found.and_then(|event| event.method), method, "{calendar}");
    }

    #[test]
    fn mail_12_odd_calendars_are_read_as_far_as_they_go() {
        check("begin:vevent\nuid:u\nend:vevent\nmethod:cancel", Some("u"), Some(Method::Cancel));
        check("BEGIN:VEVENT\nUID:u", Some("u"), None);
        check("BEGIN:VEVENT\nUID:u\nUID:v\nEND:VEVENT", Some("u"), None);
        check("BEGIN:VTODO\nUID:u\nEND:VTODO", None, None);
        check("METHOD:REQUEST\n", None, None);
        check("", None, None);
        check(
            "BEGIN:VEVENT\nBEGIN:X\nUID:inner\nEND:X\nUID:u\nEND:VEVENT\nMETHOD:Odd",
            Some("u"),
            None,
        );
    }

    #[test]
    fn mail_12_the_calendar_has_caps() {
        let caps = Caps { calendar_bytes: 20, ..Caps::default() };
        let cut = read_invitation("BEGIN:VEVENT\nUID:abcdefgh\n", &caps).unwrap();
        assert_eq!(cut.uid, Some(Untrusted::new("abc".to_owned())));
        let long = format!("BEGIN:VEVENT\nSUMMARY:{}", "x\n ".repeat(20_000));
        assert!(read(&long).unwrap().summary.unwrap().expose().len() <= PROPERTY_BYTES);
    }

    fn check_text(text: &str, found: bool) {
        assert_eq!(in_text(text).is_some(), found, "{text}");
    }

    #[test]
    fn mail_12_when_and_where_lines_are_a_weaker_sign() {
        check_text("Hi\nWhen: Monday\nWhere: Room 1\n", true);
        check_text("*When:* Monday\n*WHERE*: Room 1\n", true);
        check_text("When: Monday\n", false);
        check_text("When we meet: where: there\n", false);
        check_text("https://meet.google.com/abc-defg-hij\n", false);
        assert_eq!(in_text("When: x\nWhere: Room 1").unwrap().source, InvitationSource::TextLines);
    }

    proptest! {
        #[test]
        fn reading_never_panics(text in "(BEGIN:VEVENT|END:VEVENT|UID;X=\"|:|\\\\|;|\n|\r\n |\\PC){0,60}") {
            read(&text);
            in_text(&text);
        }
    }
}
