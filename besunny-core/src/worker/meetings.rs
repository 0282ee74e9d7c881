//! Meetings that follow from events: planned together, so that those of one name are planned once.
use std::collections::BTreeMap;

use super::{
    Worker,
    guarded::caught,
    jobs::{JobError, cause_of},
};
use crate::{
    calendar::EventUid,
    cause::describe,
    commit::Effect,
    ids::{AccountId, MeetingId, UserId},
    job::{Job, Task},
    meeting::{Meeting, MeetingChange, MeetingKey, Planned, plan},
    repository::{HeldEvent, RepositoryError},
    scheduler::Claim,
    source::ItemId,
    tenant::TenantScope,
};

/// An item whose events changed, and the claim to see what follows.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) claim: Claim,
    pub(super) at: (AccountId, ItemId),
}

impl Worker {
    /// Plans the meetings of one tenant that follow from changed items (CAL-6, CAL-7).
    pub(super) async fn meet(&self, changes: Vec<Change>) {
        let Some(first) = changes.first() else { return };
        let scope = first.claim.scope;
        match self.meet_caught(&scope, &changes).await {
            Ok(()) => {}
            Err(error) if error.is_outage() || changes.len() == 1 => {
                for change in &changes {
                    self.put_off(&change.claim, &error).await;
                }
            }
            // One that was refused must not hold up the others.
            Err(_) => {
                for change in &changes {
                    if let Err(error) = self.meet_caught(&scope, std::slice::from_ref(change)).await
                    {
                        self.put_off(&change.claim, &error).await;
                    }
                }
            }
        }
    }

    /// Plans; a panic is a failure of what is planned.
    async fn meet_caught(&self, scope: &TenantScope, changes: &[Change]) -> Result<(), JobError> {
        match caught(self.meet_all(scope, changes)).await {
            Ok(met) => met,
            Err(panicked) => Err(panicked.into()),
        }
    }

    async fn meet_all(&self, scope: &TenantScope, changes: &[Change]) -> Result<(), JobError> {
        let items: Vec<(AccountId, ItemId)> =
            changes.iter().map(|change| change.at.clone()).collect();
        let held = self.repository.events_beside(scope, &items).await?;
        let mut by_name: BTreeMap<(UserId, EventUid), Vec<HeldEvent>> = BTreeMap::new();
        for one in held {
            by_name.entry((one.owner, one.event.uid.clone())).or_default().push(one);
        }
        let (mut effects, mut rooms) = (Vec::new(), BTreeMap::new());
        for ((owner, uid), held) in by_name {
            let met = self.meet_one(scope, (owner, uid), &held, &mut effects).await?;
            rooms.extend(met);
        }
        let claims: Vec<&Claim> = changes.iter().map(|change| &change.claim).collect();
        if self.bots.is_some() {
            effects.extend(staffing(scope, &rooms, &claims));
        }
        self.complete(scope, &claims, effects).await
    }

    async fn meet_one(
        &self,
        scope: &TenantScope,
        (owner, uid): (UserId, EventUid),
        held: &[HeldEvent],
        effects: &mut Vec<Effect>,
    ) -> Result<BTreeMap<MeetingKey, MeetingId>, RepositoryError> {
        let uids = std::slice::from_ref(&uid);
        let stored = self.repository.meetings_of(scope, owner, uids).await?;
        let (now, addresses) = (self.clock.now(), &self.intake.addresses);
        let planned = plan((scope.tenant(), owner), held, &stored, addresses, now);
        let Planned { changes, again_at } = match planned {
            Ok(planned) => planned,
            // It is visible at its source; what was planned before stays.
            Err(error) => {
                tracing::warn!(error = describe(&error), "an event makes no meetings");
                return Ok(BTreeMap::new());
            }
        };
        let rooms = rooms_of(&stored, &changes);
        effects.extend(changes.into_iter().map(|change| Effect::Meet(Box::new(change))));
        // The first item stands for all, so that all of them ask for one more look.
        if let (Some(at), Some(first)) = (again_at, held.first()) {
            let (account, item) = (first.account, first.item.clone());
            let job = Job::new(scope.tenant(), Task::Meet { account, item, at });
            let by = (at - now).to_std().unwrap_or_default();
            effects.push(Effect::Defer { job, by });
        }
        Ok(rooms)
    }
}

/// Returns the rooms that changed meetings are in, and those that they were in.
fn rooms_of(stored: &[Meeting], changes: &[MeetingChange]) -> BTreeMap<MeetingKey, MeetingId> {
    let is_changed = |old: &&Meeting| changes.iter().any(|change| change.meeting.id == old.id);
    let before = stored.iter().filter(is_changed);
    let meetings = before.chain(changes.iter().map(|change| &change.meeting));
    meetings.filter_map(|meeting| Some((meeting.link.as_ref()?.key.clone(), meeting.id))).collect()
}

/// Asks for the bots of rooms to be planned.
fn staffing<'a>(
    scope: &TenantScope,
    rooms: &'a BTreeMap<MeetingKey, MeetingId>,
    claims: &[&Claim],
) -> impl Iterator<Item = Effect> + use<'a> {
    let (tenant, cause) = (scope.tenant(), cause_of(claims));
    rooms.iter().map(move |(room, meeting)| {
        let task = Task::Staff { room: room.clone(), meeting: Some(*meeting), cause };
        Effect::Enqueue(Job::new(tenant, task))
    })
}
