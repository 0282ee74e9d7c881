//! Units a minute, for each user and for the project.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::clock::later;
use crate::config::{Metering, QuotaSettings};
use crate::lock::Guarded;
use crate::operation::Operation;
use crate::refusal::{Allowance, Refusal};

/// Google counts over a sliding minute.
const WINDOW: Duration = Duration::from_mins(1);

/// What one user has used of one operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Calls that were let through.
    pub calls: u64,
    /// Calls that were refused because a limit was reached.
    pub refused: u64,
    /// Units that were charged.
    pub units: u64,
}

/// The usage of one user or of the whole project.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    window: VecDeque<(DateTime<Utc>, u64)>,
    sum: u64,
    totals: BTreeMap<Operation, Usage>,
}

impl Meter {
    fn forget(&mut self, now: DateTime<Utc>) {
        while let Some((at, units)) = self.window.front().copied() {
            if later(at, WINDOW) > now {
                break;
            }
            self.sum -= units;
            self.window.pop_front();
        }
    }

    /// Time until `units` more fit under `limit`; absent if they fit now.
    fn wait(&self, units: u64, limit: u64, now: DateTime<Utc>) -> Option<Duration> {
        let mut excess = (self.sum + units).checked_sub(limit).filter(|excess| *excess > 0)?;
        for (at, used) in &self.window {
            excess = excess.saturating_sub(*used);
            if excess == 0 {
                return Some((later(*at, WINDOW) - now).to_std().unwrap_or_default());
            }
        }
        Some(WINDOW)
    }

    fn add(&mut self, units: u64, now: DateTime<Utc>) {
        self.sum += units;
        match self.window.back_mut() {
            Some((at, sum)) if *at == now => *sum += units,
            _ => self.window.push_back((now, units)),
        }
    }

    pub(crate) fn totals(&self) -> BTreeMap<Operation, Usage> {
        self.totals.clone()
    }

    pub(crate) fn reset(&mut self) {
        *self = Self::default();
    }
}

/// Charges one call to its user and to the project, or refuses it.
pub(crate) fn charge(
    user: &Guarded<Meter>,
    project: &Guarded<Meter>,
    operation: Operation,
    settings: &QuotaSettings,
    now: DateTime<Utc>,
) -> Result<u64, Refusal> {
    let units = settings.units.get(&operation).copied().unwrap_or(operation.default_units());
    let mut user = user.write();
    if settings.metering == Metering::On && units > 0 {
        let mut project = project.write();
        user.forget(now);
        project.forget(now);
        let refused = user
            .wait(units, settings.user_units_per_minute, now)
            .map(|wait| (wait, Allowance::User))
            .or_else(|| {
                let wait = project.wait(units, settings.project_units_per_minute, now)?;
                Some((wait, Allowance::Project))
            });
        if let Some((wait, whose)) = refused {
            user.totals.entry(operation).or_default().refused += 1;
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            return Err(Refusal::too_fast(settings.refusal, whose).with_retry_after(
                settings.retry_after,
                now,
                seconds,
            ));
        }
        user.add(units, now);
        project.add(units, now);
    }
    let total = user.totals.entry(operation).or_default();
    total.calls += 1;
    total.units += units;
    Ok(units)
}
