//! The `Date` field: by `mail-parser`, then in the other forms that mail has.
use chrono::{DateTime, FixedOffset, NaiveDate};
use mail_parser::parsers::MessageStream;

/// Limits the text that is looked at; a date has about 40 letters.
const DATE_BYTES: usize = 256;

/// Parses a date; a missing or unknown zone counts as UTC.
pub(super) fn parse(text: &str) -> Option<DateTime<FixedOffset>> {
    let text = text[..text.floor_char_boundary(DATE_BYTES.min(text.len()))].trim();
    by_mail_parser(text)
        .or_else(|| DateTime::parse_from_rfc3339(text).ok())
        .or_else(|| DateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S %z").ok())
        .or_else(|| by_mail_parser(&in_order(text)))
}

fn by_mail_parser(text: &str) -> Option<DateTime<FixedOffset>> {
    // The parser ends a value at its line end only.
    let line = format!("{text}\n");
    let value = MessageStream::new(line.as_bytes()).parse_date();
    let date = *value.as_datetime()?;
    let day = NaiveDate::from_ymd_opt(date.year.into(), date.month.into(), date.day.into())?;
    // A leap second is the second before it to every clock that matters here.
    let second = date.second.min(59);
    let local = day.and_hms_opt(date.hour.into(), date.minute.into(), second.into())?;
    let seconds = i32::from(date.tz_hour) * 3_600 + i32::from(date.tz_minute) * 60;
    let zone = FixedOffset::east_opt(if date.tz_before_gmt { -seconds } else { seconds })?;
    local.and_local_timezone(zone).single()
}

/// Puts the date of old Unix programs into the order of mail.
///
/// A missing zone is added.
fn in_order(text: &str) -> String {
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    match words[..] {
        [weekday, month, day, clock, year] if is_asctime(weekday, month, clock) => {
            format!("{day} {month} {year} {clock} +0000")
        }
        [weekday, month, day, clock, zone, year] if is_asctime(weekday, month, clock) => {
            format!("{day} {month} {year} {clock} {zone}")
        }
        _ => format!("{text} +0000"),
    }
}

fn is_asctime(weekday: &str, month: &str, clock: &str) -> bool {
    let is_name = |word: &str| word.bytes().all(|byte| byte.is_ascii_alphabetic());
    is_name(weekday) && is_name(month) && clock.contains(':')
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
        check("Fri, 31 Dec 1999 23:59:60 +0000", "1999-12-31T23:59:59+00:00");
        check("Wed, 2 Jan 2002 10:00:00 +02:00", "2002-01-02T10:00:00+02:00");
    }

    #[test]
    fn mail_7_dates_of_old_programs_are_read() {
        check("Mon Jul 16 23:24:25 2001", "2001-07-16T23:24:25+00:00");
        check("Mon Jul  2 23:24:25 PDT 2001", "2001-07-02T23:24:25-07:00");
        check("2020-01-02T03:04:05.678Z", "2020-01-02T03:04:05.678+00:00");
        check("2020-01-02 03:04:05 +0100", "2020-01-02T03:04:05+01:00");
        check("Tue, 1 Jan 2002 12:05:00", "2002-01-01T12:05:00+00:00");
        check("1 Jan 2020", "2020-01-01T00:00:00+00:00");
    }

    #[test]
    fn what_is_no_date_gives_none() {
        for text in
            ["", "yesterday", "32 Jan 2020 10:00:00 +0000", "99:99", "1 Jan 2020 25:00:00 +0000"]
        {
            check(text, "");
        }
    }

    proptest! {
        #[test]
        fn parsing_never_panics(text in "\\PC{0,60}|[0-9:+/ ,TZ();\\-]{0,40}") {
            prop_assert!(parse(&text).is_none_or(|date| date.timestamp() > i64::MIN));
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
