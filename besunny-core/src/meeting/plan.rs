//! What meetings follow from the events of one name, as they are held now (CAL-6, CAL-7).
use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Duration, Utc};

use super::{Meeting, MeetingChange, MeetingLink, MeetingStatus, meeting_id};
use crate::{
    address::{Username, VirtualAddresses},
    calendar::{
        Attendance, CalendarEvent, EventKind, EventStatus, EventTime,
        series::{Allowance, Occurrence, STEPS, SeriesError, Window, occurrences},
    },
    commit::Holding,
    ids::{MeetingId, TenantId, UserId},
    mail::Mailbox,
    repository::HeldEvent,
};

/// Meetings are made so long ahead (CAL-5).
pub const AHEAD: Duration = Duration::days(60);
/// What was over before that stays as it is.
pub const BEHIND: Duration = Duration::days(1);
/// An event without an end takes so long (CAL-6).
const LASTS: Duration = Duration::minutes(60);
/// A series that reaches beyond is looked at again after so long.
const AGAIN: Duration = Duration::days(1);
/// A series has so many meetings at once at most: eight a day, which is more than a person attends.
const MEETINGS: usize = 500;
/// A meeting names so many of those who are invited; virtual addresses are looked for among all.
const GUESTS: usize = 200;
/// Whether a series goes on is asked for so long ahead.
const GOES_ON: Duration = Duration::days(3_660);

/// What is to be changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Planned {
    /// Meetings that differ from what is stored.
    pub changes: Vec<MeetingChange>,
    /// When to look again, where more meetings follow with time.
    pub again_at: Option<DateTime<Utc>>,
}

/// Plans the meetings of `owner` that follow from `held`, the events of one name.
///
/// What was over a day ago stays as it is; what the events say no more is cancelled.
///
/// # Errors
/// [`SeriesError`] when the series cannot be expanded; its meetings then stay as they are.
pub fn plan(
    (tenant, owner): (TenantId, UserId),
    held: &[HeldEvent],
    stored: &[Meeting],
    addresses: &VirtualAddresses,
    now: DateTime<Utc>,
) -> Result<Planned, SeriesError> {
    let since = now - BEHIND;
    // What says no end is over later than its start (CAL-6).
    let window = Window { from: since - LASTS, to: now + AHEAD };
    let events = valid(held, stored);
    let found = occurrences(&events, &window, &mut Allowance::new(MEETINGS, STEPS))?;
    let again_at = again_at(&events, window.to, now)?;
    let mut planned = Planned { again_at, ..Planned::default() };
    let seen = held.first().map(|one| one.change);
    let mut before: BTreeMap<_, &Meeting> =
        stored.iter().map(|meeting| (meeting.id, meeting)).collect();
    let mut met = BTreeSet::new();
    for occurrence in &found.found {
        let id = meeting_id(tenant, owner, &occurrence.event.uid, occurrence.original.as_ref());
        // What is no meeting any more, such as a whole day now, is left with those that are cancelled.
        let Some(new) = meeting(occurrence, owner, id, addresses) else { continue };
        // A whole day and its midnight are one original start; the first of them stands.
        if new.ends_at > since && met.insert(id) {
            planned.put(before.remove(&id), new, seen);
        }
    }
    let left = before.into_values().filter(|old| old.ends_at > since);
    // Where there are too many, those that were not looked at may be among the others.
    for old in left.filter(|old| !(found.is_cut && old.starts_at >= now)) {
        let moved = moved_away(&events, old)?;
        let moved = moved.as_ref().and_then(|it| meeting(it, owner, old.id, addresses));
        let cancelled = || Meeting { status: MeetingStatus::Cancelled, ..old.clone() };
        planned.put(Some(old), moved.unwrap_or_else(cancelled), seen);
    }
    Ok(planned)
}

impl Planned {
    /// Changes a meeting, unless it is as it should be; one that never takes place is not made.
    fn put(&mut self, old: Option<&Meeting>, new: Meeting, seen: Option<u64>) {
        let expected = old.map_or(0, |old| old.version);
        let new = Meeting { choice: old.and_then(|old| old.choice), ..new };
        let is_same =
            old.is_some_and(|old| *old == Meeting { version: old.version, ..new.clone() });
        let is_none =
            old.is_none() && (new.status == MeetingStatus::Cancelled || new.link.is_none());
        if !is_same && !is_none {
            let meeting = Meeting { version: expected + 1, ..new };
            self.changes.push(MeetingChange { expected, seen, meeting });
        }
    }
}

/// Returns the occurrence that `old` was, where it was moved out of what is planned ahead.
///
/// A single event or an exception says itself where it is now; of a series that was moved as a whole
/// the old occurrences are none any more.
fn moved_away<'a>(
    events: &[&'a CalendarEvent],
    old: &Meeting,
) -> Result<Option<Occurrence<'a>>, SeriesError> {
    let original = old.original.as_ref().map(EventTime::instant);
    let is_old = |occurrence: &Occurrence<'_>| {
        occurrence.original.as_ref().map(EventTime::instant) == original
    };
    let meant = events.iter().filter(|event| place(event) == original);
    let single = meant.filter(|event| event.recurrence.is_empty());
    for from in single.filter_map(|event| event.starts.as_ref()).map(EventTime::instant) {
        let window = Window { from, to: from + LASTS };
        let found = occurrences(events, &window, &mut Allowance::new(MEETINGS, STEPS))?.found;
        if let Some(moved) = found.into_iter().find(is_old) {
            return Ok(Some(moved));
        }
    }
    Ok(None)
}

/// Returns when more meetings follow, if ever.
fn again_at(
    events: &[&CalendarEvent],
    end: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, SeriesError> {
    let later = Window { from: end, to: end + GOES_ON };
    let next = occurrences(events, &later, &mut Allowance::new(1, STEPS))?;
    let in_time = match next.found.first() {
        // What was cut may begin earlier than what was found.
        _ if next.is_cut => now,
        Some(first) => first.starts.instant() - AHEAD,
        None => return Ok(None),
    };
    // Days are counted from 1970, so that whoever looks again looks again once.
    let day = |at: DateTime<Utc>| at - Duration::seconds(at.timestamp().rem_euclid(86_400));
    Ok(Some(in_time.max(day(now + AGAIN))))
}

/// Returns the events that count.
///
/// What a calendar holds is the truth about it, also that an event is there no more; a series that is
/// gone takes its exceptions with it, which no source needs to say. An invitation by mail counts where no
/// calendar has the event, or until the calendar has seen its update, and only by the organizer that the
/// event has already. Of what somebody else passed on the first counts, where nobody else says anything.
fn valid<'a>(held: &'a [HeldEvent], stored: &[Meeting]) -> Vec<&'a CalendarEvent> {
    let by = |by: Holding| held.iter().filter(move |one| one.by == by);
    let (mut sequences, mut lost) = (BTreeMap::<_, u32>::new(), BTreeMap::new());
    for one in by(Holding::Calendar) {
        let sequence = sequences.entry(place(&one.event)).or_default();
        *sequence = one.event.sequence.max(*sequence);
        if one.event.replaces.is_none() {
            *lost.entry(one.account).or_insert(true) &= one.is_gone;
        }
    }
    let first = by(Holding::Mail).min_by_key(|one| one.event.sequence);
    let known = stored.iter().find_map(|meeting| address(meeting.organizer.as_ref()));
    let organizer = match by(Holding::Calendar).next() {
        // An event of one's own may have none: then nobody invites to it.
        Some(_) => by(Holding::Calendar).find_map(|one| address(one.event.organizer.as_ref())),
        None => known.or_else(|| address(first?.event.organizer.as_ref())),
    };
    let is_alone = by(Holding::Calendar).chain(by(Holding::Mail)).next().is_none();
    let mut passed_on = BTreeSet::new();
    let mut counts = |one: &HeldEvent| match one.by {
        Holding::Calendar => {
            let is_over = one.event.replaces.is_some() && lost.get(&one.account) == Some(&true);
            !one.is_gone && !is_over
        }
        Holding::Mail => {
            let is_news = sequences
                .get(&place(&one.event))
                .is_none_or(|sequence| one.event.sequence > *sequence);
            is_news && organizer.is_some() && organizer == address(one.event.organizer.as_ref())
        }
        Holding::Forwarded => is_alone && passed_on.insert(place(&one.event)),
    };
    held.iter().filter(|one| counts(one)).map(|one| &one.event).collect()
}

/// Returns which occurrence an event is about; none of a series or a single event.
fn place(event: &CalendarEvent) -> Option<DateTime<Utc>> {
    event.replaces.as_ref().map(EventTime::instant)
}

fn address(organizer: Option<&Mailbox>) -> Option<String> {
    organizer.map(|organizer| organizer.address.expose().to_ascii_lowercase())
}

/// Returns the meeting of an occurrence; none of a whole day, or where somebody only says where they are.
fn meeting(
    occurrence: &Occurrence<'_>,
    owner: UserId,
    id: MeetingId,
    addresses: &VirtualAddresses,
) -> Option<Meeting> {
    let event = occurrence.event;
    if occurrence.starts.is_day() || event.kind == EventKind::Presence {
        return None;
    }
    let starts_at = occurrence.starts.instant();
    let ends_at = Some(occurrence.ends.instant()).filter(|ends_at| *ends_at > starts_at);
    let own = event.attendees.iter().find(|attendee| attendee.is_self);
    let accepted =
        || if event.is_own == Some(true) { Attendance::Accepted } else { Attendance::default() };
    Some(Meeting {
        id,
        version: 0,
        owner,
        uid: event.uid.clone(),
        original: occurrence.original.clone(),
        starts_at,
        ends_at: ends_at.unwrap_or(starts_at + LASTS),
        status: match occurrence.status {
            EventStatus::Confirmed => MeetingStatus::Planned,
            EventStatus::Tentative => MeetingStatus::Tentative,
            EventStatus::Cancelled => MeetingStatus::Cancelled,
        },
        title: event.title.clone(),
        link: MeetingLink::of_event(event),
        organizer: event.organizer.clone(),
        attendees: event.attendees.iter().take(GUESTS).cloned().collect(),
        answer: own.map_or_else(accepted, |own| own.answer),
        is_own: event.is_own,
        invited: invited(event, addresses),
        choice: None,
    })
}

/// Returns the names of invited virtual addresses (CAL-13), each once.
fn invited(event: &CalendarEvent, addresses: &VirtualAddresses) -> Vec<Username> {
    let name = |address: &str| Some(addresses.recognise(address)?.username);
    let mut names: Vec<Username> = event
        .attendees
        .iter()
        .filter_map(|attendee| name(attendee.mailbox.address.expose()))
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

#[cfg(test)]
mod tests;
