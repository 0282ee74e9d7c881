//! The form of requests, and the recorded answers of a real server.
use besunny_testkit::data;
use serde_json::Value;

use super::*;

fn wanted() -> NewBot {
    NewBot {
        meeting: "https://meet.google.com/abc-defg-hij".to_owned().into(),
        name: "Notes".to_owned(),
        join_at: Some("2026-11-20T19:22:49.5Z".parse().unwrap()),
        dedup_key: "key".to_owned(),
        metadata: BTreeMap::from([("meeting".to_owned(), "1".to_owned())]),
        greeting: Some("Hi".to_owned()),
        recording: RecordingKind::Audio,
        callback: Some("https://besunny.example/webhooks/attendee/x".to_owned()),
    }
}

#[test]
fn the_requests() {
    let plain = NewBot {
        join_at: None,
        metadata: BTreeMap::new(),
        greeting: None,
        recording: RecordingKind::None,
        callback: None,
        ..wanted()
    };
    let amend = Amend { join_at: wanted().join_at, meeting: None };
    let one = ChatTo::One("p-ada".to_owned().into());
    insta::assert_json_snapshot!((
        Create::of(&wanted()).ok(),
        Create::of(&plain).ok(),
        Patch::of(&amend),
        Writing::of("Hi", &ChatTo::Everyone),
        Writing::of("Hi", &one),
    ));
}

#[test]
fn what_the_server_refuses_is_not_sent() {
    let check = |bot: NewBot, want: Option<Unsendable>| {
        assert_eq!(Create::of(&bot).err(), want);
    };
    let named = |name: String| NewBot { name, ..wanted() };
    check(named("é".repeat(MAX_NAME_CHARS)), None);
    check(named("é".repeat(MAX_NAME_CHARS + 1)), Some(Unsendable::LongName));
    check(named("Notes 😀".to_owned()), Some(Unsendable::Astral("name of the bot")));
    let greeting = Some("Hi 😀".to_owned());
    check(NewBot { greeting, ..wanted() }, Some(Unsendable::Astral("greeting")));
    let greeting = Some("é".repeat(MAX_GREETING_CHARS + 1));
    check(NewBot { greeting, ..wanted() }, Some(Unsendable::LongGreeting));
    let with = |value: String| NewBot { metadata: [("a".to_owned(), value)].into(), ..wanted() };
    check(with("a".repeat(998)), None);
    check(with("a".repeat(999)), Some(Unsendable::LongMetadata));
    check(with("é".repeat(166)), None);
    check(with("é".repeat(167)), Some(Unsendable::LongMetadata));
    check(with("😀".repeat(84)), Some(Unsendable::LongMetadata));
}

/// Every answer of a real server to a question that we ask is read.
#[test]
fn recorded_answers_are_read() {
    let Some(folder) = data::find("attendee") else { return };
    let mut read = BTreeMap::<&str, usize>::new();
    for (name, path) in data::files(&folder.join("samples")) {
        let sample: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let status = sample["response"]["status"].as_u64().unwrap();
        let text = sample["response"]["body_text"].as_str().unwrap_or_default();
        let path = sample["request"]["path"].as_str().unwrap();
        let path = path.split('?').next().unwrap().trim_start_matches("/api/v1");
        let mut parts = path.split('/').skip(1);
        let place = (parts.next(), parts.next(), parts.next());
        if !(200..300).contains(&status) || text.is_empty() {
            continue;
        }
        let kind = match place {
            (Some("bots"), None, _) if text.contains("\"results\"") => {
                let page: Page<BotAnswer> = serde_json::from_str(text).expect(&name);
                assert!(
                    page.results.into_iter().all(|bot| bot.into_bot().phase.is_some()),
                    "{name}"
                );
                "bots"
            }
            (Some("bots"), _, None | Some("leave" | "pause_recording" | "delete_data")) => {
                let bot: BotAnswer = serde_json::from_str(text).expect(&name);
                assert!(bot.into_bot().phase.is_some(), "{name}");
                "bot"
            }
            (Some("bots"), _, Some("transcript")) if text.starts_with('[') => {
                for utterance in serde_json::from_str::<Vec<Utterance>>(text).expect(&name) {
                    assert!(utterance.into_segment().unwrap().is_some(), "{name}");
                }
                "transcript"
            }
            (Some("bots"), _, Some("chat_messages")) => {
                let page: Page<MessageAnswer> = serde_json::from_str(text).expect(&name);
                page.results.into_iter().for_each(|one| drop(ChatMessage::try_from(one).unwrap()));
                "chat"
            }
            (Some("bots"), _, Some("participants")) => {
                drop(serde_json::from_str::<Page<ParticipantAnswer>>(text).expect(&name));
                "participants"
            }
            (Some("bots"), _, Some("participant_events")) => {
                drop(serde_json::from_str::<Page<EventAnswer>>(text).expect(&name));
                "comings"
            }
            (Some("bots"), _, Some("recording")) => {
                drop(serde_json::from_str::<RecordingAnswer>(text).expect(&name));
                "recording"
            }
            _ => continue,
        };
        *read.entry(kind).or_default() += 1;
    }
    data::say(&format!("recorded answers read: {read:?}"));
    assert_eq!(read.len(), 7, "{read:?}");
}

#[test]
fn what_is_new_in_an_answer_is_no_error() {
    let bot = r#"{"id": "bot_1", "state": "joined_singing", "metadata": {"a": 1, "b": "x"},
        "meeting_url": "x", "events": [{"type": "sang", "created_at": "2026-11-20T18:23:53.230671Z",
        "pitch": 440}], "transcription_state": "sung", "recording_state": null, "join_at": null,
        "deduplication_key": null, "choir": {}}"#;
    let bot = serde_json::from_str::<BotAnswer>(bot).unwrap().into_bot();
    assert_eq!((bot.phase, bot.word.expose().as_str()), (None, "joined_singing"));
    assert_eq!(bot.metadata.len(), 1);
    assert!(bot.changed_at.is_some());
}
