//! The pacing budget: never over a limit, hardly under it, nobody starves.
use std::{cell::RefCell, collections::VecDeque, rc::Rc, sync::Arc, time::Duration};

use besunny_core::{
    budget::{Budget, GUARD, Paced, Quota, Spend},
    clock::Clock,
    ids::AccountId,
};
use besunny_testkit::clock::ManualClock;
use chrono::{DateTime, Utc};
use futures::{
    executor::LocalPool,
    future::{AbortHandle, Abortable, FutureExt},
    task::LocalSpawnExt,
};
use proptest::prelude::*;

const MINUTE: Duration = Duration::from_mins(1);

/// Who spent how much, and when.
type Spendings = Vec<(DateTime<Utc>, u8, u32)>;

/// A budget of one quota on a clock that jumps from alarm to alarm.
struct Scene {
    clock: Arc<ManualClock>,
    budget: Rc<Paced>,
    pool: LocalPool,
    spent: Rc<RefCell<Spendings>>,
}

impl Scene {
    fn new(account_units: u32, project_units: u32) -> Self {
        let clock = Arc::new(ManualClock::default());
        let quota =
            Quota { name: "mail", account_units, project_units, window: MINUTE, guard: GUARD };
        let budget = Rc::new(Paced::new(Arc::<ManualClock>::clone(&clock), [quota]));
        Self { clock, budget, pool: LocalPool::new(), spent: Rc::default() }
    }

    /// Lets `account` ask for each price in turn; what is aborted gives up its place.
    fn asks(&self, account: u8, prices: impl IntoIterator<Item = u32> + 'static) -> AbortHandle {
        let (clock, budget) = (Arc::clone(&self.clock), Rc::clone(&self.budget));
        let spent = Rc::clone(&self.spent);
        let work = async move {
            for units in prices {
                drop(budget.spend(spend(account, units)).await);
                spent.borrow_mut().push((clock.now(), account, units));
            }
        };
        let (abort, registration) = AbortHandle::new_pair();
        let work = Abortable::new(work, registration);
        self.pool.spawner().spawn_local(work.map(|_| ())).unwrap();
        abort
    }

    /// Lets `account` call for ever; each call lasts so long.
    fn calls(&self, account: u8, units: u32, lasting: Duration) {
        let (clock, budget) = (Arc::clone(&self.clock), Rc::clone(&self.budget));
        let spent = Rc::clone(&self.spent);
        let work = async move {
            loop {
                let call = budget.spend(spend(account, units)).await;
                clock.sleep_until(clock.now() + lasting).await;
                // The provider counts at some time on the way; the end is the worst.
                spent.borrow_mut().push((clock.now(), account, units));
                drop(call);
            }
        };
        self.pool.spawner().spawn_local(work).unwrap();
    }

    fn run_until_stalled(&mut self) {
        self.pool.run_until_stalled();
    }

    fn run_for(&mut self, time: Duration) {
        let end = self.clock.now() + time;
        self.run_until_stalled();
        while let Some(next) = self.clock.next_alarm().filter(|next| *next <= end) {
            self.clock.move_to(next);
            self.run_until_stalled();
        }
        self.clock.move_to(end);
        self.run_until_stalled();
    }

    fn units(&self, wanted: impl Fn(u8) -> bool) -> u64 {
        let spent = self.spent.borrow();
        spent
            .iter()
            .filter(|(_, account, _)| wanted(*account))
            .map(|(.., units)| u64::from(*units))
            .sum()
    }
}

fn spend(account: u8, units: u32) -> Spend {
    Spend { account: AccountId::derived(&[&[account]]), quota: "mail", units }
}

/// The most that was spent in any stretch of `span`, by whom `wanted` names.
fn busiest(spent: &Spendings, span: Duration, wanted: impl Fn(u8) -> bool) -> u64 {
    let (mut inside, mut sum, mut most) = (VecDeque::new(), 0, 0);
    for (at, _, units) in spent.iter().filter(|(_, account, _)| wanted(*account)) {
        inside.push_back((*at, u64::from(*units)));
        sum += u64::from(*units);
        while let Some((first, units)) = inside.front().copied()
            && first + span <= *at
        {
            sum -= units;
            inside.pop_front();
        }
        most = most.max(sum);
    }
    most
}

#[test]
fn a_full_window_opens_when_the_first_spending_leaves_it() {
    let mut scene = Scene::new(100, 1_000);
    scene.asks(1, [60, 40, 1]);
    scene.run_for(MINUTE);
    assert_eq!(scene.units(|_| true), 100);
    scene.run_for(GUARD);
    assert_eq!(scene.units(|_| true), 101);
}

#[test]
fn throughput_is_at_least_98_percent_of_the_limit() {
    let minutes = 30;
    for price in [1, 2, 5, 20, 100] {
        let mut scene = Scene::new(6_000, 1_200_000);
        for _ in 0..8 {
            scene.asks(1, std::iter::repeat(price));
        }
        scene.run_for(MINUTE * minutes);
        let spent = scene.units(|_| true);
        assert!(spent * 100 >= u64::from(6_000 * minutes) * 98, "{spent} units at {price} each");
        assert!(busiest(&scene.spent.borrow(), MINUTE, |_| true) <= 6_000);
    }
}

#[test]
fn accounts_that_wait_for_the_project_are_served_in_turn() {
    let mut scene = Scene::new(6_000, 100);
    scene.asks(9, [15]);
    scene.run_for(Duration::from_secs(30));
    scene.asks(9, [85]);
    for account in [1, 2, 3] {
        for _ in 0..if account == 1 { 50 } else { 5 } {
            scene.asks(account, [1]);
        }
    }
    // Of the first 15 units that are free again, everybody gets a third.
    scene.run_for(Duration::from_secs(31));
    let shares = [1, 2, 3].map(|account| scene.units(|one| one == account));
    assert_eq!(shares, [5, 5, 5]);
}

#[test]
fn accounts_with_like_demands_get_like_shares() {
    let mut scene = Scene::new(6_000, 9_000);
    for account in 0..3 {
        (0..8).for_each(|_| scene.calls(account, 20, Duration::from_millis(90)));
    }
    scene.run_for(MINUTE * 20);
    let shares: Vec<u64> = (0..3).map(|account| scene.units(|one| one == account)).collect();
    let (least, most) = (shares.iter().min().unwrap(), shares.iter().max().unwrap());
    assert!(most - least <= most / 20, "{shares:?}");
    assert!(busiest(&scene.spent.borrow(), MINUTE, |_| true) <= 9_000);
}

#[test]
fn a_dear_call_is_not_passed_over_for_ever() {
    let mut scene = Scene::new(1_000, 100);
    for account in 0..4 {
        scene.asks(account, std::iter::repeat(1));
    }
    scene.run_for(MINUTE);
    scene.asks(9, [100]);
    scene.run_for(MINUTE * 2);
    assert_eq!(scene.units(|account| account == 9), 100);
}

#[test]
fn a_price_above_the_limit_is_paid_alone() {
    let mut scene = Scene::new(10, 10);
    scene.asks(1, [5, 100, 5]);
    scene.run_for(MINUTE * 4);
    assert_eq!(scene.units(|_| true), 110);
}

#[test]
fn a_call_counts_until_a_window_after_its_end_however_slow_its_way() {
    let mut scene = Scene::new(100, 1_000);
    // Calls that take from nothing to longer than a window.
    for lasting in [0, 1, 7, 20, 59, 61, 150] {
        scene.calls(1, 20, Duration::from_secs(lasting) + Duration::from_millis(lasting));
    }
    scene.run_for(MINUTE * 30);
    let spent = scene.spent.borrow();
    assert!(busiest(&spent, MINUTE, |_| true) <= 100);
    assert!(spent.len() > 100, "{} calls in half an hour", spent.len());
}

#[test]
fn who_leaves_after_being_served_gives_the_units_back() {
    let mut scene = Scene::new(100, 100);
    scene.asks(1, [100]);
    scene.run_until_stalled();
    let left = scene.asks(1, [100]);
    scene.run_until_stalled();
    let end = MINUTE + GUARD;
    scene.clock.move_to(scene.clock.now() + end);
    // Who asks serves all who can be served: the one that waits, which leaves before it notices.
    assert!(scene.budget.spend(spend(2, 100)).now_or_never().is_none());
    left.abort();
    scene.asks(2, [100]);
    scene.run_for(end);
    assert_eq!(scene.units(|one| one == 2), 100);
}

#[test]
fn who_leaves_the_queue_gives_his_turn_on() {
    let mut scene = Scene::new(100, 100);
    scene.asks(1, [90]);
    scene.run_until_stalled();
    let dear = scene.asks(1, [100]);
    scene.asks(1, [10]);
    scene.asks(2, [10]);
    scene.run_until_stalled();
    assert_eq!(scene.units(|_| true), 100, "the other account is served, its own queue waits");
    dear.abort();
    scene.run_until_stalled();
    scene.run_for(MINUTE + GUARD);
    assert_eq!(scene.units(|_| true), 110);
}

#[test]
fn a_refused_account_pauses_and_others_go_on() {
    let mut scene = Scene::new(100, 1_000);
    scene.budget.refused(spend(1, 20), Duration::from_secs(17));
    scene.asks(1, [20]);
    scene.asks(2, [20]);
    scene.run_for(Duration::from_secs(16));
    assert_eq!((scene.units(|one| one == 1), scene.units(|one| one == 2)), (0, 20));
    scene.run_for(Duration::from_secs(1));
    assert_eq!(scene.units(|one| one == 1), 20);
}

#[test]
fn an_unknown_quota_is_not_metered() {
    let mut scene = Scene::new(1, 1);
    let (budget, spent) = (Rc::clone(&scene.budget), Rc::new(RefCell::new(0)));
    let count = Rc::clone(&spent);
    let work = async move {
        for _ in 0..10 {
            drop(budget.spend(Spend { quota: "other", ..spend(1, 100) }).await);
            *count.borrow_mut() += 1;
        }
    };
    scene.pool.spawner().spawn_local(work).unwrap();
    scene.run_until_stalled();
    assert_eq!(*spent.borrow(), 10);
}

/// An asker: its account, its prices, when it begins, and whether it gives up and when.
type Asker = (u8, Vec<u32>, u64, Option<u64>);

fn askers() -> impl Strategy<Value = Vec<Asker>> {
    let price = prop_oneof![Just(1_u32), Just(2), Just(5), Just(20), Just(100), 1..=100_u32];
    let prices = prop::collection::vec(price, 1..30);
    let asker = (0..4_u8, prices, 0..120_u64, prop::option::of(0..200_u64));
    prop::collection::vec(asker, 1..12)
}

proptest! {
    #[test]
    fn no_window_holds_more_than_its_limit_and_everybody_is_served(
        askers in askers(),
        account_units in 100..400_u32,
        project_units in 100..600_u32,
        pauses in prop::collection::vec((0..4_u8, 0..200_u64, 1..90_u64), 0..4),
    ) {
        let mut scene = Scene::new(account_units, project_units);
        let mut wanted = 0;
        let mut running = Vec::new();
        for second in 0..200 {
            for (account, prices, from, until) in &askers {
                if *from == second {
                    running.push((scene.asks(*account, prices.clone()), *until));
                    let stays = until.is_none_or(|until| until < second);
                    wanted += if stays { prices.len() } else { 0 };
                }
            }
            running.iter().filter(|(_, until)| *until == Some(second)).for_each(|(asker, _)| asker.abort());
            for (account, at, pause) in &pauses {
                if *at == second {
                    scene.budget.refused(spend(*account, 1), Duration::from_secs(*pause));
                }
            }
            scene.run_for(Duration::from_secs(1));
        }
        scene.run_for(MINUTE * 200);
        let spent = scene.spent.borrow();
        prop_assert!(spent.len() >= wanted, "{} of {wanted} calls were let through", spent.len());
        // A call may be counted up to the guard later than it was paid for.
        for span in [MINUTE, MINUTE + GUARD] {
            prop_assert!(busiest(&spent, span, |_| true) <= u64::from(project_units));
            for account in 0..4 {
                prop_assert!(busiest(&spent, span, |one| one == account) <= u64::from(account_units));
            }
        }
    }

    #[test]
    fn an_account_is_served_in_the_order_of_asking(prices in prop::collection::vec(1..50_u32, 1..60)) {
        let mut scene = Scene::new(100, 1_000);
        for price in prices.clone() {
            scene.asks(1, [price]);
        }
        scene.run_for(MINUTE * 100);
        let served: Vec<u32> = scene.spent.borrow().iter().map(|(.., units)| *units).collect();
        prop_assert_eq!(served, prices);
    }
}
