//! Everything a history is played on: the clock, the store, the mailboxes, the truth.
use std::sync::{Arc, Mutex};

use besunny_core::{
    address::VirtualAddresses,
    clock::Clock,
    event::Event,
    intake::MailIntake,
    mail::Caps,
    message::Filing,
    repository::{Accounts, DeadJobFilter, Outbox, Store},
    scheduler::{Scheduler, Work},
    tenant::TenantScope,
};
use chrono::{DateTime, TimeDelta, Utc};
use futures::FutureExt;

use super::{
    faults::Faults, filing::Marks, post::Post, trace::Trace, truth::Truth, watches::Watches,
};
use crate::{
    bots::BotStage, clock::ManualClock, memory::MemoryRepository, planted::Planted,
    scripted::ScriptedMail, seed::Seed,
};

/// The domain of all virtual addresses in a simulation.
pub(super) const DOMAIN: &str = "besunny.example";
/// After this time every stream was looked at anew: more than two polls without push.
const SECOND_LOOK: std::time::Duration = std::time::Duration::from_mins(40);
/// A bot can be neither moved nor stopped so long before it joins, as with Attendee.
const FROZEN: TimeDelta = TimeDelta::minutes(5);
/// So many items a page has: small, so that rounds have many pages.
const PAGE: usize = 4;

/// What a history is played on.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) clock: Arc<ManualClock>,
    pub(super) store: Arc<MemoryRepository>,
    /// The store as the engines see it: with a bug, if one is planted.
    pub(super) seen_store: Arc<dyn Store>,
    pub(super) mail: Arc<ScriptedMail>,
    pub(super) faults: Arc<Faults>,
    pub(super) watches: Arc<Watches>,
    pub(super) post: Arc<Post>,
    pub(super) marks: Arc<Marks>,
    /// Where bots join calls.
    pub(super) calls: Arc<BotStage>,
    pub(super) trace: Arc<Trace>,
    pub(super) truth: Truth,
    pub(super) published: Arc<Mutex<Vec<Event>>>,
    pub(super) planted: Option<Planted>,
    pub(super) tenants: Mutex<Vec<TenantScope>>,
    calm_at: Mutex<Option<DateTime<Utc>>>,
    seed: Mutex<Seed>,
}

impl Stage {
    pub(super) fn new(seed: u64, planted: Option<Planted>) -> Self {
        let mut seed = Seed::new(seed);
        let clock = Arc::new(ManualClock::default());
        let trace = Arc::new(Trace::default());
        let faults = Arc::new(Faults::new(seed.fork(), Arc::clone(&clock), Arc::clone(&trace)));
        let store = Arc::new(MemoryRepository::new(Arc::<ManualClock>::clone(&clock)));
        let sound: Arc<dyn Store> = Arc::<MemoryRepository>::clone(&store);
        let seen_store = match planted {
            Some(bug) => bug.in_store(sound),
            None => sound,
        };
        let mail = Arc::new(ScriptedMail::new(Arc::<Faults>::clone(&faults), PAGE));
        let watches = Arc::new(Watches::new(
            seed.fork(),
            Arc::clone(&clock),
            Arc::clone(&faults),
            Arc::clone(&mail),
        ));
        let marks = Arc::new(Marks::new(Arc::clone(&faults), Arc::clone(&mail), planted));
        Self {
            calls: Arc::new(BotStage::new(Arc::clone(&clock), FROZEN)),
            clock,
            store,
            seen_store,
            mail,
            faults,
            post: watches.post(),
            watches,
            marks,
            trace,
            truth: Truth::default(),
            published: Arc::default(),
            planted,
            tenants: Mutex::default(),
            calm_at: Mutex::default(),
            seed: Mutex::new(seed),
        }
    }

    /// Returns a seed that nobody else uses.
    pub(super) fn seed(&self) -> Seed {
        lock(&self.seed).fork()
    }

    /// Stops the faults and remembers when.
    pub(super) fn calm_down(&self) {
        self.faults.calm_down();
        *lock(&self.calm_at) = Some(self.clock.now());
    }

    /// Says whether everything was looked at since the calm and nothing waits.
    pub(super) fn is_drained(&self) -> bool {
        self.unfinished().is_empty()
    }

    /// Says what is not finished; empty when all is.
    pub(super) fn unfinished(&self) -> String {
        let calm_at = *lock(&self.calm_at);
        if now(self.store.next_due(Work::Jobs)).is_some() {
            return "a job waits".to_owned();
        }
        if !now(self.store.unpublished(1)).is_empty() {
            return "an event waits".to_owned();
        }
        for scope in lock(&self.tenants).iter() {
            if let Some(dead) = now(self.store.dead_jobs(scope, &DeadJobFilter::default())).first()
            {
                return format!("job {} was given up", dead.job.id);
            }
            for status in now(self.store.streams(scope)) {
                // A source that can only be listed tells of a removal with its next listing.
                let looked = status.caught_up_at > calm_at.map(|calm| calm + SECOND_LOOK);
                if !looked || !status.track.is_settled() {
                    return format!("stream {} is behind: {status:?}", status.id);
                }
            }
        }
        String::new()
    }

    /// Returns the plan of all mail.
    pub(super) fn intake() -> MailIntake {
        MailIntake {
            addresses: VirtualAddresses::new("ai", [DOMAIN])
                .unwrap_or_else(|_| VirtualAddresses::none()),
            caps: Caps::default(),
            master_filing: Filing::ReadAndLabel("Filed".to_owned()),
            addressed_filing: Filing::Label("Filed".to_owned()),
        }
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Returns the answer of a call on the memory store, which never waits.
///
/// # Panics
/// When it waits or fails, which it does not.
#[expect(clippy::expect_used, reason = "the memory store answers at once")]
pub(super) fn now<T, E: std::fmt::Debug>(call: impl Future<Output = Result<T, E>>) -> T {
    call.now_or_never().expect("an answer at once").expect("an answer")
}
