//! Something kept for each account, used by one caller at a time.
use std::{
    collections::HashMap,
    sync::{Arc, Mutex as Plain, PoisonError},
};

use besunny_core::ids::AccountId;
use tokio::sync::Mutex;

/// A `T` for each account; clones share them.
///
/// Whoever asks Google under the lock of an account is the only one who does, and those who come
/// meanwhile find his result.
#[derive(Debug)]
pub(crate) struct Slots<T>(Arc<Plain<HashMap<AccountId, Arc<Mutex<T>>>>>);

impl<T: Default> Slots<T> {
    /// Returns what is kept for `account`.
    pub(crate) fn of(&self, account: AccountId) -> Arc<Mutex<T>> {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry(account).or_default())
    }
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T> Clone for Slots<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}
