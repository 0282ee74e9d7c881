//! Push channels: headers, states, numbers, retries, faults, the end.

use besunny_simulator::{Fault, FaultRule, Operation, PushFault};
use serde_json::{Value, json};

use crate::endpoint::{Call, Endpoint};
use crate::scene::{Scene, event};

const WATCH: &str = "calendars/primary/events/watch";

fn request(endpoint: &Endpoint, id: &str) -> Value {
    json!({ "id": id, "type": "web_hook", "address": endpoint.address(), "token": "secret" })
}

async fn watched() -> (Scene, Endpoint, Value) {
    let (scene, endpoint) = (Scene::new().await, Endpoint::new().await);
    let channel = scene.post_calendar(WATCH, request(&endpoint, "c1")).await.good();
    (scene, endpoint, channel)
}

fn put(scene: &Scene) {
    scene.agenda().put("primary", event("one", "2026-01-06T09:00:00+01:00")).unwrap();
}

/// Takes the calls so far, as `STATE NUMBER`.
async fn heard(scene: &Scene, endpoint: &Endpoint) -> Vec<String> {
    scene.control().settle().await;
    let told = |call: &Call| {
        format!("{} {}", call["x-goog-resource-state"], call["x-goog-message-number"])
    };
    endpoint.take_calls().iter().map(told).collect()
}

#[tokio::test]
async fn a_channel_begins_with_sync_and_calls_at_changes() {
    let (scene, endpoint, channel) = watched().await;
    scene.control().settle().await;
    let calls = endpoint.take_calls();
    let [call] = &*calls else { panic!("{calls:?}") };
    let resource = channel["resourceId"].as_str().unwrap();
    for (header, want) in [
        ("x-goog-channel-id", "c1"),
        ("x-goog-channel-token", "secret"),
        ("x-goog-channel-expiration", "Mon, 12 Jan 2026 09:00:00 GMT"),
        ("x-goog-resource-id", resource),
        ("x-goog-resource-uri", channel["resourceUri"].as_str().unwrap()),
        ("x-goog-resource-state", "sync"),
        ("x-goog-message-number", "1"),
        ("content-length", "0"),
    ] {
        assert_eq!(call[header], want, "{header}");
    }
    let end = scene.control().now() + chrono::Duration::days(7);
    assert_eq!(channel["expiration"], end.timestamp_millis().to_string());
    put(&scene);
    put(&scene);
    assert_eq!(heard(&scene, &endpoint).await, ["exists 3", "exists 4"]);
    scene.agenda().add_calendar("team@example.test");
    assert_eq!(heard(&scene, &endpoint).await, [""; 0], "another calendar is not watched");
    assert_eq!(scene.agenda().channels(), ["c1"]);
    assert_eq!(scene.control().calls().len(), 3);
}

#[tokio::test]
async fn a_channel_ends_by_time_and_by_stop() {
    let (scene, endpoint, channel) = watched().await;
    heard(&scene, &endpoint).await;
    let stop = |resource: &Value| json!({ "id": "c1", "resourceId": resource });
    let other = scene.post_calendar("channels/stop", stop(&json!("x"))).await;
    assert_eq!(other.refusal(), (404, "notFound".to_owned()));
    let stopped = scene.post_calendar("channels/stop", stop(&channel["resourceId"])).await;
    assert_eq!(stopped.status, 204);
    put(&scene);
    assert_eq!(heard(&scene, &endpoint).await, [""; 0]);
    let again = scene.post_calendar(WATCH, request(&endpoint, "c1")).await;
    assert_eq!(again.refusal(), (400, "channelIdNotUnique".to_owned()));
    let mut short = request(&endpoint, "c2");
    let end = scene.control().now() + chrono::Duration::hours(1);
    short["expiration"] = json!(end.timestamp_millis());
    scene.post_calendar(WATCH, short).await.good();
    assert_eq!(heard(&scene, &endpoint).await, ["sync 1"]);
    scene.advance(3600);
    put(&scene);
    assert_eq!(heard(&scene, &endpoint).await, [""; 0]);
}

#[tokio::test]
async fn a_calendar_that_goes_says_so_and_the_list_is_watched_apart() {
    let (scene, endpoint) = (Scene::new().await, Endpoint::new().await);
    scene.agenda().add_calendar("team@example.test");
    let path = "calendars/team@example.test/events/watch";
    scene.post_calendar(path, request(&endpoint, "c1")).await.good();
    let path = "users/me/calendarList/watch";
    scene.post_calendar(path, request(&endpoint, "c2")).await.good();
    assert_eq!(heard(&scene, &endpoint).await, ["sync 1", "sync 1"]);
    scene.agenda().remove_calendar("team@example.test").unwrap();
    let mut told = heard(&scene, &endpoint).await;
    told.sort();
    assert_eq!(told, ["exists 3", "not_exists 3"]);
}

#[tokio::test]
async fn what_a_channel_may_be_is_checked() {
    let (scene, endpoint) = (Scene::new().await, Endpoint::new().await);
    let long = "x".repeat(65);
    for (field, odd, reason) in [
        ("id", json!(""), "invalid"),
        ("id", json!(long), "invalid"),
        ("id", json!("a b"), "invalid"),
        ("type", json!("web"), "invalid"),
        ("token", json!("x".repeat(257)), "invalid"),
        ("address", json!("http://example.test/x"), "push.webhookUrlNotHttps"),
    ] {
        let mut request = request(&endpoint, "c1");
        request[field] = odd;
        let refused = scene.post_calendar(WATCH, request).await;
        assert_eq!(refused.refusal(), (400, reason.to_owned()), "{field}");
    }
    let unknown = "calendars/nobody@example.test/events/watch";
    let refused = scene.post_calendar(unknown, request(&endpoint, "c1")).await;
    assert_eq!(refused.refusal(), (404, "notFound".to_owned()));
}

#[tokio::test]
async fn only_an_overload_is_called_again() {
    let (scene, endpoint, _) = watched().await;
    heard(&scene, &endpoint).await;
    endpoint.answer_first(&[503, 404]);
    put(&scene);
    assert_eq!(heard(&scene, &endpoint).await, ["exists 3"]);
    scene.advance(10);
    assert_eq!(heard(&scene, &endpoint).await, ["exists 3"], "the second time of the same call");
    scene.advance(3600);
    assert_eq!(heard(&scene, &endpoint).await, [""; 0], "404 is final");
    let attempts: Vec<u32> = scene.control().calls().iter().map(|call| call.attempt).collect();
    assert_eq!(attempts, [1, 1, 2]);
}

#[tokio::test]
async fn calls_go_astray_by_script() {
    let (scene, endpoint, _) = watched().await;
    heard(&scene, &endpoint).await;
    for (fault, now, later) in [
        (PushFault::DropNotice, vec![], vec![]),
        (PushFault::RepeatNotice { copies: 2 }, vec!["exists 4", "exists 4"], vec![]),
        (PushFault::DelayNotice { ms: 5_000 }, vec![], vec!["exists 6"]),
    ] {
        scene.fault(FaultRule::once(Operation::CallChannel, Fault::Push(fault)));
        put(&scene);
        assert_eq!(heard(&scene, &endpoint).await, now);
        scene.advance(5);
        assert_eq!(heard(&scene, &endpoint).await, later);
    }
}
