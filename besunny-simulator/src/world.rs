//! Everything that the simulated services share.
//!
//! A further service (Drive, Calendar) is a module beside `gmail` with a
//! `router`, its state in `Account` or here, and its operations in `operation`.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use serde_json::Value;

use crate::account::Account;
use crate::attendee::webhook::Office;
use crate::clock::Clock;
use crate::config::{Config, Settings};
use crate::fault::plan::FaultPlan;
use crate::journal::Journal;
use crate::lock::Guarded;
use crate::oauth::grants::Grants;
use crate::oauth::keys::KeyRing;
use crate::pubsub::queue::Queue;
use crate::quota::Meter;

/// So many asks of models are remembered; some have the length of a mail.
const MAX_ASKS: usize = 1_000;

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) clock: Clock,
    pub(crate) faults: FaultPlan,
    pub(crate) grants: Grants,
    pub(crate) hall: Office,
    pub(crate) journal: Journal,
    pub(crate) keys: KeyRing,
    pub(crate) notices: Queue,
    pub(crate) project: Guarded<Meter>,
    /// What models were asked, the newest last.
    pub(crate) asks: Guarded<VecDeque<Value>>,
    /// Page tokens of older generations are dead.
    pub(crate) page_generation: Guarded<u32>,
    seed: u64,
    settings: Guarded<Arc<Settings>>,
    accounts: Guarded<BTreeMap<String, Arc<Account>>>,
}

impl World {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            clock: Clock::new(config.clock, config.start_at),
            faults: FaultPlan::new(config.seed),
            grants: Grants::new(config.seed),
            hall: Office::default(),
            journal: Journal::default(),
            keys: KeyRing::default(),
            notices: Queue::default(),
            project: Guarded::default(),
            asks: Guarded::default(),
            page_generation: Guarded::default(),
            seed: config.seed,
            settings: Guarded::new(Arc::new(config.settings.clone())),
            accounts: Guarded::default(),
        }
    }

    /// Remembers what a model was asked.
    pub(crate) fn note_ask(&self, request: &Value) {
        let mut asks = self.asks.write();
        if asks.len() == MAX_ASKS {
            asks.pop_front();
        }
        asks.push_back(request.clone());
    }

    pub(crate) fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.settings.read())
    }

    pub(crate) fn set_settings(&self, settings: Settings) {
        *self.settings.write() = Arc::new(settings);
    }

    pub(crate) fn account(&self, address: &str) -> Option<Arc<Account>> {
        self.accounts.read().get(&address.to_lowercase()).cloned()
    }

    pub(crate) fn accounts(&self) -> Vec<Arc<Account>> {
        self.accounts.read().values().cloned().collect()
    }

    /// The account of an address; made if there is none.
    pub(crate) fn ensure_account(&self, address: &str) -> Arc<Account> {
        let address = address.to_lowercase();
        let mut accounts = self.accounts.write();
        let account = accounts
            .entry(address.clone())
            .or_insert_with(|| Arc::new(Account::new(self.seed, &address)));
        Arc::clone(account)
    }
}
