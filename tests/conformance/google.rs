//! What Google's adapters do besides reading mail: marking it, being called back, tokens.
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use axum::{Router, body::Bytes, extract::State, http::HeaderMap, routing::post};
use besunny_core::{
    clock::Clock,
    message::MailFiling,
    push::{PublicKey, PublicKeys, Push, Receiver},
    source::{AccountRef, ItemId, Scope, Source, StreamRef},
    token::TokenSource,
};
use besunny_google::{Gmail, GoogleKeys, GoogleTokens, PushConfig, Pushed};
use besunny_simulator::{
    Delivery, Forgery, MailboxControl, Operation, RetryAfter, Simulator, Subscription,
};
use besunny_testkit::{
    clock::ManualClock,
    conformance::{
        Power,
        filing::{self, FilingWorld, Marks},
        push::{self, Call, Forged, PushWorld},
        token::{self, TokenWorld},
    },
};
use chrono::{DateTime, Utc};
use libtest_mimic::Trial;
use tokio::{net::TcpListener, task::JoinSet};

use crate::gmail::{ANN, down, fail, gmail_at, http, mailbox, simulator, tokens};

pub(crate) fn trials() -> Vec<Trial> {
    let groups = [
        super::trials(
            "gmail",
            filing::cases(),
            |_| None,
            || Box::pin(async { Marked::fresh().await }),
        ),
        super::trials("gmail", push::cases(), lacks_as_pushed, || {
            Box::pin(async { Called::fresh().await })
        }),
        super::trials(
            "google",
            token::cases(),
            |_| None,
            || Box::pin(async { Granted::fresh().await }),
        ),
    ];
    groups.into_iter().flatten().collect()
}

fn lacks_as_pushed(power: Power) -> Option<&'static str> {
    (power == Power::Replace).then_some("a mailbox has one watch, which is lengthened")
}

fn ann(simulator: &Simulator) -> MailboxControl {
    simulator.control().mailbox(ANN).expect("the account")
}

fn deliver(simulator: &Simulator, subject: &str) -> String {
    let raw = format!("From: bob@example.org\r\nTo: {ANN}\r\nSubject: {subject}\r\n\r\nText.\r\n");
    ann(simulator).deliver(raw, &Delivery::default()).expect("a delivery").id
}

/// Asks for a token, so that the next failure strikes Gmail and not the token endpoint.
async fn with_token<P>(gmail: Gmail<P>) -> Gmail<P>
where
    Gmail<P>: Source<besunny_core::message::Message>,
{
    gmail.head(&mailbox(), &Scope::default()).await.expect("a token");
    gmail
}

/// Gmail with its labels.
#[derive(Debug)]
struct Marked {
    simulator: Simulator,
    gmail: Arc<Gmail>,
}

impl Marked {
    async fn fresh() -> filing::World {
        let simulator = simulator().await;
        let gmail = gmail_at(&simulator, &Arc::new(ManualClock::default()));
        let gmail = Arc::new(with_token(gmail).await);
        Arc::new(Self { simulator, gmail })
    }
}

#[async_trait]
impl FilingWorld for Marked {
    fn filing(&self) -> Arc<dyn MailFiling> {
        Arc::<Gmail>::clone(&self.gmail)
    }

    fn stream(&self) -> StreamRef {
        mailbox()
    }

    async fn deliver(&self, subject: &str) -> ItemId {
        ItemId::from_source(deliver(&self.simulator, subject))
    }

    async fn remove(&self, item: &ItemId) {
        ann(&self.simulator).delete(item.as_str()).expect("a mail");
    }

    async fn marks(&self, item: &ItemId) -> Marks {
        let labels = ann(&self.simulator).labels_of(item.as_str()).expect("a mail");
        let is_read = !labels.iter().any(|label| label == "UNREAD");
        let made = labels.into_iter().filter(|label| label != "UNREAD" && label != "INBOX");
        Marks { labels: made.collect(), is_read }
    }

    async fn fail_next(&self) {
        fail(&self.simulator, None, down(RetryAfter::Absent));
    }
}

/// Gmail with Pub/Sub, and the door where its calls arrive.
#[derive(Debug)]
struct Called {
    simulator: Simulator,
    clock: Arc<ManualClock>,
    gmail: Arc<Gmail<Pushed>>,
    keys: GoogleKeys,
    door: Door,
}

/// The path where calls arrive.
const PATH: &str = "/hooks/google";

/// Where calls arrive, and those that did.
#[derive(Clone, Debug)]
pub(crate) struct Door {
    pub(crate) url: String,
    calls: Arc<Mutex<Vec<Call>>>,
    _server: Arc<JoinSet<()>>,
}

impl Door {
    /// Opens a door on this machine.
    pub(crate) async fn open(clock: &Arc<ManualClock>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}{PATH}", listener.local_addr().expect("an address"));
        let calls = Arc::<Mutex<Vec<Call>>>::default();
        let state = (Arc::clone(clock), Arc::clone(&calls));
        let router = Router::new().route(PATH, post(knock)).with_state(state);
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, router).await.expect("a server") });
        Self { url, calls, _server: Arc::new(server) }
    }

    /// Takes what arrived, once everything that is due has.
    pub(crate) async fn arrived(&self, simulator: &Simulator) -> Vec<Call> {
        simulator.control().settle().await;
        std::mem::take(&mut self.calls.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

type Bell = (Arc<ManualClock>, Arc<Mutex<Vec<Call>>>);

async fn knock(State((clock, calls)): State<Bell>, headers: HeaderMap, body: Bytes) {
    let headers = headers.iter();
    let headers = headers.map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()));
    let call = Call {
        path: PATH.to_owned(),
        headers: headers.collect(),
        body: body.to_vec(),
        received_at: clock.now(),
    };
    calls.lock().unwrap_or_else(PoisonError::into_inner).push(call);
}

fn push_config() -> PushConfig {
    PushConfig {
        topic: "projects/besunny-simulator/topics/gmail".to_owned(),
        subscription: "projects/besunny-simulator/subscriptions/gmail".to_owned(),
        audience: "https://besunny.example/hooks/gmail".to_owned(),
        service_account: "push@besunny-simulator.iam.gserviceaccount.com".to_owned(),
    }
}

impl Called {
    async fn fresh() -> push::World {
        let (simulator, clock) = (simulator().await, Arc::new(ManualClock::default()));
        let door = Door::open(&clock).await;
        let endpoint = door.url.clone();
        let PushConfig { topic, subscription, audience, service_account } = push_config();
        let subscription =
            Subscription { name: subscription, topic, endpoint, audience, service_account };
        simulator.control().configure(|settings| {
            settings.push.subscriptions = vec![subscription];
        });
        let gmail = gmail_at(&simulator, &clock).with_push(push_config()).expect("a push");
        let gmail = Arc::new(with_token(gmail).await);
        let keys = GoogleKeys::new(http(&simulator, &clock));
        Arc::new(Self { simulator, clock, gmail, keys, door })
    }

    async fn arrived(&self) -> Vec<Call> {
        self.door.arrived(&self.simulator).await
    }
}

/// A mailbox sends one notice a second at most.
const BETWEEN_NOTICES: Duration = Duration::from_secs(2);

#[async_trait]
impl PushWorld for Called {
    fn push(&self) -> Arc<dyn Push> {
        Arc::<Gmail<Pushed>>::clone(&self.gmail)
    }

    fn receiver(&self) -> Arc<dyn Receiver> {
        Arc::<Gmail<Pushed>>::clone(&self.gmail)
    }

    async fn keys(&self) -> Vec<PublicKey> {
        self.keys.keys().await.expect("the keys").to_vec()
    }

    fn stream(&self) -> StreamRef {
        mailbox()
    }

    fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    async fn advance(&self, by: Duration) {
        self.simulator.control().advance(by);
        self.clock.advance(by);
    }

    async fn change(&self) -> Vec<Call> {
        self.advance(BETWEEN_NOTICES).await;
        deliver(&self.simulator, "news");
        self.arrived().await
    }

    async fn forged(&self) -> Vec<Forged> {
        let mut all = Vec::new();
        for forgery in Forgery::ALL {
            ann(&self.simulator).forge_notice(forgery);
            let forged = self.arrived().await.into_iter().map(|call| Forged {
                name: format!("{forgery:?}"),
                call,
                before_body: forgery != Forgery::WrongSubscription,
            });
            all.extend(forged);
        }
        all
    }

    /// Google signs who sends, and not what is sent.
    fn rewritten(&self, call: &Call, body: &[u8]) -> Call {
        Call { body: body.to_vec(), ..call.clone() }
    }

    async fn fail_next(&self) {
        fail(&self.simulator, None, down(RetryAfter::Absent));
    }

    fn lacks(&self, power: Power) -> Option<&'static str> {
        lacks_as_pushed(power)
    }
}

/// Google's token endpoint.
#[derive(Debug)]
struct Granted {
    simulator: Simulator,
    tokens: Arc<GoogleTokens>,
}

impl Granted {
    async fn fresh() -> token::World {
        let simulator = simulator().await;
        let http = http(&simulator, &Arc::new(ManualClock::default()));
        let tokens = Arc::new(tokens(&simulator, &http));
        Arc::new(Self { simulator, tokens })
    }
}

#[async_trait]
impl TokenWorld for Granted {
    fn tokens(&self) -> Arc<dyn TokenSource> {
        Arc::<GoogleTokens>::clone(&self.tokens)
    }

    fn account(&self) -> AccountRef {
        let StreamRef { account: id, subject, .. } = mailbox();
        AccountRef { id, subject }
    }

    async fn asked(&self) -> usize {
        let requests = self.simulator.control().requests();
        requests.iter().filter(|request| request.operation == Operation::Token).count()
    }

    async fn fail_next(&self) {
        fail(&self.simulator, Some(Operation::Token), down(RetryAfter::Absent));
    }

    async fn revoke(&self) {
        ann(&self.simulator).revoke().expect("a grant");
    }
}
