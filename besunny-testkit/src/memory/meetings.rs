//! Events as they are held, and the meetings that follow from them.
use std::collections::BTreeSet;

use async_trait::async_trait;
use besunny_core::{
    calendar::{CalendarEvent, EventUid},
    commit::{Commit, Effect, Holding},
    ids::{AccountId, MeetingId, UserId},
    item::ItemState,
    meeting::Meeting,
    repository::{AgendaFilter, BATCH, HeldEvent, Meetings, RepositoryError},
    source::ItemId,
    tenant::TenantScope,
};

use super::{MemoryRepository, Rows};

/// What an item says.
#[derive(Clone, Debug)]
pub(super) struct Held {
    by: Holding,
    events: Vec<(UserId, CalendarEvent)>,
    /// What it said for others before.
    moved: Vec<(UserId, CalendarEvent)>,
}

impl Held {
    /// Returns each event, and whether it is said no more.
    fn all(&self) -> impl Iterator<Item = (UserId, &CalendarEvent, bool)> {
        let moved = self.moved.iter().map(|(owner, event)| (*owner, event, true));
        moved.chain(self.events.iter().map(|(owner, event)| (*owner, event, false)))
    }

    /// Says whether a calendar holds it for somebody else than `owner`.
    fn is_of_others(&self, owner: UserId) -> bool {
        self.by == Holding::Calendar && self.events.iter().any(|(other, _)| *other != owner)
    }
}

#[async_trait]
impl Meetings for MemoryRepository {
    async fn events_beside(
        &self,
        scope: &TenantScope,
        items: &[(AccountId, ItemId)],
    ) -> Result<Vec<HeldEvent>, RepositoryError> {
        self.read(scope, |rows| {
            let held = items.iter().filter_map(|item| rows.events.get(item));
            let named: BTreeSet<(UserId, &EventUid)> = held
                .flat_map(|held| held.all().map(|(owner, event, _)| (owner, &event.uid)))
                .collect();
            let beside = rows.events.iter().flat_map(|((account, item), held)| {
                let state = rows.items.get(&(*account, item.clone())).map(|row| &row.state);
                let is_gone = state == Some(&ItemState::Removed);
                held.all().map(move |(owner, event, is_moved)| HeldEvent {
                    account: *account,
                    item: item.clone(),
                    owner,
                    by: held.by,
                    is_gone: is_gone || is_moved,
                    change: rows.change_of(owner, &event.uid),
                    event: event.clone(),
                })
            });
            Ok(beside.filter(|held| named.contains(&(held.owner, &held.event.uid))).collect())
        })
    }

    async fn meetings_of(
        &self,
        scope: &TenantScope,
        owner: UserId,
        uids: &[EventUid],
    ) -> Result<Vec<Meeting>, RepositoryError> {
        self.read(scope, |rows| {
            let own = rows.meetings.values().filter(|meeting| meeting.owner == owner);
            Ok(own.filter(|meeting| uids.contains(&meeting.uid)).cloned().collect())
        })
    }

    async fn meeting(
        &self,
        scope: &TenantScope,
        id: MeetingId,
    ) -> Result<Option<Meeting>, RepositoryError> {
        self.read(scope, |rows| Ok(rows.meetings.get(&id).cloned()))
    }

    async fn agenda(
        &self,
        scope: &TenantScope,
        owner: UserId,
        filter: &AgendaFilter,
    ) -> Result<Vec<Meeting>, RepositoryError> {
        self.read(scope, |rows| {
            let place = |meeting: &Meeting| (meeting.starts_at, meeting.id);
            let mut found: Vec<&Meeting> = rows
                .meetings
                .values()
                .filter(|meeting| meeting.owner == owner)
                .filter(|meeting| meeting.starts_at < filter.to && meeting.ends_at > filter.from)
                .filter(|meeting| filter.after.is_none_or(|after| place(meeting) > after))
                .collect();
            found.sort_by_key(|meeting| place(meeting));
            Ok(found.into_iter().take(filter.limit.min(BATCH)).cloned().collect())
        })
    }
}

impl Rows {
    /// Says whether every meeting of a commit, and what it was planned of, is as it was read.
    pub(super) fn finds_meetings(&self, commit: &Commit) -> bool {
        commit.effects.iter().all(|effect| {
            let Effect::Meet(change) = effect else { return true };
            let stored = self.meetings.get(&change.meeting.id);
            let is_now = |seen| seen == self.change_of(change.meeting.owner, &change.meeting.uid);
            stored.map_or(0, |meeting| meeting.version) == change.expected
                && change.seen.is_none_or(is_now)
        })
    }

    /// Says whether a calendar holds an item for somebody else than the owner of its account.
    pub(super) fn is_of_others(&self, account: AccountId, item: &ItemId) -> bool {
        let held = self.events.get(&(account, item.clone()));
        let owner = self.accounts.get(&account).map(|account| account.owner);
        held.zip(owner).is_some_and(|(held, owner)| held.is_of_others(owner))
    }

    fn change_of(&self, owner: UserId, uid: &EventUid) -> u64 {
        self.changes.get(&(owner, uid.clone())).copied().unwrap_or_default()
    }

    /// Notes that what an item says is changing, or has changed.
    pub(super) fn note_change(&mut self, account: AccountId, item: &ItemId) {
        let held = self.events.get(&(account, item.clone()));
        for (owner, event, _) in held.iter().flat_map(|held| held.all()) {
            *self.changes.entry((owner, event.uid.clone())).or_default() += 1;
        }
    }

    /// Keeps what an item says; what it said for others stays with them as said no more.
    pub(super) fn hold(
        &mut self,
        account: AccountId,
        item: &ItemId,
        (by, events): (Holding, &[(UserId, CalendarEvent)]),
    ) {
        self.note_change(account, item);
        let before = self.events.remove(&(account, item.clone()));
        let before = before.into_iter().flat_map(|held| held.events.into_iter().chain(held.moved));
        let is_kept = |owner: &UserId| events.iter().all(|(other, _)| other != owner);
        let moved = before.filter(|(owner, _)| is_kept(owner)).collect();
        let held = Held { by, events: events.to_vec(), moved };
        self.events.insert((account, item.clone()), held);
        self.note_change(account, item);
    }
}
