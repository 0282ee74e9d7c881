//! What a transcript says, and to whom.
use super::*;
use crate::{
    bot::SegmentKey,
    calendar::{Attendance, Attendee},
    ids::UserId,
    mail::Mailbox,
    meeting::{MeetingStatus, meeting_id},
};

fn said(second: i64, name: Option<&str>, text: &str, seconds: Option<u64>) -> Segment {
    let begins: DateTime<Utc> = "2026-06-01T12:00:00Z".parse().unwrap();
    let speaker = name.map(|name| Speaker {
        id: name.to_owned().into(),
        name: Some(name.to_owned().into()),
        ..Speaker::default()
    });
    Segment {
        key: SegmentKey::from_source(second.to_string()),
        speaker,
        starts_at: begins + chrono::TimeDelta::seconds(second),
        duration: seconds.map(Duration::from_secs),
        text: text.to_owned().into(),
        is_final: true,
    }
}

fn meeting() -> Meeting {
    let (tenant, owner) = (TenantId::derived(&[b"acme"]), UserId::derived(&[b"ann"]));
    let uid = EventUid::from_source("weekly@example.com");
    let mailbox = |address: &str| Mailbox { name: None, address: address.to_owned().into() };
    let starts_at: DateTime<Utc> = "2026-06-01T12:00:00Z".parse().unwrap();
    let attendee = |address: &str, is_resource| Attendee {
        mailbox: mailbox(address),
        answer: Attendance::Accepted,
        is_self: false,
        is_resource,
    };
    Meeting {
        id: meeting_id(tenant, owner, &uid, None),
        version: 1,
        owner,
        uid,
        original: None,
        starts_at,
        ends_at: starts_at + Duration::from_mins(30),
        status: MeetingStatus::Planned,
        title: Some("Roof".to_owned().into()),
        link: None,
        organizer: Some(mailbox("bob@example.com")),
        attendees: vec![attendee("ann@example.com", false), attendee("room@example.com", true)],
        answer: Attendance::Accepted,
        is_own: None,
        invited: Vec::new(),
        choice: None,
    }
}

#[test]
fn bot_12_a_transcript_reads_as_lines_with_time_and_speaker() {
    let said = [
        said(0, Some("Ada"), "Shall we  start?", Some(2)),
        said(5, None, "Yes.", None),
        said(3_725, Some("Bo"), "One\nline", Some(5)),
    ];
    let document = document(TenantId::derived(&[b"acme"]), &meeting(), &said, &[]);
    let mail = &document.mail;
    let want =
        "[00:00:00] Ada: Shall we start?\n[00:00:05] Somebody: Yes.\n[01:02:05] Bo: One line\n";
    assert_eq!(mail.text.expose(), want);
    assert_eq!((mail.subject.expose().as_str(), mail.author()), ("Roof", "bob@example.com"));
    let to: Vec<&str> = mail.to.iter().map(|to| to.address.expose().as_str()).collect();
    assert_eq!(to, ["ann@example.com"], "a room is nobody");
    assert_eq!(mail.thread_ids().collect::<Vec<_>>(), ["meetings:weekly@example.com"]);
    assert_eq!(mail.message_id.as_ref().unwrap().expose(), "meetings:weekly@example.com");
    let statistics = Statistics::of(&said);
    assert_eq!((statistics.segments, statistics.words, statistics.seconds), (3, 6, 3_730));
    let names: Vec<&str> =
        statistics.speakers.iter().map(|talk| talk.name.expose().as_str()).collect();
    assert_eq!(names, ["Bo", "Ada", "Somebody"], "who spoke longest comes first");
    assert!((statistics.speakers[2].seconds - 0.4).abs() < 1e-9, "one word");
}

#[test]
fn bot_12_a_meeting_has_one_document_whatever_is_said() {
    let tenant = TenantId::derived(&[b"acme"]);
    let one = document(tenant, &meeting(), &[said(0, None, "one", None)], &[]);
    let two = document(tenant, &meeting(), &[said(0, None, "two", None)], &[]);
    assert_eq!(one.id, two.id);
    assert_ne!(one.raw, two.raw);
    let other = Meeting { owner: UserId::derived(&[b"bob"]), ..meeting() };
    assert_ne!(one.id, document(tenant, &other, &[], &[]).id);
}

#[test]
fn the_stored_form_of_a_record() {
    let people = [Speaker { id: "1".to_owned().into(), is_host: true, ..Speaker::default() }];
    let said = [said(0, Some("Ada"), "Shall we start?", Some(2))];
    let document = document(TenantId::derived(&[b"acme"]), &meeting(), &said, &people);
    let record: serde_json::Value = serde_json::from_slice(&document.raw).unwrap();
    insta::assert_json_snapshot!(record);
}
