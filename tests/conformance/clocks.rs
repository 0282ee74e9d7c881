//! The machine's clock and ids, and those of tests.
use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use besunny::{SystemClock, SystemIds};
use besunny_core::clock::{Clock, Ids};
use besunny_testkit::{
    clock::{CountingIds, ManualClock},
    conformance::clock::{ClockWorld, World, cases, id_cases},
};
use libtest_mimic::Trial;

pub(crate) fn trials() -> Vec<Trial> {
    let groups = [
        super::trials(
            "system",
            cases(),
            |_| None,
            || Box::pin(async { Arc::new(System(Arc::default())) as World }),
        ),
        super::trials("manual", cases(), |_| None, || Box::pin(async { Manual::fresh() })),
        super::trials(
            "system",
            id_cases(),
            |_| None,
            || Box::pin(async { Arc::new(SystemIds) as Arc<dyn Ids> }),
        ),
        super::trials(
            "counting",
            id_cases(),
            |_| None,
            || Box::pin(async { Arc::new(CountingIds::default()) as Arc<dyn Ids> }),
        ),
    ];
    groups.into_iter().flatten().collect()
}

/// The machine's clock; its time passes by itself.
#[derive(Debug)]
struct System(Arc<SystemClock>);

#[async_trait]
impl ClockWorld for System {
    fn clock(&self) -> Arc<dyn Clock> {
        Arc::<SystemClock>::clone(&self.0)
    }

    async fn pass(&self, _: Duration) {
        tokio::task::yield_now().await;
    }
}

/// A clock that is moved by hand.
#[derive(Debug)]
pub(crate) struct Manual(Arc<ManualClock>);

impl Manual {
    pub(crate) fn fresh() -> World {
        Arc::new(Self(Arc::default()))
    }
}

#[async_trait]
impl ClockWorld for Manual {
    fn clock(&self) -> Arc<dyn Clock> {
        Arc::<ManualClock>::clone(&self.0)
    }

    async fn pass(&self, by: Duration) {
        self.0.advance(by);
        self.0.move_to(self.0.now() - Duration::from_hours(1));
    }
}
