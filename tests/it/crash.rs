//! The engine dies at every await of the mail flow, on every store.
use std::{collections::BTreeMap, sync::Arc, time::Duration};

use besunny_core::{
    account::{Account, Intake, NewAccount, Provider},
    adapter::{Adapter, MailAdapter},
    address::{Username, VirtualAddresses},
    classify::Rules,
    clock::Clock,
    document::DocumentState,
    event::{Event, EventSink, PublishError},
    ids::{TenantId, UserId},
    intake::MailIntake,
    mail::Caps,
    message::Filing,
    push::{About, Notice},
    repository::{DocumentFilter, Store},
    scheduler::Receipt,
    settings::Settings,
    source::{ItemId, OfferedStream, StreamKey, Subject},
    tenant::{Tenant, TenantScope, User},
    worker::{Unobserved, Worker},
};
use besunny_testkit::{
    clock::ManualClock,
    crash::CrashPoint,
    interposed::Interposed,
    memory::MemoryRepository,
    scripted::{Mailbox, ScriptedMail, Telling},
};
use futures::future::BoxFuture;

/// Makes a store whose leases run on the clock.
type MakeStore = fn(Arc<ManualClock>) -> BoxFuture<'static, Arc<dyn Store>>;

#[tokio::test]
async fn at_every_await_in_memory() {
    let places = check(|clock| {
        Box::pin(async move { Arc::new(MemoryRepository::new(clock)) as Arc<dyn Store> })
    })
    .await;
    insta::assert_snapshot!(places, @"284");
}

/// Lets the engine die at each place in turn; returns how many there are.
async fn check(make: MakeStore) -> u64 {
    let whole = Scene::new(make, 0).await;
    whole.play().await;
    whole.check("without a crash").await;
    let places = whole.point.count();
    for place in 1..=places {
        let scene = Scene::new(make, place).await;
        scene.play().await;
        assert!(scene.point.was_reached(), "place {place} of {places} was never reached");
        scene.check(&format!("after a crash at place {place} of {places}")).await;
    }
    places
}

/// A mailbox, a store, and an engine that dies once.
struct Scene {
    clock: Arc<ManualClock>,
    store: Arc<dyn Store>,
    mail: ScriptedMail,
    subject: Subject,
    scope: TenantScope,
    point: Arc<CrashPoint>,
    published: Arc<std::sync::Mutex<Vec<Event>>>,
}

impl Scene {
    async fn new(make: MakeStore, place: u64) -> Self {
        let clock = Arc::new(ManualClock::default());
        let store = make(Arc::clone(&clock)).await;
        let point = CrashPoint::at(place);
        let mail = ScriptedMail::new(Arc::<CrashPoint>::clone(&point), 4);
        let subject = Subject::from_source("ann@example.com");
        mail.open(subject.clone(), Telling::Log);
        let tenant = TenantId::derived(&[b"acme"]);
        let scope = TenantScope::trusted(tenant);
        let (owner, created_at) = (UserId::derived(&[b"ann"]), clock.now());
        let name = "acme".to_owned();
        store.found(&Tenant { id: tenant, name, created_at }).await.unwrap();
        let username = Username::parse("ann").unwrap();
        let user = User { id: owner, username, name: "Ann".to_owned(), created_at };
        store.add_user(&scope, &user).await.unwrap();
        let provider = Provider::new("scripted");
        let intake = Intake::Whole;
        let grant = NewAccount { owner, provider, subject: subject.clone(), intake };
        let account = Account::new(tenant, grant, created_at);
        let key = StreamKey::from_source("mailbox");
        let offered = OfferedStream { key, title: "Mailbox".to_owned(), proposed: true };
        store.connect(&scope, &account, &[offered]).await.unwrap();
        let published = Arc::default();
        Self { clock, store, mail, subject, scope, point, published }
    }

    /// A first listing, then changes of every kind, then a lost log.
    async fn play(&self) {
        self.change(|mailbox, at| (0..6).for_each(|n| deliver(mailbox, n, at)));
        self.change(|mailbox, _| mailbox.poison(&id(3), true));
        self.work().await;
        self.change(|mailbox, at| (6..9).for_each(|n| deliver(mailbox, n, at)));
        self.change(|mailbox, _| {
            mailbox.remove(&id(1));
            mailbox.hide(&id(2), true);
        });
        self.notice().await;
        self.work().await;
        self.change(|mailbox, at| {
            deliver(mailbox, 9, at);
            mailbox.remove(&id(6));
            mailbox.expire_log();
        });
        self.notice().await;
        self.work().await;
    }

    /// Works until nothing is due; an engine that dies is followed by another.
    async fn work(&self) {
        if self.point.was_reached() {
            return self.work_on().await;
        }
        if self.point.run(self.engine(true).run_until_idle()).await {
            self.work_on().await;
        }
    }

    /// Works as an engine that was started after the other had died.
    async fn work_on(&self) {
        self.clock.advance(Duration::from_mins(5));
        self.engine(false).run_until_idle().await;
    }

    fn engine(&self, mortal: bool) -> Worker {
        let source = self.mail.restarted();
        let store: Arc<dyn Store> = if mortal {
            let point = Arc::<CrashPoint>::clone(&self.point);
            Arc::new(Interposed::new(Arc::clone(&self.store), point))
        } else {
            Arc::clone(&self.store)
        };
        Worker {
            repository: Arc::clone(&store) as _,
            scheduler: store as _,
            clock: Arc::<ManualClock>::clone(&self.clock),
            mail: [(Provider::new("scripted"), MailAdapter::from(Adapter::new(source)))].into(),
            intake: MailIntake {
                addresses: VirtualAddresses::none(),
                caps: Caps::default(),
                master_filing: Filing::None,
                addressed_filing: Filing::None,
            },
            classifier: Arc::new(Rules),
            sink: Arc::new(Sink(Arc::clone(&self.published))),
            observer: Arc::new(Unobserved),
            settings: Settings::default(),
        }
    }

    fn change(&self, change: impl FnOnce(&mut Mailbox, chrono::DateTime<chrono::Utc>)) {
        let at = self.clock.now();
        self.mail.with(&self.subject, |mailbox| change(mailbox, at));
    }

    async fn notice(&self) {
        self.clock.advance(Duration::from_secs(10));
        let notices = vec![Notice { about: About::Subject(self.subject.clone()), dedup: None }];
        let provider = Provider::new("scripted");
        self.store.note(&Receipt { provider, notices }).await.unwrap();
    }

    /// Every mail is one document, decided on and told of once; removed ones are removed.
    async fn check(&self, when: &str) {
        let filter = DocumentFilter { limit: 100, ..DocumentFilter::default() };
        let documents = self.store.documents(&self.scope, &filter).await.unwrap();
        let found: BTreeMap<&str, bool> = documents
            .iter()
            .map(|document| (document.title.expose().as_str(), document.removed_at.is_none()))
            .collect();
        let want = [
            ("m0", true),
            ("m1", false),
            ("m2", false),
            ("m4", true),
            ("m5", true),
            ("m6", false),
            ("m7", true),
            ("m8", true),
            ("m9", true),
        ];
        assert_eq!(found, want.into(), "documents {when}");
        assert_eq!(documents.len(), want.len(), "no document is doubled {when}");
        for document in &documents {
            let line = document.title.expose();
            assert_ne!(document.state, DocumentState::Pending, "{line} {when}");
            let history = self.store.history(&self.scope, document.id).await.unwrap();
            let versions: Vec<u64> = history.iter().map(|entry| entry.version).collect();
            assert_eq!(versions, (1..=document.version).collect::<Vec<_>>(), "{line} {when}");
        }
        let status = self.store.streams(&self.scope).await.unwrap();
        assert_eq!(status[0].items.quarantined, 1, "the poisoned mail {when}");
        let events = self.published.lock().unwrap();
        let told: BTreeMap<_, _> = events.iter().map(|event| (event.id, event)).collect();
        let stored = told.values().filter(|event| event.news.as_str() == "document_stored");
        assert_eq!(stored.count(), want.len(), "who was told {when}");
    }
}

#[derive(Debug)]
struct Sink(Arc<std::sync::Mutex<Vec<Event>>>);

#[async_trait::async_trait]
impl EventSink for Sink {
    async fn publish(&self, events: &[Event]) -> Result<(), PublishError> {
        self.0.lock().unwrap().extend_from_slice(events);
        Ok(())
    }
}

fn id(number: u32) -> ItemId {
    ItemId::from_source(format!("i{number}"))
}

fn deliver(mailbox: &mut Mailbox, number: u32, at: chrono::DateTime<chrono::Utc>) {
    let raw = format!(
        "Message-ID: <m{number}@example.org>\r\nFrom: bob@example.org\r\nTo: ann@example.com\r\n\
         Subject: m{number}\r\n\r\nText {number}.\r\n"
    );
    mailbox.deliver(&id(number), raw, at);
}
