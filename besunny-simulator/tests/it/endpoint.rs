//! A push endpoint that writes down what it gets.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use besunny_simulator::{Config, Subscription};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

pub(crate) const AUDIENCE: &str = "https://hooks.example.test/gmail";
pub(crate) const SERVICE_ACCOUNT: &str = "push@besunny-simulator.iam.gserviceaccount.com";
pub(crate) const SUBSCRIPTION: &str = "projects/besunny-simulator/subscriptions/gmail-push";

#[derive(Clone, Debug)]
pub(crate) struct Notice {
    pub(crate) token: String,
    pub(crate) body: Value,
}

impl Notice {
    pub(crate) fn data(&self) -> Value {
        let data = self.body["message"]["data"].as_str().unwrap();
        serde_json::from_slice(&BASE64_STANDARD.decode(data).unwrap()).unwrap()
    }

    pub(crate) fn history_id(&self) -> u64 {
        self.data()["historyId"].as_u64().unwrap()
    }

    pub(crate) fn message_id(&self) -> String {
        self.body["message"]["messageId"].as_str().unwrap().to_owned()
    }
}

/// A call of a channel: its headers by name, in lower case.
pub(crate) type Call = BTreeMap<String, String>;

#[derive(Debug, Default)]
struct Book {
    notices: Vec<Notice>,
    calls: Vec<Call>,
    /// Answers to give first; 204 afterwards.
    answers: VecDeque<u16>,
}

pub(crate) struct Endpoint {
    book: Arc<Mutex<Book>>,
    url: String,
    _task: JoinSet<()>,
}

impl Endpoint {
    pub(crate) async fn new() -> Self {
        let book = Arc::new(Mutex::new(Book::default()));
        let router = Router::new().route("/push", post(take)).route("/call", post(take_call));
        let router = router.with_state(Arc::clone(&book));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/push", listener.local_addr().unwrap());
        let mut task = JoinSet::new();
        task.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { book, url, _task: task }
    }

    /// Lets the simulator push to this endpoint.
    pub(crate) fn subscribe(&self, config: &mut Config) {
        config.settings.push.subscriptions.push(Subscription {
            name: SUBSCRIPTION.to_owned(),
            topic: "projects/besunny-simulator/topics/gmail".to_owned(),
            endpoint: self.url.clone(),
            audience: AUDIENCE.to_owned(),
            service_account: SERVICE_ACCOUNT.to_owned(),
        });
    }

    pub(crate) fn answer_first(&self, answers: &[u16]) {
        self.book.lock().unwrap().answers.extend(answers);
    }

    /// The address for channels.
    pub(crate) fn address(&self) -> String {
        self.url.replace("/push", "/call")
    }

    /// Takes what channels have called so far.
    pub(crate) fn take_calls(&self) -> Vec<Call> {
        std::mem::take(&mut self.book.lock().unwrap().calls)
    }

    pub(crate) fn notices(&self) -> Vec<Notice> {
        self.book.lock().unwrap().notices.clone()
    }
}

async fn take(State(book): State<Arc<Mutex<Book>>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let mut book = book.lock().unwrap();
    let authorization = headers["authorization"].to_str().unwrap();
    book.notices.push(Notice {
        token: authorization.strip_prefix("Bearer ").unwrap().to_owned(),
        body: serde_json::from_slice(&body).unwrap(),
    });
    let answer = book.answers.pop_front().unwrap_or(204);
    StatusCode::from_u16(answer).unwrap()
}

async fn take_call(
    State(book): State<Arc<Mutex<Book>>>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    assert!(body.is_empty(), "a call of a channel has no body");
    let mut book = book.lock().unwrap();
    let headers = headers.iter();
    let headers =
        headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
    book.calls.push(headers.collect());
    let answer = book.answers.pop_front().unwrap_or(200);
    StatusCode::from_u16(answer).unwrap()
}
