//! Meetings in the words of people and programs (CAL-6).
use besunny::core::{
    calendar::Attendance,
    ids::MeetingId,
    mail::Mailbox,
    meeting::{Meeting, MeetingStatus},
    repository::AgendaFilter,
    untrusted::Untrusted,
};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{Site, problem::Problem};

/// An agenda looks so far ahead unless it is said.
const AHEAD: TimeDelta = TimeDelta::days(14);
/// A page of it has so many meetings unless it is said, and at most.
const PAGE: usize = 50;
const MOST: usize = 200;

/// Which meetings are wanted.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Span {
    /// Only those that end after this; now unless said.
    #[serde(default)]
    from: Option<DateTime<Utc>>,
    /// Only those that begin before this; 14 days later unless said.
    #[serde(default)]
    to: Option<DateTime<Utc>>,
    /// Only those after this cursor: `next` of the page before.
    #[serde(default)]
    after: Option<Uuid>,
    /// 50 unless said, 200 at most.
    #[serde(default)]
    limit: Option<usize>,
}

/// Meetings in the order of their start.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Agenda {
    /// The meetings, cancelled ones among them.
    pub meetings: Vec<MeetingEntry>,
    /// The cursor of the next page; absent on the last one.
    pub next: Option<Uuid>,
}

/// A meeting.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MeetingEntry {
    /// Its id; a reschedule keeps it.
    pub id: Uuid,
    /// Its title; somebody else's text.
    pub title: Option<String>,
    /// Its first moment.
    pub starts_at: DateTime<Utc>,
    /// The moment after its last.
    pub ends_at: DateTime<Utc>,
    /// `planned`, `tentative` or `cancelled`.
    #[schema(value_type = String)]
    pub status: MeetingStatus,
    /// Where to join.
    pub link: Option<JoinLink>,
    /// Who called it.
    pub organizer: Option<Guest>,
    /// Who is invited.
    pub attendees: Vec<Guest>,
    /// What the owner said to the invitation: `needs_action`, `accepted`, `declined`, `tentative`.
    #[schema(value_type = String)]
    pub answer: Attendance,
    /// Whether a virtual address is invited, and so a bot asked for (CAL-13).
    pub asks_for_bot: bool,
    /// Whether it is one of a series.
    pub is_recurring: bool,
}

/// The way into a room.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct JoinLink {
    /// The address; somebody else's text.
    pub url: String,
    /// The platform, such as `meet`, `zoom` or `teams`.
    pub platform: &'static str,
    /// Whether a bot can join there.
    pub bot_capable: bool,
}

/// Somebody who takes part.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Guest {
    /// The name.
    pub name: Option<String>,
    /// The address.
    pub address: String,
}

impl Span {
    /// Reads a page of the person's agenda.
    pub(super) async fn read(&self, site: &Site) -> Result<Agenda, Problem> {
        let from = self.from.unwrap_or_else(|| site.clock().now());
        let ahead = from.checked_add_signed(AHEAD).unwrap_or(DateTime::<Utc>::MAX_UTC);
        let to = self.to.unwrap_or(ahead);
        if to <= from {
            return Err(Problem::bad_request("`to` is not after `from`."));
        }
        let limit = self.limit.unwrap_or(PAGE).clamp(1, MOST);
        let after = match self.after {
            Some(id) => Some(place(site, id).await?),
            None => None,
        };
        let filter = AgendaFilter { from, to, after, limit: limit + 1 };
        let store = site.besunny().store();
        let mut found = store.agenda(site.scope(), site.user(), &filter).await?;
        let is_last = found.len() <= limit;
        found.truncate(limit);
        let next = found.last().filter(|_| !is_last).map(|meeting| meeting.id.as_uuid());
        Ok(Agenda { meetings: found.into_iter().map(MeetingEntry::of).collect(), next })
    }
}

/// Returns the place of a meeting of the person in the agenda.
async fn place(site: &Site, id: Uuid) -> Result<(DateTime<Utc>, MeetingId), Problem> {
    let id = MeetingId::from_uuid(id);
    let found = site.besunny().store().meeting(site.scope(), id).await?;
    let own = found.filter(|meeting| meeting.owner == site.user());
    let refused = || Problem::bad_request("`after` is no cursor of yours: give `next` of a page.");
    own.map(|meeting| (meeting.starts_at, meeting.id)).ok_or_else(refused)
}

impl MeetingEntry {
    /// Reads a meeting of the person.
    pub(super) async fn read(site: &Site, text: &str) -> Result<Self, Problem> {
        let missing = || Problem::missing("meeting");
        let id: MeetingId = text.parse().ok().ok_or_else(missing)?;
        let found = site.besunny().store().meeting(site.scope(), id).await?;
        found.filter(|meeting| meeting.owner == site.user()).map(Self::of).ok_or_else(missing)
    }

    fn of(meeting: Meeting) -> Self {
        let link = meeting.link.map(|link| JoinLink {
            platform: link.platform.as_str(),
            bot_capable: link.is_bot_capable(),
            url: link.url.into_exposed(),
        });
        Self {
            id: meeting.id.as_uuid(),
            title: meeting.title.map(Untrusted::into_exposed),
            starts_at: meeting.starts_at,
            ends_at: meeting.ends_at,
            status: meeting.status,
            link,
            organizer: meeting.organizer.map(Guest::of),
            attendees: meeting.attendees.into_iter().map(|one| Guest::of(one.mailbox)).collect(),
            answer: meeting.answer,
            asks_for_bot: !meeting.invited.is_empty(),
            is_recurring: meeting.original.is_some(),
        }
    }
}

impl Guest {
    fn of(mailbox: Mailbox) -> Self {
        let name = mailbox.name.map(Untrusted::into_exposed);
        Self { name, address: mailbox.address.into_exposed() }
    }
}
