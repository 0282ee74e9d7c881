//! What people see and press.
use axum::http::StatusCode;

use super::stage::{Answer, Stage, form, form_token, mail};

const PROJECTS: [(&str, &[&str]); 2] = [("Riverfront", &["RVF-12"]), ("Solar", &["SOL-3"])];

async fn stage() -> Stage {
    let mails = [
        mail(1, "RVF-12: survey", "The survey.\n\n-- \nSender\n"),
        mail(2, "RVF-12 and SOL-3", "Both."),
        "this is no mail\n".to_owned(),
    ];
    Stage::new(&mails, &PROJECTS).await
}

/// Presses a button as htmx does.
async fn press(stage: &Stage, cookie: &str, path: &str, body: &str) -> Answer {
    stage.send(form(path, &[("cookie", cookie), ("hx-request", "true")], body)).await
}

/// Returns where the button of undoing an act leads.
fn act_of(page: &str) -> String {
    let rest = page.split_once("action=\"/acts/").expect("an act").1;
    format!("/acts/{}", rest.split('"').next().unwrap())
}

fn seen(piece: &str) -> &str {
    let rest = piece.rsplit_once("name=\"seen\" value=\"").unwrap().1;
    rest.split('"').next().unwrap()
}

#[tokio::test]
async fn every_page_is_shown_with_its_content() {
    let stage = stage().await;
    let cookie = stage.log_in().await;
    let ids = stage.documents().await;
    for (path, expected) in [
        ("/", "RVF-12: survey"),
        ("/?state=routed", "Riverfront"),
        ("/review", "Several projects are about equally likely."),
        ("/projects", "<strong>1</strong> document"),
        ("/streams", "refused: no mail header found"),
        (&format!("/documents/{}", ids[1]), "Project code, for <bdi>Riverfront</bdi>"),
        (&format!("/documents/{}", ids[1]), "<details><summary>Signature</summary>"),
    ] {
        let page = stage.open(&cookie, path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        assert!(page.body.contains(expected), "{expected} on {path}: {}", page.body);
        assert!(page.body.contains("<main id=\"main\""), "{path}");
    }
    let missing = stage.open(&cookie, "/documents/x").await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
    assert!(missing.body.contains("There is no such document."));
}

#[tokio::test]
async fn empty_pages_say_what_to_do() {
    let stage = Stage::new(&[], &[]).await;
    let cookie = stage.log_in().await;
    for (path, expected) in [
        ("/", "besunny import --mbox FILE"),
        ("/?state=routed", "Show all documents"),
        ("/review", "Nothing to decide"),
        ("/projects", "besunny import --projects"),
    ] {
        let page = stage.open(&cookie, path).await.body;
        assert!(page.contains(expected), "{expected} on {path}");
    }
}

#[tokio::test]
async fn the_feed_is_sent_again_only_when_it_has_changed() {
    let mut stage = stage().await;
    let cookie = stage.log_in().await;
    let page = stage.open(&cookie, "/").await.body;
    let poll = format!("/feed?seen={}", seen(&page));
    assert_eq!(stage.open(&cookie, &poll).await.status, StatusCode::NO_CONTENT);
    stage.deliver(&mail(7, "RVF-12 fresh", "new")).await;
    let piece = stage.open(&cookie, &poll).await;
    assert_eq!(piece.status, StatusCode::OK);
    assert!(piece.body.contains("RVF-12 fresh") && !piece.body.contains("<html"));
    let poll = format!("/feed?seen={}", seen(&piece.body));
    assert_eq!(stage.open(&cookie, &poll).await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn cls_9_review_is_one_press_with_an_undo() {
    let stage = stage().await;
    let cookie = stage.log_in().await;
    let id = stage.documents().await[0].to_string();
    let projects = stage.get("/api/v1/projects").await.json();
    let solar = projects["projects"][1]["id"].as_str().unwrap().to_owned();
    let page = stage.open(&cookie, "/review").await.body;
    assert!(page.contains(&format!("name=\"project\" value=\"{solar}\"")));
    let token = form_token(&page).to_owned();
    let assign = format!("/review/{id}/assign");
    let body = format!("form_token={token}&version=2&project={solar}&other=");
    let done = press(&stage, &cookie, &assign, &body).await;
    assert_eq!(done.status, StatusCode::OK, "{done:?}");
    assert!(done.body.contains("Undo") && done.body.contains("Solar"));
    let queue = stage.open(&cookie, "/review").await.body;
    assert!(!queue.contains(&id) && queue.contains("Nothing to decide"));
    let late = press(&stage, &cookie, &assign, &body).await;
    assert_eq!(late.status, StatusCode::CONFLICT);
    assert!(late.body.contains("changed while you were looking"), "{late:?}");
    let undo = act_of(&done.body);
    let body = format!("form_token={token}&back=/review");
    let back = press(&stage, &cookie, &undo, &body).await;
    assert_eq!(back.status, StatusCode::OK, "{back:?}");
    assert!(back.body.contains("Several projects are about equally likely."));
    let body = format!("form_token={token}&version=4&project=other&other={solar}");
    assert_eq!(press(&stage, &cookie, &assign, &body).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_press_without_a_choice_is_a_notice() {
    let stage = stage().await;
    let cookie = stage.log_in().await;
    let id = stage.documents().await[0];
    let page = stage.open(&cookie, "/review").await.body;
    let body = format!("form_token={}&version=2&project=other&other=", form_token(&page));
    let answer = press(&stage, &cookie, &format!("/review/{id}/assign"), &body).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(answer.body.contains("role=\"alert\"") && !answer.body.contains("<html"));
}

#[tokio::test]
async fn forms_work_without_a_script() {
    let stage = stage().await;
    let cookie = stage.log_in().await;
    let id = stage.documents().await[0].to_string();
    let page = stage.open(&cookie, &format!("/documents/{id}")).await.body;
    let token = form_token(&page).to_owned();
    let projects = stage.get("/api/v1/projects").await.json();
    let solar = projects["projects"][1]["id"].as_str().unwrap();
    let stream = stage.get("/api/v1/streams").await.json()["streams"][0]["id"].clone();
    let stream = stream.as_str().unwrap();
    let to = format!("/documents/{id}");
    for (path, body, location) in [
        (format!("{to}/assign"), format!("version=2&project={solar}"), to.as_str()),
        (format!("{to}/say"), "version=3&say=unassign".into(), to.as_str()),
        (format!("/review/{id}/assign"), format!("version=4&project={solar}"), "/review"),
        (format!("{to}/say"), "version=5&say=confirm".into(), to.as_str()),
        (format!("{to}/say"), "version=6&say=none".into(), to.as_str()),
        (format!("{to}/assign"), "version=7&project=".into(), to.as_str()),
        (format!("/streams/{stream}/retry"), String::new(), "/streams"),
        (format!("/streams/{stream}/steer"), "ask=relist".into(), "/streams"),
    ] {
        let body = format!("form_token={token}&{body}");
        let answer = stage.send(form(&path, &[("cookie", &cookie)], &body)).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{path}: {answer:?}");
        let opened = answer.header("location").split('?').next();
        assert_eq!(opened, Some(location), "{path}");
    }
    let conflict = format!("form_token={token}&version=2&project=");
    let answer = stage.send(form(&format!("{to}/assign"), &[("cookie", &cookie)], &conflict)).await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
    assert!(answer.body.contains("It has changed since you read it."));
}

#[tokio::test]
async fn the_looks_are_ours_and_asked_for_once() {
    let stage = stage().await;
    for path in ["/assets/console.css", "/assets/htmx.min.js", "/assets/sun.svg", "/favicon.ico"] {
        let file = stage.open("", path).await;
        assert_eq!(file.status, StatusCode::OK, "{path}");
        let tag = file.header("etag").to_owned();
        let known = super::stage::call("GET", path, &[("if-none-match", &tag)], "");
        assert_eq!(stage.send(known).await.status, StatusCode::NOT_MODIFIED, "{path}");
    }
    for path in ["/assets/../Cargo.toml", "/assets/%2e%2e/Cargo.toml", "/assets/"] {
        assert_eq!(stage.open("", path).await.status, StatusCode::SEE_OTHER, "{path}");
    }
}

/// A mail that invites to an event, and one that shares a file.
fn bringing() -> [String; 2] {
    let invitation = "From: bob@client.example\nTo: ada@besunny.example\nSubject: Site visit\n\
         Message-ID: <i1@client.example>\nMIME-Version: 1.0\n\
         Content-Type: text/calendar; method=REQUEST; charset=utf-8\n\n\
         BEGIN:VCALENDAR\nMETHOD:REQUEST\nBEGIN:VEVENT\nUID:e1@client.example\n\
         SUMMARY:Site <b>visit\nLOCATION:Pier 4\nDTSTART;TZID=Europe/Zurich:20260601T090000\n\
         DTEND;TZID=Europe/Zurich:20260601T100000\nORGANIZER:mailto:bob@client.example\n\
         END:VEVENT\nEND:VCALENDAR\n";
    let share = mail(2, "Plan", "See https://docs.google.com/document/d/1AbC_d-2/edit now.");
    [invitation.to_owned(), share]
}

#[tokio::test]
async fn mail_12_what_a_mail_brings_is_shown_and_told() {
    let stage = Stage::new(&bringing(), &[]).await;
    let cookie = stage.log_in().await;
    let (mut pages, mut told) = (String::new(), Vec::new());
    for id in stage.documents().await {
        pages.push_str(&stage.open(&cookie, &format!("/documents/{id}")).await.body);
        let document = stage.get(&format!("/api/v1/documents/{id}")).await.json();
        let content = &document["content"];
        told.push((content["brings"].as_str().unwrap().to_owned(), content.clone()));
    }
    told.sort_by(|one, other| one.0.cmp(&other.0));
    let [(share, shared), (invitation, invited)] = &told[..] else { panic!("two mails") };
    assert_eq!((share.as_str(), invitation.as_str()), ("drive_share", "invitation"));
    assert_eq!(shared["drive_links"][0]["kind"], "document");
    assert_eq!(shared["drive_links"][0]["id"], "1AbC_d-2");
    let event = &invited["invitation"];
    assert_eq!((&event["method"], &event["uid"]), (&"request".into(), &"e1@client.example".into()));
    assert_eq!(event["start"]["value"], "20260601T090000");
    for shown in [
        "It shares files of Google Drive",
        "Google document",
        "1AbC_d-2",
        "An invitation",
        "Pier 4",
        "2026-06-01 09:00 (Europe/Zurich)",
        "mailto:bob@client.example",
    ] {
        assert!(pages.contains(shown), "{shown}: {pages}");
    }
    assert!(!pages.contains("<b>visit"), "text of a mail is no markup");
}
