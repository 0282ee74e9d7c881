//! The chat interface of `OpenAI`, which many servers speak, as a [`LanguageModel`].
//!
//! One request an ask: `POST {base}/chat/completions` with a strict JSON schema
//! (platform.openai.com/docs/api-reference/chat/create). Nothing is retried, stored or decided here.
use std::{fmt, io, pin::pin, sync::Arc, time::Duration};

use async_trait::async_trait;
use besunny_core::{
    cause::{after_colon, io_kind},
    clock::Clock,
    language::{Answer, Ask, LanguageError, LanguageErrorKind, LanguageModel},
};
use futures::future::{self, Either};
use reqwest::{
    Client, Request, Response, StatusCode, Url,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue},
    redirect, retry,
};
use secrecy::{ExposeSecret, SecretString};

mod config;
mod refusal;
mod wire;

pub use config::{ConfigError, LimitField, OpenAiConfig, Price};

use refusal::Refusal;

/// A server that speaks `OpenAI`'s chat interface; cheap to clone.
#[derive(Clone, Debug)]
pub struct OpenAi {
    client: Client,
    url: Url,
    config: Arc<OpenAiConfig>,
    bearer: Option<HeaderValue>,
    clock: Arc<dyn Clock>,
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
}

impl OpenAi {
    /// Prepares the way; connects when there is something to ask.
    ///
    /// A server on this machine may need no `key`.
    ///
    /// # Errors
    /// [`ConfigError`] names the setting that cannot be used.
    pub fn new(
        config: OpenAiConfig,
        key: Option<&SecretString>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ConfigError> {
        let (url, is_local) = config.url()?;
        let mut builder = Client::builder()
            .user_agent(concat!("besunny/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(config.connect_timeout)
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .referer(false);
        if is_local {
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(|_details| ConfigError::Client)?;
        let bearer = key.map(bearer).transpose()?;
        Ok(Self { client, url, config: Arc::new(config), bearer, clock })
    }

    fn request(&self, ask: &Ask<'_>) -> Request {
        let mut request = Request::new(reqwest::Method::POST, self.url.clone());
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(bearer) = &self.bearer {
            headers.insert(AUTHORIZATION, bearer.clone());
        }
        *request.body_mut() = Some(wire::request(ask, &self.config).to_string().into());
        request
    }

    async fn exchange(&self, request: Request) -> Result<Reply, Broken> {
        let response = self.client.execute(request).await.map_err(|error| broken(&error))?;
        let status = response.status();
        let retry_after = refusal::retry_after(response.headers(), self.clock.now());
        let body = body(response, self.config.max_answer_bytes).await?;
        Ok(Reply { status, retry_after, body })
    }
}

struct Reply {
    status: StatusCode,
    retry_after: Option<Duration>,
    body: Vec<u8>,
}

#[async_trait]
impl LanguageModel for OpenAi {
    fn model(&self) -> &str {
        &self.config.model
    }

    async fn generate(&self, ask: &Ask<'_>) -> Result<Answer, LanguageError> {
        let wait = self.config.timeout;
        let until = self.clock.sleep_until(self.clock.now() + wait);
        let exchange = pin!(self.exchange(self.request(ask)));
        let reply = match future::select(exchange, until).await {
            Either::Left((reply, _)) => reply,
            Either::Right(((), _)) => Err(Broken::TimedOut(wait)),
        };
        let Reply { status, retry_after, body } = reply.map_err(Broken::into_error)?;
        if !status.is_success() {
            let refusal = Refusal::read(status, &body);
            let error = LanguageError::of(refusal.kind()).because(refusal);
            return Err(error.with_retry_after(retry_after));
        }
        let answer = wire::answer(&body, &self.config);
        answer.map_err(|odd| LanguageError::of(odd.kind()).because(odd))
    }
}

fn bearer(key: &SecretString) -> Result<HeaderValue, ConfigError> {
    let text = format!("Bearer {}", key.expose_secret().trim());
    let mut value = HeaderValue::try_from(text).map_err(|_odd| ConfigError::Key)?;
    value.set_sensitive(true);
    Ok(value)
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

/// Keeps of an error only what cannot carry content: the kind of the input or output that failed.
fn broken(error: &reqwest::Error) -> Broken {
    let kind = io_kind(error);
    if error.is_connect() { Broken::Unreachable(kind) } else { Broken::Cut(kind) }
}

impl Broken {
    fn into_error(self) -> LanguageError {
        let kind = match self {
            Self::Unreachable(_) | Self::Cut(_) | Self::TimedOut(_) => {
                LanguageErrorKind::Unavailable
            }
            Self::TooLarge(_) => LanguageErrorKind::Malformed,
        };
        LanguageError::of(kind).because(self)
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply").field("status", &self.status).finish_non_exhaustive()
    }
}
