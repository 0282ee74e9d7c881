//! A budget that keeps exactly to the provider's sliding window.
//!
//! A token bucket would refill too early: a provider that looks at the last minute refuses what a
//! bucket of the same size lets through after a burst. So the window itself is kept, with every
//! spending in it. Nothing runs in the background; whoever waits serves all who can be served.
use std::{
    collections::HashMap,
    future::poll_fn,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use futures::future;

use super::{
    Budget, Spend, Spent,
    ledger::{Ledger, Ticket},
};
use crate::clock::Clock;

/// Added to a window by default, since no two clocks have seconds of the same length.
///
/// A quarter of a second in a minute is more than clocks that somebody sets differ by. What a call takes
/// on its way needs no guard: it is spent from its beginning on, and free a window after its end.
pub const GUARD: Duration = Duration::from_millis(250);

/// A provider's quota: so many units in any stretch of time of this length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Its name, as in [`Spend::quota`].
    pub name: &'static str,
    /// What one account may spend in a window.
    pub account_units: u32,
    /// What all accounts together may spend in a window.
    pub project_units: u32,
    /// The length of the window.
    pub window: Duration,
    /// How much longer a spending is remembered; see [`GUARD`].
    pub guard: Duration,
}

/// Keeps to quotas: exact windows, first come first served in an account, accounts in turn.
///
/// Spendings of a quota it does not know are let through. A price above a limit is let through
/// alone, in an empty window.
#[derive(Debug)]
pub struct Paced {
    clock: Arc<dyn Clock>,
    quotas: HashMap<&'static str, Arc<Mutex<Ledger>>>,
}

impl Paced {
    /// Keeps to `quotas`.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, quotas: impl IntoIterator<Item = Quota>) -> Self {
        let ledger = |quota: Quota| (quota.name, Arc::new(Mutex::new(Ledger::new(quota))));
        Self { clock, quotas: quotas.into_iter().map(ledger).collect() }
    }
}

#[async_trait]
impl Budget for Paced {
    async fn spend(&self, spend: Spend) -> Spent {
        let Some(ledger) = self.quotas.get(spend.quota) else { return Spent::UNCOUNTED };
        let ticket = lock(ledger).join(spend.account, spend.units);
        let turn = Turn { ledger, clock: &*self.clock, ticket };
        loop {
            let next = lock(ledger).settle(ticket, self.clock.now());
            let Some(next) = next else {
                turn.served();
                break;
            };
            let moved = poll_fn(|context| lock(ledger).poll(ticket, context.waker()));
            future::select(pin!(moved), self.clock.sleep_until(next)).await;
        }
        let (ledger, clock) = (Arc::clone(ledger), Arc::clone(&self.clock));
        Spent::until(move || lock(&ledger).end(spend.account, spend.units.into(), clock.now()))
    }

    fn refused(&self, spend: Spend, pause: Duration) {
        if let Some(ledger) = self.quotas.get(spend.quota) {
            lock(ledger).pause(spend.account, self.clock.now() + pause);
        }
    }
}

/// A place in the queue, given on when it is dropped.
struct Turn<'a> {
    ledger: &'a Mutex<Ledger>,
    clock: &'a dyn Clock,
    ticket: Ticket,
}

impl Turn<'_> {
    /// Ends the wait of one who was served: there is nothing to give on.
    fn served(self) {
        std::mem::forget(self);
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        lock(self.ledger).leave(self.ticket, self.clock.now());
    }
}

fn lock(ledger: &Mutex<Ledger>) -> MutexGuard<'_, Ledger> {
    ledger.lock().unwrap_or_else(PoisonError::into_inner)
}
