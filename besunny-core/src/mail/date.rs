//! The `Date` field, as leniently as mail needs it (RFC 5322 3.3 and 4.3, ISO 8601).
use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime};

/// Limits the text that is looked at; a date has about 40 letters.
const DATE_BYTES: usize = 256;

/// Parses a date; a missing or unknown zone counts as UTC.
pub(super) fn parse(text: &str) -> Option<DateTime<FixedOffset>> {
    let text = &text[..text.floor_char_boundary(DATE_BYTES.min(text.len()))];
    let mut parts = Parts::default();
    for token in without_comments(text).split([' ', '\t', ',']).filter(|token| !token.is_empty()) {
        parts.take(token)?;
    }
    parts.finish()
}

fn without_comments(text: &str) -> String {
    let mut depth = 0_usize;
    text.chars()
        .filter(|c| {
            let inside = depth > 0;
            match c {
                '(' => depth += 1,
                ')' => depth = depth.saturating_sub(1),
                _ => {}
            }
            !inside && !matches!(c, '(' | ')')
        })
        .collect()
}

#[derive(Debug, Default)]
struct Parts {
    year: Option<i32>,
    month: Option<u32>,
    day: Option<u32>,
    time: Option<NaiveTime>,
    offset_seconds: Option<i32>,
}

impl Parts {
    /// Takes one word; none when it contradicts a date.
    fn take(&mut self, token: &str) -> Option<()> {
        if let Some((date, time)) = token.split_once(['T', 't'])
            && date.len() == 10
            && date.starts_with(|c: char| c.is_ascii_digit())
        {
            self.take_joined_date(date)?;
            return self.take_time_and_zone(time);
        }
        if token.contains(':') && token.starts_with(|c: char| c.is_ascii_digit()) {
            return self.take_time_and_zone(token);
        }
        if token.starts_with(['+', '-']) {
            self.take_zone(token);
            return Some(());
        }
        if token.contains(['-', '/']) {
            return self.take_joined_date(token);
        }
        if token.starts_with(|c: char| c.is_ascii_digit()) {
            return self.take_number(token.trim_end_matches(['.', ';']));
        }
        self.take_word(token.trim_end_matches(['.', ';']))
    }

    fn take_number(&mut self, token: &str) -> Option<()> {
        let number: i32 = token.parse().ok()?;
        if self.day.is_none() && token.len() <= 2 {
            self.day = u32::try_from(number).ok();
        } else if self.year.is_none() {
            self.year = Some(full_year(number, token.len()));
        } else {
            return None;
        }
        Some(())
    }

    fn take_word(&mut self, token: &str) -> Option<()> {
        if self.month.is_none()
            && let Some(month) = month(token)
        {
            self.month = Some(month);
        } else if let Some(pm) = half_day(token) {
            let hours = match (pm, self.hour()?) {
                (true, 0..=11) => 12,
                (false, 12) => -12,
                _ => 0,
            };
            let shift = chrono::TimeDelta::hours(hours);
            self.time = self.time.map(|time| time.overflowing_add_signed(shift).0);
        } else if self.time.is_some() && self.offset_seconds.is_none() {
            self.take_zone(token);
        }
        Some(())
    }

    fn hour(&self) -> Option<u32> {
        self.time.map(|time| chrono::Timelike::hour(&time))
    }

    /// Takes `2020-01-02` or `2-Jan-2020`; with slashes the order is American.
    fn take_joined_date(&mut self, token: &str) -> Option<()> {
        let mut pieces = token.split(['-', '/']);
        let (first, second, third) = (pieces.next()?, pieces.next()?, pieces.next()?);
        if first.len() == 4 {
            self.year = Some(first.parse().ok()?);
            self.month = Some(second.parse().ok()?);
            self.day = Some(third.parse().ok()?);
        } else if let Some(month) = month(second) {
            self.day = Some(first.parse().ok()?);
            self.month = Some(month);
            self.year = Some(full_year(third.parse().ok()?, third.len()));
        } else if token.contains('/') {
            self.month = Some(first.parse().ok()?);
            self.day = Some(second.parse().ok()?);
            self.year = Some(full_year(third.parse().ok()?, third.len()));
        } else {
            return None;
        }
        Some(())
    }

    /// Takes `10:20:30`, also with a fraction or a zone directly behind it.
    fn take_time_and_zone(&mut self, token: &str) -> Option<()> {
        let end = token.find(|c: char| !c.is_ascii_digit() && !":.".contains(c));
        let (clock, zone) = token.split_at(end.unwrap_or(token.len()));
        let mut pieces = clock.split([':', '.']);
        let hour = pieces.next()?.parse().ok()?;
        let minute = pieces.next()?.parse().ok()?;
        let second: u32 = pieces.next().map_or(Some(0), |second| second.parse().ok())?;
        // A leap second is the second before it to every clock that matters here.
        self.time = Some(NaiveTime::from_hms_opt(hour, minute, second.min(59))?);
        if !zone.is_empty() {
            self.take_word(zone)?;
        }
        Some(())
    }

    /// Takes a zone; an unknown one leaves the time in UTC.
    fn take_zone(&mut self, token: &str) {
        let token = token.trim_end_matches(';');
        let named = token.find(['+', '-']).unwrap_or(token.len());
        let (name, digits) = token.split_at(named);
        let offset = if digits.is_empty() { named_zone(name) } else { numeric_zone(digits) };
        self.offset_seconds = self.offset_seconds.or(offset);
    }

    fn finish(self) -> Option<DateTime<FixedOffset>> {
        let date = NaiveDate::from_ymd_opt(self.year?, self.month?, self.day?)?;
        let local = NaiveDateTime::new(date, self.time?);
        let zone = FixedOffset::east_opt(self.offset_seconds.unwrap_or(0))?;
        local.and_local_timezone(zone).single()
    }
}

/// RFC 5322 4.3: two digits below 50 are of this century, three count from 1900.
fn full_year(number: i32, digits: usize) -> i32 {
    match digits {
        1 | 2 if number < 50 => number + 2000,
        1..=3 => number + 1900,
        _ => number,
    }
}

fn month(token: &str) -> Option<u32> {
    let names =
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let start = token.get(..3)?.to_ascii_lowercase();
    (1..).zip(names).find(|(_, name)| *name == start).map(|(number, _)| number)
}

fn half_day(token: &str) -> Option<bool> {
    match token.to_ascii_lowercase().as_str() {
        "am" | "a.m" => Some(false),
        "pm" | "p.m" => Some(true),
        _ => None,
    }
}

/// `+hhmm`, `+hh:mm` or `+hh`; more than a day is no zone.
fn numeric_zone(token: &str) -> Option<i32> {
    let sign = if token.starts_with('-') { -1 } else { 1 };
    let digits: String = token.chars().filter(char::is_ascii_digit).collect();
    let (hours, minutes) = match digits.len() {
        1 | 2 => (digits.parse::<i32>().ok()?, 0),
        3 => (digits[..1].parse().ok()?, digits[1..].parse().ok()?),
        4 => (digits[..2].parse().ok()?, digits[2..].parse().ok()?),
        _ => return None,
    };
    Some(sign * (hours * 3_600 + minutes * 60)).filter(|seconds| seconds.abs() < 86_400)
}

/// RFC 5322 4.3, and the European and Japanese names that old mail has.
fn named_zone(name: &str) -> Option<i32> {
    let hours = match name.to_ascii_uppercase().as_str() {
        "UT" | "UTC" | "GMT" | "Z" => 0,
        "ADT" => -3,
        "EDT" | "AST" => -4,
        "EST" | "CDT" => -5,
        "CST" | "MDT" => -6,
        "MST" | "PDT" => -7,
        "PST" => -8,
        "BST" | "CET" | "MET" | "WEST" => 1,
        "CEST" | "MEST" | "EET" => 2,
        "EEST" | "MSK" => 3,
        "JST" | "KST" => 9,
        _ => return None,
    };
    Some(hours * 3_600)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, expected: &str) {
        let found = parse(text).map(|date| date.to_rfc3339()).unwrap_or_default();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn mail_7_dates_are_read() {
        check("Fri, 21 Nov 1997 09:55:06 -0600", "1997-11-21T09:55:06-06:00");
        check(
            "Thu,\t13\tFeb 1969 23:32 -0330 (Newfoundland (x) Time)",
            "1969-02-13T23:32:00-03:30",
        );
        check("21 Nov 97 09:55:06 GMT", "1997-11-21T09:55:06+00:00");
        check("Mon Jul 16 23:24:25 2001", "2001-07-16T23:24:25+00:00");
        check("Mon Jul 16 23:24:25 PDT 2001", "2001-07-16T23:24:25-07:00");
        check("2020-01-02T03:04:05.678Z", "2020-01-02T03:04:05+00:00");
        check("2020-01-02 03:04:05 +0100", "2020-01-02T03:04:05+01:00");
        check("2-Jan-2020 03:04:05+02:00", "2020-01-02T03:04:05+02:00");
        check("Tue, 1 Jan 02 12:05:00 AM EST", "2002-01-01T00:05:00-05:00");
        check("Tue, 1 Jan 02 1:05:00 PM", "2002-01-01T13:05:00+00:00");
        check("12/31/2001 10:00", "2001-12-31T10:00:00+00:00");
        check("Fri, 31 Dec 1999 23:59:60 +0000", "1999-12-31T23:59:59+00:00");
        check("Wed, 2 January 2002 10:00:00 GMT+0200", "2002-01-02T10:00:00+02:00");
    }

    #[test]
    fn what_is_no_date_gives_none() {
        for text in
            ["", "yesterday", "32 Jan 2020 10:00", "1 Jan 2020", "1 Xyz 2020 10:00", "99:99"]
        {
            check(text, "");
        }
    }

    proptest! {
        #[test]
        fn parsing_never_panics(text in "\\PC{0,60}|[0-9:+/ ,TZ-]{0,40}") {
            parse(&text);
        }

        #[test]
        fn a_written_date_is_read_back(seconds in 0_i64..4_000_000_000, minutes in -720..=840) {
            let zone = FixedOffset::east_opt(minutes * 60).unwrap();
            let date = DateTime::from_timestamp(seconds, 0).unwrap().with_timezone(&zone);
            prop_assert_eq!(parse(&date.to_rfc2822()), Some(date));
            prop_assert_eq!(parse(&date.to_rfc3339()), Some(date));
        }
    }
}
