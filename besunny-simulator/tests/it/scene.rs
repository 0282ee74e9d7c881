//! A simulator with one account, a clock that is moved by hand, and no surprises.

use std::time::Duration;

use axum::http::Method;
use besunny_simulator::{
    AgendaControl, ClockMode, Config, Control, Delivered, Delivery, FaultRule, MailboxControl,
    Simulator,
};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::http::{self, Failure, Reply};

pub(crate) const ANN: &str = "ann@example.test";

pub(crate) struct Scene {
    pub(crate) simulator: Simulator,
    pub(crate) token: String,
}

impl Scene {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config {
            clock: ClockMode::Manual,
            start_at: Some(instant("2026-01-05T09:00:00Z")),
            ..Config::default()
        };
        let mail = &mut config.settings.mail;
        (mail.touch_rate, mail.repeat_rate) = (0.0, 0.0);
        mail.list_disorder = Duration::ZERO;
        change(&mut config);
        let simulator = Simulator::start(config).await.unwrap();
        simulator.control().add_account(ANN);
        let token = simulator.control().mailbox(ANN).unwrap().access_token().unwrap();
        Self { simulator, token }
    }

    pub(crate) fn control(&self) -> &Control {
        self.simulator.control()
    }

    pub(crate) fn ann(&self) -> MailboxControl {
        self.control().mailbox(ANN).unwrap()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.simulator.base_url())
    }

    /// Lets a plain message arrive in the inbox.
    pub(crate) fn deliver(&self, subject: &str) -> Delivered {
        self.ann().deliver(mail(subject), &Delivery::default()).unwrap()
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.control().advance(Duration::from_secs(seconds));
    }

    pub(crate) fn fault(&self, rule: FaultRule) {
        self.control().add_fault(rule);
    }

    /// `GET /gmail/v1/users/me/...` with a good token.
    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.try_get(path).await.unwrap()
    }

    pub(crate) async fn try_get(&self, path: &str) -> Result<Reply, Failure> {
        let headers = [("authorization", &*format!("Bearer {}", self.token))];
        http::send(Method::GET, &self.gmail(path), &headers, "").await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Reply {
        let headers = [
            ("authorization", &*format!("Bearer {}", self.token)),
            ("content-type", "application/json"),
        ];
        http::send(Method::POST, &self.gmail(path), &headers, body.to_string()).await.unwrap()
    }

    /// A form posted to one of OAuth's endpoints.
    pub(crate) async fn form(&self, path: &str, fields: &[(&str, &str)]) -> Reply {
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        http::send(Method::POST, &self.url(path), &headers, encoded(fields)).await.unwrap()
    }

    pub(crate) async fn refresh(&self) -> Reply {
        let ann = self.control().add_account(ANN);
        self.refresh_with(&ann.refresh_token).await
    }

    pub(crate) async fn refresh_with(&self, refresh_token: &str) -> Reply {
        let oauth = self.control().settings().oauth;
        let fields = [
            ("client_id", &*oauth.client_id),
            ("client_secret", &*oauth.client_secret),
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh_token),
        ];
        self.form("/token", &fields).await
    }

    /// Any method on `/control/...`.
    pub(crate) async fn steer(&self, method: Method, path: &str, body: Value) -> Reply {
        let headers = [("content-type", "application/json")];
        let url = self.url(&format!("/control/{path}"));
        http::send(method, &url, &headers, body.to_string()).await.unwrap()
    }

    pub(crate) async fn history(&self, start: u64) -> Value {
        self.get(&format!("history?startHistoryId={start}")).await.good()
    }

    /// The calendars of Ann.
    pub(crate) fn agenda(&self) -> AgendaControl {
        self.control().agenda(ANN).unwrap()
    }

    /// `GET /calendar/v3/...` with a good token.
    pub(crate) async fn calendar(&self, path: &str) -> Reply {
        let headers = [("authorization", &*format!("Bearer {}", self.token))];
        let url = self.url(&format!("/calendar/v3/{path}"));
        http::send(Method::GET, &url, &headers, "").await.unwrap()
    }

    pub(crate) async fn post_calendar(&self, path: &str, body: Value) -> Reply {
        let headers = [
            ("authorization", &*format!("Bearer {}", self.token)),
            ("content-type", "application/json"),
        ];
        let url = self.url(&format!("/calendar/v3/{path}"));
        http::send(Method::POST, &url, &headers, body.to_string()).await.unwrap()
    }

    fn gmail(&self, path: &str) -> String {
        self.url(&format!("/gmail/v1/users/me/{path}"))
    }
}

/// Fields as in a form or a query.
pub(crate) fn encoded(fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

pub(crate) fn instant(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

pub(crate) fn mail(subject: &str) -> String {
    format!(
        "From: Bob <bob@example.test>\r\nTo: Ann <{ANN}>\r\nSubject: {subject}\r\n\
         Date: Mon, 05 Jan 2026 08:00:00 +0000\r\nMessage-ID: <{}@example.test>\r\n\r\n\
         Hello, {subject}.\r\n",
        subject.replace(' ', "-")
    )
}

/// The strings of one field of every object in an array.
pub(crate) fn strings(array: &Value, field: &str) -> Vec<String> {
    array
        .as_array()
        .map(|items| items.iter().filter_map(|item| item[field].as_str()))
        .map(|texts| texts.map(str::to_owned).collect())
        .unwrap_or_default()
}

/// Ids of added messages in a history answer, in order.
pub(crate) fn added(history: &Value) -> Vec<String> {
    let records = history["history"].as_array().cloned().unwrap_or_default();
    records
        .iter()
        .flat_map(|record| record["messagesAdded"].as_array().cloned().unwrap_or_default())
        .map(|added| added["message"]["id"].as_str().unwrap().to_owned())
        .collect()
}

pub(crate) fn watch_request() -> Value {
    json!({
        "topicName": "projects/besunny-simulator/topics/gmail",
        "labelIds": ["INBOX"],
        "labelFilterBehavior": "include",
    })
}

/// An event of an hour, as the API takes it.
pub(crate) fn event(summary: &str, start: &str) -> Value {
    let start = DateTime::parse_from_rfc3339(start).unwrap();
    let end = start + chrono::Duration::hours(1);
    json!({
        "summary": summary,
        "start": { "dateTime": start.to_rfc3339(), "timeZone": "Europe/Berlin" },
        "end": { "dateTime": end.to_rfc3339(), "timeZone": "Europe/Berlin" },
    })
}
