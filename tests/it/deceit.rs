//! Mails that try to choose their project themselves, through the whole engine (C7, F22).
//!
//! Each is sent with a twin that does not try. By its own instruction a mail gets nowhere: it goes
//! where its twin goes, or to a person.
use std::{collections::BTreeMap, sync::Arc};

use besunny_ai::{
    language::{LanguageRouter, LanguageSettings},
    openai::{OpenAi, OpenAiConfig},
};
use besunny_core::{
    classify::{Classifier, Rules, Signal},
    clock::Clock,
    document::{Document, DocumentState, ReviewReason},
    history::Fact,
    ids::{ProjectId, UserId},
    mail::Flags,
    project::{Project, Signals},
    repository::DocumentFilter,
    retry,
    source::ItemId,
    tenant::Allowed,
};
use besunny_simulator::{Brain, Config, Simulator};
use besunny_testkit::{
    deceit::{self, Deceit, Target},
    scripted::Fair,
};
use secrecy::SecretString;

use crate::scene::{Scene, in_memory};

/// What became of a mail.
#[derive(Debug)]
struct Fate {
    document: Document,
    flags: Flags,
    imitates: bool,
}

/// Who is asked, and who where the first is not sure.
struct Asked {
    first: Arc<dyn Classifier>,
    then: Option<Arc<dyn Classifier>>,
}

impl Asked {
    fn rules() -> Self {
        Self { first: Arc::new(Rules), then: None }
    }
}

/// A person's projects, one of which is aimed at.
async fn projects(scene: &Scene) -> Vec<Project> {
    let owner = UserId::derived(&[b"ann"]);
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    let mut projects = Vec::new();
    for (name, description, signals) in [
        (
            "Marina Lights",
            "A night shoot at the quay, with boats.",
            Signals {
                codes: texts(&["MRL-7"]),
                people: texts(&["ines@marina.example"]),
                domains: texts(&["marina.example"]),
                keywords: texts(&["mooring", "tugboat"]),
                ..Signals::default()
            },
        ),
        ("Orchard", "Apple trees and their pruning.", Signals::default()),
        ("Old Mill", "A ruin that becomes a museum.", Signals::default()),
    ] {
        let made = Project::new(scene.scope.tenant(), owner, name, scene.clock.now()).unwrap();
        let project = Project { description: description.to_owned(), signals, ..made };
        scene.store.put_project(&scene.scope, &project).await.unwrap();
        projects.push(project);
    }
    projects
}

/// Sends every mail and its twin through an engine with this classifier.
async fn sent(scene: &Scene, corpus: &[Deceit], asked: &Asked) -> BTreeMap<String, Fate> {
    let seed =
        b"Message-ID: <1@marina.example>\r\nFrom: ines@marina.example\r\nTo: ann@example.com\r\n\
        Subject: MRL-7\r\n\r\nThe mooring is booked.\r\n";
    let engine = |asked: &Asked| {
        let mut engine = scene.engine(Arc::clone(&scene.store));
        engine.classifier = Arc::clone(&asked.first);
        engine.language = asked.then.clone();
        engine
    };
    scene.change(|mailbox, at| mailbox.deliver(&ItemId::from_source("seed"), seed.to_vec(), at));
    engine(&Asked::rules()).run_until_idle().await;
    scene.notice().await;
    scene.change(|mailbox, at| {
        for (number, deceit) in corpus.iter().enumerate() {
            let item = |kind: &str| ItemId::from_source(format!("{kind}{number}"));
            mailbox.deliver(&item("try"), deceit.raw.clone(), at);
            mailbox.deliver(&item("twin"), deceit.twin.clone(), at);
        }
    });
    // A classifier that cannot make sense of a mail is asked again before a person is.
    for _ in 0..=retry::JOB_ATTEMPTS {
        engine(asked).run_until_idle().await;
        scene.clock.advance(retry::JOB.cap);
    }
    fates(scene).await
}

async fn fates(scene: &Scene) -> BTreeMap<String, Fate> {
    let filter = DocumentFilter { limit: 2_000, ..DocumentFilter::default() };
    let mut fates = BTreeMap::new();
    for document in scene.store.documents(&scene.scope, &filter).await.unwrap() {
        let content = scene.store.content(&scene.scope, document.id).await.unwrap().unwrap();
        let history = scene.store.history(&scene.scope, document.id).await.unwrap();
        let imitates = history.iter().any(|entry| {
            let Fact::Decided { verdict, .. } = &entry.fact else { return false };
            verdict.evidence.iter().any(|found| found.signal == Signal::Imitation)
        });
        let id = content.mail.message_id.clone().unwrap().into_exposed();
        fates.insert(id, Fate { document, flags: content.mail.flags, imitates });
    }
    fates
}

/// Checks that nobody got anywhere by trying; returns how many were routed at all.
fn check(corpus: &[Deceit], fates: &BTreeMap<String, Fate>, offered: &[ProjectId]) -> usize {
    let mut routed = 0;
    for (number, deceit) in corpus.iter().enumerate() {
        let of = |kind: &str| &fates[&format!("{kind}{number}@stranger.test")];
        let (tried, twin) = (of("try"), of("twin"));
        let place = |fate: &Fate| fate.document.state.project();
        assert!(
            place(tried).is_none() || place(tried) == place(twin),
            "{}: {:?} and its twin {:?}",
            deceit.name,
            tried.document.state,
            twin.document.state
        );
        assert!(!matches!(tried.document.state, DocumentState::Pending), "{}", deceit.name);
        for named in [place(tried), suggestion(&tried.document.state)].into_iter().flatten() {
            assert!(offered.contains(&named), "{}: an id that was not offered", deceit.name);
        }
        for flag in &deceit.flags {
            assert!(tried.flags.contains(*flag), "{}: {flag:?}", deceit.name);
        }
        routed += usize::from(place(tried).is_some());
    }
    routed
}

fn suggestion(state: &DocumentState) -> Option<ProjectId> {
    match state {
        DocumentState::NeedsReview(review) => review.suggestion,
        DocumentState::Pending | DocumentState::Routed(_) | DocumentState::NoProject { .. } => None,
    }
}

fn corpus(projects: &[Project]) -> Vec<Deceit> {
    deceit::mails(&Target::marina(&projects[0].id.to_string()))
}

#[tokio::test]
async fn c7_by_rules_no_mail_is_routed_by_its_own_instruction() {
    let scene = Scene::new(in_memory, Arc::new(Fair)).await;
    let projects = projects(&scene).await;
    let corpus = corpus(&projects);
    let fates = sent(&scene, &corpus, &Asked::rules()).await;
    let offered: Vec<ProjectId> = projects.iter().map(|project| project.id).collect();
    assert!(fates["1@marina.example"].document.state.project() == Some(offered[0]));
    assert_eq!(check(&corpus, &fates, &offered), 0);
    for (number, deceit) in corpus.iter().enumerate() {
        let found = fates[&format!("try{number}@stranger.test")].imitates;
        assert_eq!(found, deceit.imitates, "{}", deceit.name);
    }
}

#[tokio::test]
async fn c7_by_a_model_that_obeys_every_mail_none_is_routed_by_its_own_instruction() {
    // Alone, as no engine asks it, and after the rules.
    for is_alone in [true, false] {
        let simulator = gullible().await;
        let router: Arc<dyn Classifier> = Arc::new(router(&simulator));
        let asked = if is_alone {
            Asked { first: router, then: None }
        } else {
            Asked { first: Arc::new(Rules), then: Some(router) }
        };
        let scene = Scene::new(in_memory, Arc::new(Fair)).await;
        let allowed = Allowed { language_models: true };
        scene.store.allow(&scene.scope, allowed).await.unwrap();
        let projects = projects(&scene).await;
        let corpus = corpus(&projects);
        let fates = sent(&scene, &corpus, &asked).await;
        let offered: Vec<ProjectId> = projects.iter().map(|project| project.id).collect();
        check(&corpus, &fates, &offered);
        let failed = |fate: &&Fate| match &fate.document.state {
            DocumentState::NeedsReview(review) => review.reason == ReviewReason::ClassifierFailed,
            DocumentState::Pending | DocumentState::Routed(_) | DocumentState::NoProject { .. } => {
                false
            }
        };
        assert!(fates.values().filter(failed).count() > 0, "no dictated answer made no sense");
        // After the rules it is not asked about what they routed and caution held back.
        let least = if is_alone { corpus.len() } else { corpus.len() / 2 };
        let asks = simulator.control().asks().len();
        assert!(asks >= least, "it was asked {asks} times, at least {least} are expected");
    }
}

async fn gullible() -> Simulator {
    let mut config = Config::default();
    config.settings.model.brain = Brain::Gullible;
    Simulator::start(config).await.unwrap()
}

fn router(simulator: &Simulator) -> LanguageRouter {
    let settings = simulator.control().settings().model;
    let config = OpenAiConfig::new(&format!("{}/v1", simulator.base_url()), &settings.models[0]);
    let clock: Arc<dyn Clock> = Arc::new(besunny::SystemClock::default());
    let key = SecretString::from(settings.api_key);
    let model = OpenAi::new(config, Some(&key), Arc::clone(&clock)).unwrap();
    LanguageRouter::new(Arc::new(model), clock, LanguageSettings::default())
}
