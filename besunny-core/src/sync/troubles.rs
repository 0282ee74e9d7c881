//! Items of a page that could not be fetched, each with its own count.
use std::collections::BTreeSet;

use super::{ATTEMPTS, FAILURES, Failing, ItemId, SourceError};

/// What failed in a pass, and how often it had failed before.
#[derive(Debug)]
pub(super) struct Troubles<'a> {
    before: Failing,
    /// How often each item has failed in a row, this pass included; also of the other lane's page.
    pub(super) counts: Failing,
    /// What was asked for and failed.
    pub(super) failed: Vec<(&'a [ItemId], SourceError)>,
    lasting: bool,
}

impl<'a> Troubles<'a> {
    /// Goes on counting for what is `wanted` again; what is not has left the page, unless another
    /// lane may have counted it.
    pub(super) fn new(counts: &Failing, wanted: &[ItemId], has_other_lane: bool) -> Self {
        let wanted: BTreeSet<&ItemId> = wanted.iter().collect();
        let mut before = counts.clone();
        before.retain(|id, _| wanted.contains(id));
        let counts = if has_other_lane { counts.clone() } else { before.clone() };
        let lasting = before.values().any(|count| *count >= ATTEMPTS);
        Self { counts, before, failed: Vec::new(), lasting }
    }

    /// Returns in how many passes in a row the item had failed before this one.
    pub(super) fn before(&self, id: &ItemId) -> u32 {
        self.before.get(id).copied().unwrap_or_default()
    }

    /// Items were answered, or given up.
    pub(super) fn over(&mut self, ids: &[ItemId]) {
        for id in ids {
            self.counts.remove(id);
        }
    }

    /// Items could not be fetched; only what may be their own fault is counted.
    pub(super) fn failed(&mut self, ids: &'a [ItemId], error: SourceError) {
        if error.concerns_item() {
            for id in ids {
                let count = self.counts.entry(id.clone()).or_default();
                *count = count.saturating_add(1);
            }
        }
        self.failed.push((ids, error));
    }

    /// Says whether the source is to be asked for no more.
    pub(super) fn are_too_many(&self) -> bool {
        self.are_refused() || !self.lasting && self.failed.len() >= FAILURES
    }

    /// Says whether the source refused for reasons beyond an item.
    pub(super) fn are_refused(&self) -> bool {
        self.failed.iter().any(|(_, error)| !error.concerns_item())
    }
}
