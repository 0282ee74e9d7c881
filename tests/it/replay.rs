//! Decisions made again know what was known then, and nothing that was said later (ML-5).
use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use besunny::{Besunny, Seen};
use besunny_core::{
    classify::{Classifier, ClassifyError, Outage, Question, Verdict},
    clock::Clock,
    commit::Commit,
    contender::Contender,
    document::DocumentState,
    experiment::Experiment,
    ids::{DocumentId, ProjectId, UserId},
    label::Truth,
    project::Project,
    replay::{LeftOut, Order, Replay, ReplayError},
    repository::{DocumentFilter, RepositoryError},
    settings::Settings,
    source::SourceErrorKind,
    tenant::{Allowed, TenantScope},
    track::Version,
    worker::Worker,
};
use besunny_testkit::{
    interposed::{Interposed, Interposer},
    learner::BySender,
    scripted::Fair,
};
use futures::executor::block_on;

use crate::scene::{MakeStore, Scene, id, in_a_file, in_memory};

pub(crate) fn ann() -> UserId {
    UserId::derived(&[b"ann"])
}

/// A person with projects, whose day is told step by step.
pub(crate) struct Story {
    pub(crate) scene: Scene,
    pub(crate) projects: Vec<ProjectId>,
    pub(crate) language: Option<Arc<dyn Classifier>>,
    pub(crate) experiment: Option<Experiment>,
    /// What is different about the engine.
    pub(crate) change: fn(Worker) -> Worker,
    mails: u32,
}

impl Story {
    pub(crate) async fn new(make: MakeStore) -> Self {
        let scene = Scene::new(make, Arc::new(Fair)).await;
        let mut story = Self {
            scene,
            projects: Vec::new(),
            language: None,
            experiment: None,
            change: |worker| worker,
            mails: 0,
        };
        story.found("Harbour", "HBL-7").await;
        story.found("Pier", "PIE-9").await;
        story
    }

    async fn found(&mut self, name: &str, code: &str) {
        self.scene.clock.advance(Duration::from_mins(1));
        let now = self.scene.clock.now();
        let mut project = Project::new(self.scene.scope.tenant(), ann(), name, now).unwrap();
        project.signals.codes = vec![code.to_owned()];
        self.scene.store.put_project(&self.scene.scope, &project).await.unwrap();
        self.projects.push(project.id);
    }

    /// Makes a fresh engine, as after a restart.
    pub(crate) fn worker(&self) -> Worker {
        let (language, experiment) = (self.language.clone(), self.experiment.clone());
        (self.change)(Worker { language, experiment, ..self.scene.worker() })
    }

    fn besunny(&self) -> Besunny {
        Besunny::builder_over(Arc::clone(&self.scene.store))
            .clock(Arc::clone(&self.scene.clock) as _)
            .learner(Arc::new(BySender))
            .build()
    }

    /// A mail arrives and is decided on; `answers` names the mail that it is an answer to.
    pub(crate) async fn mail(
        &mut self,
        sender: &str,
        subject: &str,
        answers: Option<u32>,
    ) -> DocumentId {
        self.mails += 1;
        let (number, subject) = (self.mails, subject.to_owned());
        let named =
            answers.map_or(String::new(), |to| format!("References: <m{to}@example.org>\r\n"));
        let raw = format!(
            "Message-ID: <m{number}@example.org>\r\nFrom: {sender}@example.org\r\n\
             To: ann@example.com\r\n{named}Subject: {subject}\r\n\r\nText {number}.\r\n"
        );
        self.scene.clock.advance(Duration::from_mins(1));
        self.scene.change(|mailbox, at| mailbox.deliver(&id(number), raw, at));
        self.scene.notice().await;
        self.worker().run_until_idle().await;
        let filter = DocumentFilter { limit: 1, ..DocumentFilter::default() };
        self.scene.store.documents(&self.scene.scope, &filter).await.unwrap()[0].id
    }

    pub(crate) async fn assign(
        &self,
        document: DocumentId,
        project: usize,
    ) -> besunny_core::ids::CommitId {
        self.scene.clock.advance(Duration::from_mins(1));
        let besunny = self.besunny();
        let feedback = besunny.feedback(&self.scene.scope, ann());
        let seen = [Seen { document, version: None }];
        feedback.assign(&seen, self.projects[project]).await.unwrap().act.id
    }

    pub(crate) async fn undo(&self, act: besunny_core::ids::CommitId) {
        self.scene.clock.advance(Duration::from_mins(1));
        let besunny = self.besunny();
        besunny.feedback(&self.scene.scope, ann()).undo(act).await.unwrap();
        self.worker().run_until_idle().await;
    }

    async fn ask(&self, with: Contender) -> Result<Replay, ReplayError> {
        let since = chrono::DateTime::UNIX_EPOCH;
        let order = Order { owner: ann(), since, until: None, with, limit: None, all: true };
        self.besunny().replay_decisions(&self.scene.scope, &order).await
    }

    async fn replay(&self, with: Contender) -> Replay {
        self.ask(with).await.unwrap()
    }

    /// Tells of a learner whose opinion changes, is taken back, rolled back, and of threads.
    async fn told(make: MakeStore) -> Self {
        let mut story = Self::new(make).await;
        // Every answer makes a stored model.
        story.change = |worker| {
            let settings = Settings { store_model_every: 1, ..worker.settings };
            Worker { settings, ..worker }
        };
        let first = story.mail("bob", "one", None).await;
        story.assign(first, 0).await;
        let second = story.mail("bob", "two", None).await;
        let act = story.assign(second, 1).await;
        story.mail("bob", "three", None).await;
        story.undo(act).await;
        story.mail("bob", "HBL-7 four", None).await;
        story.mail("eve", "five", Some(4)).await;
        let sixth = story.mail("eve", "PIE-9 six", None).await;
        story.assign(sixth, 0).await;
        story.mail("eve", "seven", Some(6)).await;
        story.found("Quay", "QUA-1").await;
        story.mail("eve", "QUA-1 eight", None).await;
        let besunny = story.besunny();
        besunny.roll_back(&story.scene.scope, ann(), 1).await.unwrap();
        story.mail("eve", "nine", None).await;
        story.mail("bob", "ten", None).await;
        story
    }
}

/// Writes a state down; numbers in JSON come back with another last digit.
fn place(state: &DocumentState) -> String {
    match state {
        DocumentState::Routed(route) => format!("{:?} {:.9}", route.project, route.confidence),
        DocumentState::NeedsReview(review) => format!("{review:?}"),
        DocumentState::Pending | DocumentState::NoProject { .. } => state.as_str().to_owned(),
    }
}

/// Everything is as it was: state, reason, confidence and every verdict.
async fn is_as_it_was(make: MakeStore) {
    let story = Story::told(make).await;
    let replay = story.replay(Contender::Learned).await;
    assert_eq!((replay.replayed, replay.changed(), replay.left_out.len()), (10, 0, 0));
    for row in &replay.rows {
        let would = row.would_be.as_ref().unwrap();
        assert_eq!(place(&would.state), place(&row.was.state), "{}", row.title.expose());
        let history = story.scene.store.history(&story.scene.scope, row.document).await.unwrap();
        let entry = history.iter().find(|entry| entry.version == row.was.version).unwrap();
        let besunny_core::history::Fact::Decided { verdict, ruling, .. } = &entry.fact else {
            panic!("{:?}", entry.fact);
        };
        let again = would.conclusion.as_ref().unwrap();
        let others = |ruling: &besunny_core::classify::Ruling| {
            let others = ruling.others.iter();
            others.map(|it| (it.choice, format!("{:.9}", it.confidence))).collect::<Vec<_>>()
        };
        assert_eq!((again.verdict.choice, others(&again.ruling)), (verdict.choice, others(ruling)));
        assert_eq!(again.ruling.known, ruling.known, "{}", row.title.expose());
    }
}

#[test]
fn ml_5_the_model_that_decided_decides_the_same_again() {
    block_on(is_as_it_was(in_memory));
}

#[tokio::test]
async fn ml_5_the_model_that_decided_decides_the_same_again_in_a_file() {
    is_as_it_was(in_a_file).await;
}

#[test]
fn ml_5_a_version_is_not_asked_about_what_came_before_its_answers() {
    block_on(async {
        let story = Story::told(in_memory).await;
        // The third forgot what was taken back, the last one is as the first.
        for (version, knew_later) in [(1, 1), (2, 2), (3, 3), (4, 6), (5, 1)] {
            let replay = story.replay(Contender::Pinned(version)).await;
            let left_out = replay.left_out.get(&LeftOut::KnewLater).copied();
            assert_eq!(left_out, Some(knew_later), "{version}");
            assert_eq!(replay.replayed + knew_later, 10, "{version}");
        }
        let nobody = story.ask(Contender::Pinned(99)).await;
        assert!(matches!(nobody, Err(ReplayError::NoVersion(99))), "{nobody:?}");
        let silent = story.ask(Contender::Language).await;
        assert!(matches!(silent, Err(ReplayError::NoLanguage)), "{silent:?}");
    });
}

#[test]
fn ml_5_people_say_who_was_right() {
    block_on(async {
        let mut story = Story::new(in_memory).await;
        let first = story.mail("bob", "PIE-9 one", None).await;
        story.assign(first, 0).await;
        let second = story.mail("eve", "HBL-7 two", None).await;
        story.assign(second, 0).await;
        story.mail("eve", "HBL-7 three", None).await;
        let replay = story.replay(Contender::Rules).await;
        let counts = (replay.replayed, replay.judged, replay.before, replay.after);
        assert_eq!((counts.0, counts.1), (3, 2));
        assert_eq!((replay.before.right, replay.before.wrong), (1, 1));
        assert_eq!(replay.before, replay.after);
        let answers: Vec<Option<Truth>> = replay.rows.iter().map(|row| row.answer).collect();
        let here = Some(Truth::To(story.projects[0]));
        assert_eq!(answers, [here, here, None]);
    });
}

/// A language model that is out.
#[derive(Debug)]
struct Out;

#[async_trait::async_trait]
impl Classifier for Out {
    async fn classify(&self, _: &Question<'_>, _: &[Project]) -> Result<Verdict, ClassifyError> {
        let outage = Outage { kind: SourceErrorKind::Unavailable, retry_after: None };
        Err(ClassifyError::new("out/1", "no route").during(Some(outage)))
    }
}

#[test]
fn ml_5_a_replay_ends_where_the_model_is_out() {
    block_on(async {
        let mut story = Story::new(in_memory).await;
        story.mail("bob", "one", None).await;
        story.mail("bob", "two", None).await;
        let scope = &story.scene.scope;
        let allowed = Allowed { language_models: true };
        story.scene.store.allow(scope, allowed).await.unwrap();
        story.language = Some(Arc::new(Out));
        let (owner, since) = (ann(), chrono::DateTime::UNIX_EPOCH);
        let with = Contender::Language;
        let order = Order { owner, since, until: None, with, limit: None, all: true };
        let error = story.worker().replay(scope, &order).await.unwrap_err().to_string();
        assert_eq!(
            error,
            "the model cannot be reached now: the classifier out/1 failed: no route; nothing was \
             changed; try again later"
        );
    });
}

/// Hears which questions a store is asked.
#[derive(Debug, Default)]
struct Heard(Mutex<BTreeSet<&'static str>>);

#[async_trait::async_trait]
impl Interposer for Heard {
    async fn before(&self, call: &'static str) -> Result<(), RepositoryError> {
        self.0.lock().unwrap().insert(call);
        Ok(())
    }

    async fn after(&self, _: &'static str) -> Result<(), RepositoryError> {
        Ok(())
    }

    fn committed(&self, _: &TenantScope, _: &Commit, _: &Result<Version, RepositoryError>) {}
}

#[test]
fn ml_5_a_replay_only_asks() {
    block_on(async {
        let mut story = Story::told(in_memory).await;
        let heard = Arc::new(Heard::default());
        let inner = Arc::clone(&story.scene.store);
        story.scene.store = Arc::new(Interposed::new(inner, Arc::clone(&heard) as _));
        for with in [Contender::Rules, Contender::Learned, Contender::Pinned(1)] {
            story.replay(with).await;
        }
        let calls = heard.0.lock().unwrap().iter().copied().collect::<Vec<_>>();
        insta::assert_snapshot!(calls.join(" "));
    });
}
