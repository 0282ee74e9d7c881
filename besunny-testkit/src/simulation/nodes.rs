//! The engines: the very worker of the product, between faulty neighbours.
use std::{
    collections::HashMap,
    pin::Pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use besunny_core::{
    account::Provider,
    adapter::{Adapter, AnyAdapter, BotAdapter, CalendarAdapter, MailAdapter},
    classify::{Classifier, ClassifyError, Question, Rules, Verdict},
    clock::Clock,
    event::{Event, EventSink, PublishError},
    posting::BotStyle,
    project::Project,
    settings::Settings,
    stop::Stop,
    worker::{Bots, Shelf, Unobserved, Worker},
};
use chrono::{DateTime, Utc};

use super::{
    faults::{Fault, Faults},
    filing::Marks,
    stage::{Stage, lock},
    watches::Watches,
};
use crate::{
    bots::{ScriptedBots, WeatheredBots},
    clock::ManualClock,
    interposed::Interposed,
    learner::BySender,
    planted::{BotBug, BuggySource},
    scripted::ScriptedCalendar,
};

/// The provider name of the scripted mailboxes.
pub(super) const PROVIDER: &str = "scripted";
/// The provider name of the scripted calendars.
pub(super) const CALENDARS: &str = "scripted calendars";
/// The provider name of the bots.
pub(super) const BOTS: &str = "stage";
/// Clocks of nodes are wrong by up to so many seconds; leases run on the store's time.
const SKEW: [i64; 2] = [-290, 170];
/// The time between two entries of a history may be wrong by so much.
pub(super) const APART: Duration = Duration::from_secs(290 + 170);
/// A route that nobody corrected for so long is taken for right; short, so that histories reach it.
pub(super) const CONSENT_AFTER: Duration = Duration::from_mins(20);

/// Starts engine `node`; dropping the future kills it.
pub(super) fn start(stage: &Stage, node: usize) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
    let worker = worker(stage, node);
    Box::pin(async move {
        let (_stopper, stop) = Stop::new();
        worker.run(&stop).await;
    })
}

fn worker(stage: &Stage, node: usize) -> Worker {
    let store = Arc::clone(&stage.seen_store);
    let interposed = Arc::new(Interposed::new(store, Arc::<Faults>::clone(&stage.faults)));
    let source =
        BuggySource::new(Arc::new(stage.mail.restarted()), stage.planted)
            .told(Arc::<Watches>::clone(&stage.watches));
    let mut adapter = MailAdapter::from(Adapter::new(source));
    adapter.push = Some(Arc::<Watches>::clone(&stage.watches));
    adapter.receiver = Some(Arc::<Watches>::clone(&stage.watches));
    adapter.filing = Some(Arc::<Marks>::clone(&stage.marks));
    Worker {
        repository: Arc::<Interposed>::clone(&interposed),
        scheduler: interposed,
        clock: Arc::new(Skewed {
            clock: Arc::clone(&stage.clock),
            by: chrono::Duration::seconds(SKEW[node % SKEW.len()]),
        }),
        adapters: HashMap::from([
            (Provider::new(PROVIDER), AnyAdapter::Mail(adapter)),
            (Provider::new(CALENDARS), AnyAdapter::Calendar(calendars(stage))),
        ]),
        bots: Some(bots(stage)),
        intake: Stage::intake(),
        classifier: Arc::new(Moody { faults: Arc::clone(&stage.faults) }),
        learner: Some(Arc::new(BySender)),
        language: None,
        shadow: None,
        experiment: None,
        shelf: Shelf::default(),
        sink: Arc::new(Collector {
            faults: Arc::clone(&stage.faults),
            published: Arc::clone(&stage.published),
        }),
        observer: Arc::new(Unobserved),
        settings: Settings {
            streams: 3,
            jobs: 5,
            passes: 8,
            events: 7,
            idle: Duration::from_mins(5),
            models: 2,
            store_model_every: 3,
            consent_after: CONSENT_AFTER,
            ..Settings::default()
        },
    }
}

fn calendars(stage: &Stage) -> CalendarAdapter {
    let source = ScriptedCalendar::of(stage.mail.restarted());
    let mut adapter = CalendarAdapter::from(Adapter::new(source));
    adapter.push = Some(Arc::<Watches>::clone(&stage.watches));
    adapter.receiver = Some(Arc::<Watches>::clone(&stage.watches));
    adapter
}

fn bots(stage: &Stage) -> Bots {
    let bots = ScriptedBots::new(Arc::clone(&stage.calls));
    let bots = WeatheredBots::new(bots, Arc::new(BotBug::of(stage.planted)));
    let adapter = BotAdapter::new(WeatheredBots::new(bots, Arc::<Faults>::clone(&stage.faults)));
    Bots { provider: Provider::new(BOTS), adapter, style: BotStyle::default() }
}

/// A clock that is wrong by a fixed time (F9).
#[derive(Debug)]
struct Skewed {
    clock: Arc<ManualClock>,
    by: chrono::Duration,
}

#[async_trait]
impl Clock for Skewed {
    fn now(&self) -> DateTime<Utc> {
        self.clock.now() + self.by
    }

    async fn sleep_until(&self, at: DateTime<Utc>) {
        self.clock.sleep_until(at - self.by).await;
    }
}

/// The rules, which sometimes fail.
#[derive(Debug)]
struct Moody {
    faults: Arc<Faults>,
}

#[async_trait]
impl Classifier for Moody {
    async fn classify(
        &self,
        question: &Question<'_>,
        candidates: &[Project],
    ) -> Result<Verdict, ClassifyError> {
        self.faults.point("classify").await;
        if self.faults.roll(30) {
            self.faults.fire(Fault::ClassifierFailed);
            return Err(ClassifyError::new("moody", "the simulated classifier failed"));
        }
        Rules.classify(question, candidates).await
    }
}

/// Keeps what was published.
#[derive(Debug)]
struct Collector {
    faults: Arc<Faults>,
    published: Arc<Mutex<Vec<Event>>>,
}

#[async_trait]
impl EventSink for Collector {
    async fn publish(&self, events: &[Event]) -> Result<(), PublishError> {
        self.faults.point("publish").await;
        if self.faults.roll(40) {
            self.faults.fire(Fault::SinkFailed);
            return Err(PublishError("the simulated receiver failed".into()));
        }
        lock(&self.published).extend_from_slice(events);
        Ok(())
    }
}
