//! Work that ends whoever does it: it is given up, and does not take its neighbours with it.
use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use besunny_core::{
    classify::{Classifier, ClassifyError, Question, Rules, Verdict},
    clock::Clock,
    document::{DocumentState, ReviewReason},
    history::Fact,
    project::Project,
    repository::DocumentFilter,
    settings::Settings,
    source::{SourceError, Subject},
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
        let reasons = reasons(&scene).await;
        assert_eq!(reasons.len(), 6);
        for (line, reason) in &reasons {
            let want = match line.as_str() {
                DEADLY => ReviewReason::ClassifierFailed,
                _ => ReviewReason::NoProjects,
            };
            assert_eq!(*reason, want, "{line}");
        }
        assert_eq!(
            why(&scene).await.unwrap().split(':').next().unwrap(),
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
            let worker = scene.engine(Arc::clone(&scene.store));
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

/// Works until nothing is due; `false` when the worker died of it.
async fn outlives(scene: &Scene) -> bool {
    let deadly = Arc::new(Deadly::default());
    let worker = Worker {
        classifier: Arc::<Deadly>::clone(&deadly) as _,
        settings: Settings { lease_for: LEASE, ..Settings::default() },
        ..scene.engine(Arc::clone(&scene.store))
    };
    !dies(&worker, &deadly.met).await
}

/// Lets `worker` work until nothing is due, or until the place where it would die.
async fn dies(worker: &Worker, place: &Notify) -> bool {
    let (work, met) = (worker.run_until_idle().boxed(), place.notified().boxed());
    matches!(future::select(work, met).await, future::Either::Right(_))
}

async fn reasons(scene: &Scene) -> BTreeMap<String, ReviewReason> {
    let filter = DocumentFilter { limit: 100, ..DocumentFilter::default() };
    let documents = scene.store.documents(&scene.scope, &filter).await.unwrap();
    let reasons = documents.into_iter().filter_map(|document| match document.state {
        DocumentState::NeedsReview(review) => Some((document.title.into_exposed(), review.reason)),
        DocumentState::Pending | DocumentState::Routed(_) | DocumentState::NoProject { .. } => None,
    });
    reasons.collect()
}

/// Returns what the history of the deadly mail says.
async fn why(scene: &Scene) -> Option<String> {
    let filter = DocumentFilter { limit: 100, ..DocumentFilter::default() };
    let documents = scene.store.documents(&scene.scope, &filter).await.unwrap();
    let deadly = documents.into_iter().find(|document| document.title.expose() == DEADLY)?;
    let history = scene.store.history(&scene.scope, deadly.id).await.unwrap();
    history.into_iter().find_map(|entry| match entry.fact {
        Fact::ClassifierFailed { why } => Some(why),
        Fact::Stored { .. }
        | Fact::Decided { .. }
        | Fact::Ruled { .. }
        | Fact::Assigned { .. }
        | Fact::Confirmed { .. }
        | Fact::Declined { .. }
        | Fact::Undone { .. }
        | Fact::Removed
        | Fact::Restored => None,
    })
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
}

#[async_trait]
impl Weather for Hang {
    async fn before(&self, _: Call<'_>) -> Result<(), SourceError> {
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
