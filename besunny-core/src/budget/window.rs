//! Units spent within a stretch of time that slides along.
use std::{collections::VecDeque, time::Duration};

use chrono::{DateTime, Utc};

/// What was spent, by instant, as long as it counts.
#[derive(Debug, Default)]
pub(super) struct Window {
    spent: VecDeque<(DateTime<Utc>, u64)>,
    /// What calls under way were given; they count from their end on.
    under_way: u64,
    sum: u64,
}

/// When units fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fit {
    Now,
    At(DateTime<Utc>),
    /// As long as nothing ends that is under way, nobody knows.
    Later,
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

    pub(super) const fn begin(&mut self, units: u64) {
        self.under_way += units;
    }

    pub(super) fn end(&mut self, now: DateTime<Utc>, units: u64) {
        self.under_way -= units;
        self.sum += units;
        match self.spent.back_mut() {
            Some((at, sum)) if *at == now => *sum += units,
            _ => self.spent.push_back((now, units)),
        }
    }

    /// Returns when `units` more fit under `limit`.
    ///
    /// A price above the limit is taken for the limit, so that it fits at some time.
    pub(super) fn fits(&self, units: u64, limit: u64, span: Duration) -> Fit {
        let used = self.sum + self.under_way;
        let mut excess = (used + units.min(limit)).saturating_sub(limit);
        if excess == 0 {
            return Fit::Now;
        }
        let freed = self.spent.iter().find(|(_, spent)| {
            excess = excess.saturating_sub(*spent);
            excess == 0
        });
        freed.map_or(Fit::Later, |(at, _)| Fit::At(*at + span))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.spent.is_empty() && self.under_way == 0
    }
}
