//! Channels of calendars, and what they deliver.
//!
//! Calendar cannot sign. What proves a call is the token that we gave with the channel: an HMAC of
//! the channel's id under a secret of the receiver. So nothing of it is stored, and a call is checked
//! without asking anybody.
use async_trait::async_trait;
use aws_lc_rs::hmac;
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use besunny_core::{
    ids::WatchId,
    push::{About, Delivery, Notice, PublicKey, Push, Receiver, Rejected, Watch, WatchRequest},
    source::{SourceError, SourceErrorKind, StreamRef},
};
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::{Called, GoogleCalendar};
use crate::{
    config::ConfigError,
    gmail::account,
    quota::Operation,
    transport::{Call, Reply, Segment},
    wire::{self, Unusable},
};

/// Shorter secrets can be tried out: the tokens are known to Google and to whoever reads our calls.
const SECRET_BYTES: usize = 32;
/// Said before the id, so that the secret may sign other things too.
const DOMAIN: &str = "google calendar channel ";
/// What the headers are called (developers.google.com/workspace/calendar/api/guides/push).
const CHANNEL: &str = "x-goog-channel-id";
const TOKEN: &str = "x-goog-channel-token";
const STATE: &str = "x-goog-resource-state";
const NUMBER: &str = "x-goog-message-number";
/// The longest number of a message that is taken for one.
const NUMBER_BYTES: usize = 20;

/// Where calendars call, and what proves that it is them.
#[derive(Clone, Debug)]
pub struct ChannelConfig {
    /// The URL of our endpoint; `https`, with a certificate that Google accepts.
    pub address: String,
    /// The secrets of the receiver, of 32 bytes or more: the first one signs, each one proves.
    ///
    /// To change it, put the new one first and take the old one away after a week, when no channel
    /// is left that it signed.
    pub secrets: Vec<SecretString>,
}

impl ChannelConfig {
    /// Checks the forms of all settings.
    ///
    /// # Errors
    /// [`ConfigError::Form`] for the first one that is wrong.
    pub fn check(&self) -> Result<(), ConfigError> {
        let is_strong = |secret: &SecretString| secret.expose_secret().len() >= SECRET_BYTES;
        let rows = [
            (
                "the address of channels",
                crate::config::is_reachable(&self.address),
                "https://HOST/PATH",
            ),
            (
                "the secret of channels",
                !self.secrets.is_empty() && self.secrets.iter().all(is_strong),
                "at least 32 bytes",
            ),
        ];
        let wrong = rows.into_iter().find(|(_, is_good, _)| !is_good);
        wrong.map_or(Ok(()), |(what, _, form)| Err(ConfigError::Form { what, form }))
    }

    /// Returns the token of a channel.
    fn token(&self, channel: &str) -> Option<String> {
        let tag = hmac::sign(&key(self.secrets.first()?), message(channel).as_bytes());
        Some(BASE64_URL_SAFE_NO_PAD.encode(tag))
    }

    /// Says whether a token is that of a channel; takes the same time wherever it differs.
    fn proves(&self, channel: &str, token: &str) -> bool {
        let Ok(tag) = BASE64_URL_SAFE_NO_PAD.decode(token) else { return false };
        let holds = |secret: &SecretString| {
            hmac::verify(&key(secret), message(channel).as_bytes(), &tag).is_ok()
        };
        self.secrets.iter().any(holds)
    }
}

fn key(secret: &SecretString) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret().as_bytes())
}

fn message(channel: &str) -> String {
    format!("{DOMAIN}{channel}")
}

/// The channel that is opened for a request: another one each time it is asked for.
///
/// Calendar takes no id twice, and an answer that got lost has used one up. Both channels of a watch
/// are proven, and both are about it.
fn channel_of(request: &WatchRequest) -> String {
    format!("{}-{:x}", request.id, request.until.timestamp_millis())
}

/// Returns the watch that a channel belongs to.
fn watch_of(channel: &str) -> Option<WatchId> {
    channel.rsplit_once('-')?.0.parse().ok()
}

impl GoogleCalendar<Called> {
    async fn open(&self, request: &WatchRequest, now: DateTime<Utc>) -> Result<Watch, SourceError> {
        let (operation, account) = (Operation::WatchEvents, account(&request.stream));
        let failed = |kind| SourceError::new(kind, operation.name());
        let calendar = Segment::new(request.stream.key.as_str());
        let calendar = calendar.ok_or_else(|| failed(SourceErrorKind::StreamGone))?;
        let channel = channel_of(request);
        let token = self.push.0.token(&channel);
        let body = json!({
            "id": channel,
            "type": "web_hook",
            "address": self.push.0.address,
            "token": token.ok_or_else(|| failed(SourceErrorKind::Misconfigured))?,
            "expiration": request.until.timestamp_millis().to_string(),
        });
        let path = format!("calendars/{calendar}/events/watch");
        let call = Call::post(operation, &account, path, &body);
        let answer = wire::answered(self.transport.answer(&call).await?, operation)?;
        let resource = wire::text(&answer, "resourceId");
        let resource = resource.ok_or_else(|| Unusable("names no resource").during(operation))?;
        let until = wire::instant(answer.get("expiration").unwrap_or(&Value::Null));
        let until = until.ok_or_else(|| Unusable("has no end of the watch").during(operation))?;
        let handle = Some(format!("{channel} {resource}"));
        Ok(Watch { id: request.id, handle, since: now, until: Some(until), trouble: None })
    }
}

#[async_trait]
impl Push for GoogleCalendar<Called> {
    async fn start_watch(
        &self,
        request: &WatchRequest,
        now: DateTime<Utc>,
    ) -> Result<Watch, SourceError> {
        self.open(request, now).await
    }

    /// Calendar can only open another channel.
    async fn renew(
        &self,
        _: &StreamRef,
        _: &Watch,
        _: DateTime<Utc>,
    ) -> Result<Option<Watch>, SourceError> {
        Ok(None)
    }

    async fn stop_watch(&self, stream: &StreamRef, watch: &Watch) -> Result<(), SourceError> {
        let parts = watch.handle.as_deref().and_then(|handle| handle.split_once(' '));
        let Some((channel, resource)) = parts else { return Ok(()) };
        let (operation, account) = (Operation::StopChannel, account(stream));
        let body = json!({ "id": channel, "resourceId": resource });
        let call = Call::post(operation, &account, "channels/stop", &body);
        match self.transport.send(&call).await? {
            Reply::Good(_) | Reply::Absent => Ok(()),
            Reply::Invalid | Reply::Exists | Reply::TooLarge => {
                Err(Unusable("makes no sense here").during(operation))
            }
        }
    }
}

impl Receiver for GoogleCalendar<Called> {
    /// Checks the token, then that the call is as Calendar makes it: with a state and without a body.
    ///
    /// Each state is a hint. `sync` is a look too, since something may have changed between the last
    /// one and the beginning of the channel; at `not_exists` the look finds that the calendar is gone.
    fn receive(&self, delivery: &Delivery<'_>, _: &[PublicKey]) -> Result<Vec<Notice>, Rejected> {
        let token = delivery.header(TOKEN).ok_or(Rejected::Unsigned)?;
        let channel = delivery.header(CHANNEL).ok_or(Rejected::Unsigned)?;
        if !self.push.0.proves(channel, token) {
            return Err(Rejected::BadSignature);
        }
        let watch = watch_of(channel).ok_or(Rejected::Unreadable)?;
        if !delivery.body.is_empty() || delivery.header(STATE).is_none_or(str::is_empty) {
            return Err(Rejected::Unreadable);
        }
        let number = delivery.header(NUMBER).filter(|number| number.len() <= NUMBER_BYTES);
        let dedup = number.map(|number| format!("{channel} {number}"));
        Ok(vec![Notice { about: About::Watch(watch), dedup }])
    }
}

#[cfg(test)]
mod tests;
