//! What can be chosen: once at the start (`Config`), or at any time (`Settings`).

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::clock::ClockMode;
use crate::model::Brain;
use crate::operation::Operation;

/// How a simulator starts.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where to listen; port 0 takes a free one. Only loopback addresses are accepted.
    pub listen: SocketAddr,
    /// The seed of ids, gaps and fault chances.
    pub seed: u64,
    /// How virtual time moves.
    pub clock: ClockMode,
    /// Virtual time at the start; the machine's time if absent.
    pub start_at: Option<DateTime<Utc>>,
    /// What can also be changed later.
    pub settings: Settings,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            seed: 0,
            clock: ClockMode::default(),
            start_at: None,
            settings: Settings::default(),
        }
    }
}

/// The behavior of the simulated world; all of it can change while it runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// What happens to every answer.
    pub wire: WireSettings,
    /// How mailboxes number, order, keep and encode.
    pub mail: MailSettings,
    /// The client and the life of its tokens.
    pub oauth: OauthSettings,
    /// Watches, subscriptions and delivery.
    pub push: PushSettings,
    /// Prices and limits.
    pub quota: QuotaSettings,
    /// The model server.
    pub model: ModelSettings,
    /// The bot server.
    pub attendee: AttendeeSettings,
    /// How calendars answer, and how long they call.
    pub calendar: CalendarSettings,
}

/// How calendars answer, and how long they call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CalendarSettings {
    /// Life of a channel; Calendar's longest is 7 days.
    #[serde(rename = "channel_life_ms", with = "millis")]
    pub channel_life: Duration,
    /// Shows of deleted events only what Google guarantees: the id, and of an exception its place.
    pub bare_tombstones: bool,
}

impl Default for CalendarSettings {
    fn default() -> Self {
        Self { channel_life: Duration::from_hours(7 * 24), bare_tombstones: true }
    }
}

/// What happens to every answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WireSettings {
    /// Time before every answer.
    #[serde(rename = "latency_ms", with = "millis")]
    pub latency: Duration,
    /// Compresses answers to clients that accept gzip, as Google does.
    pub gzip: bool,
    /// Requests remembered in the log; older ones are forgotten, counters go on.
    pub log_entries: usize,
}

impl Default for WireSettings {
    fn default() -> Self {
        Self { latency: Duration::ZERO, gzip: false, log_entries: 100_000 }
    }
}

/// How mailboxes number, order, keep and encode.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MailSettings {
    /// The largest step between two history ids; the real step is random.
    pub history_gap: u64,
    /// Life of history records. Google promises "at least a week", rarely only hours.
    #[serde(rename = "history_retention_ms", with = "millis")]
    pub history_retention: Duration,
    /// Time until a change shows in `history.list`, although its id was already notified.
    #[serde(rename = "index_lag_ms", with = "millis")]
    pub index_lag: Duration,
    /// Probability that a record without a type follows a change, as in Gmail.
    pub touch_rate: f64,
    /// Probability that an added message is reported as added twice.
    pub repeat_rate: f64,
    /// How far `messages.list` may depart from the order of dates.
    #[serde(rename = "list_disorder_ms", with = "millis")]
    pub list_disorder: Duration,
    /// Life of page tokens; absent for ever.
    #[serde(rename = "page_token_life_ms", with = "optional_millis")]
    pub page_token_life: Option<Duration>,
    /// Padding of `raw`.
    pub raw_padding: Padding,
    /// Padding of attachments.
    pub attachment_padding: Padding,
    /// Padding of the bodies of parts.
    pub part_padding: Padding,
    /// Larger text bodies are sent as attachments.
    pub inline_body_bytes: usize,
}

impl Default for MailSettings {
    fn default() -> Self {
        Self {
            history_gap: 40,
            history_retention: Duration::from_hours(7 * 24),
            index_lag: Duration::ZERO,
            touch_rate: 0.25,
            repeat_rate: 0.05,
            list_disorder: Duration::from_mins(1),
            page_token_life: None,
            raw_padding: Padding::Always,
            attachment_padding: Padding::Never,
            part_padding: Padding::Mixed,
            inline_body_bytes: 1024 * 1024,
        }
    }
}

/// Whether base64 ends in `=`. Gmail is not consistent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Padding {
    /// With `=` where needed.
    Always,
    /// Without.
    Never,
    /// One or the other, by the place in the message.
    Mixed,
}

/// The OAuth client and the life of its tokens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OauthSettings {
    /// The only client there is.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
    /// Life of access tokens; Google's is an hour less a second.
    #[serde(rename = "access_token_life_ms", with = "millis")]
    pub access_token_life: Duration,
    /// Life of authorization codes.
    #[serde(rename = "code_life_ms", with = "millis")]
    pub code_life: Duration,
    /// Scopes of a new account.
    pub scopes: Vec<String>,
}

impl Default for OauthSettings {
    fn default() -> Self {
        Self {
            client_id: "1234567890-simulator.apps.googleusercontent.com".to_owned(),
            client_secret: "simulated-client-secret".to_owned(),
            access_token_life: Duration::from_secs(3599),
            code_life: Duration::from_mins(10),
            scopes: [
                "openid",
                "https://www.googleapis.com/auth/userinfo.email",
                "https://www.googleapis.com/auth/gmail.modify",
                "https://www.googleapis.com/auth/calendar.readonly",
            ]
            .map(str::to_owned)
            .to_vec(),
        }
    }
}

/// Watches, subscriptions and delivery.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PushSettings {
    /// The project whose topics may be watched.
    pub project: String,
    /// Where notices go.
    pub subscriptions: Vec<Subscription>,
    /// Life of a watch. Gmail's is 7 days.
    #[serde(rename = "watch_life_ms", with = "millis")]
    pub watch_life: Duration,
    /// Shortest time between two notices of a mailbox. Gmail drops what is faster than 1 s.
    #[serde(rename = "notice_interval_ms", with = "millis")]
    pub notice_interval: Duration,
    /// Sends a notice when a watch starts.
    pub notice_on_watch: bool,
    /// Time to answer a delivery. Pub/Sub's default is 10 s.
    #[serde(rename = "ack_deadline_ms", with = "millis")]
    pub ack_deadline: Duration,
    /// Wait before the second delivery; doubles each time.
    #[serde(rename = "min_backoff_ms", with = "millis")]
    pub min_backoff: Duration,
    /// Longest wait between deliveries.
    #[serde(rename = "max_backoff_ms", with = "millis")]
    pub max_backoff: Duration,
    /// Undelivered notices are given up after this. Pub/Sub's default is 7 days.
    #[serde(rename = "retention_ms", with = "millis")]
    pub retention: Duration,
}

impl Default for PushSettings {
    fn default() -> Self {
        Self {
            project: "besunny-simulator".to_owned(),
            subscriptions: Vec::new(),
            watch_life: Duration::from_hours(7 * 24),
            notice_interval: Duration::from_secs(1),
            notice_on_watch: false,
            ack_deadline: Duration::from_secs(10),
            min_backoff: Duration::from_secs(10),
            max_backoff: Duration::from_mins(10),
            retention: Duration::from_hours(7 * 24),
        }
    }
}

/// A Pub/Sub push subscription with authentication.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subscription {
    /// `projects/P/subscriptions/S`.
    pub name: String,
    /// `projects/P/topics/T`.
    pub topic: String,
    /// Where notices are posted; `http://` only.
    pub endpoint: String,
    /// The `aud` claim.
    pub audience: String,
    /// The `email` claim.
    pub service_account: String,
}

/// The model server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModelSettings {
    /// The only key there is.
    pub api_key: String,
    /// The models that are there; all of them answer alike.
    pub models: Vec<String>,
    /// Who answers.
    pub brain: Brain,
    /// The length of vectors of which no length is asked for.
    pub dimensions: u64,
}

impl Default for ModelSettings {
    fn default() -> Self {
        Self {
            api_key: "sk-simulated".to_owned(),
            models: ["simulated-model", "simulated-embedding"].map(str::to_owned).to_vec(),
            brain: Brain::default(),
            dimensions: 256,
        }
    }
}

/// The bot server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AttendeeSettings {
    /// The only key there is.
    pub api_key: String,
    /// What signs webhooks, in base64.
    pub webhook_secret: String,
    /// Where events go of bots that have no webhooks of their own; `http://` only.
    pub webhooks: Vec<AttendeeWebhook>,
    /// The most bots at a time that are not over; no limit if absent.
    pub max_bots: Option<usize>,
    /// What `GET /version/` says.
    pub version: String,
}

/// A webhook of the project.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttendeeWebhook {
    /// Where events are posted.
    pub url: String,
    /// Which events, as `bot.state_change`.
    pub triggers: Vec<String>,
}

impl Default for AttendeeSettings {
    fn default() -> Self {
        Self {
            api_key: "simulated-attendee-key".to_owned(),
            webhook_secret: "c2ltdWxhdGVkIHNlY3JldCBvZiBhIHByb2plY3QgMSE=".to_owned(),
            webhooks: Vec::new(),
            max_bots: None,
            version: "1.64.1".to_owned(),
        }
    }
}

/// Prices and limits of the simulated APIs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct QuotaSettings {
    /// Whether limits are kept. Usage is counted in any case.
    pub metering: Metering,
    /// Units a minute for one user. 6,000 for projects made since May 2026, 15,000 before.
    pub user_units_per_minute: u64,
    /// Units a minute for all users together.
    pub project_units_per_minute: u64,
    /// Requests a minute to Calendar for one user.
    pub calendar_user_requests_per_minute: u64,
    /// Requests a minute to Calendar for all users together.
    pub calendar_project_requests_per_minute: u64,
    /// Prices that differ from `Operation::default_units`.
    pub units: BTreeMap<Operation, u64>,
    /// How a refusal looks.
    pub refusal: RateRefusal,
    /// Whether a refusal says when to come again. Google rarely does.
    pub retry_after: RetryAfterForm,
}

impl Default for QuotaSettings {
    fn default() -> Self {
        Self {
            metering: Metering::On,
            user_units_per_minute: 6_000,
            project_units_per_minute: 1_200_000,
            calendar_user_requests_per_minute: 600,
            calendar_project_requests_per_minute: 10_000,
            units: BTreeMap::new(),
            refusal: RateRefusal::Forbidden,
            retry_after: RetryAfterForm::Absent,
        }
    }
}

/// Whether limits are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metering {
    /// Calls over the limit are refused.
    On,
    /// Calls are only counted.
    Off,
}

/// The two ways in which Google says "too fast".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RateRefusal {
    /// 403 with reason `userRateLimitExceeded` or `rateLimitExceeded`.
    Forbidden,
    /// 429 with reason `rateLimitExceeded`.
    #[default]
    TooManyRequests,
}

/// The form of a `Retry-After` header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetryAfterForm {
    /// No header.
    Absent,
    /// A number of seconds.
    Seconds,
    /// A date.
    HttpDate,
}

mod millis {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &Duration, to: S) -> Result<S::Ok, S::Error> {
        u64::try_from(value.as_millis()).unwrap_or(u64::MAX).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        u64::deserialize(from).map(Duration::from_millis)
    }
}

mod optional_millis {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[expect(clippy::ref_option, reason = "the signature that serde calls")]
    pub(super) fn serialize<S: Serializer>(
        value: &Option<Duration>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        value.map(|value| u64::try_from(value.as_millis()).unwrap_or(u64::MAX)).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<u64>::deserialize(from)?.map(Duration::from_millis))
    }
}
