//! Units spent within a stretch of time that slides along.
use std::{collections::VecDeque, time::Duration};

use chrono::{DateTime, Utc};

/// What was spent, by instant, as long as it counts.
#[derive(Debug, Default)]
pub(super) struct Window {
    spent: VecDeque<(DateTime<Utc>, u64)>,
    sum: u64,
}

impl Window {
    /// Forgets what was spent `span` ago or earlier.
    pub(super) fn slide(&mut self, now: DateTime<Utc>, span: Duration) {
        while let Some((at, units)) = self.spent.front().copied()
            && at + span <= now
        {
            self.sum -= units;
            self.spent.pop_front();
        }
    }

    pub(super) fn spend(&mut self, now: DateTime<Utc>, units: u64) {
        self.sum += units;
        match self.spent.back_mut() {
            Some((at, sum)) if *at == now => *sum += units,
            _ => self.spent.push_back((now, units)),
        }
    }

    /// Returns when `units` more fit under `limit`; `None` says now.
    ///
    /// A price above the limit is taken for the limit, so that it fits at some time.
    pub(super) fn fits_at(&self, units: u64, limit: u64, span: Duration) -> Option<DateTime<Utc>> {
        let mut excess = (self.sum + units.min(limit)).saturating_sub(limit);
        if excess == 0 {
            return None;
        }
        let freed = self.spent.iter().find(|(_, spent)| {
            excess = excess.saturating_sub(*spent);
            excess == 0
        });
        freed.map(|(at, _)| *at + span)
    }

    /// Returns how much may be spent now under `limit`.
    pub(super) const fn room(&self, limit: u64) -> u64 {
        limit.saturating_sub(self.sum)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.spent.is_empty()
    }
}
