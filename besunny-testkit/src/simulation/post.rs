//! The post between the provider and us: notices are lost, doubled, late, overtaken and forged.
use std::{
    collections::BTreeMap,
    future::pending,
    sync::{Arc, Mutex},
    time::Duration,
};

use besunny_core::{
    account::Provider,
    clock::Clock,
    push::{About, Delivery, Receiver},
    scheduler::Receipt,
    source::Subject,
};
use chrono::{DateTime, Utc};
use futures::{
    StreamExt,
    channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded},
    future::{Either, select},
};

use super::{
    faults::{Fault, Faults},
    nodes::{CALENDARS, PROVIDER},
    stage::{Stage, lock, now},
};
use crate::{
    bell::{PROOF, Told, proof},
    clock::ManualClock,
    seed::Seed,
};

/// A notice takes so long at most when nothing special happens, in milliseconds.
const DELAY_MS: u64 = 3_000;
/// A delivery that was not taken is tried again after at most so many seconds.
const AGAIN: u64 = 600;

/// A notice on its way.
#[derive(Clone, Debug)]
struct Letter {
    /// Counts up in the order of writing.
    number: u64,
    about: String,
    proof: Option<Vec<u8>>,
    body: Vec<u8>,
}

/// What goes into the bag; nothing is the last thing.
type Posted = Option<(DateTime<Utc>, Letter)>;

/// Carries notices, badly.
#[derive(Debug)]
pub(super) struct Post {
    clock: Arc<ManualClock>,
    faults: Arc<Faults>,
    seed: Mutex<Seed>,
    written: Mutex<u64>,
    bag: UnboundedSender<Posted>,
    carried: Mutex<Option<UnboundedReceiver<Posted>>>,
}

impl Post {
    pub(super) fn new(seed: Seed, clock: Arc<ManualClock>, faults: Arc<Faults>) -> Self {
        let (bag, carried) = unbounded();
        let (seed, carried) = (Mutex::new(seed), Mutex::new(Some(carried)));
        Self { clock, faults, seed, written: Mutex::default(), bag, carried }
    }

    /// Sends a notice, which may be lost, doubled or late.
    pub(super) fn send(&self, told: &Told) {
        let mut seed = lock(&self.seed);
        let (mut times, mut late) = (1, 0);
        match seed.below(10) {
            _ if self.faults.is_calm() => {}
            0..=2 => return self.faults.fire(Fault::NoticeDropped),
            3 => {
                self.faults.fire(Fault::NoticeDoubled);
                times = 3;
            }
            4 => {
                self.faults.fire(Fault::NoticeLate);
                late = 30 + seed.below(3_000);
            }
            _ => {}
        }
        let body = serde_json::to_vec(told).unwrap_or_default();
        let letter = self.letter(&told.subject, Some(proof(&body)), body);
        for _ in 0..times {
            let delay = Duration::from_secs(late) + Duration::from_millis(seed.below(DELAY_MS));
            self.hand_over(delay, letter.clone());
        }
    }

    /// Sends what somebody else wrote: unsigned, wrongly signed, or nonsense under a stolen proof.
    pub(super) fn forge(&self, subject: &Subject) {
        let told = Told { subject: subject.to_string(), position: usize::MAX, ..Told::default() };
        let body = serde_json::to_vec(&told).unwrap_or_default();
        let (proof, body) = match lock(&self.seed).below(3) {
            0 => (None, body),
            1 => (Some(proof(b"another body")), body),
            _ => (Some(proof(b"{\"watch\": 7")), b"{\"watch\": 7".to_vec()),
        };
        let letter = self.letter(subject.as_str(), proof, body);
        self.hand_over(Duration::ZERO, letter);
    }

    /// Says that nobody writes any more.
    pub(super) fn close(&self) {
        drop(self.bag.unbounded_send(None));
    }

    fn letter(&self, about: &str, proof: Option<Vec<u8>>, body: Vec<u8>) -> Letter {
        let mut written = lock(&self.written);
        *written += 1;
        Letter { number: *written, about: about.to_owned(), proof, body }
    }

    fn hand_over(&self, delay: Duration, letter: Letter) {
        drop(self.bag.unbounded_send(Some((self.clock.now() + delay, letter))));
    }

    /// Says whether a delivery fails, and whether it took effect all the same.
    fn fails(&self) -> Option<bool> {
        self.faults.roll(20).then(|| lock(&self.seed).one_in(2))
    }

    fn again(&self) -> Duration {
        Duration::from_secs(1 + lock(&self.seed).below(AGAIN))
    }
}

/// Carries notices until nobody writes any more and all are delivered.
pub(super) async fn run(stage: &Stage) {
    let Some(mut bag) = lock(&stage.post.carried).take() else { return };
    let mut waiting: BTreeMap<(DateTime<Utc>, u64), Letter> = BTreeMap::new();
    let mut newest: BTreeMap<String, u64> = BTreeMap::new();
    let (mut is_open, mut taken) = (true, 0);
    loop {
        let next = waiting.keys().next().map(|(at, _)| *at);
        if next.is_none() && !is_open {
            return;
        }
        let alarm = async {
            match next {
                Some(at) => stage.clock.sleep_until(at).await,
                None => pending().await,
            }
        };
        match select(Box::pin(bag.next()), Box::pin(alarm)).await {
            Either::Left((Some(Some((at, letter))), _)) => {
                taken += 1;
                waiting.insert((at, taken), letter);
            }
            Either::Left((Some(None) | None, _)) => is_open = false,
            Either::Right(((), _)) => {
                let Some((_, letter)) = waiting.pop_first() else { continue };
                let last = newest.entry(letter.about.clone()).or_default();
                if letter.number < *last {
                    stage.faults.fire(Fault::NoticeOvertaken);
                }
                *last = letter.number.max(*last);
                deliver(stage, letter);
            }
        }
    }
}

/// Hands a notice to the receiver of the product; what is not taken comes again.
fn deliver(stage: &Stage, letter: Letter) {
    let proof = letter.proof.as_deref();
    let headers: Vec<(&str, &[u8])> = proof.map(|proof| (PROOF, proof)).into_iter().collect();
    let received_at = stage.clock.now();
    let delivery =
        Delivery { path: "/hooks/scripted", headers: &headers, body: &letter.body, received_at };
    let Ok(notices) = stage.watches.receive(&delivery, &[]) else {
        return stage.faults.fire(Fault::NoticeForged);
    };
    let by_watch = notices.iter().any(|notice| matches!(notice.about, About::Watch(_)));
    let failed = stage.post.fails();
    if failed != Some(false) {
        let is_calendar = stage.truth.lock().is_calendar(&letter.about);
        let provider = Provider::new(if is_calendar { CALENDARS } else { PROVIDER });
        let receipt = Receipt { provider, notices };
        let noted = now(stage.seen_store.note(&receipt));
        if noted.unknown > 0 {
            let fault = if by_watch { Fault::NoticeOrphaned } else { Fault::NoticeForeign };
            stage.faults.fire(fault);
        }
    }
    if failed.is_some() {
        stage.faults.fire(Fault::NoticeRefused);
        stage.post.hand_over(stage.post.again(), letter);
    }
}
