//! What strangers put into mails, names and addresses stays text, and stays outside.
use axum::http::StatusCode;

use super::stage::{Stage, form, form_token, mail};

const SCRIPT: &str = "<script>alert(1)</script>";
const BREAKOUT: &str = "\"'><img src=x onerror=alert(1)>";

/// A mail whose every field attacks the page.
fn attack() -> String {
    format!(
        "From: \"{SCRIPT}\" <a@evil.example>\nTo: \"<b>\" <ada@besunny.example>\n\
         Subject: RVF-12 {SCRIPT}{BREAKOUT}\nMessage-ID: <{SCRIPT}@evil.example>\n\
         Date: Mon, 1 Jun 2026 07:00:00 +0000\nMIME-Version: 1.0\n\
         Content-Type: multipart/mixed; boundary=B\n\n--B\nContent-Type: text/plain\n\n\
         {SCRIPT} {BREAKOUT} {{{{7*7}}}} https://good.example@evil.example/{BREAKOUT}\n\n\
         --B\nContent-Type: text/html; name=\"{SCRIPT}.html\"\n\
         Content-Disposition: attachment; filename=\"..\\\\..\\\\<img src=x>.html\"\n\n{SCRIPT}\n--B--\n"
    )
}

async fn stage() -> Stage {
    let name = format!("River {SCRIPT}{BREAKOUT}");
    Stage::new(&[attack(), mail(2, "Lunch", SCRIPT)], &[(&name, &["RVF-12"])]).await
}

#[tokio::test]
async fn sec_c8_untrusted_text_is_never_markup() {
    let stage = stage().await;
    let cookie = stage.log_in().await;
    let mut paths: Vec<String> =
        ["/", "/feed", "/review", "/projects", "/streams", "/streams/now"].map(Into::into).into();
    paths.extend(stage.documents().await.iter().map(|id| format!("/documents/{id}")));
    for path in paths {
        let page = stage.open(&cookie, &path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        let lower = page.body.to_lowercase();
        for markup in ["<script>", "<img", "<b>", "onerror=alert(1)>", " style=", "javascript:"] {
            assert!(!lower.contains(markup), "{markup} on {path}");
        }
        for attribute in ["onclick", "onload", "hx-on"] {
            assert!(!lower.contains(&format!(" {attribute}=")), "{attribute} on {path}");
        }
        let inline = lower.matches("<script").count() - lower.matches("<script src=").count();
        assert_eq!(inline, 0, "{path}");
    }
    let feed = stage.open(&cookie, "/").await.body;
    assert!(feed.contains("&#60;script&#62;alert(1)"), "{feed}");
}

#[tokio::test]
async fn sec_c8_reflected_text_is_never_markup() {
    let stage = stage().await;
    let cookie = stage.log_in().await;
    let encoded = "%22%3E%3Cscript%3Ealert(1)%3C/script%3E";
    for path in
        ["/?project=", "/?before=", "/?state=", "/feed?seen=", "/login?key=", "/documents/", "/x/"]
    {
        let page = stage.open(&cookie, &format!("{path}{encoded}")).await;
        assert!(!page.body.contains("<script>alert"), "{path}");
        assert!(!page.status.is_server_error(), "{path}");
    }
}

#[tokio::test]
async fn sec_c8_links_name_the_host_they_lead_to() {
    let stage = stage().await;
    let ids = stage.documents().await;
    let mut hosts = Vec::new();
    for id in ids {
        let document = stage.get(&format!("/api/v1/documents/{id}")).await.json();
        let links = document["content"]["links"].as_array().unwrap().clone();
        hosts.extend(links.iter().map(|link| link["host"].as_str().unwrap().to_owned()));
    }
    assert_eq!(hosts, ["evil.example"]);
    let cookie = stage.log_in().await;
    let id = stage.documents().await[1];
    let page = stage.open(&cookie, &format!("/documents/{id}")).await.body;
    assert!(!page.contains("href=\"http"), "{page}");
}

#[tokio::test]
async fn sec_c8_downloads_are_kept_and_never_shown() {
    let stage = stage().await;
    let cookie = stage.log_in().await;
    for id in stage.documents().await {
        let document = stage.get(&format!("/api/v1/documents/{id}")).await.json();
        let files = document["content"]["attachments"].as_array().unwrap().clone();
        let mut paths = vec![(format!("/documents/{id}/raw"), "message/rfc822")];
        paths.extend(files.iter().map(|file| {
            let hash = file["sha256"].as_str().unwrap();
            (format!("/documents/{id}/attachments/{hash}"), "application/octet-stream")
        }));
        for (path, media_type) in paths {
            let by_program = stage.get(&format!("/api/v1{path}")).await;
            let by_person = stage.open(&cookie, &path).await;
            for file in [&by_program, &by_person] {
                assert_eq!(file.status, StatusCode::OK, "{path}");
                assert_eq!(file.header("content-type"), media_type);
                assert_eq!(file.header("x-content-type-options"), "nosniff");
                assert_eq!(file.header("content-security-policy"), "default-src 'none'; sandbox");
                assert_eq!(file.header("cache-control"), "no-store");
                let disposition = file.header("content-disposition");
                assert!(disposition.starts_with("attachment; filename=\""), "{disposition}");
                let plain = |c: char| c.is_ascii_alphanumeric() || " ;=.'\"%_-*".contains(c);
                assert!(disposition.chars().all(plain), "{disposition}");
            }
            assert_eq!(by_program.body, by_person.body);
        }
    }
}

#[tokio::test]
async fn sec_c10_a_hash_opens_only_what_is_attached_to_the_document() {
    let stage = stage().await;
    let ids = stage.documents().await;
    let (lunch, attack) = (ids[0], ids[1]);
    let document = stage.get(&format!("/api/v1/documents/{attack}")).await.json();
    let hash = document["content"]["attachments"][0]["sha256"].as_str().unwrap().to_owned();
    let wrong = [
        format!("{lunch}/attachments/{hash}"),
        format!("{attack}/attachments/{}", hash.to_uppercase()),
        format!("{attack}/attachments/{}", "0".repeat(64)),
        format!("{attack}/attachments/..%2f..%2fetc%2fpasswd"),
        format!("{attack}/attachments/%00"),
        "..%2f..%2fetc%2fpasswd/raw".to_owned(),
        "%00/raw".to_owned(),
        "x/raw".to_owned(),
        "00000000-0000-0000-0000-000000000000/raw".to_owned(),
    ];
    for path in wrong {
        let answer = stage.get(&format!("/api/v1/documents/{path}")).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(answer.json()["kind"], "missing", "{path}");
    }
}

#[tokio::test]
async fn sec_c5_what_is_a_neighbours_is_not_there() {
    let ours = stage().await;
    let theirs = ours.neighbour(&[mail(9, "Secret SOL-3", "x")], &[("Solar", &["SOL-3"])]).await;
    let id = theirs.documents().await[0];
    let project = theirs.get("/api/v1/projects").await.json()["projects"][0]["id"].clone();
    let project = project.as_str().unwrap();
    let stream = theirs.get("/api/v1/streams").await.json()["streams"][0]["id"].clone();
    let stream = stream.as_str().unwrap();
    let nothing = "00000000-0000-0000-0000-000000000000";
    for path in ["", "/raw"] {
        let answer = ours.get(&format!("/api/v1/documents/{id}{path}")).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
        assert_eq!(answer, ours.get(&format!("/api/v1/documents/{nothing}{path}")).await);
    }
    let into = |document: &str, project: &str| {
        let body = format!(r#"{{"project": "{project}", "version": 2}}"#);
        (format!("/api/v1/documents/{document}/assign"), body)
    };
    let own = ours.documents().await[0].to_string();
    for (theirs, none) in [
        (into(&id.to_string(), nothing), into(nothing, nothing)),
        (into(&own, project), into(&own, nothing)),
    ] {
        let answer = ours.post(&theirs.0, &theirs.1).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
        assert_eq!(answer, ours.post(&none.0, &none.1).await);
    }
    for act in ["retry", "steer"] {
        let body = if act == "retry" { r#"{"items": ["x"]}"# } else { r#"{"ask": "resume"}"# };
        let answer = ours.post(&format!("/api/v1/streams/{stream}/{act}"), body).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
        let none = ours.post(&format!("/api/v1/streams/{nothing}/{act}"), body).await;
        assert_eq!(answer, none);
    }
    let answer = ours.get(&format!("/api/v1/streams/{stream}/quarantine")).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    let lists = ["documents", "projects", "streams", "review"];
    for list in lists {
        let answer = ours.get(&format!("/api/v1/{list}")).await;
        let theirs = [&*id.to_string(), project, stream, "Secret"];
        assert!(theirs.iter().all(|it| !answer.body.contains(it)), "{list}");
    }
    let filtered = ours.get(&format!("/api/v1/documents?project={project}")).await.json();
    assert_eq!(filtered["documents"].as_array().unwrap().len(), 0);
    let cursor = ours.get(&format!("/api/v1/documents?before={id}")).await;
    assert_eq!(cursor, ours.get(&format!("/api/v1/documents?before={nothing}")).await);
}

#[tokio::test]
async fn sec_c5_a_neighbours_session_and_form_token_are_worth_nothing() {
    let ours = stage().await;
    let theirs = ours.neighbour(&[mail(9, "Secret", "x")], &[]).await;
    let (cookie, foreign) = (ours.log_in().await, theirs.log_in().await);
    assert_eq!(ours.open(&foreign, "/").await.status, StatusCode::SEE_OTHER);
    let page = theirs.open(&foreign, "/").await.body;
    let body = format!("form_token={}", form_token(&page));
    let answer = ours.send(form("/logout", &[("cookie", &cookie)], &body)).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
}
