//! Models beside the one that decides: a shadow never acts, an arm is sticky, and both are reported
//! (ML-5).
use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use besunny_core::{
    classify::{Classifier, ClassifyError, Making, Question, Verdict},
    commit::Commit,
    contender::Contender,
    document::Document,
    experiment::{Arm, Experiment},
    history::{Entry, Fact},
    project::Project,
    report::Report,
    repository::{DocumentFilter, RepositoryError},
    settings::Settings,
    shadow::{Shadow, View},
    stop::Stop,
    tenant::{Allowed, TenantScope},
    track::Version,
    worker::Worker,
};
use besunny_testkit::interposed::{Interposed, Interposer};
use futures::executor::block_on;
use tokio::{sync::Notify, task::yield_now};

use crate::{
    replay::{Story, ann},
    scene::{MakeStore, deliver, in_a_file, in_memory},
};

/// A language model that chooses the first project, fails or panics, and costs something.
#[derive(Debug, Default)]
struct Costly {
    asked: AtomicUsize,
    mood: Mood,
}

#[derive(Clone, Copy, Debug, Default)]
enum Mood {
    #[default]
    Answers,
    Fails,
    Panics,
}

#[async_trait::async_trait]
impl Classifier for Costly {
    async fn classify(
        &self,
        _: &Question<'_>,
        candidates: &[Project],
    ) -> Result<Verdict, ClassifyError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let classifier = "costly/1".to_owned();
        match self.mood {
            Mood::Answers => Ok(Verdict {
                classifier,
                choice: candidates.first().map(|project| project.id),
                confidence: 0.9,
                evidence: Vec::new(),
                alternatives: Vec::new(),
                made: Making { cost_micros: 5, ..Making::default() },
            }),
            Mood::Fails => Err(ClassifyError::new(classifier, "no credit")),
            Mood::Panics => panic!("no credit"),
        }
    }
}

async fn shadows(story: &Story) -> Vec<Shadow> {
    let scene = &story.scene;
    scene.store.shadows(&scene.scope, ann(), None, 100).await.unwrap()
}

async fn last(story: &Story) -> (Document, Vec<Entry>) {
    let scene = &story.scene;
    let filter = DocumentFilter { limit: 1, ..DocumentFilter::default() };
    let document = scene.store.documents(&scene.scope, &filter).await.unwrap().remove(0);
    let history = scene.store.history(&scene.scope, document.id).await.unwrap();
    (document, history)
}

async fn report(story: &Story) -> Report {
    story.worker().report(&story.scene.scope, &[ann()]).await.unwrap()
}

async fn allow(story: &Story) {
    let allowed = Allowed { language_models: true };
    story.scene.store.allow(&story.scene.scope, allowed).await.unwrap();
}

/// The decision is made by the learned model; the rules would have done otherwise.
async fn is_noted_and_never_acts(make: MakeStore) {
    let mut story = Story::new(make).await;
    story.change = |worker| Worker { shadow: Some(Contender::Rules), ..worker };
    let first = story.mail("bob", "HBL-7 one", None).await;
    story.assign(first, 1).await;
    let second = story.mail("bob", "two", None).await;
    story.assign(second, 1).await;
    let noted = shadows(&story).await;
    assert_eq!(noted.len(), 2);
    let (document, history) = last(&story).await;
    let Fact::Decided { state: decided, .. } = &history[1].fact else { panic!("{history:?}") };
    let shadow = noted.iter().find(|shadow| shadow.document == document.id).unwrap();
    assert_eq!((shadow.version, shadow.with), (2, Contender::Rules));
    let View::Decided { state, verdict, .. } = &shadow.view else { panic!("{shadow:?}") };
    assert_ne!(state, decided, "the model suggests, the rules know nothing");
    assert_eq!(verdict.classifier, "rules/1");
    let line = report(&story).await.shadows[&Contender::Rules];
    assert_eq!((line.asked, line.failed, line.agreed, line.judged), (2, 0, 2, 2));
    assert_eq!((line.decisions.wrong, line.shadow.wrong, line.shadow.right), (1, 1, 0));
}

#[test]
fn ml_5_a_shadow_is_noted_and_never_acts() {
    block_on(is_noted_and_never_acts(in_memory));
}

#[tokio::test]
async fn ml_5_a_shadow_is_noted_and_never_acts_in_a_file() {
    is_noted_and_never_acts(in_a_file).await;
}

#[test]
fn ml_5_whatever_becomes_of_a_shadow_the_decision_stands() {
    block_on(async {
        for (mood, allowed, why, cost) in [
            (Mood::Answers, true, None, 5),
            (Mood::Answers, false, Some("not allowed"), 0),
            (Mood::Fails, true, Some("no credit"), 0),
            (Mood::Panics, true, Some("panicked"), 0),
        ] {
            let mut story = Story::new(in_memory).await;
            if allowed {
                allow(&story).await;
            }
            story.language = Some(Arc::new(Costly { mood, ..Costly::default() }));
            // It is only the shadow's, and no decision is made with it.
            story.change = |worker| Worker { shadow: Some(Contender::Language), ..worker };
            story.mail("bob", "one", None).await;
            let (document, history) = last(&story).await;
            assert_eq!((document.version, history.len()), (2, 2), "{mood:?}");
            let Fact::Decided { ruling, .. } = &history[1].fact else { panic!("{history:?}") };
            assert_eq!(ruling.others, [], "{mood:?}");
            let noted = shadows(&story).await;
            match (&noted[0].view, why) {
                (View::Decided { .. }, None) => {}
                (View::Failed { why }, Some(want)) => assert!(why.contains(want), "{why}"),
                (view, want) => panic!("{view:?} {want:?}"),
            }
            let line = report(&story).await.shadows[&Contender::Language];
            assert_eq!((line.failed, line.cost_micros), (usize::from(why.is_some()), cost));
            assert_eq!(line.decisions_cost_micros, 0, "{mood:?}");
        }
    });
}

/// A language model that answers when it is let.
#[derive(Debug, Default)]
struct Held {
    is_free: AtomicBool,
    free: Notify,
}

#[async_trait::async_trait]
impl Classifier for Held {
    async fn classify(
        &self,
        question: &Question<'_>,
        candidates: &[Project],
    ) -> Result<Verdict, ClassifyError> {
        while !self.is_free.load(Ordering::SeqCst) {
            self.free.notified().await;
        }
        Costly::default().classify(question, candidates).await
    }
}

/// The shadow thinks for longer than a claim lasts; mails are decided on meanwhile, and no note is lost.
#[tokio::test]
async fn ml_5_a_slow_shadow_holds_nobody_up_and_outlasts_the_claim() {
    let story = Story::new(in_memory).await;
    allow(&story).await;
    let held = Arc::new(Held::default());
    let (language, shadow) = (Some(Arc::clone(&held) as _), Some(Contender::Language));
    let worker = Worker { language, shadow, ..story.scene.worker() };
    let (clock, settings) = (&story.scene.clock, Settings::default());
    let (stopper, stop) = Stop::new();
    let world = async {
        let mut turns = 0;
        for number in 1..=3 {
            story.scene.change(|mailbox, at| deliver(mailbox, number, at));
            story.scene.notice().await;
            while story.scene.reasons().await.len() < number as usize {
                turns += 1;
                assert!(turns < 200, "m{number} waits for the shadow");
                yield_now().await;
            }
            for _ in 0..6 {
                clock.advance(settings.lease_for / 3);
                yield_now().await;
            }
        }
        held.is_free.store(true, Ordering::SeqCst);
        while shadows(&story).await.len() < 3 {
            turns += 1;
            assert!(turns < 200, "a note is lost");
            held.free.notify_one();
            yield_now().await;
        }
        stopper.stop();
    };
    tokio::join!(worker.run(&stop), world);
    let noted = shadows(&story).await;
    let decided = |it: &Shadow| matches!(it.view, View::Decided { .. });
    assert!(noted.iter().all(decided), "{noted:?}");
}

/// Fails to read which models there are, but not as a store that is out.
#[derive(Debug)]
struct Unreadable;

#[async_trait::async_trait]
impl Interposer for Unreadable {
    async fn before(&self, call: &'static str) -> Result<(), RepositoryError> {
        let error = RepositoryError::Corrupt { table: "models", column: "learned" };
        if call == "models" { Err(error) } else { Ok(()) }
    }

    async fn after(&self, _: &'static str) -> Result<(), RepositoryError> {
        Ok(())
    }

    fn committed(&self, _: &TenantScope, _: &Commit, _: &Result<Version, RepositoryError>) {}
}

#[test]
fn ml_5_where_the_model_of_an_arm_cannot_be_read_the_cascade_decides_in_no_arm() {
    block_on(async {
        let mut story = Story::new(in_memory).await;
        let inner = Arc::clone(&story.scene.store);
        story.scene.store = Arc::new(Interposed::new(inner, Arc::new(Unreadable)));
        story.experiment = Some(Experiment::new("x", 1.0, Contender::Pinned(1)).unwrap());
        story.mail("bob", "HBL-7 one", None).await;
        let (_, history) = last(&story).await;
        let fact = history.last().map(|entry| &entry.fact);
        let Some(Fact::Decided { ruling, .. }) = fact else { panic!("{history:?}") };
        assert_eq!(ruling.trial, None);
    });
}

/// Version 1 knows one answer for ever; what was said since moves the model that decides only.
#[test]
fn ml_5_a_stored_model_is_a_shadow_of_itself() {
    block_on(async {
        let mut story = Story::new(in_memory).await;
        story.change = |worker| Worker { shadow: Some(Contender::Pinned(1)), ..worker };
        let first = story.mail("bob", "one", None).await;
        story.assign(first, 0).await;
        let second = story.mail("bob", "two", None).await;
        story.assign(second, 1).await;
        story.mail("bob", "three", None).await;
        let mut noted = shadows(&story).await;
        noted.sort_by_key(|shadow| shadow.at);
        let choices: Vec<_> = noted
            .iter()
            .map(|shadow| match &shadow.view {
                View::Decided { verdict, ruling, .. } => {
                    let mut all = std::iter::once(&**verdict).chain(&ruling.others);
                    all.find(|it| it.classifier == "by-sender/1@1").and_then(|it| it.choice)
                }
                View::Failed { why } => {
                    assert!(why.contains("no model of version 1"), "{why}");
                    None
                }
            })
            .collect();
        let harbour = Some(story.projects[0]);
        assert_eq!(choices, [None, harbour, harbour]);
    });
}

/// The owner is in the same arm after a restart, and the arm's model decides for them.
#[test]
fn ml_5_the_model_of_the_arm_decides_and_the_arm_is_recorded() {
    block_on(async {
        let treated = |name: &str| Experiment::new(name, 0.5, Contender::Language).unwrap();
        let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
        let of = |arm| names.into_iter().find(|name| treated(name).arm(ann()) == arm).unwrap();
        for (arm, asked) in [(Arm::Control, 0), (Arm::Treatment, 2)] {
            let mut story = Story::new(in_memory).await;
            allow(&story).await;
            let model = Arc::new(Costly::default());
            story.language = Some(Arc::clone(&model) as _);
            story.experiment = Some(treated(of(arm)));
            for subject in ["one", "two"] {
                story.mail("bob", subject, None).await;
                let (_, history) = last(&story).await;
                let Fact::Decided { ruling, .. } = &history[1].fact else { panic!("{history:?}") };
                assert_eq!(ruling.trial.as_ref().unwrap().arm, arm, "{subject}");
            }
            assert_eq!(model.asked.load(Ordering::Relaxed), asked, "{arm:?}");
        }
    });
}

#[test]
fn ml_5_the_report_counts_what_a_person_corrected() {
    block_on(async {
        let mut story = Story::new(in_memory).await;
        story.experiment = Some(Experiment::new("rules", 1.0, Contender::Rules).unwrap());
        let first = story.mail("bob", "HBL-7 one", None).await;
        let second = story.mail("bob", "HBL-7 two", None).await;
        story.mail("bob", "PIE-9 three", None).await;
        story.mail("bob", "four", None).await;
        story.assign(first, 1).await;
        story.assign(second, 0).await;
        let third = story.mail("bob", "HBL-7 five", None).await;
        let act = story.assign(third, 1).await;
        story.scene.clock.advance(std::time::Duration::from_mins(1));
        let report = report(&story).await;
        let (trial, line) = report.arms.iter().next().unwrap();
        assert_eq!((trial.experiment.as_str(), trial.arm), ("rules", Arm::Treatment));
        let counts = (line.owners, line.decided, line.routed, line.corrected);
        assert_eq!(counts, (1, 5, 4, 2));
        story.undo(act).await;
        let report = self::report(&story).await;
        let line = report.arms.values().next().unwrap();
        assert_eq!((line.decided, line.routed, line.corrected), (5, 4, 1), "it was taken back");
    });
}
