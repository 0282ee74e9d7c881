//! People who come later than the mail that names them: that mail is asked for again.
use besunny_core::repository::{BATCH, RepositoryError};
use serde_json::Value;
use sqlx::SqliteConnection;

use crate::{
    column::{integer, micros},
    failure::failed,
    store::SqliteStore,
    writer::Turn,
};

/// Asks again for all items that name `username`, in batches, so that others write in between.
///
/// It is done before the person is there: a crash leaves items that are asked for in vain, and an
/// addition that is made again.
pub(crate) async fn ask_ahead(
    store: &SqliteStore,
    tenant: &[u8],
    username: &str,
) -> Result<(), RepositoryError> {
    let batch = u64::try_from(BATCH).unwrap_or(u64::MAX);
    loop {
        let (tenant, username) = (tenant.to_vec(), username.to_owned());
        let asked = store.write(move |turn| Box::pin(ask_for(turn.connection, tenant, username)));
        if asked.await? < batch {
            return Ok(());
        }
    }
}

/// Asks again for a batch of items that name `username`; returns how many these were.
async fn ask_for(
    connection: &mut SqliteConnection,
    tenant: Vec<u8>,
    username: String,
) -> Result<u64, RepositoryError> {
    let limit = integer(BATCH);
    let asked = sqlx::query!(
        "UPDATE items SET asked = 1 WHERE tenant = ?1 AND (account, id) IN (
            SELECT d.account, d.item
            FROM detections d INDEXED BY detections_of_nobody
            CROSS JOIN accounts a ON a.tenant = d.tenant AND a.id = d.account
            CROSS JOIN items i ON i.tenant = d.tenant AND i.account = d.account AND i.id = d.item
            WHERE d.tenant = ?1 AND d.username = ?2 AND d.user IS NULL
            AND a.intake = 'master' AND i.asked = 0
            LIMIT ?3 + 0
        )",
        tenant,
        username,
        limit,
    );
    Ok(asked.execute(connection).await.map_err(failed)?.rows_affected())
}

/// Welcomes a person who was just added: what came in since, and streams that are due, unless their
/// source asked to wait.
pub(crate) async fn welcome(
    turn: &mut Turn<'_>,
    tenant: Vec<u8>,
    username: String,
) -> Result<(), RepositoryError> {
    let now = micros(turn.now);
    let due = sqlx::query!(
        "UPDATE streams
        SET next_due_at = min(next_due_at, max(?2, coalesce(spared_until, ?2))), dirty = 1
        WHERE tenant = ?1 AND next_due_at IS NOT NULL
        AND account IN (SELECT id FROM accounts WHERE tenant = ?1 AND intake = 'master')",
        tenant,
        now,
    );
    due.execute(&mut *turn.connection).await.map_err(failed)?;
    turn.made.streams = true;
    while ask_for(turn.connection, tenant.clone(), username.clone()).await? > 0 {}
    Ok(())
}

/// Asks again for items of a commit that name somebody whom its pass did not know yet.
pub(crate) async fn ask_for_late(
    connection: &mut SqliteConnection,
    tenant: &[u8],
    account: &[u8],
    unknown: Vec<Value>,
) -> Result<(), RepositoryError> {
    if unknown.is_empty() {
        return Ok(());
    }
    let unknown = Value::Array(unknown).to_string();
    let asked = sqlx::query!(
        "UPDATE items SET asked = 1 WHERE tenant = ?1 AND account = ?2 AND id IN (
            SELECT value ->> 0 FROM json_each(?3)
            CROSS JOIN users u ON u.tenant = ?1 AND u.username = value ->> 1
        ) AND EXISTS (
            SELECT 1 FROM accounts a WHERE a.tenant = ?1 AND a.id = ?2 AND a.intake = 'master'
        )",
        tenant,
        account,
        unknown,
    );
    asked.execute(connection).await.map(drop).map_err(failed)
}
