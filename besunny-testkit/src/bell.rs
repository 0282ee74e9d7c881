//! A provider that calls back, in memory, with a secret that it shares with the receiver.
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use besunny_core::{
    clock::Clock,
    ids::WatchId,
    push::{About, Delivery, Notice, PublicKey, Push, Receiver, Rejected, Watch, WatchRequest},
    source::{SourceError, SourceErrorKind, StreamRef, Subject},
};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{clock::ManualClock, conformance::push::Call};

/// What the provider and our receiver share, so that others cannot write in its name.
const SECRET: &[u8] = b"known to the provider and to us";
/// The header that proves who wrote.
pub(crate) const PROOF: &str = "X-Proof";
/// A watch lasts so long at most, like Gmail's.
const LIFE: TimeDelta = TimeDelta::days(7);

/// What a notice says; only whom it is about may be believed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Told {
    pub(crate) subject: String,
    pub(crate) watch: Option<WatchId>,
    pub(crate) dedup: Option<String>,
    /// Where the provider says its log ends.
    pub(crate) position: usize,
}

/// How a watch is kept alive, and what its calls name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// The same call lengthens it; calls name the account. Like Gmail.
    Lengthened,
    /// Another one takes its place; calls name the watch. Like Calendar.
    Replaced,
}

/// A provider that calls back, and the receiver of its calls.
#[derive(Debug)]
pub struct Bell {
    clock: Arc<ManualClock>,
    manner: Manner,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    registered: BTreeMap<Subject, BTreeMap<WatchId, DateTime<Utc>>>,
    rung: u64,
    fails: bool,
}

impl Bell {
    /// Makes a provider without watches.
    #[must_use]
    pub fn new(clock: Arc<ManualClock>, manner: Manner) -> Self {
        Self { clock, manner, state: Mutex::default() }
    }

    /// Lets the next call to the provider end as unavailable.
    pub fn fail_next(&self) {
        self.state().fails = true;
    }

    /// Tells everybody who watches `subject` that it changed; returns the calls.
    pub fn ring(&self, subject: &Subject) -> Vec<Call> {
        let now = self.clock.now();
        let mut state = self.state();
        state.rung += 1;
        let position = usize::try_from(state.rung).unwrap_or(usize::MAX);
        let dedup = Some(format!("n{position}"));
        let live = state.registered.get(subject).into_iter().flatten();
        let live = live.filter(|(_, until)| now < **until);
        let told = live.map(|(id, _)| Told {
            subject: subject.to_string(),
            watch: (self.manner == Manner::Replaced).then_some(*id),
            dedup: dedup.clone(),
            position,
        });
        told.map(|told| signed(serde_json::to_vec(&told).unwrap_or_default(), now)).collect()
    }

    fn register(
        &self,
        operation: &'static str,
        subject: &Subject,
        id: WatchId,
        until: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, SourceError> {
        let mut state = self.pass(operation)?;
        let registered = state.registered.entry(subject.clone()).or_default();
        if self.manner == Manner::Lengthened {
            registered.clear();
        }
        registered.insert(id, until);
        Ok(Some(until))
    }

    /// Lets a call pass, or fails before it does anything.
    fn pass(&self, operation: &'static str) -> Result<MutexGuard<'_, State>, SourceError> {
        let mut state = self.state();
        if std::mem::take(&mut state.fails) {
            return Err(SourceError::new(SourceErrorKind::Unavailable, operation));
        }
        Ok(state)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Push for Bell {
    async fn start_watch(
        &self,
        request: &WatchRequest,
        now: DateTime<Utc>,
    ) -> Result<Watch, SourceError> {
        let subject = &request.stream.subject;
        let until = request.until.min(self.clock.now() + LIFE);
        let until = self.register("bell.start", subject, request.id, until)?;
        let handle = Some(subject.to_string());
        Ok(Watch { id: request.id, handle, since: now, until, trouble: None })
    }

    async fn renew(
        &self,
        stream: &StreamRef,
        watch: &Watch,
        now: DateTime<Utc>,
    ) -> Result<Option<Watch>, SourceError> {
        if self.manner == Manner::Replaced {
            return Ok(None);
        }
        let until = self.clock.now() + LIFE;
        let until = self.register("bell.renew", &stream.subject, watch.id, until)?;
        Ok(Some(Watch { since: now, until, ..watch.clone() }))
    }

    async fn stop_watch(&self, stream: &StreamRef, watch: &Watch) -> Result<(), SourceError> {
        let mut state = self.pass("bell.stop")?;
        if let Some(registered) = state.registered.get_mut(&stream.subject) {
            registered.remove(&watch.id);
        }
        Ok(())
    }
}

impl Receiver for Bell {
    fn receive(&self, delivery: &Delivery<'_>, _: &[PublicKey]) -> Result<Vec<Notice>, Rejected> {
        read(delivery).map(|(notice, _)| vec![notice])
    }
}

/// Makes a call with `body`, as only the provider can.
#[must_use]
pub fn signed(body: Vec<u8>, received_at: DateTime<Utc>) -> Call {
    let headers = vec![(PROOF.to_owned(), proof(&body))];
    Call { path: "/hooks/bell".to_owned(), headers, body, received_at }
}

/// Checks who wrote, then reads whom a notice is about.
pub(crate) fn read(delivery: &Delivery<'_>) -> Result<(Notice, Told), Rejected> {
    let header = delivery.headers.iter().find(|(name, _)| *name == PROOF);
    let (_, shown) = header.ok_or(Rejected::Unsigned)?;
    if **shown != *proof(delivery.body) {
        return Err(Rejected::BadSignature);
    }
    let told: Told = serde_json::from_slice(delivery.body).ok().ok_or(Rejected::Unreadable)?;
    let about = told
        .watch
        .map_or_else(|| About::Subject(Subject::from_source(told.subject.clone())), About::Watch);
    Ok((Notice { about, dedup: told.dedup.clone() }, told))
}

pub(crate) fn proof(body: &[u8]) -> Vec<u8> {
    Sha256::new().chain_update(SECRET).chain_update(body).finalize().to_vec()
}
