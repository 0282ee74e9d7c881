//! Calls from providers: checked, stored, and only then answered (ARCHITECTURE.md L2, G-3, G-4).
use besunny_core::{
    account::Provider,
    adapter::AnyAdapter,
    push::{Delivery, Notice, Rejected},
    repository::RepositoryError,
    scheduler::{Noted, Receipt},
    source::SourceError,
};

use crate::Besunny;

/// A call from a provider was not taken.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// Nobody listens for this provider: answer 404.
    #[error("nobody listens for this provider")]
    NotMounted,
    /// It is not authentic: answer 401 with an empty body.
    #[error("the delivery is not authentic")]
    Rejected(#[source] Rejected),
    /// It is authentic and cannot be read: answer 200, since it would come for days otherwise; what
    /// it hinted at is found by the next look.
    #[error("the delivery is authentic, but cannot be read")]
    Unreadable,
    /// The keys to check it with cannot be had: answer 503, and the provider calls again.
    #[error("the provider's keys cannot be had")]
    NoKeys(#[source] SourceError),
    /// It could not be stored: answer 503, and the provider calls again.
    #[error("the delivery could not be stored")]
    Store(#[from] RepositoryError),
}

impl From<Rejected> for Refused {
    fn from(rejected: Rejected) -> Self {
        match rejected {
            Rejected::Unreadable => Self::Unreadable,
            Rejected::Unsigned
            | Rejected::BadSignature
            | Rejected::UnknownKey
            | Rejected::WrongClaim(_) => Self::Rejected(rejected),
        }
    }
}

impl Besunny {
    /// Checks a delivery and stores what it hints at; durable when it returns.
    ///
    /// # Errors
    /// [`Refused`] names the answer the provider gets.
    ///
    /// # Cancellation
    /// A dropped call may have been stored; the provider's second call is then a repetition.
    pub async fn receive(
        &self,
        provider: &Provider,
        delivery: &Delivery<'_>,
    ) -> Result<Noted, Refused> {
        let adapter = self.worker.adapters.get(provider).ok_or(Refused::NotMounted)?;
        let notices = notices(adapter, delivery).await?;
        Ok(self.store.note(&Receipt { provider: provider.clone(), notices }).await?)
    }
}

/// Checks the delivery; keys that are unknown are looked up once more.
async fn notices(adapter: &AnyAdapter, delivery: &Delivery<'_>) -> Result<Vec<Notice>, Refused> {
    let receiver = adapter.receiver().ok_or(Refused::NotMounted)?;
    let Some(ring) = adapter.keys() else { return Ok(receiver.receive(delivery, &[])?) };
    let keys = ring.keys().await.map_err(Refused::NoKeys)?;
    match receiver.receive(delivery, &keys) {
        Err(Rejected::UnknownKey) => {
            let keys = ring.refresh().await.map_err(Refused::NoKeys)?;
            Ok(receiver.receive(delivery, &keys)?)
        }
        notices => Ok(notices?),
    }
}
