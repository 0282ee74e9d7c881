//! `users.messages`: list, get, modify.

use besunny_simulator::Delivery;
use serde_json::{Value, json};

use crate::scene::{Scene, instant, mail, strings};

/// Ids of all pages of a listing.
async fn all_pages(scene: &Scene, query: &str) -> Vec<String> {
    let mut ids = Vec::new();
    let mut token = String::new();
    loop {
        let page = scene.get(&format!("messages?{query}&pageToken={token}")).await.good();
        ids.extend(strings(&page["messages"], "id"));
        match page["nextPageToken"].as_str() {
            Some(next) => next.clone_into(&mut token),
            None => return ids,
        }
    }
}

fn dated(scene: &Scene, subject: &str, date: &str, labels: &[&str]) -> String {
    let delivery = Delivery { internal_date: Some(instant(date)), ..Delivery::labeled(labels) };
    scene.ann().deliver(mail(subject), &delivery).unwrap().id
}

#[tokio::test]
async fn listing_is_newest_first_by_internal_date() {
    let scene = Scene::new().await;
    let middle = dated(&scene, "middle", "2026-01-02T00:00:00Z", &["INBOX"]);
    let oldest = dated(&scene, "oldest", "2026-01-01T00:00:00Z", &["INBOX"]);
    let newest = dated(&scene, "newest", "2026-01-03T00:00:00Z", &["INBOX"]);
    assert_eq!(all_pages(&scene, "").await, [newest, middle, oldest]);
}

#[tokio::test]
async fn listing_is_not_strictly_ordered_when_disorder_is_asked_for() {
    let scene = Scene::with(|config| {
        config.settings.mail.list_disorder = std::time::Duration::from_hours(1);
    })
    .await;
    let mut by_date: Vec<_> = (10..40)
        .map(|second| dated(&scene, "x", &format!("2026-01-01T00:00:{second}Z"), &["INBOX"]))
        .collect();
    by_date.reverse();
    let listed = all_pages(&scene, "").await;
    assert_ne!(listed, by_date);
    let (mut listed, mut all) = (listed, by_date);
    listed.sort();
    all.sort();
    assert_eq!(listed, all);
}

#[tokio::test]
async fn pages_cover_the_mailbox_once() {
    let scene = Scene::new().await;
    let mut ids: Vec<_> = (0..23).map(|number| scene.deliver(&format!("m{number}")).id).collect();
    ids.sort();
    for size in [1, 5, 23, 24] {
        let mut listed = all_pages(&scene, &format!("maxResults={size}")).await;
        listed.sort();
        assert_eq!(listed, ids, "pages of {size}");
    }
}

#[tokio::test]
async fn mail_that_arrives_between_pages_neither_hides_nor_repeats_others() {
    let scene = Scene::new().await;
    let mut ids: Vec<_> = (0..4).map(|number| scene.deliver(&format!("m{number}")).id).collect();
    ids.sort();
    let first = scene.get("messages?maxResults=2").await.good();
    dated(&scene, "late", "2030-01-01T00:00:00Z", &["INBOX"]);
    let token = first["nextPageToken"].as_str().unwrap();
    let second = scene.get(&format!("messages?maxResults=2&pageToken={token}")).await.good();
    let mut seen = strings(&first["messages"], "id");
    seen.extend(strings(&second["messages"], "id"));
    seen.sort();
    assert_eq!(seen, ids);
}

#[tokio::test]
async fn an_empty_mailbox_has_no_messages_field() {
    let scene = Scene::new().await;
    assert_eq!(scene.get("messages").await.good(), json!({ "resultSizeEstimate": 0 }));
}

#[tokio::test]
async fn spam_and_trash_must_be_asked_for() {
    let scene = Scene::new().await;
    let inbox = dated(&scene, "inbox", "2026-01-03T00:00:00Z", &["INBOX"]);
    let spam = dated(&scene, "spam", "2026-01-02T00:00:00Z", &["SPAM"]);
    let trash = dated(&scene, "trash", "2026-01-01T00:00:00Z", &["TRASH"]);
    let draft = dated(&scene, "draft", "2026-01-04T00:00:00Z", &["DRAFT"]);
    for (query, expected) in [
        ("", vec![&draft, &inbox]),
        ("includeSpamTrash=true", vec![&draft, &inbox, &spam, &trash]),
        ("labelIds=SPAM", vec![&spam]),
        ("labelIds=INBOX", vec![&inbox]),
        ("labelIds=INBOX&labelIds=TRASH", vec![]),
        ("q=in:anywhere", vec![&draft, &inbox, &spam, &trash]),
        ("q=in:trash", vec![&trash]),
        ("q=-in:draft", vec![&inbox]),
        ("q=-in:spam", vec![&draft, &inbox]),
    ] {
        let listed = all_pages(&scene, query).await;
        assert_eq!(listed.iter().collect::<Vec<_>>(), expected, "{query}");
    }
    assert_eq!(scene.ann().ids_in_scope(), [inbox]);
}

#[tokio::test]
async fn parameters_are_checked() {
    let scene = Scene::new().await;
    scene.deliver("one");
    for path in [
        "messages?maxResults=many",
        "messages?labelIds=Label_99",
        "messages?q=has:attachment",
        "messages?pageToken=09214810714760160262",
        "messages/not-an-id",
        "messages/00000000000000001",
        "history",
        "history?startHistoryId=x",
        "history?startHistoryId=1&historyTypes=messagesAdded",
        "messages?fields=messages(id",
    ] {
        let refusal = scene.get(path).await.refusal();
        assert_eq!(refusal, (400, "invalidArgument".to_owned()), "{path}");
    }
    assert_eq!(
        scene.get("messages/19dda5cc10eb51bb").await.refusal(),
        (404, "notFound".to_owned())
    );
}

#[tokio::test]
async fn page_tokens_belong_to_their_request_and_can_die() {
    let scene = Scene::with(|config| {
        config.settings.mail.page_token_life = Some(std::time::Duration::from_mins(30));
    })
    .await;
    for number in 0..3 {
        scene.deliver(&format!("m{number}"));
    }
    let token = async || {
        let page = scene.get("messages?maxResults=1").await.good();
        page["nextPageToken"].as_str().unwrap().to_owned()
    };
    let status = async |path: String| scene.get(&path).await.status;
    let first = token().await;
    assert_eq!(status(format!("messages?maxResults=2&pageToken={first}")).await, 200);
    assert_eq!(status(format!("messages?labelIds=INBOX&pageToken={first}")).await, 400);
    assert_eq!(status(format!("history?startHistoryId=1&pageToken={first}")).await, 400);
    scene.control().kill_page_tokens();
    assert_eq!(status(format!("messages?maxResults=1&pageToken={first}")).await, 400);
    let second = token().await;
    scene.advance(900);
    assert_eq!(status(format!("messages?maxResults=1&pageToken={second}")).await, 200);
    scene.advance(900);
    assert_eq!(status(format!("messages?maxResults=1&pageToken={second}")).await, 400);
}

#[tokio::test]
async fn modify_changes_labels_and_writes_history() {
    let scene = Scene::new().await;
    let one = scene.deliver("one");
    let path = format!("messages/{}/modify", one.id);
    let body = json!({ "addLabelIds": ["STARRED"], "removeLabelIds": ["UNREAD", "SPAM"] });
    let answer = scene.post(&path, body).await.good();
    assert_eq!(answer["labelIds"], json!(["INBOX", "STARRED"]));
    let history = scene.history(one.history_id).await;
    let records = history["history"].as_array().unwrap();
    assert_eq!(records.len(), 2);
    assert_eq!(records[0]["labelsAdded"][0]["labelIds"], json!(["STARRED"]));
    assert_eq!(records[1]["labelsRemoved"][0]["labelIds"], json!(["UNREAD"]));
    assert_eq!(records[1]["labelsRemoved"][0]["message"]["labelIds"], json!(["INBOX", "STARRED"]));
    let odd = scene.post(&path, json!({ "addLabelIds": ["Label_7"] })).await;
    assert_eq!(odd.refusal(), (400, "invalidArgument".to_owned()));
    let gone = scene.post("messages/19dda5cc10eb51bb/modify", json!({})).await;
    assert_eq!(gone.refusal(), (404, "notFound".to_owned()));
}

#[tokio::test]
async fn a_modification_that_changes_nothing_is_no_change() {
    let scene = Scene::new().await;
    let one = scene.deliver("one");
    let path = format!("messages/{}/modify", one.id);
    let body = json!({ "addLabelIds": ["INBOX"], "removeLabelIds": ["SPAM"] });
    assert_eq!(scene.post(&path, body).await.good()["threadId"], one.thread_id);
    assert_eq!(scene.ann().history_id(), one.history_id);
}

#[tokio::test]
async fn one_seed_gives_the_same_ids() {
    let delivered = async |seed| {
        let scene = Scene::with(|config| config.seed = seed).await;
        [scene.deliver("one"), scene.deliver("two")]
    };
    assert_eq!(delivered(1).await, delivered(1).await);
    assert_ne!(delivered(1).await, delivered(2).await);
}

#[tokio::test]
async fn partial_answers_hold_what_was_asked_for() {
    let scene = Scene::new().await;
    let one = scene.deliver("one");
    for (path, expected) in [
        ("messages?fields=messages/id".to_owned(), json!({ "messages": [{ "id": one.id }] })),
        (
            format!("messages/{}?format=minimal&fields=id,labelIds", one.id),
            json!({ "id": one.id, "labelIds": ["INBOX", "UNREAD"] }),
        ),
        ("profile?fields=threadsTotal&prettyPrint=false".to_owned(), json!({ "threadsTotal": 1 })),
    ] {
        assert_eq!(scene.get(&path).await.good(), expected, "{path}");
    }
    let pretty = scene.get("profile?prettyPrint=true").await;
    assert!(pretty.body.starts_with(b"{\n  \""));
}

#[tokio::test]
async fn ids_look_like_gmails() {
    let scene = Scene::new().await;
    let one = scene.deliver("one");
    assert_eq!(one.id.len(), 16);
    assert!(one.id.bytes().all(|byte| byte.is_ascii_hexdigit()));
    assert!(one.history_id > u64::from(u32::MAX));
    let found: Value = scene.get(&format!("messages/{}", one.id)).await.good();
    assert_eq!(found["id"], one.id);
    assert_eq!(found["threadId"], one.thread_id);
}
