//! What a transcript says, and to whom.
use super::*;
use crate::{
    bot::SegmentKey,
    calendar::Attendee,
    ids::UserId,
    meeting::sample::{attendee, meeting, noon, tenant},
};

fn said(second: i64, name: Option<&str>, text: &str, seconds: Option<u64>) -> Segment {
    let speaker = name.map(|name| Speaker {
        id: name.to_owned().into(),
        name: Some(name.to_owned().into()),
        ..Speaker::default()
    });
    Segment {
        key: SegmentKey::from_source(second.to_string()),
        speaker,
        starts_at: noon() + chrono::TimeDelta::seconds(second),
        duration: seconds.map(Duration::from_secs),
        text: text.to_owned().into(),
        is_final: true,
    }
}

fn spoken(segments: &[Segment]) -> Spoken<'_> {
    Spoken { segments, ..Spoken::default() }
}

#[test]
fn bot_12_a_transcript_reads_as_lines_with_time_and_speaker() {
    let said = [
        said(0, Some("Ada"), "Shall we  start?", Some(2)),
        said(5, None, "Yes.", None),
        said(3_725, Some("Bo"), "One\nline", Some(5)),
    ];
    let room = Attendee { is_resource: true, ..attendee("room@example.com") };
    let meeting = Meeting { attendees: vec![attendee("ann@example.com"), room], ..meeting() };
    let document = document(tenant(), &meeting, spoken(&said)).unwrap();
    let mail = &document.mail;
    let want =
        "[00:00:00] Ada: Shall we start?\n[00:00:05] Somebody: Yes.\n[01:02:05] Bo: One line\n";
    assert_eq!(mail.text.expose(), want);
    assert_eq!((mail.subject.expose().as_str(), mail.author()), ("Roof", "bob@Example.com"));
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
fn sec_c8_whoever_joins_under_a_false_name_puts_no_words_into_the_mouth_of_others() {
    let rows = [
        ("Eve\n[00:10:00] Bob", "Eve [00 10 00] Bob"),
        ("Bob: yes. Eve", "Bob yes. Eve"),
        (" \u{7}\t", "Somebody"),
        (&"e".repeat(1_000), &"e".repeat(NAME)),
    ];
    for (name, want) in rows {
        let document =
            document(tenant(), &meeting(), spoken(&[said(0, Some(name), "I agree.", None)]))
                .unwrap();
        let text = document.mail.text.expose();
        assert_eq!(*text, format!("[00:00:00] {want}: I agree.\n"), "{name:?}");
    }
}

#[test]
fn bot_12_a_meeting_has_one_document_whatever_is_said() {
    let tenant = tenant();
    let one = document(tenant, &meeting(), spoken(&[said(0, None, "one", None)])).unwrap();
    let two = document(tenant, &meeting(), spoken(&[said(0, None, "two", None)])).unwrap();
    assert_eq!(one.id, two.id);
    assert_ne!(one.raw, two.raw);
    let other = Meeting { owner: UserId::derived(&[b"bob"]), ..meeting() };
    assert_ne!(one.id, document(tenant, &other, spoken(&[])).unwrap().id);
}

#[test]
fn the_stored_form_of_a_record() {
    let people = [Speaker { id: "1".to_owned().into(), is_host: true, ..Speaker::default() }];
    let said = [said(0, Some("Ada"), "Shall we start?", Some(2))];
    let spoken =
        Spoken { participants: &people, completeness: Some(Completeness::Short), ..spoken(&said) };
    let document = document(tenant(), &meeting(), spoken).unwrap();
    let record: serde_json::Value = serde_json::from_slice(&document.raw).unwrap();
    insta::assert_json_snapshot!(record);
}
