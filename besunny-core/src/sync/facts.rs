//! A page with its items in hand.
use std::{
    collections::HashSet,
    ops::Add,
    panic::{self, AssertUnwindSafe},
    sync::Arc,
};

use super::{
    Change, Fetched, ItemId, ItemRef, Next, PART_BYTES, PART_ITEMS, Page, Plan, QuarantineReason,
    SourceError,
};
use crate::{commit::Effect, repository::Known};

/// What a page says, with its items read.
#[derive(Debug)]
pub struct Facts<R> {
    /// Items to be recorded.
    pub present: Vec<(ItemRef, R)>,
    /// Items we hold at this very revision.
    pub same: Vec<ItemRef>,
    /// Items that left the stream.
    pub gone: Vec<ItemId>,
    /// Items that cannot be taken in.
    pub unreadable: Vec<(ItemId, QuarantineReason)>,
    /// Which items of the page we hold, at whatever revision.
    pub held: Arc<HashSet<ItemId>>,
    /// Whether the source knows of more after this page.
    pub more: bool,
    /// What earlier parts of the page met; it is marked once the page is read whole.
    pub(super) earlier: Vec<ItemRef>,
    /// Whether this is not the end of its page: the page may be read again, and show less.
    pub(super) in_part: bool,
    weight: usize,
}

/// How many items a pass met, by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Became documents or held events.
    pub stored: u64,
    /// Are none of our business.
    pub ignored: u64,
    /// Could not be taken in.
    pub quarantined: u64,
    /// Held already.
    pub unchanged: u64,
    /// Left the stream.
    pub gone: u64,
}

impl Counts {
    /// Counts what a plan made of a page, of which `same` items were held already.
    pub(super) fn of(effects: &[Effect], same: usize) -> Self {
        let mut counts =
            Self { unchanged: u64::try_from(same).unwrap_or(u64::MAX), ..Self::default() };
        for effect in effects {
            match effect {
                Effect::Store { .. } | Effect::Hold { .. } => counts.stored += 1,
                Effect::Ignore { .. } => counts.ignored += 1,
                Effect::Quarantine { .. } => counts.quarantined += 1,
                Effect::Leave(_) => counts.gone += 1,
                Effect::Detect(_)
                | Effect::Decide(_)
                | Effect::Enqueue(_)
                | Effect::Defer { .. }
                | Effect::Label { .. }
                | Effect::Meet(_)
                | Effect::Post(_)
                | Effect::Staff { .. }
                | Effect::Transcribe(_)
                | Effect::Prefer { .. }
                | Effect::Watch(_)
                | Effect::Act(_) => {}
            }
        }
        counts
    }

    /// Says whether nothing new was met.
    #[must_use]
    pub const fn is_quiet(&self) -> bool {
        self.stored == 0 && self.ignored == 0 && self.quarantined == 0 && self.gone == 0
    }

    /// Returns how many items were met in all.
    #[must_use]
    pub const fn seen(&self) -> u64 {
        self.stored + self.ignored + self.quarantined + self.unchanged
    }
}

impl Add for Counts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            stored: self.stored + other.stored,
            ignored: self.ignored + other.ignored,
            quarantined: self.quarantined + other.quarantined,
            unchanged: self.unchanged + other.unchanged,
            gone: self.gone + other.gone,
        }
    }
}

/// A page parted into what is at hand and what must be fetched.
pub(super) struct Sorted<R> {
    pub(super) facts: Facts<R>,
    pub(super) wanted: Vec<ItemId>,
}

/// Parts a page; the last change of an id wins.
pub(super) fn sort<T, P: Plan<T>>(page: Page<T>, known: &Known, plan: &P) -> Sorted<P::Reading> {
    let more = matches!(page.next, Next::Page(_) | Next::Cursor { more: true, .. });
    let held = Arc::new(known.keys().cloned().collect());
    let (mut facts, mut wanted) = (Facts { held, more, ..Facts::default() }, Vec::new());
    let mut met = HashSet::new();
    let mut last: Vec<Change<T>> =
        page.changes.into_iter().rev().filter(|change| met.insert(change.id().clone())).collect();
    last.reverse();
    for change in last {
        match change {
            Change::Present { at, .. }
                if at.revision.is_some() && known.get(&at.id) == Some(&at.revision) =>
            {
                facts.same.push(at);
            }
            Change::Present { at, item: Some(item) } => facts.read(at, item, plan),
            Change::Present { at, item: None } => wanted.push(at.id),
            Change::Removed(id) => facts.gone.push(id),
            Change::Unreadable { id, why } => {
                facts.unreadable.push((id, QuarantineReason::Unreadable(why.to_owned())));
            }
        }
    }
    Sorted { facts, wanted }
}

impl<R> Default for Facts<R> {
    fn default() -> Self {
        Self {
            present: Vec::new(),
            same: Vec::new(),
            gone: Vec::new(),
            unreadable: Vec::new(),
            held: Arc::default(),
            more: false,
            earlier: Vec::new(),
            in_part: false,
            weight: 0,
        }
    }
}

impl<R> Facts<R> {
    /// A page of items that left.
    pub(super) fn of_gone(gone: Vec<ItemId>) -> Self {
        Self { gone, ..Self::default() }
    }

    /// Says whether this is enough to be written by itself.
    pub(super) const fn fill_a_part(&self) -> bool {
        self.weight >= PART_BYTES || self.present.len() + self.unreadable.len() >= PART_ITEMS
    }

    pub(super) fn is_empty(&self) -> bool {
        self.present.is_empty() && self.same.is_empty() && self.earlier.is_empty()
    }

    /// Returns everything met; a quarantined item must survive the sweep too.
    pub(super) fn met(&self) -> Vec<ItemRef> {
        let unreadable =
            self.unreadable.iter().map(|(id, _)| ItemRef { id: id.clone(), revision: None });
        let present = self.present.iter().map(|(at, _)| at.clone());
        let here = present.chain(self.same.iter().cloned()).chain(unreadable);
        self.earlier.iter().cloned().chain(here).collect()
    }

    /// Takes a batch in; an id the source did not answer is quarantined, never lost.
    pub(super) fn add<T, P>(&mut self, asked: &[ItemId], items: Vec<Fetched<T>>, plan: &P)
    where
        P: Plan<T, Reading = R>,
    {
        let mut unanswered: HashSet<&ItemId> = asked.iter().collect();
        for item in items {
            if !unanswered.remove(item.id()) {
                continue;
            }
            match item {
                Fetched::Present(at, item) => self.read(at, item, plan),
                Fetched::Gone(id) => self.gone.push(id),
                Fetched::Unreadable { id, why } => {
                    self.unreadable.push((id, QuarantineReason::Unreadable(why.to_owned())));
                }
            }
        }
        let lost = asked.iter().filter(|id| unanswered.contains(id));
        self.unreadable.extend(lost.map(|id| (id.clone(), QuarantineReason::NotAnswered)));
    }

    /// Gives up on an item that keeps failing.
    pub(super) fn give_up(&mut self, id: ItemId, error: &SourceError) {
        self.unreadable.push((id, QuarantineReason::KeepsFailing(error.to_string())));
    }

    fn read<T, P: Plan<T, Reading = R>>(&mut self, at: ItemRef, item: T, plan: &P) {
        // What is read is thrown away with a panic, and the mail is left for when the bug is mended.
        let read = panic::catch_unwind(AssertUnwindSafe(|| plan.read(&at, item)));
        match read.unwrap_or(Err(QuarantineReason::Panicked)) {
            Ok(reading) => {
                self.weight += plan.bytes(&reading);
                self.present.push((at, reading));
            }
            Err(reason) => self.unreadable.push((at.id, reason)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        account::Account,
        address::Username,
        source::{Revision, Scope},
        sync::Context,
    };

    /// Panics on the item that is `broken`.
    struct Clumsy;

    impl Plan<&'static str> for Clumsy {
        type Reading = &'static str;

        fn scope(&self, _: &Account) -> Scope {
            Scope::default()
        }
        fn read(&self, _: &ItemRef, item: &'static str) -> Result<Self::Reading, QuarantineReason> {
            assert!(item != "broken", "a panic of the reader");
            Ok(item)
        }
        fn bytes(&self, reading: &Self::Reading) -> usize {
            reading.len()
        }
        fn names(&self, _: &Self::Reading) -> Vec<Username> {
            Vec::new()
        }
        fn plan(&self, _: Facts<Self::Reading>, _: &Context<'_>) -> Vec<Effect> {
            Vec::new()
        }
    }

    #[test]
    fn an_item_whose_reader_panics_is_quarantined_and_its_neighbours_are_read() {
        let items = ["one", "broken", "two"].map(|name| {
            let at = ItemRef::new(ItemId::from_source(name), Revision::from_source("1"));
            Fetched::Present(at, name)
        });
        let asked: Vec<ItemId> = items.iter().map(|item| item.id().clone()).collect();
        let mut facts = Facts::default();
        facts.add(&asked, items.into(), &Clumsy);
        let read: Vec<_> = facts.present.iter().map(|(_, reading)| *reading).collect();
        let broken = [(ItemId::from_source("broken"), QuarantineReason::Panicked)];
        assert_eq!(
            (read.as_slice(), facts.unreadable.as_slice()),
            (&["one", "two"][..], &broken[..])
        );
    }
}
