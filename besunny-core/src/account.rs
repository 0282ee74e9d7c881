//! Accounts: one grant at one provider, and how its mail is taken in.
use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    ids::{AccountId, StreamId, TenantId, UserId},
    source::{AccountRef, StreamKey, StreamRef, Subject},
};

/// The name of a kind of source, such as `gmail` or `mbox`; adapters are registered under it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Provider(String);

impl Provider {
    /// Names a provider; lower-case ASCII by custom.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// Returns the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which mails of an account become documents, and whose (MAIL-1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Intake {
    /// One mailbox to which all virtual addresses of the tenant deliver; each addressed user gets
    /// a document.
    Master,
    /// A person's own mailbox, of which only mail naming this person's virtual address is taken.
    Addressed,
    /// A person's own mailbox, of which every mail is taken.
    Whole,
}

impl Intake {
    /// Returns the stored name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Master => "master",
            Self::Addressed => "addressed",
            Self::Whole => "whole",
        }
    }

    /// Reads the stored name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Master, Self::Addressed, Self::Whole]
            .into_iter()
            .find(|intake| intake.as_str() == name)
    }
}

/// One grant at one provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Our id, derived from tenant, provider and subject.
    pub id: AccountId,
    /// Whose documents come of it, unless virtual addresses say otherwise.
    pub owner: UserId,
    /// Which adapter follows it.
    pub provider: Provider,
    /// The provider's own name of the account: a mail address, a path.
    pub subject: Subject,
    /// Which mails are taken in.
    pub intake: Intake,
    /// When it was connected.
    pub connected_at: DateTime<Utc>,
}

impl Account {
    /// Makes an account; its id follows from tenant, provider and subject.
    #[must_use]
    pub fn new(tenant: TenantId, grant: NewAccount, connected_at: DateTime<Utc>) -> Self {
        let NewAccount { owner, provider, subject, intake } = grant;
        let id = AccountId::derived(&[
            tenant.as_bytes(),
            provider.as_str().as_bytes(),
            subject.as_str().as_bytes(),
        ]);
        Self { id, owner, provider, subject, intake, connected_at }
    }

    /// Returns what an adapter needs to find the account.
    #[must_use]
    pub fn at(&self) -> AccountRef {
        AccountRef { id: self.id, subject: self.subject.clone() }
    }

    /// Returns the stream `key` of this account.
    #[must_use]
    pub fn stream(&self, key: StreamKey) -> StreamRef {
        StreamRef { account: self.id, subject: self.subject.clone(), key }
    }
}

/// What a person says when connecting an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAccount {
    /// Whose it is.
    pub owner: UserId,
    /// Which adapter follows it.
    pub provider: Provider,
    /// The provider's own name of the account.
    pub subject: Subject,
    /// Which mails are taken in.
    pub intake: Intake,
}

/// Returns the id of a stream: account and key name it.
#[must_use]
pub fn stream_id(account: AccountId, key: &StreamKey) -> StreamId {
    StreamId::derived(&[account.as_bytes(), key.as_str().as_bytes()])
}
