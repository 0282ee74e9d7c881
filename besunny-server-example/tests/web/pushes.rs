//! Trouble with push is told with its cause, its fix and the time of the next attempt.
use std::{sync::Arc, time::Duration};

use besunny::core::{
    clock::Clock,
    commit::{Basis, Commit, Effect, PassBasis},
    failure::Trouble,
    ids::{CommitId, WatchId},
    push::Watch,
    scheduler::{Ask, PauseReason},
};
use chrono::TimeDelta;

use super::stage::{Stage, mail};

#[tokio::test]
async fn trouble_with_push_is_told_with_its_fix() {
    let stage = Stage::new(&[mail(1, "Lunch", "text")], &[]).await;
    assert!(stage.get("/api/v1/streams").await.json()["streams"][0]["push_trouble"].is_null());
    let cookie = stage.log_in().await;
    stage.clock.advance(Duration::from_hours(1));
    let (store, now) = (stage.besunny.store(), stage.clock.now());
    let ask = Ask { limit: 1, lease_for: Duration::from_mins(1) };
    let lease = store.lease(ask).await.unwrap().remove(0);
    let at = store.position(&lease.scope, lease.stream).await.unwrap();
    let trouble = Trouble {
        attempt: 3,
        error: "gmail.users.watch failed: <b>the grant does not cover this".to_owned(),
        waits_for: Some(PauseReason::MissingPermission),
        retry_at: now + TimeDelta::minutes(59),
    };
    let id = WatchId::derived(&[b"watch"]);
    let watch = Watch { id, handle: None, since: now, until: None, trouble: Some(trouble) };
    let basis = PassBasis::standing(&lease, at);
    let commit = Commit {
        id: CommitId::derived(&[b"watch"]),
        basis: Basis::Pass(Box::new(basis)),
        at: now,
        effects: vec![Effect::Watch(Some(watch))],
    };
    store.commit(&lease.scope, Arc::new(commit)).await.unwrap();
    let streams = stage.get("/api/v1/streams").await.json();
    let trouble = &streams["streams"][0]["push_trouble"];
    assert_eq!(trouble["failures"], 3, "{streams}");
    assert!(trouble["fix"].as_str().unwrap().contains("publish to the topic"), "{streams}");
    let page = stage.open(&cookie, "/streams").await.body;
    for shown in ["failed 3 times", "publish to the topic", "in 59 minutes"] {
        assert!(page.contains(shown), "{shown}: {page}");
    }
    assert!(!page.contains("<b>the grant"), "{page}");
}
