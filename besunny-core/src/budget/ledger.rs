//! Who has spent what of one quota, and who waits for his turn.
use std::{
    collections::{HashMap, VecDeque},
    task::{Poll, Waker},
};

use chrono::{DateTime, Utc};

use super::{paced::Quota, window::Window};
use crate::ids::AccountId;

/// One quota: its windows and its queues.
#[derive(Debug)]
pub(super) struct Ledger {
    quota: Quota,
    project: Window,
    accounts: HashMap<AccountId, Share>,
    /// Accounts that wait, in the order in which they are served.
    turns: VecDeque<AccountId>,
    /// Tickets that were served and not yet taken note of, each for how many calls.
    served: HashMap<Ticket, u32>,
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

/// What comes of a look at the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// So many calls are paid for.
    Served(u32),
    /// When to look again.
    At(DateTime<Utc>),
}

#[derive(Debug)]
struct Waiter {
    number: u64,
    /// The price of a call.
    units: u64,
    /// For how many calls at most.
    most: u32,
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

    pub(super) fn join(&mut self, account: AccountId, units: u32, most: u32) -> Ticket {
        self.tickets += 1;
        let (number, units) = (self.tickets, units.into());
        let waiter = Waiter { number, units, most, waker: None, nudged: false };
        let share = self.accounts.entry(account).or_default();
        if share.waiting.is_empty() {
            self.turns.push_back(account);
        }
        share.waiting.push_back(waiter);
        Ticket { account, number: self.tickets }
    }

    /// Serves whoever can be served; tells what became of `ticket`.
    pub(super) fn settle(&mut self, ticket: Ticket, now: DateTime<Utc>) -> Look {
        let project_at = self.serve(now);
        if let Some(count) = self.served.remove(&ticket) {
            return Look::Served(count);
        }
        let share = self.accounts.get(&ticket.account);
        let own = share.and_then(|share| share.fits_at(share.waiting.front()?.units, &self.quota));
        let next = own.filter(|at| *at > now).or(project_at);
        Look::At(next.unwrap_or(now + self.quota.window))
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
        if self.served.remove(&ticket).is_some() {
            return;
        }
        if let Some(share) = self.accounts.get_mut(&ticket.account) {
            share.waiting.retain(|waiter| waiter.number != ticket.number);
        }
        self.serve(now);
        for waiter in self.accounts.values_mut().flat_map(|share| &mut share.waiting) {
            waiter.nudged = true;
            waiter.wake();
        }
    }

    pub(super) fn pause(&mut self, account: AccountId, until: DateTime<Utc>) {
        let share = self.accounts.entry(account).or_default();
        share.paused_until = share.paused_until.max(Some(until));
    }

    /// Serves in turn; returns when the project has room for whom it has none now.
    ///
    /// An account whose own share is used up keeps its place and is passed over. One that only the
    /// project holds up is never passed over, so nobody starves.
    fn serve(&mut self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
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
            let (units, most) = (head.units, head.most);
            if share.fits_at(units, &self.quota).is_some_and(|at| at > now) {
                place += 1;
                continue;
            }
            let limit = self.quota.project_units.into();
            if let Some(at) = self.project.fits_at(units, limit, window + guard) {
                return Some(at);
            }
            let room = share.window.room(self.quota.account_units.into());
            let room = room.min(self.project.room(limit));
            let fitting = room.checked_div(units).map_or(most, saturated);
            let count = fitting.clamp(1, most.max(1));
            share.window.spend(now, units * u64::from(count));
            self.project.spend(now, units * u64::from(count));
            if let Some(mut waiter) = share.waiting.pop_front() {
                self.served.insert(Ticket { account, number: waiter.number }, count);
                waiter.wake();
            }
            self.turns.remove(place);
            if !share.waiting.is_empty() {
                self.turns.push_back(account);
            }
        }
        None
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

fn saturated(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

impl Share {
    /// Returns when the account may spend `units`; `None` says now.
    fn fits_at(&self, units: u64, quota: &Quota) -> Option<DateTime<Utc>> {
        let span = quota.window + quota.guard;
        self.window.fits_at(units, quota.account_units.into(), span).max(self.paused_until)
    }
}

impl Waiter {
    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}
