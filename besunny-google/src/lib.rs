#![doc = include_str!("../README.md")]

mod calendar;
mod check;
mod config;
mod gmail;
mod keys;
mod notice;
mod quota;
mod refusal;
mod slots;
mod tokens;
mod transport;
mod wire;

pub use calendar::{Called, ChannelConfig, GoogleCalendar};
pub use check::{Finding, Inquiry, Use, check};
pub use config::{ConfigError, Endpoints, GoogleConfig, Timeouts};
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub use gmail::answers::read_as_any;
pub use gmail::{Gmail, Polled, Pushed};
pub use keys::GoogleKeys;
pub use notice::PushConfig;
pub use quota::{CALENDAR, GMAIL, Prices, QuotaTable};
pub use tokens::{ClientSecret, Credential, CredentialError, Credentials, GoogleTokens};
pub use transport::Http;
