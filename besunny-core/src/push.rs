//! Push: watches with an end, and one pure receiver for every provider (ARCHITECTURE.md L2).
use std::fmt::Debug;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    failure::Trouble,
    ids::WatchId,
    source::{SourceError, StreamRef},
};

/// What `start_watch` asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchRequest {
    /// Our name of the watch, stored before the call.
    pub id: WatchId,
    /// What to watch.
    pub stream: StreamRef,
    /// Until when; the provider may grant less.
    pub until: DateTime<Utc>,
}

/// A push registration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watch {
    /// Our name of it.
    pub id: WatchId,
    /// The provider's own data about it, kept verbatim; `None` until the provider answered.
    pub handle: Option<String>,
    /// When it began.
    pub since: DateTime<Utc>,
    /// When the provider ends it; from its answer, never a constant (ARCHITECTURE.md L11).
    pub until: Option<DateTime<Utc>>,
    /// Why it was not started or renewed the last time; `None` once it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<Trouble>,
}

impl Watch {
    /// Says whether the watch should be renewed: half of its life is over, or it never began.
    ///
    /// After a failure that waits until the retry table says so.
    #[must_use]
    pub fn is_due(&self, now: DateTime<Utc>) -> bool {
        if self.trouble.as_ref().is_some_and(|trouble| now < trouble.retry_at) {
            return false;
        }
        match (&self.handle, self.until) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(_), Some(until)) => now >= self.since + (until - self.since) / 2,
        }
    }

    /// Says whether the provider calls us at `now`.
    #[must_use]
    pub fn is_live(&self, now: DateTime<Utc>) -> bool {
        self.handle.is_some() && self.until.is_none_or(|until| now < until)
    }
}

/// A source that can call back.
///
/// # Contract
/// - While a watch lives, each change MUST lead to a call to the address that the adapter was built
///   with (`push.watch.calls`).
/// - `start_watch` MUST answer the id that was asked for (`push.watch.named`), and MUST tell the end
///   that the provider tells (`push.watch.end`).
/// - `renew` MUST lengthen the watch and keep its id (`push.renew.longer`). It MUST answer `None` where
///   the provider can only start another one; that one MUST outlive the end of the old
///   (`push.renew.another`), which the engine then stops.
/// - A watch that was stopped MUST NOT call any more (`push.stop.ends`).
///
/// # Errors
/// [`SourceError`]; a failing watch never stops the stream from being polled. A failure MUST be an
/// error of the call, and the adapter MUST NOT try again by itself (`push.errors.not-swallowed`).
///
/// # Cancellation
/// Dropping `start_watch` may leave a watch at the provider; it ends by itself.
///
/// # Idempotence
/// Stopping a watch that is over MUST be no error (`push.stop.gone`).
#[async_trait]
pub trait Push: Debug + Send + Sync {
    /// Asks the provider to call back; returns the watch with its end.
    async fn start_watch(
        &self,
        request: &WatchRequest,
        now: DateTime<Utc>,
    ) -> Result<Watch, SourceError>;
    /// Lengthens `watch` in place.
    async fn renew(
        &self,
        stream: &StreamRef,
        watch: &Watch,
        now: DateTime<Utc>,
    ) -> Result<Option<Watch>, SourceError>;
    /// Ends `watch`; one that is gone already is no error.
    async fn stop_watch(&self, stream: &StreamRef, watch: &Watch) -> Result<(), SourceError>;
}

/// A request as it came; the body is never parsed before the signature is checked.
#[derive(Clone, Copy)]
pub struct Delivery<'a> {
    /// The path of the request.
    pub path: &'a str,
    /// Its headers.
    pub headers: &'a [(&'a str, &'a [u8])],
    /// Its body.
    pub body: &'a [u8],
    /// When it came.
    pub received_at: DateTime<Utc>,
}

impl<'a> Delivery<'a> {
    /// Returns a header as text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .and_then(|(_, value)| std::str::from_utf8(value).ok())
    }
}

impl Debug for Delivery<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Delivery").field("path", &self.path).finish_non_exhaustive()
    }
}

/// A signing key of the provider, from its published set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    /// Its name in the set.
    pub id: String,
    /// RSA modulus, big endian.
    pub modulus: Vec<u8>,
    /// RSA exponent, big endian.
    pub exponent: Vec<u8>,
}

/// What a delivery hints at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Whom it concerns.
    pub about: About,
    /// The provider's id of the delivery, when it has one.
    pub dedup: Option<String>,
}

/// Whom a notice concerns; the store resolves it to streams and postings, never a user id in the address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    /// A watch of ours.
    Watch(WatchId),
    /// The provider's name of an account.
    Subject(crate::source::Subject),
    /// A bot at its provider.
    Bot(crate::bot::BotRef),
}

/// Why a delivery is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// It carries no proof.
    #[error("the delivery is not signed")]
    Unsigned,
    /// The proof does not hold.
    #[error("the signature does not hold")]
    BadSignature,
    /// It is signed with a key we do not hold: refresh the key set, rarely, and look again.
    #[error("the signing key is unknown")]
    UnknownKey,
    /// It is signed by the right key, but for somebody else, by somebody else, or too long ago.
    #[error("the signed claim `{0}` is wrong")]
    WrongClaim(&'static str),
    /// It is authentic, and makes no sense: another call would bring the same.
    #[error("the delivery is authentic, but cannot be read")]
    Unreadable,
}

/// Turns a delivery into notices. Pure: no clock, no store, no network.
///
/// # Contract
/// - `receive` MUST refuse what carries no proof as [`Rejected::Unsigned`] (`receiver.proof.missing`),
///   and MUST refuse whatever it cannot prove authentic (`receiver.proof.forged`), before it reads
///   the body (`receiver.proof.before-body`).
/// - What is signed with a key that is not held MUST be [`Rejected::UnknownKey`]
///   (`receiver.keys.unknown`).
/// - What is proven and makes no sense MUST be [`Rejected::Unreadable`], and nothing else may be
///   (`receiver.body.unreadable`).
/// - A genuine delivery MUST give notices about what was watched (`receiver.hint.about`), and the same
///   delivery MUST always give the same (`receiver.hint.same`).
pub trait Receiver: Debug + Send + Sync {
    /// Checks and reads `delivery` with the provider's `keys`.
    fn receive(&self, delivery: &Delivery<'_>, keys: &[PublicKey])
    -> Result<Vec<Notice>, Rejected>;
}

/// The provider's published signing keys.
#[async_trait]
pub trait PublicKeys: Debug + Send + Sync {
    /// Returns the keys held now; fetched when there are none.
    async fn keys(&self) -> Result<std::sync::Arc<[PublicKey]>, SourceError>;
    /// Fetches them anew, unless that was done moments ago; a flood of unknown keys costs nothing.
    async fn refresh(&self) -> Result<std::sync::Arc<[PublicKey]>, SourceError>;
}
