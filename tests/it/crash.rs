//! The engine dies at every await of the mail flow, on every store.
use std::{collections::BTreeMap, sync::Arc, time::Duration};

use besunny_core::{
    document::DocumentState,
    repository::{DocumentFilter, Store},
};
use besunny_testkit::{crash::CrashPoint, interposed::Interposed};

use crate::scene::{MakeStore, Scene, deliver, id, in_a_file, in_memory};

#[tokio::test]
async fn at_every_await_in_memory() {
    insta::assert_snapshot!(check(in_memory).await, @"224");
}

#[tokio::test]
async fn at_every_await_in_a_file() {
    insta::assert_snapshot!(check(in_a_file).await, @"224");
}

/// Lets the engine die at each place in turn; returns how many there are.
async fn check(make: MakeStore) -> u64 {
    let whole = Life::new(make, 0).await;
    whole.play().await;
    whole.check("without a crash").await;
    let places = whole.point.count();
    for place in 1..=places {
        let life = Life::new(make, place).await;
        life.play().await;
        assert!(life.point.was_reached(), "place {place} of {places} was never reached");
        life.check(&format!("after a crash at place {place} of {places}")).await;
    }
    places
}

/// A scene whose engine dies once.
struct Life {
    scene: Scene,
    point: Arc<CrashPoint>,
}

impl Life {
    async fn new(make: MakeStore, place: u64) -> Self {
        let point = CrashPoint::at(place);
        let scene = Scene::new(make, Arc::<CrashPoint>::clone(&point)).await;
        Self { scene, point }
    }

    /// A first listing, then changes of every kind, then a lost log.
    async fn play(&self) {
        let scene = &self.scene;
        scene.change(|mailbox, at| (0..6).for_each(|n| deliver(mailbox, n, at)));
        scene.change(|mailbox, _| mailbox.poison(&id(3), true));
        self.work().await;
        scene.change(|mailbox, at| (6..9).for_each(|n| deliver(mailbox, n, at)));
        scene.change(|mailbox, _| {
            mailbox.remove(&id(1));
            mailbox.hide(&id(2), true);
        });
        scene.notice().await;
        self.work().await;
        scene.change(|mailbox, at| {
            deliver(mailbox, 9, at);
            mailbox.remove(&id(6));
            mailbox.expire_log();
        });
        scene.notice().await;
        self.work().await;
    }

    /// Works until nothing is due; an engine that dies is followed by another.
    async fn work(&self) {
        let point = Arc::<CrashPoint>::clone(&self.point);
        let mortal: Arc<dyn Store> =
            Arc::new(Interposed::new(Arc::clone(&self.scene.store), point));
        let died = self.point.was_reached()
            || self.point.run(self.scene.engine(mortal).run_until_idle()).await;
        if died {
            self.scene.clock.advance(Duration::from_mins(5));
            self.scene.work().await;
        }
    }

    /// Every mail is one document, decided on and told of once; removed ones are removed.
    async fn check(&self, when: &str) {
        let filter = DocumentFilter { limit: 100, ..DocumentFilter::default() };
        let documents = self.scene.store.documents(&self.scene.scope, &filter).await.unwrap();
        let found: BTreeMap<&str, bool> = documents
            .iter()
            .map(|document| (document.title.expose().as_str(), document.removed_at.is_none()))
            .collect();
        let want = [
            ("m0", true),
            ("m1", false),
            ("m2", false),
            ("m4", true),
            ("m5", true),
            ("m6", false),
            ("m7", true),
            ("m8", true),
            ("m9", true),
        ];
        assert_eq!(found, want.into(), "documents {when}");
        assert_eq!(documents.len(), want.len(), "no document is doubled {when}");
        for document in &documents {
            let line = document.title.expose();
            assert_ne!(document.state, DocumentState::Pending, "{line} {when}");
            let history = self.scene.store.history(&self.scene.scope, document.id).await.unwrap();
            let versions: Vec<u64> = history.iter().map(|entry| entry.version).collect();
            assert_eq!(versions, (1..=document.version).collect::<Vec<_>>(), "{line} {when}");
        }
        assert_eq!(self.scene.status().await.items.quarantined, 1, "the poisoned mail {when}");
        let events = self.scene.published.lock().unwrap();
        let told: BTreeMap<_, _> = events.iter().map(|event| (event.id, event)).collect();
        let stored = told.values().filter(|event| event.news.as_str() == "document_stored");
        assert_eq!(stored.count(), want.len(), "who was told {when}");
    }
}
