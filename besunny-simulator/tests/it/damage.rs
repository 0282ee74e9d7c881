//! Faults that damage good answers.

use besunny_simulator::{Damage, Fault, FaultRule, Oddity, Operation, SpoiledId};
use serde_json::{Value, json};

use crate::scene::{Scene, strings};

fn damage(scene: &Scene, operation: Operation, damage: Damage) {
    scene.fault(FaultRule::once(operation, Fault::Damage(damage)));
}

async fn three_messages() -> (Scene, Vec<String>) {
    let scene = Scene::new().await;
    let mut ids: Vec<_> = (0..3).map(|number| scene.deliver(&format!("m{number}")).id).collect();
    ids.reverse();
    (scene, ids)
}

#[tokio::test]
async fn json_ends_too_early() {
    let scene = Scene::new().await;
    damage(&scene, Operation::GetProfile, Damage::InvalidJson);
    let reply = scene.get("profile").await;
    assert_eq!(reply.status, 200);
    assert!(serde_json::from_slice::<Value>(&reply.body).is_err());
    assert_eq!(scene.control().fired()["invalid_json"], 1);
}

#[tokio::test]
async fn padding_is_lost() {
    let scene = Scene::new().await;
    let message = scene.deliver("x");
    let path = format!("messages/{}?format=raw", message.id);
    let whole = scene.get(&path).await.good()["raw"].as_str().unwrap().to_owned();
    assert!(whole.ends_with('='), "the message must need padding");
    damage(&scene, Operation::GetMessage, Damage::UnpaddedBase64);
    let cut = scene.get(&path).await.good();
    assert_eq!(cut["raw"], whole.trim_end_matches('='));
}

#[tokio::test]
async fn fields_are_odd() {
    let scene = Scene::new().await;
    let history = scene.ann().history_id();
    for (field, oddity, expected) in [
        ("historyId", Oddity::Number, json!(history)),
        ("historyId", Oddity::Null, Value::Null),
        ("historyId", Oddity::Missing, Value::Null),
        ("messagesTotal", Oddity::Text, json!("0")),
    ] {
        let odd = Damage::OddField { field: field.to_owned(), oddity };
        damage(&scene, Operation::GetProfile, odd);
        let profile = scene.get("profile").await.good();
        assert_eq!(profile[field], expected, "{field} {oddity:?}");
        let missing = oddity == Oddity::Missing;
        assert_eq!(profile.as_object().unwrap().contains_key(field), !missing);
    }
}

#[tokio::test]
async fn one_item_of_a_page_is_malformed() {
    let (scene, ids) = three_messages().await;
    for (id, expected) in
        [(SpoiledId::Readable, json!(ids[1])), (SpoiledId::Unreadable, json!([ids[1]]))]
    {
        damage(&scene, Operation::ListMessages, Damage::MalformedItem { id });
        let page = scene.get("messages").await.good();
        assert_eq!(page["messages"][1], json!({ "id": expected, "threadId": true }));
        assert_eq!(strings(&page["messages"], "threadId").len(), 2);
    }
    let start = scene.ann().history_id() - 1_000;
    let spoiled = Damage::MalformedItem { id: SpoiledId::Readable };
    damage(&scene, Operation::ListHistory, spoiled);
    let page = scene.get(&format!("history?startHistoryId={start}")).await;
    assert_eq!(page.status, 404, "the mailbox is younger than that");
}

#[tokio::test]
async fn a_malformed_record_keeps_the_id_of_its_message() {
    let scene = Scene::new().await;
    let start = scene.ann().history_id();
    let one = scene.deliver("one");
    let spoiled = Damage::MalformedItem { id: SpoiledId::Readable };
    damage(&scene, Operation::ListHistory, spoiled);
    let history = scene.history(start).await;
    let message = &history["history"][0]["messagesAdded"][0]["message"];
    assert_eq!(message, &json!({ "id": one.id, "threadId": true, "labelIds": "INBOX" }));
}

#[tokio::test]
async fn an_empty_page_leads_on() {
    let (scene, ids) = three_messages().await;
    damage(&scene, Operation::ListMessages, Damage::EmptyPage);
    let first = scene.get("messages?maxResults=2").await.good();
    assert!(first.get("messages").is_none());
    let token = first["nextPageToken"].as_str().unwrap();
    let second = scene.get(&format!("messages?maxResults=2&pageToken={token}")).await.good();
    assert_eq!(strings(&second["messages"], "id"), ids[..2]);
    damage(&scene, Operation::ListHistory, Damage::EmptyPage);
    let start = scene.ann().history_id();
    let late = scene.deliver("late");
    let first = scene.history(start).await;
    assert!(first.get("history").is_none());
    let token = first["nextPageToken"].as_str().unwrap();
    let path = format!("history?startHistoryId={start}&pageToken={token}");
    let second = scene.get(&path).await.good();
    assert_eq!(second["history"][0]["messages"][0]["id"], late.id);
}

#[tokio::test]
async fn a_page_token_leads_to_the_same_page() {
    let (scene, ids) = three_messages().await;
    let rule = FaultRule::always(Operation::ListMessages, Fault::Damage(Damage::RepeatPageToken));
    scene.fault(rule);
    let mut token = String::new();
    let mut tokens = Vec::new();
    for _ in 0..4 {
        let path = format!("messages?maxResults=1&pageToken={token}");
        let page = scene.get(&path).await.good();
        assert_eq!(strings(&page["messages"], "id"), ids[..1]);
        page["nextPageToken"].as_str().unwrap().clone_into(&mut token);
        tokens.push(token.clone());
    }
    tokens.dedup();
    assert_eq!(tokens.len(), 1);
    assert_eq!(scene.control().fired()["repeat_page_token"], 4);
}

#[tokio::test]
async fn damage_that_changes_nothing_is_not_counted() {
    let scene = Scene::new().await;
    let odd = Damage::OddField { field: "nothing".to_owned(), oddity: Oddity::Missing };
    damage(&scene, Operation::GetProfile, odd);
    scene.get("profile").await.good();
    assert!(scene.control().fired().is_empty());
}
