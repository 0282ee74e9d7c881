//! Accounts, the streams that they offer, and how those are.
use std::fmt::Debug;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::RepositoryError;
use crate::{
    account::Account,
    ids::{AccountId, StreamId},
    item::Item,
    push::Watch,
    scheduler::PauseReason,
    source::{ItemId, OfferedStream, StreamKey},
    tenant::TenantScope,
    track::Track,
};

/// Accounts and what is known of their streams.
///
/// # Contract
/// - Connecting an account again MUST keep its streams as they are (`store.connect.repeatable`).
/// - Streams that are offered for the first time and proposed MUST be followed, and be due
///   (`store.offer.new`).
/// - A followed stream that is not offered any more MUST be due, whatever it waits for, and its lease
///   say that it is followed no more, until it is offered again (`store.offer.withdrawn`).
/// - An offer that was asked for before another one was taken in MUST be refused as a conflict
///   (`store.offer.conflict`).
#[async_trait]
pub trait Accounts: Debug + Send + Sync {
    /// Stores an account and the streams it offers; those already there stay as they are.
    async fn connect(
        &self,
        scope: &TenantScope,
        account: &Account,
        streams: &[OfferedStream],
    ) -> Result<(), RepositoryError>;
    /// Takes in what an account offers now.
    async fn offer(
        &self,
        scope: &TenantScope,
        account: AccountId,
        offer: &Offer,
    ) -> Result<(), RepositoryError>;
    /// Returns all accounts.
    async fn accounts(&self, scope: &TenantScope) -> Result<Vec<Account>, RepositoryError>;
    /// Returns where a stream is followed: its account, and its name there.
    async fn find_stream(
        &self,
        scope: &TenantScope,
        stream: StreamId,
    ) -> Result<Option<(Account, StreamKey)>, RepositoryError>;
    /// Returns all streams with their health; it counts items, so it is for people.
    async fn streams(&self, scope: &TenantScope) -> Result<Vec<StreamStatus>, RepositoryError>;
    /// Returns members of a stream in a state, by id after `after`, at most [`BATCH`](super::BATCH).
    async fn items(
        &self,
        scope: &TenantScope,
        stream: StreamId,
        filter: ItemFilter,
        after: Option<&ItemId>,
    ) -> Result<Vec<Item>, RepositoryError>;
}

/// What an account offers, as its source says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// How often it had been taken in before its source was asked; a conflict at any other.
    pub expected: u64,
    /// All streams that there are.
    pub streams: Vec<OfferedStream>,
}

/// Which members of a stream are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ItemFilter {
    /// All of them.
    #[default]
    All,
    /// Those that could not be taken in.
    Quarantined,
    /// Those that are none of our business.
    Ignored,
}

/// The health of a stream, for people.
#[derive(Clone, Debug, PartialEq)]
pub struct StreamStatus {
    /// Our id.
    pub id: StreamId,
    /// Its account.
    pub account: AccountId,
    /// The provider's name of it.
    pub key: StreamKey,
    /// A name for people.
    pub title: String,
    /// Whether it is followed: it was proposed, and its source offers it still.
    pub is_followed: bool,
    /// What it remembers: progress of a scan, a held removal.
    pub track: Track,
    /// When everything the source has was last read.
    pub caught_up_at: Option<DateTime<Utc>>,
    /// When it is due next; `None` while paused.
    pub next_due_at: Option<DateTime<Utc>>,
    /// When a notice last came.
    pub noticed_at: Option<DateTime<Utc>>,
    /// How often work has failed in a row.
    pub attempt: u32,
    /// What failed last.
    pub error: Option<String>,
    /// What it waits for.
    pub paused: Option<PauseReason>,
    /// The push registration.
    pub watch: Option<Watch>,
    /// How many items it has, by state.
    pub items: ItemCounts,
}

/// How many members a stream has, by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ItemCounts {
    /// Became documents.
    pub stored: u64,
    /// Are none of our business.
    pub ignored: u64,
    /// Could not be taken in.
    pub quarantined: u64,
}
