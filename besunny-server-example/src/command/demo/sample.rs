//! The sample workspace that the demo shows: mails and projects written for it.
use besunny_simulator::split_mbox;
use chrono::{DateTime, TimeDelta, Utc};

/// Its projects.
pub(super) const PROJECTS: &str = include_str!("../../../demo/projects.toml");
const PRESENT: &str = include_str!("../../../demo/present.mbox");
const ARRIVING: &str = include_str!("../../../demo/arriving.mbox");

/// The newest mail that is there already came so long before the demo starts.
const NEWEST_AGE: TimeDelta = TimeDelta::minutes(7);

/// A mail of the sample.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mail {
    /// The message as it came.
    pub(super) raw: String,
    /// When it came, in the days of the sample.
    pub(super) at: DateTime<Utc>,
}

/// Returns the mails that are there, as if the newest had come a few minutes before `now`.
pub(super) fn present(now: DateTime<Utc>) -> Vec<Mail> {
    let mut mails = read(PRESENT);
    let newest = mails.iter().map(|mail| mail.at).max().unwrap_or(now);
    for mail in &mut mails {
        mail.at += now - NEWEST_AGE - newest;
    }
    mails
}

/// Returns the mails that arrive one by one.
pub(super) fn arriving() -> Vec<Mail> {
    read(ARRIVING)
}

fn read(mbox: &str) -> Vec<Mail> {
    let mut mails = Vec::new();
    split_mbox(mbox.as_bytes(), |begin, raw| {
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        mails.push(Mail { raw: text(&raw), at: came_at(&text(begin)) });
    });
    mails
}

/// Reads the time of a line that separates mails: `SENDER Mon Jan  5 09:00:00 2026`.
fn came_at(begin: &str) -> DateTime<Utc> {
    let time = begin.split_once(' ').map_or("", |(_, time)| time);
    let parsed = chrono::NaiveDateTime::parse_from_str(time, "%a %b %e %H:%M:%S %Y");
    parsed.map(|time| time.and_utc()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_is_read_whole() {
        let now: DateTime<Utc> = "2030-06-01T12:00:00Z".parse().unwrap();
        let present = present(now);
        assert_eq!((present.len(), arriving().len()), (43, 20));
        let newest = present.iter().map(|mail| mail.at).max().unwrap();
        assert_eq!(newest, now - NEWEST_AGE);
        assert!(arriving().iter().all(|mail| mail.at > DateTime::UNIX_EPOCH), "each has its time");
        assert!(present.iter().all(|mail| mail.raw.contains("\nMessage-ID:")
            || mail.raw.starts_with("Message-ID:")
            || mail.raw.to_ascii_lowercase().contains("\nmessage-id:")));
    }
}
