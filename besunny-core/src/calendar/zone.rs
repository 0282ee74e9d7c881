//! Time zones: by their IANA name, by the names of others, or by rules of the calendar itself.
use std::{
    str::FromStr,
    sync::{Arc, OnceLock},
};

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, Offset, TimeDelta, TimeZone, Utc};
use chrono_tz::{TZ_VARIANTS, Tz};
use serde::{Deserialize, Serialize};

use super::{
    CalendarEvent, EventTime,
    line::Property,
    moment::Moment,
    rule::{Rule, Steps, Until},
};
use crate::untrusted::Untrusted;

mod windows;

/// No zone has a longer name; others are not looked for.
pub(super) const NAME_BYTES: usize = 255;
/// No zone was ever further from UTC; in seconds (Manila before 1845: just under 16 hours).
const FURTHEST: i32 = 18 * 3_600;
/// Rules of a zone are followed in these years; later its last offset holds. Outlook's begin in 1601.
const YEARS: [i32; 2] = [1_900, 2_100];
/// The zone with the most changes in the IANA data has under 400 of them up to 2100.
const CHANGES: usize = 2_000;
/// A zone that takes more steps is absurd: two rules of a day in a month each take 17,000.
const STEPS: u64 = 30_000;

/// A zone that a calendar describes itself (`VTIMEZONE`, RFC 5545 3.6.5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalZone {
    /// The name that times of the event give.
    pub name: String,
    /// Its offsets, and when each begins to hold.
    pub observances: Vec<Observance>,
    #[serde(skip)]
    followed: Followed,
}

/// What the rules of a zone come to, once they were followed; two zones of one text are equal.
#[derive(Clone, Debug, Default)]
struct Followed(OnceLock<Option<Arc<Changes>>>);

impl PartialEq for Followed {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Followed {}

/// One offset of a zone and when it begins to hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observance {
    /// When it holds first, on the clock before the change.
    pub starts: NaiveDateTime,
    /// The offset before the change, in seconds east of UTC.
    pub from_seconds: i32,
    /// The offset after it, in seconds east of UTC.
    pub to_seconds: i32,
    /// The lines `RRULE` and `RDATE` that say when it holds again, as written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recurrence: Vec<Untrusted<String>>,
}

/// A zone as something that can be asked.
#[derive(Clone, Debug)]
pub(super) enum Zone {
    /// One offset for ever.
    Fixed(FixedOffset),
    /// A zone of the IANA data.
    Named(Tz),
    /// A zone of the calendar.
    Local(Arc<Changes>),
}

/// When the offset of a zone changes.
#[derive(Clone, Debug)]
pub(super) struct Changes {
    name: String,
    before: FixedOffset,
    /// The instants, in order, and the offset from there.
    after: Vec<(DateTime<Utc>, FixedOffset)>,
}

impl Zone {
    /// UTC.
    pub(super) fn utc() -> Self {
        Self::Fixed(Utc.fix())
    }

    /// Finds a zone by any name that is in use for it.
    pub(super) fn named(name: &str) -> Option<Self> {
        let name = name.trim().trim_matches('"');
        if name.len() > NAME_BYTES {
            return None;
        }
        if let Some(zone) = iana(name).or_else(|| windows::iana_name(name).and_then(iana)) {
            return Some(Self::Named(zone));
        }
        // Some programs put a slash or their own name before: /mozilla.org/20050126_1/Europe/Berlin.
        let mut starts = name.match_indices('/').map(|(at, _)| &name[at + 1..]);
        name.starts_with('/').then(|| starts.find_map(iana)).flatten().map(Self::Named)
    }

    /// Finds the zone of a time: one that its event describes, or one that is known.
    pub(super) fn of_event(name: &str, event: &CalendarEvent) -> Option<Self> {
        match event.zones.iter().find(|zone| zone.name == name) {
            Some(own) => own.zone(),
            None => Self::named(name),
        }
    }

    /// Returns the instant of a time on the clock, in the offset that holds then.
    ///
    /// A time that comes twice is the first one; a time that the clock skips is read by the offset
    /// before (RFC 5545 3.3.5). `None` is out of range.
    pub(super) fn at(&self, local: NaiveDateTime) -> Option<DateTime<FixedOffset>> {
        let day = TimeDelta::days(1);
        let before = self.offset_at(local.checked_sub_signed(day)?);
        let after = self.offset_at(local.checked_add_signed(day)?);
        let first = local.checked_sub_offset(before)?;
        let second = local.checked_sub_offset(after)?;
        let is_second = self.offset_at(first) != before && self.offset_at(second) == after;
        let instant = if is_second { second } else { first };
        Some(self.offset_at(instant).from_utc_datetime(&instant))
    }

    /// Returns an instant in the offset that holds then.
    pub(super) fn show(&self, instant: DateTime<Utc>) -> DateTime<FixedOffset> {
        instant.with_timezone(&self.offset_at(instant.naive_utc()))
    }

    /// Returns the moment of an event at a time on the clock.
    pub(super) fn event_time(&self, local: NaiveDateTime) -> Option<EventTime> {
        Some(self.moment(self.at(local)?))
    }

    /// Returns the moment of an event at an instant.
    ///
    /// Its offset is in whole minutes, since RFC 3339 knows no seconds in it.
    pub(super) fn moment(&self, at: DateTime<FixedOffset>) -> EventTime {
        let seconds = at.offset().local_minus_utc();
        let minutes = FixedOffset::east_opt(seconds - seconds % 60);
        EventTime::At { at: at.with_timezone(&minutes.unwrap_or(*at.offset())), zone: self.name() }
    }

    /// Returns how far a change may move the clock at once; Samoa once left out a day.
    pub(super) const fn widest_leap(&self) -> TimeDelta {
        match self {
            Self::Fixed(_) => TimeDelta::zero(),
            Self::Named(_) | Self::Local(_) => TimeDelta::days(1),
        }
    }

    fn name(&self) -> Option<String> {
        match self {
            Self::Fixed(_) => None,
            Self::Named(zone) => Some(zone.name().to_owned()),
            Self::Local(changes) => Some(changes.name.clone()),
        }
    }

    fn offset_at(&self, utc: NaiveDateTime) -> FixedOffset {
        match self {
            Self::Fixed(offset) => *offset,
            Self::Named(zone) => zone.offset_from_utc_datetime(&utc).fix(),
            Self::Local(own) => {
                let past = own.after.partition_point(|(at, _)| at.naive_utc() <= utc);
                past.checked_sub(1).map_or(own.before, |last| own.after[last].1)
            }
        }
    }
}

fn iana(name: &str) -> Option<Tz> {
    let exact = Tz::from_str(name).ok();
    exact.or_else(|| TZ_VARIANTS.into_iter().find(|zone| zone.name().eq_ignore_ascii_case(name)))
}

impl LocalZone {
    /// Describes a zone.
    #[must_use]
    pub fn new(name: impl Into<String>, observances: Vec<Observance>) -> Self {
        Self { name: name.into(), observances, followed: Followed::default() }
    }

    /// Returns the zone; `None` is one that makes no sense.
    pub(super) fn zone(&self) -> Option<Zone> {
        self.followed.0.get_or_init(|| self.follow().map(Arc::new)).clone().map(Zone::Local)
    }

    fn follow(&self) -> Option<Changes> {
        let mut steps = Steps::new(STEPS);
        let mut changes = Vec::new();
        for observance in &self.observances {
            let (from, to) = (offset(observance.from_seconds)?, offset(observance.to_seconds)?);
            for local in observance.times(&mut steps)? {
                changes.push((local.checked_sub_offset(from)?.and_utc(), to));
                if changes.len() > CHANGES {
                    return None;
                }
            }
        }
        changes.sort_by_key(|(at, _)| *at);
        changes.dedup();
        let first = self.observances.iter().min_by_key(|observance| observance.starts)?;
        let before = offset(first.from_seconds)?;
        Some(Changes { name: self.name.clone(), before, after: changes })
    }
}

impl Observance {
    /// Returns when it begins to hold, on the clock before each change.
    fn times(&self, steps: &mut Steps) -> Option<Vec<NaiveDateTime>> {
        let new_year = |year| NaiveDate::from_ymd_opt(year, 1, 1)?.and_hms_opt(0, 0, 0);
        let (first, end) = (new_year(YEARS[0])?, new_year(YEARS[1])?);
        let mut times = vec![self.starts];
        for line in &self.recurrence {
            let property = Property::parse(line.expose())?;
            if property.is("RRULE") {
                let rule = Rule::parse(property.value)?;
                let until = rule.until.map(|until| match until {
                    Until::Day(day) => day.and_time(chrono::NaiveTime::MIN) + TimeDelta::days(1),
                    Until::Local(at) => at,
                    Until::Utc(at) => at + TimeDelta::seconds(i64::from(self.from_seconds)),
                });
                let last = until.map_or(end, |until| until.min(end));
                let is_cut = rule.walk(self.starts, first..=last, steps, |time| {
                    times.push(time);
                    times.len() <= CHANGES
                });
                if is_cut {
                    return None;
                }
            } else {
                // A zone whose changes are told by another zone leads in circles.
                let is_plain = property.parameter("TZID").is_none();
                for value in property.value.split(',') {
                    times.push(match Moment::parse(value)? {
                        Moment::Local(at) if is_plain => at,
                        Moment::Day(day) => day.and_time(self.starts.time()),
                        Moment::Local(_) | Moment::Utc(_) => return None,
                    });
                }
            }
        }
        times.sort_unstable();
        times.dedup();
        Some(times)
    }
}

fn offset(seconds: i32) -> Option<FixedOffset> {
    (seconds.abs() <= FURTHEST).then(|| FixedOffset::east_opt(seconds))?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_name(name: &str, want: Option<&str>) {
        assert_eq!(Zone::named(name).and_then(|zone| zone.name()).as_deref(), want, "{name}");
    }

    #[test]
    fn zones_have_many_names() {
        check_name("Europe/Berlin", Some("Europe/Berlin"));
        check_name("europe/berlin", Some("Europe/Berlin"));
        check_name("\"America/New_York\"", Some("America/New_York"));
        check_name("W. Europe Standard Time", Some("Europe/Berlin"));
        check_name("tokyo standard time", Some("Asia/Tokyo"));
        check_name("/Europe/Stockholm", Some("Europe/Stockholm"));
        check_name("/freeassociation.sourceforge.net/Europe/Berlin", Some("Europe/Berlin"));
        check_name("/freeassociation.sourceforge.net/Tzfile/Europe/Berlin", Some("Europe/Berlin"));
        check_name(
            "/softwarestudio.org/Olson_20011030_5/America/Argentina/Ushuaia",
            Some("America/Argentina/Ushuaia"),
        );
        check_name("utc", Some("UTC"));
        for unknown in ["", "/", "Mars/Olympus", "Foo/Europe/Berlin", "Customized Time Zone"] {
            check_name(unknown, None);
        }
    }

    #[test]
    fn every_windows_name_is_a_zone() {
        for (name, _) in windows::NAMES {
            assert!(Zone::named(name).is_some(), "{name}");
        }
        assert!(windows::NAMES.is_sorted());
    }

    fn local(text: &str) -> NaiveDateTime {
        text.parse().unwrap()
    }

    #[track_caller]
    fn check(zone: &Zone, time: &str, want: &str) {
        assert_eq!(zone.at(local(time)).unwrap().to_rfc3339(), want, "{time}");
    }

    #[test]
    fn skipped_and_doubled_times() {
        let berlin = Zone::named("Europe/Berlin").unwrap();
        check(&berlin, "2024-03-31T01:59:59", "2024-03-31T01:59:59+01:00");
        check(&berlin, "2024-03-31T02:30:00", "2024-03-31T03:30:00+02:00");
        check(&berlin, "2024-03-31T03:00:00", "2024-03-31T03:00:00+02:00");
        check(&berlin, "2024-10-27T01:59:59", "2024-10-27T01:59:59+02:00");
        check(&berlin, "2024-10-27T02:30:00", "2024-10-27T02:30:00+02:00");
        check(&berlin, "2024-10-27T03:00:00", "2024-10-27T03:00:00+01:00");
        let apia = Zone::named("Pacific/Apia").unwrap();
        check(&apia, "2011-12-30T12:00:00", "2011-12-31T12:00:00+14:00");
        check(&Zone::utc(), "2024-03-31T02:30:00", "2024-03-31T02:30:00+00:00");
    }

    fn observance(starts: &str, from: i32, to: i32, lines: &[&str]) -> Observance {
        let recurrence = lines.iter().map(|line| Untrusted::new((*line).to_owned())).collect();
        Observance { starts: local(starts), from_seconds: from, to_seconds: to, recurrence }
    }

    fn zone(observances: Vec<Observance>) -> Option<Zone> {
        LocalZone::new("Own", observances).zone()
    }

    #[test]
    fn a_zone_of_its_own_is_as_good_as_a_known_one() {
        let own = zone(vec![
            observance(
                "1996-10-27T03:00:00",
                7_200,
                3_600,
                &["RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU"],
            ),
            observance(
                "1981-03-29T02:00:00",
                3_600,
                7_200,
                &["RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU"],
            ),
        ])
        .unwrap();
        let berlin = Zone::named("Europe/Berlin").unwrap();
        let mut time = local("2000-01-01T00:30:00");
        while time < local("2037-01-01T00:00:00") {
            assert_eq!(own.at(time), berlin.at(time), "{time}");
            time += TimeDelta::hours(1);
        }
    }

    #[test]
    fn the_first_of_doubled_times_of_a_zone_of_its_own() {
        let own = zone(vec![
            observance("2024-01-01T00:00:00", 36_000, 43_200, &[]),
            observance("2024-05-05T08:00:00", 43_200, 36_000, &[]),
        ])
        .unwrap();
        check(&own, "2024-05-05T07:00:01", "2024-05-05T07:00:01+12:00");
        check(&own, "2024-05-05T08:00:01", "2024-05-05T08:00:01+10:00");
        check(&own, "2023-01-01T00:00:00", "2023-01-01T00:00:00+10:00");
    }

    #[test]
    fn absurd_zones_are_none() {
        let at = "2000-01-01T00:00:00";
        for (from, to, line) in [
            (0, 99_999, ""),
            (0, 3_600, "RRULE:FREQ=SECONDLY"),
            (0, 3_600, "RRULE:FREQ=SOMETIMES"),
            (0, 3_600, "RDATE;TZID=Own:20010101T000000"),
            (0, 3_600, "RDATE:20010101T000000Z"),
        ] {
            let lines: &[&str] = if line.is_empty() { &[] } else { &[line] };
            assert!(zone(vec![observance(at, from, to, lines)]).is_none(), "{line}");
        }
        assert!(zone(vec![]).is_none());
        assert!(
            zone(vec![observance(at, 0, 3_600, &["RDATE:20010101,20020101T000000"])]).is_some()
        );
    }
}
