//! Notices: a receipt is kept, and the streams it names are due.
use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use besunny_core::{
    push::{About, Notice},
    repository::RepositoryError,
    scheduler::{COALESCE, Noted, Receipt},
};
use chrono::{DateTime, Utc};

use crate::{
    column::{Id, micros, micros_after},
    failure::failed,
    postings,
    writer::Turn,
};

/// Receipts are remembered so long: Pub/Sub, the provider that repeats longest, keeps a message
/// for at most 31 days (<https://cloud.google.com/pubsub/docs/subscription-properties>).
const REMEMBERED: Duration = Duration::from_hours(31 * 24);

/// When receipts were last looked through for old ones; once a minute is enough.
#[derive(Debug)]
pub(crate) struct Forgetting(AtomicI64);

impl Default for Forgetting {
    fn default() -> Self {
        Self(AtomicI64::new(i64::MIN))
    }
}

impl Forgetting {
    /// Says whether it is time to look, and takes it that the caller does.
    pub(crate) fn is_due(&self, now: DateTime<Utc>) -> bool {
        const EVERY: i64 = 60_000_000;
        let (now, last) = (micros(now), self.0.load(Ordering::Relaxed));
        // A clock that was set back must not put it off.
        let is_due = now < last || now.saturating_sub(last) >= EVERY;
        if is_due {
            self.0.store(now, Ordering::Relaxed);
        }
        is_due
    }
}

/// Keeps the receipt and makes streams due, unless its delivery came before.
pub(crate) async fn note(
    mut turn: Turn<'_>,
    receipt: Receipt,
    forgets: bool,
) -> Result<Noted, RepositoryError> {
    let mut noted = Noted::default();
    for notice in &receipt.notices {
        if !is_fresh(&mut turn, &receipt, notice).await? {
            noted.repeated += 1;
            continue;
        }
        let found = make_due(&mut turn, &receipt, notice).await?;
        let found = usize::try_from(found).unwrap_or(usize::MAX);
        match &notice.about {
            About::Watch(_) | About::Subject(_) | About::Bot(_) if found == 0 => noted.unknown += 1,
            About::Watch(_) | About::Subject(_) => noted.streams += found,
            About::Bot(_) => noted.postings += found,
        }
    }
    if forgets {
        forget(&mut turn).await?;
    }
    turn.made.streams = noted.streams > 0;
    Ok(noted)
}

/// Remembers the delivery; `false` when it came before.
async fn is_fresh(
    turn: &mut Turn<'_>,
    receipt: &Receipt,
    notice: &Notice,
) -> Result<bool, RepositoryError> {
    let Some(dedup) = &notice.dedup else { return Ok(true) };
    let (provider, now) = (receipt.provider.as_str(), micros(turn.now));
    let kept = sqlx::query!(
        "INSERT INTO receipts (provider, dedup, noted_at) VALUES (?, ?, ?)
        ON CONFLICT (provider, dedup) DO NOTHING",
        provider,
        dedup,
        now,
    );
    Ok(kept.execute(&mut *turn.connection).await.map_err(failed)?.rows_affected() > 0)
}

/// Makes the streams or postings a notice names due; returns how many.
async fn make_due(
    turn: &mut Turn<'_>,
    receipt: &Receipt,
    notice: &Notice,
) -> Result<u64, RepositoryError> {
    let (now, coalesce) = (micros(turn.now), micros_after(DateTime::UNIX_EPOCH, COALESCE));
    let due = match &notice.about {
        About::Watch(id) => {
            let id = id.bytes();
            let due = sqlx::query!(
                "/* all tenants: notice by watch */
                UPDATE streams SET noticed_at = ?1, dirty = 1, next_due_at = min(
                    max(?1, coalesce(leased_at + ?2, ?1)),
                    coalesce(next_due_at, max(?1, coalesce(leased_at + ?2, ?1)))
                )
                WHERE watch_id = ?3",
                now,
                coalesce,
                id,
            );
            due.execute(&mut *turn.connection).await
        }
        About::Bot(bot) => {
            return postings::notice(turn, receipt.provider.as_str(), bot).await;
        }
        About::Subject(subject) => {
            let (provider, subject) = (receipt.provider.as_str(), subject.as_str());
            let due = sqlx::query!(
                "/* all tenants: notice by subject */
                UPDATE streams SET noticed_at = ?1, dirty = 1, next_due_at = min(
                    max(?1, coalesce(leased_at + ?2, ?1)),
                    coalesce(next_due_at, max(?1, coalesce(leased_at + ?2, ?1)))
                )
                WHERE (tenant, account) IN (
                    SELECT tenant, id FROM accounts
                    WHERE provider = ?3 AND subject = ?4 COLLATE NOCASE
                )",
                now,
                coalesce,
                provider,
                subject,
            );
            due.execute(&mut *turn.connection).await
        }
    };
    Ok(due.map_err(failed)?.rows_affected())
}

/// Forgets receipts that nobody repeats any more.
async fn forget(turn: &mut Turn<'_>) -> Result<(), RepositoryError> {
    let old = micros(turn.now - REMEMBERED);
    let forgotten = sqlx::query!("DELETE FROM receipts WHERE noted_at < ?", old);
    forgotten.execute(&mut *turn.connection).await.map(drop).map_err(failed)
}
