//! Gmail: a mailbox as a source of mail.
use std::sync::Arc;

use besunny_core::{
    account::Provider,
    budget::Budget,
    source::{AccountRef, StreamRef},
    token::TokenSource,
};

#[cfg(feature = "fuzzing")]
pub(crate) mod answers;
mod filing;
mod history;
mod labels;
mod listing;
mod message;
mod push;
mod source;

pub(crate) use listing::next;

use crate::{
    config::ConfigError,
    notice::PushConfig,
    slots::Slots,
    transport::{Http, Transport},
};

/// Gmail mailboxes; cheap to clone.
///
/// It only reads, unless [`Adapter::with_filing`](besunny_core::adapter::Adapter::with_filing) is
/// asked for. It calls back only after [`Gmail::with_push`].
#[derive(Clone, Debug)]
pub struct Gmail<P = Polled> {
    transport: Transport,
    labels: Slots<filing::Labels>,
    push: P,
}

/// A mailbox that is only asked, and never calls back.
#[derive(Clone, Copy, Debug)]
pub struct Polled;

/// A mailbox that calls back through Pub/Sub.
#[derive(Clone, Debug)]
pub struct Pushed(PushConfig);

impl Gmail {
    /// Reads mailboxes with the tokens of `tokens`, no faster than `budget` allows.
    ///
    /// Give one `budget` to everything that uses the same Google Cloud project: a
    /// [`Paced`](besunny_core::budget::Paced) with [`QuotaTable::quota`](crate::QuotaTable::quota).
    #[must_use]
    pub fn new(http: Http, tokens: Arc<dyn TokenSource>, budget: Arc<dyn Budget>) -> Self {
        let transport = Transport { http, tokens, budget };
        Self { transport, labels: Slots::default(), push: Polled }
    }

    /// Lets mailboxes call back through Pub/Sub.
    ///
    /// # Errors
    /// [`ConfigError::Form`] names what has the wrong form.
    pub fn with_push(self, push: PushConfig) -> Result<Gmail<Pushed>, ConfigError> {
        push.check()?;
        let Self { transport, labels, push: Polled } = self;
        Ok(Gmail { transport, labels, push: Pushed(push) })
    }

    /// Returns the name under which Gmail is registered.
    #[must_use]
    pub fn provider() -> Provider {
        Provider::new("gmail")
    }
}

/// The token is for another mailbox than the account says.
#[derive(Debug, thiserror::Error)]
#[error("the token belongs to another mailbox")]
pub(crate) struct AnotherMailbox;

/// Returns the account that a stream belongs to.
pub(crate) fn account(stream: &StreamRef) -> AccountRef {
    AccountRef { id: stream.account, subject: stream.subject.clone() }
}
