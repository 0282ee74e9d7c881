//! The control API over HTTP does what the handle does.

use axum::http::Method;
use besunny_simulator::{Config, Operation, Simulator, StartError};
use serde_json::{Value, json};

use crate::http;
use crate::scene::{ANN, Scene, mail, watch_request};

#[tokio::test]
async fn only_loopback_is_listened_on() {
    let listen = "0.0.0.0:0".parse().unwrap();
    let refused = Simulator::start(Config { listen, ..Config::default() }).await;
    assert!(matches!(refused, Err(StartError::NotLoopback(_))));
}

#[tokio::test]
async fn accounts_clock_and_settings_are_steered() {
    let scene = Scene::new().await;
    let new = json!({ "address": "Bob@Example.test" });
    let bob = scene.steer(Method::POST, "accounts", new).await.good();
    assert_eq!(bob["address"], "bob@example.test");
    let accounts = scene.steer(Method::GET, "accounts", Value::Null).await.good();
    assert_eq!(accounts["accounts"].as_array().unwrap().len(), 2);
    let now = scene.steer(Method::POST, "clock/advance", json!({ "ms": 1500 })).await.good();
    assert_eq!(now["now"], "2026-01-05T09:00:01.500Z");
    let mode = json!({ "mode": "scaled", "factor": 100.0 });
    assert_eq!(scene.steer(Method::PUT, "clock", mode).await.status, 204);
    let patch = json!({ "quota": { "metering": "off" }, "wire": { "latency_ms": 0 } });
    let settings = scene.steer(Method::PATCH, "settings", patch).await.good();
    assert_eq!(settings["quota"]["metering"], "off");
    assert_eq!(settings["quota"]["user_units_per_minute"], 6_000);
    let odd = json!({ "quota": { "meters": 1 } });
    assert_eq!(scene.steer(Method::PATCH, "settings", odd).await.status, 400);
    let same = scene.steer(Method::GET, "settings", Value::Null).await.good();
    assert_eq!(same, settings);
}

#[tokio::test]
async fn a_mailbox_is_steered() {
    let scene = Scene::new().await;
    let at = |path: &str| format!("accounts/{ANN}/{path}");
    let url = scene.url(&format!("/control/{}", at("messages?labels=INBOX,Work")));
    let one = http::send(Method::POST, &url, &[], mail("one")).await.unwrap().good();
    let id = one["id"].as_str().unwrap();
    let ids = scene.steer(Method::GET, &at("scope"), Value::Null).await.good();
    assert_eq!(ids["ids"], json!([id]));
    let raw = scene.steer(Method::GET, &at(&format!("messages/{id}")), Value::Null).await;
    assert_eq!(raw.body, mail("one"));
    let labels = json!({ "add": ["STARRED"], "remove": ["Work"] });
    let path = at(&format!("messages/{id}/labels"));
    assert_eq!(scene.steer(Method::POST, &path, labels).await.status, 204);
    let found = scene.get(&format!("messages/{id}?format=minimal")).await.good();
    assert_eq!(found["labelIds"], json!(["INBOX", "STARRED"]));
    let path = at(&format!("messages/{id}/trash"));
    assert_eq!(scene.steer(Method::POST, &path, Value::Null).await.status, 204);
    let ids = scene.steer(Method::GET, &at("scope"), Value::Null).await.good();
    assert_eq!(ids["ids"], json!([]));
    let path = at(&format!("messages/{id}"));
    assert_eq!(scene.steer(Method::DELETE, &path, Value::Null).await.status, 204);
    assert_eq!(scene.steer(Method::DELETE, &path, Value::Null).await.status, 404);
    let label = scene.steer(Method::POST, &at("labels"), json!({ "name": "Work" })).await.good();
    assert_eq!(label["id"], "Label_1");
    let draft = scene.steer(Method::POST, &at("drafts"), Value::Null).await.good();
    let path = at(&format!("drafts/{}/send", draft["id"].as_str().unwrap()));
    scene.steer(Method::POST, &path, Value::Null).await.good();
    assert_eq!(scene.steer(Method::POST, &path, Value::Null).await.status, 404);
    let ids = scene.steer(Method::GET, &at("messages"), Value::Null).await.good();
    assert_eq!(ids["ids"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_grant_is_steered() {
    let mut scene = Scene::new().await;
    let at = |path: &str| format!("accounts/{ANN}/{path}");
    let token = scene.steer(Method::POST, &at("token"), Value::Null).await.good();
    scene.token = token["access_token"].as_str().unwrap().to_owned();
    scene.get("profile").await.good();
    for (method, path, body) in [
        (Method::POST, "tokens/expire", Value::Null),
        (Method::PUT, "scopes", json!({ "scopes": ["openid"] })),
        (Method::POST, "history/expire", Value::Null),
        (Method::POST, "notices/forge", json!({ "forgery": "alg_none" })),
        (Method::POST, "revoke", Value::Null),
    ] {
        assert_eq!(scene.steer(method, &at(path), body).await.status, 204, "{path}");
    }
    let code = scene.steer(Method::POST, &at("code"), json!({ "scopes": ["openid"] })).await.good();
    assert!(code["code"].as_str().unwrap().starts_with("4/0A"));
    assert_eq!(scene.get("profile").await.status, 401);
    assert_eq!(scene.steer(Method::POST, &at("revoke"), Value::Null).await.status, 404);
    let path = "accounts/nobody@example.test/scope";
    assert_eq!(scene.steer(Method::GET, path, Value::Null).await.status, 404);
}

#[tokio::test]
async fn the_world_is_steered_and_told() {
    let scene = Scene::new().await;
    scene.post("watch", watch_request()).await.good();
    for (method, path) in
        [(Method::DELETE, "page-tokens"), (Method::POST, "keys/rotate"), (Method::POST, "settle")]
    {
        assert_eq!(scene.steer(method, path, Value::Null).await.status, 204, "{path}");
    }
    let rule = json!({ "operation": "gmail.users.labels.list", "times": 1,
                       "fault": { "kind": "server_error", "status": 500 } });
    assert_eq!(scene.steer(Method::POST, "faults", rule.clone()).await.status, 204);
    let faults = scene.steer(Method::GET, "faults", Value::Null).await.good();
    assert_eq!(
        faults["rules"][0]["fault"],
        json!({
            "kind": "server_error", "status": 500, "retry_after": "absent"
        })
    );
    scene.get("labels").await;
    let fired = scene.steer(Method::GET, "fired", Value::Null).await.good();
    assert_eq!(fired["fired"], json!({ "server_error": 1 }));
    let usage = scene.steer(Method::GET, "usage", Value::Null).await.good();
    assert_eq!(usage["usage"][ANN][Operation::Watch.name()]["units"], 100);
    let log = scene.steer(Method::GET, "requests", Value::Null).await.good();
    assert_eq!(
        log["requests"][0],
        json!({
            "at": "2026-01-05T09:00:00Z", "method": "POST", "path": "/gmail/v1/users/me/watch",
            "operation": "gmail.users.watch", "account": ANN, "status": 200, "units": 100,
            "fault": null,
        })
    );
    let deliveries = scene.steer(Method::GET, "deliveries", Value::Null).await.good();
    assert_eq!(deliveries, json!({ "deliveries": [] }));
    assert_eq!(scene.steer(Method::DELETE, "counters", Value::Null).await.status, 204);
    assert!(scene.control().requests().is_empty());
}

#[tokio::test]
async fn unknown_paths_are_not_found() {
    let scene = Scene::new().await;
    let reply = scene.get("threads").await;
    assert_eq!(reply.status, 404);
    assert!(reply.body.starts_with(b"<!DOCTYPE html>"));
}
