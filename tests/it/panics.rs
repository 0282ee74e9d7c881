//! A panic is a failure of one stream or one job: neighbours and loops go on.
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use besunny_core::{
    classify::{Classifier, ClassifyError, Question, Rules, Verdict},
    clock::Clock,
    commit::Commit,
    document::ReviewReason,
    item::{ItemState, QuarantineReason},
    message::{Filing, MailFiling},
    project::Project,
    push::{Push, Watch, WatchRequest},
    repository::{DeadJobFilter, ItemFilter, RepositoryError, StreamStatus},
    scheduler::{Lease, Work},
    source::{ItemId, SourceError, StreamRef, Subject},
    stop::Stop,
    sync::{ATTEMPTS, Pass},
    tenant::TenantScope,
    track::Version,
    worker::{Observer, Worker},
};
use besunny_testkit::{
    interposed::{Interposed, Interposer},
    scripted::{Call, Fair, Oddity, Weather},
};
use chrono::{DateTime, Utc};
use tokio::task::yield_now;

use crate::{
    failing::enqueue_filing,
    scene::{MakeStore, Scene, deliver, id, in_a_file, in_memory, mail_of},
};

const STORES: [MakeStore; 2] = [in_memory, in_a_file];
const NEIGHBOUR: &str = "eve@example.com";

#[tokio::test]
async fn an_adapter_that_panics_on_a_mailbox_lets_its_stream_rest_and_its_neighbour_be_read() {
    for make in STORES {
        let bad = Arc::new(Bad::default());
        let scene = Scene::new(make, Arc::<Bad>::clone(&bad) as _).await;
        scene.change(|mailbox, at| deliver(mailbox, 1, at));
        scene.connect(Subject::from_source(NEIGHBOUR)).await;
        bad.mailbox.store(true, Ordering::SeqCst);
        for failures in 1..=3 {
            scene.work().await;
            let [ann, eve] = statuses(&scene).await;
            assert_eq!((ann.items.stored, ann.attempt, ann.error), (1, 0, None));
            assert_eq!(eve.attempt, failures);
            let error = eve.error.unwrap();
            let want = "the source failed: head failed: the answer is malformed: it panicked";
            assert!(error.starts_with(want), "{error}");
            scene.clock.move_to(eve.next_due_at.unwrap());
        }
        bad.mailbox.store(false, Ordering::SeqCst);
        scene.work().await;
        let [_, eve] = statuses(&scene).await;
        assert_eq!((eve.attempt, eve.error), (0, None));
    }
}

#[tokio::test]
async fn a_mail_on_which_the_adapter_panics_is_quarantined_and_its_neighbours_are_stored() {
    for make in STORES {
        let bad = Arc::new(Bad::default());
        let scene = Scene::new(make, Arc::<Bad>::clone(&bad) as _).await;
        scene.change(|mailbox, at| (0..4).for_each(|n| deliver(mailbox, n, at)));
        bad.item.store(true, Ordering::SeqCst);
        for _ in 0..ATTEMPTS + 3 {
            scene.work().await;
            scene.clock.advance(Duration::from_mins(20));
        }
        let status = scene.status().await;
        assert_eq!((status.items.stored, status.items.quarantined, status.error), (3, 1, None));
        let items = scene.store.items(&scene.scope, status.id, ItemFilter::Quarantined, None);
        let [item] = &items.await.unwrap()[..] else { panic!("one item is in quarantine") };
        let ItemState::Quarantined(QuarantineReason::KeepsFailing(why)) = &item.state else {
            panic!("{:?}", item.state)
        };
        assert!(why.contains("malformed"), "{why}");
    }
}

#[tokio::test]
async fn a_mail_on_which_the_classifier_panics_goes_to_review_and_its_neighbours_are_decided_on() {
    for make in STORES {
        let scene = Scene::new(make, Arc::new(Fair)).await;
        scene.change(|mailbox, at| (0..6).for_each(|n| deliver(mailbox, n, at)));
        let worker = Worker { classifier: Arc::new(Clumsy), ..scene.worker() };
        worker.run_until_idle().await;
        assert_eq!(scene.reasons().await.len(), 5, "the neighbours are decided on at once");
        for _ in 1..5 {
            scene.clock.advance(scene.store.next_due(Work::Jobs).await.unwrap().unwrap());
            worker.run_until_idle().await;
        }
        let reasons = scene.reasons().await;
        assert_eq!((reasons.len(), reasons["m3"]), (6, ReviewReason::ClassifierFailed));
        let why = scene.why("m3").await.unwrap();
        assert_eq!(
            why,
            "the classifier that was asked failed: it panicked, which is a bug: standard error of \
             the process says where"
        );
    }
}

#[tokio::test]
async fn marking_and_push_that_panic_are_told_of_and_the_mailbox_is_read() {
    for make in STORES {
        let scene = Scene::new(make, Arc::new(Fair)).await;
        scene.change(|mailbox, at| deliver(mailbox, 1, at));
        enqueue_filing(&scene).await;
        let mut worker = scene.worker();
        worker.intake.master_filing = Filing::Label("done".to_owned());
        let adapter = mail_of(&mut worker);
        adapter.filing = Some(Arc::new(Clumsy));
        adapter.push = Some(Arc::new(Clumsy));
        worker.run_until_idle().await;
        let status = scene.status().await;
        let trouble = status.watch.unwrap().trouble.unwrap();
        assert!(trouble.error.contains("it panicked"), "{}", trouble.error);
        assert!(status.caught_up_at.is_some(), "the mailbox was read");
        for _ in 1..5 {
            scene.clock.advance(scene.store.next_due(Work::Jobs).await.unwrap().unwrap());
            worker.run_until_idle().await;
        }
        let dead = scene.store.dead_jobs(&scene.scope, &DeadJobFilter::default()).await.unwrap();
        assert!(dead[0].error.contains("file failed: the answer is malformed: it panicked"));
    }
}

#[tokio::test]
async fn an_observer_that_panics_lets_that_stream_rest() {
    for make in STORES {
        let scene = Scene::new(make, Arc::new(Fair)).await;
        scene.change(|mailbox, at| deliver(mailbox, 1, at));
        scene.connect(Subject::from_source(NEIGHBOUR)).await;
        let worker = Worker { observer: Arc::new(Clumsy), ..scene.worker() };
        worker.run_until_idle().await;
        let [ann, eve] = statuses(&scene).await;
        assert_eq!((ann.attempt, ann.error.is_none(), ann.items.stored), (0, true, 1));
        assert_eq!(eve.attempt, 1);
        assert!(eve.error.unwrap().starts_with("it panicked"));
    }
}

#[tokio::test]
async fn a_loop_whose_store_panics_begins_again() {
    for make in STORES {
        let scene = Scene::new(make, Arc::new(Fair)).await;
        scene.change(|mailbox, at| deliver(mailbox, 1, at));
        let store = Arc::new(Interposed::new(
            Arc::clone(&scene.store),
            Arc::new(Fragile(Mutex::new(vec!["lease", "claim", "unpublished", "forget"]))),
        ));
        let worker = scene.engine(store);
        let (stopper, stop) = Stop::new();
        let watch = async {
            while scene.published.lock().unwrap().len() < 2 {
                yield_now().await;
                scene.clock.move_to(scene.clock.next_alarm().unwrap_or(scene.clock.now()));
            }
            stopper.stop();
        };
        tokio::join!(worker.run(&stop), watch);
        assert_eq!(scene.reasons().await.len(), 1);
    }
}

/// Returns the state of Ann's mailbox and of Eve's.
async fn statuses(scene: &Scene) -> [StreamStatus; 2] {
    let accounts = scene.store.accounts(&scene.scope).await.unwrap();
    let eve = accounts.iter().find(|account| account.subject.as_str() == NEIGHBOUR).unwrap().id;
    let mut statuses = scene.store.streams(&scene.scope).await.unwrap();
    statuses.sort_by_key(|status| status.account == eve);
    statuses.try_into().unwrap()
}

/// A source that panics on Eve's mailbox, or on one item.
#[derive(Debug, Default)]
struct Bad {
    mailbox: AtomicBool,
    item: AtomicBool,
}

#[async_trait]
impl Weather for Bad {
    async fn before(&self, call: Call<'_>) -> Result<(), SourceError> {
        let is_eve = call.subject.as_str() == NEIGHBOUR && self.mailbox.load(Ordering::SeqCst);
        let is_item = call.item == Some(&id(2)) && self.item.load(Ordering::SeqCst);
        assert!(!is_eve && !is_item, "a panic of the source");
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

/// Panics wherever it is asked.
#[derive(Debug)]
struct Clumsy;

#[async_trait]
impl Classifier for Clumsy {
    async fn classify(
        &self,
        question: &Question<'_>,
        candidates: &[Project],
    ) -> Result<Verdict, ClassifyError> {
        assert!(question.document.title.expose() != "m3", "a panic of the classifier");
        Rules.classify(question, candidates).await
    }
}

#[async_trait]
impl MailFiling for Clumsy {
    async fn file(&self, _: &StreamRef, _: &ItemId, _: &Filing) -> Result<(), SourceError> {
        panic!("a panic of the filing")
    }
}

#[async_trait]
impl Push for Clumsy {
    async fn start_watch(&self, _: &WatchRequest, _: DateTime<Utc>) -> Result<Watch, SourceError> {
        panic!("a panic of the push")
    }
    async fn renew(
        &self,
        _: &StreamRef,
        _: &Watch,
        _: DateTime<Utc>,
    ) -> Result<Option<Watch>, SourceError> {
        panic!("a panic of the push")
    }
    async fn stop_watch(&self, _: &StreamRef, _: &Watch) -> Result<(), SourceError> {
        panic!("a panic of the push")
    }
}

impl Observer for Clumsy {
    fn passed(&self, lease: &Lease, _: &Pass) {
        assert!(lease.at.subject.as_str() != NEIGHBOUR, "a panic of the observer");
    }
    fn failed(&self, _: &Lease, _: &str) {}
}

/// A store that panics once at each of these calls.
#[derive(Debug)]
struct Fragile(Mutex<Vec<&'static str>>);

#[async_trait]
impl Interposer for Fragile {
    async fn before(&self, call: &'static str) -> Result<(), RepositoryError> {
        let mut calls = self.0.lock().unwrap();
        let found = calls.iter().position(|place| *place == call);
        let place = found.map(|place| calls.remove(place));
        drop(calls);
        assert!(place.is_none(), "a panic of the store");
        Ok(())
    }
    async fn after(&self, _: &'static str) -> Result<(), RepositoryError> {
        Ok(())
    }
    fn committed(&self, _: &TenantScope, _: &Commit, _: &Result<Version, RepositoryError>) {}
}
