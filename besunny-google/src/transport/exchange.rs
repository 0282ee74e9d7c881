//! Requests and answers over HTTP, with time-outs and caps; knows nothing of tokens.
use std::{io, pin::pin, sync::Arc, time::Duration};

use besunny_core::{
    cause::{after_colon, io_kind},
    clock::Clock,
    source::{SourceError, SourceErrorKind},
};
use chrono::{DateTime, Utc};
use futures::future::{self, Either};
use reqwest::{Client, Request, StatusCode, redirect, retry};
use tokio::sync::Semaphore;

use super::{
    body::{self, Body, Rules},
    header,
};
use crate::{
    config::{ConfigError, GoogleConfig, Urls},
    quota::Operation,
    refusal::{Case, Refusal, Verdict},
};

/// The way to Google: connections, time-outs, and how much is read at once.
///
/// Cheap to clone; clones share connections and the one large answer that is read at a time.
#[derive(Clone, Debug)]
pub struct Http(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    client: Client,
    config: GoogleConfig,
    urls: Urls,
    clock: Arc<dyn Clock>,
    /// Held while an answer beyond [`body::SMALL`] is read and decoded.
    lane: Arc<Semaphore>,
}

/// A complete answer, good or bad.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// When it was made, by the clock of whoever made it.
    pub(crate) made_at: Option<DateTime<Utc>>,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) max_age: Option<Duration>,
    pub(crate) body: Body,
}

/// Why there is no complete answer; never carries anything of it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Broken {
    #[error("no connection{}", after_colon(*.0))]
    Unreachable(Option<io::ErrorKind>),
    #[error("the connection broke{}", after_colon(*.0))]
    Cut(Option<io::ErrorKind>),
    #[error("no complete answer in time")]
    TimedOut,
    #[error("the answer is larger than the call takes")]
    TooLarge,
}

impl Http {
    /// Prepares the way; connects when there is something to ask.
    ///
    /// # Errors
    /// [`ConfigError`] for endpoints that are no URLs or not `https`.
    pub fn new(config: GoogleConfig, clock: Arc<dyn Clock>) -> Result<Self, ConfigError> {
        let urls = config.endpoints.urls()?;
        let mut builder = Client::builder()
            .user_agent(config.user_agent.as_str())
            .connect_timeout(config.timeouts.connect)
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .referer(false)
            .tcp_nodelay(true);
        if urls.are_local {
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(|_details| ConfigError::Client)?;
        let lane = Arc::new(Semaphore::new(1));
        Ok(Self(Arc::new(Shared { client, config, urls, clock, lane })))
    }

    /// Returns what it was made with.
    #[must_use]
    pub fn config(&self) -> &GoogleConfig {
        &self.0.config
    }

    pub(crate) fn urls(&self) -> &Urls {
        &self.0.urls
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.0.clock.now()
    }

    /// Asks something that needs no account; the answer is a good one.
    ///
    /// # Errors
    /// [`SourceError`] with the kind that [`Refusal::verdict`] gives.
    pub(crate) async fn ask(
        &self,
        request: Request,
        cap: usize,
        operation: Operation,
    ) -> Result<Answer, SourceError> {
        let answer = self.exchange(request, cap).await;
        let answer = answer.map_err(|broken| broken.during(operation))?;
        if answer.status.is_success() {
            return Ok(answer);
        }
        let refusal = Refusal::read(answer.status, answer.body.bytes());
        let case = Case { operation, has_page: false, is_replay: false };
        let kind = match refusal.verdict(case) {
            Verdict::Failed(kind) => kind,
            Verdict::Absent | Verdict::Invalid | Verdict::Exists => SourceErrorKind::Malformed,
        };
        let error = SourceError::new(kind, operation.name()).because(refusal);
        Err(error.with_retry_after(answer.retry_after))
    }

    /// Sends a request and reads its answer, of at most `cap` bytes.
    ///
    /// # Cancellation
    /// Dropping the future closes the exchange; the server may have done what it was asked.
    pub(crate) async fn exchange(&self, request: Request, cap: usize) -> Result<Answer, Broken> {
        let Shared { client, config, clock, lane, .. } = &*self.0;
        let rules = Rules { cap, lane, clock: &**clock, large: config.timeouts.large };
        let begin = async {
            let response = client.execute(request).await.map_err(|error| broken(&error))?;
            let headers = response.headers();
            let now = clock.now();
            let head = Answer {
                status: response.status(),
                made_at: header::date(headers),
                retry_after: header::retry_after(headers, now),
                max_age: header::max_age(headers),
                body: Body::default(),
            };
            Ok((head, body::begin(response, &rules).await?))
        };
        let (head, body) = within(&**clock, config.timeouts.total, begin).await?;
        Ok(Answer { body: body.finish(&rules).await?, ..head })
    }
}

/// Gives up after `wait`, by the injected clock.
pub(super) async fn within<T>(
    clock: &dyn Clock,
    wait: Duration,
    work: impl Future<Output = Result<T, Broken>> + Send,
) -> Result<T, Broken> {
    match future::select(pin!(work), clock.sleep_until(clock.now() + wait)).await {
        Either::Left((done, _)) => done,
        Either::Right(((), _)) => Err(Broken::TimedOut),
    }
}

/// Keeps of an error only what cannot carry content: the kind of the input or output that failed.
pub(super) fn broken(error: &reqwest::Error) -> Broken {
    let kind = io_kind(error);
    match () {
        () if error.is_timeout() => Broken::TimedOut,
        () if error.is_connect() => Broken::Unreachable(kind),
        () => Broken::Cut(kind),
    }
}

impl Broken {
    pub(crate) fn during(self, operation: Operation) -> SourceError {
        let kind = match self {
            Self::Unreachable(_) | Self::Cut(_) | Self::TimedOut => SourceErrorKind::Unavailable,
            Self::TooLarge => SourceErrorKind::Malformed,
        };
        SourceError::new(kind, operation.name()).because(self)
    }
}
