//! Notices: a receipt is kept, and the streams it names are due.
use besunny_core::{
    push::{About, Notice},
    repository::RepositoryError,
    scheduler::{COALESCE, Noted, Receipt},
};
use chrono::DateTime;

use crate::{
    column::{Id, micros, micros_after},
    postings,
    rows::{Script, checked},
    writer::Turn,
};

/// Keeps the receipt and makes streams due, unless its delivery came before.
pub(crate) async fn note(mut turn: Turn<'_>, receipt: Receipt) -> Result<Noted, RepositoryError> {
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
