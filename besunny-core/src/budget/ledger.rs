//! Who has spent what of one quota, and who waits for his turn.
use std::{
    collections::{HashMap, VecDeque},
    task::{Poll, Waker},
};

use chrono::{DateTime, Utc};

use super::{
    paced::Quota,
    window::{Fit, Window},
};
use crate::ids::AccountId;

/// One quota: its windows and its queues.
#[derive(Debug)]
pub(super) struct Ledger {
    quota: Quota,
    project: Window,
    accounts: HashMap<AccountId, Share>,
    /// Accounts that wait, in the order in which they are served.
    turns: VecDeque<AccountId>,
    /// Tickets that were served and not yet taken note of, with their units.
    served: HashMap<Ticket, u64>,
    tickets: u64,
    swept_at: Option<DateTime<Utc>>,
}

/// A place in the queue of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Ticket {
    account: AccountId,
    number: u64,
}

/// What one account has spent, and its queue.
#[derive(Debug, Default)]
struct Share {
    window: Window,
    waiting: VecDeque<Waiter>,
    paused_until: Option<DateTime<Utc>>,
}

#[derive(Debug)]
struct Waiter {
    number: u64,
    units: u64,
    waker: Option<Waker>,
    /// The queue moved in a way that may bring this waiter's time forward.
    nudged: bool,
}

impl Ledger {
    pub(super) fn new(quota: Quota) -> Self {
        Self {
            quota,
            project: Window::default(),
            accounts: HashMap::new(),
            turns: VecDeque::new(),
            served: HashMap::new(),
            tickets: 0,
            swept_at: None,
        }
    }

    pub(super) fn join(&mut self, account: AccountId, units: u32) -> Ticket {
        self.tickets += 1;
        let waiter =
            Waiter { number: self.tickets, units: units.into(), waker: None, nudged: false };
        let share = self.accounts.entry(account).or_default();
        if share.waiting.is_empty() {
            self.turns.push_back(account);
        }
        share.waiting.push_back(waiter);
        Ticket { account, number: self.tickets }
    }

    /// Serves whoever can be served; returns when to look again for `ticket`, `None` once served.
    pub(super) fn settle(&mut self, ticket: Ticket, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let project = self.serve(now);
        if self.served.remove(&ticket).is_some() {
            return None;
        }
        let share = self.accounts.get(&ticket.account);
        let own =
            share.and_then(|share| Some(share.fits(share.waiting.front()?.units, &self.quota)));
        let known = |fit| match fit {
            Fit::At(at) => Some(at),
            Fit::Now | Fit::Later => None,
        };
        let next = own.and_then(known).filter(|at| *at > now).or(known(project));
        Some(next.unwrap_or(now + self.quota.window))
    }

    /// Says whether a waiter should look again, and remembers whom to wake.
    pub(super) fn poll(&mut self, ticket: Ticket, waker: &Waker) -> Poll<()> {
        if self.served.contains_key(&ticket) {
            return Poll::Ready(());
        }
        let Some(waiter) = self.waiter(ticket) else { return Poll::Ready(()) };
        if std::mem::take(&mut waiter.nudged) {
            return Poll::Ready(());
        }
        waiter.waker = Some(waker.clone());
        Poll::Pending
    }

    /// Takes a waiter out of its queue and lets the others look again.
    pub(super) fn leave(&mut self, ticket: Ticket, now: DateTime<Utc>) {
        if let Some(units) = self.served.remove(&ticket) {
            return self.end(ticket.account, units, now);
        }
        if let Some(share) = self.accounts.get_mut(&ticket.account) {
            share.waiting.retain(|waiter| waiter.number != ticket.number);
            if share.waiting.is_empty() {
                self.turns.retain(|account| *account != ticket.account);
            }
        }
        self.serve(now);
        for waiter in self.accounts.values_mut().flat_map(|share| &mut share.waiting) {
            waiter.nudged = true;
            waiter.wake();
        }
    }

    /// A call that units were spent on has ended: from now on it is known when they are free.
    pub(super) fn end(&mut self, account: AccountId, units: u64, now: DateTime<Utc>) {
        self.project.end(now, units);
        if let Some(share) = self.accounts.get_mut(&account) {
            share.window.end(now, units);
        }
        // The next in turn may wait for the project.
        for account in [Some(account), self.turns.front().copied()].into_iter().flatten() {
            let share = self.accounts.get_mut(&account);
            if let Some(head) = share.and_then(|share| share.waiting.front_mut()) {
                head.nudged = true;
                head.wake();
            }
        }
    }

    pub(super) fn pause(&mut self, account: AccountId, until: DateTime<Utc>) {
        let share = self.accounts.entry(account).or_default();
        share.paused_until = share.paused_until.max(Some(until));
    }

    /// Serves in turn; returns when the project has room for whom it has none now, if there is one.
    ///
    /// An account whose own share is used up keeps its place and is passed over. One that only the
    /// project holds up is never passed over, so nobody starves.
    fn serve(&mut self, now: DateTime<Utc>) -> Fit {
        let Quota { window, guard, .. } = self.quota;
        self.project.slide(now, window + guard);
        self.sweep(now);
        let mut place = 0;
        while let Some(account) = self.turns.get(place).copied() {
            let Some(share) = self.accounts.get_mut(&account) else {
                self.turns.remove(place);
                continue;
            };
            share.window.slide(now, window + guard);
            let Some(head) = share.waiting.front() else {
                self.turns.remove(place);
                continue;
            };
            let units = head.units;
            if share.fits(units, &self.quota) > Fit::At(now) {
                place += 1;
                continue;
            }
            let limit = self.quota.project_units.into();
            let fit = self.project.fits(units, limit, window + guard);
            if fit != Fit::Now {
                return fit;
            }
            share.window.begin(units);
            self.project.begin(units);
            if let Some(mut waiter) = share.waiting.pop_front() {
                self.served.insert(Ticket { account, number: waiter.number }, units);
                waiter.wake();
            }
            self.turns.remove(place);
            if !share.waiting.is_empty() {
                self.turns.push_back(account);
            }
        }
        Fit::Now
    }

    /// Forgets accounts that have nothing left to remember, once a window at most.
    fn sweep(&mut self, now: DateTime<Utc>) {
        let Quota { window, guard, .. } = self.quota;
        if self.swept_at.is_some_and(|at| at + window > now) {
            return;
        }
        self.swept_at = Some(now);
        self.accounts.retain(|_, share| {
            share.window.slide(now, window + guard);
            !share.window.is_empty()
                || !share.waiting.is_empty()
                || share.paused_until.is_some_and(|until| until > now)
        });
    }

    fn waiter(&mut self, ticket: Ticket) -> Option<&mut Waiter> {
        let share = self.accounts.get_mut(&ticket.account)?;
        share.waiting.iter_mut().find(|waiter| waiter.number == ticket.number)
    }
}

impl Share {
    /// Returns when the account may spend `units`.
    fn fits(&self, units: u64, quota: &Quota) -> Fit {
        let span = quota.window + quota.guard;
        let paused = self.paused_until.map_or(Fit::Now, Fit::At);
        self.window.fits(units, quota.account_units.into(), span).max(paused)
    }
}

impl Waiter {
    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}
