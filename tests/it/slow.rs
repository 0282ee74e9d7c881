//! Work that takes longer than a lease lasts: it is kept, and nobody else begins it anew.
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use besunny::Besunny;
use besunny_core::{
    account::Provider,
    adapter::Adapter,
    classify::{Classifier, ClassifyError, Question, Rules, Verdict},
    clock::Clock,
    commit::Commit,
    document::ReviewReason,
    project::Project,
    repository::{RepositoryError, Store},
    settings::Settings,
    source::{SourceError, Subject},
    stop::Stop,
    tenant::TenantScope,
    track::Version,
    worker::Worker,
};
use besunny_testkit::{
    clock::ManualClock,
    interposed::{Interposed, Interposer},
    scripted::{Call, Fair, Oddity, Weather},
};
use chrono::TimeDelta;
use tokio::{sync::Notify, task::yield_now};

use crate::scene::{MakeStore, Scene, deliver, in_a_file, in_memory};

const STORES: [MakeStore; 2] = [in_memory, in_a_file];
/// So many heartbeats are three leases.
const BEATS: usize = 9;
const BEAT: Duration = Duration::from_secs(20);
/// A call that hangs is let go after so long.
const HUNG: Duration = Duration::from_mins(5);

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
async fn a_classifier_that_hangs_on_a_mail_is_let_go_and_only_that_mail_is_given_up() {
    for make in STORES {
        let scene = Scene::new(make, Arc::new(Fair)).await;
        scene.change(|mailbox, at| (0..4).for_each(|n| deliver(mailbox, n, at)));
        let worker = hanging(&scene);
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

/// Makes a worker whose classifier hangs on `m3`.
fn hanging(scene: &Scene) -> Worker {
    let settings = Settings { hung_after: HUNG, ..Settings::default() };
    Worker { classifier: Arc::new(Hanging), settings, ..scene.worker() }
}

#[tokio::test]
async fn a_job_that_hangs_does_not_hold_up_those_that_come_after_it() {
    let scene = Scene::new(in_memory, Arc::new(Fair)).await;
    scene.change(|mailbox, at| deliver(mailbox, 3, at));
    let (worker, begun) = (hanging(&scene), scene.clock.now());
    let ((stopper, stop), over) = (Stop::new(), AtomicBool::new(false));
    let work = async {
        worker.run(&stop).await;
        over.store(true, Ordering::SeqCst);
    };
    let world = async {
        for number in 4..8 {
            scene.change(|mailbox, at| deliver(mailbox, number, at));
            scene.notice().await;
            while !scene.reasons().await.contains_key(&format!("m{number}")) {
                assert!(scene.clock.now() < begun + HUNG, "m{number} waits for what hangs");
                yield_now().await;
                scene.clock.advance(Duration::from_secs(1));
            }
        }
        assert!(!scene.reasons().await.contains_key("m3"), "nothing hangs");
        stopper.stop();
        pass_time(&scene.clock, &over).await;
    };
    tokio::join!(work, world);
}

#[tokio::test]
async fn a_source_that_never_answers_is_let_go_and_asked_again_by_the_retry_table() {
    let silent = Arc::new(Silent::default());
    let scene = Scene::new(in_memory, Arc::<Silent>::clone(&silent) as _).await;
    let settings = Settings { hung_after: HUNG, ..Settings::default() };
    let worker = Worker { settings, ..scene.worker() };
    for attempt in 1..=3 {
        let (begun, over) = (scene.clock.now(), AtomicBool::new(false));
        let work = async {
            worker.run_until_idle().await;
            over.store(true, Ordering::SeqCst);
        };
        tokio::join!(work, pass_time(&scene.clock, &over));
        let status = scene.status().await;
        assert_eq!((status.attempt, silent.dropped.load(Ordering::SeqCst)), (attempt, attempt));
        assert_eq!(scene.clock.now() - begun, TimeDelta::from_std(HUNG).unwrap());
        let error = status.error.unwrap();
        assert!(error.contains("unavailable") && error.contains("within 300 s"), "{error}");
        let wait = (status.next_due_at.unwrap() - scene.clock.now()).as_seconds_f64();
        assert!((0.5..=4.0).contains(&wait), "{wait}");
        scene.clock.move_to(status.next_due_at.unwrap());
    }
}

#[tokio::test]
async fn an_engine_that_is_stopped_aborts_what_does_not_end() {
    let silent = Arc::new(Silent::default());
    let scene = Scene::new(in_memory, Arc::<Silent>::clone(&silent) as _).await;
    let besunny = Besunny::builder_over(Arc::clone(&scene.store))
        .mail(Provider::new("scripted"), Adapter::new(scene.mail.restarted()))
        .clock(Arc::<ManualClock>::clone(&scene.clock) as _)
        .build();
    let engine = besunny.start();
    silent.reached.notified().await;
    assert_eq!(silent.dropped.load(Ordering::SeqCst), 0);
    assert!(!engine.stop_within(Duration::ZERO).await, "it ended by itself");
    assert_eq!(silent.dropped.load(Ordering::SeqCst), 1, "the call goes on");
}

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
            self.clock.advance(BEAT);
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

/// A source that never answers, and sees when it is no longer waited for.
#[derive(Debug, Default)]
struct Silent {
    reached: Notify,
    dropped: AtomicU32,
}

/// Counts its end.
struct Waiting<'a>(&'a AtomicU32);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[async_trait]
impl Weather for Silent {
    async fn before(&self, _: Call<'_>) -> Result<(), SourceError> {
        let _waiting = Waiting(&self.dropped);
        self.reached.notify_one();
        std::future::pending().await
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
