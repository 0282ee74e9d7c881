//! Bugs of what the engine is given: clocks, ids, budgets, tokens, classifiers, learners.
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use besunny_core::{
    budget::{Budget, Quota, Spend, Spent},
    classify::{Classifier, ClassifyError, Question, Rules, Verdict},
    clock::{Clock, Ids},
    ids::{DocumentId, ProjectId},
    label::Truth,
    learner::{Example, Guess, LearnError, Learner, Model},
    project::Project,
};
use besunny_testkit::{
    clock::CountingIds,
    conformance::{
        Power,
        budget::{self, BudgetWorld},
        classifier::{self, ClassifierWorld},
        clock::{self, ClockWorld},
        learner, token,
    },
    learner::BySender,
};
use chrono::{DateTime, TimeDelta, Utc};
use libtest_mimic::Trial;
use uuid::Uuid;

use super::{broken, plant};
use crate::{
    budget::PacedWorld,
    clocks::Manual,
    purse::{Careless, Purse},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bug {
    TurnedBack,
    WokenEarly,
    RepeatedIds,
    NoBounds,
    EndedAtOnce,
    DeafToRefusals,
    ChosenUnasked,
    GuessedOnFailure,
    Fickle,
    LearnedFirst,
    JudgedAgain,
    ReadAsFresh,
    ReadAnything,
}

pub(crate) fn trials() -> Vec<Trial> {
    let clocks = [(Bug::TurnedBack, "clock.now.forward"), (Bug::WokenEarly, "clock.sleep.until")];
    let clocks = clocks.map(|(bug, clause)| {
        plant("clock", bug, clause, move || {
            broken(clock::cases(), || Arc::new(BuggyClock(Manual::fresh(), bug)))
        })
    });
    let ids = plant("ids", Bug::RepeatedIds, "ids.next.fresh", || {
        broken(clock::id_cases(), || Arc::new(Short(CountingIds::default())))
    });
    let budgets = [
        (Bug::NoBounds, "budget.account.limit"),
        (Bug::NoBounds, "budget.project.limit"),
        (Bug::NoBounds, "budget.spend.in-order"),
        (Bug::EndedAtOnce, "budget.spend.until-end"),
        (Bug::DeafToRefusals, "budget.refused.pauses"),
    ];
    let budgets = budgets.map(|(bug, clause)| {
        plant("budget", bug, clause, move || {
            broken(budget::cases(), || Arc::new(BuggyBudget(PacedWorld::fresh(), bug)))
        })
    });
    let tokens = [
        (Careless::Unshared, "token.refresh.once"),
        (Careless::Unkept, "token.refresh.kept"),
        (Careless::Rash, "token.invalidate.replaced"),
        (Careless::Stubborn, "token.errors.dead"),
        (Careless::Shown, "token.errors.no-secret"),
    ];
    let tokens = tokens.map(|(bug, clause)| {
        plant("token", bug, clause, move || broken(token::cases(), || Purse::fresh(Some(bug))))
    });
    let classifiers = [
        (Bug::ChosenUnasked, "classifier.choice.offered"),
        (Bug::ChosenUnasked, "classifier.choice.none"),
        (Bug::GuessedOnFailure, "classifier.errors.no-guess"),
        (Bug::Fickle, "classifier.verdict.repeatable"),
    ];
    let classifiers = classifiers.map(|(bug, clause)| {
        plant("classifier", bug, clause, move || {
            broken(classifier::cases(), || Arc::new(BuggyClassifier::new(bug)))
        })
    });
    let learners = [
        (Bug::LearnedFirst, "model.learn.predicts-first"),
        (Bug::JudgedAgain, "model.learn.again"),
        (Bug::ChosenUnasked, "model.choice.offered"),
        (Bug::Fickle, "model.learn.repeatable"),
        (Bug::ReadAsFresh, "learner.import.same"),
        (Bug::ReadAnything, "learner.import.refused"),
    ];
    let learners = learners.map(|(bug, clause)| {
        plant("learner", bug, clause, move || {
            broken(learner::cases(), || Arc::new(BuggyLearner(bug, Arc::default())))
        })
    });
    let groups = clocks.into_iter().chain([ids]).chain(budgets).chain(tokens);
    groups.chain(classifiers).chain(learners).collect()
}

#[derive(Debug)]
struct BuggyClock(clock::World, Bug);

#[async_trait]
impl ClockWorld for BuggyClock {
    fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(Hasty { clock: self.0.clock(), bug: self.1, looks: AtomicU32::new(0) })
    }
    async fn pass(&self, by: Duration) {
        self.0.pass(by).await;
    }
}

#[derive(Debug)]
struct Hasty {
    clock: Arc<dyn Clock>,
    bug: Bug,
    looks: AtomicU32,
}

#[async_trait]
impl Clock for Hasty {
    fn now(&self) -> DateTime<Utc> {
        let is_odd = self.looks.fetch_add(1, Ordering::Relaxed) % 2 == 1;
        let back = self.bug == Bug::TurnedBack && is_odd;
        self.clock.now() - TimeDelta::seconds(i64::from(back))
    }

    async fn sleep_until(&self, at: DateTime<Utc>) {
        let early = self.bug == Bug::WokenEarly;
        self.clock.sleep_until(at - TimeDelta::milliseconds(i64::from(early) * 15)).await;
    }
}

/// Ids that are cut too short.
#[derive(Debug)]
struct Short(CountingIds);

impl Ids for Short {
    fn next(&self) -> Uuid {
        Uuid::from_u128(self.0.next().as_u128() & 0xff)
    }
}

#[derive(Debug)]
struct BuggyBudget(budget::World, Bug);

impl BudgetWorld for BuggyBudget {
    fn budget(&self) -> Arc<dyn Budget> {
        Arc::new(Lavish(self.0.budget(), self.1))
    }
    fn quota(&self) -> Quota {
        self.0.quota()
    }
    fn advance(&self, by: Duration) {
        self.0.advance(by);
    }
}

#[derive(Debug)]
struct Lavish(Arc<dyn Budget>, Bug);

#[async_trait]
impl Budget for Lavish {
    async fn spend(&self, spend: Spend) -> Spent {
        if self.1 == Bug::NoBounds {
            return Spent::UNCOUNTED;
        }
        let units = self.0.spend(spend).await;
        if self.1 == Bug::EndedAtOnce { Spent::UNCOUNTED } else { units }
    }

    fn refused(&self, spend: Spend, pause: Duration) {
        if self.1 != Bug::DeafToRefusals {
            self.0.refused(spend, pause);
        }
    }
}

#[derive(Debug)]
struct BuggyClassifier {
    bug: Bug,
    wanted: Mutex<Option<ProjectId>>,
    asked: Arc<AtomicU32>,
}

impl BuggyClassifier {
    fn new(bug: Bug) -> Self {
        Self { bug, wanted: Mutex::default(), asked: Arc::default() }
    }
}

#[async_trait]
impl ClassifierWorld for BuggyClassifier {
    fn classifier(&self) -> Arc<dyn Classifier> {
        let wanted = *self.wanted.lock().expect("a lock");
        Arc::new(Willful { bug: self.bug, wanted, asked: Arc::clone(&self.asked) })
    }
    async fn want(&self, project: &Project) {
        *self.wanted.lock().expect("a lock") = Some(project.id);
    }
    async fn fail(&self) {}
    fn lacks(&self, _: Power) -> Option<&'static str> {
        None
    }
}

#[derive(Debug)]
struct Willful {
    bug: Bug,
    wanted: Option<ProjectId>,
    asked: Arc<AtomicU32>,
}

#[async_trait]
impl Classifier for Willful {
    async fn classify(
        &self,
        question: &Question<'_>,
        candidates: &[Project],
    ) -> Result<Verdict, ClassifyError> {
        let mut verdict = Rules.classify(question, candidates).await?;
        let asked = self.asked.fetch_add(1, Ordering::Relaxed);
        if self.bug == Bug::ChosenUnasked {
            verdict.choice = self.wanted;
        }
        if self.bug == Bug::Fickle {
            verdict.confidence /= f64::from(asked + 1);
        }
        Ok(verdict)
    }
}

#[derive(Debug)]
struct BuggyLearner(Bug, Arc<AtomicU32>);

impl BuggyLearner {
    fn model(&self, model: Box<dyn Model>) -> Box<dyn Model> {
        let number = self.1.fetch_add(1, Ordering::Relaxed);
        Box::new(Pupil { bug: self.0, model, number, last: None })
    }
}

impl Learner for BuggyLearner {
    fn name(&self) -> &'static str {
        "buggy"
    }

    fn fresh(&self) -> Box<dyn Model> {
        self.model(BySender.fresh())
    }

    fn import(&self, bytes: &[u8]) -> Result<Box<dyn Model>, LearnError> {
        match (self.0, BySender.import(bytes)) {
            (Bug::ReadAsFresh, Ok(_)) | (Bug::ReadAnything, Err(_)) => Ok(self.fresh()),
            (_, read) => Ok(self.model(read?)),
        }
    }
}

#[derive(Debug)]
struct Pupil {
    bug: Bug,
    model: Box<dyn Model>,
    number: u32,
    last: Option<ProjectId>,
}

impl Model for Pupil {
    fn predict(&self, question: &Question<'_>, candidates: &[Project]) -> Option<Verdict> {
        let said = self.model.predict(question, candidates);
        if self.bug == Bug::ChosenUnasked {
            return said.map(|said| Verdict { choice: self.last, ..said });
        }
        said
    }

    fn known(&self, project: ProjectId) -> u32 {
        self.model.known(project)
    }

    fn has_learned(&self, document: DocumentId) -> bool {
        self.model.has_learned(document)
    }

    fn learn(&mut self, example: &Example<'_>) -> Option<Guess> {
        let said = self.model.learn(example);
        let Truth::To(project) = example.truth else { return said };
        self.last = Some(project);
        let knowing = Some(Guess { choice: Some(project), confidence: 1.0 });
        match (self.bug, said) {
            (Bug::LearnedFirst, Some(_)) | (Bug::JudgedAgain, None) => knowing,
            (_, said) => said,
        }
    }

    fn export(&self) -> Result<Vec<u8>, LearnError> {
        let mut bytes = self.model.export()?;
        if self.bug == Bug::Fickle {
            bytes.extend(self.number.to_be_bytes());
        }
        Ok(bytes)
    }
}
