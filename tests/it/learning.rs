//! What the engine learns: corrections take back, and nobody waits while a model learns.
use std::{
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};

use besunny::Besunny;
use besunny_core::{
    account::Provider,
    adapter::Adapter,
    classify::{Question, Verdict},
    clock::Clock,
    document::{Document, DocumentKind, DocumentState},
    ids::{DocumentId, ProjectId, UserId},
    label::Truth,
    learner::{Example, Guess, LearnError, Learner, Model},
    project::{Project, Signals},
    promise::Promise,
    repository::DocumentFilter,
    settings::Settings,
    worker::Worker,
};
use besunny_testkit::{learner::BySender, scripted::Fair};
use futures::executor::block_on;

use crate::{
    replay::Story,
    scene::{MakeStore, Scene, id, in_a_file, in_memory},
};

fn ann() -> UserId {
    UserId::derived(&[b"ann"])
}

/// A scene with projects Harbour and Pier.
async fn scene(make: MakeStore) -> (Scene, [ProjectId; 2]) {
    let scene = Scene::new(make, Arc::new(Fair)).await;
    let mut ids = Vec::new();
    for (name, code) in [("Harbour", "HBR-1"), ("Pier", "PIR-1")] {
        let new = Project::new(scene.scope.tenant(), ann(), name, scene.clock.now()).unwrap();
        let signals = Signals { codes: vec![code.to_owned()], ..Signals::default() };
        let project = Project { signals, ..new };
        scene.store.put_project(&scene.scope, &project).await.unwrap();
        ids.push(project.id);
    }
    (scene, ids.try_into().unwrap())
}

async fn deliver(scene: &Scene, number: u32) -> Document {
    let raw = format!(
        "Message-ID: <{number}@x.example>\r\nFrom: bob@x.example\r\nSubject: m{number}\r\n\r\n\
         About HBR-1.\r\n"
    );
    scene.change(|mailbox, at| mailbox.deliver(&id(number), raw, at));
    scene.notice().await;
    scene.work().await;
    let filter = DocumentFilter { limit: 100, ..DocumentFilter::default() };
    let found = scene.store.documents(&scene.scope, &filter).await.unwrap();
    let title = format!("m{number}");
    found.into_iter().find(|document| *document.title.expose() == title).unwrap()
}

fn besunny(scene: &Scene) -> Besunny {
    Besunny::builder_over(Arc::clone(&scene.store))
        .clock(Arc::clone(&scene.clock) as _)
        .learner(Arc::new(BySender))
        .build()
}

/// What is promised by a classifier in the newest model.
async fn promise(scene: &Scene, classifier: &str) -> Promise {
    let models = scene.store.models(&scene.scope, ann()).await.unwrap();
    models[0].promises.of(classifier, DocumentKind::Email, 0.95)
}

#[tokio::test]
async fn cls_9_a_correction_after_the_silence_takes_back_the_right_that_was_counted() {
    for make in [in_memory as MakeStore, in_a_file] {
        let (scene, [harbour, pier]) = scene(make).await;
        let mut documents = Vec::new();
        for number in 0..4 {
            documents.push(deliver(&scene, number).await);
        }
        assert!(documents.iter().all(|it| it.state.project() == Some(harbour)), "{documents:?}");
        // Nobody says anything for a week, which counts as right; then two were wrong all the same.
        scene.clock.advance(Settings::default().consent_after);
        scene.work().await;
        deliver(&scene, 10).await;
        let silent = promise(&scene, "rules/1").await.judged();
        assert_eq!(silent, (4, 4));
        // It was not asked then, and what it would say a week later knows how it ended.
        assert_eq!(promise(&scene, "by-sender/1").await.judged(), (0, 0));
        let feedback = besunny(&scene);
        for document in &documents[..2] {
            let seen = besunny::Seen { document: document.id, version: None };
            feedback.feedback(&scene.scope, ann()).assign(&[seen], pier).await.unwrap();
        }
        scene.clock.advance(Duration::from_secs(1));
        // So much was learned that the model is stored again.
        let mut engine = scene.worker();
        engine.settings.store_model_every = 1;
        scene.change(|mailbox, at| {
            mailbox.deliver(&id(11), "From: bob@x.example\r\nSubject: x\r\n\r\nx\r\n", at);
        });
        scene.notice().await;
        engine.run_until_idle().await;
        assert_eq!(promise(&scene, "rules/1").await.judged(), (4, 2), "each document counts once");
    }
}

async fn versions(story: &Story) -> Vec<(u32, String)> {
    let models = story.scene.store.models(&story.scene.scope, ann()).await.unwrap();
    models.into_iter().map(|model| (model.version, model.learner)).collect()
}

#[test]
fn ml_3_taking_back_again_and_again_leaves_what_one_can_go_back_to() {
    block_on(async {
        let mut story = Story::new(in_memory).await;
        let first = story.mail("bob", "one", None).await;
        story.assign(first, 0).await;
        let second = story.mail("bob", "two", None).await;
        for _ in 0..12 {
            let act = story.assign(second, 1).await;
            story.undo(act).await;
            story.mail("bob", "more", None).await;
        }
        assert_eq!(versions(&story).await, [(1, "by-sender/1".to_owned())]);
    });
}

/// The same learner, whose states have another form.
#[derive(Debug)]
struct Renamed;

impl Learner for Renamed {
    fn name(&self) -> &'static str {
        "by-sender/2"
    }

    fn fresh(&self) -> Box<dyn Model> {
        BySender.fresh()
    }

    fn import(&self, bytes: &[u8]) -> Result<Box<dyn Model>, LearnError> {
        BySender.import(bytes)
    }
}

#[test]
fn ml_3_a_model_of_another_form_is_learned_again_once() {
    block_on(async {
        let mut story = Story::new(in_memory).await;
        let first = story.mail("bob", "one", None).await;
        story.assign(first, 0).await;
        story.mail("bob", "two", None).await;
        story.change = |worker| Worker { learner: Some(Arc::new(Renamed)), ..worker };
        // Each mail is that of an engine that was just started.
        story.mail("bob", "three", None).await;
        story.mail("bob", "four", None).await;
        let (old, new) = ("by-sender/1".to_owned(), "by-sender/2".to_owned());
        assert_eq!(versions(&story).await, [(2, new), (1, old)]);
    });
}

/// A learner, and a model, that learns only when it is told to go on.
#[derive(Clone, Debug)]
struct Waiting {
    told: Arc<Mutex<mpsc::Receiver<()>>>,
}

impl Learner for Waiting {
    fn name(&self) -> &'static str {
        "waiting/1"
    }

    fn fresh(&self) -> Box<dyn Model> {
        Box::new(self.clone())
    }

    fn import(&self, _: &[u8]) -> Result<Box<dyn Model>, LearnError> {
        Ok(self.fresh())
    }
}

impl Model for Waiting {
    fn predict(&self, _: &Question<'_>, _: &[Project]) -> Option<Verdict> {
        None
    }

    fn known(&self, _: ProjectId) -> u32 {
        0
    }

    fn has_learned(&self, _: DocumentId) -> bool {
        false
    }

    fn learn(&mut self, example: &Example<'_>) -> Option<Guess> {
        assert!(matches!(example.truth, Truth::To(_)));
        let told = self.told.lock().unwrap();
        told.recv_timeout(Duration::from_secs(20)).expect("nobody else could go on");
        None
    }

    fn export(&self) -> Result<Vec<u8>, LearnError> {
        Ok(Vec::new())
    }
}

/// One thread has everything to do: the engine, which learns, and whoever lets it go on.
#[tokio::test(flavor = "current_thread")]
async fn ml_4_others_go_on_while_a_model_learns() {
    let (scene, [harbour, _]) = scene(in_memory).await;
    let document = deliver(&scene, 1).await;
    let (go_on, told) = mpsc::channel();
    let learner = Waiting { told: Arc::new(Mutex::new(told)) };
    let besunny = Besunny::builder_over(Arc::clone(&scene.store))
        .clock(Arc::clone(&scene.clock) as _)
        .mail(Provider::new("scripted"), Adapter::new(scene.mail.restarted()))
        .learner(Arc::new(learner))
        .build();
    let seen = besunny::Seen { document: document.id, version: None };
    besunny.feedback(&scene.scope, ann()).assign(&[seen], harbour).await.unwrap();
    scene.change(|mailbox, at| {
        mailbox.deliver(&id(2), "From: bob@x.example\r\nSubject: y\r\n\r\ny\r\n", at);
    });
    scene.notice().await;
    let other = async {
        tokio::task::yield_now().await;
        go_on.send(()).unwrap();
    };
    tokio::join!(besunny.run_until_idle(), other);
    let filter = DocumentFilter { limit: 100, ..DocumentFilter::default() };
    let found = scene.store.documents(&scene.scope, &filter).await.unwrap();
    assert!(found.iter().all(|document| document.state != DocumentState::Pending));
}
