//! Streams: how far behind each is, what a scan still has to do, and what could not be taken in.
use std::collections::HashMap;

use besunny::core::{
    account::Account,
    failure::Trouble,
    ids::{AccountId, StreamId},
    item::{Item, ItemState, QuarantineReason},
    push::Watch,
    repository::{ItemCounts, ItemFilter, RepositoryError, StreamStatus},
    scheduler::PauseReason,
    source::ItemId,
    track::{Phase, Scan},
};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Site, problem::Problem};

/// The health of a stream.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct StreamHealth {
    /// Its id.
    pub id: Uuid,
    /// Which adapter follows it.
    pub provider: String,
    /// The provider's name of its account: an address, a path.
    pub account: String,
    /// Its name for people.
    pub title: String,
    /// What it does.
    pub state: StreamState,
    /// How long ago everything was last read; absent before that.
    pub lag_seconds: Option<i64>,
    /// When everything the source has was last read.
    pub caught_up_at: Option<DateTime<Utc>>,
    /// When it is due next; absent while paused.
    pub next_due_at: Option<DateTime<Utc>>,
    /// How often work has failed in a row.
    pub failures: u32,
    /// What failed last.
    pub error: Option<String>,
    /// What it waits for, and what to do.
    pub paused: Option<Pause>,
    /// Whether the provider tells of changes at once.
    pub is_pushed: bool,
    /// Why it does not, or soon will not any more.
    pub push_trouble: Option<PushTrouble>,
    /// How many items it has, by state.
    pub items: Items,
    /// The listing under way.
    pub scan: Option<ScanProgress>,
}

/// What a stream does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StreamState {
    /// It has never read everything, and nothing is under way.
    New,
    /// It lists everything.
    Scanning,
    /// It follows what is new.
    Live,
    /// It keeps failing and is tried again.
    Failing,
    /// A mass removal waits for a person.
    Held,
    /// It waits for a person.
    Paused,
}

/// Why a stream is paused.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Pause {
    /// What programs tell reasons apart by.
    #[schema(value_type = String)]
    pub reason: PauseReason,
    /// What to do, in words.
    pub fix: &'static str,
}

/// Why the provider was not made to tell of changes.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PushTrouble {
    /// How often that has failed in a row.
    pub failures: u32,
    /// What failed.
    pub error: String,
    /// What to do, in words.
    pub fix: &'static str,
    /// When it is tried again.
    pub retry_at: DateTime<Utc>,
}

/// How many items a stream has, by state.
#[derive(Clone, Copy, Debug, Default, Serialize, ToSchema)]
pub struct Items {
    /// Became documents.
    pub stored: u64,
    /// Are none of our business.
    pub ignored: u64,
    /// Could not be taken in.
    pub quarantined: u64,
}

/// How far a listing is.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ScanProgress {
    /// What it does now.
    pub phase: ScanPhase,
    /// When it began.
    pub begun_at: DateTime<Utc>,
    /// How many items were listed.
    pub listed: u64,
    /// How many there are, when the source says so.
    pub total: Option<u64>,
    /// How long it still takes, when that can be told.
    pub eta_seconds: Option<i64>,
    /// How many items are gone at the source, when a removal is held.
    pub held_removals: Option<u64>,
}

/// What a listing does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ScanPhase {
    /// Reading pages.
    Listing,
    /// Forgetting what is gone.
    Sweeping,
    /// Waiting for a person.
    Held,
}

/// The items of a stream that could not be taken in.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct QuarantinePage {
    /// The items, by id.
    pub items: Vec<QuarantinedItem>,
    /// Ask for what is `after` this; absent on the last page.
    pub next: Option<String>,
}

/// An item that could not be taken in.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct QuarantinedItem {
    /// Its id at the source.
    pub id: String,
    /// Why.
    pub reason: String,
    /// What it is about, where the headers could be read: untrusted text.
    pub subject: Option<String>,
    /// Who sent it, where the headers could be read: untrusted text.
    pub from: Option<String>,
}

impl StreamHealth {
    /// Reads all streams of the person's accounts that are followed.
    pub(super) async fn all(site: &Site) -> Result<Vec<Self>, RepositoryError> {
        let store = site.besunny().store();
        let accounts = store.accounts(site.scope()).await?;
        let own = accounts.into_iter().filter(|account| account.owner == site.user());
        let accounts: HashMap<AccountId, Account> = own.map(|it| (it.id, it)).collect();
        let now = site.clock().now();
        let statuses = store.streams(site.scope()).await?;
        let followed = statuses.iter().filter(|status| status.is_followed);
        let mut all: Vec<Self> = followed
            .filter_map(|status| Some(Self::of(status, accounts.get(&status.account)?, now)))
            .collect();
        all.sort_by(|a, b| (&a.account, &a.title, a.id).cmp(&(&b.account, &b.title, b.id)));
        Ok(all)
    }

    fn of(status: &StreamStatus, account: &Account, now: DateTime<Utc>) -> Self {
        let lag = status.caught_up_at.map(|at| (now - at).num_seconds().max(0));
        Self {
            id: status.id.as_uuid(),
            provider: account.provider.to_string(),
            account: account.subject.as_str().to_owned(),
            title: status.title.clone(),
            state: StreamState::of(status),
            lag_seconds: lag,
            caught_up_at: status.caught_up_at,
            next_due_at: status.next_due_at,
            failures: status.attempt,
            error: status.error.clone(),
            paused: status.paused.map(|reason| Pause { reason, fix: fix(reason) }),
            push_trouble: status.watch.as_ref().and_then(PushTrouble::of),
            is_pushed: status.watch.as_ref().is_some_and(|watch| watch.is_live(now)),
            items: status.items.into(),
            scan: status.track.scan.as_ref().map(|scan| ScanProgress::of(scan, now)),
        }
    }
}

impl PushTrouble {
    fn of(watch: &Watch) -> Option<Self> {
        let Trouble { attempt, error, waits_for, retry_at } = watch.trouble.clone()?;
        Some(Self { failures: attempt, error, fix: push_fix(waits_for), retry_at })
    }
}

/// Makes sure that a stream is one of the person's.
pub(super) async fn own(site: &Site, text: &str) -> Result<StreamId, Problem> {
    let missing = || Problem::missing("stream");
    let id: StreamId = text.parse().ok().ok_or_else(missing)?;
    let found = site.besunny().store().find_stream(site.scope(), id).await?;
    let own = found.filter(|(account, _)| account.owner == site.user());
    own.map(|_| id).ok_or_else(missing)
}

impl QuarantinePage {
    /// Reads the items after `after`, by id.
    pub(super) async fn read(
        site: &Site,
        stream: StreamId,
        after: Option<String>,
    ) -> Result<Self, RepositoryError> {
        let after = after.map(ItemId::from_source);
        let store = site.besunny().store();
        let wanted = ItemFilter::Quarantined;
        let found = store.items(site.scope(), stream, wanted, after.as_ref()).await?;
        let is_full = found.len() >= besunny::core::repository::BATCH;
        let items: Vec<QuarantinedItem> =
            found.into_iter().filter_map(QuarantinedItem::of).collect();
        let next = items.last().filter(|_| is_full).map(|last| last.id.clone());
        Ok(Self { items, next })
    }
}

impl QuarantinedItem {
    fn of(item: Item) -> Option<Self> {
        let ItemState::Quarantined(reason) = item.state else { return None };
        let (subject, from) = match &reason {
            QuarantineReason::TooLarge(known) => {
                (Some(known.subject.expose().clone()), Some(known.from.expose().clone()))
            }
            QuarantineReason::Unreadable(_)
            | QuarantineReason::Refused(_)
            | QuarantineReason::KeepsFailing(_)
            | QuarantineReason::NotAnswered
            | QuarantineReason::Panicked => (None, None),
        };
        Some(Self { id: item.id.as_str().to_owned(), reason: reason.to_string(), subject, from })
    }
}

impl ScanProgress {
    fn of(scan: &Scan, now: DateTime<Utc>) -> Self {
        let progress = scan.progress;
        let (phase, held_removals) = match &scan.phase {
            Phase::Listing(_) => (ScanPhase::Listing, None),
            Phase::Sweeping(_) => (ScanPhase::Sweeping, None),
            Phase::Held(missing) => (ScanPhase::Held, Some(missing.unseen)),
        };
        let total = progress.total.filter(|_| phase == ScanPhase::Listing);
        let eta = total.and_then(|total| eta(now - progress.begun_at, progress.listed, total));
        Self {
            phase,
            begun_at: progress.begun_at,
            listed: progress.listed,
            total: progress.total,
            eta_seconds: eta,
            held_removals,
        }
    }
}

/// Says how many seconds are left at the pace so far; unknown before the first item.
fn eta(elapsed: TimeDelta, listed: u64, total: u64) -> Option<i64> {
    let left = i128::from(total.saturating_sub(listed));
    let elapsed = i128::from(elapsed.num_milliseconds().max(0));
    let left = (left * elapsed).checked_div(i128::from(listed))?;
    i64::try_from(left / 1000).ok()
}

impl StreamState {
    fn of(status: &StreamStatus) -> Self {
        let scan = status.track.scan.as_ref();
        let is_held = scan.is_some_and(|scan| matches!(scan.phase, Phase::Held(_)));
        match () {
            () if status.paused.is_some() => Self::Paused,
            () if status.attempt > 0 => Self::Failing,
            () if is_held => Self::Held,
            () if scan.is_some() => Self::Scanning,
            () if status.caught_up_at.is_some() => Self::Live,
            () => Self::New,
        }
    }

    /// Names the state for people.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::New => "Waiting to begin",
            Self::Scanning => "Reading everything",
            Self::Live => "Up to date",
            Self::Failing => "Trying again",
            Self::Held => "Waiting for you",
            Self::Paused => "Paused",
        }
    }
}

impl From<ItemCounts> for Items {
    fn from(counts: ItemCounts) -> Self {
        let ItemCounts { stored, ignored, quarantined } = counts;
        Self { stored, ignored, quarantined }
    }
}

const fn fix(reason: PauseReason) -> &'static str {
    match reason {
        PauseReason::Reconnect => "The grant has ended: connect the account again.",
        PauseReason::MissingPermission => {
            "The grant does not cover reading mail: connect the account again and allow it."
        }
        PauseReason::Misconfigured => {
            "The settings of this source are wrong: mend them, then resume."
        }
        PauseReason::StreamGone => "It is gone at the source; if it is back, resume.",
    }
}

const fn push_fix(waits_for: Option<PauseReason>) -> &'static str {
    match waits_for {
        Some(PauseReason::Reconnect) => "The grant has ended: connect the account again.",
        Some(PauseReason::MissingPermission) => {
            "Let the provider publish to the topic of the push settings, and let the grant cover it."
        }
        Some(PauseReason::Misconfigured) => {
            "The push settings are wrong: mend them; `besunny doctor` says which."
        }
        Some(PauseReason::StreamGone) => "It is gone at the source; if it is back, wait.",
        None => {
            "Nothing to do: it is tried again by itself, and new mail is checked for until then."
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_to_go_follows_from_the_pace() {
        let check = |elapsed, listed, total, expected| {
            assert_eq!(eta(TimeDelta::seconds(elapsed), listed, total), expected);
        };
        check(10, 100, 300, Some(20));
        check(10, 0, 300, None);
        check(10, 300, 300, Some(0));
        check(10, 400, 300, Some(0));
        check(i64::MAX / 1_000, 1, u64::MAX, None);
    }
}
