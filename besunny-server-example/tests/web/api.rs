//! What programs are answered.
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::stage::{Stage, call, mail};

const PROJECTS: [(&str, &[&str]); 2] = [("Riverfront", &["RVF-12"]), ("Solar", &["SOL-3"])];

async fn stage() -> Stage {
    let mails = [
        mail(1, "RVF-12: survey", "The survey.\n\nOn Monday you wrote:\n> old words\n"),
        mail(2, "RVF-12 and SOL-3", "Both."),
        mail(3, "Lunch?", "See https://menu.example/today"),
        "this is no mail\n".to_owned(),
    ];
    Stage::new(&mails, &PROJECTS).await
}

fn titles(page: &Value) -> Vec<&str> {
    let documents = page["documents"].as_array().unwrap();
    documents.iter().map(|document| document["title"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn projects_have_counts() {
    let overview = stage().await.get("/api/v1/projects").await.json();
    assert_eq!((&overview["needs_review"], &overview["pending"]), (&json!(2), &json!(0)));
    let projects = overview["projects"].as_array().unwrap();
    let counts: Vec<_> = projects.iter().map(|it| (&it["name"], &it["documents"])).collect();
    assert_eq!(counts, [(&json!("Riverfront"), &json!(1)), (&json!("Solar"), &json!(0))]);
}

#[tokio::test]
async fn documents_are_filtered() {
    let stage = stage().await;
    let river = stage.get("/api/v1/projects").await.json()["projects"][0]["id"].clone();
    let river = river.as_str().unwrap();
    for (query, expected) in [
        ("", vec!["Lunch?", "RVF-12 and SOL-3", "RVF-12: survey"]),
        ("?state=routed", vec!["RVF-12: survey"]),
        ("?state=needs_review", vec!["Lunch?", "RVF-12 and SOL-3"]),
        ("?state=pending", vec![]),
        (&format!("?project={river}"), vec!["RVF-12: survey"]),
        (&format!("?project={river}&state=needs_review"), vec![]),
        ("?project=&state=&before=", vec!["Lunch?", "RVF-12 and SOL-3", "RVF-12: survey"]),
    ] {
        let page = stage.get(&format!("/api/v1/documents{query}")).await.json();
        assert_eq!(titles(&page), expected, "{query}");
    }
}

#[tokio::test]
async fn questions_that_make_no_sense_are_problems() {
    let stage = stage().await;
    for path in [
        "/api/v1/documents?state=lost",
        "/api/v1/documents?limit=0",
        "/api/v1/documents?limit=201",
        "/api/v1/documents?limit=-1",
        "/api/v1/documents?project=x",
        "/api/v1/documents?before=x",
        "/api/v1/documents?before=00000000-0000-0000-0000-000000000000",
        "/api/v1/documents?owner=me",
        "/api/v1/review?state=routed",
    ] {
        let answer = stage.get(path).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path}: {answer:?}");
        assert_eq!(answer.header("content-type"), "application/problem+json");
        let problem = answer.json();
        assert_eq!(problem["kind"], "bad_request");
        assert!(!problem["fix"].as_str().unwrap().is_empty());
    }
    let answer = stage.get("/api/v1/nothing").await;
    assert_eq!(
        (answer.status, &answer.json()["kind"]),
        (StatusCode::NOT_FOUND, &json!("no_route"))
    );
    let answer = stage.post("/api/v1/documents", "{}").await;
    assert_eq!(answer.json()["kind"], "wrong_method");
}

#[tokio::test]
async fn pages_have_no_gap_while_mail_arrives() {
    let mails: Vec<String> = (0..57).map(|n| mail(n, &format!("mail {n:02}"), "text")).collect();
    let mut stage = Stage::new(&mails, &[]).await;
    let mut seen = Vec::new();
    let mut query = "?limit=10".to_owned();
    loop {
        let page = stage.get(&format!("/api/v1/documents{query}")).await.json();
        seen.extend(titles(&page).into_iter().map(str::to_owned));
        let Some(next) = page["next"].as_str() else { break };
        query = format!("?limit=10&before={next}");
        let late = 100 + u32::try_from(seen.len()).unwrap();
        stage.deliver(&mail(late, "newer", "text")).await;
    }
    let expected: Vec<String> = (0..57).rev().map(|n| format!("mail {n:02}")).collect();
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn a_document_comes_with_its_content_history_and_explanation() {
    let stage = stage().await;
    let id = stage.documents().await[2];
    let document = stage.get(&format!("/api/v1/documents/{id}")).await.json();
    assert_eq!(document["title"], "RVF-12: survey");
    assert_eq!(document["content"]["from"][0]["address"], "sender1@client.example");
    let segments = document["content"]["segments"].as_array().unwrap();
    let kinds: Vec<&Value> = segments.iter().map(|segment| &segment["kind"]).collect();
    assert_eq!(kinds, ["own", "quoted"]);
    let why = &document["explanation"];
    assert_eq!(why["choice"]["name"], "Riverfront");
    assert_eq!(why["evidence"][0]["signal"], "code");
    assert_eq!(why["evidence"][0]["quote"], "RVF-12");
    assert_eq!(why["abstained"], Value::Null);
    let history = document["history"].as_array().unwrap();
    let facts: Vec<&Value> = history.iter().map(|line| &line["fact"]).collect();
    assert_eq!(facts, ["stored", "decided"]);
}

#[tokio::test]
async fn cls_4_abstention_is_explained() {
    let stage = stage().await;
    let ids = stage.documents().await;
    for (id, reason, choice) in
        [(ids[0], "no_evidence", Value::Null), (ids[1], "ambiguous", json!("Riverfront"))]
    {
        let document = stage.get(&format!("/api/v1/documents/{id}")).await.json();
        let abstained = &document["explanation"]["abstained"];
        assert_eq!(abstained["reason"], reason);
        assert!(!abstained["message"].as_str().unwrap().is_empty());
        if choice.is_null() {
            assert_eq!(document["explanation"]["choice"], choice);
        }
    }
    let queue = stage.get("/api/v1/review").await.json();
    let candidates = &queue["entries"][1]["candidates"];
    assert_eq!(candidates.as_array().unwrap().len(), 2, "{queue}");
}

#[tokio::test]
async fn cls_9_a_person_assigns_the_version_that_was_seen() {
    let stage = stage().await;
    let id = stage.documents().await[0];
    let projects = stage.get("/api/v1/projects").await.json();
    let solar = projects["projects"][1]["id"].clone();
    let path = format!("/api/v1/documents/{id}/assign");
    let at = |version: u64| json!({"project": solar, "version": version}).to_string();
    let refused = stage.post(&path, &at(1)).await;
    assert_eq!(
        (refused.status, &refused.json()["kind"]),
        (StatusCode::CONFLICT, &json!("conflict"))
    );
    let done = stage.post(&path, &at(2)).await;
    assert_eq!(done.status, StatusCode::OK, "{done:?}");
    let document = done.json()["documents"][0].clone();
    assert_eq!(document["project"]["name"], "Solar");
    assert_eq!((&document["version"], &document["by_person"]), (&json!(3), &json!(true)));
    assert_eq!(stage.post(&path, &at(2)).await.status, StatusCode::CONFLICT);
    let out = stage.post(&path, r#"{"project": null, "version": 3}"#).await.json();
    let out = &out["documents"][0];
    assert_eq!((&out["state"], &out["reason"]), (&json!("needs_review"), &json!("taken_out")));
}

#[tokio::test]
async fn cls_9_a_wrong_assignment_changes_nothing() {
    let stage = stage().await;
    let id = stage.documents().await[0];
    let path = format!("/api/v1/documents/{id}/assign");
    let nowhere = "00000000-0000-0000-0000-000000000000";
    for (body, status) in [
        ("", StatusCode::BAD_REQUEST),
        ("{}", StatusCode::BAD_REQUEST),
        (r#"{"version": 2}"#, StatusCode::BAD_REQUEST),
        (r#"{"project": null}"#, StatusCode::BAD_REQUEST),
        (r#"{"project": "x", "version": 2}"#, StatusCode::BAD_REQUEST),
        (r#"{"project": null, "version": 2, "owner": "me"}"#, StatusCode::BAD_REQUEST),
        (&format!(r#"{{"project": "{nowhere}", "version": 2}}"#), StatusCode::NOT_FOUND),
        (&"[".repeat(300 * 1024), StatusCode::PAYLOAD_TOO_LARGE),
        (&"[".repeat(200 * 1024), StatusCode::BAD_REQUEST),
    ] {
        let answer = stage.post(&path, body).await;
        let start = &body[..body.len().min(60)];
        assert_eq!(answer.status, status, "{start}: {}", answer.body);
    }
    let document = stage.get(&format!("/api/v1/documents/{id}")).await.json();
    assert_eq!(document["version"], 2);
}

#[tokio::test]
async fn streams_tell_how_they_are_and_take_orders() {
    let stage = stage().await;
    let streams = stage.get("/api/v1/streams").await.json();
    let stream = &streams["streams"][0];
    assert_eq!((&stream["state"], &stream["lag_seconds"]), (&json!("live"), &json!(0)));
    assert_eq!(stream["items"], json!({"stored": 3, "ignored": 0, "quarantined": 1}));
    let id = stream["id"].as_str().unwrap();
    stage.clock.advance(std::time::Duration::from_secs(90));
    let health = stage.send(call("GET", "/health/sync", &[], "")).await.json();
    assert_eq!(
        health,
        json!({"healthy": true, "streams": [
            {"id": id, "state": "live", "lag_seconds": 90, "quarantined": 1}
        ]})
    );
    let path = format!("/api/v1/streams/{id}/quarantine");
    let page = stage.get(&path).await.json();
    let item = page["items"][0]["id"].as_str().unwrap();
    assert_eq!(page["items"][0]["reason"], "refused: no mail header found");
    let after = stage.get(&format!("{path}?after={item}")).await.json();
    assert_eq!(after, json!({"items": [], "next": null}));
    let retry = format!("/api/v1/streams/{id}/retry");
    let again = json!({"items": [item]}).to_string();
    assert_eq!(stage.post(&retry, &again).await.status, StatusCode::ACCEPTED);
    stage.besunny.run_until_idle().await;
    assert_eq!(stage.get(&path).await.json(), page);
    assert_eq!(stage.post(&retry, r#"{"items": []}"#).await.status, StatusCode::BAD_REQUEST);
    let unknown = stage.post(&retry, r#"{"items": ["nothing"]}"#).await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND, "{unknown:?}");
    let steer = format!("/api/v1/streams/{id}/steer");
    let relist = stage.post(&steer, r#"{"ask": "relist"}"#).await;
    assert_eq!(relist.status, StatusCode::ACCEPTED);
    assert_eq!(stage.post(&steer, r#"{"ask": "dance"}"#).await.status, StatusCode::BAD_REQUEST);
}
