//! Meetings: what follows from calendar events and invitations, and which room their links lead to.
//!
//! A meeting is one time that an event of one person takes place, with a link to a room. It is made
//! of the events that are held, by [`plan`], and made again whenever one of them changes (CAL-6).
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

mod link;
mod plan;
mod platform;
mod rules;
#[cfg(test)]
pub(crate) mod sample;

pub use link::{MeetingKey, MeetingLink};
pub use plan::{AHEAD, BEHIND, Planned, plan};
pub use platform::Platform;

use crate::{
    address::Username,
    calendar::{Attendance, Attendee, EventTime, EventUid},
    ids::{MeetingId, TenantId, UserId},
    mail::Mailbox,
    posting::Choice,
    untrusted::Untrusted,
};

/// One time that an event of one person takes place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meeting {
    /// Derived from tenant, owner, event and original start, so a reschedule keeps it.
    pub id: MeetingId,
    /// Grows with every change.
    pub version: u64,
    /// Whose meeting it is.
    pub owner: UserId,
    /// The event it comes of.
    pub uid: EventUid,
    /// When the series would have it; none of an event that is no series.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original: Option<EventTime>,
    /// Its first moment.
    pub starts_at: DateTime<Utc>,
    /// The moment after its last.
    pub ends_at: DateTime<Utc>,
    /// Whether it takes place.
    pub status: MeetingStatus,
    /// Its title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<Untrusted<String>>,
    /// Where to join; none once its link was taken away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<MeetingLink>,
    /// Who called it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organizer: Option<Mailbox>,
    /// Who is invited.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attendees: Vec<Attendee>,
    /// What the owner said to the invitation.
    pub answer: Attendance,
    /// Whether the owner called it; unknown where the source does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_own: Option<bool>,
    /// The names of invited virtual addresses: each asks for a bot (CAL-13).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub invited: Vec<Username>,
    /// What its owner said of a bot in it; events do not change it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choice: Option<Choice>,
}

/// Whether a meeting takes place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MeetingStatus {
    /// It does.
    Planned,
    /// Perhaps.
    Tentative,
    /// It does not.
    Cancelled,
}

/// A meeting as it is after a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeetingChange {
    /// The version that was read, 0 where there was none; the commit is a conflict at any other.
    pub expected: u64,
    /// The change of its name that was read (`HeldEvent::change`), where it follows from events; the
    /// commit is a conflict at any other, so that nothing is planned of events that have changed since.
    pub seen: Option<u64>,
    /// The meeting, one version on.
    pub meeting: Meeting,
}

/// Derives the id of a meeting.
#[must_use]
pub fn meeting_id(
    tenant: TenantId,
    owner: UserId,
    uid: &EventUid,
    original: Option<&EventTime>,
) -> MeetingId {
    let original = original.map_or_else(String::new, |time| time.instant().to_rfc3339());
    MeetingId::derived(&[
        tenant.as_bytes(),
        owner.as_bytes(),
        uid.as_str().as_bytes(),
        original.as_bytes(),
    ])
}
