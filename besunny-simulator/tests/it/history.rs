//! `users.history.list`: order, gaps, lag, expiry.

use std::time::Duration;

use besunny_simulator::Delivery;
use serde_json::{Value, json};

use crate::scene::{Scene, added, mail, strings};

fn ids(history: &Value) -> Vec<u64> {
    strings(&history["history"], "id").iter().map(|id| id.parse().unwrap()).collect()
}

#[tokio::test]
async fn ids_increase_with_gaps() {
    let scene = Scene::new().await;
    let start = scene.ann().history_id();
    for number in 0..50 {
        scene.deliver(&format!("m{number}"));
    }
    let ids = ids(&scene.history(start).await);
    assert_eq!(ids.len(), 50);
    assert!(ids.windows(2).all(|pair| pair[0] < pair[1]));
    assert!(ids.windows(2).any(|pair| pair[0] + 1 < pair[1]));
}

#[tokio::test]
async fn an_answer_without_changes_has_only_an_id() {
    let scene = Scene::new().await;
    let start = scene.ann().history_id();
    assert_eq!(scene.history(start).await, json!({ "historyId": start.to_string() }));
}

#[tokio::test]
async fn every_change_is_recorded_with_the_labels_after_it() {
    let scene = Scene::new().await;
    let start = scene.ann().history_id();
    let one = scene.deliver("one");
    scene.ann().trash(&one.id).unwrap();
    scene.ann().delete(&one.id).unwrap();
    let history = scene.history(start).await;
    let message = json!({ "id": one.id, "threadId": one.thread_id });
    let labeled = |labels: &[&str]| {
        let mut message = message.clone();
        message["labelIds"] = json!(labels);
        message
    };
    let mut records = history["history"].as_array().unwrap().clone();
    for record in &mut records {
        record.as_object_mut().unwrap().remove("id");
    }
    let messages = json!([message]);
    let both = ["INBOX", "UNREAD", "TRASH"];
    let rest = ["UNREAD", "TRASH"];
    assert_eq!(
        records,
        [
            json!({ "messages": messages, "messagesAdded": [{ "message": labeled(&both[..2]) }] }),
            json!({ "messages": messages,
                    "labelsAdded": [{ "message": labeled(&both), "labelIds": ["TRASH"] }] }),
            json!({ "messages": messages,
                    "labelsRemoved": [{ "message": labeled(&rest), "labelIds": ["INBOX"] }] }),
            json!({ "messages": messages, "messagesDeleted": [{ "message": labeled(&rest) }] }),
        ]
    );
    assert_eq!(scene.get(&format!("messages/{}", one.id)).await.status, 404);
}

#[tokio::test]
async fn types_and_labels_choose_records() {
    let scene = Scene::new().await;
    let start = scene.ann().history_id();
    let spam = scene.ann().deliver(mail("s"), &Delivery::labeled(&["SPAM"])).unwrap();
    scene.ann().change_labels(&spam.id, &["INBOX"], &["SPAM"]).unwrap();
    let inbox = scene.deliver("i");
    let kinds = async |query: &str| {
        let path = format!("history?startHistoryId={start}&{query}");
        let history = scene.get(&path).await.good();
        let records = history["history"].as_array().cloned().unwrap_or_default();
        let kinds: Vec<_> = records
            .iter()
            .map(|record| {
                let fields = record.as_object().unwrap().keys();
                let kind =
                    fields.into_iter().find(|name| !matches!(name.as_str(), "id" | "messages"));
                (kind.unwrap().clone(), record["messages"][0]["id"].as_str().unwrap().to_owned())
            })
            .collect();
        kinds
    };
    let record = |kind: &str, id: &str| (kind.to_owned(), id.to_owned());
    let spam_added = record("messagesAdded", &spam.id);
    let moved_in = record("labelsAdded", &spam.id);
    let moved_out = record("labelsRemoved", &spam.id);
    let inbox_added = record("messagesAdded", &inbox.id);
    for (query, expected) in [
        ("", vec![&spam_added, &moved_in, &moved_out, &inbox_added]),
        ("historyTypes=messageAdded", vec![&spam_added, &inbox_added]),
        ("historyTypes=messageAdded&labelId=INBOX", vec![&inbox_added]),
        (
            "historyTypes=messageAdded&historyTypes=labelAdded&labelId=INBOX",
            vec![&moved_in, &inbox_added],
        ),
        ("historyTypes=labelRemoved&labelId=SPAM", vec![&moved_out]),
        ("historyTypes=messageDeleted", vec![]),
    ] {
        assert_eq!(kinds(query).await.iter().collect::<Vec<_>>(), expected, "{query}");
    }
}

#[tokio::test]
async fn pages_cover_all_records_once() {
    let scene = Scene::new().await;
    let start = scene.ann().history_id();
    let delivered: Vec<_> = (0..7).map(|number| scene.deliver(&format!("m{number}")).id).collect();
    let mut seen = Vec::new();
    let mut token = String::new();
    loop {
        let path = format!("history?startHistoryId={start}&maxResults=3&pageToken={token}");
        let page = scene.get(&path).await.good();
        seen.extend(added(&page));
        assert_eq!(page["historyId"], scene.ann().history_id().to_string());
        match page["nextPageToken"].as_str() {
            Some(next) => next.clone_into(&mut token),
            None => break,
        }
    }
    assert_eq!(seen, delivered);
}

#[tokio::test]
async fn the_index_may_lag_but_never_loses() {
    let scene = Scene::with(|config| {
        config.settings.mail.index_lag = Duration::from_secs(5);
    })
    .await;
    let start = scene.ann().history_id();
    let one = scene.deliver("one");
    assert_eq!(scene.get("profile").await.good()["historyId"], one.history_id.to_string());
    assert_eq!(scene.history(start).await, json!({ "historyId": start.to_string() }));
    assert_eq!(
        scene.history(one.history_id).await,
        json!({ "historyId": one.history_id.to_string() })
    );
    scene.advance(5);
    assert_eq!(added(&scene.history(start).await), [one.id]);
}

#[tokio::test]
async fn old_ids_are_not_found() {
    let scene = Scene::with(|config| {
        config.settings.oauth.access_token_life = Duration::from_hours(24 * 365);
    })
    .await;
    let start = scene.ann().history_id();
    let one = scene.deliver("one");
    scene.advance(6 * 24 * 3600);
    let two = scene.deliver("two");
    let status = async |id: u64| scene.get(&format!("history?startHistoryId={id}")).await.status;
    assert_eq!(status(start).await, 200);
    assert_eq!(status(start - 1).await, 404);
    scene.advance(24 * 3600);
    assert_eq!(status(start).await, 404);
    assert_eq!(status(one.history_id).await, 200);
    scene.ann().expire_history();
    assert_eq!(status(one.history_id).await, 404);
    assert_eq!(status(two.history_id).await, 200);
    assert_eq!(status(two.history_id + 1).await, 404);
    let refusal = scene.get(&format!("history?startHistoryId={start}")).await.refusal();
    assert_eq!(refusal, (404, "notFound".to_owned()));
}

#[tokio::test]
async fn messages_come_several_times_when_asked_to() {
    let scene = Scene::with(|config| {
        let mail = &mut config.settings.mail;
        (mail.touch_rate, mail.repeat_rate) = (1.0, 1.0);
    })
    .await;
    let start = scene.ann().history_id();
    let one = scene.deliver("one");
    let history = scene.history(start).await;
    assert_eq!(added(&history), [one.id.clone(), one.id.clone()]);
    assert_eq!(ids(&history).len(), 4, "two additions, each with a nameless record behind it");
    assert_eq!(ids(&history)[3], one.history_id);
}

#[tokio::test]
async fn drafts_are_replaced_when_they_are_sent() {
    let scene = Scene::new().await;
    let draft = scene.ann().draft(mail("draft")).unwrap();
    let sent = scene.ann().send_draft(&draft.id).unwrap();
    assert_ne!(draft.id, sent.id);
    let history = scene.history(draft.history_id).await;
    let records = history["history"].as_array().unwrap();
    assert_eq!(records[0]["messagesDeleted"][0]["message"]["id"], draft.id);
    assert_eq!(records[1]["messagesAdded"][0]["message"]["labelIds"], json!(["SENT"]));
    assert_eq!(scene.ann().ids_in_scope(), [sent.id]);
}
