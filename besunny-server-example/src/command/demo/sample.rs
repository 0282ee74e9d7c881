//! The sample workspace that the demo shows: mails and projects written for it.
use besunny_simulator::split_mbox;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::{Value, json};

/// Its projects.
pub(super) const PROJECTS: &str = include_str!("../../../demo/projects.toml");
const PRESENT: &str = include_str!("../../../demo/present.mbox");
const ARRIVING: &str = include_str!("../../../demo/arriving.mbox");
/// Mails of somebody whom nothing in the workspace knows: what becomes of them is for the visitor.
const STRANGER: &str = include_str!("../../../demo/stranger.mbox");
const EARLIER: &str = include_str!("../../../demo/earlier.toml");
const EVENTS: &str = include_str!("../../../demo/events.toml");
/// The first mail of the stranger comes second; then one follows after so many others.
const STRANGER_EVERY: usize = 4;
/// Between two mails of the weeks before.
const EARLIER_PAUSE: TimeDelta = TimeDelta::hours(10);

/// The newest mail that is there already came so long before the demo starts.
const NEWEST_AGE: TimeDelta = TimeDelta::minutes(7);
/// What was filed before is older than the two weeks of the sample.
const WEEKS_BEFORE: i64 = 3;

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

#[derive(Deserialize)]
struct Events {
    event: Vec<Event>,
}

/// What is coming up.
#[derive(Deserialize)]
struct Event {
    summary: String,
    #[serde(default)]
    in_hours: i64,
    in_minutes: Option<i64>,
    minutes: i64,
    status: Option<String>,
    link: Option<String>,
    recurrence: Option<String>,
    organizer: Option<String>,
    #[serde(default)]
    guests: Vec<String>,
}

/// Returns the events of the calendar, as the API shows them, counted from hour and minute of `now`.
pub(super) fn events(now: DateTime<Utc>) -> Result<Vec<Value>, toml::de::Error> {
    let Events { event } = toml::from_str(EVENTS)?;
    Ok(event.iter().map(|event| event.at(now)).collect())
}

impl Event {
    fn at(&self, now: DateTime<Utc>) -> Value {
        let whole = |seconds| now - TimeDelta::seconds(now.timestamp().rem_euclid(seconds));
        let starts = match self.in_minutes {
            Some(minutes) => whole(60) + TimeDelta::minutes(minutes),
            None => whole(3_600) + TimeDelta::hours(self.in_hours),
        };
        let time = |at: DateTime<Utc>| json!({ "dateTime": at.to_rfc3339_opts(SecondsFormat::Secs, true), "timeZone": "UTC" });
        json!({
            "summary": self.summary,
            "status": self.status.as_deref().unwrap_or("confirmed"),
            "start": time(starts),
            "end": time(starts + TimeDelta::minutes(self.minutes)),
            "location": self.link,
            "organizer": self.organizer.as_deref().map(attendee),
            "recurrence": self.recurrence.as_ref().map(|rule| [rule]),
            "attendees": self.guests.iter().map(|guest| attendee(guest)).collect::<Vec<_>>(),
        })
    }
}

/// Reads `Name <address>` or a bare address.
fn attendee(guest: &str) -> Value {
    match guest.trim_end_matches('>').split_once(" <") {
        Some((name, email)) => json!({ "displayName": name, "email": email }),
        None => json!({ "email": guest }),
    }
}

/// Returns the mails that arrive one by one.
pub(super) fn arriving() -> Vec<Mail> {
    let mut mails = read(ARRIVING);
    for (turn, mail) in read(STRANGER).into_iter().enumerate() {
        mails.insert((1 + turn * STRANGER_EVERY).min(mails.len()), mail);
    }
    mails
}

/// A mail of the weeks before, and the project that Sunny put it into; none for no project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Filed {
    /// The mail.
    pub(super) mail: Mail,
    /// Its Message-ID.
    pub(super) id: String,
    /// The project's name.
    pub(super) project: Option<String>,
}

#[derive(Deserialize)]
struct Earlier {
    letters: Vec<Letters>,
}

/// What one person wrote.
#[derive(Deserialize)]
struct Letters {
    from: String,
    project: Option<String>,
    topics: Vec<String>,
}

/// Returns the mails of the weeks before, oldest first: each person wrote about one topic after the
/// other.
pub(super) fn earlier(now: DateTime<Utc>) -> Result<Vec<Filed>, toml::de::Error> {
    let Earlier { letters } = toml::from_str(EARLIER)?;
    let rounds = letters.iter().map(|letters| letters.topics.len()).max().unwrap_or(0);
    let mut filed = Vec::new();
    for round in 0..rounds {
        for (place, letters) in letters.iter().enumerate() {
            let Some(topic) = letters.topics.get(round) else { continue };
            let (from, project) = (&letters.from, letters.project.clone());
            let id = format!("earlier.{round}.{place}@besunny.example");
            let raw = format!(
                "From: {from}\nTo: Sunny Adeyemi <sunny@example.test>\nSubject: {topic}\n\
                 Message-ID: <{id}>\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\n\
                 {topic}: more when we meet.\n"
            );
            filed.push(Filed { mail: Mail { raw, at: now }, id, project });
        }
    }
    let mut at = now - TimeDelta::weeks(WEEKS_BEFORE);
    for filed in filed.iter_mut().rev() {
        filed.mail.at = at;
        at -= EARLIER_PAUSE;
    }
    Ok(filed)
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
    use besunny::{
        ai::learned::{Features, Learned},
        core::{
            ids::ProjectId,
            mail::{self, Caps},
            promise::{Outcome, Promise},
        },
    };

    use super::*;

    #[test]
    fn the_sample_is_read_whole() {
        let now: DateTime<Utc> = "2030-06-01T12:00:00Z".parse().unwrap();
        let present = present(now);
        assert_eq!((present.len(), arriving().len()), (43, 25));
        let newest = present.iter().map(|mail| mail.at).max().unwrap();
        assert_eq!(newest, now - NEWEST_AGE);
        assert!(arriving().iter().all(|mail| mail.at > DateTime::UNIX_EPOCH), "each has its time");
        assert!(present.iter().all(|mail| mail.raw.contains("\nMessage-ID:")
            || mail.raw.starts_with("Message-ID:")
            || mail.raw.to_ascii_lowercase().contains("\nmessage-id:")));
    }

    fn question(raw: &str, at: DateTime<Utc>) -> Features {
        Features::read(&mail::read(raw.as_bytes(), &Caps::default()).unwrap(), at)
    }

    /// What the console promises: one correction is enough for the next mail of the same person.
    #[test]
    fn the_weeks_before_teach_enough_that_one_correction_routes_the_next_mail_of_a_stranger() {
        let now: DateTime<Utc> = "2030-06-01T12:00:00Z".parse().unwrap();
        let class = |name: &str| ProjectId::derived(&[name.as_bytes()]);
        let (mut model, mut promise) = (Learned::default(), Promise::new(0.95));
        for Filed { mail, project, .. } in earlier(now).unwrap() {
            let (item, truth) = (question(&mail.raw, mail.at), project.as_deref().map(class));
            if let Some(said) = model.predict(&item) {
                model.judge(&said, truth);
                let outcome = Outcome {
                    confidence: said.confidence,
                    is_right: said.choice == truth,
                    chose_project: said.choice.is_some(),
                    belongs_nowhere: truth.is_none(),
                };
                let was_taken = promise.threshold().admits(said.confidence, said.choice.is_some());
                promise.observe(outcome, was_taken);
            }
            model.learn(item, truth);
        }
        let threshold = promise.threshold();
        let mut strangers = read(STRANGER).into_iter().map(|mail| question(&mail.raw, now));
        let first = strangers.next().unwrap();
        let said = model.predict(&first).unwrap();
        eprintln!(
            "{threshold:?} {:?} first {:?} {}",
            promise.judged(),
            said.choice,
            said.confidence
        );
        assert!(
            !threshold.admits(said.confidence, said.choice.is_some()),
            "{said:?} {threshold:?}"
        );
        let lanterns = Some(class("Lantern Nights"));
        model.learn(first, lanterns);
        for next in strangers {
            let said = model.predict(&next).unwrap();
            eprintln!("next {} {}", said.choice == lanterns, said.confidence);
            assert_eq!(said.choice, lanterns);
            assert!(threshold.admits(said.confidence, true), "{said:?} {threshold:?}");
        }
    }
}
