//! Notices that are to be sent, and the log of those that were.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::forgery::Forgery;
use crate::config::Subscription;
use crate::lock::Guarded;

/// Deliveries that the log remembers.
const LOG_ENTRIES: usize = 100_000;

/// The first message id; Pub/Sub's have about this many digits.
const FIRST_MESSAGE_ID: u64 = 2_070_443_601_311_540;

/// One delivery of a push notice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeliveryEntry {
    /// Virtual time when the answer came.
    pub at: DateTime<Utc>,
    /// The subscription.
    pub subscription: String,
    /// Pub/Sub's id of the message; the same for every delivery of it.
    pub message_id: String,
    /// The mailbox that changed.
    pub address: String,
    /// The history id in the notice.
    pub history_id: u64,
    /// 1 for the first delivery.
    pub attempt: u32,
    /// How it was forged.
    pub forgery: Option<Forgery>,
    /// The status of the answer; absent where there was none.
    pub status: Option<u16>,
    /// Why there was no answer.
    pub error: Option<String>,
}

/// A message of a topic.
#[derive(Debug)]
pub(crate) struct Notice {
    pub(crate) address: String,
    pub(crate) history: u64,
    pub(crate) message_id: String,
    pub(crate) published_at: DateTime<Utc>,
}

/// One POST that is to be made.
#[derive(Clone, Debug)]
pub(crate) struct Post {
    pub(crate) subscription: Subscription,
    pub(crate) notice: Arc<Notice>,
    pub(crate) forgery: Option<Forgery>,
    pub(crate) attempt: u32,
}

impl Post {
    pub(crate) fn genuine(subscription: &Subscription, notice: &Arc<Notice>) -> Self {
        Self {
            subscription: subscription.clone(),
            notice: Arc::clone(notice),
            forgery: None,
            attempt: 1,
        }
    }

    pub(crate) fn forged(&self, forgery: Forgery) -> Self {
        Self { forgery: Some(forgery), ..self.clone() }
    }
}

/// Posts that are made one after the other.
pub(crate) type Parcel = Vec<Post>;

type Key = (DateTime<Utc>, u64);

#[derive(Debug, Default)]
pub(crate) struct Queue {
    state: Guarded<State>,
    changed: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct State {
    due: BTreeMap<Key, Parcel>,
    /// Parcels that wait to be overtaken, by subscription.
    held: HashMap<String, Key>,
    serial: u64,
    in_flight: usize,
    log: VecDeque<DeliveryEntry>,
}

impl State {
    fn insert(&mut self, at: DateTime<Utc>, parcel: Parcel) -> Key {
        self.serial += 1;
        self.due.insert((at, self.serial), parcel);
        (at, self.serial)
    }
}

impl Queue {
    pub(crate) fn subscribe(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    pub(crate) fn notice(&self, address: &str, history: u64, now: DateTime<Utc>) -> Arc<Notice> {
        let mut state = self.state.write();
        state.serial += 1;
        Arc::new(Notice {
            address: address.to_owned(),
            history,
            message_id: (FIRST_MESSAGE_ID + state.serial).to_string(),
            published_at: now,
        })
    }

    /// Sends a parcel at an instant; what waits to be overtaken by it follows in the same parcel.
    pub(crate) fn push(&self, at: DateTime<Utc>, mut parcel: Parcel) {
        let mut state = self.state.write();
        let held = parcel.first().and_then(|post| state.held.remove(&post.subscription.name));
        let overtaken = held.and_then(|key| state.due.remove(&key));
        parcel.extend(overtaken.into_iter().flatten());
        state.insert(at, parcel);
        drop(state);
        self.changed.send_replace(());
    }

    /// Keeps a post until the next one of its subscription, at most until `at`.
    pub(crate) fn hold(&self, at: DateTime<Utc>, post: Post) {
        let mut state = self.state.write();
        let name = post.subscription.name.clone();
        let key = state.insert(at, vec![post]);
        state.held.insert(name, key);
        drop(state);
        self.changed.send_replace(());
    }

    pub(crate) fn take_due(&self, now: DateTime<Utc>) -> Option<Parcel> {
        let mut state = self.state.write();
        let first = state.due.first_entry().filter(|entry| entry.key().0 <= now)?;
        let parcel = first.remove();
        state.in_flight += 1;
        Some(parcel)
    }

    pub(crate) fn next_due(&self) -> Option<DateTime<Utc>> {
        self.state.read().due.keys().next().map(|(at, _)| *at)
    }

    /// A parcel that was taken has been dealt with.
    pub(crate) fn landed(&self) {
        let mut state = self.state.write();
        state.in_flight = state.in_flight.saturating_sub(1);
        drop(state);
        self.changed.send_replace(());
    }

    pub(crate) fn is_settled(&self, now: DateTime<Utc>) -> bool {
        let state = self.state.read();
        state.in_flight == 0 && state.due.keys().next().is_none_or(|(at, _)| *at > now)
    }

    pub(crate) fn record(&self, entry: DeliveryEntry) {
        let mut state = self.state.write();
        if state.log.len() == LOG_ENTRIES {
            state.log.pop_front();
        }
        state.log.push_back(entry);
    }

    pub(crate) fn log(&self) -> Vec<DeliveryEntry> {
        self.state.read().log.iter().cloned().collect()
    }
}
