//! Quota: an adapter states what a call costs and waits here until it may be made (ARCHITECTURE.md L9).
use std::{fmt, fmt::Debug, time::Duration};

use async_trait::async_trait;

use crate::ids::AccountId;

mod ledger;
mod paced;
mod window;

pub use paced::{GUARD, Paced, Quota};

/// What a call will cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spend {
    /// Whose share is used.
    pub account: AccountId,
    /// The provider's quota that is used, such as `gmail`.
    pub quota: &'static str,
    /// How many units.
    pub units: u32,
}

/// Paces calls so that the provider never has to refuse one.
///
/// # Contract
/// `spend` MUST return only when the units are free in the account's and in the project's quota,
/// in the order of asking for one account. `refused` tells that the provider refused all the same;
/// nothing is spent until `pause` is over.
///
/// # Cancellation
/// Dropping `spend` gives the units back or keeps them spent; both are safe.
#[async_trait]
pub trait Budget: Debug + Send + Sync {
    /// Waits until the units may be spent, and spends them on the call that is made next.
    async fn spend(&self, spend: Spend) -> Spent;
    /// Says that the provider refused a call for lack of quota.
    fn refused(&self, spend: Spend, pause: Duration);
}

/// Units spent on a call under way; dropping it says that the call has ended.
///
/// A provider counts a call at some time between its beginning and its end. So the units are used from
/// the beginning on, and free again a window after the end, however long the way was.
#[must_use = "dropping it says that the call has ended"]
pub struct Spent(Option<Box<dyn FnOnce() + Send + Sync>>);

impl Spent {
    /// Units that nobody counts.
    pub const UNCOUNTED: Self = Self(None);

    /// Units whose end `ended` is told of, once.
    pub fn until(ended: impl FnOnce() + Send + Sync + 'static) -> Self {
        Self(Some(Box::new(ended)))
    }
}

impl Drop for Spent {
    fn drop(&mut self) {
        if let Some(ended) = self.0.take() {
            ended();
        }
    }
}

impl Debug for Spent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spent").finish_non_exhaustive()
    }
}

/// A budget without bounds, for sources that have no quota.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unmetered;

#[async_trait]
impl Budget for Unmetered {
    async fn spend(&self, _: Spend) -> Spent {
        Spent::UNCOUNTED
    }
    fn refused(&self, _: Spend, _: Duration) {}
}
