//! Generated mails and events: the same for a number, whoever asks.
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

/// Bytes of a mail: the mean of Gmail messages in the reference measurements.
const MAIL_BYTES: usize = 5 << 10;

/// Writes a mail whose text compresses about as well as that of real ones.
pub(crate) fn raw_mail(number: usize) -> Bytes {
    let mut text = format!(
        "Message-ID: <{number}@example.org>\r\nDate: Mon, 1 Jun 2026 09:30:00 +0200\r\n\
         From: Bob Example <bob@example.org>\r\nTo: ann@example.com\r\n\
         Subject: Report {number} of the harbour works\r\nMIME-Version: 1.0\r\n\
         Content-Type: text/plain; charset=utf-8\r\n\r\n"
    );
    let mut dice = spread(number);
    while text.len() < MAIL_BYTES {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let word = dice >> 48;
        let length = 2 + usize::try_from(word % 9).unwrap_or(0);
        let letters = (0..length).map(|at| {
            let letter = (word >> (at % 8)).wrapping_mul(31).wrapping_add(at as u64) % 26;
            char::from(b'a' + u8::try_from(letter).unwrap_or(0))
        });
        text.extend(letters);
        text.push_str(if dice.is_multiple_of(12) { "\r\n" } else { " " });
    }
    Bytes::from(text)
}

/// One event of so many is yet to come; the others are over, as most of an old calendar is.
const UPCOMING: usize = 100;
/// One event of so many is a series that has ended.
const SERIES: usize = 50;
/// Bytes of an event as Calendar shows it: the mean of the reference measurements.
#[cfg(test)]
const EVENT_BYTES: usize = 1_600;

/// Returns the numbers of the events that are yet to come, among the first `count`.
pub(crate) fn upcoming(count: usize) -> impl Iterator<Item = usize> {
    (0..count).step_by(UPCOMING)
}

/// Returns the id of an event, in no order of ours, as those of a provider are.
fn event_id(number: usize) -> String {
    format!("{:026x}", spread(number))
}

/// Returns the name of an event across calendars.
pub(crate) fn event_uid(number: usize) -> String {
    format!("{}@google.com", event_id(number))
}

/// Writes an event as Calendar takes it: half an hour, four guests, a video call, a text.
pub(crate) fn event(number: usize, now: DateTime<Utc>) -> Value {
    let starts = if number.is_multiple_of(UPCOMING) {
        now + TimeDelta::minutes(60 + 10 * i64::try_from(number % 5_000).unwrap_or(0))
    } else {
        now - TimeDelta::days(200) - TimeDelta::minutes(i64::try_from(number).unwrap_or(0))
    };
    let at =
        |at: DateTime<Utc>| json!({ "dateTime": at.to_rfc3339(), "timeZone": "Europe/Berlin" });
    let room = spread(number);
    let link = format!("https://meet.google.com/{}", letters(room));
    let guests = ["ann0", "bob.example", "carol.example", "dan.example"].map(
        |name| json!({ "email": format!("{name}@example.test"), "responseStatus": "accepted" }),
    );
    let text = "We go through what is open, decide what is next, and note who does it until when. ";
    let mut event = json!({
        "id": event_id(number),
        "summary": format!("Meeting {number} of the harbour works"),
        "description": text.repeat(5),
        "location": "Harbour office, room 4",
        "start": at(starts),
        "end": at(starts + TimeDelta::minutes(30)),
        "attendees": guests,
        "hangoutLink": link,
        "conferenceData": { "entryPoints": [{ "entryPointType": "video", "uri": link }] },
    });
    if number % SERIES == 1 {
        event["recurrence"] = json!(["RRULE:FREQ=WEEKLY;COUNT=20"]);
    }
    event
}

/// Writes a number as the code of a video call.
fn letters(number: u64) -> String {
    let letter = |at: u32| char::from(b'a' + u8::try_from((number >> (5 * at)) % 26).unwrap_or(0));
    let part = |from: u32, to: u32| (from..to).map(letter).collect::<String>();
    [part(0, 3), part(3, 7), part(7, 10)].join("-")
}

/// Spreads numbers over the whole range.
pub(crate) const fn spread(number: usize) -> u64 {
    (number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

#[cfg(test)]
mod tests {
    use besunny_simulator::{Config, Simulator};

    use super::*;

    #[tokio::test]
    async fn events_are_of_real_size() {
        let simulator = Simulator::start(Config::default()).await.unwrap();
        let control = simulator.control();
        control.add_account("ann0@example.test");
        let agenda = control.agenda("ann0@example.test").unwrap();
        let size = |number| {
            let id = agenda.put("primary", event(number, DateTime::UNIX_EPOCH)).unwrap();
            agenda.event("primary", &id).unwrap().to_string().len()
        };
        let mean = (0..200).map(size).sum::<usize>() / 200;
        assert!(mean.abs_diff(EVENT_BYTES) < EVENT_BYTES / 20, "{mean} bytes");
    }
}
