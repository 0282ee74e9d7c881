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
    pub(super) by: Holding,
    pub(super) events: Vec<(UserId, CalendarEvent)>,
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
                .flat_map(|held| held.events.iter().map(|(owner, event)| (*owner, &event.uid)))
                .collect();
            let beside = rows.events.iter().flat_map(|((account, item), held)| {
                let state = rows.items.get(&(*account, item.clone())).map(|row| &row.state);
                let is_gone = state == Some(&ItemState::Removed);
                held.events.iter().map(move |(owner, event)| HeldEvent {
                    account: *account,
                    item: item.clone(),
                    owner: *owner,
                    by: held.by,
                    is_gone,
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
    /// Says whether every meeting of a commit is at the version that was read.
    pub(super) fn finds_meetings(&self, commit: &Commit) -> bool {
        commit.effects.iter().all(|effect| {
            let Effect::Meet(change) = effect else { return true };
            let stored = self.meetings.get(&change.meeting.id);
            stored.map_or(0, |meeting| meeting.version) == change.expected
        })
    }
}
