//! One mailbox: messages, labels, threads and the history of every change.
//!
//! Every change goes through a method here that writes exactly the history records that a client
//! would see, and returns a [`Change`] so that the caller can announce it.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::OnceLock;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};

use crate::config::MailSettings;
use crate::dice::{self, Dice};

pub(crate) mod envelope;
pub(crate) mod history;
pub(crate) mod labels;
pub(crate) mod search;
pub(crate) mod threads;

use envelope::Envelope;
use history::{Entry, EntryKind, History};
use labels::{LabelId, Labels};
use threads::Threads;

/// The id of a message or thread, written as 16 hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct HexId(u64);

impl HexId {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        (text.len() <= 16).then(|| u64::from_str_radix(text, 16).ok().map(Self)).flatten()
    }

    pub(crate) fn from_number(number: u64) -> Self {
        Self(number)
    }

    pub(crate) fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for HexId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:016x}", self.0)
    }
}

/// Where a message stands in `messages.list`: newest first, nearly by date.
pub(crate) type Place = (i64, HexId);

#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) id: HexId,
    pub(crate) thread: HexId,
    pub(crate) raw: Bytes,
    pub(crate) labels: Vec<LabelId>,
    pub(crate) internal_ms: i64,
    pub(crate) history: u64,
    pub(crate) envelope: Envelope,
    snippet: OnceLock<Box<str>>,
    order: i64,
}

impl Message {
    pub(crate) fn snippet(&self) -> &str {
        self.snippet.get_or_init(|| envelope::snippet(&self.raw))
    }

    pub(crate) fn has(&self, label: LabelId) -> bool {
        self.labels.contains(&label)
    }

    /// Whether a client that follows all mail must have seen this message.
    pub(crate) fn in_scope(&self) -> bool {
        !(self.has(LabelId::SPAM) || self.has(LabelId::TRASH) || self.has(LabelId::DRAFT))
    }

    fn place(&self) -> Place {
        (self.order, self.id)
    }
}

/// A message on its way in.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) raw: Bytes,
    pub(crate) labels: Vec<LabelId>,
    /// The `Date` header if absent, or else the time of arrival.
    pub(crate) internal_ms: Option<i64>,
}

/// What happened to the mailbox, for those who watch it.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) message: HexId,
    pub(crate) thread: HexId,
    pub(crate) history: u64,
    /// Labels that the message has or that were put on or taken.
    pub(crate) labels: Vec<LabelId>,
}

/// A page of messages in listing order.
#[derive(Debug)]
pub(crate) struct Listing {
    pub(crate) ids: Vec<(HexId, HexId)>,
    /// The last place of the page, if there is more behind it.
    pub(crate) next: Option<Place>,
}

#[derive(Debug)]
pub(crate) struct Mailbox {
    pub(crate) labels: Labels,
    pub(crate) history: History,
    messages: HashMap<HexId, Message>,
    order: BTreeSet<Place>,
    threads: Threads,
    newest_id: HexId,
    dice: Dice,
}

impl Mailbox {
    pub(crate) fn new(seed: u64, address: &str) -> Self {
        let mut dice = Dice::new(seed, address);
        let history = History::new(&mut dice);
        Self {
            labels: Labels::default(),
            history,
            messages: HashMap::new(),
            order: BTreeSet::new(),
            threads: Threads::default(),
            newest_id: HexId(0),
            dice,
        }
    }

    pub(crate) fn find(&self, id: HexId) -> Option<&Message> {
        self.messages.get(&id)
    }

    pub(crate) fn len(&self) -> usize {
        self.messages.len()
    }

    pub(crate) fn thread_count(&self) -> usize {
        self.threads.len()
    }

    /// All messages, newest first.
    pub(crate) fn newest_first(&self) -> impl Iterator<Item = &Message> {
        self.order.iter().rev().filter_map(|(_, id)| self.messages.get(id))
    }

    pub(crate) fn list(
        &self,
        after: Option<Place>,
        most: usize,
        wanted: impl Fn(&Message) -> bool,
    ) -> Listing {
        let range = match after {
            Some(place) => self.order.range(..place),
            None => self.order.range(..),
        };
        let mut found =
            range.rev().filter_map(|(_, id)| self.messages.get(id)).filter(|one| wanted(one));
        let mut ids = Vec::with_capacity(most.min(self.messages.len()));
        let mut last = None;
        for message in found.by_ref().take(most) {
            ids.push((message.id, message.thread));
            last = Some(message.place());
        }
        let next = last.filter(|_| found.next().is_some());
        Listing { ids, next }
    }

    pub(crate) fn add(
        &mut self,
        arrival: Arrival,
        now: DateTime<Utc>,
        settings: &MailSettings,
    ) -> Change {
        let head = envelope::Head::parse(&arrival.raw);
        let internal_ms =
            arrival.internal_ms.or(head.date_ms).unwrap_or_else(|| now.timestamp_millis());
        let id = self.next_id(now);
        let thread = self.threads.place(id, &head);
        let message = Message {
            id,
            thread,
            raw: arrival.raw,
            labels: arrival.labels,
            internal_ms,
            history: 0,
            envelope: head.envelope,
            snippet: OnceLock::new(),
            order: internal_ms.saturating_add(disorder(id, settings.list_disorder)),
        };
        self.order.insert(message.place());
        self.messages.insert(id, message);
        let change = self.record(id, now, settings, &EntryKind::Added);
        if self.dice.chance(settings.repeat_rate) {
            return self.record(id, now, settings, &EntryKind::Added);
        }
        change
    }

    /// Puts labels on a message and takes others away; absent if that changes nothing.
    pub(crate) fn change_labels(
        &mut self,
        id: HexId,
        labels: LabelChange<'_>,
        now: DateTime<Utc>,
        settings: &MailSettings,
    ) -> Option<Change> {
        let message = self.messages.get_mut(&id)?;
        let new = |label: &LabelId| !message.labels.contains(label);
        let added: Vec<_> = labels.add.iter().copied().filter(new).collect();
        message.labels.extend(&added);
        let addition = (!added.is_empty())
            .then(|| self.record(id, now, settings, &EntryKind::LabelsAdded(added)));
        let message = self.messages.get_mut(&id)?;
        let there = |label: &LabelId| message.labels.contains(label);
        let removed: Vec<_> = labels.remove.iter().copied().filter(there).collect();
        message.labels.retain(|label| !removed.contains(label));
        let removal = (!removed.is_empty())
            .then(|| self.record(id, now, settings, &EntryKind::LabelsRemoved(removed)));
        removal.or(addition)
    }

    /// Deletes a message for ever; absent if there is no such message.
    pub(crate) fn delete(
        &mut self,
        id: HexId,
        now: DateTime<Utc>,
        settings: &MailSettings,
    ) -> Option<Change> {
        let place = self.messages.get(&id)?.place();
        let change = self.record(id, now, settings, &EntryKind::Deleted);
        self.order.remove(&place);
        self.messages.remove(&id);
        self.threads.leave(change.thread);
        Some(change)
    }

    fn record(
        &mut self,
        id: HexId,
        now: DateTime<Utc>,
        settings: &MailSettings,
        kind: &EntryKind,
    ) -> Change {
        let (thread, labels) = self
            .messages
            .get(&id)
            .map_or((id, Vec::new()), |message| (message.thread, message.labels.clone()));
        let mut touched = labels.clone();
        touched.extend(kind.labels());
        let entry = |kind: EntryKind| Entry { message: id, thread, labels: labels.clone(), kind };
        let mut history = self.history.push(entry(kind.clone()), now, &mut self.dice, settings);
        if !matches!(kind, EntryKind::Deleted) && self.dice.chance(settings.touch_rate) {
            history = self.history.push(entry(EntryKind::Touched), now, &mut self.dice, settings);
        }
        if let Some(message) = self.messages.get_mut(&id) {
            message.history = history;
        }
        Change { message: id, thread, history, labels: touched }
    }

    /// Gmail's ids begin with the time of arrival in milliseconds; 20 bits are random. Here they
    /// also increase, so that messages of one instant keep their order.
    fn next_id(&mut self, now: DateTime<Utc>) -> HexId {
        let time = u64::try_from(now.timestamp_millis()).unwrap_or_default() << RANDOM_BITS;
        let fresh = time | (self.dice.roll() >> (u64::BITS - RANDOM_BITS));
        let id = fresh.max(self.newest_id.0.wrapping_add(self.dice.up_to(ID_STEP)));
        self.newest_id = HexId(id);
        self.newest_id
    }
}

const RANDOM_BITS: u32 = 20;

/// The largest step between ids of one instant; 20,000 messages fit into a millisecond.
const ID_STEP: u64 = 64;

/// Labels to put on a message and to take away.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LabelChange<'a> {
    pub(crate) add: &'a [LabelId],
    pub(crate) remove: &'a [LabelId],
}

fn disorder(id: HexId, most: Duration) -> i64 {
    let span = u64::try_from(most.as_millis()).unwrap_or(u64::MAX).saturating_add(1);
    i64::try_from(dice::mix(id.0, &[]) % span).unwrap_or_default()
}
