//! What a person does in a call by the bot, and with what is left of it, over REST and on pages.
use std::{sync::Arc, time::Duration};

use axum::http::StatusCode;
use besunny_testkit::{
    bots::BotStage,
    conformance::bot::{Mishap, Scene},
};
use serde_json::{Value, json};

use crate::{
    bots::{FIRST, first_meeting, say, soon},
    stage::{Answer, Stage, form, form_token},
};

const SCRIPT: &str = "<script>alert(1)</script>";

/// A call that a bot is in, and what is asked about it.
struct Call {
    stage: Stage,
    calls: Arc<BotStage>,
    id: String,
    /// Of a session that was opened before.
    cookie: String,
}

impl Call {
    /// Sends a bot that is on its way.
    async fn new() -> Self {
        let (stage, calls) = Stage::with_bots(&[soon()]).await;
        let cookie = stage.log_in().await;
        let id = first_meeting(&stage).await;
        say(&stage, &id, &json!("send")).await;
        stage.until("2026-06-01T08:59:00Z").await;
        stage.until("2026-06-01T09:00:00Z").await;
        Self { stage, calls, id, cookie }
    }

    async fn let_in(&self) {
        self.calls.play(FIRST, Scene::LetIn);
        self.stage.until("2026-06-01T09:03:00Z").await;
    }

    /// Ends it and collects what was heard.
    async fn end(&self) {
        self.calls.play(FIRST, Scene::Says { name: "Ada", text: "We have it.".to_owned() });
        self.calls.play(FIRST, Scene::Ends);
        self.calls.play(FIRST, Scene::Prepared);
        for time in ["09:06", "09:30", "10:00", "10:40", "11:20"] {
            self.stage.until(&format!("2026-06-01T{time}:00Z")).await;
        }
    }

    fn path(&self, tail: &str) -> String {
        format!("/api/v1/meetings/{}/bot/{tail}", self.id)
    }

    async fn get(&self, tail: &str) -> Answer {
        self.stage.get(&self.path(tail)).await
    }

    async fn post(&self, tail: &str, body: &str) -> Answer {
        let answer = self.stage.post(&self.path(tail), body).await;
        self.stage.besunny.run_until_idle().await;
        answer
    }

    async fn whole(&self) -> Value {
        self.stage.get(&format!("/api/v1/meetings/{}", self.id)).await.json()
    }
}

#[track_caller]
fn check(answer: &Answer, status: StatusCode, kind: &str, message: &str) {
    let body = answer.json();
    let got = (answer.status, body["kind"].as_str(), body["message"].as_str());
    assert_eq!(got, (status, Some(kind), Some(message)), "{answer:?}");
    assert_eq!(answer.header("content-type"), "application/problem+json");
}

#[tokio::test]
async fn bot_15_a_bot_that_is_kept_out_leaves() {
    let call = Call::new().await;
    call.let_in().await;
    assert_eq!(say(&call.stage, &call.id, &json!("keep_out")).await.status, StatusCode::OK);
    call.stage.until("2026-06-01T09:05:00Z").await;
    let whole = call.whole().await;
    assert_eq!(whole["bots"][0]["withdrawn"], "stopped", "{whole}");
    assert_eq!(whole["bots"][0]["phase"], "leaving", "{whole}");
    let page = call.stage.open(&call.cookie, &format!("/meetings/{}", call.id)).await.body;
    assert!(page.contains("Somebody in this meeting keeps bots out."), "{page}");
    assert_eq!(say(&call.stage, &call.id, &Value::Null).await.json()["choice"], Value::Null);
}

#[tokio::test]
async fn bot_8_the_chat_of_a_call_is_read_and_written_in() {
    let call = Call::new().await;
    let hello = r#"{"text":" Hello. "}"#;
    let early = "The bot is not in the call yet.";
    check(&call.post("chat", hello).await, StatusCode::CONFLICT, "conflict", early);
    call.let_in().await;
    for number in 0..30 {
        call.calls.play(FIRST, Scene::Writes { name: "Bo", text: format!("{number}") });
    }
    let first = call.get("chat").await.json();
    assert_eq!((first["messages"].as_array().unwrap().len(), &first["more"]), (25, &json!(true)));
    assert_eq!(first["messages"][0]["sender"], "Bo");
    let next = first["next"].as_str().unwrap();
    let rest = call.get(&format!("chat?after={next}")).await.json();
    assert_eq!((rest["messages"].as_array().unwrap().len(), &rest["more"]), (5, &json!(false)));
    assert_eq!(call.post("chat", hello).await.status, StatusCode::ACCEPTED);
    assert_eq!(call.calls.written(FIRST), ["Hello."]);
    let long = json!({ "text": "a".repeat(10_001) }).to_string();
    for body in ["{}", r#"{"text":" "}"#, r#"{"text":"a","x":1}"#, &long] {
        assert_eq!(call.post("chat", body).await.status, StatusCode::BAD_REQUEST, "{body:.40}");
    }
    let long = format!("chat?after={}", "a".repeat(1_001));
    assert_eq!(call.get(&long).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(call.calls.written(FIRST).len(), 1, "nothing else was written");
    call.end().await;
    let over = "The bot has left the call.";
    check(&call.post("chat", hello).await, StatusCode::CONFLICT, "conflict", over);
}

#[tokio::test]
async fn bot_8_a_recording_is_paused_and_goes_on() {
    let call = Call::new().await;
    let early = call.post("pause", "").await;
    check(&early, StatusCode::CONFLICT, "conflict", "The bot is not in the call yet.");
    call.let_in().await;
    for (tail, status, capture) in [
        ("pause", "paused", "paused"),
        ("pause", "paused", "paused"),
        ("resume", "transcribing", "on"),
    ] {
        call.stage.clock.advance(Duration::from_secs(20));
        assert_eq!(call.post(tail, "").await.status, StatusCode::OK, "{tail}");
        let whole = call.whole().await;
        assert_eq!(whole["bot"]["status"], status, "{tail}: {whole}");
        assert_eq!(whole["bots"][0]["capture"], capture);
    }
}

#[tokio::test]
async fn bot_8_comings_and_recording() {
    let call = Call::new().await;
    call.let_in().await;
    call.calls.play(FIRST, Scene::Comes("Ada"));
    call.calls.play(FIRST, Scene::Comes("Bo"));
    call.calls.play(FIRST, Scene::Goes("Bo"));
    let comings = call.get("comings").await.json();
    let moves: Vec<_> = comings["comings"].as_array().unwrap().iter().collect();
    assert_eq!(
        (moves.len(), &moves[2]["name"], &moves[2]["movement"]),
        (3, &json!("Bo"), &json!("left"))
    );
    let none = call.get("recording").await;
    check(&none, StatusCode::NOT_FOUND, "missing", "There is no recording.");
    call.end().await;
    let link = call.get("recording").await.json();
    assert!(link["url"].as_str().unwrap().starts_with("https://records.example/"), "{link}");
    let sent = call.stage.open(&call.cookie, &format!("/meetings/{}/recording", call.id)).await;
    assert_eq!(
        (sent.status, sent.header("location")),
        (StatusCode::SEE_OTHER, link["url"].as_str().unwrap())
    );
}

#[tokio::test]
async fn bot_8_what_the_provider_keeps_is_erased_once_the_bot_is_over() {
    let call = Call::new().await;
    call.let_in().await;
    let early = call.post("erase", "").await;
    check(&early, StatusCode::CONFLICT, "conflict", "The bot is not over yet.");
    call.end().await;
    call.calls.next(Mishap::Down);
    let asked = call.post("erase", "").await;
    assert_eq!(
        asked.status,
        StatusCode::OK,
        "the wish is kept, whatever the provider does: {asked:?}"
    );
    let whole = call.whole().await;
    assert_eq!(whole["bots"][0]["erasure"]["done_at"], Value::Null, "{whole}");
    call.stage.until("2026-06-01T11:40:00Z").await;
    let whole = call.whole().await;
    assert_ne!(whole["bots"][0]["erasure"]["done_at"], Value::Null, "{whole}");
    assert_eq!(whole["transcript"]["segments"][0]["text"], "We have it.", "ours stays");
    assert_eq!(call.post("erase", "").await.status, StatusCode::OK, "twice is once");
    let gone = call.get("recording").await;
    check(&gone, StatusCode::NOT_FOUND, "missing", "There is no recording.");
}

#[tokio::test]
async fn sec_l7_nothing_of_what_a_provider_says_is_in_an_answer() {
    let call = Call::new().await;
    call.let_in().await;
    for (mishap, said) in [
        (Mishap::Down, "the source is unavailable"),
        (Mishap::Garbage, "the answer is malformed"),
        (Mishap::TooMany(7), "too many requests"),
    ] {
        call.calls.next(mishap);
        let want = format!("The provider of bots did not do as it was asked: {said}.");
        check(&call.get("chat").await, StatusCode::BAD_GATEWAY, "provider", &want);
    }
}

#[tokio::test]
async fn sec_another_persons_call_is_not_there() {
    let call = Call::new().await;
    call.let_in().await;
    let neighbour = call.stage.neighbour(&[], &[]).await;
    for tail in ["chat", "comings", "recording"] {
        assert_eq!(neighbour.get(&call.path(tail)).await.status, StatusCode::NOT_FOUND, "{tail}");
    }
    for (tail, body) in [("chat", r#"{"text":"Hi"}"#), ("pause", ""), ("resume", ""), ("erase", "")]
    {
        let answer = neighbour.post(&call.path(tail), body).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{tail}");
    }
    assert!(call.calls.written(FIRST).is_empty());
    assert_eq!(call.whole().await["bots"][0]["capture"], "on");
}

#[tokio::test]
async fn bot_8_what_a_provider_cannot_do_and_a_meeting_without_a_bot() {
    let stage = Stage::with_plain_bots(&[soon()]).await;
    let cookie = stage.log_in().await;
    let id = first_meeting(&stage).await;
    let path = |tail: &str| format!("/api/v1/meetings/{id}/bot/{tail}");
    let none = "No bot was sent to this meeting.";
    check(&stage.get(&path("chat")).await, StatusCode::CONFLICT, "conflict", none);
    say(&stage, &id, &json!("send")).await;
    stage.until("2026-06-01T08:59:00Z").await;
    let cannot = "The provider of this bot reads no chat.";
    check(&stage.get(&path("chat")).await, StatusCode::NOT_IMPLEMENTED, "no_power", cannot);
    let cannot = "The provider of this bot cannot pause.";
    check(&stage.post(&path("pause"), "").await, StatusCode::NOT_IMPLEMENTED, "no_power", cannot);
    let page = stage.open(&cookie, &format!("/meetings/{id}")).await.body;
    assert!(!page.contains("In the call</h2>") && !page.contains(">Pause<"), "{page}");
}

#[tokio::test]
async fn bot_8_a_person_does_the_same_on_the_page_of_the_meeting() {
    let call = Call::new().await;
    call.let_in().await;
    call.calls.play(FIRST, Scene::Writes { name: SCRIPT, text: format!("{SCRIPT}!") });
    call.calls.play(FIRST, Scene::Comes(SCRIPT));
    let (stage, id, cookie) = (&call.stage, &call.id, &call.cookie);
    let headers = [("cookie", cookie.as_str())];
    let page = stage.open(cookie, &format!("/meetings/{id}")).await.body;
    let token = form_token(&page).to_owned();
    let send = async |tail: &str, body: String| {
        let answer = stage.send(form(&format!("/meetings/{id}/{tail}"), &headers, &body)).await;
        stage.besunny.run_until_idle().await;
        answer.status
    };
    assert!(page.contains(">Pause</button>") && page.contains(">Write</button>"), "{page}");
    for (tail, body) in [("chat", "text=Hi"), ("record", "to=pause"), ("erase", "sure=yes")] {
        let foreign = send(tail, format!("form_token=x&{body}")).await;
        assert_eq!(foreign, StatusCode::FORBIDDEN, "{tail}");
    }
    assert_eq!(
        send("chat", format!("form_token={token}&text=Hello+all")).await,
        StatusCode::SEE_OTHER
    );
    assert_eq!(call.calls.written(FIRST), ["Hello all"]);
    let piece = stage.open(cookie, &format!("/meetings/{id}/call")).await.body.to_lowercase();
    assert!(piece.contains("&#60;script&#62;") && !piece.contains("<script"), "{piece}");
    stage.clock.advance(Duration::from_secs(20));
    assert_eq!(send("record", format!("form_token={token}&to=pause")).await, StatusCode::SEE_OTHER);
    let page = stage.open(cookie, &format!("/meetings/{id}")).await.body;
    assert!(page.contains(">Go on</button>"), "{page}");
    call.end().await;
    let page = stage.open(cookie, &format!("/meetings/{id}")).await.body;
    assert!(page.contains("Erase at the provider") && !page.contains(">Write</button>"), "{page}");
    let unsure = send("erase", format!("form_token={token}")).await;
    assert_eq!(unsure, StatusCode::BAD_REQUEST);
    assert_eq!(send("erase", format!("form_token={token}&sure=yes")).await, StatusCode::SEE_OTHER);
    let page = stage.open(cookie, &format!("/meetings/{id}")).await.body;
    assert!(page.contains("Its provider has erased what it recorded."), "{page}");
}

#[tokio::test]
async fn bot_15_a_recording_that_the_host_denies_is_shown() {
    let call = Call::new().await;
    call.calls.permit(FIRST, false);
    call.stage.until("2026-06-01T09:03:00Z").await;
    let whole = call.whole().await;
    assert_eq!(
        (&whole["bot"]["is_denied"], &whole["bots"][0]["capture"]),
        (&json!(true), &json!("denied"))
    );
    for path in ["/agenda".to_owned(), format!("/meetings/{}", call.id)] {
        let page = call.stage.open(&call.cookie, &path).await.body;
        assert!(page.contains("Recording denied"), "{path}: {page}");
    }
    call.calls.permit(FIRST, true);
    call.stage.until("2026-06-01T09:06:00Z").await;
    assert_eq!(call.whole().await["bot"]["is_denied"], json!(false));
}
