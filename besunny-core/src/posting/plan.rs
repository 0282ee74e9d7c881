//! Which postings a room needs, by the meetings in it and what people want (BOT-5, BOT-6).
use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    BotPolicy, ChoiceKind, EARLY, JOIN_BEFORE, Outcome, Posting, PostingChange, Seen, Served,
    Stage, Wish, Withdrawal,
};
use crate::{
    account::Provider,
    bot::BotPhase,
    calendar::EventUid,
    ids::{MeetingId, PostingId, TenantId, UserId},
    meeting::{Meeting, MeetingKey, MeetingStatus},
    untrusted::Untrusted,
};

/// A meeting takes so long at most, as far as a bot in it goes.
const LONGEST: TimeDelta = TimeDelta::hours(24);
/// So many bots are in a room at once at most: meetings of different starts that overlap. An event that
/// overlaps itself, such as one of every minute, has one.
const AT_ONCE: usize = 4;
/// A bot that is lost before it joins is sent again until so many were; more than that is meant.
const LOST: usize = 3;

/// What the bots of a room follow from.
#[derive(Clone, Copy, Debug)]
pub struct Needs<'a> {
    /// Whose room it is.
    pub tenant: TenantId,
    /// The room.
    pub room: &'a MeetingKey,
    /// The version of the room; names new postings.
    pub version: u64,
    /// Who sends bots.
    pub provider: &'a Provider,
    /// All meetings in the room that were not over long ago, of anybody.
    pub meetings: &'a [Meeting],
    /// All postings of the room that are open or were made not long ago.
    pub postings: &'a [Posting],
    /// What people want; whoever is not in it has said nothing.
    pub policies: &'a HashMap<UserId, BotPolicy>,
    /// The present instant.
    pub now: DateTime<Utc>,
}

/// What is to be changed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Staffing {
    /// Postings that differ from what is stored.
    pub changes: Vec<PostingChange>,
    /// When the next meeting begins or ends in the room; a bot that overruns must not hear others.
    pub again_at: Option<DateTime<Utc>>,
    /// That meeting.
    pub again_for: Option<MeetingId>,
}

/// A time at which a room needs a bot.
#[derive(Clone, Debug)]
struct Slot<'a> {
    starts_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
    url: &'a Untrusted<String>,
    /// The event of the first of its meetings.
    uid: &'a EventUid,
    serves: BTreeSet<Served>,
    /// When somebody asked for a bot by hand.
    asked_at: Option<DateTime<Utc>>,
}

/// Plans the postings of a room: one bot for each start at which a meeting wants one (E-13).
///
/// A bot that waits is moved with its meeting, and one that is in the room stays for what begins there
/// now. Where a bot can be moved no more it is withdrawn, and another one is sent. A bot is never sent
/// again by itself after it was in the call or failed. Whoever says that no bot must take part goes
/// before everybody else in the same room at the same time. A bot whose meeting is over leaves when another
/// meeting begins in its room.
#[must_use]
pub fn staff(needs: Needs<'_>) -> Staffing {
    let barred = barred(&needs);
    let slots = slots(&needs, &barred);
    let open = needs.postings.iter().filter(|posting| posting.is_open());
    let (overran, open): (Vec<&Posting>, Vec<&Posting>) =
        open.partition(|posting| has_overrun(posting, &slots, &needs));
    let (mut open, others): (Vec<&Posting>, Vec<&Posting>) =
        open.into_iter().partition(|posting| posting.provider == *needs.provider);
    // One that is wanted already goes before one that was withdrawn.
    open.sort_by_key(|posting| (!posting.is_live(), posting.starts_at, posting.id));
    let mut staffing = Staffing::default();
    let mut vacant = Vec::new();
    for slot in slots.into_values() {
        let fits = |posting: &Posting| posting.starts_at == slot.starts_at;
        match take(&mut open, |posting| fits(posting) && stays(posting, &slot, needs.now)) {
            Some(posting) => staffing.put(posting, &slot),
            None => vacant.push(slot),
        }
    }
    for slot in vacant.into_iter().filter(|slot| slot.ends_at > needs.now) {
        let shares = |posting: &Posting| posting.serves.iter().any(|one| slot.serves.contains(one));
        match take(&mut open, |posting| shares(posting) && may_move(posting, &slot, needs.now)) {
            Some(posting) => staffing.put(posting, &slot),
            None if is_settled(&needs, &slot) => {}
            None => staffing.make(&needs, &slot),
        }
    }
    for posting in open.into_iter().chain(others) {
        staffing.withdraw(&needs, posting, &barred);
    }
    for posting in overran {
        staffing.leave(posting, Withdrawal::Unwanted);
    }
    let borders = takes_place(&needs)
        .flat_map(|meeting| [(meeting.starts_at, meeting.id), (meeting.ends_at, meeting.id)]);
    let next = borders.filter(|(border, _)| *border > needs.now).min();
    (staffing.again_at, staffing.again_for) = next.unzip();
    staffing
}

/// Returns the meetings in which no bot must take part.
fn barred<'a>(needs: &Needs<'a>) -> Vec<&'a Meeting> {
    let bars = |meeting: &&Meeting| {
        meeting.choice.is_some_and(|choice| choice.kind == ChoiceKind::KeepOut)
    };
    takes_place(needs).filter(bars).collect()
}

/// Lists the meetings that are not cancelled.
fn takes_place<'a>(needs: &Needs<'a>) -> impl Iterator<Item = &'a Meeting> + use<'a> {
    needs.meetings.iter().filter(|meeting| meeting.status != MeetingStatus::Cancelled)
}

/// Says whether a bot that is there from `starts_at` to `ends_at` would hear one of `barred`.
fn is_barred(barred: &[&Meeting], starts_at: DateTime<Utc>, ends_at: DateTime<Utc>) -> bool {
    let overlaps = |meeting: &&Meeting| {
        meeting.starts_at == starts_at
            || (meeting.starts_at < ends_at && starts_at < meeting.ends_at)
    };
    barred.iter().any(overlaps)
}

/// Says whether the meeting of a posting is over and another one has begun in its room.
///
/// Whether that one wants a bot too does not matter: it is not for the people of the first.
fn has_overrun(
    posting: &Posting,
    slots: &BTreeMap<DateTime<Utc>, Slot<'_>>,
    needs: &Needs<'_>,
) -> bool {
    let slot = slots.get(&posting.starts_at);
    let ends_at = slot.map_or(posting.ends_at, |slot| slot.ends_at);
    let has_begun =
        |meeting: &Meeting| meeting.starts_at > posting.starts_at && meeting.starts_at <= needs.now;
    ends_at <= needs.now && takes_place(needs).any(has_begun)
}

/// Returns the starts at which a meeting wants a bot.
fn slots<'a>(needs: &Needs<'a>, barred: &[&Meeting]) -> BTreeMap<DateTime<Utc>, Slot<'a>> {
    let mut slots = BTreeMap::<_, Slot<'_>>::new();
    let mut meetings: Vec<&Meeting> = needs.meetings.iter().collect();
    meetings.sort_by_key(|meeting| rank(needs, meeting));
    for meeting in meetings {
        let policy = needs.policies.get(&meeting.owner).copied().unwrap_or_default();
        let Some(link) = meeting.link.as_ref().filter(|link| link.key == *needs.room) else {
            continue;
        };
        if !policy.wants(meeting) {
            continue;
        }
        let asked = meeting.choice.filter(|choice| choice.kind == ChoiceKind::Send);
        let slot = slots.entry(meeting.starts_at).or_insert_with(|| Slot {
            starts_at: meeting.starts_at,
            ends_at: meeting.ends_at,
            url: &link.url,
            uid: &meeting.uid,
            serves: BTreeSet::new(),
            asked_at: None,
        });
        let longest = meeting.starts_at + LONGEST;
        slot.ends_at = slot.ends_at.max(meeting.ends_at).min(longest);
        slot.serves.insert(Served { meeting: meeting.id, owner: meeting.owner });
        slot.asked_at = slot.asked_at.max(asked.map(|choice| choice.at));
    }
    slots.retain(|starts_at, slot| !is_barred(barred, *starts_at, slot.ends_at));
    few_at_once(slots)
}

/// Orders the meetings of a slot: the first one says by which address the bot joins.
///
/// The address that a bot was told stays while somebody gives it, so that nobody who comes later can take
/// it away; otherwise one with a query goes first, since a password stands in it.
fn rank(needs: &Needs<'_>, meeting: &Meeting) -> (bool, bool, MeetingId) {
    let url = meeting.link.as_ref().map(|link| link.url.expose().as_str());
    let is_told = needs.postings.iter().any(|posting| {
        posting.starts_at == meeting.starts_at && Some(posting.url.expose().as_str()) == url
    });
    let has_query = url.is_some_and(|url| url.contains('?'));
    (!is_told, !has_query, meeting.id)
}

/// Drops slots during which enough bots are in the room already.
fn few_at_once(slots: BTreeMap<DateTime<Utc>, Slot<'_>>) -> BTreeMap<DateTime<Utc>, Slot<'_>> {
    let mut kept = BTreeMap::<DateTime<Utc>, Slot<'_>>::new();
    for (starts_at, slot) in slots {
        let beside: Vec<&Slot<'_>> =
            kept.values().filter(|other| other.ends_at > starts_at).collect();
        let is_of_itself = beside.iter().any(|other| other.uid == slot.uid);
        if (beside.len() < AT_ONCE && !is_of_itself) || slot.asked_at.is_some() {
            kept.insert(starts_at, slot);
        }
    }
    kept
}

/// Takes the first posting that is as wanted.
fn take<'a>(open: &mut Vec<&'a Posting>, is: impl Fn(&Posting) -> bool) -> Option<&'a Posting> {
    let at = open.iter().position(|posting| is(posting))?;
    Some(open.remove(at))
}

/// Says whether a posting at the start of `slot` can serve it.
fn stays(posting: &Posting, slot: &Slot<'_>, now: DateTime<Utc>) -> bool {
    match &posting.stage {
        Stage::Wanted | Stage::Asked(_) => true,
        Stage::Sent(sent) => {
            let is_elsewhen = posting.is_stuck() && now < slot.starts_at - JOIN_BEFORE - EARLY;
            sent.stopped_at.is_none() && !is_elsewhen
        }
        Stage::Collecting { .. } | Stage::Over { .. } => false,
    }
}

/// Says whether a posting of another start can serve `slot`.
fn may_move(posting: &Posting, slot: &Slot<'_>, now: DateTime<Utc>) -> bool {
    match &posting.stage {
        Stage::Wanted | Stage::Asked(_) => true,
        Stage::Sent(sent) if sent.stopped_at.is_some() => false,
        Stage::Sent(_) => match posting.seen.phase {
            None | Some(BotPhase::Planned) => !posting.is_stuck(),
            // It is in the room, or on its way, when it would be sent.
            Some(BotPhase::Committed | BotPhase::Joining | BotPhase::Lobby | BotPhase::InCall) => {
                now >= slot.starts_at - JOIN_BEFORE - EARLY
            }
            Some(
                BotPhase::Leaving
                | BotPhase::Processing
                | BotPhase::Failed
                | BotPhase::Done
                | BotPhase::Erased,
            ) => false,
        },
        Stage::Collecting { .. } | Stage::Over { .. } => false,
    }
}

/// Says whether a bot was there for `slot` already, so that no other one is sent.
fn is_settled(needs: &Needs<'_>, slot: &Slot<'_>) -> bool {
    let is_for = |posting: &&Posting, over: DateTime<Utc>| {
        let shares = posting.serves.iter().any(|one| slot.serves.contains(one));
        posting.starts_at == slot.starts_at || (shares && slot.starts_at <= over)
    };
    let mut lost = 0;
    for posting in needs.postings.iter().filter(|posting| posting.wish == Wish::Attend) {
        let (over, is_lost) = match &posting.stage {
            // A meeting that lasts longer than was said is one that a bot has missed so far.
            Stage::Wanted | Stage::Asked(_) | Stage::Over { outcome: Outcome::Missed, .. } => {
                continue;
            }
            Stage::Sent(_) => (needs.now, false),
            Stage::Collecting { since, .. } => (*since, false),
            Stage::Over { since, outcome, .. } => (*since, *outcome == Outcome::Lost),
        };
        let over = posting.seen.left_at.unwrap_or(over);
        if posting.is_open() || !is_for(&posting, over) || slot.asked_at > Some(over) {
            continue;
        }
        lost += usize::from(is_lost);
        if !is_lost || lost >= LOST {
            return true;
        }
    }
    false
}

impl Staffing {
    /// Lets a posting serve a slot.
    fn put(&mut self, posting: &Posting, slot: &Slot<'_>) {
        let new = Posting {
            starts_at: slot.starts_at,
            ends_at: slot.ends_at,
            url: slot.url.clone(),
            serves: slot.serves.iter().copied().collect(),
            wish: Wish::Attend,
            trouble: posting.trouble.clone().filter(|_| posting.wish == Wish::Attend),
            ..posting.clone()
        };
        self.change(posting, new);
    }

    /// Lets a posting that serves no slot stay out, or leave.
    fn withdraw(&mut self, needs: &Needs<'_>, posting: &Posting, barred: &[&Meeting]) {
        let is_over = posting.ends_at <= needs.now;
        let until = if is_over { needs.now } else { posting.ends_at };
        let why = if is_barred(barred, posting.starts_at, until) {
            Withdrawal::Stopped
        } else if posting.provider != *needs.provider {
            Withdrawal::Replaced
        } else if is_over {
            // A meeting that runs over its time is left alone.
            return;
        } else if posting.is_stuck() {
            Withdrawal::Replaced
        } else {
            Withdrawal::Unwanted
        };
        self.leave(posting, why);
    }

    fn leave(&mut self, posting: &Posting, why: Withdrawal) {
        if posting.wish == Wish::Attend {
            let wish = Wish::Withdrawn(why);
            self.change(posting, Posting { wish, trouble: None, ..posting.clone() });
        }
    }

    fn make(&mut self, needs: &Needs<'_>, slot: &Slot<'_>) {
        let id = PostingId::derived(&[
            needs.tenant.as_bytes(),
            needs.room.as_str().as_bytes(),
            &slot.starts_at.timestamp_micros().to_be_bytes(),
            &needs.version.to_be_bytes(),
        ]);
        let posting = Posting {
            id,
            version: 1,
            provider: needs.provider.clone(),
            room: needs.room.clone(),
            url: slot.url.clone(),
            starts_at: slot.starts_at,
            ends_at: slot.ends_at,
            serves: slot.serves.iter().copied().collect(),
            made_at: needs.now,
            wish: Wish::Attend,
            stage: Stage::Wanted,
            seen: Seen::default(),
            trouble: None,
            erasure: None,
        };
        self.changes.push(PostingChange { expected: 0, posting, said: None, told: Vec::new() });
    }

    fn change(&mut self, old: &Posting, new: Posting) {
        if *old != new {
            self.changes.push(old.changed(new));
        }
    }
}

impl Posting {
    /// Returns the change from this posting to `new`.
    #[must_use]
    pub fn changed(&self, new: Self) -> PostingChange {
        let posting = Self { version: self.version + 1, ..new };
        PostingChange { expected: self.version, posting, said: None, told: Vec::new() }
    }
}
