//! Calendars: listings, sync tokens, tombstones, exceptions.

use axum::http::Method;
use besunny_simulator::{Damage, Fault, FaultRule, LostSync, Operation, RefusalFault, SpoiledId};
use serde_json::{Value, json};

use crate::scene::{ANN, Scene, event, strings};

const EVENTS: &str = "calendars/primary/events";

fn put(scene: &Scene, summary: &str) -> String {
    scene.agenda().put("primary", event(summary, "2026-01-06T09:00:00+01:00")).unwrap()
}

fn series(scene: &Scene) -> String {
    let mut series = event("Weekly", "2026-01-06T09:00:00+01:00");
    series["recurrence"] = json!(["RRULE:FREQ=WEEKLY"]);
    scene.agenda().put("primary", series).unwrap()
}

/// Lists everything, so many a page; gives ids and the sync token.
async fn whole(scene: &Scene, most: usize) -> (Vec<String>, String) {
    let mut ids = Vec::new();
    let mut path = format!("{EVENTS}?maxResults={most}");
    loop {
        let page = scene.calendar(&path).await.good();
        ids.extend(strings(&page["items"], "id"));
        match page["nextPageToken"].as_str() {
            Some(token) => {
                assert_eq!(page.get("nextSyncToken"), None);
                path = format!("{EVENTS}?maxResults={most}&pageToken={token}");
            }
            None => return (ids, page["nextSyncToken"].as_str().unwrap().to_owned()),
        }
    }
}

async fn since(scene: &Scene, token: &str) -> (Value, String) {
    let page = scene.calendar(&format!("{EVENTS}?syncToken={token}")).await.good();
    (page["items"].clone(), page["nextSyncToken"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_listing_ends_with_a_sync_token_and_changes_follow() {
    let scene = Scene::new().await;
    let ids: Vec<String> = (0..5).map(|number| put(&scene, &format!("event {number}"))).collect();
    let (listed, token) = whole(&scene, 2).await;
    assert_eq!(listed, ids);
    assert_eq!(since(&scene, &token).await.0, json!([]));
    scene.agenda().put("primary", json!({ "id": ids[1], "summary": "changed" })).unwrap();
    let new = put(&scene, "new");
    let (changed, next) = since(&scene, &token).await;
    assert_eq!(strings(&changed, "id"), [ids[1].clone(), new]);
    assert_eq!(strings(&changed, "summary"), ["changed", "new"]);
    assert_eq!(since(&scene, &next).await.0, json!([]));
    assert_eq!(since(&scene, &token).await.0, changed, "reading consumes nothing");
}

#[tokio::test]
async fn what_changes_while_a_listing_is_read_follows_it() {
    let scene = Scene::new().await;
    let ids: Vec<String> = (0..3).map(|number| put(&scene, &format!("event {number}"))).collect();
    let first = scene.calendar(&format!("{EVENTS}?maxResults=2")).await.good();
    scene.agenda().put("primary", json!({ "id": ids[0], "summary": "changed" })).unwrap();
    let page = first["nextPageToken"].as_str().unwrap();
    let last = scene.calendar(&format!("{EVENTS}?maxResults=2&pageToken={page}")).await.good();
    let (changed, _) = since(&scene, last["nextSyncToken"].as_str().unwrap()).await;
    assert_eq!(strings(&changed, "id"), [ids[0].clone()]);
}

#[tokio::test]
async fn pages_of_changes_keep_their_sync_token() {
    let scene = Scene::new().await;
    let (_, token) = whole(&scene, 10).await;
    let ids: Vec<String> = (0..3).map(|number| put(&scene, &format!("event {number}"))).collect();
    let path = format!("{EVENTS}?maxResults=2&syncToken={token}");
    let first = scene.calendar(&path).await.good();
    let page = first["nextPageToken"].as_str().unwrap();
    let last = scene.calendar(&format!("{path}&pageToken={page}")).await.good();
    assert_eq!(strings(&last["items"], "id"), [ids[2].clone()]);
    let alone = scene.calendar(&format!("{EVENTS}?maxResults=2&pageToken={page}")).await;
    assert_eq!(alone.status, 400, "a page token is bound to its sync token");
    scene.control().kill_page_tokens();
    let dead = scene.calendar(&format!("{path}&pageToken={page}")).await;
    assert_eq!(dead.status, 400);
}

#[tokio::test]
async fn a_deleted_event_leaves_its_id_and_an_exception_its_place() {
    let scene = Scene::new().await;
    let (single, series) = (put(&scene, "single"), series(&scene));
    let (_, token) = whole(&scene, 10).await;
    let place = json!({ "dateTime": "2026-01-13T09:00:00+01:00" });
    let cancelled = json!({ "status": "cancelled" });
    let removed = scene.agenda().except("primary", &series, &place, cancelled).unwrap();
    scene.agenda().delete("primary", &single).unwrap();
    assert_eq!(removed, format!("{series}_20260113T080000Z"));
    let (changed, _) = since(&scene, &token).await;
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let bare = ["etag", "id", "kind", "originalStartTime", "recurringEventId", "status"];
    assert_eq!(keys(&changed[0]), bare);
    assert_eq!(keys(&changed[1]), ["etag", "id", "kind", "status"]);
    let (listed, _) = whole(&scene, 10).await;
    assert_eq!(
        listed,
        [series.clone(), removed],
        "a cancelled exception is listed, an event is not"
    );
    let read = scene.calendar(&format!("{EVENTS}/{single}")).await.good();
    assert_eq!(read["status"], "cancelled");
    scene.agenda().forget("primary", &single).unwrap();
    let gone = scene.calendar(&format!("{EVENTS}/{single}")).await;
    assert_eq!(gone.refusal(), (404, "notFound".to_owned()));
    scene.agenda().delete("primary", &series).unwrap();
    assert_eq!(scene.agenda().ids("primary").len(), 1, "its exceptions are cancelled with it");
}

#[tokio::test]
async fn a_sync_token_stands_alone_and_may_die() {
    let scene = Scene::new().await;
    let (_, token) = whole(&scene, 10).await;
    for (more, status, reason) in [
        ("&timeMin=2026-01-01T00:00:00Z", 400, "invalid"),
        ("&orderBy=updated", 400, "invalid"),
        ("&q=x", 400, "invalid"),
        ("&showDeleted=false", 400, "invalid"),
        ("&eventTypes=default", 400, "invalid"),
        ("x", 410, "fullSyncRequired"),
    ] {
        let refused = scene.calendar(&format!("{EVENTS}?syncToken={token}{more}")).await;
        assert_eq!(refused.refusal(), (status, reason.to_owned()), "{more}");
    }
    for (lost, reason) in [
        (LostSync::FullSyncRequired, "fullSyncRequired"),
        (LostSync::UpdatedMinTooLongAgo, "updatedMinTooLongAgo"),
    ] {
        let fault = Fault::Refusal(RefusalFault::ExpiredSync { lost });
        scene.fault(FaultRule::once(Operation::ListEvents, fault));
        assert_eq!(scene.calendar(EVENTS).await.status, 200, "a whole list has no sync token");
        let refused = scene.calendar(&format!("{EVENTS}?syncToken={token}")).await;
        assert_eq!(refused.refusal(), (410, reason.to_owned()));
    }
    scene.agenda().expire_sync("primary").unwrap();
    let refused = scene.calendar(&format!("{EVENTS}?syncToken={token}")).await;
    assert_eq!(refused.refusal(), (410, "fullSyncRequired".to_owned()));
    let sorted = scene.calendar(&format!("{EVENTS}?orderBy=updated")).await.good();
    assert_eq!(sorted.get("nextSyncToken"), None, "a sorted list gives none");
}

#[tokio::test]
async fn calendars_are_listed_and_go() {
    let scene = Scene::new().await;
    let agenda = scene.agenda();
    agenda.add_calendar("team@example.test");
    agenda.change_calendar("team@example.test", json!({ "selected": null })).unwrap();
    let list = "users/me/calendarList";
    let listed = scene.calendar(list).await.good();
    assert_eq!(strings(&listed["items"], "id"), [ANN, "team@example.test"]);
    assert_eq!(
        (&listed["items"][0]["primary"], &listed["items"][1]["selected"]),
        (&json!(true), &Value::Null)
    );
    let first = scene.calendar(&format!("{list}?maxResults=1")).await.good();
    let page = first["nextPageToken"].as_str().unwrap();
    let second = scene.calendar(&format!("{list}?maxResults=1&pageToken={page}")).await.good();
    assert_eq!(strings(&second["items"], "id"), ["team@example.test"]);
    agenda.remove_calendar("team@example.test").unwrap();
    let gone = scene.calendar("calendars/team@example.test/events").await;
    assert_eq!(gone.refusal(), (404, "notFound".to_owned()));
}

#[tokio::test]
async fn a_whole_list_may_be_limited_in_time() {
    let scene = Scene::new().await;
    let series = series(&scene);
    scene.agenda().put("primary", event("early", "2026-01-02T09:00:00+01:00")).unwrap();
    let late = scene.agenda().put("primary", event("late", "2026-02-02T09:00:00+01:00")).unwrap();
    let path = format!("{EVENTS}?timeMin=2026-01-15T00:00:00Z");
    let listed = scene.calendar(&path).await.good();
    assert_eq!(strings(&listed["items"], "id"), [series, late]);
    assert_eq!(scene.calendar(&format!("{EVENTS}?timeMin=soon")).await.status, 400);
}

#[tokio::test]
async fn calendar_has_a_quota_of_its_own() {
    let scene = Scene::with(|config| {
        config.settings.quota.calendar_user_requests_per_minute = 2;
    })
    .await;
    let statuses = [
        scene.calendar(EVENTS).await.status,
        scene.calendar(EVENTS).await.status,
        scene.calendar(EVENTS).await.status,
        scene.get("profile").await.status,
    ];
    assert_eq!(statuses, [200, 200, 403, 200]);
    scene.advance(60);
    assert_eq!(scene.calendar(EVENTS).await.status, 200);
}

#[tokio::test]
async fn one_event_of_a_page_may_be_malformed() {
    let scene = Scene::new().await;
    let id = put(&scene, "one");
    for (spoiled, readable) in [(SpoiledId::Readable, true), (SpoiledId::Unreadable, false)] {
        let fault = Fault::Damage(Damage::MalformedItem { id: spoiled });
        scene.fault(FaultRule::once(Operation::ListEvents, fault));
        let page = scene.calendar(EVENTS).await.good();
        assert_eq!(page["items"][0]["start"], json!([true]));
        assert_eq!(page["items"][0]["id"] == json!(id), readable);
    }
}

#[tokio::test]
async fn calendars_are_steered_over_http() {
    let scene = Scene::new().await;
    let base = format!("accounts/{ANN}");
    let steer = |method: Method, path: &str, body: Value| {
        let path = format!("{base}/{path}");
        let scene = &scene;
        async move { scene.steer(method, &path, body).await }
    };
    let event = event("one", "2026-01-06T09:00:00+01:00");
    let made = steer(Method::POST, "calendars/primary/events", event).await.good();
    let id = made["id"].as_str().unwrap().to_owned();
    let listed = steer(Method::GET, "calendars/primary/events", json!({})).await.good();
    assert_eq!(listed["ids"], json!([id]));
    let exception = json!({
        "original": { "dateTime": "2026-01-13T09:00:00+01:00" }, "change": { "summary": "moved" },
    });
    let path = format!("calendars/primary/events/{id}/exceptions");
    let moved = steer(Method::POST, &path, exception).await.good();
    let moved = moved["id"].as_str().unwrap().to_owned();
    let shown = steer(Method::GET, &format!("calendars/primary/events/{moved}"), json!({})).await;
    assert_eq!(shown.good()["summary"], "moved");
    let path = format!("calendars/primary/events/{id}");
    assert_eq!(steer(Method::DELETE, &path, json!({})).await.status, 204);
    let unknown = steer(Method::DELETE, "calendars/primary/events/x", json!({})).await;
    assert_eq!(unknown.status, 404);
    let expire = steer(Method::POST, "calendars/primary/sync/expire", json!({})).await;
    assert_eq!(expire.status, 204);
    let change = steer(Method::PUT, "calendars/team@example.test", json!({ "hidden": true })).await;
    assert_eq!(change.status, 204);
    assert_eq!(steer(Method::GET, "channels", json!({})).await.good()["channels"], json!([]));
    assert_eq!(steer(Method::DELETE, "calendars/team@example.test", json!({})).await.status, 204);
}
