//! A simulated Gmail, a store, and the engine between them, with time in the test's hand.
use std::{
    net::TcpListener,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake},
    time::Duration,
};

use besunny::{
    Besunny, Verification,
    core::{
        account::{Account, Intake, NewAccount, Provider},
        adapter::Adapter,
        address::Username,
        budget::{Budget, Paced, Unmetered},
        clock::Clock,
        ids::{TenantId, UserId},
        repository::{ItemFilter, StreamStatus},
        source::{AccountRef, StreamKey, StreamRef, Subject},
        tenant::{Tenant, TenantScope, User},
        token::TokenSource,
    },
    google::{
        ChannelConfig, ClientSecret, Credential, Credentials, Endpoints, Gmail, GoogleCalendar,
        GoogleConfig, GoogleKeys, GoogleTokens, Http, PushConfig,
    },
};
use besunny_simulator::{
    AgendaControl, ClockMode, Config, Control, Delivery, MailboxControl, Simulator, Subscription,
};
use besunny_testkit::{clock::ManualClock, memory::MemoryRepository};

pub(super) const ANN: &str = "ann@example.test";
/// So often in a row nothing may happen before the time moves on: no answer of a neighbour on the
/// same thread takes longer.
const QUIET_TURNS: u32 = 100;
/// Time moves in steps of at most this length while something is under way.
const STEP: Duration = Duration::from_secs(1);

/// Ann's mailbox and the engine that follows it.
pub(super) struct Stage {
    pub(super) simulator: Simulator,
    pub(super) clock: Arc<ManualClock>,
    pub(super) besunny: Besunny,
    pub(super) gmail: Gmail,
    pub(super) scope: TenantScope,
    /// Where our endpoints are, once a `Hook` is opened.
    pub(super) listener: TcpListener,
    pub(super) owner: UserId,
}

impl Stage {
    /// Starts a simulator whose settings `change` changes; nobody is connected yet.
    pub(super) async fn new(change: impl FnOnce(&mut Config)) -> Self {
        let clock = Arc::new(ManualClock::default());
        let mut config =
            Config { clock: ClockMode::Manual, start_at: Some(clock.now()), ..Config::default() };
        change(&mut config);
        let simulator = Simulator::start(config).await.unwrap();
        simulator.control().add_account(ANN);
        let http = http(&simulator, &clock);
        let credentials = credentials(simulator.control());
        let tokens: Arc<dyn TokenSource> = Arc::new(GoogleTokens::new(http.clone(), credentials));
        let time: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
        let quotas = http.config().quota.quotas();
        let budget: Arc<dyn Budget> = Arc::new(Paced::new(Arc::clone(&time), quotas));
        let calendar = GoogleCalendar::new(http.clone(), Arc::clone(&tokens), Arc::clone(&budget));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let channels = ChannelConfig {
            address: hook(&listener, GoogleCalendar::provider().as_str()),
            secrets: vec!["a secret of the receiver, long enough".into()],
        };
        let calendar = calendar.with_push(channels).unwrap();
        let gmail = Gmail::new(http.clone(), tokens, budget);
        let pushed = gmail.clone().with_push(push()).unwrap();
        let besunny = Besunny::builder(MemoryRepository::new(Arc::clone(&time)))
            .virtual_domain("besunny.example")
            .unwrap()
            .mail(
                Gmail::provider(),
                Adapter::new(pushed).with_push().with_keys(GoogleKeys::new(http)).with_filing(),
            )
            .calendar(GoogleCalendar::provider(), Adapter::new(calendar).with_push())
            .clock(time)
            .build();
        let (scope, owner) = found(&besunny, &clock).await;
        Self { simulator, clock, besunny, gmail, scope, listener, owner }
    }

    /// Makes an adapter of its own, which is not paced.
    pub(super) fn gmail_with(&self, config: GoogleConfig) -> Gmail {
        let clock: Arc<dyn Clock> = Arc::<ManualClock>::clone(&self.clock);
        let http = Http::new(config, clock).unwrap();
        let tokens = GoogleTokens::new(http.clone(), credentials(self.control()));
        Gmail::new(http, Arc::new(tokens), Arc::new(Unmetered))
    }

    pub(super) fn control(&self) -> &Control {
        self.simulator.control()
    }

    pub(super) fn ann(&self) -> MailboxControl {
        self.control().mailbox(ANN).unwrap()
    }

    pub(super) fn agenda(&self) -> AgendaControl {
        self.control().agenda(ANN).unwrap()
    }

    /// Lets mails arrive, numbered from `first`.
    pub(super) fn deliver(&self, numbers: std::ops::Range<u32>, to: &str) {
        for number in numbers {
            let raw = format!(
                "Message-ID: <m{number}@example.org>\r\nFrom: bob@example.org\r\nTo: {to}\r\n\
                 Subject: m{number}\r\n\r\nText {number}.\r\n"
            );
            self.ann().deliver(raw, &Delivery::default()).unwrap();
        }
    }

    pub(super) async fn connect(&self, intake: Intake) -> Account {
        self.connect_to(Gmail::provider(), intake).await
    }

    pub(super) async fn connect_calendar(&self) -> Account {
        self.connect_to(GoogleCalendar::provider(), Intake::Whole).await
    }

    async fn connect_to(&self, provider: Provider, intake: Intake) -> Account {
        let (owner, subject) = (self.owner, Subject::from_source(ANN));
        let grant = NewAccount { owner, provider, subject, intake };
        self.drive(self.besunny.connect(&self.scope, grant)).await.unwrap()
    }

    /// Where a provider calls us.
    pub(super) fn hook(&self, provider: &str) -> String {
        hook(&self.listener, provider)
    }

    /// Works until nothing is due now.
    pub(super) async fn work(&self) {
        self.drive(self.besunny.run_until_idle()).await;
    }

    /// Works for `span` of the world's time.
    pub(super) async fn live(&self, span: Duration) {
        self.live_by(Duration::from_secs(10), span).await;
    }

    /// The same, with nothing done for `step` at a time.
    pub(super) async fn live_by(&self, step: Duration, span: Duration) {
        let end = self.clock.now() + span;
        self.work().await;
        while self.clock.now() < end {
            self.advance(step);
            self.drive(self.control().settle()).await;
            self.work().await;
        }
    }

    /// Compares what is at Gmail with what we hold.
    pub(super) async fn verify(&self, account: &Account) -> Verification {
        self.drive(self.besunny.verify(&self.scope, account)).await.unwrap()
    }

    pub(super) async fn status(&self) -> StreamStatus {
        self.besunny.store().streams(&self.scope).await.unwrap().remove(0)
    }

    /// Does what a person does with items that could not be taken in.
    pub(super) async fn ask_for_quarantined(&self) {
        let stream = self.status().await.id;
        let store = self.besunny.store();
        let items = store.items(&self.scope, stream, ItemFilter::Quarantined, None).await.unwrap();
        let ids: Vec<_> = items.into_iter().map(|item| item.id).collect();
        if !ids.is_empty() {
            self.besunny.retry(&self.scope, stream, &ids).await.unwrap();
        }
    }

    pub(super) fn advance(&self, step: Duration) {
        self.control().advance(step);
        self.clock.advance(step);
    }

    /// Lets time pass until something holds, for some hours at most.
    pub(super) async fn pass_until(&self, holds: impl AsyncFn() -> bool) {
        for _ in 0..5_000 {
            if holds().await {
                return;
            }
            for _ in 0..QUIET_TURNS {
                tokio::task::yield_now().await;
            }
            self.advance(STEP);
        }
        panic!("it never holds: {:?}", self.status().await);
    }

    /// Runs `work`; time moves on when everything waits for it.
    pub(super) async fn drive<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        let woken = Arc::new(Woken(AtomicBool::new(true)));
        let waker = Arc::clone(&woken).into();
        let mut quiet = 0;
        loop {
            if woken.0.swap(false, Ordering::Relaxed) {
                quiet = 0;
                if let Poll::Ready(done) = work.as_mut().poll(&mut Context::from_waker(&waker)) {
                    return done;
                }
            }
            tokio::task::yield_now().await;
            quiet += 1;
            if quiet >= QUIET_TURNS {
                quiet = 0;
                let alarm = self.clock.next_alarm().map(|at| at - self.clock.now());
                let wait = alarm.and_then(|wait| wait.to_std().ok()).unwrap_or(STEP);
                self.advance(wait.min(STEP));
            }
        }
    }
}

fn hook(listener: &TcpListener, provider: &str) -> String {
    format!("http://{}/hooks/{provider}", listener.local_addr().unwrap())
}

/// Remembers that something happened.
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

pub(super) fn http(simulator: &Simulator, clock: &Arc<ManualClock>) -> Http {
    let clock: Arc<dyn Clock> = Arc::<ManualClock>::clone(clock);
    Http::new(config(simulator), clock).unwrap()
}

pub(super) fn config(simulator: &Simulator) -> GoogleConfig {
    let endpoints = Endpoints::at(&simulator.base_url());
    GoogleConfig { endpoints, page_size: 25, ..GoogleConfig::default() }
}

pub(super) fn credentials(control: &Control) -> Credentials {
    let ann = control.add_account(ANN);
    let client = ClientSecret { id: ann.client_id, secret: ann.client_secret.into() };
    Credentials::Given(Credential { client, refresh_token: ann.refresh_token.into() })
}

/// Writes a live refresh token into a file that only we may read.
pub(super) fn write_token(path: &std::path::Path, control: &Control) {
    let ann = control.add_account(ANN);
    let token = format!(
        r#"{{"client_id":"{}","client_secret":"{}","refresh_token":"{}"}}"#,
        ann.client_id, ann.client_secret, ann.refresh_token
    );
    std::fs::write(path, token).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
}

pub(super) fn ann() -> AccountRef {
    let id = besunny::core::ids::AccountId::derived(&[b"ann"]);
    AccountRef { id, subject: Subject::from_source(ANN) }
}

pub(super) fn mailbox() -> StreamRef {
    let AccountRef { id: account, subject } = ann();
    StreamRef { account, subject, key: StreamKey::from_source("mailbox") }
}

pub(super) fn push() -> PushConfig {
    PushConfig {
        topic: "projects/besunny-simulator/topics/gmail".to_owned(),
        subscription: "projects/besunny-simulator/subscriptions/gmail".to_owned(),
        audience: "https://besunny.example/hooks/gmail".to_owned(),
        service_account: "push@besunny-simulator.iam.gserviceaccount.com".to_owned(),
    }
}

/// The subscription that posts to `endpoint`.
pub(super) fn subscription(endpoint: String) -> Subscription {
    let PushConfig { topic, subscription, audience, service_account } = push();
    Subscription { name: subscription, topic, endpoint, audience, service_account }
}

pub(super) async fn found(besunny: &Besunny, clock: &ManualClock) -> (TenantScope, UserId) {
    let (id, created_at) = (TenantId::derived(&[b"acme"]), clock.now());
    let scope = TenantScope::trusted(id);
    let tenant = Tenant { id, name: "acme".to_owned(), created_at };
    besunny.store().found(&tenant).await.unwrap();
    let owner = UserId::derived(&[b"ann"]);
    let username = Username::parse("ann").unwrap();
    let user = User { id: owner, username, name: "Ann".to_owned(), created_at };
    besunny.store().add_user(&scope, &user).await.unwrap();
    (scope, owner)
}
