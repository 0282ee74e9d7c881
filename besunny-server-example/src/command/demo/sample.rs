//! The sample workspace that the demo shows: mails and projects written for it.
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

/// Cuts an mbox (mboxrd) into its mails.
fn read(mbox: &str) -> Vec<Mail> {
    let mut mails: Vec<Mail> = Vec::new();
    let mut is_between = true;
    for line in mbox.split_inclusive('\n') {
        if let Some(begin) = line.strip_prefix("From ").filter(|_| is_between) {
            mails.push(Mail { raw: String::new(), at: came_at(begin) });
        } else if let Some(mail) = mails.last_mut() {
            let quoted = line.trim_start_matches('>');
            let is_quoted = quoted.len() < line.len() && quoted.starts_with("From ");
            mail.raw.push_str(line.get(usize::from(is_quoted)..).unwrap_or_default());
        }
        is_between = line == "\n";
    }
    for mail in &mut mails {
        // The empty line before the next mail is the file's, not the mail's.
        if mail.raw.ends_with("\n\n") {
            mail.raw.pop();
        }
    }
    mails
}

/// Reads the time of a line that separates mails: `SENDER Mon Jan  5 09:00:00 2026`.
fn came_at(begin: &str) -> DateTime<Utc> {
    let time = begin.trim_end().split_once(' ').map_or("", |(_, time)| time);
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
