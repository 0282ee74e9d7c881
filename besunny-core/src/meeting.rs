//! Meetings: which room a link leads to (CAL-11).
mod link;
mod platform;
mod rules;

pub use link::{MeetingKey, MeetingLink};
pub use platform::Platform;
