//! A server over a temporary store, fed from mbox files that the test writes.
use std::{io::Write, sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderMap, Request, StatusCode, header},
};
use besunny::{
    Besunny, Builder,
    ai::learned::Incremental,
    attendee::{Attendee, AttendeeReceiver},
    core::{
        account::{Intake, NewAccount},
        adapter::{Adapter, BotAdapter},
        address::Username,
        clock::Clock,
        ids::{DocumentId, TenantId, UserId},
        posting::BotStyle,
        project::{Project, Signals},
        source::Subject,
        tenant::{Tenant, TenantScope, User},
    },
    local::{Form, LocalMail},
    sqlite::{Options, Place, SqliteStore},
};
use besunny_server::web::{self, Access, Person, Settings, Site};
use besunny_testkit::{
    bots::{BotStage, ScriptedBots},
    clock::ManualClock,
};
use chrono::TimeDelta;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tempfile::NamedTempFile;
use tower::ServiceExt;

use crate::delivery::SECRET;

pub(crate) const TOKEN: &str = "0123456789abcdef0123456789abcdef";
pub(crate) const HOST: &str = "localhost:7070";
/// Far above any page or answer of the tests.
const MOST_BYTES: usize = 32 * 1024 * 1024;

/// A server and everything behind it.
pub(crate) struct Stage {
    pub(crate) besunny: Besunny,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) router: Router,
    pub(crate) person: Person,
    pub(crate) link: SecretString,
    mailbox: NamedTempFile,
}

/// An answer with its body.
#[derive(Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

impl Stage {
    /// Serves one person with `mails` and `projects`.
    pub(crate) async fn new(mails: &[String], projects: &[(&str, &[&str])]) -> Self {
        Self::at("http://localhost:7070", mails, projects).await
    }

    pub(crate) async fn at(url: &str, mails: &[String], projects: &[(&str, &[&str])]) -> Self {
        let clock = Arc::new(ManualClock::default());
        let besunny = builder(&clock).await.build();
        Self::empty(besunny, clock, url, "ada").await.fill(mails, projects).await
    }

    /// Serves one person whose meetings bots may go to; what goes on in the calls is played.
    pub(crate) async fn with_bots(mails: &[String]) -> (Self, Arc<BotStage>) {
        let (clock, calls, bots) = bots();
        let adapter = BotAdapter::new(bots.clone())
            .with_presence(bots.clone())
            .with_chat(bots.clone())
            .with_control(bots)
            .with_receiver(AttendeeReceiver, vec![SECRET.into()]);
        let stage = Self::with_adapter(adapter, clock).await;
        (stage.fill(mails, &[("River", &["RVF-12"])]).await, calls)
    }

    /// The same with a provider that has none of the powers that are optional.
    pub(crate) async fn with_plain_bots(mails: &[String]) -> Self {
        let (clock, _, bots) = bots();
        Self::with_adapter(BotAdapter::new(bots), clock).await.fill(mails, &[]).await
    }

    async fn with_adapter(adapter: BotAdapter, clock: Arc<ManualClock>) -> Self {
        let builder = builder(&clock).await;
        let builder = builder.bots(Attendee::provider(), adapter, BotStyle::default());
        Self::of(builder.build(), clock).await
    }

    /// Moves the clock to an instant, and does what is due then.
    pub(crate) async fn until(&self, instant: &str) {
        self.clock.move_to(instant.parse().unwrap());
        self.besunny.run_until_idle().await;
    }

    /// Serves another person, of another tenant, out of the same store.
    pub(crate) async fn neighbour(&self, mails: &[String], projects: &[(&str, &[&str])]) -> Self {
        let (besunny, clock) = (self.besunny.clone(), Arc::clone(&self.clock));
        Self::empty(besunny, clock, "http://localhost:7070", "bob")
            .await
            .fill(mails, projects)
            .await
    }

    /// Makes the projects, and takes the mails in.
    async fn fill(self, mails: &[String], projects: &[(&str, &[&str])]) -> Self {
        let (store, person) = (self.besunny.store(), self.person);
        for (name, codes) in projects {
            let (tenant, now) = (person.scope.tenant(), self.clock.now());
            let mut project = Project::new(tenant, person.user, name, now).unwrap();
            let codes = codes.iter().map(ToString::to_string).collect();
            project.signals = Signals { codes, ..Signals::default() };
            store.put_project(&person.scope, &project).await.unwrap();
        }
        for mail in mails {
            write!(&self.mailbox, "From x@y.example Mon Jun  1 08:00:00 2026\n{mail}\n\n").unwrap();
        }
        self.connect().await;
        self
    }

    /// Serves a person who has nothing yet.
    pub(crate) async fn of(besunny: Besunny, clock: Arc<ManualClock>) -> Self {
        Self::empty(besunny, clock, "http://localhost:7070", "ada").await
    }

    async fn empty(besunny: Besunny, clock: Arc<ManualClock>, url: &str, name: &str) -> Self {
        let tenant = TenantId::derived(&[name.as_bytes()]);
        let user = UserId::derived(&[name.as_bytes()]);
        let person = Person { scope: TenantScope::trusted(tenant), user };
        let now = clock.now();
        let store = besunny.store();
        store.found(&Tenant { id: tenant, name: name.into(), created_at: now }).await.unwrap();
        let username = Username::parse(name).unwrap();
        let one = User { id: user, username, name: name.into(), created_at: now };
        store.add_user(&person.scope, &one).await.unwrap();
        let mailbox = NamedTempFile::new().unwrap();
        let access = Access::new(&TOKEN.into(), Arc::clone(&clock) as _).unwrap();
        let link = access.login_link(url).unwrap();
        let settings = Settings::new([HOST], Some(url)).unwrap();
        let site = Site::new(besunny.clone(), person, access, settings);
        Self { besunny, clock, router: web::router(site), person, link, mailbox }
    }

    async fn connect(&self) {
        let grant = NewAccount {
            owner: self.person.user,
            provider: Form::Mbox.provider(),
            subject: Subject::from_source(self.mailbox.path().to_str().unwrap()),
            intake: Intake::Whole,
        };
        self.besunny.connect(&self.person.scope, grant).await.unwrap();
        self.besunny.run_until_idle().await;
    }

    /// Delivers another mail and takes it in.
    pub(crate) async fn deliver(&mut self, mail: &str) {
        write!(self.mailbox, "From x@y.example Mon Jun  1 09:00:00 2026\n{mail}\n\n").unwrap();
        self.clock.advance(Duration::from_hours(1));
        self.besunny.run_until_idle().await;
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, MOST_BYTES).await.unwrap();
        let body = String::from_utf8_lossy(&body).into_owned();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    /// Asks as a program.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(call("GET", path, &[("authorization", &bearer())], "")).await
    }

    /// Sends JSON as a program.
    pub(crate) async fn post(&self, path: &str, body: &str) -> Answer {
        self.send(call("POST", path, &[("authorization", &bearer())], body)).await
    }

    /// Comes in through the door; returns the cookie.
    pub(crate) async fn log_in(&self) -> String {
        let key = self.link.expose_secret().rsplit_once("key=").unwrap().1.to_owned();
        let answer = self.send(form("/login", &[], &format!("key={key}"))).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{answer:?}");
        answer.header("set-cookie").split(';').next().unwrap().to_owned()
    }

    /// Replaces something as a program.
    pub(crate) async fn put(&self, path: &str, body: &str) -> Answer {
        self.send(call("PUT", path, &[("authorization", &bearer())], body)).await
    }

    /// Opens a page as a person.
    pub(crate) async fn open(&self, cookie: &str, path: &str) -> Answer {
        self.send(call("GET", path, &[("cookie", cookie)], "")).await
    }

    /// Returns the ids of all documents, newest first.
    pub(crate) async fn documents(&self) -> Vec<DocumentId> {
        let list = self.get("/api/v1/documents?limit=200").await.json();
        let documents = list["documents"].as_array().unwrap();
        documents.iter().map(|it| it["id"].as_str().unwrap().parse().unwrap()).collect()
    }
}

/// Makes calls that are played, and the bots in them.
fn bots() -> (Arc<ManualClock>, Arc<BotStage>, ScriptedBots) {
    let clock = Arc::new(ManualClock::default());
    let calls = Arc::new(BotStage::new(Arc::clone(&clock), TimeDelta::minutes(5)));
    (clock, Arc::clone(&calls), ScriptedBots::new(calls))
}

/// Wires everything but bots over a temporary store.
async fn builder(clock: &Arc<ManualClock>) -> Builder {
    let store = SqliteStore::open(Place::Temporary, Arc::clone(clock) as _, Options::default());
    Besunny::builder(store.await.unwrap())
        .mail(Form::Mbox.provider(), Adapter::new(LocalMail::new(Form::Mbox)))
        .learner(Arc::new(Incremental::default()))
        .clock(Arc::clone(clock) as _)
}

pub(crate) fn bearer() -> String {
    format!("Bearer {TOKEN}")
}

/// Makes a request to our host.
pub(crate) fn call(
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    if !headers.iter().any(|(name, _)| *name == "host") {
        request = request.header(header::HOST, HOST);
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::from(body.to_owned())).unwrap()
}

/// Makes a request as a form of our own page sends it.
pub(crate) fn form(path: &str, headers: &[(&str, &str)], body: &str) -> Request<Body> {
    let own =
        [("content-type", "application/x-www-form-urlencoded"), ("sec-fetch-site", "same-origin")];
    let headers: Vec<(&str, &str)> = own
        .into_iter()
        .filter(|(name, _)| !headers.iter().any(|(given, _)| given == name))
        .chain(headers.iter().copied())
        .collect();
    call("POST", path, &headers, body)
}

/// Returns what the forms of a page carry.
pub(crate) fn form_token(page: &str) -> &str {
    let rest = page.split_once("name=\"form_token\" value=\"").expect("a form token").1;
    rest.split('"').next().unwrap()
}

/// Writes a mail of one text.
pub(crate) fn mail(number: u32, subject: &str, text: &str) -> String {
    format!(
        "From: Sender {number} <sender{number}@client.example>\nTo: ada@besunny.example\n\
         Subject: {subject}\nMessage-ID: <{number}@client.example>\n\
         Date: Mon, 1 Jun 2026 07:{:02}:{:02} +0000\n\n{text}\n",
        number / 60 % 60,
        number % 60
    )
}
