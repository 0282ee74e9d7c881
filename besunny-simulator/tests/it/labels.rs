//! `users.labels`: list, create.

use serde_json::json;

use crate::scene::Scene;

#[tokio::test]
async fn system_labels_are_there_and_hide_as_in_gmail() {
    let scene = Scene::new().await;
    let labels = scene.get("labels").await.good();
    let labels = labels["labels"].as_array().unwrap();
    assert!(labels.contains(&json!({ "id": "INBOX", "name": "INBOX", "type": "system" })));
    assert!(labels.contains(&json!({
        "id": "TRASH", "name": "TRASH", "type": "system",
        "messageListVisibility": "hide", "labelListVisibility": "labelHide",
    })));
    assert_eq!(labels.len(), 14);
}

#[tokio::test]
async fn labels_are_made_once() {
    let scene = Scene::new().await;
    let made = scene.post("labels", json!({ "name": "BeSunny/Processed" })).await.good();
    assert_eq!(
        made,
        json!({
            "id": "Label_1", "name": "BeSunny/Processed", "type": "user",
            "messageListVisibility": "show", "labelListVisibility": "labelShow",
        })
    );
    for (name, expected) in [
        ("besunny/processed", (409, "aborted")),
        ("inbox", (400, "invalidArgument")),
        ("", (400, "invalidArgument")),
    ] {
        let refusal = scene.post("labels", json!({ "name": name })).await.refusal();
        assert_eq!(refusal, (expected.0, expected.1.to_owned()), "{name}");
    }
    let hidden = json!({ "name": "h", "labelListVisibility": "labelHide" });
    assert_eq!(scene.post("labels", hidden).await.good()["labelListVisibility"], "labelHide");
}
