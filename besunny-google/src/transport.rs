//! One call of Google: budget, token, request, answer.
//!
//! Nothing is retried here, except that a call whose token was refused is made once more with a new
//! one (ARCHITECTURE.md L9).
use std::{fmt, sync::Arc};

use besunny_core::{
    budget::{Budget, Spend},
    source::{AccountRef, SourceError, SourceErrorKind},
    token::{AccessToken, TokenSource},
};
use reqwest::{
    Method, Request, StatusCode, Url,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue},
};
use secrecy::ExposeSecret;

mod body;
mod exchange;
mod header;
mod segment;

pub use exchange::Http;
pub(crate) use exchange::{Answer, Broken};
pub(crate) use segment::Segment;

use crate::{
    quota::{Operation, Product},
    refusal::{Case, Refusal, Verdict},
};

/// How long an account rests after a refusal that names no wait: Google advises to begin with a
/// second and to add up to another one (exponential backoff, first step).
const REFUSED_PAUSE: std::time::Duration = std::time::Duration::from_secs(2);

/// Calls Google for accounts.
#[derive(Clone, Debug)]
pub(crate) struct Transport {
    pub(crate) http: Http,
    pub(crate) tokens: Arc<dyn TokenSource>,
    pub(crate) budget: Arc<dyn Budget>,
}

/// What is asked, for whom.
#[derive(Clone, Debug)]
pub(crate) struct Call<'a> {
    operation: Operation,
    account: &'a AccountRef,
    method: Method,
    url: String,
    query: Vec<(&'static str, &'a str)>,
    body: Option<Vec<u8>>,
    cap: usize,
}

/// What a call that did not fail came to.
#[derive(Debug)]
pub(crate) enum Reply {
    /// The answer.
    Good(Answer),
    /// The item, or the log before the cursor, is gone.
    Absent,
    /// Google takes the id for none, or an argument does not exist.
    Invalid,
    /// What should be made exists.
    Exists,
    /// The answer is larger than the call takes.
    TooLarge,
}

/// Something that the reply to this call cannot be.
#[derive(Debug, thiserror::Error)]
#[error("this reply is not possible here")]
struct Impossible;

/// An answer larger than any that this call can have.
#[derive(Debug, thiserror::Error)]
#[error("the answer is larger than any that makes sense")]
struct Oversized;

/// The largest answer of calls that bring no mail: a page of 500 history records, several times.
const MAX_PAGE_BYTES: usize = 16 << 20;

impl Transport {
    /// Makes a call.
    ///
    /// # Errors
    /// [`SourceError`] with the kind that [`Refusal::verdict`] gives; nothing of the answer but its
    /// status and reason.
    ///
    /// # Cancellation
    /// Dropping the future cancels the request; one that changes something may have done so.
    pub(crate) async fn send(&self, call: &Call<'_>) -> Result<Reply, SourceError> {
        let (mut answer, token) = self.attempt(call).await?;
        let is_replay = is_refused_token(answer.as_ref());
        if is_replay {
            // It may hold the lane of large answers, which the next one may need.
            drop(answer.take());
            self.tokens.invalidate(call.account, &token).await;
            let (second, token) = self.attempt(call).await?;
            answer = second;
            if is_refused_token(answer.as_ref()) {
                self.tokens.invalidate(call.account, &token).await;
            }
        }
        let Some(answer) = answer else { return Ok(Reply::TooLarge) };
        if answer.status.is_success() {
            return Ok(Reply::Good(answer));
        }
        let refusal = Refusal::read(answer.status, answer.body.bytes());
        let operation = call.operation;
        match refusal.verdict(Case { operation, has_page: call.has_page(), is_replay }) {
            Verdict::Absent => Ok(Reply::Absent),
            Verdict::Invalid => Ok(Reply::Invalid),
            Verdict::Exists => Ok(Reply::Exists),
            Verdict::Failed(kind) => {
                if kind == SourceErrorKind::RateLimited {
                    let pause = answer.retry_after.unwrap_or(REFUSED_PAUSE);
                    self.budget.refused(self.price(call), pause);
                }
                let error = SourceError::new(kind, operation.name()).because(refusal);
                Err(error.with_retry_after(answer.retry_after))
            }
        }
    }

    /// Makes a call whose reply can only be good.
    pub(crate) async fn answer(&self, call: &Call<'_>) -> Result<Answer, SourceError> {
        match self.send(call).await? {
            Reply::Good(answer) => Ok(answer),
            Reply::TooLarge => Err(call.failed(SourceErrorKind::Malformed).because(Oversized)),
            Reply::Absent | Reply::Invalid | Reply::Exists => {
                Err(call.failed(SourceErrorKind::Malformed).because(Impossible))
            }
        }
    }

    /// Asks once; `None` is an answer that is too large.
    async fn attempt(&self, call: &Call<'_>) -> Result<(Option<Answer>, AccessToken), SourceError> {
        let _under_way = self.budget.spend(self.price(call)).await;
        let token = self.tokens.token(call.account).await?;
        let urls = self.http.urls();
        let base = match call.operation.service() {
            Product::Gmail => &urls.gmail,
            Product::Calendar => &urls.calendar,
        };
        let request = call.request(base, &token)?;
        match self.http.exchange(request, call.cap).await {
            Ok(answer) => {
                let status = answer.status.as_u16();
                tracing::debug!(operation = call.operation.name(), status, "answered");
                Ok((Some(answer), token))
            }
            Err(Broken::TooLarge) => Ok((None, token)),
            Err(broken) => Err(broken.during(call.operation)),
        }
    }

    fn price(&self, call: &Call<'_>) -> Spend {
        let prices = &self.http.config().quota.prices;
        let quota = call.operation.service().quota();
        Spend { account: call.account.id, quota, units: call.operation.units(prices) }
    }
}

fn is_refused_token(answer: Option<&Answer>) -> bool {
    answer.is_some_and(|answer| answer.status == StatusCode::UNAUTHORIZED)
}

impl<'a> Call<'a> {
    /// Asks for `path`: of the account's own mailbox, or of Calendar.
    pub(crate) fn get(
        operation: Operation,
        account: &'a AccountRef,
        path: impl fmt::Display,
    ) -> Self {
        Self {
            operation,
            account,
            method: Method::GET,
            url: format!("{}/{path}", operation.service().path()),
            // Google indents its answers unless told otherwise.
            query: vec![("prettyPrint", "false")],
            body: None,
            cap: MAX_PAGE_BYTES,
        }
    }

    /// Sends JSON to `path`: of the account's own mailbox, or of Calendar.
    pub(crate) fn post(
        operation: Operation,
        account: &'a AccountRef,
        path: impl fmt::Display,
        body: &serde_json::Value,
    ) -> Self {
        let body = Some(body.to_string().into_bytes());
        Self { method: Method::POST, body, ..Self::get(operation, account, path) }
    }

    /// Adds a parameter.
    pub(crate) fn with(mut self, name: &'static str, value: &'a str) -> Self {
        self.query.push((name, value));
        self
    }

    /// Names the page that is asked for.
    pub(crate) fn at_page(self, page: Option<&'a str>) -> Self {
        match page {
            Some(page) => self.with(PAGE, page),
            None => self,
        }
    }

    /// Sets the largest answer that is taken, in bytes.
    pub(crate) fn capped_at(self, cap: usize) -> Self {
        Self { cap, ..self }
    }

    /// Makes an error of this call.
    pub(crate) const fn failed(&self, kind: SourceErrorKind) -> SourceError {
        SourceError::new(kind, self.operation.name())
    }

    fn has_page(&self) -> bool {
        self.query.iter().any(|(name, _)| *name == PAGE)
    }

    fn request(&self, base: &str, token: &AccessToken) -> Result<Request, SourceError> {
        let misconfigured = || self.failed(SourceErrorKind::Misconfigured);
        let url = Url::parse_with_params(&format!("{base}{}", self.url), &self.query);
        let url = url.map_err(|error| misconfigured().because(error))?;
        let bearer = format!("Bearer {}", token.0.expose_secret());
        let mut bearer = HeaderValue::try_from(bearer)
            .map_err(|_odd| misconfigured().because(UnsendableToken))?;
        bearer.set_sensitive(true);
        let mut request = Request::new(self.method.clone(), url);
        request.headers_mut().insert(AUTHORIZATION, bearer);
        if let Some(body) = &self.body {
            let json = HeaderValue::from_static("application/json");
            request.headers_mut().insert(CONTENT_TYPE, json);
            *request.body_mut() = Some(body.clone().into());
        }
        Ok(request)
    }
}

const PAGE: &str = "pageToken";

/// A token with characters that no header may have.
#[derive(Debug, thiserror::Error)]
#[error("the access token has characters that cannot be sent")]
struct UnsendableToken;
