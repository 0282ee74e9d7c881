//! Instants and numbers as people read them; the console knows no time zone but UTC.
use std::fmt;

use chrono::{DateTime, Datelike, TimeDelta, Utc};

/// An instant with the moment at which it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shown {
    at: DateTime<Utc>,
    now: DateTime<Utc>,
}

impl Shown {
    pub(super) const fn new(at: DateTime<Utc>, now: DateTime<Utc>) -> Self {
        Self { at, now }
    }

    /// Returns what machines read.
    pub(super) fn machine(&self) -> String {
        self.at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
    }

    /// Returns the whole of it.
    pub(super) fn long(&self) -> String {
        self.at.format("%-d %b %Y, %H:%M UTC").to_string()
    }

    /// Says how long ago it was.
    pub(super) fn ago(&self) -> String {
        match self.now - self.at {
            gone if gone < TimeDelta::minutes(1) => "just now".to_owned(),
            gone => format!("{} ago", span(gone)),
        }
    }

    /// Says how long from now it is.
    pub(super) fn until(&self) -> String {
        match self.at - self.now {
            left if left < TimeDelta::seconds(1) => "now".to_owned(),
            left => format!("in {}", span(left)),
        }
    }
}

impl fmt::Display for Shown {
    /// The time of today, the day of this year, the date of any other.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let form = match () {
            () if self.at.date_naive() == self.now.date_naive() => "%H:%M",
            () if self.at.year() == self.now.year() => "%-d %b",
            () => "%-d %b %Y",
        };
        self.at.format(form).fmt(f)
    }
}

/// Writes a length of time in its largest unit.
pub(super) fn span(length: TimeDelta) -> String {
    let units = [
        (length.num_days(), "day"),
        (length.num_hours(), "hour"),
        (length.num_minutes(), "minute"),
        (length.num_seconds(), "second"),
    ];
    let (count, unit) = units.into_iter().find(|(count, _)| *count > 0).unwrap_or((0, "second"));
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

/// Writes a size in the largest unit that keeps it above one.
pub(super) fn bytes(size: usize) -> String {
    const STEP: usize = 1024;
    match size {
        0..STEP => format!("{size} bytes"),
        STEP..0x10_0000 => format!("{} KiB", size.div_ceil(STEP)),
        _ => format!("{}.{} MiB", size / 0x10_0000, size % 0x10_0000 * 10 / 0x10_0000),
    }
}

/// Writes a share as a percentage, never more sure than it is.
pub(super) fn percent(share: f64) -> String {
    format!("{:.0}%", (share.clamp(0.0, 1.0) * 100.0).floor())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_as_long_as_they_must_be() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let now = at("2026-06-01T08:00:00Z");
        let shown = |text| Shown::new(at(text), now).to_string();
        assert_eq!(shown("2026-06-01T07:05:00Z"), "07:05");
        assert_eq!(shown("2026-05-31T07:05:00Z"), "31 May");
        assert_eq!(shown("2001-05-31T07:05:00Z"), "31 May 2001");
        assert_eq!(Shown::new(at("2026-06-01T06:59:00Z"), now).ago(), "1 hour ago");
        assert_eq!(Shown::new(at("2026-06-01T08:00:30Z"), now).ago(), "just now");
        assert_eq!(Shown::new(at("2026-06-01T08:00:30Z"), now).until(), "in 30 seconds");
    }

    #[test]
    fn numbers_have_units() {
        assert_eq!(bytes(12), "12 bytes");
        assert_eq!(bytes(1500), "2 KiB");
        assert_eq!(bytes(1_600_000), "1.5 MiB");
        assert_eq!(percent(0.996), "99%");
        assert_eq!(percent(f64::from(2)), "100%");
    }
}
