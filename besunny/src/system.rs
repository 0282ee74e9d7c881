//! The real clock and real ids; the only place where both are read.
use std::sync::Mutex;

use async_trait::async_trait;
use besunny_core::clock::{Clock, Ids};
use chrono::{DateTime, Utc};
use uuid::Uuid;

/// The machine's clock, which never goes backwards here.
#[derive(Debug, Default)]
pub struct SystemClock {
    latest: Mutex<DateTime<Utc>>,
}

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        #[expect(clippy::disallowed_methods, reason = "this is the clock that others take")]
        let now = Utc::now();
        let mut latest = self.latest.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *latest = (*latest).max(now);
        *latest
    }

    async fn sleep_until(&self, at: DateTime<Utc>) {
        while let Ok(wait) = (at - self.now()).to_std()
            && !wait.is_zero()
        {
            #[expect(clippy::disallowed_methods, reason = "this is the clock that others take")]
            tokio::time::sleep(wait).await;
        }
    }
}

/// Ids that sort by the time they were made (UUIDv7).
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemIds;

impl Ids for SystemIds {
    #[expect(clippy::disallowed_methods, reason = "these are the ids that others take")]
    fn next(&self) -> Uuid {
        Uuid::now_v7()
    }
}
