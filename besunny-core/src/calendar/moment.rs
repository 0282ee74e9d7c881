//! Values of iCalendar: dates, times, durations, periods (RFC 5545 3.3).
use chrono::{NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};

/// A date or a time as written, before its zone is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    /// A whole day.
    Day(NaiveDate),
    /// A time on some clock: of a zone that is named beside it, or of whoever reads it.
    Local(NaiveDateTime),
    /// A time in UTC.
    Utc(NaiveDateTime),
}

/// How long something takes: by the calendar, and by the clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) days: i64,
    pub(super) seconds: i64,
}

impl Moment {
    /// Reads `20240131`, `20240131T100000` or `20240131T100000Z`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (day, time) = match text.split_once(['T', 't']) {
            Some((day, time)) => (day, Some(time)),
            None => (text, None),
        };
        let day = day_of(day)?;
        let Some(time) = time else { return Some(Self::Day(day)) };
        let local = time.trim_end_matches(['Z', 'z']);
        let at = day.and_time(time_of(local)?);
        Some(if local.len() < time.len() { Self::Utc(at) } else { Self::Local(at) })
    }

    /// Returns the day it is on.
    pub(super) fn day(self) -> NaiveDate {
        match self {
            Self::Day(day) => day,
            Self::Local(at) | Self::Utc(at) => at.date(),
        }
    }
}

fn day_of(text: &str) -> Option<NaiveDate> {
    let (year, month, day) = (text.get(..4)?, text.get(4..6)?, text.get(6..)?);
    (text.len() == 8).then_some(())?;
    NaiveDate::from_ymd_opt(number(year)?, number(month)?, number(day)?)
}

/// Reads `HHMMSS`; a leap second is the second before, and seconds may be missing.
fn time_of(text: &str) -> Option<NaiveTime> {
    let (hour, minute) = (number(text.get(..2)?)?, number(text.get(2..4)?)?);
    let second = match text.get(4..)? {
        "" => 0,
        second if second.len() == 2 => number::<u32>(second)?,
        _ => return None,
    };
    NaiveTime::from_hms_opt(hour, minute, if second == 60 { 59 } else { second })
}

/// Reads a number of ASCII digits only.
pub(super) fn number<N: std::str::FromStr>(text: &str) -> Option<N> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok())?
}

impl Span {
    /// Reads `P15DT5H0M20S`, `P7W`, `-PT10M`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_uppercase();
        let (sign, rest) = match text.strip_prefix('-') {
            Some(rest) => (-1, rest),
            None => (1, text.strip_prefix('+').unwrap_or(&text)),
        };
        let (mut span, mut in_time, mut digits) = (Self::default(), false, String::new());
        for letter in rest.strip_prefix('P')?.chars() {
            if letter.is_ascii_digit() {
                digits.push(letter);
                continue;
            }
            if letter == 'T' && !in_time && digits.is_empty() {
                in_time = true;
                continue;
            }
            let count: i64 = i64::from(number::<u32>(&std::mem::take(&mut digits))?);
            match (letter, in_time) {
                ('W', false) => span.days += 7 * count,
                ('D', false) => span.days += count,
                ('H', true) => span.seconds += 3_600 * count,
                ('M', true) => span.seconds += 60 * count,
                ('S', true) => span.seconds += count,
                _ => return None,
            }
        }
        digits.is_empty().then_some(Self { days: sign * span.days, seconds: sign * span.seconds })
    }

    /// Returns the time after so many days by the calendar; seconds are not counted.
    pub(super) fn days_after(self, local: NaiveDateTime) -> Option<NaiveDateTime> {
        local.checked_add_signed(TimeDelta::try_days(self.days)?)
    }

    /// Returns the part that a clock measures.
    pub(super) fn by_clock(self) -> Option<TimeDelta> {
        TimeDelta::try_seconds(self.seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, want: Option<&str>) {
        let got = Moment::parse(text).map(|moment| match moment {
            Moment::Day(day) => day.to_string(),
            Moment::Local(at) => at.to_string(),
            Moment::Utc(at) => format!("{at}Z"),
        });
        assert_eq!(got.as_deref(), want, "{text}");
    }

    #[test]
    fn dates_and_times() {
        check("20240229", Some("2024-02-29"));
        check("20230229", None);
        check("20240131T101500", Some("2024-01-31 10:15:00"));
        check("20240131t1015z", Some("2024-01-31 10:15:00Z"));
        check("20161231T235960Z", Some("2016-12-31 23:59:59Z"));
        check("20240131T240000", None);
        check("2024013", None);
        check("2024-1-1", None);
        check("+2240101", None);
        check("２０２４０１０１", None);
        check("", None);
    }

    fn check_span(text: &str, want: Option<(i64, i64)>) {
        let got = Span::parse(text).map(|span| (span.days, span.seconds));
        assert_eq!(got, want, "{text}");
    }

    #[test]
    fn durations() {
        check_span("PT1H30M", Some((0, 5_400)));
        check_span("P15DT5H0M20S", Some((15, 18_020)));
        check_span("p7w", Some((49, 0)));
        check_span("-P1D", Some((-1, 0)));
        check_span("P", Some((0, 0)));
        for bad in ["", "1H", "PT1", "P1H", "PT1D", "PTT1H", "P99999999999999999999D"] {
            check_span(bad, None);
        }
    }
}
