//! Google Calendar: calendars as sources of events.
use std::sync::Arc;

use besunny_core::{account::Provider, budget::Budget, token::TokenSource};

mod event;
mod item;
mod lists;
mod page;
mod push;
mod series;
mod source;
mod times;

pub use push::ChannelConfig;

use crate::{
    config::ConfigError,
    gmail::Polled,
    slots::Slots,
    transport::{Http, Transport},
};

/// The calendars of Google accounts; cheap to clone.
///
/// It only reads. It calls back only after [`GoogleCalendar::with_push`].
#[derive(Clone, Debug)]
pub struct GoogleCalendar<P = Polled> {
    transport: Transport,
    series: Slots<series::Uids>,
    push: P,
}

/// Calendars that call back through channels.
#[derive(Clone, Debug)]
pub struct Called(ChannelConfig);

impl GoogleCalendar {
    /// Reads calendars with the tokens of `tokens`, no faster than `budget` allows.
    ///
    /// Give one `budget` to everything that uses the same Google Cloud project: a
    /// [`Paced`](besunny_core::budget::Paced) with [`QuotaTable::quotas`](crate::QuotaTable::quotas).
    #[must_use]
    pub fn new(http: Http, tokens: Arc<dyn TokenSource>, budget: Arc<dyn Budget>) -> Self {
        let transport = Transport { http, tokens, budget };
        Self { transport, series: Slots::default(), push: Polled }
    }

    /// Lets calendars call back.
    ///
    /// # Errors
    /// [`ConfigError::Form`] names what has the wrong form.
    pub fn with_push(self, push: ChannelConfig) -> Result<GoogleCalendar<Called>, ConfigError> {
        push.check()?;
        let Self { transport, series, push: Polled } = self;
        Ok(GoogleCalendar { transport, series, push: Called(push) })
    }

    /// Returns the name under which Google Calendar is registered.
    #[must_use]
    pub fn provider() -> Provider {
        Provider::new("google_calendar")
    }
}
