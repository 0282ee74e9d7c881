//! Mail that was nobody's business, once it is: people who come later, and rules that change.
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use besunny_core::{
    account::Intake,
    address::{Username, VirtualAddresses},
    clock::Clock,
    ids::UserId,
    repository::DocumentFilter,
    source::{SourceError, SourceErrorKind, Subject},
    tenant::User,
    worker::Worker,
};
use besunny_testkit::scripted::{Call, Fair, Oddity, Weather};

use crate::scene::{MakeStore, Scene, id, in_a_file, in_memory};

/// A mailbox taken in as `intake` says, with mails to bob, to ann and bob, to ann and to nobody.
async fn scene(make: MakeStore, intake: Intake) -> Scene {
    scene_in(make, intake, Arc::new(Fair)).await
}

async fn scene_in(make: MakeStore, intake: Intake, weather: Arc<dyn Weather>) -> Scene {
    let scene = Scene::new(make, weather).await;
    let mut account = scene.store.accounts(&scene.scope).await.unwrap().remove(0);
    account.intake = intake;
    scene.store.connect(&scene.scope, &account, &[]).await.unwrap();
    scene.change(|mailbox, at| {
        for (number, names) in [(1, "bob"), (2, "ann bob"), (3, "ann"), (4, ""), (5, "bob")] {
            let to = |name| format!("To: ai+{name}@old.example\r\nCc: ai+{name}@new.example\r\n");
            let to: String = names.split_whitespace().map(to).collect();
            let raw = format!("From: eve@example.org\r\n{to}Subject: m{number}\r\n\r\nHello.\r\n");
            mailbox.deliver(&id(number), raw, at);
        }
    });
    scene
}

/// An engine that knows addresses of `domain`.
fn engine(scene: &Scene, domain: &str) -> Worker {
    let mut engine = scene.engine(Arc::clone(&scene.store));
    engine.intake.addresses = VirtualAddresses::new("ai", [domain]).unwrap();
    engine
}

/// Returns what each person has, by name of the mail.
async fn documents(scene: &Scene, owner: UserId) -> Vec<String> {
    let filter = DocumentFilter { owner: Some(owner), limit: 100, ..DocumentFilter::default() };
    let found = scene.store.documents(&scene.scope, &filter).await.unwrap();
    assert!(found.iter().all(|document| document.removed_at.is_none()));
    let mut titles: Vec<String> =
        found.into_iter().map(|document| document.title.into_exposed()).collect();
    titles.sort();
    titles
}

fn user(name: &str) -> UserId {
    UserId::derived(&[name.as_bytes()])
}

async fn add(scene: &Scene, name: &str) {
    let username = Username::parse(name).unwrap();
    let created_at = scene.clock.now();
    let user = User { id: user(name), username, name: name.to_owned(), created_at };
    scene.store.add_user(&scene.scope, &user).await.unwrap();
    scene.clock.advance(Duration::from_secs(10));
}

async fn a_newcomer_gets_the_mail_that_named_them(make: MakeStore) {
    let scene = scene(make, Intake::Master).await;
    let engine = engine(&scene, "old.example");
    engine.run_until_idle().await;
    assert_eq!(documents(&scene, user("ann")).await, ["m2", "m3"]);
    assert_eq!(scene.status().await.items.ignored, 3);
    add(&scene, "bob").await;
    for _ in 0..2 {
        engine.run_until_idle().await;
        assert_eq!(documents(&scene, user("bob")).await, ["m1", "m2", "m5"]);
        assert_eq!(documents(&scene, user("ann")).await, ["m2", "m3"]);
        assert_eq!(scene.status().await.items.ignored, 1);
        scene.notice().await;
    }
    let stored = scene.published.lock().unwrap();
    let stored = stored.iter().filter(|event| event.news.as_str() == "document_stored").count();
    assert_eq!(stored, 5, "each document was told of once");
}

#[tokio::test]
async fn user_2_a_newcomer_gets_the_mail_that_named_them_in_memory() {
    a_newcomer_gets_the_mail_that_named_them(in_memory).await;
}

#[tokio::test]
async fn user_2_a_newcomer_gets_the_mail_that_named_them_in_a_file() {
    a_newcomer_gets_the_mail_that_named_them(in_a_file).await;
}

/// A source that asks to be left alone.
#[derive(Debug)]
struct Busy(AtomicBool);

#[async_trait]
impl Weather for Busy {
    async fn before(&self, call: Call<'_>) -> Result<(), SourceError> {
        if !self.0.load(Ordering::Relaxed) {
            return Ok(());
        }
        let error = SourceError::new(SourceErrorKind::RateLimited, call.operation);
        Err(error.with_retry_after(Some(Duration::from_hours(1))))
    }
    fn lag(&self, _: &Subject) -> usize {
        0
    }
    fn circles(&self) -> bool {
        false
    }
    fn answered(&self, _: Oddity) {}
}

#[tokio::test]
async fn a_newcomer_waits_as_long_as_the_source_asked() {
    for make in [in_memory as MakeStore, in_a_file] {
        let busy = Arc::new(Busy(AtomicBool::new(true)));
        let scene = scene_in(make, Intake::Master, Arc::<Busy>::clone(&busy) as _).await;
        let engine = engine(&scene, "old.example");
        engine.run_until_idle().await;
        busy.0.store(false, Ordering::Relaxed);
        add(&scene, "bob").await;
        engine.run_until_idle().await;
        assert_eq!(documents(&scene, user("bob")).await, [""; 0], "the source was asked too soon");
        scene.clock.advance(Duration::from_hours(1));
        engine.run_until_idle().await;
        assert_eq!(documents(&scene, user("bob")).await, ["m1", "m2", "m5"]);
    }
}

async fn another_domain_is_asked_for_again(make: MakeStore, intake: Intake) {
    let scene = scene(make, intake).await;
    engine(&scene, "other.example").run_until_idle().await;
    assert_eq!(documents(&scene, user("ann")).await, [""; 0]);
    assert_eq!(scene.status().await.items.ignored, 5);
    for _ in 0..2 {
        scene.notice().await;
        engine(&scene, "new.example").run_until_idle().await;
        assert_eq!(documents(&scene, user("ann")).await, ["m2", "m3"]);
    }
}

#[tokio::test]
async fn user_3_ignored_mail_is_looked_at_again_under_another_domain() {
    another_domain_is_asked_for_again(in_memory, Intake::Master).await;
    another_domain_is_asked_for_again(in_a_file, Intake::Addressed).await;
}
