//! The one loop, where it meets items that fail, pages that are large and mailboxes that empty.
use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use besunny_core::{
    clock::Clock,
    repository::DocumentFilter,
    scheduler::PauseReason,
    source::{ItemId, SourceError, SourceErrorKind, Subject},
    sync::{ATTEMPTS, PATIENCE},
    track::Steer,
};
use besunny_testkit::scripted::{Call, Oddity, Telling, Weather};

use crate::scene::{Scene, deliver, id, in_memory};

/// Fails as it is told.
#[derive(Debug, Default)]
struct Bad {
    items: Mutex<BTreeSet<ItemId>>,
    everything: Mutex<Option<SourceErrorKind>>,
    listing: AtomicBool,
    calls: Mutex<Vec<&'static str>>,
}

impl Bad {
    fn fail_on(&self, number: u32) {
        self.items.lock().unwrap().insert(id(number));
    }

    fn fail(&self, kind: Option<SourceErrorKind>) {
        *self.everything.lock().unwrap() = kind;
    }

    fn fail_listing(&self, fails: bool) {
        self.listing.store(fails, Ordering::Relaxed);
    }

    fn count(&self, operation: &str) -> usize {
        self.calls.lock().unwrap().iter().filter(|call| **call == operation).count()
    }
}

#[async_trait]
impl Weather for Bad {
    async fn before(&self, call: Call<'_>) -> Result<(), SourceError> {
        self.calls.lock().unwrap().push(call.operation);
        if let Some(kind) = *self.everything.lock().unwrap() {
            return Err(SourceError::new(kind, call.operation));
        }
        if call.operation == "scripted.list" && self.listing.load(Ordering::Relaxed) {
            return Err(SourceError::new(SourceErrorKind::Malformed, call.operation));
        }
        let is_bad = call.item.is_some_and(|item| self.items.lock().unwrap().contains(item));
        if is_bad {
            return Err(SourceError::new(SourceErrorKind::Unavailable, call.operation));
        }
        Ok(())
    }

    fn lag(&self, _: &Subject) -> usize {
        0
    }

    fn circles(&self) -> bool {
        false
    }

    fn answered(&self, _: Oddity) {}
}

async fn scene() -> (Scene, Arc<Bad>) {
    let bad = Arc::new(Bad::default());
    (Scene::new(in_memory, Arc::<Bad>::clone(&bad)).await, bad)
}

async fn stored(scene: &Scene) -> usize {
    let filter = DocumentFilter { limit: 500, ..DocumentFilter::default() };
    scene.store.documents(&scene.scope, &filter).await.unwrap().len()
}

/// Works `times` times, each after the longest wait there is.
async fn work_often(scene: &Scene, times: u32) {
    for _ in 0..times {
        scene.work().await;
        scene.clock.advance(Duration::from_mins(20));
    }
}

#[tokio::test]
async fn an_item_that_keeps_failing_is_quarantined_and_its_neighbours_are_stored_at_once() {
    let (scene, bad) = scene().await;
    scene.change(|mailbox, at| (0..4).for_each(|n| deliver(mailbox, n, at)));
    bad.fail_on(2);
    scene.work().await;
    let status = scene.status().await;
    assert_eq!((status.attempt, status.items.quarantined), (1, 0));
    assert!(stored(&scene).await >= 2, "the neighbours wait for the item");
    work_often(&scene, ATTEMPTS + 2).await;
    let status = scene.status().await;
    assert_eq!((stored(&scene).await, status.items.quarantined), (3, 1));
    assert_eq!(status.error, None, "the stream is well again");
}

#[tokio::test]
async fn what_is_under_way_when_an_item_fails_is_kept() {
    let (scene, bad) = scene().await;
    scene.work().await;
    scene.change(|mailbox, at| (0..4).for_each(|n| deliver(mailbox, n, at)));
    bad.fail_on(0);
    scene.notice().await;
    scene.work().await;
    assert_eq!((stored(&scene).await, scene.status().await.attempt), (2, 1), "two batches of two");
}

/// An item that fails for the first time is not given up with one that has failed for long.
#[tokio::test]
async fn each_item_is_given_up_for_its_own_failures() {
    let (scene, bad) = scene().await;
    scene.work().await;
    scene.change(|mailbox, at| (0..2).for_each(|n| deliver(mailbox, n, at)));
    bad.fail_on(0);
    scene.notice().await;
    work_often(&scene, ATTEMPTS).await;
    scene.change(|mailbox, at| (2..4).for_each(|n| deliver(mailbox, n, at)));
    bad.fail_on(2);
    work_often(&scene, 2).await;
    let status = scene.status().await;
    assert_eq!((stored(&scene).await, status.items.quarantined, status.attempt), (2, 1, 7));
    work_often(&scene, ATTEMPTS).await;
    assert_eq!((stored(&scene).await, scene.status().await.items.quarantined), (2, 2));
}

#[tokio::test]
async fn an_item_alone_on_its_page_gets_more_patience_since_it_may_be_an_outage() {
    let (scene, bad) = scene().await;
    scene.work().await;
    scene.change(|mailbox, at| deliver(mailbox, 1, at));
    bad.fail_on(1);
    scene.notice().await;
    work_often(&scene, ATTEMPTS + 2).await;
    assert_eq!(scene.status().await.items.quarantined, 0);
    work_often(&scene, PATIENCE).await;
    assert_eq!(scene.status().await.items.quarantined, 1);
}

/// An item somebody asked for again keeps failing: new mail comes in at once all the same.
#[tokio::test]
async fn new_items_do_not_wait_for_those_that_were_asked_for_again() {
    let (scene, bad) = scene().await;
    scene.change(|mailbox, at| (0..3).for_each(|n| deliver(mailbox, n, at)));
    scene.work().await;
    let stream = scene.status().await.id;
    scene.store.ask_again(&scene.scope, stream, &[id(1)]).await.unwrap();
    bad.fail_on(1);
    for number in 3..8 {
        scene.change(|mailbox, at| deliver(mailbox, number, at));
        scene.notice().await;
        scene.work().await;
        assert_eq!(stored(&scene).await, number as usize + 1);
        let asked = scene.store.position(&scene.scope, stream).await.unwrap().asked;
        assert_eq!(asked, [id(1)], "it is not given up so soon");
    }
    work_often(&scene, PATIENCE + 2).await;
    assert_eq!(scene.status().await.items.quarantined, 1);
    assert_eq!(scene.status().await.error, None);
}

#[tokio::test]
async fn failures_of_the_listing_are_no_failures_of_an_item() {
    let (scene, bad) = scene().await;
    scene.work().await;
    bad.fail(Some(SourceErrorKind::Unavailable));
    work_often(&scene, ATTEMPTS + 3).await;
    bad.fail(None);
    scene.change(|mailbox, at| (0..3).for_each(|n| deliver(mailbox, n, at)));
    bad.fail_on(1);
    work_often(&scene, 2).await;
    bad.items.lock().unwrap().clear();
    work_often(&scene, 2).await;
    assert_eq!((stored(&scene).await, scene.status().await.items.quarantined), (3, 0));
}

/// New mail that comes by the log meanwhile says nothing about what the listing could not read.
#[tokio::test]
async fn a_listing_that_fails_now_and_then_gives_up_its_broken_item_all_the_same() {
    let (scene, bad) = scene().await;
    scene.work().await;
    scene.change(|mailbox, at| {
        (0..3).for_each(|n| deliver(mailbox, n, at));
        mailbox.expire_log();
    });
    bad.fail_on(1);
    for turn in 0..ATTEMPTS + 2 {
        work_often(&scene, 1).await;
        bad.fail_listing(true);
        scene.change(|mailbox, at| deliver(mailbox, 10 + turn, at));
        work_often(&scene, 3).await;
        bad.fail_listing(false);
    }
    assert_eq!(scene.status().await.items.quarantined, 1);
}

#[tokio::test]
async fn what_was_given_up_is_read_when_somebody_asks() {
    let (scene, bad) = scene().await;
    scene.change(|mailbox, at| (0..4).for_each(|n| deliver(mailbox, n, at)));
    bad.fail_on(2);
    work_often(&scene, ATTEMPTS + 3).await;
    bad.items.lock().unwrap().clear();
    let stream = scene.status().await.id;
    scene.store.ask_again(&scene.scope, stream, &[id(2)]).await.unwrap();
    scene.clock.advance(Duration::from_secs(3));
    scene.work().await;
    assert_eq!((stored(&scene).await, scene.status().await.items.quarantined), (4, 0));
}

#[tokio::test]
async fn a_stream_that_read_what_was_asked_for_is_not_caught_up_yet() {
    let (scene, bad) = scene().await;
    scene.change(|mailbox, at| (0..4).for_each(|n| deliver(mailbox, n, at)));
    bad.fail_on(2);
    work_often(&scene, ATTEMPTS + 3).await;
    bad.items.lock().unwrap().clear();
    scene.change(|mailbox, at| deliver(mailbox, 4, at));
    let stream = scene.status().await.id;
    scene.store.ask_again(&scene.scope, stream, &[id(2)]).await.unwrap();
    scene.clock.advance(Duration::from_secs(3));
    scene.work().await;
    assert_eq!(stored(&scene).await, 5, "the mail that came meanwhile");
}

#[tokio::test]
async fn a_dead_grant_pauses_the_stream_until_somebody_reconnects() {
    let (scene, bad) = scene().await;
    bad.fail(Some(SourceErrorKind::Unauthorized));
    scene.work().await;
    assert_eq!(scene.status().await.paused, Some(PauseReason::Reconnect));
    let calls = bad.count("scripted.head");
    work_often(&scene, 5).await;
    assert_eq!(bad.count("scripted.head"), calls, "a dead grant is asked again");
    bad.fail(None);
    scene.change(|mailbox, at| deliver(mailbox, 1, at));
    let stream = scene.status().await.id;
    scene.store.steer(&scene.scope, stream, Steer::Resume).await.unwrap();
    scene.clock.advance(Duration::from_secs(3));
    scene.work().await;
    assert_eq!(stored(&scene).await, 1);
}

#[tokio::test]
async fn an_outage_costs_few_calls_and_heals_by_itself() {
    let (scene, bad) = scene().await;
    scene.work().await;
    bad.fail(Some(SourceErrorKind::Unavailable));
    scene.change(|mailbox, at| deliver(mailbox, 1, at));
    scene.notice().await;
    let (calls, began) = (bad.calls.lock().unwrap().len(), scene.clock.now());
    while scene.clock.now() < began + Duration::from_hours(1) {
        scene.work().await;
        scene.clock.advance(Duration::from_secs(5));
    }
    let spent = bad.calls.lock().unwrap().len() - calls;
    assert!(spent <= 25, "an hour of outage cost {spent} calls");
    bad.fail(None);
    work_often(&scene, 2).await;
    assert_eq!(stored(&scene).await, 1);
}

#[tokio::test]
async fn a_relist_fetches_only_what_is_new() {
    let (scene, bad) = scene().await;
    scene.change(|mailbox, at| (0..20).for_each(|n| deliver(mailbox, n, at)));
    scene.work().await;
    let fetched = bad.count("scripted.fetch");
    scene.change(|mailbox, at| {
        deliver(mailbox, 99, at);
        mailbox.expire_log();
    });
    scene.notice().await;
    scene.work().await;
    assert_eq!(stored(&scene).await, 21);
    let again = bad.count("scripted.fetch") - fetched;
    assert!(again <= 2, "a relist fetched {again} times for one new mail");
}

#[tokio::test]
async fn a_mass_removal_waits_for_a_person_and_new_mail_goes_on() {
    let (scene, _) = scene().await;
    scene.change(|mailbox, at| (0..40).for_each(|n| deliver(mailbox, n, at)));
    scene.work().await;
    scene.change(|mailbox, at| {
        (0..30).for_each(|n| mailbox.remove(&id(n)));
        mailbox.expire_log();
        deliver(mailbox, 50, at);
    });
    scene.notice().await;
    scene.work().await;
    let held = scene.status().await.track.held_removal().expect("a held removal");
    assert_eq!((held.unseen, held.members), (30, 41));
    let removed = async || scene.store.tally(&scene.scope, None).await.unwrap().removed;
    assert_eq!((removed().await, stored(&scene).await), (0, 41));
    scene.change(|mailbox, at| deliver(mailbox, 51, at));
    scene.notice().await;
    scene.work().await;
    assert_eq!(stored(&scene).await, 42, "new mail waits for the person");
    let stream = scene.status().await.id;
    scene.store.steer(&scene.scope, stream, Steer::AcceptRemovals).await.unwrap();
    scene.clock.advance(Duration::from_secs(3));
    scene.work().await;
    assert_eq!(removed().await, 30);
    assert_eq!(scene.status().await.track.held_removal(), None);
}

#[tokio::test]
async fn large_pages_are_committed_in_parts() {
    let (scene, _) = scene().await;
    let body = "x".repeat(5 << 20);
    scene.change(|mailbox, at| {
        for n in 0..4 {
            let raw = format!("Subject: m{n}\r\n\r\n{n}{body}\r\n");
            mailbox.deliver(&id(n), raw, at);
        }
    });
    let stream = scene.status().await.id;
    scene.work().await;
    let version = scene.store.position(&scene.scope, stream).await.unwrap().version;
    assert_eq!(stored(&scene).await, 4);
    assert!(version.0 >= 6, "20 MiB went into {} commits", version.0);
}

#[tokio::test]
async fn a_mail_removed_while_its_page_was_read_in_part_is_swept_by_that_very_listing() {
    let (scene, bad) = scene().await;
    scene.mail.open(scene.subject.clone(), Telling::ListOnly);
    let body = "x".repeat(5 << 20);
    scene.change(|mailbox, at| {
        for n in 0..4 {
            mailbox.deliver(&id(n), format!("Subject: m{n}\r\n\r\n{n}{body}\r\n"), at);
        }
    });
    bad.fail_on(2);
    scene.work().await;
    assert_eq!((stored(&scene).await, scene.status().await.attempt), (2, 1), "a page in part");
    scene.change(|mailbox, _| mailbox.remove(&id(0)));
    bad.items.lock().unwrap().clear();
    scene.clock.advance(Duration::from_secs(2));
    scene.work().await;
    assert_eq!(bad.count("scripted.list"), 2, "one listing, whose page was read twice");
    assert_eq!(scene.store.tally(&scene.scope, None).await.unwrap().removed, 1);
}

#[tokio::test]
async fn an_empty_look_after_a_notice_is_repeated_soon() {
    let (scene, _) = scene().await;
    scene.work().await;
    scene.notice().await;
    scene.work().await;
    let due = scene.status().await.next_due_at.expect("a next look");
    assert_eq!((due - scene.clock.now()).num_seconds(), 2);
}

#[tokio::test]
async fn new_mail_does_not_wait_for_a_listing_that_fails() {
    let (scene, bad) = scene().await;
    scene.work().await;
    scene.change(|mailbox, at| {
        deliver(mailbox, 1, at);
        mailbox.expire_log();
    });
    bad.fail_listing(true);
    work_often(&scene, 2).await;
    scene.change(|mailbox, at| deliver(mailbox, 2, at));
    work_often(&scene, 3).await;
    assert_eq!(stored(&scene).await, 1, "the new mail, by the log");
    bad.fail_listing(false);
    work_often(&scene, 3).await;
    assert_eq!(stored(&scene).await, 2, "and the older one, by the listing");
}
