//! Work that takes longer than a lease lasts: it is kept, and nobody else begins it anew.
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use besunny_core::{
    classify::{Classifier, ClassifyError, Question, Rules, Verdict},
    commit::Commit,
    document::ReviewReason,
    project::Project,
    repository::{RepositoryError, Store},
    settings::Settings,
    source::{SourceError, Subject},
    tenant::TenantScope,
    track::Version,
    worker::Worker,
};
use besunny_testkit::{
    clock::ManualClock,
    interposed::{Interposed, Interposer},
    scripted::{Call, Fair, Oddity, Weather},
};
use tokio::{sync::Notify, task::yield_now};

use crate::scene::{MakeStore, Scene, deliver, in_a_file, in_memory};

const STORES: [MakeStore; 2] = [in_memory, in_a_file];
/// So many heartbeats are three leases.
const BEATS: usize = 9;

#[tokio::test]
async fn a_claim_is_kept_while_a_classifier_takes_three_leases() {
    for make in STORES {
        let scene = Scene::new(make, Arc::new(Fair)).await;
        scene.change(|mailbox, at| deliver(mailbox, 1, at));
        let (slow, quick) = (Arc::new(Slow::new(&scene)), Arc::new(Slow::new(&scene)));
        quick.is_over.store(true, Ordering::SeqCst);
        let other = Worker { classifier: Arc::<Slow>::clone(&quick) as _, ..scene.worker() };
        slow.others.set(other).unwrap();
        let worker = Worker {
            classifier: Arc::<Slow>::clone(&slow) as _,
            ..scene.engine(slow.around(&scene.store))
        };
        worker.run_until_idle().await;
        let asked = [&slow, &quick].map(|classifier| classifier.asked.load(Ordering::SeqCst));
        assert_eq!(asked, [1, 0], "who was asked for a verdict, and how often");
        assert_eq!(scene.reasons().await, BTreeMap::from([("m1".to_owned(), NO_PROJECTS)]));
    }
}

#[tokio::test]
async fn a_lease_is_kept_while_a_source_takes_three_leases() {
    for make in STORES {
        let late = Arc::new(Late::default());
        let scene = Scene::new(make, Arc::<Late>::clone(&late) as _).await;
        scene.change(|mailbox, at| deliver(mailbox, 1, at));
        let slow = Arc::new(Slow::new(&scene));
        slow.others.set(scene.worker()).unwrap();
        let worker = scene.engine(slow.around(&scene.store));
        late.slow.set(slow).unwrap();
        worker.run_until_idle().await;
        assert!(late.slow.get().unwrap().is_over.load(Ordering::SeqCst), "no call was slow");
        let status = scene.status().await;
        assert_eq!((status.attempt, status.error, status.items.stored), (0, None, 1));
        assert_eq!(late.heads.load(Ordering::SeqCst), 1, "the head was taken once");
    }
}

#[tokio::test]
async fn jobs_that_hang_are_let_go_and_only_the_one_that_hangs_is_given_up() {
    for make in STORES {
        let scene = Scene::new(make, Arc::new(Fair)).await;
        scene.change(|mailbox, at| (0..4).for_each(|n| deliver(mailbox, n, at)));
        let settings = Settings { hung_after: Duration::from_mins(5), ..Settings::default() };
        let worker = Worker { classifier: Arc::new(Hanging), settings, ..scene.worker() };
        let mut turns = 0;
        while scene.reasons().await.len() < 4 {
            turns += 1;
            assert!(turns < 20, "the job hangs for ever");
            let over = AtomicBool::new(false);
            let work = async {
                worker.run_until_idle().await;
                over.store(true, Ordering::SeqCst);
            };
            tokio::join!(work, pass_time(&scene.clock, &over));
            scene.clock.advance(Settings::default().lease_for);
        }
        let failed = ("m3".to_owned(), ReviewReason::ClassifierFailed);
        let fine = (0..3).map(|n| (format!("m{n}"), NO_PROJECTS));
        assert_eq!(scene.reasons().await, fine.chain([failed]).collect());
    }
}

const NO_PROJECTS: ReviewReason = ReviewReason::NoProjects;

/// Moves the clock from alarm to alarm until work is over.
async fn pass_time(clock: &ManualClock, over: &AtomicBool) {
    while !over.load(Ordering::SeqCst) {
        yield_now().await;
        if let Some(alarm) = clock.next_alarm() {
            clock.move_to(alarm);
        }
    }
}

/// Something that takes three leases once, while another worker looks for what is due.
#[derive(Debug)]
struct Slow {
    clock: Arc<ManualClock>,
    others: std::sync::OnceLock<Worker>,
    beat: Arc<Beat>,
    asked: AtomicUsize,
    is_over: AtomicBool,
}

impl Slow {
    fn new(scene: &Scene) -> Self {
        Self {
            clock: Arc::clone(&scene.clock),
            others: std::sync::OnceLock::new(),
            beat: Arc::default(),
            asked: AtomicUsize::default(),
            is_over: AtomicBool::default(),
        }
    }

    /// Returns a store that tells of heartbeats.
    fn around(&self, store: &Arc<dyn Store>) -> Arc<dyn Store> {
        Arc::new(Interposed::new(Arc::clone(store), Arc::<Beat>::clone(&self.beat) as _))
    }

    async fn take_long(&self) {
        if self.is_over.swap(true, Ordering::SeqCst) {
            return;
        }
        for _ in 0..BEATS {
            yield_now().await;
            self.clock.move_to(self.clock.next_alarm().expect("what is held is kept"));
            self.beat.0.notified().await;
            self.others.get().unwrap().run_until_idle().await;
        }
    }
}

#[async_trait]
impl Classifier for Slow {
    async fn classify(
        &self,
        question: &Question<'_>,
        candidates: &[Project],
    ) -> Result<Verdict, ClassifyError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.take_long().await;
        Rules.classify(question, candidates).await
    }
}

/// A source whose first answer takes long.
#[derive(Debug, Default)]
struct Late {
    slow: std::sync::OnceLock<Arc<Slow>>,
    heads: AtomicUsize,
}

#[async_trait]
impl Weather for Late {
    async fn before(&self, call: Call<'_>) -> Result<(), SourceError> {
        self.heads.fetch_add(usize::from(call.operation == "scripted.head"), Ordering::SeqCst);
        if let Some(slow) = self.slow.get() {
            slow.take_long().await;
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

/// Tells of each heartbeat once it was answered.
#[derive(Debug, Default)]
struct Beat(Notify);

#[async_trait]
impl Interposer for Beat {
    async fn before(&self, _: &'static str) -> Result<(), RepositoryError> {
        Ok(())
    }
    async fn after(&self, call: &'static str) -> Result<(), RepositoryError> {
        if call == "heartbeat" {
            self.0.notify_one();
        }
        Ok(())
    }
    fn committed(&self, _: &TenantScope, _: &Commit, _: &Result<Version, RepositoryError>) {}
}

/// The rules, and a mail on which they hang.
#[derive(Debug)]
struct Hanging;

#[async_trait]
impl Classifier for Hanging {
    async fn classify(
        &self,
        question: &Question<'_>,
        candidates: &[Project],
    ) -> Result<Verdict, ClassifyError> {
        if question.document.title.expose() == "m3" {
            std::future::pending::<()>().await;
        }
        Rules.classify(question, candidates).await
    }
}
