//! Gmail over real HTTP, at the simulator, which shares no code with the adapter.
use std::sync::Arc;

use async_trait::async_trait;
use besunny_core::{
    budget::Paced,
    clock::Clock,
    ids::AccountId,
    message::Message,
    source::{Scope, Source, SourceErrorKind, StreamKey, StreamRef, Subject},
};
use besunny_google::{
    ClientSecret, Credential, Credentials, Endpoints, Gmail, GoogleConfig, GoogleTokens, Http,
};
use besunny_simulator::{
    ClockMode, Config, Damage, Delivery, Fault, FaultRule, MailboxControl, Oddity, Operation,
    RateRefusal, RefusalFault, RetryAfter, Simulator,
};
use besunny_testkit::{
    clock::ManualClock,
    conformance::{
        Power,
        mail::{MailWorld, World, cases},
    },
};
use bytes::Bytes;
use libtest_mimic::Trial;

pub(crate) const ANN: &str = "ann@example.test";
/// So many mails a page has, so that listings and histories have several.
const PAGE: u16 = 7;

pub(crate) fn trials() -> Vec<Trial> {
    super::trials("gmail", cases(), |_| None, || Box::pin(async { GmailWorld::fresh().await }))
}

#[derive(Debug)]
struct GmailWorld {
    simulator: Simulator,
    source: Arc<dyn Source<Message>>,
}

impl GmailWorld {
    /// An empty mailbox as hostile as the simulator makes it by default.
    async fn fresh() -> World {
        let simulator = simulator().await;
        let source = Arc::new(gmail(&simulator));
        let world = Self { simulator, source };
        // With a token in hand, the next failure strikes Gmail and not the token endpoint.
        world.source.head(&world.stream(), &Scope::default()).await.expect("a token");
        Arc::new(world)
    }

    fn ann(&self) -> MailboxControl {
        self.simulator.control().mailbox(ANN).expect("the account")
    }

    fn ids(&self, subject: &str) -> Vec<String> {
        let line = format!("Subject: {subject}\r\n");
        let has_subject = |id: &String| {
            let raw = self.ann().raw(id).expect("a mail");
            String::from_utf8_lossy(&raw).contains(&line)
        };
        self.ann().message_ids().into_iter().filter(has_subject).collect()
    }
}

/// Starts a simulator with Ann's mailbox, whose time begins with that of a manual clock.
pub(crate) async fn simulator() -> Simulator {
    let start_at = Some(ManualClock::default().now());
    let config = Config { clock: ClockMode::Manual, start_at, ..Config::default() };
    let simulator = Simulator::start(config).await.expect("a simulator");
    simulator.control().add_account(ANN);
    simulator
}

fn gmail(simulator: &Simulator) -> Gmail {
    gmail_at(simulator, &Arc::new(ManualClock::default()))
}

/// Makes the adapter on a clock.
pub(crate) fn gmail_at(simulator: &Simulator, clock: &Arc<ManualClock>) -> Gmail {
    let http = http(simulator, clock);
    let tokens = Arc::new(tokens(simulator, &http));
    let time: Arc<dyn Clock> = Arc::<ManualClock>::clone(clock);
    let budget = Arc::new(Paced::new(time, [http.config().quota.quota()]));
    Gmail::new(http, tokens, budget)
}

/// Makes the client of a simulator.
pub(crate) fn http(simulator: &Simulator, clock: &Arc<ManualClock>) -> Http {
    let config = GoogleConfig {
        endpoints: Endpoints::at(&simulator.base_url()),
        page_size: PAGE,
        ..GoogleConfig::default()
    };
    Http::new(config, Arc::<ManualClock>::clone(clock) as _).expect("a configuration")
}

/// Makes the source of Ann's tokens.
pub(crate) fn tokens(simulator: &Simulator, http: &Http) -> GoogleTokens {
    let ann = simulator.control().add_account(ANN);
    let client = ClientSecret { id: ann.client_id, secret: ann.client_secret.into() };
    let refresh_token = ann.refresh_token.into();
    GoogleTokens::new(http.clone(), Credentials::Given(Credential { client, refresh_token }))
}

/// Names Ann's mailbox.
pub(crate) fn mailbox() -> StreamRef {
    StreamRef {
        account: AccountId::derived(&[b"ann"]),
        subject: Subject::from_source(ANN),
        key: StreamKey::from_source("mailbox"),
    }
}

/// Lets the next request of a kind fail; of any, if none is named.
pub(crate) fn fail(simulator: &Simulator, operation: Option<Operation>, fault: Fault) {
    let any = FaultRule::once(Operation::GetProfile, fault);
    simulator.control().add_fault(FaultRule { operation, ..any });
}

/// Lets the next request fail as a kind, and asks to wait so many seconds.
pub(crate) fn fail_as(simulator: &Simulator, kind: SourceErrorKind, retry_after: Option<u64>) {
    let after = retry_after.map_or(RetryAfter::Absent, RetryAfter::Seconds);
    let ann = simulator.control().mailbox(ANN).expect("the account");
    match kind {
        SourceErrorKind::RateLimited => {
            let refusal =
                RefusalFault::RateLimited { refusal: RateRefusal::Forbidden, retry_after: after };
            fail(simulator, None, Fault::Refusal(refusal));
        }
        SourceErrorKind::Malformed => fail(simulator, None, Fault::Damage(Damage::InvalidJson)),
        SourceErrorKind::Forbidden => {
            ann.set_scopes(&["openid".to_owned()]).expect("a grant");
            ann.expire_tokens().expect("a grant");
        }
        SourceErrorKind::Unavailable => fail(simulator, None, down(after)),
        SourceErrorKind::Unauthorized => ann.revoke().expect("a grant"),
        SourceErrorKind::PageExpired
        | SourceErrorKind::StreamGone
        | SourceErrorKind::LimitReached
        | SourceErrorKind::Misconfigured
        | _ => panic!("Google cannot be made to fail as {kind:?}"),
    }
}

/// The server is down for a moment.
pub(crate) fn down(retry_after: RetryAfter) -> Fault {
    Fault::Refusal(RefusalFault::ServerError { status: 503, retry_after })
}

#[async_trait]
impl MailWorld for GmailWorld {
    fn source(&self) -> Arc<dyn Source<Message>> {
        Arc::clone(&self.source)
    }

    async fn restarted(&self) -> Arc<dyn Source<Message>> {
        Arc::new(gmail(&self.simulator))
    }

    fn stream(&self) -> StreamRef {
        mailbox()
    }

    async fn deliver(&self, raw: Bytes) {
        self.ann().deliver(raw, &Delivery::default()).expect("a delivery");
    }

    async fn remove(&self, subject: &str) {
        for id in self.ids(subject) {
            self.ann().delete(&id).expect("a mail");
        }
    }

    async fn hide(&self, subject: &str, hidden: bool) {
        for id in self.ids(subject) {
            let (add, remove) = if hidden { ("TRASH", "INBOX") } else { ("INBOX", "TRASH") };
            self.ann().change_labels(&id, &[add], &[remove]).expect("a mail");
        }
    }

    async fn poison(&self, subject: &str) {
        for id in self.ids(subject) {
            let missing = Damage::OddField { field: "raw".to_owned(), oddity: Oddity::Missing };
            let rule = FaultRule::always(Operation::GetMessage, Fault::Damage(missing));
            self.simulator.control().add_fault(FaultRule { message: Some(id), ..rule });
        }
    }

    async fn expire_log(&self) {
        self.ann().expire_history();
    }

    async fn kill_pages(&self) {
        self.simulator.control().kill_page_tokens();
    }

    async fn fail_next(&self, kind: SourceErrorKind, retry_after: Option<u64>) {
        fail_as(&self.simulator, kind, retry_after);
    }

    fn lacks(&self, _: Power) -> Option<&'static str> {
        None
    }
}
