//! Attendee: states by the clock, refusals in the words of a real server, three tries of a webhook.

use axum::http::Method;
use besunny_simulator::{
    Act, AttendeeWebhook, Config, Fault, FaultRule, Operation, PushFault, WebhookEntry,
};
use serde_json::{Value, json};

use crate::http::{self, Reply};
use crate::scene::Scene;
use crate::shapes::data;

const MEETING: &str = "https://meet.google.com/abc-defg-hij";
const TRIGGERS: [&str; 2] = ["bot.state_change", "transcript.update"];

struct Office(Scene);

impl Office {
    async fn new() -> Self {
        Self(Scene::new().await)
    }

    async fn call(&self, method: Method, path: &str, body: Value) -> Reply {
        let key = format!("Token {}", self.0.control().settings().attendee.api_key);
        let headers = [("authorization", &*key), ("content-type", "application/json")];
        let body = if body.is_null() { String::new() } else { body.to_string() };
        http::send(method, &self.0.url(path), &headers, body).await.unwrap()
    }

    async fn get(&self, path: &str) -> Reply {
        self.call(Method::GET, &format!("/api/v1/bots{path}"), Value::Null).await
    }

    async fn post(&self, path: &str, body: Value) -> Reply {
        self.call(Method::POST, &format!("/api/v1/bots{path}"), body).await
    }

    /// Makes a bot that joins so many seconds from now, or at once.
    async fn bot(&self, seconds: Option<i64>) -> String {
        let at = seconds.map(|seconds| self.0.control().now() + chrono::Duration::seconds(seconds));
        let mut body = json!({ "meeting_url": MEETING, "bot_name": "n", "metadata": { "k": "v" } });
        if let Some(at) = at {
            body["join_at"] = json!(at);
        }
        let made = self.post("", body).await;
        assert_eq!(made.status, 201, "{}", made.json());
        made.json()["id"].as_str().unwrap().to_owned()
    }

    async fn state(&self, bot: &str) -> String {
        self.get(&format!("/{bot}")).await.good()["state"].as_str().unwrap().to_owned()
    }

    fn play(&self, bot: &str, act: &Act) {
        self.0.control().bots().play(bot, act).unwrap();
    }

    fn says(&self, bot: &str, text: &str) {
        self.play(bot, &Act::Says { name: "Ada".to_owned(), text: text.to_owned() });
    }
}

#[tokio::test]
async fn a_bot_lives_by_the_clock() {
    let office = Office::new().await;
    let bot = office.bot(Some(3_600)).await;
    for (seconds, want) in
        [(0, "scheduled"), (3_299, "scheduled"), (1, "staged"), (299, "staged"), (1, "joining")]
    {
        office.0.advance(seconds);
        assert_eq!(office.state(&bot).await, want, "after {seconds} s more");
    }
    office.play(&bot, &Act::LetIn);
    assert_eq!(office.state(&bot).await, "joined_recording");
    assert_eq!(office.post(&format!("/{bot}/leave"), json!({})).await.good()["state"], "leaving");
    office.0.advance(3);
    assert_eq!(office.state(&bot).await, "post_processing");
    office.0.advance(30);
    assert_eq!(office.state(&bot).await, "ended");
    let events = office.get(&format!("/{bot}")).await.good()["events"].clone();
    let kinds: Vec<_> = events.as_array().unwrap().iter().map(|event| &event["type"]).collect();
    insta::assert_json_snapshot!(kinds);
}

/// Asks what the recorded request asked, of a bot in the same state.
async fn refused(office: &Office, sample: &Value, bot: &str) -> Reply {
    let request = &sample["request"];
    let path = request["path"].as_str().unwrap();
    let mut parts: Vec<&str> = path.split('/').collect();
    if parts.get(4).is_some_and(|id| id.starts_with("bot_") && *id != "bot_doesnotexist") {
        parts[4] = bot;
    }
    let method = request["method"].as_str().unwrap().parse().unwrap();
    office.call(method, &parts.join("/"), request["body"].clone()).await
}

/// Each row is a recorded refusal and the state of the bot that it is about.
const REFUSALS: [(&str, &str); 24] = [
    ("010-create-missing-fields", ""),
    ("011-create-bad-url", ""),
    ("012-create-unknown-field", ""),
    ("013-create-metadata-nonstring", ""),
    ("014-create-metadata-empty", ""),
    ("018-create-webhook-http", ""),
    ("024-create-meeting-url-too-long", ""),
    ("033-get-missing", ""),
    ("044-leave-scheduled", "scheduled"),
    ("045-send-chat-scheduled", "scheduled"),
    ("046-pause-scheduled", "scheduled"),
    ("047-delete-data-scheduled", "scheduled"),
    ("040-recording-of-scheduled", "scheduled"),
    ("063-patch-joining-join-at", "joining"),
    ("065-delete-joining", "joining"),
    ("075-transcript-updated-after-bad", "joined_recording"),
    ("087-send-chat-specific-missing", "joined_recording"),
    ("088-send-chat-specific-unknown", "joined_recording"),
    ("090-send-chat-bad-to", "joined_recording"),
    ("092-resume-wrong-state", "joined_recording"),
    ("099-leave-again", "leaving"),
    ("116-leave-ended", "ended"),
    ("123-list-filter-bad-state", ""),
    ("128-list-bad-cursor", ""),
];

async fn in_state(office: &Office, state: &str) -> String {
    let bot = office.bot((state == "scheduled").then_some(7_200)).await;
    if ["joined_recording", "leaving", "ended"].contains(&state) {
        office.play(&bot, &Act::LetIn);
    }
    if ["leaving", "ended"].contains(&state) {
        office.post(&format!("/{bot}/leave"), json!({})).await.good();
    }
    if state == "ended" {
        office.0.advance(60);
    }
    bot
}

#[tokio::test]
async fn refusals_are_worded_as_recorded() {
    let Some(data) = data() else { return };
    for (name, state) in REFUSALS {
        let path = data.join(format!("attendee/samples/{name}.json"));
        let sample: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let office = Office::new().await;
        let bot = in_state(&office, state).await;
        let reply = refused(&office, &sample, &bot).await;
        let want = &sample["response"];
        assert_eq!(Value::from(reply.status), want["status"], "{name}: {:?}", reply.body);
        assert_eq!(sorted(&reply.json()), sorted(&want["body"]), "{name}");
    }
}

/// The list of states has no order that means anything.
fn sorted(body: &Value) -> String {
    let mut words: Vec<String> =
        body.to_string().split([' ', ',', '"']).map(str::to_owned).collect();
    words.sort();
    words.join(" ")
}

#[tokio::test]
async fn nobody_moves_or_stops_a_staged_bot() {
    let office = Office::new().await;
    let bot = office.bot(Some(200)).await;
    assert_eq!(office.state(&bot).await, "staged");
    let path = format!("/api/v1/bots/{bot}");
    let moved = json!({ "join_at": "2027-01-01T00:00:00Z" });
    for reply in [
        office.call(Method::PATCH, &path, moved).await,
        office.call(Method::DELETE, &path, Value::Null).await,
        office.post(&format!("/{bot}/leave"), json!({})).await,
    ] {
        assert_eq!(reply.status, 400);
        assert!(reply.json()["error"].as_str().unwrap().contains("in state staged"));
    }
    office.0.advance(200);
    office.post(&format!("/{bot}/leave"), json!({})).await.good();
}

#[tokio::test]
async fn a_key_is_free_when_its_bot_is_over() {
    let office = Office::new().await;
    let body = json!({ "meeting_url": MEETING, "bot_name": "n", "deduplication_key": "k" });
    let bot = office.post("", body.clone()).await.json()["id"].as_str().unwrap().to_owned();
    let again = office.post("", body.clone()).await;
    assert_eq!(again.status, 400);
    let text = again.json()["error"].as_str().unwrap().to_owned();
    assert!(text.starts_with("Deduplication key already in use"), "{text}");
    let found = office.get("?deduplication_key=k").await.good();
    assert_eq!(found["results"][0]["id"], bot);
    office.play(&bot, &Act::Breaks);
    assert_eq!(office.post("", body).await.status, 201);
}

/// Says whether an answer has the fields and types of a recorded one; what clients put in is free.
fn fits(ours: &Value, recorded: &Value, place: &str) {
    match (ours, recorded) {
        (Value::Object(ours), Value::Object(recorded)) => {
            let keys = |map: &serde_json::Map<String, Value>| {
                let mut keys: Vec<String> = map.keys().cloned().collect();
                keys.sort();
                keys
            };
            assert_eq!(keys(ours), keys(recorded), "{place}");
            for (key, value) in ours.iter().filter(|(key, _)| !FREE.contains(&key.as_str())) {
                fits(value, &recorded[key], &format!("{place}.{key}"));
            }
        }
        (Value::Array(ours), Value::Array(recorded)) => {
            if let (Some(ours), Some(recorded)) = (ours.first(), recorded.first()) {
                fits(ours, recorded, &format!("{place}[]"));
            }
        }
        (Value::Null, _) | (_, Value::Null) => {}
        (ours, recorded) => assert_eq!(
            std::mem::discriminant(ours),
            std::mem::discriminant(recorded),
            "{place}: {ours} {recorded}"
        ),
    }
}

/// What is in these is up to the client or the platform of the meeting.
const FREE: [&str; 3] = ["metadata", "additional_data", "event_data"];

#[tokio::test]
async fn answers_have_the_recorded_shape() {
    let Some(data) = data() else { return };
    let office = Office::new().await;
    let bot = office.bot(None).await;
    office.play(&bot, &Act::LetIn);
    office.says(&bot, "Hello");
    office.play(&bot, &Act::Writes { name: "Ada".to_owned(), text: "notes".to_owned() });
    office.play(&bot, &Act::Comes { name: "Ada".to_owned() });
    let during = [
        ("070-get-recording", String::new()),
        ("071-transcript", "/transcript".to_owned()),
        (
            "073-transcript-updated-after-future",
            "/transcript?updated_after=2099-01-01T00:00:00Z".to_owned(),
        ),
        ("080-chat-messages", "/chat_messages".to_owned()),
        ("081-participants", "/participants".to_owned()),
        ("083-participant-events", "/participant_events".to_owned()),
    ];
    let check = async |name: &str, tail: &str| {
        let path = data.join(format!("attendee/samples/{name}.json"));
        let sample: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let ours = office.get(&format!("/{bot}{tail}")).await.good();
        fits(&ours, &sample["response"]["body"], name);
    };
    for (name, tail) in &during {
        check(name, tail).await;
    }
    office.play(&bot, &Act::Ends);
    office.0.advance(60);
    check("110-get-ended", "").await;
    check("111-recording-ended", "/recording").await;
}

#[tokio::test]
async fn lists_have_pages_of_25_whose_cursors_die() {
    let office = Office::new().await;
    for _ in 0..27 {
        office.bot(Some(7_200)).await;
    }
    let first = office.get("?limit=100").await.good();
    assert_eq!(first["results"].as_array().unwrap().len(), 25);
    let next = first["next"].as_str().unwrap();
    let (_, query) = next.split_once('?').unwrap();
    let second = office.get(&format!("?{query}")).await.good();
    assert_eq!((second["results"].as_array().unwrap().len(), &second["next"]), (2, &Value::Null));
    office.0.control().kill_page_tokens();
    let dead = office.get(&format!("?{query}")).await;
    assert_eq!((dead.status, dead.json()), (404, json!({ "detail": "Invalid cursor" })));
}

/// An office whose webhooks go where nobody is.
async fn deaf() -> (Office, String) {
    let webhook = AttendeeWebhook {
        url: "http://127.0.0.1:9/hook".to_owned(),
        triggers: TRIGGERS.map(str::to_owned).to_vec(),
    };
    let change = |config: &mut Config| config.settings.attendee.webhooks = vec![webhook];
    let office = Office(Scene::with(change).await);
    let bot = office.bot(None).await;
    (office, bot)
}

async fn deliveries(office: &Office) -> Vec<WebhookEntry> {
    office.0.control().settle().await;
    office.0.control().bots().deliveries()
}

#[tokio::test]
async fn a_webhook_is_tried_three_times_and_no_more() {
    let (office, _) = deaf().await;
    let mut tries = vec![deliveries(&office).await.len()];
    for seconds in [4, 1, 7, 1, 3_600] {
        office.0.advance(seconds);
        tries.push(deliveries(&office).await.len());
    }
    assert_eq!(tries, [1, 1, 2, 2, 3, 3]);
    let log = deliveries(&office).await;
    assert!(log.iter().all(|entry| entry.idempotency_key == log[0].idempotency_key));
    assert_eq!(log.iter().map(|entry| entry.attempt).collect::<Vec<_>>(), [1, 2, 3]);
}

#[tokio::test]
async fn the_clock_alone_brings_webhooks_about_and_deleting_none() {
    let (office, _) = deaf().await;
    let planned = office.bot(Some(7_200)).await;
    let other = office.bot(Some(7_200)).await;
    let path = format!("/api/v1/bots/{other}");
    assert_eq!(office.call(Method::DELETE, &path, Value::Null).await.status, 200);
    office.0.advance(8_000);
    // The state is asked for after the clock moved, which also says that it was told.
    assert_eq!(office.state(&planned).await, "joining");
    let of = |bot: &str, log: &[WebhookEntry]| {
        log.iter().filter(|entry| entry.bot == bot && entry.attempt == 1).count()
    };
    let log = deliveries(&office).await;
    assert_eq!((of(&planned, &log), of(&other, &log)), (2, 0), "{log:?}");
}

#[tokio::test]
async fn events_are_lost_repeated_and_late_on_request() {
    let count = async |fault: PushFault| {
        let (office, bot) = deaf().await;
        deliveries(&office).await;
        let operation = Operation::DeliverBotEvent;
        office.0.fault(FaultRule::once(operation, Fault::Push(fault)));
        office.play(&bot, &Act::LetIn);
        let log = deliveries(&office).await;
        log.iter().filter(|entry| entry.attempt == 1).count() - 1
    };
    // A bot that is let in joins and is allowed to record: the fault strikes the first of two events.
    assert_eq!(count(PushFault::DropNotice).await, 1);
    assert_eq!(count(PushFault::RepeatNotice { copies: 3 }).await, 4);
    assert_eq!(count(PushFault::DelayNotice { ms: 60_000 }).await, 1);
    assert_eq!(count(PushFault::ReorderNotice).await, 1);
    let forgery = besunny_simulator::Forgery::WrongKey;
    assert_eq!(count(PushFault::ForgeNotice { forgery }).await, 3);
}

#[tokio::test]
async fn calls_are_played_over_http_too() {
    let office = Office::new().await;
    let bot = office.bot(None).await;
    let path = format!("bots/{bot}/play");
    let done = office.0.steer(Method::POST, &path, json!({ "act": "let_in" })).await;
    assert_eq!(done.status, 204);
    let says = json!({ "act": "says", "name": "Ada", "text": "Hello" });
    assert_eq!(office.0.steer(Method::POST, &path, says).await.status, 204);
    let shown = office.0.steer(Method::GET, "bots", Value::Null).await.good();
    assert_eq!(shown["bots"][0]["state"], "joined_recording");
    let nobody = office.0.steer(Method::POST, "bots/x/play", json!({ "act": "ends" })).await;
    assert_eq!(nobody.status, 404);
}
