//! Google's published signing keys.
use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use besunny_core::{
    push::{PublicKey, PublicKeys},
    source::{SourceError, SourceErrorKind},
};
use chrono::{DateTime, Utc};
use reqwest::{Method, Request};
use serde_json::Value;
use tokio::sync::Mutex;

use crate::{
    quota::Operation,
    transport::Http,
    wire::{self, Unusable},
};

/// Unknown keys are looked up so often at most: a flood of forged deliveries costs nothing.
const REFRESH_EVERY: Duration = Duration::from_mins(5);
/// After a failed look-up the next one waits so long.
const FAILED_REST: Duration = Duration::from_secs(10);
/// Google sends `max-age`; without it, keys are kept so long (Google's usual value is six hours).
const USUAL_AGE: Duration = Duration::from_hours(1);
/// Two keys have some 800 bytes each.
pub(crate) const MAX_BYTES: usize = 64 << 10;

/// Google's keys for push deliveries, fetched when needed and kept as long as Google says.
///
/// One look-up runs at a time; whoever comes meanwhile takes its result. A failing look-up leaves
/// the old keys in use.
#[derive(Clone, Debug)]
pub struct GoogleKeys {
    http: Http,
    held: Arc<Mutex<Held>>,
}

#[derive(Debug, Default)]
struct Held {
    keys: Option<Arc<[PublicKey]>>,
    stale_at: Option<DateTime<Utc>>,
    fetched_at: Option<DateTime<Utc>>,
    failed_at: Option<DateTime<Utc>>,
}

/// The last look-up failed a moment ago.
#[derive(Debug, thiserror::Error)]
#[error("the last look-up failed a moment ago")]
struct Resting;

impl GoogleKeys {
    /// Prepares to fetch keys; asks when the first delivery comes.
    #[must_use]
    pub fn new(http: Http) -> Self {
        Self { http, held: Arc::default() }
    }

    /// Fetches keys into `held`, unless a look-up failed a moment ago; old ones serve meanwhile.
    async fn fetch_into(&self, held: &mut Held) -> Result<Arc<[PublicKey]>, SourceError> {
        let now = self.http.now();
        let fetched = if held.failed_at.is_some_and(|at| now < at + FAILED_REST) {
            Err(SourceError::new(SourceErrorKind::Unavailable, Operation::FetchKeys.name())
                .because(Resting))
        } else {
            self.fetch().await.inspect_err(|_| held.failed_at = Some(now))
        };
        match (fetched, &held.keys) {
            (Ok((keys, age)), _) => {
                let stale_at = Some(now + age);
                *held = Held {
                    keys: Some(Arc::clone(&keys)),
                    stale_at,
                    fetched_at: Some(now),
                    failed_at: None,
                };
                Ok(keys)
            }
            (Err(error), Some(keys)) => {
                tracing::warn!(%error, "Google's keys are kept, since new ones cannot be had");
                Ok(Arc::clone(keys))
            }
            (Err(error), None) => Err(error),
        }
    }

    async fn fetch(&self) -> Result<(Arc<[PublicKey]>, Duration), SourceError> {
        let operation = Operation::FetchKeys;
        let request = Request::new(Method::GET, self.http.urls().keys.clone());
        let answer = self.http.ask(request, MAX_BYTES, operation).await?;
        let age = answer.max_age.unwrap_or(USUAL_AGE);
        let set = wire::answered(answer, operation)?;
        let keys = wire::items(&set, "keys").map_err(|odd| odd.during(operation))?;
        let keys: Arc<[PublicKey]> = keys.iter().filter_map(key).collect();
        if keys.is_empty() {
            return Err(Unusable("has no keys").during(operation));
        }
        Ok((keys, age))
    }
}

/// Reads a key of RFC 7517; others than RSA keys for signatures are passed over.
fn key(key: &Value) -> Option<PublicKey> {
    let is_rsa = wire::text(key, "kty") == Some("RSA");
    let signs = wire::text(key, "use").is_none_or(|purpose| purpose == "sig");
    let number = |field| {
        let text = wire::text(key, field)?.trim_end_matches('=');
        BASE64_URL_SAFE_NO_PAD.decode(text).ok()
    };
    let id = wire::text(key, "kid")?.to_owned();
    (is_rsa && signs).then_some(())?;
    Some(PublicKey { id, modulus: number("n")?, exponent: number("e")? })
}

#[async_trait]
impl PublicKeys for GoogleKeys {
    async fn keys(&self) -> Result<Arc<[PublicKey]>, SourceError> {
        let mut held = self.held.lock().await;
        let is_fresh = held.stale_at.is_some_and(|at| self.http.now() < at);
        match &held.keys {
            Some(keys) if is_fresh => Ok(Arc::clone(keys)),
            Some(_) | None => self.fetch_into(&mut held).await,
        }
    }

    async fn refresh(&self) -> Result<Arc<[PublicKey]>, SourceError> {
        let mut held = self.held.lock().await;
        let is_recent = held.fetched_at.is_some_and(|at| self.http.now() < at + REFRESH_EVERY);
        match &held.keys {
            Some(keys) if is_recent => Ok(Arc::clone(keys)),
            Some(_) | None => self.fetch_into(&mut held).await,
        }
    }
}
