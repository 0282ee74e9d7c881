//! The operators of `q`.

use besunny_simulator::Delivery;

use crate::scene::{Scene, encoded, instant, strings};

async fn check(scene: &Scene, query: &str, expected: &[&str]) {
    let path = format!("messages?{}", encoded(&[("q", query)]));
    let found = scene.get(&path).await.good();
    let mut subjects = Vec::new();
    for id in strings(&found["messages"], "id") {
        let path = format!("messages/{id}?format=metadata&metadataHeaders=subject");
        let message = scene.get(&path).await.good();
        subjects.push(message["payload"]["headers"][0]["value"].as_str().unwrap().to_owned());
    }
    subjects.sort();
    assert_eq!(subjects, expected, "{query}");
}

fn deliver(scene: &Scene, headers: &str, date: &str, labels: &[&str]) {
    let delivery = Delivery { internal_date: Some(instant(date)), ..Delivery::labeled(labels) };
    let raw = format!("{}\r\n\r\nBody.\r\n", headers.replace('|', "\r\n"));
    scene.ann().deliver(raw, &delivery).unwrap();
}

#[tokio::test]
async fn operators_find_what_they_name() {
    let scene = Scene::new().await;
    let work = scene.ann().create_label("Work").unwrap();
    deliver(
        &scene,
        "Subject: alpha|From: Bob <Bob@Example.test>|To: ann@example.test|Message-ID: <a1@x>",
        "2026-01-01T00:00:00Z",
        &["INBOX", "UNREAD"],
    );
    deliver(
        &scene,
        "Subject: beta two|From: carl@example.test|Cc: ai+ann@in.test|Delivered-To: ai+ann@in.test",
        "2026-01-02T00:00:00Z",
        &["INBOX", &work],
    );
    deliver(&scene, "Subject: gamma|From: bob@example.test", "2026-01-03T00:00:00Z", &["SPAM"]);
    for (query, expected) in [
        ("", &["alpha", "beta two"][..]),
        ("from:bob@example.test", &["alpha"]),
        ("from:bob in:anywhere", &["alpha", "gamma"]),
        ("to:ai+ann@in.test", &["beta two"]),
        ("deliveredto:ai+ann@in.test", &["beta two"]),
        ("deliveredto:ann@example.test", &[]),
        ("subject:\"beta two\"", &["beta two"]),
        ("rfc822msgid:<a1@x>", &["alpha"]),
        ("label:work", &["beta two"]),
        ("-label:Work", &["alpha"]),
        ("label:nothing", &[]),
        ("is:unread", &["alpha"]),
        ("after:1767312000", &["beta two"]),
        ("before:1767312000", &["alpha"]),
        ("in:inbox -from:carl", &["alpha"]),
        ("BETA", &["beta two"]),
    ] {
        check(&scene, query, expected).await;
    }
}
