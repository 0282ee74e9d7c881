//! Every answer has the shape that Google's discovery documents give it.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use axum::http::Method;
use besunny_simulator::{Config, Delivery, Operation};
use serde_json::{Value, json};

use crate::discovery::Discovery;
use crate::endpoint::Endpoint;
use crate::http;
use crate::scene::{Scene, event, mail, watch_request};

/// The folder of real data; absent, with a loud line, where there is none.
pub(crate) fn data() -> Option<PathBuf> {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let folder = std::env::var_os("BESUNNY_DATA").map_or(default, PathBuf::from);
    if folder.is_dir() {
        return Some(folder);
    }
    // Not by `eprintln!`, which a passing test keeps to itself.
    let line = format!("SKIPPED: real data, BESUNNY_DATA not found at {}\n", folder.display());
    std::io::stderr().write_all(line.as_bytes()).unwrap();
    None
}

fn discovery(name: &str) -> Option<Discovery> {
    let path = data()?.join(format!("google_api/discovery/{name}.json"));
    Some(Discovery::parse(&std::fs::read_to_string(path).unwrap()))
}

const WITH_ATTACHMENT: &str = "Subject: parts\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
    --b\r\n\r\ntext\r\n--b\r\nContent-Type: image/png\r\n\r\n....\r\n--b--\r\n";

#[tokio::test]
async fn gmail_answers_fit_their_schemas() {
    let Some(gmail) = discovery("gmail.v1") else { return };
    let scene = Scene::with(|config: &mut Config| config.settings.mail.touch_rate = 1.0).await;
    let start = scene.ann().history_id();
    let one = scene.ann().deliver(WITH_ATTACHMENT, &Delivery::default()).unwrap();
    let two = scene.deliver("two");
    scene.ann().change_labels(&one.id, &["STARRED"], &["UNREAD"]).unwrap();
    scene.ann().delete(&two.id).unwrap();
    scene.deliver("three");
    let full = scene.get(&format!("messages/{}", one.id)).await.good();
    let attachment = full["payload"]["parts"][1]["body"]["attachmentId"].as_str().unwrap();
    let mut answers = vec![("Message", full.clone())];
    for (schema, path) in [
        ("Profile", "profile".to_owned()),
        ("ListMessagesResponse", "messages?maxResults=1".to_owned()),
        ("ListMessagesResponse", "messages?labelIds=SPAM".to_owned()),
        ("Message", format!("messages/{}?format=minimal", one.id)),
        ("Message", format!("messages/{}?format=metadata", one.id)),
        ("Message", format!("messages/{}?format=raw", one.id)),
        ("MessagePartBody", format!("messages/{}/attachments/{attachment}", one.id)),
        ("ListHistoryResponse", format!("history?startHistoryId={start}")),
        ("ListHistoryResponse", format!("history?startHistoryId={start}&maxResults=1")),
        ("ListLabelsResponse", "labels".to_owned()),
    ] {
        answers.push((schema, scene.get(&path).await.good()));
    }
    answers.push(("Label", scene.post("labels", json!({ "name": "New" })).await.good()));
    answers.push(("WatchResponse", scene.post("watch", watch_request()).await.good()));
    let modify = format!("messages/{}/modify", one.id);
    let body = json!({ "addLabelIds": ["INBOX"] });
    answers.push(("Message", scene.post(&modify, body).await.good()));
    check(&gmail, &answers);
}

#[tokio::test]
async fn oauth_answers_fit_their_schemas() {
    let Some(oauth) = discovery("oauth2.v2") else { return };
    let scene = Scene::new().await;
    let info = scene.form("/oauth2/v2/tokeninfo", &[("access_token", &scene.token)]).await.good();
    let headers = [("authorization", &*format!("Bearer {}", scene.token))];
    let url = scene.url("/oauth2/v2/userinfo");
    let user = http::send(Method::GET, &url, &headers, "").await.unwrap().good();
    check(&oauth, &[("Tokeninfo", info), ("Userinfo", user)]);
}

#[tokio::test]
async fn notices_fit_their_schema() {
    let Some(pubsub) = discovery("pubsub.v1") else { return };
    let endpoint = Endpoint::new().await;
    let scene = Scene::with(|config| endpoint.subscribe(config)).await;
    scene.post("watch", watch_request()).await.good();
    scene.deliver("one");
    scene.control().settle().await;
    let mut message = endpoint.notices()[0].body["message"].clone();
    // Pushes carry both spellings; the document knows only one of them.
    for twin in ["message_id", "publish_time"] {
        message.as_object_mut().unwrap().remove(twin);
    }
    check(&pubsub, &[("PubsubMessage", message)]);
}

#[tokio::test]
async fn real_mail_fits_the_schema() {
    let (Some(gmail), Some(data)) = (discovery("gmail.v1"), data()) else { return };
    let scene = Scene::with(|config: &mut Config| {
        config.settings.quota.user_units_per_minute = u64::MAX / 2;
        config.settings.quota.project_units_per_minute = u64::MAX / 2;
    })
    .await;
    let archive = data.join("email_spamassassin/messages.tar.gz");
    scene.ann().load(&archive, &Delivery::default()).unwrap();
    for id in scene.ann().message_ids().iter().step_by(40) {
        let message = scene.get(&format!("messages/{id}")).await.good();
        check(&gmail, &[("Message", message)]);
    }
}

#[tokio::test]
async fn calendar_answers_fit_their_schemas() {
    let Some(calendar) = discovery("calendar.v3") else { return };
    let scene = Scene::new().await;
    let agenda = scene.agenda();
    agenda.add_calendar("team@group.calendar.example.test");
    let mut series = event("Weekly", "2026-01-06T09:00:00+01:00");
    series["recurrence"] = json!(["RRULE:FREQ=WEEKLY"]);
    let series = agenda.put("primary", series).unwrap();
    let place = json!({ "dateTime": "2026-01-13T09:00:00+01:00" });
    agenda.except("primary", &series, &place, json!({ "status": "cancelled" })).unwrap();
    let whole = json!({ "summary": "Day", "start": { "date": "2026-01-06" }, "end": { "date": "2026-01-07" } });
    let day = agenda.put("primary", whole).unwrap();
    let events = "calendars/primary/events";
    let listed = scene.calendar(events).await.good();
    let sync = listed["nextSyncToken"].as_str().unwrap();
    agenda.delete("primary", &day).unwrap();
    let mut answers = vec![("Events", listed.clone())];
    for (schema, path) in [
        ("Events", format!("{events}?maxResults=1")),
        ("Events", format!("{events}?syncToken={sync}")),
        ("Event", format!("{events}/{series}")),
        ("Event", format!("{events}/{day}")),
        ("CalendarList", "users/me/calendarList?maxResults=1".to_owned()),
    ] {
        answers.push((schema, scene.calendar(&path).await.good()));
    }
    let body = json!({ "id": "c1", "type": "web_hook", "address": "https://a.example.test/x" });
    let watched = scene.post_calendar(&format!("{events}/watch"), body).await.good();
    answers.push(("Channel", watched));
    check(&calendar, &answers);
}

#[test]
fn scopes_are_those_of_the_documents() {
    for (document, service) in [("gmail.v1", "gmail."), ("calendar.v3", "calendar.")] {
        let Some(document) = discovery(document) else { return };
        scopes_are_those_of(&document, service);
    }
}

fn scopes_are_those_of(document: &Discovery, service: &str) {
    for operation in Operation::all().filter(|one| one.name().starts_with(service)) {
        let method = document.method(operation.name()).unwrap();
        let mut scopes: Vec<_> = method["scopes"].as_array().unwrap().iter().collect();
        scopes.retain(|scope| !scope.as_str().unwrap().contains("gmail.addons"));
        let mut ours: Vec<_> = operation.scopes().iter().map(|&scope| json!(scope)).collect();
        ours.sort_by_key(Value::to_string);
        assert_eq!(ours.iter().collect::<Vec<_>>(), scopes, "{}", operation.name());
    }
}

#[track_caller]
fn check(discovery: &Discovery, answers: &[(&str, Value)]) {
    for (schema, answer) in answers {
        let problems = discovery.problems(schema, answer);
        assert!(problems.is_empty(), "{schema}: {problems:#?}\nin {answer:#}");
    }
}

#[tokio::test]
async fn the_validator_sees_a_wrong_answer() {
    let Some(gmail) = discovery("gmail.v1") else { return };
    let scene = Scene::new().await;
    scene.ann().deliver(mail("one"), &Delivery::default()).unwrap();
    let mut profile = scene.get("profile").await.good();
    profile["historyId"] = json!(5);
    assert_eq!(gmail.problems("Profile", &profile).len(), 1);
}
