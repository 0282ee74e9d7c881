//! Notices that are to be sent, and the log of those that were.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::forgery::Forgery;
use crate::agenda::{Channel, State as ChannelState};
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

/// One call of a channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallEntry {
    /// Virtual time when the answer came.
    pub at: DateTime<Utc>,
    /// The channel.
    pub channel: String,
    /// How it was forged.
    pub forgery: Option<Forgery>,
    /// `sync`, `exists` or `not_exists`.
    pub state: String,
    /// The number of the message.
    pub number: u64,
    /// 1 for the first attempt.
    pub attempt: u32,
    /// The status of the answer; absent where there was none.
    pub status: Option<u16>,
}

/// One POST that is to be made.
#[derive(Clone, Debug)]
pub(crate) struct Post {
    pub(crate) cargo: Cargo,
    pub(crate) attempt: u32,
    pub(crate) made_at: DateTime<Utc>,
}

/// What a POST carries.
#[derive(Clone, Debug)]
pub(crate) enum Cargo {
    /// A notice of Pub/Sub.
    Notice(NoticePost),
    /// A call of a channel; it has no body.
    Call(Box<CallPost>),
}

#[derive(Clone, Debug)]
pub(crate) struct CallPost {
    pub(crate) channel: Channel,
    pub(crate) state: ChannelState,
    pub(crate) forgery: Option<Forgery>,
}

#[derive(Clone, Debug)]
pub(crate) struct NoticePost {
    pub(crate) subscription: Subscription,
    pub(crate) notice: Arc<Notice>,
    pub(crate) forgery: Option<Forgery>,
}

impl Post {
    pub(crate) fn genuine(subscription: &Subscription, notice: &Arc<Notice>) -> Self {
        let cargo = Cargo::Notice(NoticePost {
            subscription: subscription.clone(),
            notice: Arc::clone(notice),
            forgery: None,
        });
        Self { cargo, attempt: 1, made_at: notice.published_at }
    }

    pub(crate) fn call(channel: Channel, state: ChannelState, now: DateTime<Utc>) -> Self {
        let call = CallPost { channel, state, forgery: None };
        Self { cargo: Cargo::Call(Box::new(call)), attempt: 1, made_at: now }
    }

    /// Of a call its token is all that can be forged: it is another one, or there is none (`AlgNone`).
    pub(crate) fn forged(&self, forgery: Forgery) -> Self {
        let mut post = self.clone();
        match &mut post.cargo {
            Cargo::Notice(notice) => notice.forgery = Some(forgery),
            Cargo::Call(call) => {
                let token = (forgery != Forgery::AlgNone).then(|| format!("{forgery:?}"));
                (call.forgery, call.channel.token) = (Some(forgery), token);
            }
        }
        post
    }

    /// Who gets it: later ones of a lane may overtake earlier ones.
    fn lane(&self) -> &str {
        match &self.cargo {
            Cargo::Notice(notice) => &notice.subscription.name,
            Cargo::Call(call) => &call.channel.id,
        }
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
    calls: VecDeque<CallEntry>,
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
        let held = parcel.first().and_then(|post| state.held.remove(post.lane()));
        let overtaken = held.and_then(|key| state.due.remove(&key));
        parcel.extend(overtaken.into_iter().flatten());
        state.insert(at, parcel);
        drop(state);
        self.changed.send_replace(());
    }

    /// Keeps a post until the next one of its subscription, at most until `at`.
    pub(crate) fn hold(&self, at: DateTime<Utc>, post: Post) {
        let mut state = self.state.write();
        let name = post.lane().to_owned();
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

    pub(crate) fn record_call(&self, entry: CallEntry) {
        let mut state = self.state.write();
        if state.calls.len() == LOG_ENTRIES {
            state.calls.pop_front();
        }
        state.calls.push_back(entry);
    }

    pub(crate) fn calls(&self) -> Vec<CallEntry> {
        self.state.read().calls.iter().cloned().collect()
    }

    pub(crate) fn log(&self) -> Vec<DeliveryEntry> {
        self.state.read().log.iter().cloned().collect()
    }
}
