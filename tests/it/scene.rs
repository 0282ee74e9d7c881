//! A mailbox, a store and engines on them, with time in the test's hand.
use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex},
    time::Duration,
};

use besunny_core::{
    account::{Account, Intake, NewAccount, Provider},
    adapter::{Adapter, AnyAdapter, MailAdapter},
    address::{Username, VirtualAddresses},
    calendar::{Attendance, EventUid},
    classify::Rules,
    clock::Clock,
    commit::{Basis, Commit, Effect},
    document::{Document, DocumentState, ReviewReason},
    event::{Event, EventSink, PublishError},
    history::Fact,
    ids::{CommitId, TenantId, UserId},
    intake::MailIntake,
    job::{Job, Task},
    mail::Caps,
    meeting::{Meeting, MeetingChange, MeetingLink, MeetingStatus, meeting_id},
    message::Filing,
    push::{About, Notice},
    repository::{DocumentFilter, Store, StreamStatus},
    scheduler::Receipt,
    settings::Settings,
    source::{ItemId, OfferedStream, StreamKey, Subject},
    tenant::{Tenant, TenantScope, User},
    worker::{Shelf, Unobserved, Worker},
};
use besunny_store_sqlite::{Options, Place, SqliteStore};
use besunny_testkit::{
    clock::ManualClock,
    learner::BySender,
    memory::MemoryRepository,
    scripted::{Mailbox, ScriptedMail, Telling, Weather},
};
use chrono::{DateTime, TimeDelta, Utc};
use futures::future::BoxFuture;

/// Makes a store whose leases run on the clock.
pub(crate) type MakeStore = fn(Arc<ManualClock>) -> BoxFuture<'static, Arc<dyn Store>>;

/// One person's mailbox, followed by engines on one store.
pub(crate) struct Scene {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) mail: ScriptedMail,
    pub(crate) subject: Subject,
    pub(crate) scope: TenantScope,
    pub(crate) published: Arc<Mutex<Vec<Event>>>,
}

/// Makes a store in memory.
pub(crate) fn in_memory(clock: Arc<ManualClock>) -> BoxFuture<'static, Arc<dyn Store>> {
    Box::pin(async move { Arc::new(MemoryRepository::new(clock)) as Arc<dyn Store> })
}

/// Makes a store in a file that lasts as long as the store.
pub(crate) fn in_a_file(clock: Arc<ManualClock>) -> BoxFuture<'static, Arc<dyn Store>> {
    Box::pin(async move {
        let store = SqliteStore::open(Place::Temporary, clock, Options::default()).await;
        Arc::new(store.unwrap()) as Arc<dyn Store>
    })
}

/// Follows the one provider of the scene.
pub(crate) fn followed(adapter: AnyAdapter) -> HashMap<Provider, AnyAdapter> {
    [(Provider::new("scripted"), adapter)].into()
}

/// Returns the adapter of a worker that follows mail.
pub(crate) fn mail_of(worker: &mut Worker) -> &mut MailAdapter {
    match worker.adapters.get_mut(&Provider::new("scripted")) {
        Some(AnyAdapter::Mail(adapter)) => adapter,
        other => panic!("no mail is followed: {other:?}"),
    }
}

impl Scene {
    /// Connects an empty mailbox with a change log, four changes a page.
    pub(crate) async fn new(make: MakeStore, weather: Arc<dyn Weather>) -> Self {
        let clock = Arc::new(ManualClock::default());
        let store = make(Arc::clone(&clock)).await;
        let mail = ScriptedMail::new(weather, 4);
        let subject = Subject::from_source("ann@example.com");
        let tenant = TenantId::derived(&[b"acme"]);
        let scope = TenantScope::trusted(tenant);
        let created_at = clock.now();
        let name = "acme".to_owned();
        store.found(&Tenant { id: tenant, name, created_at }).await.unwrap();
        let scene = Self { clock, store, mail, subject, scope, published: Arc::default() };
        scene.add_person("ann").await;
        scene.connect(scene.subject.clone()).await;
        scene
    }

    pub(crate) async fn add_person(&self, name: &str) {
        let (id, username) = (UserId::derived(&[name.as_bytes()]), Username::parse(name).unwrap());
        let user = User { id, username, name: name.to_owned(), created_at: self.clock.now() };
        self.store.add_user(&self.scope, &user).await.unwrap();
    }

    /// Connects the mailbox of `subject`.
    pub(crate) async fn connect(&self, subject: Subject) {
        self.mail.open(subject.clone(), Telling::Log);
        self.grant(subject, "ann").await;
    }

    /// Connects the mailbox of the scene for somebody else.
    pub(crate) async fn connect_for(&self, name: &str) {
        self.grant(self.subject.clone(), name).await;
    }

    async fn grant(&self, subject: Subject, name: &str) {
        let (tenant, owner) = (self.scope.tenant(), UserId::derived(&[name.as_bytes()]));
        let provider = Provider::new("scripted");
        let grant = NewAccount { owner, provider, subject, intake: Intake::Whole };
        let account = Account::new(tenant, grant, self.clock.now());
        let key = StreamKey::from_source("mailbox");
        let offered = OfferedStream { key, title: "Mailbox".to_owned(), proposed: true };
        self.store.connect(&self.scope, &account, &[offered]).await.unwrap();
    }

    /// Returns half an hour in the room at `link`, to which a virtual address is invited.
    pub(crate) fn meeting(
        &self,
        owner: &str,
        uid: &str,
        starts_at: DateTime<Utc>,
        link: &str,
    ) -> Meeting {
        let (owner, uid) = (UserId::derived(&[owner.as_bytes()]), EventUid::from_source(uid));
        Meeting {
            id: meeting_id(self.scope.tenant(), owner, &uid, None),
            version: 0,
            owner,
            uid,
            original: None,
            starts_at,
            ends_at: starts_at + TimeDelta::minutes(30),
            status: MeetingStatus::Planned,
            title: Some("About the roof".to_owned().into()),
            link: MeetingLink::of_url(link),
            organizer: None,
            attendees: Vec::new(),
            answer: Attendance::Accepted,
            is_own: Some(true),
            invited: vec![Username::parse("ann").unwrap()],
            choice: None,
        }
    }

    /// Commits the next version of a meeting, as a plan of its events or a person would.
    pub(crate) async fn put(&self, meeting: &Meeting) -> Meeting {
        let (expected, version) = (meeting.version, meeting.version + 1);
        let new = Meeting { version, ..meeting.clone() };
        let id = CommitId::derived(&[new.id.as_bytes(), &version.to_be_bytes()]);
        let room = new.link.clone().unwrap().key;
        let task = Task::Staff { room, meeting: Some(new.id), cause: id };
        let staff = Job::new(self.scope.tenant(), task);
        let meet = MeetingChange { expected, meeting: new.clone(), seen: None };
        let effects = vec![Effect::Meet(Box::new(meet)), Effect::Enqueue(staff)];
        let at = self.clock.now();
        let commit = Arc::new(Commit { id, basis: Basis::Person, at, effects });
        self.store.commit(&self.scope, commit).await.unwrap();
        new
    }

    /// Makes an engine on `store`, which is this scene's or one around it.
    pub(crate) fn engine(&self, store: Arc<dyn Store>) -> Worker {
        let source = self.mail.restarted();
        Worker {
            repository: Arc::clone(&store) as _,
            scheduler: store as _,
            clock: Arc::<ManualClock>::clone(&self.clock),
            adapters: followed(AnyAdapter::Mail(Adapter::new(source).into())),
            bots: None,
            intake: MailIntake {
                addresses: VirtualAddresses::none(),
                caps: Caps::default(),
                master_filing: Filing::None,
                addressed_filing: Filing::None,
            },
            classifier: Arc::new(Rules),
            learner: Some(Arc::new(BySender)),
            language: None,
            shadow: None,
            experiment: None,
            shelf: Shelf::default(),
            sink: Arc::new(Sink(Arc::clone(&self.published))),
            observer: Arc::new(Unobserved),
            settings: Settings::default(),
        }
    }

    /// Makes an engine on this scene's store.
    pub(crate) fn worker(&self) -> Worker {
        self.engine(Arc::clone(&self.store))
    }

    /// Works until nothing is due.
    pub(crate) async fn work(&self) {
        self.worker().run_until_idle().await;
    }

    /// Returns why mails wait for a person, by their subject.
    pub(crate) async fn reasons(&self) -> BTreeMap<String, ReviewReason> {
        let reasons =
            self.documents().await.into_iter().filter_map(|document| match document.state {
                DocumentState::NeedsReview(review) => {
                    Some((document.title.into_exposed(), review.reason))
                }
                DocumentState::Pending
                | DocumentState::Routed(_)
                | DocumentState::NoProject { .. } => None,
            });
        reasons.collect()
    }

    /// Returns what the history of a mail says of a classifier that failed.
    pub(crate) async fn why(&self, title: &str) -> Option<String> {
        let documents = self.documents().await;
        let named = documents.into_iter().find(|document| document.title.expose() == title)?;
        let history = self.store.history(&self.scope, named.id).await.unwrap();
        history.into_iter().find_map(|entry| {
            let Fact::ClassifierFailed { why } = entry.fact else { return None };
            Some(why)
        })
    }

    async fn documents(&self) -> Vec<Document> {
        let filter = DocumentFilter { limit: 100, ..DocumentFilter::default() };
        self.store.documents(&self.scope, &filter).await.unwrap()
    }

    /// Changes the mailbox, as the world does.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Mailbox, DateTime<Utc>)) {
        let at = self.clock.now();
        self.mail.with(&self.subject, |mailbox| change(mailbox, at));
    }

    /// Notifies of a change, some seconds later.
    pub(crate) async fn notice(&self) {
        self.clock.advance(Duration::from_secs(10));
        let notices = vec![Notice { about: About::Subject(self.subject.clone()), dedup: None }];
        let provider = Provider::new("scripted");
        self.store.note(&Receipt { provider, notices }).await.unwrap();
    }

    /// Returns the health of the one stream.
    pub(crate) async fn status(&self) -> StreamStatus {
        self.store.streams(&self.scope).await.unwrap().remove(0)
    }
}

#[derive(Debug)]
struct Sink(Arc<Mutex<Vec<Event>>>);

#[async_trait::async_trait]
impl EventSink for Sink {
    async fn publish(&self, events: &[Event]) -> Result<(), PublishError> {
        self.0.lock().unwrap().extend_from_slice(events);
        Ok(())
    }
}

/// Names the mail with this number.
pub(crate) fn id(number: u32) -> ItemId {
    ItemId::from_source(format!("i{number}"))
}

/// Delivers mail `m{number}`.
pub(crate) fn deliver(mailbox: &mut Mailbox, number: u32, at: DateTime<Utc>) {
    let raw = format!(
        "Message-ID: <m{number}@example.org>\r\nFrom: bob@example.org\r\nTo: ann@example.com\r\n\
         Subject: m{number}\r\n\r\nText {number}.\r\n"
    );
    mailbox.deliver(&id(number), raw, at);
}
