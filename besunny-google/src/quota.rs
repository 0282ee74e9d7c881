//! What we ask of Google, by operation, and what it costs there.
//!
//! Google changed Gmail's prices and limits on 2026-05-01 and lets older projects keep the old
//! ones for now, so all of it is configuration
//! (developers.google.com/workspace/gmail/api/reference/quota).
use std::time::Duration;

use besunny_core::budget::{GUARD, Quota};

/// The name of Gmail's quota in a [`Spend`](besunny_core::budget::Spend).
pub const GMAIL: &str = "gmail";
/// The name of Calendar's.
pub const CALENDAR: &str = "calendar";
/// Both count over a minute that slides along.
const WINDOW: Duration = Duration::from_mins(1);

/// Something asked of Google.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Operation {
    GetProfile,
    ListMessages,
    GetMessage,
    ModifyMessage,
    ListHistory,
    ListLabels,
    CreateLabel,
    Watch,
    StopWatch,
    ListCalendars,
    ListEvents,
    GetEvent,
    WatchEvents,
    StopChannel,
    RefreshToken,
    FetchKeys,
}

/// Which product of Google is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Product {
    Gmail,
    Calendar,
}

impl Operation {
    /// Returns the name that errors and logs show.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::GetProfile => "gmail.getProfile",
            Self::ListMessages => "gmail.messages.list",
            Self::GetMessage => "gmail.messages.get",
            Self::ModifyMessage => "gmail.messages.modify",
            Self::ListHistory => "gmail.history.list",
            Self::ListLabels => "gmail.labels.list",
            Self::CreateLabel => "gmail.labels.create",
            Self::Watch => "gmail.watch",
            Self::StopWatch => "gmail.stop",
            Self::ListCalendars => "calendar.calendarList.list",
            Self::ListEvents => "calendar.events.list",
            Self::GetEvent => "calendar.events.get",
            Self::WatchEvents => "calendar.events.watch",
            Self::StopChannel => "calendar.channels.stop",
            Self::RefreshToken => "oauth.token",
            Self::FetchKeys => "oauth.certs",
        }
    }

    /// Returns the service that is asked, and whose quota is used.
    pub(crate) const fn service(self) -> Product {
        match self {
            Self::ListCalendars
            | Self::ListEvents
            | Self::GetEvent
            | Self::WatchEvents
            | Self::StopChannel => Product::Calendar,
            Self::GetProfile
            | Self::ListMessages
            | Self::GetMessage
            | Self::ModifyMessage
            | Self::ListHistory
            | Self::ListLabels
            | Self::CreateLabel
            | Self::Watch
            | Self::StopWatch
            | Self::RefreshToken
            | Self::FetchKeys => Product::Gmail,
        }
    }

    /// Returns what one call costs; OAuth costs nothing, and Calendar counts calls.
    pub(crate) const fn units(self, prices: &Prices) -> u32 {
        match self {
            Self::GetProfile => prices.get_profile,
            Self::ListMessages => prices.list_messages,
            Self::GetMessage => prices.get_message,
            Self::ModifyMessage => prices.modify_message,
            Self::ListHistory => prices.list_history,
            Self::ListLabels => prices.list_labels,
            Self::CreateLabel => prices.create_label,
            Self::Watch => prices.watch,
            Self::StopWatch => prices.stop_watch,
            Self::ListCalendars
            | Self::ListEvents
            | Self::GetEvent
            | Self::WatchEvents
            | Self::StopChannel => 1,
            Self::RefreshToken | Self::FetchKeys => 0,
        }
    }
}

impl Product {
    /// Returns the name of its quota.
    pub(crate) const fn quota(self) -> &'static str {
        match self {
            Self::Gmail => GMAIL,
            Self::Calendar => CALENDAR,
        }
    }

    /// Returns where its paths begin.
    pub(crate) const fn path(self) -> &'static str {
        match self {
            Self::Gmail => "/gmail/v1/users/me",
            Self::Calendar => "/calendar/v3",
        }
    }
}

/// The quotas of Gmail, in units, and of Calendar, in requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuotaTable {
    /// A minute, for one mailbox: 6,000 for projects made since May 2026, 15,000 before.
    pub mailbox_units_per_minute: u32,
    /// A minute, for all mailboxes of the Google Cloud project.
    pub project_units_per_minute: u32,
    /// Requests to Calendar a minute, for one person.
    pub calendar_requests_per_minute: u32,
    /// Requests to Calendar a minute, for all people of the Google Cloud project.
    pub project_calendar_requests_per_minute: u32,
    /// What calls of Gmail cost.
    pub prices: Prices,
}

/// What calls of Gmail cost, in units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prices {
    /// `users.getProfile`
    pub get_profile: u32,
    /// `users.messages.list`
    pub list_messages: u32,
    /// `users.messages.get`; 5 for projects made before May 2026.
    pub get_message: u32,
    /// `users.messages.modify`
    pub modify_message: u32,
    /// `users.history.list`
    pub list_history: u32,
    /// `users.labels.list`
    pub list_labels: u32,
    /// `users.labels.create`
    pub create_label: u32,
    /// `users.watch`
    pub watch: u32,
    /// `users.stop`
    pub stop_watch: u32,
}

impl Default for QuotaTable {
    /// The limits and prices of projects made since May 2026.
    fn default() -> Self {
        Self {
            mailbox_units_per_minute: 6_000,
            project_units_per_minute: 1_200_000,
            calendar_requests_per_minute: 600,
            project_calendar_requests_per_minute: 10_000,
            prices: Prices {
                get_profile: 1,
                list_messages: 5,
                get_message: 20,
                modify_message: 5,
                list_history: 2,
                list_labels: 1,
                create_label: 5,
                watch: 100,
                stop_watch: 50,
            },
        }
    }
}

impl QuotaTable {
    /// Returns all quotas, to build a [`Paced`](besunny_core::budget::Paced) budget with.
    #[must_use]
    pub const fn quotas(&self) -> [Quota; 2] {
        let calendar = Quota {
            name: CALENDAR,
            account_units: self.calendar_requests_per_minute,
            project_units: self.project_calendar_requests_per_minute,
            window: WINDOW,
            guard: GUARD,
        };
        [self.quota(), calendar]
    }

    /// Returns Gmail's quota, to build a [`Paced`](besunny_core::budget::Paced) budget with.
    ///
    /// Give one budget to everything that uses the same Google Cloud project.
    #[must_use]
    pub const fn quota(&self) -> Quota {
        Quota {
            name: GMAIL,
            account_units: self.mailbox_units_per_minute,
            project_units: self.project_units_per_minute,
            window: WINDOW,
            guard: GUARD,
        }
    }
}
