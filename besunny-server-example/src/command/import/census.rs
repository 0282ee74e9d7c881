//! Who is in a mailbox before and after: what an import came to, counted in messages.
//!
//! It counts what is held, not what passed by: a page that was read twice, or was taken in by a
//! server that runs on the same store, counts once.
use std::collections::HashMap;

use besunny::core::{account::Account, item::ItemState, repository::ItemFilter, source::ItemId};

use crate::{command::Refusal, home::Home};

/// The states of the items of an account.
#[derive(Debug, Default)]
pub(super) struct Census(HashMap<ItemId, Fate>);

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Stored,
    Ignored,
    Quarantined,
}

/// What an import came to, in messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tallied {
    pub(super) stored: u64,
    pub(super) ignored: u64,
    pub(super) quarantined: u64,
    pub(super) unchanged: u64,
}

impl Census {
    /// Reads the states of all items of an account.
    pub(super) async fn take(home: &Home, account: &Account) -> Result<Self, Refusal> {
        let store = home.besunny.store();
        let mut fates = HashMap::new();
        for status in store.streams(&home.scope).await? {
            if status.account != account.id {
                continue;
            }
            let mut after: Option<ItemId> = None;
            loop {
                let page =
                    store.items(&home.scope, status.id, ItemFilter::All, after.as_ref()).await?;
                after = page.last().map(|item| item.id.clone());
                if after.is_none() {
                    break;
                }
                let known = page.into_iter().filter_map(|item| Some((item.id, fate(&item.state)?)));
                fates.extend(known);
            }
        }
        Ok(Self(fates))
    }

    /// Counts what is other than it was.
    pub(super) fn since(&self, before: &Self) -> Tallied {
        let mut tallied = Tallied::default();
        for (id, fate) in &self.0 {
            match fate {
                same if before.0.get(id) == Some(same) => tallied.unchanged += 1,
                Fate::Stored => tallied.stored += 1,
                Fate::Ignored => tallied.ignored += 1,
                Fate::Quarantined => tallied.quarantined += 1,
            }
        }
        tallied
    }
}

fn fate(state: &ItemState) -> Option<Fate> {
    match state {
        ItemState::Stored => Some(Fate::Stored),
        ItemState::Ignored(_) => Some(Fate::Ignored),
        ItemState::Quarantined(_) => Some(Fate::Quarantined),
        ItemState::Removed => None,
    }
}

impl Tallied {
    /// Returns how many messages are in the source.
    pub(super) const fn seen(&self) -> u64 {
        self.stored + self.ignored + self.quarantined + self.unchanged
    }

    /// Takes out `count` messages that are held and no longer in the source.
    pub(super) const fn unmet(&mut self, count: u64) {
        self.unchanged = self.unchanged.saturating_sub(count);
    }
}
