//! The log of changes: increasing ids with gaps, a lag, and an end of life.
//!
//! Ids notified or shown in the profile may not be in `history.list` yet (index lag); a correct
//! client still loses nothing, because the answer's own id never runs ahead of what it shows.

use std::collections::VecDeque;

use chrono::{DateTime, Utc};

use super::HexId;
use super::labels::LabelId;
use crate::config::MailSettings;
use crate::dice::Dice;

/// First ids lie above 32 bits, so that a client that cuts them shows.
const FIRST_ID: u64 = 5_000_000_000;
const FIRST_ID_SPREAD: u64 = 1_000_000_000;

#[derive(Debug)]
pub(crate) struct History {
    records: VecDeque<Record>,
    newest: u64,
    /// Ids before this one are too old to start from.
    floor: u64,
}

#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) id: u64,
    pub(crate) at: DateTime<Utc>,
    pub(crate) entry: Entry,
}

/// One message in one record, with its labels after the change.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) message: HexId,
    pub(crate) thread: HexId,
    pub(crate) labels: Vec<LabelId>,
    pub(crate) kind: EntryKind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum EntryKind {
    Added,
    Deleted,
    LabelsAdded(Vec<LabelId>),
    LabelsRemoved(Vec<LabelId>),
    /// Something changed that Gmail gives no name to.
    Touched,
}

impl EntryKind {
    pub(crate) fn labels(&self) -> &[LabelId] {
        match self {
            Self::LabelsAdded(labels) | Self::LabelsRemoved(labels) => labels,
            Self::Added | Self::Deleted | Self::Touched => &[],
        }
    }
}

/// What a reader may see at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// The smallest id to start from.
    pub(crate) floor: u64,
    /// The newest id that shows.
    pub(crate) visible: u64,
}

impl History {
    pub(crate) fn new(dice: &mut Dice) -> Self {
        let first = FIRST_ID + dice.up_to(FIRST_ID_SPREAD);
        Self { records: VecDeque::new(), newest: first, floor: first }
    }

    pub(crate) fn newest(&self) -> u64 {
        self.newest
    }

    pub(crate) fn push(
        &mut self,
        entry: Entry,
        now: DateTime<Utc>,
        dice: &mut Dice,
        settings: &MailSettings,
    ) -> u64 {
        self.prune(now, settings);
        self.newest += dice.up_to(settings.history_gap);
        self.records.push_back(Record { id: self.newest, at: now, entry });
        self.newest
    }

    /// Makes every id before the newest too old, as Google may at any time.
    pub(crate) fn expire(&mut self) {
        self.records.clear();
        self.floor = self.newest;
    }

    /// Forgets records that have outlived the retention.
    fn prune(&mut self, now: DateTime<Utc>, settings: &MailSettings) {
        let dead = self.dead(now, settings);
        if let Some(last) = self.records.drain(..dead).next_back() {
            self.floor = last.id;
        }
    }

    pub(crate) fn bounds(&self, now: DateTime<Utc>, settings: &MailSettings) -> Bounds {
        let floor = match self.dead(now, settings) {
            0 => self.floor,
            dead => self.records.get(dead - 1).map_or(self.floor, |record| record.id),
        };
        let shown = self.records.partition_point(|record| {
            (now - record.at).to_std().is_ok_and(|age| age >= settings.index_lag)
        });
        let visible = match shown {
            0 => floor,
            shown => self.records.get(shown - 1).map_or(floor, |record| record.id),
        };
        Bounds { floor, visible: visible.max(floor) }
    }

    /// Records after `start`, up to and with `visible`.
    pub(crate) fn between(&self, start: u64, visible: u64) -> impl Iterator<Item = &Record> {
        let first = self.records.partition_point(|record| record.id <= start);
        self.records.range(first..).take_while(move |record| record.id <= visible)
    }

    fn dead(&self, now: DateTime<Utc>, settings: &MailSettings) -> usize {
        self.records.partition_point(|record| {
            (now - record.at).to_std().is_ok_and(|age| age >= settings.history_retention)
        })
    }
}
