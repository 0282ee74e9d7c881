#![doc = include_str!("../README.md")]

mod config;
mod delivery;
mod provider;
mod records;
mod refusal;
mod room;
mod token;
mod transport;
mod wire;
mod word;

pub use config::{AttendeeConfig, ConfigError, check_style};
pub use delivery::{AttendeeReceiver, SIGNATURE, check_secret};
pub use provider::Attendee;
pub use token::{Odd, canonical};
pub use wire::Unsendable;
