//! Which meetings of a person get a bot, and what the person said of one of them (BOT-5).
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    calendar::Attendance,
    meeting::{Meeting, MeetingLink, MeetingStatus},
};

/// Which meetings of a person get a bot by themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BotPolicy {
    /// Every one that the person has not declined.
    All,
    /// Those that the person has called.
    OrganizerOnly,
    /// Those with somebody from outside the person's domain.
    ExternalOnly,
    /// Those to which a virtual address is invited (CAL-13).
    #[default]
    InvitedOnly,
    /// None, also where a virtual address is invited.
    Never,
}

/// What a person said of one meeting; it goes before the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// What.
    pub kind: ChoiceKind,
    /// When; a bot that is over by then is followed by another one.
    pub at: DateTime<Utc>,
}

/// What a person can say of one meeting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChoiceKind {
    /// Send a bot.
    Send,
    /// No bot must take part; it goes before every other wish, also of others in the same room.
    KeepOut,
}

impl BotPolicy {
    const ALL: [Self; 5] =
        [Self::All, Self::OrganizerOnly, Self::ExternalOnly, Self::InvitedOnly, Self::Never];

    /// Returns the stored name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::OrganizerOnly => "organizer_only",
            Self::ExternalOnly => "external_only",
            Self::InvitedOnly => "invited_only",
            Self::Never => "never",
        }
    }

    /// Reads the stored name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|policy| policy.as_str() == name)
    }

    /// Says whether `meeting` is to have a bot; what its owner said of it goes first.
    #[must_use]
    pub fn wants(self, meeting: &Meeting) -> bool {
        let can_have = match meeting.status {
            MeetingStatus::Planned | MeetingStatus::Tentative => {
                meeting.link.as_ref().is_some_and(MeetingLink::is_bot_capable)
            }
            MeetingStatus::Cancelled => false,
        };
        let is_invited = !meeting.invited.is_empty();
        let by_policy = || match self {
            Self::All => is_invited || meeting.answer != Attendance::Declined,
            Self::OrganizerOnly => is_invited || meeting.is_own == Some(true),
            Self::ExternalOnly => is_invited || is_external(meeting),
            Self::InvitedOnly => is_invited,
            Self::Never => false,
        };
        can_have
            && match meeting.choice.map(|choice| choice.kind) {
                Some(ChoiceKind::Send) => true,
                Some(ChoiceKind::KeepOut) => false,
                None => by_policy(),
            }
    }
}

/// Says whether somebody in the meeting is of another domain than its owner.
fn is_external(meeting: &Meeting) -> bool {
    let domain =
        |address: &str| address.rsplit_once('@').map(|(_, domain)| domain.to_ascii_lowercase());
    let own = meeting.attendees.iter().find(|attendee| attendee.is_self);
    let organizer = meeting.organizer.as_ref().map(|organizer| &organizer.address);
    let own =
        own.map(|own| &own.mailbox.address).or(organizer.filter(|_| meeting.is_own == Some(true)));
    let Some(own) = own.and_then(|own| domain(own.expose())) else { return false };
    let people = meeting.attendees.iter().filter(|attendee| !attendee.is_resource);
    let mut addresses = people.map(|attendee| &attendee.mailbox.address).chain(organizer);
    addresses.any(|address| domain(address.expose()).is_some_and(|domain| domain != own))
}
