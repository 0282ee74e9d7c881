//! The budget that keeps to sliding windows.
use std::{sync::Arc, time::Duration};

use besunny_core::budget::{Budget, GUARD, Paced, Quota};
use besunny_testkit::{
    clock::ManualClock,
    conformance::budget::{BudgetWorld, World, cases},
};
use libtest_mimic::Trial;

pub(crate) fn trials() -> Vec<Trial> {
    super::trials("paced", cases(), |_| None, || Box::pin(async { PacedWorld::fresh() }))
}

#[derive(Debug)]
pub(crate) struct PacedWorld {
    clock: Arc<ManualClock>,
    budget: Arc<Paced>,
}

const QUOTA: Quota = Quota {
    name: "suite",
    account_units: 4,
    project_units: 12,
    window: Duration::from_mins(1),
    guard: GUARD,
};

impl PacedWorld {
    pub(crate) fn fresh() -> World {
        let clock = Arc::new(ManualClock::default());
        let budget = Arc::new(Paced::new(Arc::<ManualClock>::clone(&clock), [QUOTA]));
        Arc::new(Self { clock, budget })
    }
}

impl BudgetWorld for PacedWorld {
    fn budget(&self) -> Arc<dyn Budget> {
        Arc::<Paced>::clone(&self.budget)
    }

    fn quota(&self) -> Quota {
        QUOTA
    }

    fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }
}
