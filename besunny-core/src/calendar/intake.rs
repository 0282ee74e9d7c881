//! What a page of a calendar means: events are kept as they are, and meetings follow from them.
use chrono::Duration;
use sha2::{Digest, Sha256};

use super::{CalendarEvent, EventStatus, EventTime};
use crate::{
    account::Account,
    address::Username,
    commit::{Effect, Holding},
    ids::UserId,
    item::QuarantineReason,
    job::{Job, Task},
    source::{ItemId, ItemRef, Scope},
    sync::{Context, Facts, Plan},
};

/// A single event that was over for so long when it was first met makes no meeting any more.
const BYGONE: Duration = Duration::days(7);

/// The plan of every calendar; pure.
///
/// An event that is over is kept too, since it may be moved; it makes no work until it changes.
#[derive(Clone, Copy, Debug, Default)]
pub struct CalendarIntake;

impl Plan<CalendarEvent> for CalendarIntake {
    type Reading = CalendarEvent;

    fn scope(&self, account: &Account) -> Scope {
        let rules = format!("calendar\n{}", account.owner);
        let [a, b, c, d, ..]: [u8; 32] = Sha256::digest(rules).into();
        Scope { revision: u32::from_be_bytes([a, b, c, d]) }
    }

    fn read(&self, _: &ItemRef, event: CalendarEvent) -> Result<Self::Reading, QuarantineReason> {
        Ok(event)
    }

    fn bytes(&self, event: &CalendarEvent) -> usize {
        event.weight_bytes()
    }

    fn names(&self, _: &CalendarEvent) -> Vec<Username> {
        Vec::new()
    }

    fn plan(&self, page: Facts<CalendarEvent>, context: &Context<'_>) -> Vec<Effect> {
        let (owner, by) = (context.account.owner, Holding::Calendar);
        let mut effects = Vec::with_capacity(page.present.len() * 2);
        for (item, event) in page.present {
            let is_known = page.held.contains(&item.id);
            hold(item, by, vec![(owner, event)], (is_known, context), &mut effects);
        }
        let quarantined = page.unreadable.into_iter();
        effects.extend(quarantined.map(|(item, reason)| Effect::Quarantine { item, reason }));
        for item in page.gone {
            effects.push(meet(&item, context));
            effects.push(Effect::Leave(item));
        }
        effects
    }
}

/// Keeps what an item says; meetings are planned anew, unless all of it was over when it was first met.
pub(crate) fn hold(
    item: ItemRef,
    by: Holding,
    events: Vec<(UserId, CalendarEvent)>,
    (is_known, context): (bool, &Context<'_>),
    effects: &mut Vec<Effect>,
) {
    if is_known || !events.iter().all(|(_, event)| is_bygone(event, context)) {
        effects.push(meet(&item.id, context));
    }
    effects.push(Effect::Hold { item, by, events });
}

fn meet(item: &ItemId, context: &Context<'_>) -> Effect {
    let (account, item) = (context.account.id, item.clone());
    Effect::Enqueue(Job::new(context.tenant, Task::Meet { account, item, at: context.at }))
}

fn is_bygone(event: &CalendarEvent, context: &Context<'_>) -> bool {
    let end = event.ends.as_ref().or(event.starts.as_ref()).map(EventTime::instant);
    let is_single = event.recurrence.is_empty() && event.replaces.is_none();
    // An update may take away what an earlier one had planned.
    let is_first = event.sequence == 0 && event.status != EventStatus::Cancelled;
    is_single && is_first && end.is_some_and(|end| end < context.at - BYGONE)
}
