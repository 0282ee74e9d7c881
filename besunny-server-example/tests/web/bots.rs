//! Bots in meetings: asked for, kept out, told of; what they hear, over REST and on pages.
use axum::http::StatusCode;
use besunny_testkit::conformance::bot::Scene;
use serde_json::{Value, json};

use crate::{
    agenda::invitation,
    delivery::{DELIVERY, SIGNATURE, UNREADABLE},
    stage::{Answer, Stage, call, form, form_token},
};

const SCRIPT: &str = "<script>alert(1)</script>";
/// The first bot that the provider makes.
pub(crate) const FIRST: &str = "actor-000001";

fn kick_off() -> String {
    invitation("REQUEST", 0, "20260602T090000Z", "Kick-off")
}

/// One that begins within the hour, so that a session outlives it.
pub(crate) fn soon() -> String {
    invitation("REQUEST", 0, "20260601T090000Z", "Kick-off")
}

pub(crate) async fn first_meeting(stage: &Stage) -> String {
    let agenda = stage.get("/api/v1/meetings").await.json();
    agenda["meetings"][0]["id"].as_str().unwrap().to_owned()
}

pub(crate) async fn say(stage: &Stage, meeting: &str, choice: &Value) -> Answer {
    let body = json!({ "choice": choice }).to_string();
    let answer = stage.post(&format!("/api/v1/meetings/{meeting}/bot"), &body).await;
    stage.besunny.run_until_idle().await;
    answer
}

#[tokio::test]
async fn bot_7_a_meeting_from_the_wish_for_a_bot_to_its_document() {
    let (stage, calls) = Stage::with_bots(&[kick_off()]).await;
    let id = first_meeting(&stage).await;
    let path = format!("/api/v1/meetings/{id}");
    let check = async |status: &str| {
        let whole = stage.get(&path).await.json();
        assert_eq!(whole["bot"]["status"], status, "{whole}");
        let listed = stage.get("/api/v1/meetings?from=2026-06-01T00:00:00Z").await.json();
        assert_eq!(listed["meetings"][0]["bot"], whole["bot"]);
        whole
    };
    let before = stage.get(&path).await.json();
    assert_eq!((&before["bot"], &before["choice"]), (&Value::Null, &Value::Null));
    assert_eq!(say(&stage, &id, &json!("send")).await.json()["choice"], "send");
    check("pending").await;
    stage.until("2026-06-01T10:00:00Z").await;
    let whole = check("bot_scheduled").await;
    assert_eq!(whole["bots"][0]["joins_at"], "2026-06-02T08:58:00Z");
    assert_eq!(whole["bots"][0]["bot"], FIRST);
    stage.until("2026-06-02T08:59:00Z").await;
    check("bot_joining").await;
    calls.play(FIRST, Scene::Lobby);
    stage.until("2026-06-02T09:02:00Z").await;
    let fix = check("bot_joining").await["bots"][0]["fix"].clone();
    assert_eq!(fix, "Somebody in the call must let it in.");
    calls.play(FIRST, Scene::LetIn);
    calls.play(FIRST, Scene::Comes("Ada"));
    calls.play(FIRST, Scene::Says { name: "Ada", text: "Shall we start?".to_owned() });
    stage.until("2026-06-02T09:05:00Z").await;
    let whole = check("transcribing").await;
    assert_eq!(whole["transcript"]["segments"][0]["text"], "Shall we start?");
    assert_eq!(whole["document"], Value::Null);
    calls.play(FIRST, Scene::Says { name: "Bob", text: "We have".to_owned() });
    calls.play(FIRST, Scene::Ends);
    stage.until("2026-06-02T09:08:00Z").await;
    check("post_processing").await;
    calls.play(FIRST, Scene::Prepared);
    stage.until("2026-06-02T09:10:00Z").await;
    stage.until("2026-06-02T11:00:00Z").await;
    stage.until("2026-06-02T13:00:00Z").await;
    let whole = check("completed").await;
    let document = whole["document"]["id"].as_str().unwrap();
    assert_eq!(whole["document"]["kind"], "meeting_transcript");
    assert_eq!(whole["transcript"]["participants"], json!([{ "name": "Ada", "is_host": true }]));
    let shown = stage.get(&format!("/api/v1/documents/{document}")).await.json();
    assert_eq!(shown["transcript"], whole["transcript"]);
    assert_eq!(shown["meeting"], id.as_str());
    let raw = stage.get(&format!("/api/v1/documents/{document}/raw")).await;
    assert_eq!(raw.header("content-type"), "application/json");
    insta::assert_json_snapshot!(whole);
}

#[tokio::test]
async fn bot_5_the_policy_is_kept_and_plans_anew() {
    let (stage, _) = Stage::with_bots(&[kick_off()]).await;
    let path = "/api/v1/bots/policy";
    assert_eq!(stage.get(path).await.json(), json!({ "policy": "invited_only" }));
    for body in ["{}", r#"{"policy":"some"}"#, r#"{"policy":"all","x":1}"#] {
        assert_eq!(stage.put(path, body).await.status, StatusCode::BAD_REQUEST, "{body}");
    }
    let all = r#"{"policy":"all"}"#;
    assert_eq!(stage.put(path, all).await.json(), json!({ "policy": "all" }));
    stage.besunny.run_until_idle().await;
    let agenda = stage.get("/api/v1/meetings").await.json();
    assert_eq!(agenda["meetings"][0]["bot"]["status"], "pending", "{agenda}");
    let cookie = stage.log_in().await;
    let page = stage.open(&cookie, "/agenda").await.body;
    assert!(page.contains("<option value=\"all\" selected>"), "{page}");
    assert!(page.contains("Bot wanted"), "{page}");
    let headers = [("cookie", cookie.as_str())];
    let foreign = stage.send(form("/bots/policy", &headers, "form_token=x&policy=never")).await;
    assert_eq!(foreign.status, StatusCode::FORBIDDEN);
    let body = format!("form_token={}&policy=never", form_token(&page));
    let saved = stage.send(form("/bots/policy", &headers, &body)).await;
    assert_eq!(saved.status, StatusCode::SEE_OTHER, "{saved:?}");
    assert_eq!(stage.get(path).await.json(), json!({ "policy": "never" }));
    stage.besunny.run_until_idle().await;
    let agenda = stage.get("/api/v1/meetings").await.json();
    assert_eq!(agenda["meetings"][0]["bot"]["status"], "cancelled", "{agenda}");
}

#[tokio::test]
async fn bot_4_a_bot_that_cannot_come_is_not_promised() {
    let check = async |stage: &Stage, want: &str| {
        let id = first_meeting(stage).await;
        let answer = say(stage, &id, &json!("send")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{answer:?}");
        assert_eq!(answer.json()["message"], want);
        let whole = stage.get(&format!("/api/v1/meetings/{id}")).await.json();
        assert_eq!(whole["choice"], Value::Null, "nothing was kept");
    };
    let (mut stage, _) = Stage::with_bots(&[kick_off()]).await;
    stage.deliver(&invitation("CANCEL", 1, "20260602T090000Z", "Kick-off")).await;
    check(&stage, "The meeting is cancelled.").await;
    let elsewhere =
        kick_off().replace("https://meet.google.com/abc-defg-hij", "https://whereby.com/kick-off");
    check(&Stage::with_bots(&[elsewhere]).await.0, "No bot can join on this platform.").await;
    let stage = Stage::new(&[kick_off()], &[]).await;
    check(&stage, "Nobody is set up who sends bots.").await;
    let cookie = stage.log_in().await;
    let id = first_meeting(&stage).await;
    let page = stage.open(&cookie, &format!("/meetings/{id}")).await.body;
    assert!(!page.contains("Send a bot") && page.contains("Nobody is set up"), "{page}");
    let (stage, _) = Stage::with_bots(&[kick_off()]).await;
    let id = first_meeting(&stage).await;
    for body in ["{}", r#"{"choice":"stay"}"#, "null"] {
        let answer = stage.post(&format!("/api/v1/meetings/{id}/bot"), body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body}");
    }
}

#[tokio::test]
async fn sec_c8_what_is_said_and_called_is_never_markup() {
    let title = format!("RVF-12 {SCRIPT}");
    let mail = invitation("REQUEST", 0, "20260601T090000Z", &title);
    let (stage, calls) = Stage::with_bots(&[mail]).await;
    let cookie = stage.log_in().await;
    let id = first_meeting(&stage).await;
    say(&stage, &id, &json!("send")).await;
    stage.until("2026-06-01T08:59:00Z").await;
    stage.until("2026-06-01T09:00:00Z").await;
    calls.play(FIRST, Scene::LetIn);
    calls.play(FIRST, Scene::Comes(SCRIPT));
    calls.play(FIRST, Scene::Says { name: SCRIPT, text: format!("{SCRIPT} \"><img src=x>") });
    stage.until("2026-06-01T09:03:00Z").await;
    let live = stage.open(&cookie, &format!("/meetings/{id}")).await;
    assert!(live.body.contains(">Live</span>"), "{}", live.body);
    calls.play(FIRST, Scene::Ends);
    calls.play(FIRST, Scene::Prepared);
    stage.until("2026-06-01T09:06:00Z").await;
    let document = stage.documents().await[0];
    let paths = [
        "/agenda".to_owned(),
        "/".to_owned(),
        format!("/meetings/{id}"),
        format!("/meetings/{id}/now"),
        format!("/documents/{document}"),
    ];
    for path in paths {
        let page = stage.open(&cookie, &path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        let lower = page.body.to_lowercase();
        assert!(lower.contains("&#60;script&#62;"), "the attack is not on {path}: {lower}");
        for markup in ["<script>", "<img", " style=", " onload=", "hx-on"] {
            assert!(!lower.contains(markup), "{markup} on {path}");
        }
    }
}

#[tokio::test]
async fn sec_c8_a_page_is_sent_again_when_it_has_changed_and_no_more_when_it_is_over() {
    let (stage, _) = Stage::with_bots(&[soon()]).await;
    let id = first_meeting(&stage).await;
    let cookie = stage.log_in().await;
    let page = stage.open(&cookie, &format!("/meetings/{id}")).await.body;
    let seen = page.split_once("name=\"seen\" value=\"").unwrap().1.split('"').next().unwrap();
    let now = format!("/meetings/{id}/now?seen={seen}");
    assert_eq!(stage.open(&cookie, &now).await.status, StatusCode::NO_CONTENT);
    say(&stage, &id, &json!("send")).await;
    let changed = stage.open(&cookie, &now).await;
    assert_eq!(changed.status, StatusCode::OK);
    assert!(changed.body.contains("Bot booked"), "{}", changed.body);
    say(&stage, &id, &json!("keep_out")).await;
    stage.until("2026-06-01T16:00:00Z").await;
    let over = stage.open(&cookie, &now).await;
    assert_eq!(over.status.as_u16(), 286, "htmx asks no more");
}

#[tokio::test]
async fn sec_another_persons_meeting_is_not_there() {
    let (stage, _) = Stage::with_bots(&[kick_off()]).await;
    let id = first_meeting(&stage).await;
    let neighbour = stage.neighbour(&[], &[]).await;
    let cookie = neighbour.log_in().await;
    for path in [format!("/meetings/{id}"), format!("/meetings/{id}/now"), "/meetings/x".to_owned()]
    {
        assert_eq!(neighbour.open(&cookie, &path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    let read = neighbour.get(&format!("/api/v1/meetings/{id}")).await;
    let told = say(&neighbour, &id, &json!("keep_out")).await;
    assert_eq!((read.status, told.status), (StatusCode::NOT_FOUND, StatusCode::NOT_FOUND));
    let own = neighbour.open(&cookie, "/projects").await.body;
    let headers = [("cookie", cookie.as_str())];
    let body = format!("form_token={}&choice=send", form_token(&own));
    let sent = neighbour.send(form(&format!("/meetings/{id}/bot"), &headers, &body)).await;
    assert_eq!(sent.status, StatusCode::NOT_FOUND);
    let cookie = stage.log_in().await;
    let headers = [("cookie", cookie.as_str())];
    let path = format!("/meetings/{id}/bot");
    let foreign = stage.send(form(&path, &headers, "form_token=x&choice=send")).await;
    assert_eq!(foreign.status, StatusCode::FORBIDDEN);
    let page = stage.open(&cookie, &format!("/meetings/{id}")).await.body;
    let body = format!("form_token={}&choice=send", form_token(&page));
    assert_eq!(stage.send(form(&path, &headers, &body)).await.status, StatusCode::SEE_OTHER);
    let whole = stage.get(&format!("/api/v1/meetings/{id}")).await.json();
    assert_eq!(whole["choice"], "send");
}

#[tokio::test]
async fn bot_9_calls_of_attendee_are_checked() {
    let (stage, _) = Stage::with_bots(&[]).await;
    let check = async |signature: Option<&str>, body: &str, want: StatusCode| {
        let headers: Vec<_> = signature.map(|it| ("x-webhook-signature", it)).into_iter().collect();
        let answer = stage.send(call("POST", "/webhooks/attendee", &headers, body)).await;
        assert_eq!((answer.status, answer.body.as_str()), (want, ""), "{signature:?} {body:.60}");
    };
    check(Some(SIGNATURE), DELIVERY, StatusCode::OK).await;
    check(Some(SIGNATURE), DELIVERY, StatusCode::OK).await;
    check(None, DELIVERY, StatusCode::UNAUTHORIZED).await;
    check(Some(""), DELIVERY, StatusCode::UNAUTHORIZED).await;
    let other = DELIVERY.replace("bot_1", "bot_2");
    check(Some(SIGNATURE), &other, StatusCode::UNAUTHORIZED).await;
    check(Some(UNREADABLE), "{}", StatusCode::OK).await;
    let long = " ".repeat(1024 * 1024 + 1);
    check(Some(SIGNATURE), &long, StatusCode::PAYLOAD_TOO_LARGE).await;
    let unset = Stage::new(&[], &[]).await;
    let headers = [("x-webhook-signature", SIGNATURE)];
    let answer = unset.send(call("POST", "/webhooks/attendee", &headers, DELIVERY)).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND, "nobody sends bots");
}
