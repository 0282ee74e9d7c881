//! Work that ends whoever does it: it is given up, and does not take its neighbours with it.
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use besunny_core::{
    classify::{Classifier, ClassifyError, Question, Rules, Verdict},
    clock::Clock,
    document::ReviewReason,
    project::Project,
    settings::Settings,
    source::{SourceError, SourceErrorKind, Subject},
    worker::Worker,
};
use besunny_testkit::scripted::{Call, Fair, Oddity, Weather};
use futures::{FutureExt, future};
use tokio::sync::Notify;

use crate::scene::{MakeStore, Scene, deliver, in_a_file, in_memory};

/// The mail on which nobody survives.
const DEADLY: &str = "m3";
const LEASE: Duration = Duration::from_mins(1);

#[tokio::test]
async fn a_mail_that_ends_every_worker_goes_to_review_and_its_neighbours_are_decided_on() {
    for make in [in_memory as MakeStore, in_a_file] {
        let scene = Scene::new(make, Arc::new(Fair)).await;
        scene.change(|mailbox, at| (0..6).for_each(|n| deliver(mailbox, n, at)));
        let mut deaths = 0;
        while !outlives(&scene).await {
            deaths += 1;
            assert!(deaths < 10, "the job is taken for ever");
            scene.clock.advance(LEASE);
        }
        assert_eq!(deaths, 5);
        let reasons = scene.reasons().await;
        assert_eq!(reasons.len(), 6);
        for (line, reason) in &reasons {
            let want = match line.as_str() {
                DEADLY => ReviewReason::ClassifierFailed,
                _ => ReviewReason::NoProjects,
            };
            assert_eq!(*reason, want, "{line}");
        }
        assert_eq!(
            scene.why(DEADLY).await.unwrap().split(':').next().unwrap(),
            "whoever worked on it died or hung, 5 times in a row"
        );
    }
}

#[tokio::test]
async fn a_stream_that_ends_every_worker_is_left_alone_ever_longer() {
    for make in [in_memory as MakeStore, in_a_file] {
        let hang = Arc::new(Hang::default());
        let scene = Scene::new(make, Arc::<Hang>::clone(&hang) as _).await;
        let mut rests = Vec::new();
        for _ in 0..6 {
            let worker = scene.worker();
            let died = dies(&worker, &hang.reached).await;
            let status = scene.status().await;
            if !died {
                assert!(status.error.unwrap().contains("died or hung"), "it is told");
                rests.push((status.next_due_at.unwrap() - scene.clock.now()).num_seconds());
            }
            scene.clock.advance(LEASE);
        }
        assert_eq!(rests.len(), 2, "the first end is taken for a restart: {rests:?}");
        assert!(rests.is_sorted(), "{rests:?}");
    }
}

#[tokio::test]
async fn one_restart_in_a_long_outage_makes_nobody_rest() {
    for make in [in_memory as MakeStore, in_a_file] {
        let outage = Arc::new(Hang::default());
        outage.is_down.store(true, Ordering::Relaxed);
        let scene = Scene::new(make, Arc::<Hang>::clone(&outage) as _).await;
        for _ in 0..12 {
            scene.work().await;
            scene.clock.advance(Duration::from_mins(10));
        }
        assert_eq!(scene.status().await.attempt, 12);
        outage.is_down.store(false, Ordering::Relaxed);
        assert!(dies(&scene.worker(), &outage.reached).await);
        scene.clock.advance(LEASE);
        assert!(dies(&scene.worker(), &outage.reached).await, "the source is asked at once");
    }
}

/// Works until nothing is due; `false` when the worker died of it.
async fn outlives(scene: &Scene) -> bool {
    let deadly = Arc::new(Deadly::default());
    let worker = Worker {
        classifier: Arc::<Deadly>::clone(&deadly) as _,
        settings: Settings { lease_for: LEASE, ..Settings::default() },
        ..scene.worker()
    };
    !dies(&worker, &deadly.met).await
}

/// Lets `worker` work until nothing is due, or until the place where it would die.
async fn dies(worker: &Worker, place: &Notify) -> bool {
    let (work, met) = (worker.run_until_idle().boxed(), place.notified().boxed());
    matches!(future::select(work, met).await, future::Either::Right(_))
}

/// The rules, and a mail that nobody lives to tell of.
#[derive(Debug, Default)]
struct Deadly {
    met: Notify,
}

#[async_trait]
impl Classifier for Deadly {
    async fn classify(
        &self,
        question: &Question<'_>,
        candidates: &[Project],
    ) -> Result<Verdict, ClassifyError> {
        if question.document.title.expose() == DEADLY {
            self.met.notify_one();
            future::pending::<()>().await;
        }
        Rules.classify(question, candidates).await
    }
}

/// A source whose answers nobody lives to see.
#[derive(Debug, Default)]
struct Hang {
    reached: Notify,
    is_down: AtomicBool,
}

#[async_trait]
impl Weather for Hang {
    async fn before(&self, call: Call<'_>) -> Result<(), SourceError> {
        if self.is_down.load(Ordering::Relaxed) {
            return Err(SourceError::new(SourceErrorKind::Unavailable, call.operation));
        }
        self.reached.notify_one();
        future::pending().await
    }
    fn lag(&self, _: &Subject) -> usize {
        0
    }
    fn circles(&self) -> bool {
        false
    }
    fn answered(&self, _: Oddity) {}
}
