//! Leaves a model alone that keeps failing, until a probe succeeds.
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

/// Counts failures in a row.
#[derive(Debug)]
pub(super) struct Breaker {
    after: u32,
    rest: Duration,
    failures: u32,
    /// When the next probe may be made.
    probe_at: Option<DateTime<Utc>>,
}

/// The model is left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Resting {
    pub(super) failures: u32,
    /// Until the next probe may be made.
    pub(super) wait: Duration,
}

impl Breaker {
    pub(super) const fn new(after: u32, rest: Duration) -> Self {
        Self { after, rest, failures: 0, probe_at: None }
    }

    /// Lets an ask through, or says how often the model failed and how long it rests.
    ///
    /// A probe that never ends holds up the next one only for as long as a rest.
    pub(super) fn admit(&mut self, now: DateTime<Utc>) -> Result<(), Resting> {
        let Some(probe_at) = self.probe_at.filter(|_| self.failures >= self.after) else {
            return Ok(());
        };
        if now < probe_at {
            let wait = (probe_at - now).to_std().unwrap_or_default();
            return Err(Resting { failures: self.failures, wait });
        }
        self.probe_at = Some(later(now, self.rest));
        Ok(())
    }

    pub(super) fn succeeded(&mut self) {
        self.failures = 0;
        self.probe_at = None;
    }

    pub(super) fn failed(&mut self, now: DateTime<Utc>, asked: Option<Duration>) {
        self.failures = self.failures.saturating_add(1);
        self.probe_at = Some(later(now, asked.unwrap_or_default().max(self.rest)));
    }
}

fn later(now: DateTime<Utc>, by: Duration) -> DateTime<Utc> {
    TimeDelta::from_std(by)
        .ok()
        .and_then(|by| now.checked_add_signed(by))
        .unwrap_or(DateTime::<Utc>::MAX_UTC)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    #[test]
    fn f22_a_model_that_keeps_failing_is_left_alone_until_a_probe_succeeds() {
        let resting =
            |failures, seconds| Err(Resting { failures, wait: Duration::from_secs(seconds) });
        let mut breaker = Breaker::new(2, Duration::from_secs(30));
        breaker.failed(at(0), None);
        assert_eq!(breaker.admit(at(1)), Ok(()));
        breaker.failed(at(1), None);
        assert_eq!(breaker.admit(at(2)), resting(2, 29));
        assert_eq!(breaker.admit(at(31)), Ok(()), "a probe");
        assert_eq!(breaker.admit(at(32)), resting(2, 29), "only one");
        breaker.failed(at(33), Some(Duration::from_mins(1)));
        assert_eq!(breaker.admit(at(92)), resting(3, 1), "as long as the model asked for");
        assert_eq!(breaker.admit(at(93)), Ok(()));
        breaker.succeeded();
        assert_eq!(breaker.admit(at(93)), Ok(()));
        breaker.failed(at(94), None);
        assert_eq!(breaker.admit(at(94)), Ok(()), "the count begins anew");
    }
}
