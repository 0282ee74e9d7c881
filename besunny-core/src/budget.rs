//! Quota: an adapter states what a call costs and waits here until it may be made (ARCHITECTURE.md L9).
use std::{fmt::Debug, time::Duration};

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
/// in the order of asking for one account. `spend_some` does so for the first of several calls of
/// one price, and spends for as many of the others as are free at that instant. `refused` tells that the provider refused all the same;
/// nothing is spent until `pause` is over.
///
/// # Cancellation
/// Dropping `spend` gives the units back or keeps them spent; both are safe.
#[async_trait]
pub trait Budget: Debug + Send + Sync {
    /// Waits until the units may be spent, and spends them.
    async fn spend(&self, spend: Spend);
    /// Waits until one call may be made, and spends for `most` at most; returns for how many.
    async fn spend_some(&self, spend: Spend, most: u32) -> u32;
    /// Says that the provider refused a call for lack of quota.
    fn refused(&self, spend: Spend, pause: Duration);
}

/// A budget without bounds, for sources that have no quota.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unmetered;

#[async_trait]
impl Budget for Unmetered {
    async fn spend(&self, _: Spend) {}
    async fn spend_some(&self, _: Spend, most: u32) -> u32 {
        most
    }
    fn refused(&self, _: Spend, _: Duration) {}
}
