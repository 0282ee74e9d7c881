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
    mail: Window,
    calendar: Window,
    totals: BTreeMap<Operation, Usage>,
}

/// What was used in the last minute.
#[derive(Debug, Default)]
struct Window {
    used: VecDeque<(DateTime<Utc>, u64)>,
    sum: u64,
}

impl Window {
    fn forget(&mut self, now: DateTime<Utc>) {
        while let Some((at, units)) = self.used.front().copied() {
            if later(at, WINDOW) > now {
                break;
            }
            self.sum -= units;
            self.used.pop_front();
        }
    }

    /// Time until `units` more fit under `limit`; absent if they fit now.
    fn wait(&self, units: u64, limit: u64, now: DateTime<Utc>) -> Option<Duration> {
        let mut excess = (self.sum + units).checked_sub(limit).filter(|excess| *excess > 0)?;
        for (at, used) in &self.used {
            excess = excess.saturating_sub(*used);
            if excess == 0 {
                return Some((later(*at, WINDOW) - now).to_std().unwrap_or_default());
            }
        }
        Some(WINDOW)
    }

    fn add(&mut self, units: u64, now: DateTime<Utc>) {
        self.sum += units;
        match self.used.back_mut() {
            Some((at, sum)) if *at == now => *sum += units,
            _ => self.used.push_back((now, units)),
        }
    }
}

impl Meter {
    fn window(&mut self, operation: Operation) -> &mut Window {
        if operation.is_of_calendar() { &mut self.calendar } else { &mut self.mail }
    }

    pub(crate) fn totals(&self) -> BTreeMap<Operation, Usage> {
        self.totals.clone()
    }

    pub(crate) fn reset(&mut self) {
        *self = Self::default();
    }
}

/// The limits of a user and of the project.
fn limits(settings: &QuotaSettings, operation: Operation) -> (u64, u64) {
    if operation.is_of_calendar() {
        let user = settings.calendar_user_requests_per_minute;
        (user, settings.calendar_project_requests_per_minute)
    } else {
        (settings.user_units_per_minute, settings.project_units_per_minute)
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
        let (user_limit, project_limit) = limits(settings, operation);
        let (of_user, of_project) = (user.window(operation), project.window(operation));
        of_user.forget(now);
        of_project.forget(now);
        let refused = of_user
            .wait(units, user_limit, now)
            .map(|wait| (wait, Allowance::User))
            .or_else(|| {
                let wait = of_project.wait(units, project_limit, now)?;
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
        user.window(operation).add(units, now);
        project.window(operation).add(units, now);
    }
    let total = user.totals.entry(operation).or_default();
    total.calls += 1;
    total.units += units;
    Ok(units)
}
