//! Access tokens from refresh tokens that lie in a file or in the environment (AUTH-5).
use std::time::Duration;

use async_trait::async_trait;
use besunny_core::{
    source::{AccountRef, SourceError, SourceErrorKind},
    token::{AccessToken, TokenSource},
};
use chrono::{DateTime, Utc};
use reqwest::{
    Method, Request,
    header::{CONTENT_TYPE, HeaderValue},
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

mod credentials;

pub use credentials::{ClientSecret, Credential, CredentialError, Credentials};

use crate::{
    quota::Operation,
    slots::Slots,
    transport::Http,
    wire::{self, Unusable},
};

/// A token is replaced once this share of its life is over, so that calls never meet its end.
const USED_UP_PERCENT: u32 = 80;
/// A token that ends sooner is not handed out, even if no new one can be had.
const LAST_USE: Duration = Duration::from_mins(1);
/// Google's tokens last an hour; used only if an answer does not say (RFC 6749, section 5.1).
const USUAL_LIFE: Duration = Duration::from_hours(1);
/// A token's answer has some 500 bytes, with an id token 2,000.
const MAX_BYTES: usize = 64 << 10;

/// Access tokens, refreshed ahead of their end; cheap to clone, and clones share them.
///
/// One refresh runs at a time for one account. After `invalid_grant` the same refresh token is not
/// tried again: the account needs a new one (RFC 6749, section 5.2). Anything
/// else may heal and is tried again when the worker comes again.
#[derive(Clone, Debug)]
pub struct GoogleTokens {
    http: Http,
    credentials: Credentials,
    slots: Slots<Slot>,
}

/// What is held for one account.
#[derive(Debug, Default)]
struct Slot {
    held: Option<Held>,
    /// The refresh token that Google calls dead.
    dead: Option<SecretString>,
}

#[derive(Debug)]
struct Held {
    token: AccessToken,
    /// What the person granted, which may be less than was asked for.
    scopes: Option<Vec<String>>,
    renew_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
}

/// The refresh token was refused before.
#[derive(Debug, thiserror::Error)]
#[error("Google has called this refresh token dead; a person must connect the account anew")]
struct Dead;

impl GoogleTokens {
    /// Refreshes what `credentials` holds.
    #[must_use]
    pub fn new(http: Http, credentials: Credentials) -> Self {
        Self { http, credentials, slots: Slots::default() }
    }

    /// Returns the scopes that the present token has, when Google said so.
    ///
    /// # Errors
    /// As [`TokenSource::token`].
    pub async fn scopes(&self, account: &AccountRef) -> Result<Option<Vec<String>>, SourceError> {
        let slot = self.slots.of(account.id);
        let mut slot = slot.lock().await;
        self.fresh(account, &mut slot).await?;
        Ok(slot.held.as_ref().and_then(|held| held.scopes.clone()))
    }

    async fn fresh(
        &self,
        account: &AccountRef,
        slot: &mut Slot,
    ) -> Result<AccessToken, SourceError> {
        let now = self.http.now();
        if let Some(held) = slot.held.as_ref().filter(|held| now < held.renew_at) {
            return Ok(held.token.clone());
        }
        match (self.renew(account, slot).await, &slot.held) {
            (Ok(held), _) => Ok(slot.held.insert(held).token.clone()),
            (Err(error), Some(held))
                if error.kind != SourceErrorKind::Unauthorized && now + LAST_USE < held.ends_at =>
            {
                tracing::warn!(%error, "a token is used to its end, since no new one can be had");
                Ok(held.token.clone())
            }
            (Err(error), _) => Err(error),
        }
    }

    async fn renew(&self, account: &AccountRef, slot: &mut Slot) -> Result<Held, SourceError> {
        let operation = Operation::RefreshToken.name();
        let credential = self.credentials.of(account).map_err(|error| {
            SourceError::new(SourceErrorKind::Misconfigured, operation).because(error)
        })?;
        let is_dead =
            |dead: &SecretString| dead.expose_secret() == credential.refresh_token.expose_secret();
        if slot.dead.as_ref().is_some_and(is_dead) {
            return Err(SourceError::new(SourceErrorKind::Unauthorized, operation).because(Dead));
        }
        let renewed = self.refresh(&credential).await;
        if renewed.as_ref().is_err_and(|error| error.kind == SourceErrorKind::Unauthorized) {
            *slot = Slot { held: None, dead: Some(credential.refresh_token) };
        }
        renewed
    }

    async fn refresh(&self, credential: &Credential) -> Result<Held, SourceError> {
        let operation = Operation::RefreshToken;
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "refresh_token")
            .append_pair("client_id", &credential.client.id)
            .append_pair("client_secret", credential.client.secret.expose_secret())
            .append_pair("refresh_token", credential.refresh_token.expose_secret())
            .finish();
        let mut request = Request::new(Method::POST, self.http.urls().token.clone());
        let content = HeaderValue::from_static("application/x-www-form-urlencoded");
        request.headers_mut().insert(CONTENT_TYPE, content);
        *request.body_mut() = Some(form.into());
        let answer = self.http.ask(request, MAX_BYTES, operation).await?;
        let answer = wire::answered(answer, operation)?;
        held(&answer, self.http.now()).ok_or_else(|| Unusable("has no token").during(operation))
    }
}

/// A token that claims to live longer is renewed daily: Google's live for an hour.
const LONGEST_LIFE: Duration = Duration::from_hours(24);

fn held(answer: &Value, now: DateTime<Utc>) -> Option<Held> {
    let token = AccessToken(SecretString::from(wire::text(answer, "access_token")?));
    let life = answer.get("expires_in").and_then(wire::seconds).unwrap_or(USUAL_LIFE);
    let life = life.min(LONGEST_LIFE);
    let scopes = wire::text(answer, "scope");
    let scopes = scopes.map(|scopes| scopes.split_whitespace().map(str::to_owned).collect());
    Some(Held { token, scopes, renew_at: now + life * USED_UP_PERCENT / 100, ends_at: now + life })
}

#[async_trait]
impl TokenSource for GoogleTokens {
    async fn token(&self, account: &AccountRef) -> Result<AccessToken, SourceError> {
        let slot = self.slots.of(account.id);
        let mut slot = slot.lock().await;
        self.fresh(account, &mut slot).await
    }

    async fn invalidate(&self, account: &AccountRef, token: &AccessToken) {
        let slot = self.slots.of(account.id);
        let mut slot = slot.lock().await;
        let is_same = |held: &Held| held.token.0.expose_secret() == token.0.expose_secret();
        if slot.held.as_ref().is_some_and(is_same) {
            slot.held = None;
        }
    }
}
