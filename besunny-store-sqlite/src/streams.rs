//! The sync side: where a stream is, what is known of its items, what people ask of it.
use std::sync::Arc;

use async_trait::async_trait;
use besunny_core::{
    commit::Commit,
    ids::StreamId,
    repository::{BATCH, Known, Position, RepositoryError, Streams},
    source::{ItemId, Revision, Scope},
    tenant::TenantScope,
    track::{Missing, ScanId, Steer, Track, Version},
};

use crate::{
    column::{Id, Table, integer, json, micros, tenant, text_list},
    failure::failed,
    store::SqliteStore,
    writer::Turn,
};

pub(crate) const STREAMS: Table = Table("streams");

/// So many asked-for items make one page.
const ASKED: i64 = 100;

#[async_trait]
impl Streams for SqliteStore {
    async fn position(
        &self,
        scope: &TenantScope,
        stream: StreamId,
    ) -> Result<Position, RepositoryError> {
        let (tenant, stream) = (tenant(scope), stream.bytes());
        let row = sqlx::query!(
            r#"SELECT version, track,
                (SELECT json_group_array(id) FROM (
                    SELECT i.id FROM items i INDEXED BY items_asked
                    WHERE i.tenant = s.tenant AND i.account = s.account AND i.asked = 1
                    AND EXISTS (SELECT 1 FROM members m
                        WHERE m.tenant = s.tenant AND m.stream = s.id AND m.item = i.id)
                    ORDER BY i.id LIMIT ?3 + 0
                )) AS "asked!: String"
            FROM streams s WHERE tenant = ?1 AND id = ?2"#,
            tenant,
            stream,
            ASKED,
        );
        let row = row.fetch_optional(&self.readers).await.map_err(failed)?;
        let row = row.ok_or(RepositoryError::Missing("stream"))?;
        Ok(Position {
            version: Version(STREAMS.number("version", row.version)?),
            track: STREAMS.json("track", &row.track)?,
            asked: STREAMS.json("asked", &row.asked)?,
        })
    }

    async fn known(
        &self,
        scope: &TenantScope,
        stream: StreamId,
        ids: &[ItemId],
        rules: Scope,
    ) -> Result<Known, RepositoryError> {
        let (tenant, stream) = (tenant(scope), stream.bytes());
        let ids = text_list(ids.iter().map(ItemId::as_str));
        let rows = sqlx::query!(
            r#"SELECT i.id AS "id?", i.revision
            FROM streams s
            LEFT JOIN items i ON i.tenant = s.tenant AND i.account = s.account
                AND i.id IN (SELECT value FROM json_each(?3)) AND i.revision IS NOT NULL
                AND (i.state = 'stored' OR i.state = 'ignored' AND i.policy = ?4)
                AND NOT EXISTS (SELECT 1 FROM events e
                    JOIN accounts a ON a.tenant = e.tenant AND a.id = e.account
                    WHERE e.tenant = s.tenant AND e.account = s.account AND e.item = i.id
                    AND e.holding = 'calendar' AND e.moved = 0 AND e.owner <> a.owner)
            WHERE s.tenant = ?1 AND s.id = ?2"#,
            tenant,
            stream,
            ids,
            rules.revision,
        );
        let rows = rows.fetch_all(&self.readers).await.map_err(failed)?;
        if rows.is_empty() {
            return Err(RepositoryError::Missing("stream"));
        }
        let held = rows.into_iter().filter_map(|row| {
            Some((ItemId::from_source(row.id?), row.revision.map(Revision::from_source)))
        });
        Ok(held.collect())
    }

    async fn unseen(
        &self,
        scope: &TenantScope,
        stream: StreamId,
        scan: ScanId,
        after: Option<&ItemId>,
    ) -> Result<Vec<ItemId>, RepositoryError> {
        let (tenant, stream, scan) = (tenant(scope), stream.bytes(), integer(scan.0));
        let (after, limit) = (after.map_or("", ItemId::as_str), integer(BATCH));
        let rows = sqlx::query_scalar!(
            r#"SELECT m.item AS "item?"
            FROM streams s
            LEFT JOIN members m ON m.tenant = s.tenant AND m.stream = s.id
                AND m.mark < ?3 AND m.item > ?4
            WHERE s.tenant = ?1 AND s.id = ?2 ORDER BY m.item LIMIT ?5 + 0"#,
            tenant,
            stream,
            scan,
            after,
            limit,
        );
        let rows = rows.fetch_all(&self.readers).await.map_err(failed)?;
        if rows.is_empty() {
            return Err(RepositoryError::Missing("stream"));
        }
        Ok(rows.into_iter().flatten().map(ItemId::from_source).collect())
    }

    async fn missing(
        &self,
        scope: &TenantScope,
        stream: StreamId,
        scan: ScanId,
    ) -> Result<Missing, RepositoryError> {
        let (tenant, stream, scan) = (tenant(scope), stream.bytes(), integer(scan.0));
        let row = sqlx::query!(
            r#"SELECT count(*) AS "found!: i64", count(m.item) AS "members!: i64",
                count(*) FILTER (WHERE m.mark < ?3) AS "unseen!: i64"
            FROM streams s
            LEFT JOIN members m ON m.tenant = s.tenant AND m.stream = s.id
            WHERE s.tenant = ?1 AND s.id = ?2"#,
            tenant,
            stream,
            scan,
        );
        let row = row.fetch_one(&self.readers).await.map_err(failed)?;
        if row.found == 0 {
            return Err(RepositoryError::Missing("stream"));
        }
        let number = |count| STREAMS.number("id", count);
        Ok(Missing { unseen: number(row.unseen)?, members: number(row.members)? })
    }

    async fn commit(
        &self,
        scope: &TenantScope,
        commit: Arc<Commit>,
    ) -> Result<Version, RepositoryError> {
        crate::commit::commit(self, scope, commit).await
    }

    async fn ask_again(
        &self,
        scope: &TenantScope,
        stream: StreamId,
        items: &[ItemId],
    ) -> Result<(), RepositoryError> {
        let (tenant, stream) = (tenant(scope), stream.bytes());
        let mut ids: Vec<String> = items.iter().map(|id| id.as_str().to_owned()).collect();
        ids.sort_unstable();
        ids.dedup();
        self.write(move |turn| Box::pin(ask_again(turn, tenant, stream, ids))).await
    }

    async fn steer(
        &self,
        scope: &TenantScope,
        stream: StreamId,
        steer: Steer,
    ) -> Result<(), RepositoryError> {
        let (tenant, stream) = (tenant(scope), stream.bytes());
        self.write(move |turn| Box::pin(take_in(turn, tenant, stream, steer))).await
    }
}

async fn ask_again(
    turn: Turn<'_>,
    tenant: Vec<u8>,
    stream: Vec<u8>,
    ids: Vec<String>,
) -> Result<(), RepositoryError> {
    let now = micros(turn.now);
    let due = sqlx::query_scalar!(
        "UPDATE streams SET next_due_at = ?, dirty = 1 WHERE tenant = ? AND id = ?
        RETURNING account",
        now,
        tenant,
        stream,
    );
    let account = due.fetch_optional(&mut *turn.connection).await.map_err(failed)?;
    let account = account.ok_or(RepositoryError::Missing("stream"))?;
    let list = text_list(&ids);
    let asked = sqlx::query!(
        "UPDATE items SET asked = 1
        WHERE tenant = ? AND account = ? AND id IN (SELECT value FROM json_each(?))",
        tenant,
        account,
        list,
    );
    let asked = asked.execute(&mut *turn.connection).await.map_err(failed)?;
    if asked.rows_affected() != u64::try_from(ids.len()).unwrap_or(u64::MAX) {
        return Err(RepositoryError::Missing("item"));
    }
    turn.made.streams = true;
    Ok(())
}

/// Takes in what a person asks of a stream.
async fn take_in(
    turn: Turn<'_>,
    tenant: Vec<u8>,
    stream: Vec<u8>,
    steer: Steer,
) -> Result<(), RepositoryError> {
    let track = sqlx::query_scalar!(
        "SELECT track FROM streams WHERE tenant = ? AND id = ?",
        tenant,
        stream,
    );
    let track = track.fetch_optional(&mut *turn.connection).await.map_err(failed)?;
    let track = track.ok_or(RepositoryError::Missing("stream"))?;
    let track: Track = STREAMS.json("track", &track)?;
    let (track, now) = (json(&track.steered(steer))?, micros(turn.now));
    let steered = sqlx::query!(
        "UPDATE streams
        SET track = ?, version = version + 1, paused = NULL, next_due_at = ?, dirty = 1
        WHERE tenant = ? AND id = ?",
        track,
        now,
        tenant,
        stream,
    );
    steered.execute(&mut *turn.connection).await.map_err(failed)?;
    turn.made.streams = true;
    Ok(())
}
