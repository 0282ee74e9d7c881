//! Who is in a mailbox before and after: what an import came to, counted in messages.
//!
//! It counts what is held, not what passed by: a page that was read twice, or was taken in by a
//! server that runs on the same store, counts once.
use std::collections::{HashMap, HashSet};

use besunny::core::{
    account::Account,
    item::ItemState,
    repository::{ItemFilter, StreamStatus},
    source::ItemId,
    track::Phase,
};

use crate::{command::Refusal, home::Home};

/// The states of the items of an account.
#[derive(Debug, Default)]
pub(super) struct Census {
    fates: HashMap<ItemId, Fate>,
    /// Held, yet no longer in the source: a person decides about them.
    unmet: HashSet<ItemId>,
}

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
    /// Held before and forgotten since, because they left the source.
    pub(super) removed: u64,
}

impl Census {
    /// Reads the states of all items of an account.
    pub(super) async fn take(home: &Home, account: &Account) -> Result<Self, Refusal> {
        let mut census = Self::default();
        for status in home.besunny.store().streams(&home.scope).await? {
            if status.account == account.id {
                census.add_fates(home, &status).await?;
                census.add_unmet(home, &status).await?;
            }
        }
        Ok(census)
    }

    async fn add_fates(&mut self, home: &Home, stream: &StreamStatus) -> Result<(), Refusal> {
        let store = home.besunny.store();
        let mut after: Option<ItemId> = None;
        loop {
            let page = store.items(&home.scope, stream.id, ItemFilter::All, after.as_ref()).await?;
            after = page.last().map(|item| item.id.clone());
            if after.is_none() {
                return Ok(());
            }
            let known = page.into_iter().filter_map(|item| Some((item.id, fate(&item.state)?)));
            self.fates.extend(known);
        }
    }

    async fn add_unmet(&mut self, home: &Home, stream: &StreamStatus) -> Result<(), Refusal> {
        let store = home.besunny.store();
        let held = stream.track.scan.as_ref().filter(|it| matches!(it.phase, Phase::Held(_)));
        let Some(scan) = held else { return Ok(()) };
        let mut after: Option<ItemId> = None;
        loop {
            let page = store.unseen(&home.scope, stream.id, scan.id, after.as_ref()).await?;
            after = page.last().cloned();
            if after.is_none() {
                return Ok(());
            }
            self.unmet.extend(page);
        }
    }

    /// Counts what is in the source by what it was, and what is no longer held.
    pub(super) fn since(&self, before: &Self) -> Tallied {
        let mut tallied = Tallied::default();
        for (id, fate) in self.fates.iter().filter(|(id, _)| !self.unmet.contains(*id)) {
            match fate {
                same if before.fates.get(id) == Some(same) => tallied.unchanged += 1,
                Fate::Stored => tallied.stored += 1,
                Fate::Ignored => tallied.ignored += 1,
                Fate::Quarantined => tallied.quarantined += 1,
            }
        }
        let removed = before.fates.keys().filter(|id| !self.fates.contains_key(*id));
        tallied.removed = removed.fold(0, |count, _| count + 1);
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
}

#[cfg(test)]
mod tests {
    use super::*;

    fn census(fates: &[(&str, Fate)], unmet: &[&str]) -> Census {
        Census {
            fates: fates.iter().map(|(id, fate)| (ItemId::from_source(*id), *fate)).collect(),
            unmet: unmet.iter().map(|id| ItemId::from_source(*id)).collect(),
        }
    }

    #[test]
    fn mail_18_only_what_is_in_the_source_is_seen() {
        use Fate::{Ignored, Quarantined, Stored};
        let before =
            census(&[("a", Stored), ("b", Stored), ("c", Stored), ("q", Quarantined)], &[]);
        let after = [("a", Stored), ("b", Stored), ("q", Stored), ("n", Stored), ("m", Ignored)];
        let tallied = census(&after, &["b", "n"]).since(&before);
        let want = Tallied { stored: 1, ignored: 1, quarantined: 0, unchanged: 1, removed: 1 };
        assert_eq!((tallied, tallied.seen()), (want, 3));
        let back = census(&after, &[]).since(&census(&after, &["b"]));
        assert_eq!(back, Tallied { unchanged: 5, ..Tallied::default() });
    }
}
