//! Meetings in the words of people and programs (CAL-6), with their bots and what was said.
use besunny::core::{
    calendar::Attendance,
    ids::{MeetingId, PostingId},
    mail::Mailbox,
    meeting::{Meeting, MeetingStatus},
    posting::{ChoiceKind, Posting, completeness, participants},
    repository::AgendaFilter,
    transcript::{self, Spoken},
    untrusted::Untrusted,
};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{
    Site,
    bot::{self, BotEntry, BotMark},
    document::DocumentSummary,
    problem::Problem,
    project::Projects,
    transcript::Transcript,
};

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
    /// What the owner said of a bot in it: `send` or `keep_out`; null leaves it to the policy.
    #[schema(value_type = Option<String>)]
    pub choice: Option<ChoiceKind>,
    /// Its bot; of several the one that counts.
    pub bot: Option<BotMark>,
}

/// A meeting with its bots, what was said, and the document that became of it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MeetingDetail {
    /// What a list says of it.
    #[serde(flatten)]
    pub meeting: MeetingEntry,
    /// Its bots, the one that counts first.
    pub bots: Vec<BotEntry>,
    /// What was said, as far as it was heard.
    pub transcript: Transcript,
    /// The document that is made of it when the bot has left.
    pub document: Option<DocumentSummary>,
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
    /// Wants what ends after `from`.
    pub(super) fn since(from: DateTime<Utc>) -> Self {
        Self { from: Some(from), ..Self::default() }
    }

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
        let ids: Vec<MeetingId> = found.iter().map(|meeting| meeting.id).collect();
        let bots = bot::of(site, &ids).await?;
        let shown = found.into_iter().map(|meeting| {
            let bot = bots.get(&meeting.id).and_then(|postings| postings.first());
            MeetingEntry::of(meeting, bot)
        });
        Ok(Agenda { meetings: shown.collect(), next })
    }
}

/// Returns the place of a meeting of the person in the agenda.
async fn place(site: &Site, id: Uuid) -> Result<(DateTime<Utc>, MeetingId), Problem> {
    let found = of_person(site, MeetingId::from_uuid(id)).await?;
    let refused = || Problem::bad_request("`after` is no cursor of yours: give `next` of a page.");
    found.map(|meeting| (meeting.starts_at, meeting.id)).ok_or_else(refused)
}

/// Finds a meeting of the person; what is somebody else's is not there.
pub(super) async fn own(site: &Site, text: &str) -> Result<Meeting, Problem> {
    let missing = || Problem::missing("meeting");
    let id: MeetingId = text.parse().ok().ok_or_else(missing)?;
    of_person(site, id).await?.ok_or_else(missing)
}

async fn of_person(site: &Site, id: MeetingId) -> Result<Option<Meeting>, Problem> {
    let found = site.besunny().store().meeting(site.scope(), id).await?;
    Ok(found.filter(|meeting| meeting.owner == site.user()))
}

impl MeetingDetail {
    /// Reads everything about a meeting of the person.
    pub(super) async fn read(site: &Site, meeting: Meeting) -> Result<Self, Problem> {
        let (store, scope) = (site.besunny().store(), site.scope());
        let postings = bot::of(site, &[meeting.id]).await?.remove(&meeting.id).unwrap_or_default();
        let ids: Vec<PostingId> = postings.iter().map(|posting| posting.id).collect();
        let segments = store.said(scope, &ids).await?;
        let people = participants(&postings);
        let spoken = Spoken {
            segments: &segments,
            participants: &people,
            completeness: completeness(&postings),
        };
        let document = store.document(scope, transcript::id_of(scope.tenant(), &meeting)).await?;
        let document = match document {
            Some(document) => Some(DocumentSummary::of(&document, &Projects::of(site).await?)),
            None => None,
        };
        Ok(Self {
            meeting: MeetingEntry::of(meeting, postings.first()),
            bots: postings.iter().map(BotEntry::of).collect(),
            transcript: Transcript::of(spoken),
            document,
        })
    }
}

impl MeetingEntry {
    fn of(meeting: Meeting, bot: Option<&Posting>) -> Self {
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
            choice: meeting.choice.map(|choice| choice.kind),
            bot: bot.map(BotMark::of),
        }
    }
}

impl Guest {
    fn of(mailbox: Mailbox) -> Self {
        let name = mailbox.name.map(Untrusted::into_exposed);
        Self { name, address: mailbox.address.into_exposed() }
    }
}
