//! A meeting for tests.
use chrono::{DateTime, Duration, Utc};

use super::{Meeting, MeetingLink, MeetingStatus, meeting_id};
use crate::{
    calendar::{Attendance, Attendee, EventUid},
    ids::{TenantId, UserId},
    mail::Mailbox,
};

/// Returns the tenant of the samples.
pub(crate) fn tenant() -> TenantId {
    TenantId::derived(&[b"acme"])
}

/// Returns when the sample begins.
pub(crate) fn noon() -> DateTime<Utc> {
    "2026-06-01T12:00:00Z".parse().unwrap()
}

/// Returns somebody who comes.
pub(crate) fn attendee(address: &str) -> Attendee {
    Attendee {
        mailbox: mailbox(address),
        answer: Attendance::Accepted,
        is_self: false,
        is_resource: false,
    }
}

/// Returns half an hour of Ann's, called by Bob, in a room that bots can join.
pub(crate) fn meeting() -> Meeting {
    let (owner, uid) = (UserId::derived(&[b"ann"]), EventUid::from_source("weekly@example.com"));
    Meeting {
        id: meeting_id(tenant(), owner, &uid, None),
        version: 1,
        owner,
        uid,
        original: None,
        starts_at: noon(),
        ends_at: noon() + Duration::minutes(30),
        status: MeetingStatus::Planned,
        title: Some("Roof".to_owned().into()),
        link: MeetingLink::of_url("https://meet.google.com/abc-defg-hij"),
        organizer: Some(mailbox("bob@Example.com")),
        attendees: vec![
            Attendee { is_self: true, ..attendee("ann@example.com") },
            attendee("bob@example.com"),
        ],
        answer: Attendance::Accepted,
        is_own: Some(false),
        invited: Vec::new(),
        choice: None,
    }
}

fn mailbox(address: &str) -> Mailbox {
    Mailbox { name: None, address: address.to_owned().into() }
}
