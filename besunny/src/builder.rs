//! Wiring: a store, adapters, and what differs from the defaults.
use std::{collections::HashMap, sync::Arc};

use async_trait::async_trait;
use besunny_core::{
    account::Provider,
    adapter::{Adapter, AnyAdapter, BotAdapter},
    address::{AddressRuleError, VirtualAddresses},
    calendar::CalendarEvent,
    classify::{Classifier, Rules},
    clock::{Clock, Ids},
    contender::Contender,
    event::{Event, EventSink, PublishError},
    experiment::Experiment,
    intake::MailIntake,
    language::LanguageModel,
    learner::Learner,
    mail::Caps,
    message::{Filing, Message},
    onboarding::{PRODUCTION, Template, TemplateError, generation},
    posting::BotStyle,
    repository::Store,
    settings::Settings,
    source::Source,
    worker::{Bots, Observer, Shelf, Unobserved, Worker},
};

use tokio::sync::Semaphore;

use crate::{Besunny, Describer, SystemClock, SystemIds, pool::BlockingPool};

/// The label that processed mail of the master mailbox gets (MAIL-14).
const PROCESSED: &str = "BeSunny/Processed";
/// What virtual addresses begin with (USER-3).
const PREFIX: &str = "ai";

/// The engine before it is built.
#[derive(Debug)]
pub struct Builder {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    adapters: HashMap<Provider, AnyAdapter>,
    bots: Option<Bots>,
    intake: MailIntake,
    classifier: Arc<dyn Classifier>,
    learner: Option<Arc<dyn Learner>>,
    language: Option<Arc<dyn Classifier>>,
    shadow: Option<Contender>,
    experiment: Option<Experiment>,
    sink: Arc<dyn EventSink>,
    observer: Arc<dyn Observer>,
    settings: Settings,
    questions: Vec<Template>,
    describer: Option<Arc<dyn LanguageModel>>,
}

impl Builder {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            clock: Arc::new(SystemClock::default()),
            ids: Arc::new(SystemIds),
            adapters: HashMap::new(),
            bots: None,
            intake: MailIntake {
                addresses: VirtualAddresses::none(),
                caps: Caps::default(),
                master_filing: Filing::ReadAndLabel(PROCESSED.to_owned()),
                addressed_filing: Filing::Label(PROCESSED.to_owned()),
            },
            classifier: Arc::new(Rules),
            learner: None,
            language: None,
            shadow: None,
            experiment: None,
            sink: Arc::new(Nobody),
            observer: Arc::new(Unobserved),
            settings: Settings::default(),
            questions: vec![PRODUCTION],
            describer: None,
        }
    }

    /// Lets a language model describe projects (ONB-4), for tenants that allow it.
    ///
    /// Without one, the answers alone must do.
    #[must_use]
    pub fn describe_projects_by(mut self, model: Arc<dyn LanguageModel>) -> Self {
        self.describer = Some(model);
        self
    }

    /// Adds a set of onboarding questions; the last one added is asked unless another is named.
    ///
    /// # Errors
    /// [`TemplateError`] names the question that cannot be asked.
    pub fn questions(mut self, template: Template) -> Result<Self, TemplateError> {
        template.check()?;
        self.questions.push(template);
        Ok(self)
    }

    /// Follows `provider` with `adapter`.
    #[must_use]
    pub fn mail<S: Source<Message> + 'static>(
        mut self,
        provider: Provider,
        adapter: Adapter<S>,
    ) -> Self {
        self.adapters.insert(provider, AnyAdapter::Mail(adapter.into()));
        self
    }

    /// Follows the calendars of `provider` with `adapter` (CAL-4).
    #[must_use]
    pub fn calendar<S: Source<CalendarEvent> + 'static>(
        mut self,
        provider: Provider,
        adapter: Adapter<S>,
    ) -> Self {
        self.adapters.insert(provider, AnyAdapter::Calendar(adapter.into()));
        self
    }

    /// Sends bots into meetings by `adapter`, which are called and say as `style` has it (BOT-1).
    #[must_use]
    pub fn bots(mut self, provider: Provider, adapter: BotAdapter, style: BotStyle) -> Self {
        self.bots = Some(Bots { provider, adapter, style });
        self
    }

    /// Recognises `ai+USERNAME@domain` as a virtual address (USER-3).
    ///
    /// # Errors
    /// [`AddressRuleError`] when `domain` is no domain.
    pub fn virtual_domain(self, domain: &str) -> Result<Self, AddressRuleError> {
        Ok(self.virtual_addresses(VirtualAddresses::new(PREFIX, [domain])?))
    }

    /// Recognises virtual addresses by a rule of your own (USER-3); none by default.
    #[must_use]
    pub fn virtual_addresses(mut self, addresses: VirtualAddresses) -> Self {
        self.intake.addresses = addresses;
        self
    }

    /// Sets what is done at the source to mail of the master mailbox once it is stored (MAIL-14).
    #[must_use]
    pub fn master_filing(mut self, filing: Filing) -> Self {
        self.intake.master_filing = filing;
        self
    }

    /// Sets the same for mail of a person's own mailbox that named the virtual address.
    #[must_use]
    pub fn addressed_filing(mut self, filing: Filing) -> Self {
        self.intake.addressed_filing = filing;
        self
    }

    /// Sets how much of a mail is read.
    #[must_use]
    pub fn mail_caps(mut self, caps: Caps) -> Self {
        self.intake.caps = caps;
        self
    }

    /// Sets who says which project a document belongs to; rules by default.
    #[must_use]
    pub fn classifier(mut self, classifier: impl Classifier + 'static) -> Self {
        self.classifier = Arc::new(classifier);
        self
    }

    /// Learns from people where their documents belong; nothing is learned by default (ML-2).
    ///
    /// Its choices are followed once they keep the promised precision; until then the rules decide.
    #[must_use]
    pub fn learner(mut self, learner: Arc<dyn Learner>) -> Self {
        self.learner = Some(learner);
        self
    }

    /// Asks a language model where nobody else is sure, for tenants that allow it (CLS-1).
    ///
    /// Its choices are suggestions until past answers show that they keep the promised precision.
    #[must_use]
    pub fn language(mut self, classifier: Arc<dyn Classifier>) -> Self {
        self.language = Some(classifier);
        self
    }

    /// Asks a model beside the one that decides, after each decision; it never acts (ML-5).
    ///
    /// What it says is noted beside the decision, see [`Besunny::report`]. A language model that is
    /// the shadow takes part in no decision.
    #[must_use]
    pub fn shadow(mut self, model: Contender) -> Self {
        self.shadow = Some(model);
        self
    }

    /// Lets another model decide for a share of the owners (ML-5), see [`Besunny::report`].
    #[must_use]
    pub fn experiment(mut self, experiment: Experiment) -> Self {
        self.experiment = Some(experiment);
        self
    }

    /// Sets who is told of published facts; nobody by default.
    #[must_use]
    pub fn sink(mut self, sink: impl EventSink + 'static) -> Self {
        self.sink = Arc::new(sink);
        self
    }

    /// Sets who sees progress.
    #[must_use]
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = observer;
        self
    }

    /// Sets the time; give the store the same clock.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Sets how ids of what people make are made.
    #[must_use]
    pub fn ids(mut self, ids: Arc<dyn Ids>) -> Self {
        self.ids = ids;
        self
    }

    /// Sets how much is done at once.
    #[must_use]
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// Ends the wiring.
    #[must_use]
    pub fn build(self) -> Besunny {
        let worker = Worker {
            repository: Arc::clone(&self.store) as _,
            scheduler: Arc::clone(&self.store) as _,
            clock: self.clock,
            adapters: self.adapters,
            bots: self.bots,
            intake: self.intake,
            classifier: self.classifier,
            learner: self.learner,
            language: self.language,
            shadow: self.shadow,
            experiment: self.experiment,
            shelf: Shelf::beside(Arc::new(BlockingPool)),
            sink: self.sink,
            observer: self.observer,
            settings: self.settings,
        };
        let describer = self.describer.map(|model| {
            let places = Semaphore::new(generation::CONCURRENCY);
            Arc::new(Describer { model, places })
        });
        Besunny {
            store: self.store,
            worker: Arc::new(worker),
            ids: self.ids,
            questions: self.questions.into(),
            describer,
        }
    }
}

/// Takes events and keeps none.
#[derive(Debug)]
struct Nobody;

#[async_trait]
impl EventSink for Nobody {
    async fn publish(&self, _: &[Event]) -> Result<(), PublishError> {
        Ok(())
    }
}
