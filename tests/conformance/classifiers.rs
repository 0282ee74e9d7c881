//! Who says which project a document belongs to: rules, a language model, learners.
use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use besunny_ai::{
    language::{LanguageRouter, LanguageSettings},
    learned::Incremental,
};
use besunny_core::{
    classify::{Classifier, Rules},
    language::{Answer, Ask, LanguageError, LanguageErrorKind, LanguageModel},
    project::Project,
    untrusted::Untrusted,
};
use besunny_testkit::{
    clock::ManualClock,
    conformance::{
        Power,
        classifier::{self, ClassifierWorld, World},
        learner,
    },
    language::USAGE,
    learner::BySender,
};
use libtest_mimic::Trial;

pub(crate) fn trials() -> Vec<Trial> {
    let groups = [
        super::trials("rules", classifier::cases(), lacks_as_rules, || {
            Box::pin(async { Arc::new(ByRules) as World })
        }),
        super::trials(
            "language-model",
            classifier::cases(),
            |_| None,
            || Box::pin(async { Asked::fresh() }),
        ),
        super::trials(
            "learned",
            learner::cases(),
            |_| None,
            || Box::pin(async { Arc::new(Incremental::default()) as learner::World }),
        ),
        super::trials(
            "by-sender",
            learner::cases(),
            |_| None,
            || Box::pin(async { Arc::new(BySender) as learner::World }),
        ),
    ];
    groups.into_iter().flatten().collect()
}

fn lacks_as_rules(power: Power) -> Option<&'static str> {
    (power == Power::Fail).then_some("rules depend on nothing that could fail")
}

/// The rules, which want what the mail names.
#[derive(Debug)]
pub(crate) struct ByRules;

#[async_trait]
impl ClassifierWorld for ByRules {
    fn classifier(&self) -> Arc<dyn Classifier> {
        Arc::new(Rules)
    }

    async fn want(&self, _: &Project) {}

    async fn fail(&self) {}

    fn lacks(&self, power: Power) -> Option<&'static str> {
        lacks_as_rules(power)
    }
}

/// The router by language model, over a model that says what it is told.
#[derive(Debug)]
struct Asked {
    model: Arc<Obedient>,
    router: Arc<LanguageRouter>,
}

impl Asked {
    fn fresh() -> World {
        let model = Arc::new(Obedient::default());
        let clock = Arc::new(ManualClock::default());
        let router = LanguageRouter::new(
            Arc::<Obedient>::clone(&model) as _,
            clock,
            LanguageSettings::default(),
        );
        Arc::new(Self { model, router: Arc::new(router) })
    }
}

#[async_trait]
impl ClassifierWorld for Asked {
    fn classifier(&self) -> Arc<dyn Classifier> {
        Arc::<LanguageRouter>::clone(&self.router)
    }

    async fn want(&self, project: &Project) {
        let mut wanted = self.model.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        wanted.clone_from(&project.name);
    }

    async fn fail(&self) {
        self.model.is_down.store(true, Ordering::SeqCst);
    }

    fn lacks(&self, _: Power) -> Option<&'static str> {
        None
    }
}

/// A model that chooses the project it is told, if it is shown, and quotes the mail for it.
#[derive(Debug, Default)]
struct Obedient {
    wanted: Mutex<String>,
    is_down: AtomicBool,
}

#[async_trait]
impl LanguageModel for Obedient {
    fn model(&self) -> &'static str {
        "obedient"
    }

    async fn generate(&self, ask: &Ask<'_>) -> Result<Answer, LanguageError> {
        if self.is_down.load(Ordering::SeqCst) {
            return Err(LanguageError::new(LanguageErrorKind::Unavailable, "generate"));
        }
        let wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let shown = ask.input.expose().lines().find(|line| line.contains(&format!(": {wanted}")));
        let alias = shown.and_then(|line| line.split(':').next()).unwrap_or("none");
        let text = serde_json::json!({
            "choice": alias, "confidence": 0.9, "quotes": [wanted], "alternatives": [],
        });
        let (text, model) = (Untrusted::new(text.to_string()), "obedient-1".to_owned());
        Ok(Answer { text, model, usage: USAGE })
    }
}
