//! Signatures and hints, on deliveries of our own and on recorded ones.
use besunny_testkit::{conformance::push::Call, data};
use serde_json::Value;

use super::*;

/// A secret of these tests.
const SECRET: &[u8; 32] = b"known to the server and to tests";

fn secret() -> SecretString {
    STANDARD.encode(SECRET).into()
}

fn signed(body: &str) -> Call {
    let text = canonical(body.as_bytes()).unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET);
    let signature = STANDARD.encode(hmac::sign(&key, text.as_bytes()));
    call(body.as_bytes(), Some(&signature))
}

fn call(body: &[u8], signature: Option<&str>) -> Call {
    let header = |value: &str| ("x-webhook-signature".to_owned(), value.as_bytes().to_vec());
    Call {
        path: "/webhooks/attendee/x".to_owned(),
        headers: signature.map(header).into_iter().collect(),
        body: body.to_vec(),
        received_at: DateTime::UNIX_EPOCH,
    }
}

fn receive(call: &Call, secrets: &[SecretString]) -> Result<BotNotice, Rejected> {
    call.deliver(|delivery| AttendeeReceiver.receive(delivery, secrets))
}

fn event(trigger: &str, data: &str) -> String {
    format!(
        r#"{{"idempotency_key": "k", "bot_id": "bot_1", "bot_metadata": null,
        "trigger": "{trigger}", "data": {data}}}"#
    )
}

#[test]
fn bot_10_what_each_trigger_hints_at() {
    let state = r#"{"new_state": "ended", "old_state": "post_processing",
        "created_at": "2026-11-20T18:24:53.633446+00:00", "event_metadata": {"n": 1e-07}}"#;
    let new = r#"{"new_state": "joined_singing", "created_at": "yesterday"}"#;
    let notices: Vec<BotNotice> = [
        ("bot.state_change", state),
        ("bot.state_change", new),
        ("transcript.update", r#"{"transcription": null, "timestamp_ms": 1}"#),
        ("async_transcription.state_change", r#"{"state": "complete"}"#),
        ("chat_messages.update", r#"{"text": "canary"}"#),
        ("participant_events.join_leave", r#"{"event_type": "join"}"#),
        ("participant_events.speech_start_stop", r#"{"event_type": "speech_start"}"#),
        ("bot_logs.update", r#"{"message": "canary"}"#),
    ]
    .into_iter()
    .map(|(trigger, data)| receive(&signed(&event(trigger, data)), &[secret()]).unwrap())
    .collect();
    insta::assert_json_snapshot!(notices);
}

#[test]
fn what_is_signed_and_no_event_is_unreadable() {
    for body in [
        "1",
        "{}",
        r#"{"bot_id": "bot_1", "bot_metadata": null, "callback_type": "zoom_tokens"}"#,
        &event("bot.state_change", "{}"),
        &event("bot.state_change", r#"{"new_state": 1}"#),
        &event("bot.state_change", "null"),
    ] {
        assert_eq!(receive(&signed(body), &[secret()]), Err(Rejected::Unreadable), "{body}");
    }
    // The row of the bot is gone: an event without ids is still an event.
    let orphan = r#"{"idempotency_key": "k", "trigger": "transcript.update", "data": {}}"#;
    assert_eq!(receive(&signed(orphan), &[secret()]).unwrap().bot, None);
}

#[test]
fn keys_that_come_twice_count_as_in_python() {
    let twice = r#"{"trigger": "x", "data": {}, "bot_id": "bot_1", "bot_id": "bot_2"}"#;
    let notice = receive(&signed(twice), &[secret()]).unwrap();
    assert_eq!(notice.bot, Some(BotRef::from_source("bot_2")));
}

#[test]
fn bad_input_forgeries_are_refused() {
    let body = event("transcript.update", "{}");
    let genuine = signed(&body);
    assert!(receive(&genuine, &[secret()]).is_ok());
    let spaced = Call { body: body.replace(' ', "  ").into_bytes(), ..genuine.clone() };
    assert!(receive(&spaced, &[secret()]).is_ok(), "space is not signed");
    let bad = |call: &Call, what: &str| {
        assert_eq!(receive(call, &[secret()]), Err(Rejected::BadSignature), "{what}");
    };
    let with = |signature: &str| call(body.as_bytes(), Some(signature));
    let signature = String::from_utf8(genuine.headers[0].1.clone()).unwrap();
    bad(&with(""), "empty");
    bad(&with("=="), "no base64");
    bad(&with(&signature[..42]), "cut");
    bad(&with(&format!("sha256={signature}")), "another scheme");
    bad(&with(&STANDARD.encode([0; 32])), "zeros");
    let other = body.replace("bot_1", "bot_2");
    bad(&call(other.as_bytes(), Some(&signature)), "another bot");
    bad(&call(b"{", Some(&signature)), "no JSON");
    bad(&call(format!("{body}{body}").as_bytes(), Some(&signature)), "two bodies");
    let unsigned = call(body.as_bytes(), None);
    assert_eq!(receive(&unsigned, &[secret()]), Err(Rejected::Unsigned));
}

#[test]
fn secrets_are_base64_and_long_enough() {
    let genuine = signed(&event("transcript.update", "{}"));
    let raw: SecretString = String::from_utf8(SECRET.to_vec()).unwrap().into();
    for weak in [raw, String::new().into(), "AAAA".to_owned().into(), "!".to_owned().into()] {
        assert_eq!(check_secret(&weak), Err(ConfigError::Secret));
        assert_eq!(receive(&genuine, &[weak]), Err(Rejected::BadSignature));
    }
    let padded: SecretString = format!(" {}\n", STANDARD.encode(SECRET)).into();
    assert_eq!(check_secret(&padded), Ok(()));
    assert!(receive(&genuine, &[padded]).is_ok());
}

/// The deliveries that a real server made, and what is wrong with the others.
#[test]
fn bot_9_recorded_deliveries_hold_and_negatives_do_not() {
    let Some(folder) = data::find("attendee") else { return };
    let vectors = std::fs::read(folder.join("vectors.json")).unwrap();
    let vectors: Value = serde_json::from_slice(&vectors).unwrap();
    let secret: SecretString = vectors["secret_base64"].as_str().unwrap().to_owned().into();
    let other = STANDARD.encode([7; 32]).into();
    let mut counts = (0, 0);
    for list in ["vectors", "negative_vectors"] {
        for vector in vectors[list].as_array().unwrap() {
            let name = vector["name"].as_str().unwrap();
            let body = STANDARD.decode(vector["raw_body_base64"].as_str().unwrap()).unwrap();
            let headers = vector["headers"].as_object().unwrap().iter();
            let headers = headers
                .map(|(name, value)| (name.clone(), value.as_str().unwrap().as_bytes().to_vec()));
            let call = Call { headers: headers.collect(), ..call(&body, None) };
            let got = receive(&call, &[SecretString::clone(&other), secret.clone()]);
            if vector["expected"] == "valid" {
                let text = canonical(&body).unwrap();
                assert_eq!(text, vector["canonical_utf8"].as_str().unwrap(), "{name}");
                assert!(got.is_ok(), "{name}: {got:?}");
                assert_eq!(receive(&call, &[]), Err(Rejected::BadSignature), "{name}");
                counts.0 += 1;
            } else {
                let why = got.expect_err(name);
                assert!(matches!(why, Rejected::BadSignature | Rejected::Unsigned), "{name}");
                counts.1 += 1;
            }
        }
    }
    data::say(&format!("{} recorded deliveries hold, {} negatives fail", counts.0, counts.1));
    assert!(counts.0 >= 20 && counts.1 >= 4, "{counts:?}");
}
