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
    rows::{Script, checked},
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
        let mut written = keep(&mut turn, &receipt, notice).await?.into_iter();
        if notice.dedup.is_some() && written.next() == Some(0) {
            noted.repeated += 1;
            continue;
        }
        let found = match &notice.about {
            About::Watch(_) | About::Subject(_) => written.next().unwrap_or(0),
            About::Bot(bot) => postings::notice(&mut turn, receipt.provider.as_str(), bot).await?,
        };
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

/// Says whether nothing but the database can refuse a receipt, and each notice is sent as one text.
pub(crate) fn is_plain(receipt: &Receipt) -> bool {
    receipt.notices.iter().all(|notice| match notice.about {
        About::Watch(_) | About::Subject(_) => true,
        About::Bot(_) => false,
    })
}

/// Remembers the delivery, and makes the streams due that it names unless it came before; returns
/// how many rows that wrote.
async fn keep(
    turn: &mut Turn<'_>,
    receipt: &Receipt,
    notice: &Notice,
) -> Result<Vec<u64>, RepositoryError> {
    let (provider, now) = (receipt.provider.as_str(), micros(turn.now));
    let mut script = Script::new(turn.connection, true);
    if let Some(dedup) = &notice.dedup {
        checked!(
            script,
            None,
            "INSERT INTO receipts (provider, dedup, noted_at) VALUES (?, ?, ?)
            ON CONFLICT (provider, dedup) DO NOTHING",
            provider,
            dedup,
            now,
        )?;
    }
    make_due(&mut script, now, receipt, notice).await?;
    script.end().await
}

/// Makes the streams due that a notice names, unless its receipt, the row that was written last,
/// was there.
async fn make_due(
    script: &mut Script<'_>,
    now: i64,
    receipt: &Receipt,
    notice: &Notice,
) -> Result<(), RepositoryError> {
    let coalesce = micros_after(DateTime::UNIX_EPOCH, COALESCE);
    let always = notice.dedup.is_none();
    match &notice.about {
        About::Watch(id) => {
            let id = id.bytes();
            checked!(
                script,
                None,
                "/* all tenants: notice by watch */
                UPDATE streams SET noticed_at = ?, dirty = 1, next_due_at = min(
                    max(?, coalesce(leased_at + ?, ?)),
                    coalesce(next_due_at, max(?, coalesce(leased_at + ?, ?)))
                )
                WHERE watch_id = ? AND (? OR changes() > 0)",
                now,
                now,
                coalesce,
                now,
                now,
                coalesce,
                now,
                id,
                always,
            )
        }
        About::Subject(subject) => {
            let (provider, subject) = (receipt.provider.as_str(), subject.as_str());
            checked!(
                script,
                None,
                "/* all tenants: notice by subject */
                UPDATE streams SET noticed_at = ?, dirty = 1, next_due_at = min(
                    max(?, coalesce(leased_at + ?, ?)),
                    coalesce(next_due_at, max(?, coalesce(leased_at + ?, ?)))
                )
                WHERE (tenant, account) IN (
                    SELECT tenant, id FROM accounts
                    WHERE provider = ? AND subject = ? COLLATE NOCASE
                ) AND (? OR changes() > 0)",
                now,
                now,
                coalesce,
                now,
                now,
                coalesce,
                now,
                provider,
                subject,
                always,
            )
        }
        About::Bot(_) => Ok(()),
    }
}

/// Forgets receipts that nobody repeats any more.
async fn forget(turn: &mut Turn<'_>) -> Result<(), RepositoryError> {
    let old = micros(turn.now - REMEMBERED);
    let forgotten = sqlx::query!("DELETE FROM receipts WHERE noted_at < ?", old);
    forgotten.execute(&mut *turn.connection).await.map(drop).map_err(failed)
}
