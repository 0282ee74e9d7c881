//! A language model that is out: short outages are waited for, longer ones are shown to a person (F22).
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use besunny_ai::language::{LanguageRouter, LanguageSettings};
use besunny_core::{
    clock::Clock,
    commit::{Basis, Commit, Decision, Effect},
    document::{Document, DocumentState, Review, ReviewReason},
    history::{Entry, Fact},
    ids::{CommitId, ProjectId, UserId},
    label::Said,
    language::{Answer, Ask, LanguageError, LanguageErrorKind as Kind, LanguageModel},
    project::{Project, Signals},
    repository::DocumentFilter,
    retry,
    scheduler::Work,
    tenant::Allowed,
    untrusted::Untrusted,
};
use besunny_testkit::{clock::ManualClock, language::USAGE, scripted::Fair};

use crate::scene::{MakeStore, Scene, id, in_a_file, in_memory};

const STORES: [MakeStore; 2] = [in_memory, in_a_file];

/// Fails until an instant; then it names the first project offered, with a passage of the mail.
#[derive(Debug)]
struct Server {
    clock: Arc<ManualClock>,
    fails: Mutex<Option<(Kind, Option<Duration>)>>,
    asked: Mutex<Vec<Duration>>,
    begun: chrono::DateTime<chrono::Utc>,
}

#[async_trait]
impl LanguageModel for Server {
    fn model(&self) -> &'static str {
        "scripted"
    }

    async fn generate(&self, ask: &Ask<'_>) -> Result<Answer, LanguageError> {
        let since = (self.clock.now() - self.begun).to_std().unwrap();
        self.asked.lock().unwrap().push(since);
        if let Some((kind, wait)) = *self.fails.lock().unwrap() {
            return Err(LanguageError::of(kind).with_retry_after(wait));
        }
        let harbour = ask.input.expose().lines().find(|line| line.contains(": Harbour")).unwrap();
        let alias = harbour.split(':').next().unwrap();
        let text = format!(
            "{{\"choice\":\"{alias}\",\"confidence\":0.9,\"quotes\":[\"mooring of tugboats\"],\
             \"alternatives\":[]}}"
        );
        Ok(Answer { text: Untrusted::new(text), model: "scripted".to_owned(), usage: USAGE })
    }
}

struct Outage {
    scene: Scene,
    server: Arc<Server>,
    project: ProjectId,
}

impl Outage {
    /// One open mail, of which the rules think a little, and a server that is out.
    async fn new(make: MakeStore, kind: Kind, wait: Option<Duration>) -> Self {
        let scene = Scene::new(make, Arc::new(Fair)).await;
        let owner = UserId::derived(&[b"ann"]);
        let new = Project::new(scene.scope.tenant(), owner, "Harbour", scene.clock.now()).unwrap();
        let signals = Signals {
            keywords: vec!["mooring".to_owned(), "tugboats".to_owned()],
            ..Signals::default()
        };
        let project = Project { signals, ..new };
        scene.store.put_project(&scene.scope, &project).await.unwrap();
        scene.store.allow(&scene.scope, Allowed { language_models: true }).await.unwrap();
        let raw = "Message-ID: <1@x.example>\r\nFrom: bob@x.example\r\nSubject: hello\r\n\r\n\
                   The mooring of tugboats.\r\n";
        scene.change(|mailbox, at| mailbox.deliver(&id(1), raw, at));
        let server = Server {
            clock: Arc::clone(&scene.clock),
            fails: Mutex::new(Some((kind, wait))),
            asked: Mutex::default(),
            begun: scene.clock.now(),
        };
        Self { scene, server: Arc::new(server), project: project.id }
    }

    /// Works, with time from due job to due job, until `end` after the first mail.
    async fn work_until(&self, end: Duration) {
        let clock = Arc::<ManualClock>::clone(&self.scene.clock);
        let router = LanguageRouter::new(
            Arc::<Server>::clone(&self.server) as _,
            clock,
            LanguageSettings::default(),
        );
        let mut engine = self.scene.worker();
        engine.language = Some(Arc::new(router));
        let end = self.server.begun + end;
        loop {
            engine.run_until_idle().await;
            let due = self.scene.store.next_due(Work::Jobs).await.unwrap();
            let now = self.scene.clock.now();
            let Some(next) = due.map(|due| now + due).filter(|next| *next <= end) else { break };
            self.scene.clock.advance((next - now).to_std().unwrap() + Duration::from_millis(1));
        }
        self.scene.clock.move_to(end.max(self.scene.clock.now()));
    }

    fn comes_back(&self) {
        *self.server.fails.lock().unwrap() = None;
    }

    async fn document(&self) -> Document {
        let filter = DocumentFilter { limit: 10, ..DocumentFilter::default() };
        self.scene.store.documents(&self.scene.scope, &filter).await.unwrap().remove(0)
    }

    async fn history(&self) -> Vec<Entry> {
        let document = self.document().await;
        self.scene.store.history(&self.scene.scope, document.id).await.unwrap()
    }
}

fn failed(suggestion: ProjectId) -> DocumentState {
    let (reason, suggestion) = (ReviewReason::ClassifierFailed, Some(suggestion));
    DocumentState::NeedsReview(Review { reason, suggestion })
}

#[tokio::test]
async fn f22_an_outage_of_some_minutes_sends_nothing_to_a_person() {
    for make in STORES {
        let outage = Outage::new(make, Kind::Unavailable, None).await;
        outage.work_until(Duration::from_mins(4)).await;
        assert_eq!(outage.document().await.state, DocumentState::Pending);
        outage.comes_back();
        outage.work_until(Duration::from_mins(15)).await;
        let history = outage.history().await;
        let Fact::Decided { verdict, ruling, .. } = &history[1].fact else { panic!("{history:?}") };
        assert_eq!(verdict.choice, Some(outage.project));
        assert!(verdict.classifier.starts_with("language/"), "{}", verdict.classifier);
        assert_eq!((ruling.others.len(), &ruling.unheard), (1, &None));
    }
}

#[tokio::test]
async fn f22_a_longer_outage_shows_a_person_what_is_known_and_why_it_waits() {
    for make in STORES {
        let outage = Outage::new(make, Kind::Unavailable, None).await;
        outage.work_until(Duration::from_mins(20)).await;
        assert_eq!(outage.document().await.state, failed(outage.project));
        let history = outage.history().await;
        let Fact::Decided { verdict, ruling, .. } = &history[1].fact else { panic!("{history:?}") };
        assert_eq!(verdict.choice, Some(outage.project), "what the rules said");
        let unheard = ruling.unheard.as_ref().unwrap();
        assert!(unheard.is_out && unheard.why.contains("language model"), "{unheard:?}");
        assert_eq!(Said::at_last(&history).len(), 1, "people's answers judge the rules");
        // The server is back, and nobody decided: it is asked once more.
        outage.comes_back();
        outage.work_until(Duration::from_hours(1)).await;
        let history = outage.history().await;
        let Fact::Decided { verdict, .. } = &history[2].fact else { panic!("{history:?}") };
        assert!(verdict.classifier.starts_with("language/"), "{}", verdict.classifier);
        assert_eq!(history.len(), 3, "once more, and not again");
    }
}

#[tokio::test]
async fn cls_8_what_a_person_decided_during_an_outage_is_not_asked_about_again() {
    for make in STORES {
        let outage = Outage::new(make, Kind::Unavailable, None).await;
        outage.work_until(Duration::from_mins(20)).await;
        let document = outage.document().await;
        let (by, state) = (document.owner, DocumentState::NoProject { by: document.owner });
        let act = CommitId::derived(&[b"act"]);
        let decision = Decision {
            document: document.id,
            expected: document.version,
            state: state.clone(),
            fact: Fact::Declined { by, from: None, act },
        };
        let effects = vec![Effect::Decide(decision)];
        let at = outage.scene.clock.now();
        let commit = Commit { id: act, basis: Basis::Person, at, effects };
        outage.scene.store.commit(&outage.scene.scope, Arc::new(commit)).await.unwrap();
        outage.comes_back();
        let asked = outage.server.asked.lock().unwrap().len();
        outage.work_until(Duration::from_mins(90)).await;
        assert_eq!(outage.document().await.state, state);
        assert_eq!(outage.server.asked.lock().unwrap().len(), asked);
    }
}

#[tokio::test]
async fn l9_a_wait_that_the_model_asks_for_is_kept_and_a_long_one_is_not_waited_for() {
    for make in STORES {
        let wait = Duration::from_secs(90);
        let outage = Outage::new(make, Kind::RateLimited, Some(wait)).await;
        outage.work_until(Duration::from_mins(8)).await;
        let asked = outage.server.asked.lock().unwrap().clone();
        assert!(asked.len() > 4, "{asked:?}");
        assert!(asked.windows(2).all(|two| two[1] >= two[0] + wait), "{asked:?}");
        assert_eq!(outage.document().await.state, DocumentState::Pending);
        for (kind, wait) in [
            (Kind::RateLimited, Some(Duration::from_hours(1))),
            (Kind::LimitReached, None),
            (Kind::Unauthorized, None),
            (Kind::Misconfigured, None),
        ] {
            let outage = Outage::new(make, kind, wait).await;
            outage.work_until(Duration::from_secs(1)).await;
            assert_eq!(outage.document().await.state, failed(outage.project), "{kind:?}");
            outage.comes_back();
            outage.work_until(retry::LIMIT_REACHED.cap * 2).await;
            assert_eq!(outage.history().await.len(), 3, "{kind:?}: asked once more");
        }
    }
}
