//! Which postings a room needs, by the meetings in it and what people want (BOT-5, BOT-6).
use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};

use super::{
    BotPolicy, ChoiceKind, EARLY, JOIN_BEFORE, Outcome, Posting, PostingChange, Seen, Served,
    Stage, Wish, Withdrawal,
};
use crate::{
    account::Provider,
    bot::BotPhase,
    ids::{PostingId, TenantId, UserId},
    meeting::{Meeting, MeetingKey, MeetingStatus},
    untrusted::Untrusted,
};

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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Staffing {
    /// Postings that differ from what is stored.
    pub changes: Vec<PostingChange>,
}

/// A time at which a room needs a bot.
#[derive(Clone, Debug)]
struct Slot<'a> {
    starts_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
    url: &'a Untrusted<String>,
    serves: BTreeSet<Served>,
    /// When somebody asked for a bot by hand.
    asked_at: Option<DateTime<Utc>>,
}

/// Plans the postings of a room: one bot for each start at which a meeting wants one (E-13).
///
/// A bot that waits is moved with its meeting, and one that is in the room stays for what begins there
/// now. Where a bot can be moved no more it is withdrawn, and another one is sent. A bot is never sent
/// again by itself after it was in the call or failed. Whoever says that no bot must take part goes
/// before everybody else in the same room at the same start.
#[must_use]
pub fn staff(needs: Needs<'_>) -> Staffing {
    let barred = barred(&needs);
    let mut slots = slots(&needs);
    slots.retain(|start, _| !barred.contains(start));
    let mut open: Vec<&Posting> =
        needs.postings.iter().filter(|posting| posting.is_open()).collect();
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
    for posting in open.into_iter().filter(|posting| posting.wish == Wish::Attend) {
        let why = if barred.contains(&posting.starts_at) {
            Withdrawal::Stopped
        } else if posting.ends_at <= needs.now {
            // A meeting that runs over its time is left alone.
            continue;
        } else if is_stuck(posting) {
            Withdrawal::Replaced
        } else {
            Withdrawal::Unwanted
        };
        staffing.change(posting, Posting { wish: Wish::Withdrawn(why), ..posting.clone() });
    }
    staffing
}

/// Returns the starts at which no bot must take part.
fn barred(needs: &Needs<'_>) -> BTreeSet<DateTime<Utc>> {
    let bars = |meeting: &&Meeting| {
        meeting.choice.is_some_and(|choice| choice.kind == ChoiceKind::KeepOut)
            && meeting.status != MeetingStatus::Cancelled
    };
    needs.meetings.iter().filter(bars).map(|meeting| meeting.starts_at).collect()
}

/// Returns the starts at which a meeting wants a bot.
fn slots<'a>(needs: &Needs<'a>) -> BTreeMap<DateTime<Utc>, Slot<'a>> {
    let mut slots = BTreeMap::<_, Slot<'_>>::new();
    for meeting in needs.meetings {
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
            serves: BTreeSet::new(),
            asked_at: None,
        });
        slot.ends_at = slot.ends_at.max(meeting.ends_at);
        slot.serves.insert(Served { meeting: meeting.id, owner: meeting.owner });
        slot.asked_at = slot.asked_at.max(asked.map(|choice| choice.at));
    }
    slots
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
            let is_elsewhen = is_stuck(posting) && now < slot.starts_at - JOIN_BEFORE - EARLY;
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
            None | Some(BotPhase::Planned) => !is_stuck(posting),
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

fn is_stuck(posting: &Posting) -> bool {
    match &posting.stage {
        Stage::Sent(sent) => sent.is_stuck,
        Stage::Wanted | Stage::Asked(_) | Stage::Collecting { .. } | Stage::Over { .. } => false,
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
            Stage::Wanted | Stage::Asked(_) => continue,
            Stage::Sent(_) => (needs.now, false),
            Stage::Collecting { since, .. } => (*since, false),
            Stage::Over { since, outcome, .. } => (*since, *outcome == Outcome::Lost),
        };
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
            ..posting.clone()
        };
        self.change(posting, new);
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
        };
        self.changes.push(PostingChange { expected: 0, posting, said: None });
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
        PostingChange { expected: self.version, posting, said: None }
    }
}
