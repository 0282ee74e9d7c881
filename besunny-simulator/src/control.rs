//! The hand on the simulated world: in process here, over HTTP in `routes`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::account::Account;
use crate::attendee::webhook;
use crate::clock::ClockMode;
use crate::config::Settings;
use crate::fault::plan::{FaultRule, FaultScript};
use crate::gateway::Shared;
use crate::journal::RequestEntry;
use crate::oauth::grants::Credentials;
use crate::operation::Operation;
use crate::pubsub;
use crate::pubsub::queue::{CallEntry, DeliveryEntry};
use crate::quota::Usage;

mod agenda;
mod bots;
mod mailbox;
mod routes;

pub use agenda::AgendaControl;
pub use bots::BotControl;
pub use mailbox::{Delivered, Delivery, MailboxControl};
pub(crate) use routes::router;

/// Everything that can be done to a running simulator.
#[derive(Clone, Debug)]
pub struct Control {
    world: Shared,
}

/// Why the control refuses.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ControlError {
    /// No account has this address.
    #[error("there is no account {0}")]
    NoAccount(String),
    /// The mailbox has no message with this id.
    #[error("there is no message {0}")]
    NoMessage(String),
    /// The account has no calendar with this id, or no such event in it.
    #[error("there is no {0} in the calendars")]
    NoEvent(String),
    /// The message is no draft.
    #[error("message {0} is no draft")]
    NoDraft(String),
    /// There is no bot with this id.
    #[error("there is no bot {0}")]
    NoBot(String),
    /// The account has no grant that is not revoked.
    #[error("{0} has no live grant")]
    NoGrant(String),
    /// A label cannot be made.
    #[error("no label can have the name {0:?}")]
    BadLabel(String),
    /// Messages could not be read.
    #[error("cannot read {path}")]
    Load {
        /// The file or folder.
        path: String,
        /// Why.
        source: std::io::Error,
    },
}

/// How much was used, by operation.
pub type UsageTable = BTreeMap<Operation, Usage>;

/// The state of an account's grant and watch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AccountState {
    /// The address.
    pub address: String,
    /// Messages in the mailbox.
    pub messages: usize,
    /// The newest history id.
    pub history_id: u64,
    /// Refreshes of access tokens so far.
    pub refreshes: u64,
    /// When the watch ends, if there is one.
    pub watch_expires_at: Option<DateTime<Utc>>,
}

impl Control {
    pub(crate) fn new(world: Shared) -> Self {
        Self { world }
    }

    /// Virtual time.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.world.clock.now()
    }

    /// Changes how virtual time moves; it does not jump.
    pub fn set_clock(&self, mode: ClockMode) {
        self.world.clock.set_mode(mode);
    }

    /// Moves virtual time forward, in every mode.
    pub fn advance(&self, by: Duration) {
        self.world.clock.advance(by);
    }

    /// The settings of now.
    #[must_use]
    pub fn settings(&self) -> Settings {
        (*self.world.settings()).clone()
    }

    /// Changes settings from the next request on.
    pub fn configure(&self, change: impl FnOnce(&mut Settings)) {
        let mut settings = self.settings();
        change(&mut settings);
        self.world.set_settings(settings);
    }

    /// Makes an account with a grant, or finds it. The grant has the scopes of the settings.
    #[expect(clippy::must_use_candidate, reason = "also called for its effect alone")]
    pub fn add_account(&self, address: &str) -> Credentials {
        let account = self.world.ensure_account(address);
        let settings = self.world.settings();
        let grants = &self.world.grants;
        if grants.of_account(&account.address).is_none() {
            grants.grant(&account, &settings.oauth.scopes);
        }
        let grant = grants.of_account(&account.address);
        Credentials {
            address: account.address.clone(),
            client_id: settings.oauth.client_id.clone(),
            client_secret: settings.oauth.client_secret.clone(),
            refresh_token: grant.and_then(|id| grants.refresh_token(id)).unwrap_or_default(),
            scopes: grant.map(|id| grants.scopes(id)).unwrap_or_default(),
        }
    }

    /// The mailbox, grant and watch of an account.
    pub fn mailbox(&self, address: &str) -> Result<MailboxControl, ControlError> {
        let account = self.world.account(address);
        let account = account.ok_or_else(|| ControlError::NoAccount(address.to_owned()))?;
        Ok(MailboxControl::new(Shared::clone(&self.world), account))
    }

    /// The calendars of an account; the first one is made with its address as the id.
    pub fn agenda(&self, address: &str) -> Result<AgendaControl, ControlError> {
        let account = self.world.account(address);
        let account = account.ok_or_else(|| ControlError::NoAccount(address.to_owned()))?;
        Ok(AgendaControl::new(Shared::clone(&self.world), account))
    }

    /// All accounts, by address.
    #[must_use]
    pub fn accounts(&self) -> Vec<AccountState> {
        self.world.accounts().iter().map(|account| self.state(account)).collect()
    }

    fn state(&self, account: &Arc<Account>) -> AccountState {
        let mailbox = account.mailbox.read();
        AccountState {
            address: account.address.clone(),
            messages: mailbox.len(),
            history_id: mailbox.history.newest(),
            refreshes: self.world.grants.refreshes(&account.address),
            watch_expires_at: account.watch.read().expires_at(),
        }
    }

    /// Makes every page token of before dead.
    pub fn kill_page_tokens(&self) {
        *self.world.page_generation.write() += 1;
    }

    /// Signs with a new key; the one before stays served, older ones do not.
    pub fn rotate_keys(&self) {
        self.world.keys.rotate();
    }

    /// Replaces all faults to come.
    pub fn set_faults(&self, script: FaultScript) {
        self.world.faults.set(script);
    }

    /// Adds a scripted fault behind those there are.
    pub fn add_fault(&self, rule: FaultRule) {
        self.world.faults.add(rule);
    }

    /// The faults to come.
    #[must_use]
    pub fn faults(&self) -> FaultScript {
        self.world.faults.script()
    }

    /// How often each kind of fault reached a client.
    #[must_use]
    pub fn fired(&self) -> BTreeMap<String, u64> {
        self.world.faults.fired()
    }

    /// What every account has used.
    #[must_use]
    pub fn usage(&self) -> BTreeMap<String, UsageTable> {
        let accounts = self.world.accounts();
        accounts
            .iter()
            .map(|account| (account.address.clone(), account.meter.read().totals()))
            .collect()
    }

    /// Forgets usage, the log of requests, and what the minute of the quota holds.
    pub fn reset_counters(&self) {
        for account in self.world.accounts() {
            account.meter.write().reset();
        }
        self.world.project.write().reset();
        self.world.journal.clear();
    }

    /// Requests of clients, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<RequestEntry> {
        self.world.journal.entries()
    }

    /// Deliveries of push notices, oldest first.
    #[must_use]
    pub fn deliveries(&self) -> Vec<DeliveryEntry> {
        self.world.notices.log()
    }

    /// Calls of channels, oldest first.
    #[must_use]
    pub fn calls(&self) -> Vec<CallEntry> {
        self.world.notices.calls()
    }

    /// The bots of the simulated Attendee.
    #[must_use]
    pub fn bots(&self) -> BotControl {
        BotControl::new(Shared::clone(&self.world))
    }

    /// What models were asked, oldest first; the last thousand requests as they came.
    #[must_use]
    pub fn asks(&self) -> Vec<serde_json::Value> {
        self.world.asks.read().iter().cloned().collect()
    }

    /// Waits until every notice and every event of a bot that is due has been sent and answered.
    pub async fn settle(&self) {
        pubsub::delivery::settle(&self.world).await;
        webhook::settle(&self.world).await;
    }
}
