//! Events as they are held, and the meetings that follow from them.
use std::fmt::Debug;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::RepositoryError;
use crate::{
    calendar::{CalendarEvent, EventUid},
    commit::Holding,
    ids::{AccountId, MeetingId, UserId},
    meeting::Meeting,
    source::ItemId,
    tenant::TenantScope,
};

/// An event as an item says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldEvent {
    /// The account of the item.
    pub account: AccountId,
    /// The item.
    pub item: ItemId,
    /// Whose calendar it concerns.
    pub owner: UserId,
    /// What holds it.
    pub by: Holding,
    /// Whether no stream holds the item any more, or it says the event for another owner now.
    pub is_gone: bool,
    /// How often anything under this name has changed for the owner.
    pub change: u64,
    /// The event.
    pub event: CalendarEvent,
}

/// Which meetings are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AgendaFilter {
    /// Only those that end after this.
    pub from: DateTime<Utc>,
    /// Only those that begin before this.
    pub to: DateTime<Utc>,
    /// Only those after this one, in the order of the answer.
    pub after: Option<(DateTime<Utc>, MeetingId)>,
    /// At most so many, and never more than [`BATCH`](super::BATCH).
    pub limit: usize,
}

/// Events and meetings; both are written by commits alone.
///
/// # Contract
/// - Events of an item MUST come back as they were held, and those it said before MUST be gone
///   (`store.event.held`). When no stream holds the item any more, its events MUST stay and say so
///   (`store.event.gone`); so MUST those of an owner for whom the item says nothing any more
///   (`store.event.moved`).
/// - `events_beside` MUST return all events of the same names and owners as those of the items,
///   ordered by account, item and their order in it (`store.event.beside`).
/// - A meeting MUST come back as it was committed, at one version more than was read, and a commit
///   at another version MUST be refused as a conflict (`store.meeting.conflict`). So MUST one that
///   was planned of events that have changed since (`store.meeting.stale`).
/// - `agenda` MUST be ordered by start, then id (`store.meeting.agenda`).
/// - No call MUST read or change another tenant's rows, nor another owner's
///   (`store.tenant.meetings`).
#[async_trait]
pub trait Meetings: Debug + Send + Sync {
    /// Returns the events that concern the same meetings as those of `items`.
    async fn events_beside(
        &self,
        scope: &TenantScope,
        items: &[(AccountId, ItemId)],
    ) -> Result<Vec<HeldEvent>, RepositoryError>;
    /// Returns the meetings that follow from events of `owner` with these names, by id.
    async fn meetings_of(
        &self,
        scope: &TenantScope,
        owner: UserId,
        uids: &[EventUid],
    ) -> Result<Vec<Meeting>, RepositoryError>;
    /// Returns a meeting.
    async fn meeting(
        &self,
        scope: &TenantScope,
        id: MeetingId,
    ) -> Result<Option<Meeting>, RepositoryError>;
    /// Returns meetings of `owner`, cancelled ones among them, in order of their start.
    async fn agenda(
        &self,
        scope: &TenantScope,
        owner: UserId,
        filter: &AgendaFilter,
    ) -> Result<Vec<Meeting>, RepositoryError>;
}
