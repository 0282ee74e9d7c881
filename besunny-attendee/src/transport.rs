//! One call of Attendee: request, answer, and what a bad one means. Nothing is retried.
use std::{io, pin::pin, sync::Arc, time::Duration};

use besunny_core::{
    cause::{after_colon, io_kind},
    clock::Clock,
    retry,
    source::{SourceError, SourceErrorKind},
};
use chrono::{DateTime, Utc};
use futures::future::{self, Either};
use reqwest::{
    Client, Method, Request, Response, StatusCode, Url,
    header::{AUTHORIZATION, CONTENT_TYPE, DATE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER},
    redirect,
};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;

use crate::{
    config::{AttendeeConfig, ConfigError},
    refusal::Refusal,
};

/// The way to one project of an Attendee server; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Transport(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    client: Client,
    base: String,
    key: HeaderValue,
    config: AttendeeConfig,
    clock: Arc<dyn Clock>,
}

/// What is asked.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub(crate) operation: &'static str,
    pub(crate) method: Method,
    /// Below the base, such as `/api/v1/bots`.
    pub(crate) path: String,
    pub(crate) query: Vec<(&'static str, &'a str)>,
    pub(crate) body: Option<Vec<u8>>,
}

/// A complete answer.
#[derive(Debug)]
pub(crate) enum Reply {
    Good(Good),
    /// The server declines; how that is told depends on what was asked.
    Refused(Refusal),
}

/// A good answer.
pub(crate) struct Good {
    operation: &'static str,
    /// When it was made, by the server's clock.
    pub(crate) made_at: Option<DateTime<Utc>>,
    body: Vec<u8>,
}

/// Why there is no complete answer; never carries anything of it.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error("no connection{}", after_colon(*.0))]
    Unreachable(Option<io::ErrorKind>),
    #[error("the connection broke{}", after_colon(*.0))]
    Cut(Option<io::ErrorKind>),
    #[error("no complete answer within {} s", .0.as_secs())]
    TimedOut(Duration),
    #[error("the answer has more than {0} bytes")]
    TooLarge(usize),
    #[error("the address cannot be asked")]
    NoUrl,
}

/// An answer that is not what the call brings; its place says where, nothing says what.
#[derive(Debug, thiserror::Error)]
#[error("the answer does not have the expected form, at line {0}, column {1}")]
struct Formless(usize, usize);

impl Transport {
    pub(crate) fn new(
        config: AttendeeConfig,
        key: &SecretString,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ConfigError> {
        let (base, is_local) = config.base()?;
        let mut builder = Client::builder()
            .user_agent(config.user_agent.as_str())
            .connect_timeout(config.connect_timeout)
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false);
        if is_local {
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(|_details| ConfigError::Client)?;
        let key = format!("Token {}", key.expose_secret().trim());
        let mut key = HeaderValue::try_from(key).map_err(|_odd| ConfigError::Key)?;
        key.set_sensitive(true);
        Ok(Self(Arc::new(Shared { client, base, key, config, clock })))
    }

    pub(crate) fn config(&self) -> &AttendeeConfig {
        &self.0.config
    }

    /// Makes a call; a refusal that means the same for every call is an error.
    ///
    /// # Errors
    /// [`SourceError`] with nothing of the answer but status, meaning and error id.
    ///
    /// # Cancellation
    /// Dropping the future cancels the request; the server may have done what it was asked.
    pub(crate) async fn send(&self, call: Call<'_>) -> Result<Reply, SourceError> {
        let Shared { config, clock, .. } = &*self.0;
        let operation = call.operation;
        let until = clock.sleep_until(clock.now() + config.timeout);
        let answer = match future::select(pin!(self.exchange(call)), until).await {
            Either::Left((answer, _)) => answer,
            Either::Right(((), _)) => Err(Broken::TimedOut(config.timeout)),
        };
        let (status, headers, body) = answer.map_err(|broken| broken.during(operation))?;
        tracing::debug!(operation, status = status.as_u16(), "answered");
        let made_at = text(&headers, DATE).and_then(retry::http_date);
        if status.is_success() {
            return Ok(Reply::Good(Good { operation, made_at, body }));
        }
        let refusal = Refusal::read(status, &body);
        let Some(kind) = refusal.failure() else { return Ok(Reply::Refused(refusal)) };
        let now = made_at.unwrap_or_else(|| clock.now());
        let wait = text(&headers, RETRY_AFTER).and_then(|wait| retry::asked_wait(wait, now));
        Err(SourceError::new(kind, operation).because(refusal).with_retry_after(wait))
    }

    async fn exchange(&self, call: Call<'_>) -> Result<(StatusCode, HeaderMap, Vec<u8>), Broken> {
        let Shared { client, base, key, config, .. } = &*self.0;
        let url = Url::parse_with_params(&format!("{base}{}", call.path), &call.query);
        let mut request = Request::new(call.method, url.map_err(|_odd| Broken::NoUrl)?);
        request.headers_mut().insert(AUTHORIZATION, key.clone());
        if let Some(body) = call.body {
            let json = HeaderValue::from_static("application/json");
            request.headers_mut().insert(CONTENT_TYPE, json);
            *request.body_mut() = Some(body.into());
        }
        let response = client.execute(request).await.map_err(|error| broken(&error))?;
        let (status, headers) = (response.status(), response.headers().clone());
        Ok((status, headers, body(response, config.max_answer_bytes).await?))
    }
}

impl<'a> Call<'a> {
    pub(crate) fn get(operation: &'static str, path: String) -> Self {
        Self { operation, method: Method::GET, path, query: Vec::new(), body: None }
    }

    pub(crate) fn with(mut self, name: &'static str, value: &'a str) -> Self {
        self.query.push((name, value));
        self
    }

    pub(crate) fn send(
        operation: &'static str,
        method: Method,
        path: String,
        body: Option<Vec<u8>>,
    ) -> Self {
        Self { operation, method, path, query: Vec::new(), body }
    }
}

impl Good {
    /// Reads the answer; unknown fields are left alone.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<T, SourceError> {
        serde_json::from_slice(&self.body).map_err(|odd| {
            let place = Formless(odd.line(), odd.column());
            SourceError::new(SourceErrorKind::Malformed, self.operation).because(place)
        })
    }
}

impl std::fmt::Debug for Good {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Good").field("operation", &self.operation).finish_non_exhaustive()
    }
}

/// Reads a body up to `cap` bytes.
async fn body(mut response: Response, cap: usize) -> Result<Vec<u8>, Broken> {
    let mut bytes = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(|error| broken(&error))? {
        if bytes.len() + piece.len() > cap {
            return Err(Broken::TooLarge(cap));
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

/// Keeps of an error only what cannot carry content: the kind of the input or output that failed.
fn broken(error: &reqwest::Error) -> Broken {
    let kind = io_kind(error);
    if error.is_connect() { Broken::Unreachable(kind) } else { Broken::Cut(kind) }
}

impl Broken {
    fn during(self, operation: &'static str) -> SourceError {
        let kind = match self {
            Self::Unreachable(_) | Self::Cut(_) | Self::TimedOut(_) => SourceErrorKind::Unavailable,
            Self::TooLarge(_) => SourceErrorKind::Malformed,
            Self::NoUrl => SourceErrorKind::Misconfigured,
        };
        SourceError::new(kind, operation).because(self)
    }
}
