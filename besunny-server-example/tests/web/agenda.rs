//! Meetings that follow from invitations: on the agenda, over REST, and nobody else's business.
use axum::http::StatusCode;
use serde_json::json;

use crate::stage::{HOST, Stage};

pub(crate) fn invitation(method: &str, sequence: u32, start: &str, title: &str) -> String {
    format!(
        "Message-ID: <{method}{sequence}{start}@example.org>\nFrom: Bob <bob@example.org>\n\
         To: ada@example.com\nSubject: {title}\nMIME-Version: 1.0\n\
         Content-Type: text/calendar; charset=utf-8; method={method}\n\n\
         BEGIN:VCALENDAR\nVERSION:2.0\nMETHOD:{method}\nBEGIN:VEVENT\nUID:{title}\n\
         SEQUENCE:{sequence}\nDTSTART:{start}\nDURATION:PT45M\nSUMMARY:{title}\n\
         ORGANIZER;CN=Bob:mailto:bob@example.org\n\
         LOCATION:https://meet.google.com/abc-defg-hij\nEND:VEVENT\nEND:VCALENDAR\n\n"
    )
}

#[tokio::test]
async fn mail_13_invitations_are_meetings_of_the_agenda() {
    let mails = [
        invitation("REQUEST", 0, "20260602T090000Z", "<b>Kick-off</b>"),
        invitation("REQUEST", 0, "20260603T100000Z", "Review"),
        invitation("REQUEST", 0, "20260701T100000Z", "Far away"),
        invitation("REQUEST", 0, "20200701T100000Z", "Long gone"),
    ];
    let mut stage = Stage::new(&mails, &[]).await;
    let cookie = stage.log_in().await;
    stage.deliver(&invitation("CANCEL", 1, "20260603T100000Z", "Review")).await;
    let agenda = stage.get("/api/v1/meetings").await.json();
    let seen: Vec<_> = agenda["meetings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            json!([
                one["title"],
                one["starts_at"],
                one["ends_at"],
                one["status"],
                one["link"]["platform"]
            ])
        })
        .collect();
    let meet = agenda["meetings"][0]["link"]["platform"].clone();
    assert_eq!(
        seen,
        [
            json!([
                "<b>Kick-off</b>",
                "2026-06-02T09:00:00Z",
                "2026-06-02T09:45:00Z",
                "planned",
                meet
            ]),
            json!(["Review", "2026-06-03T10:00:00Z", "2026-06-03T10:45:00Z", "cancelled", meet]),
        ]
    );
    let id = agenda["meetings"][0]["id"].as_str().unwrap();
    let whole = stage.get(&format!("/api/v1/meetings/{id}")).await.json();
    for (field, value) in agenda["meetings"][0].as_object().unwrap() {
        assert_eq!(whole[field], *value, "{field}");
    }
    let page = stage.get("/api/v1/meetings?limit=1").await.json();
    assert_eq!(page["next"], id);
    let rest = stage.get(&format!("/api/v1/meetings?after={id}")).await.json();
    assert_eq!(rest["meetings"][0]["title"], "Review");
    let wrong = "/api/v1/meetings?from=2026-06-03T00:00:00Z&to=2026-06-02T00:00:00Z";
    assert_eq!(stage.get(wrong).await.status, StatusCode::BAD_REQUEST);
    let shown = stage.open(&cookie, "/agenda").await;
    assert_eq!(shown.status, StatusCode::OK, "{HOST}");
    for part in ["Tomorrow, 2 June", "&#60;b&#62;Kick-off", "09:00", "45 min", "Cancelled"] {
        assert!(shown.body.contains(part), "{part} is missing in {}", shown.body);
    }
    let neighbour = stage.neighbour(&[], &[]).await;
    let foreign = neighbour.get(&format!("/api/v1/meetings/{id}")).await;
    assert_eq!(foreign.status, StatusCode::NOT_FOUND);
    let foreign = neighbour.get(&format!("/api/v1/meetings?after={id}")).await;
    assert_eq!(foreign.status, StatusCode::BAD_REQUEST);
}
