//! The hand on one account.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::ControlError;
use crate::account::Account;
use crate::clock::later;
use crate::gateway::Shared;
use crate::load;
use crate::mailbox::labels::{LabelId, Visibility};
use crate::mailbox::{Arrival, Change, HexId, LabelChange, Mailbox};
use crate::oauth::grants::{Consent, GrantId};
use crate::pubsub;
use crate::pubsub::forgery::Forgery;

/// One account of a running simulator.
#[derive(Clone, Debug)]
pub struct MailboxControl {
    world: Shared,
    account: Arc<Account>,
}

/// How messages arrive.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Delivery {
    /// Labels by id or name; unknown ones are made.
    pub labels: Vec<String>,
    /// The internal date; that of the message's `Date` header if absent.
    pub internal_date: Option<DateTime<Utc>>,
}

impl Default for Delivery {
    fn default() -> Self {
        Self { labels: vec!["INBOX".to_owned(), "UNREAD".to_owned()], internal_date: None }
    }
}

impl Delivery {
    /// Arrives under these labels.
    #[must_use]
    pub fn labeled(labels: &[&str]) -> Self {
        Self { labels: labels.iter().map(|&label| label.to_owned()).collect(), internal_date: None }
    }
}

/// A message that arrived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivered {
    /// 16 hex digits.
    pub id: String,
    /// 16 hex digits.
    pub thread_id: String,
    /// The history id of the change.
    pub history_id: u64,
}

impl From<Change> for Delivered {
    fn from(change: Change) -> Self {
        Self {
            id: change.message.to_string(),
            thread_id: change.thread.to_string(),
            history_id: change.history,
        }
    }
}

/// What a delivery means to one mailbox.
#[derive(Clone, Debug)]
struct Stamp {
    labels: Vec<LabelId>,
    internal_ms: Option<i64>,
}

impl MailboxControl {
    pub(super) fn new(world: Shared, account: Arc<Account>) -> Self {
        Self { world, account }
    }

    /// Lets a message arrive now.
    pub fn deliver(
        &self,
        raw: impl Into<Bytes>,
        delivery: &Delivery,
    ) -> Result<Delivered, ControlError> {
        let stamp = self.stamp(delivery)?;
        let change = self.add(raw.into(), &stamp);
        pubsub::announce(&self.world, &self.account, &change);
        Ok(change.into())
    }

    /// Lets all messages of a file or folder arrive, and tells how many.
    ///
    /// Reads mbox (mboxrd), tar.gz with a message a member, a folder of .eml, and one message.
    /// Messages keep their bytes, line ends included. One notice at most is sent for all.
    pub fn load(&self, path: &Path, delivery: &Delivery) -> Result<usize, ControlError> {
        let stamp = self.stamp(delivery)?;
        let mut count = 0;
        let mut last = None;
        load::read(path, &mut |raw| {
            last = Some(self.add(raw, &stamp));
            count += 1;
        })
        .map_err(|source| ControlError::Load { path: path.display().to_string(), source })?;
        if let Some(change) = last {
            pubsub::announce(&self.world, &self.account, &change);
        }
        Ok(count)
    }

    /// Puts labels on a message and takes others away, in up to two history records.
    pub fn change_labels(
        &self,
        id: &str,
        add: &[&str],
        remove: &[&str],
    ) -> Result<(), ControlError> {
        let add = self.labels(add)?;
        let remove = self.labels(remove)?;
        self.relabel(id, &add, &remove)
    }

    /// Moves a message to the trash.
    pub fn trash(&self, id: &str) -> Result<(), ControlError> {
        self.relabel(id, &[LabelId::TRASH], &[LabelId::INBOX])
    }

    /// Deletes a message for ever.
    pub fn delete(&self, id: &str) -> Result<(), ControlError> {
        let missing = || ControlError::NoMessage(id.to_owned());
        let message = HexId::parse(id).ok_or_else(missing)?;
        self.change(|mailbox, now| mailbox.delete(message, now, &self.world.settings().mail))
            .map(|_| ())
            .ok_or_else(missing)
    }

    /// Begins a draft.
    pub fn draft(&self, raw: impl Into<Bytes>) -> Result<Delivered, ControlError> {
        self.deliver(raw, &Delivery::labeled(&["DRAFT"]))
    }

    /// Sends a draft: the draft goes, and a sent message with a new id comes.
    pub fn send_draft(&self, id: &str) -> Result<Delivered, ControlError> {
        let draft = HexId::parse(id);
        let raw = {
            let mailbox = self.account.mailbox.read();
            let message = draft.and_then(|id| mailbox.find(id));
            let message = message.ok_or_else(|| ControlError::NoMessage(id.to_owned()))?;
            if !message.has(LabelId::DRAFT) {
                return Err(ControlError::NoDraft(id.to_owned()));
            }
            message.raw.clone()
        };
        self.delete(id)?;
        self.deliver(raw, &Delivery::labeled(&["SENT"]))
    }

    /// Makes a label, or finds it; gives its id.
    pub fn create_label(&self, name: &str) -> Result<String, ControlError> {
        let label = self.label(name)?;
        Ok(self.account.mailbox.read().labels.id_of(label).to_owned())
    }

    /// The bytes of a message.
    pub fn raw(&self, id: &str) -> Result<Bytes, ControlError> {
        let mailbox = self.account.mailbox.read();
        let message = HexId::parse(id).and_then(|id| mailbox.find(id));
        message
            .map(|message| message.raw.clone())
            .ok_or_else(|| ControlError::NoMessage(id.to_owned()))
    }

    /// The names of a message's labels, those of the system included.
    pub fn labels_of(&self, id: &str) -> Result<Vec<String>, ControlError> {
        let mailbox = self.account.mailbox.read();
        let message = HexId::parse(id).and_then(|id| mailbox.find(id));
        let message = message.ok_or_else(|| ControlError::NoMessage(id.to_owned()))?;
        let labels = message.labels.iter().filter_map(|label| mailbox.labels.get(*label));
        Ok(labels.map(|label| label.name.clone()).collect())
    }

    /// Ids of all messages, newest first.
    #[must_use]
    pub fn message_ids(&self) -> Vec<String> {
        let mailbox = self.account.mailbox.read();
        mailbox.newest_first().map(|message| message.id.to_string()).collect()
    }

    /// Ids of all messages outside spam, trash and drafts: what nobody may lose.
    #[must_use]
    pub fn ids_in_scope(&self) -> Vec<String> {
        let mailbox = self.account.mailbox.read();
        let in_scope = mailbox.newest_first().filter(|message| message.in_scope());
        in_scope.map(|message| message.id.to_string()).collect()
    }

    /// The newest history id.
    #[must_use]
    pub fn history_id(&self) -> u64 {
        self.account.mailbox.read().history.newest()
    }

    /// Makes every history id before the newest too old.
    pub fn expire_history(&self) {
        self.account.mailbox.write().history.expire();
    }

    /// An access token, without counting a refresh.
    pub fn access_token(&self) -> Result<String, ControlError> {
        let settings = self.world.settings();
        self.world
            .grants
            .issue(self.grant()?, self.world.clock.now(), &settings.oauth)
            .map(|issued| issued.access_token)
            .ok_or_else(|| ControlError::NoGrant(self.account.address.clone()))
    }

    /// An authorization code, as the consent page would give it.
    #[must_use]
    pub fn authorize(&self, consent: Consent) -> String {
        let life = self.world.settings().oauth.code_life;
        let expires_at = later(self.world.clock.now(), life);
        self.world.grants.issue_code(&self.account, consent, expires_at)
    }

    /// Ends all access tokens of the account; a refresh gives new ones.
    pub fn expire_tokens(&self) -> Result<(), ControlError> {
        self.world.grants.expire(self.grant()?);
        Ok(())
    }

    /// Revokes the account's grant.
    pub fn revoke(&self) -> Result<(), ControlError> {
        self.world.grants.revoke(self.grant()?);
        Ok(())
    }

    /// Changes what tokens may do from the next refresh on.
    pub fn set_scopes(&self, scopes: &[String]) -> Result<(), ControlError> {
        self.world.grants.set_scopes(self.grant()?, scopes);
        Ok(())
    }

    /// How often access tokens were refreshed.
    #[must_use]
    pub fn refreshes(&self) -> u64 {
        self.world.grants.refreshes(&self.account.address)
    }

    /// Sends a forged notice to every subscription.
    pub fn forge_notice(&self, forgery: Forgery) {
        pubsub::forge(&self.world, &self.account, forgery);
    }

    fn grant(&self) -> Result<GrantId, ControlError> {
        let grant = self.world.grants.of_account(&self.account.address);
        grant.ok_or_else(|| ControlError::NoGrant(self.account.address.clone()))
    }

    fn relabel(&self, id: &str, add: &[LabelId], remove: &[LabelId]) -> Result<(), ControlError> {
        let missing = || ControlError::NoMessage(id.to_owned());
        let message = HexId::parse(id).ok_or_else(missing)?;
        self.account.mailbox.read().find(message).ok_or_else(missing)?;
        let labels = LabelChange { add, remove };
        let settings = self.world.settings();
        self.change(|mailbox, now| mailbox.change_labels(message, labels, now, &settings.mail));
        Ok(())
    }

    fn labels<S: AsRef<str>>(&self, names: &[S]) -> Result<Vec<LabelId>, ControlError> {
        names.iter().map(|name| self.label(name.as_ref())).collect()
    }

    fn label(&self, name: &str) -> Result<LabelId, ControlError> {
        let mut mailbox = self.account.mailbox.write();
        if let Some(label) = mailbox.labels.find_by_name(name) {
            return Ok(label);
        }
        mailbox
            .labels
            .create(name, Visibility::default())
            .map_err(|_clash| ControlError::BadLabel(name.to_owned()))
    }

    fn stamp(&self, delivery: &Delivery) -> Result<Stamp, ControlError> {
        Ok(Stamp {
            labels: self.labels(&delivery.labels)?,
            internal_ms: delivery.internal_date.map(|date| date.timestamp_millis()),
        })
    }

    fn add(&self, raw: Bytes, stamp: &Stamp) -> Change {
        let settings = self.world.settings();
        let Stamp { labels, internal_ms } = stamp.clone();
        let arrival = Arrival { raw, labels, internal_ms };
        let mut mailbox = self.account.mailbox.write();
        mailbox.add(arrival, self.world.clock.now(), &settings.mail)
    }

    /// Changes the mailbox and tells its watch.
    fn change(
        &self,
        work: impl FnOnce(&mut Mailbox, DateTime<Utc>) -> Option<Change>,
    ) -> Option<Change> {
        let now = self.world.clock.now();
        let change = work(&mut self.account.mailbox.write(), now)?;
        pubsub::announce(&self.world, &self.account, &change);
        Some(change)
    }
}
