//! Accounts, and what is known of their streams.
use async_trait::async_trait;
use besunny_core::{
    account::{Account, Intake, Provider, stream_id},
    ids::{AccountId, StreamId},
    item::{Item, ItemState},
    repository::{Accounts, BATCH, ItemCounts, ItemFilter, Offer, RepositoryError, StreamStatus},
    scheduler::PauseReason,
    source::{ItemId, OfferedStream, Revision, StreamKey, Subject},
    tenant::TenantScope,
    track::Track,
};
use chrono::{DateTime, Utc};
use sqlx::SqliteConnection;

use crate::{
    column::{Id, Table, integer, json, micros, tenant, text_list},
    failure::{failed, orphaned},
    store::SqliteStore,
    streams::STREAMS,
    writer::Turn,
};

pub(crate) const ACCOUNTS: Table = Table("accounts");
const ITEMS: Table = Table("items");

#[async_trait]
impl Accounts for SqliteStore {
    async fn connect(
        &self,
        scope: &TenantScope,
        account: &Account,
        streams: &[OfferedStream],
    ) -> Result<(), RepositoryError> {
        let (tenant, account, streams) = (tenant(scope), account.clone(), streams.to_vec());
        self.write(move |turn| Box::pin(connect(turn, tenant, account, streams))).await
    }

    async fn offer(
        &self,
        scope: &TenantScope,
        account: AccountId,
        offer: &Offer,
    ) -> Result<(), RepositoryError> {
        let (tenant, offer) = (tenant(scope), offer.clone());
        self.write(move |turn| Box::pin(take_in(turn, tenant, account, offer))).await
    }

    async fn accounts(&self, scope: &TenantScope) -> Result<Vec<Account>, RepositoryError> {
        let tenant = tenant(scope);
        let rows = sqlx::query_as!(
            AccountRow,
            "SELECT id, owner, provider, subject, intake, connected_at
            FROM accounts WHERE tenant = ? ORDER BY id",
            tenant,
        );
        let rows = rows.fetch_all(&self.readers).await.map_err(failed)?;
        rows.into_iter().map(Account::try_from).collect()
    }

    async fn find_stream(
        &self,
        scope: &TenantScope,
        stream: StreamId,
    ) -> Result<Option<(Account, StreamKey)>, RepositoryError> {
        let (tenant, stream) = (tenant(scope), stream.bytes());
        let row = sqlx::query!(
            "SELECT a.id, owner, provider, subject, intake, connected_at, key
            FROM streams s JOIN accounts a ON a.tenant = s.tenant AND a.id = s.account
            WHERE s.tenant = ? AND s.id = ?",
            tenant,
            stream,
        );
        let Some(row) = row.fetch_optional(&self.readers).await.map_err(failed)? else {
            return Ok(None);
        };
        let account = AccountRow {
            id: row.id,
            owner: row.owner,
            provider: row.provider,
            subject: row.subject,
            intake: row.intake,
            connected_at: row.connected_at,
        };
        Ok(Some((account.try_into()?, StreamKey::from_source(row.key))))
    }

    async fn streams(&self, scope: &TenantScope) -> Result<Vec<StreamStatus>, RepositoryError> {
        let tenant = tenant(scope);
        let rows = sqlx::query_as!(
            StreamRow,
            r#"SELECT id, account, key, title, followed AS "is_followed!: bool", track, caught_up_at, next_due_at, noticed_at,
                attempt, error, paused, watch,
                (SELECT count(*) FROM members m WHERE m.tenant = s.tenant AND m.stream = s.id)
                    AS "members!: i64",
                (SELECT count(*) FROM items i JOIN members m
                    ON m.tenant = s.tenant AND m.stream = s.id AND m.item = i.id
                    WHERE i.tenant = s.tenant AND i.account = s.account
                    AND i.state = 'ignored' AND i.state IN ('ignored', 'quarantined'))
                    AS "ignored!: i64",
                (SELECT count(*) FROM items i JOIN members m
                    ON m.tenant = s.tenant AND m.stream = s.id AND m.item = i.id
                    WHERE i.tenant = s.tenant AND i.account = s.account
                    AND i.state = 'quarantined' AND i.state IN ('ignored', 'quarantined'))
                    AS "quarantined!: i64"
            FROM streams s WHERE tenant = ? ORDER BY id"#,
            tenant,
        );
        let rows = rows.fetch_all(&self.readers).await.map_err(failed)?;
        rows.into_iter().map(StreamStatus::try_from).collect()
    }

    async fn items(
        &self,
        scope: &TenantScope,
        stream: StreamId,
        filter: ItemFilter,
        after: Option<&ItemId>,
    ) -> Result<Vec<Item>, RepositoryError> {
        let (tenant, stream) = (tenant(scope), stream.bytes());
        let (after, limit) = (after.map_or("", ItemId::as_str), integer(BATCH));
        let state = match filter {
            ItemFilter::All => None,
            ItemFilter::Quarantined => Some("quarantined"),
            ItemFilter::Ignored => Some("ignored"),
        };
        let rows = match state {
            None => {
                sqlx::query_as!(
                    ItemRow,
                    r#"SELECT i.id AS "id?", i.revision, i.state AS "state?", i.reason
                FROM streams s
                LEFT JOIN members m ON m.tenant = s.tenant AND m.stream = s.id AND m.item > ?3
                LEFT JOIN items i
                    ON i.tenant = s.tenant AND i.account = s.account AND i.id = m.item
                WHERE s.tenant = ?1 AND s.id = ?2 ORDER BY m.item LIMIT ?4 + 0"#,
                    tenant,
                    stream,
                    after,
                    limit,
                )
                .fetch_all(&self.readers)
                .await
            }
            Some(state) => {
                sqlx::query_as!(
                    ItemRow,
                    r#"SELECT i.id AS "id?", i.revision, i.state AS "state?", i.reason
                FROM streams s
                LEFT JOIN items i ON i.tenant = s.tenant AND i.account = s.account
                    AND i.state = ?5 AND i.state IN ('ignored', 'quarantined') AND i.id > ?3
                    AND EXISTS (SELECT 1 FROM members m
                        WHERE m.tenant = s.tenant AND m.stream = s.id AND m.item = i.id)
                WHERE s.tenant = ?1 AND s.id = ?2 ORDER BY i.id LIMIT ?4 + 0"#,
                    tenant,
                    stream,
                    after,
                    limit,
                    state,
                )
                .fetch_all(&self.readers)
                .await
            }
        };
        let rows = rows.map_err(failed)?;
        if rows.is_empty() {
            return Err(RepositoryError::Missing("stream"));
        }
        rows.into_iter().filter_map(ItemRow::item).collect()
    }
}

/// Stores an account and its streams; those that are proposed are followed, and due.
async fn connect(
    turn: Turn<'_>,
    tenant: Vec<u8>,
    account: Account,
    streams: Vec<OfferedStream>,
) -> Result<(), RepositoryError> {
    let (id, owner) = (account.id.bytes(), account.owner.bytes());
    let (provider, subject) = (account.provider.as_str(), account.subject.as_str());
    let (intake, connected_at) = (account.intake.as_str(), micros(account.connected_at));
    let offered_at = micros(turn.now);
    let stored = sqlx::query!(
        "INSERT INTO accounts
            (tenant, id, owner, provider, subject, intake, connected_at, offers, offered_at)
        VALUES (?, ?, ?, ?, ?, ?, ?, 1, ?)
        ON CONFLICT (tenant, id) DO UPDATE SET
            offers = offers + 1,
            offered_at = excluded.offered_at,
            owner = excluded.owner,
            provider = excluded.provider,
            subject = excluded.subject,
            intake = excluded.intake,
            connected_at = excluded.connected_at",
        tenant,
        id,
        owner,
        provider,
        subject,
        intake,
        connected_at,
        offered_at,
    );
    stored.execute(&mut *turn.connection).await.map_err(orphaned("owner"))?;
    for stream in &streams {
        put(turn.connection, (&tenant, account.id), stream, (turn.now, true)).await?;
    }
    turn.made.streams = true;
    Ok(())
}

/// Takes in what an account offers: what is new or back is followed, and what is not there no more.
async fn take_in(
    turn: Turn<'_>,
    tenant: Vec<u8>,
    account: AccountId,
    offer: Offer,
) -> Result<(), RepositoryError> {
    let (id, expected, now) = (account.bytes(), integer(offer.expected), micros(turn.now));
    let taken =
        sqlx::query_scalar!("SELECT offers FROM accounts WHERE tenant = ? AND id = ?", tenant, id,);
    let taken = taken.fetch_optional(&mut *turn.connection).await.map_err(failed)?;
    if taken.ok_or(RepositoryError::Missing("account"))? != expected {
        return Err(RepositoryError::Conflict);
    }
    let counted = sqlx::query!(
        "UPDATE accounts SET offers = offers + 1, offered_at = ? WHERE tenant = ? AND id = ?",
        now,
        tenant,
        id,
    );
    counted.execute(&mut *turn.connection).await.map_err(failed)?;
    for stream in &offer.streams {
        put(turn.connection, (&tenant, account), stream, (turn.now, false)).await?;
    }
    let keys = text_list(offer.streams.iter().map(|stream| stream.key.as_str()));
    let withdrawn = sqlx::query!(
        "UPDATE streams SET followed = 0, paused = NULL, next_due_at = ?, dirty = 1
        WHERE tenant = ? AND account = ? AND followed = 1
        AND key NOT IN (SELECT value FROM json_each(?))",
        now,
        tenant,
        id,
        keys,
    );
    withdrawn.execute(&mut *turn.connection).await.map_err(failed)?;
    turn.made.streams = true;
    Ok(())
}

/// Stores a stream that is offered; one that is proposed is followed from now on, and one that was
/// followed before goes on at once only where a person connected the account (`is_asked`).
async fn put(
    connection: &mut SqliteConnection,
    (tenant, account): (&[u8], AccountId),
    stream: &OfferedStream,
    (now, is_asked): (DateTime<Utc>, bool),
) -> Result<(), RepositoryError> {
    let (id, account) = (stream_id(account, &stream.key).bytes(), account.bytes());
    let (track, now) = (json(&Track::default())?, micros(now));
    let (key, followed) = (stream.key.as_str(), stream.proposed);
    let due = followed.then_some(now);
    let offered = sqlx::query!(
        "INSERT INTO streams
            (tenant, id, account, key, title, version, track, epoch, next_due_at, dirty,
            attempt, quiet, followed)
        VALUES (?1, ?2, ?3, ?4, ?5, 0, ?6, 0, ?7, ?8, 0, 0, ?8)
        ON CONFLICT (tenant, id) DO UPDATE SET
            paused = NULL, next_due_at = excluded.next_due_at, dirty = 1, followed = 1
            WHERE excluded.followed AND (?9 OR NOT streams.followed)",
        tenant,
        id,
        account,
        key,
        stream.title,
        track,
        due,
        followed,
        is_asked,
    );
    offered.execute(connection).await.map(drop).map_err(failed)
}

/// An account as it is stored.
pub(crate) struct AccountRow {
    pub(crate) id: Vec<u8>,
    pub(crate) owner: Vec<u8>,
    pub(crate) provider: String,
    pub(crate) subject: String,
    pub(crate) intake: String,
    pub(crate) connected_at: i64,
}

impl TryFrom<AccountRow> for Account {
    type Error = RepositoryError;

    fn try_from(row: AccountRow) -> Result<Self, RepositoryError> {
        Ok(Self {
            id: ACCOUNTS.id("id", &row.id)?,
            owner: ACCOUNTS.id("owner", &row.owner)?,
            provider: Provider::new(row.provider),
            subject: Subject::from_source(row.subject),
            intake: ACCOUNTS.parsed("intake", Intake::parse(&row.intake))?,
            connected_at: ACCOUNTS.instant("connected_at", row.connected_at)?,
        })
    }
}

struct StreamRow {
    id: Vec<u8>,
    account: Vec<u8>,
    key: String,
    title: String,
    is_followed: bool,
    track: String,
    caught_up_at: Option<i64>,
    next_due_at: Option<i64>,
    noticed_at: Option<i64>,
    attempt: i64,
    error: Option<String>,
    paused: Option<String>,
    watch: Option<String>,
    members: i64,
    ignored: i64,
    quarantined: i64,
}

impl TryFrom<StreamRow> for StreamStatus {
    type Error = RepositoryError;

    fn try_from(row: StreamRow) -> Result<Self, RepositoryError> {
        let instant =
            |column, at: Option<i64>| at.map(|at| STREAMS.instant(column, at)).transpose();
        let paused = row.paused.as_deref().map(PauseReason::parse);
        let paused = paused.map(|reason| STREAMS.parsed("paused", reason)).transpose()?;
        let watch = row.watch.as_deref().map(|watch| STREAMS.json("watch", watch)).transpose()?;
        // A member that was removed at the source cannot be: leaving is what removes an item.
        let stored = row.members - row.ignored - row.quarantined;
        Ok(Self {
            id: STREAMS.id("id", &row.id)?,
            account: STREAMS.id("account", &row.account)?,
            key: StreamKey::from_source(row.key),
            title: row.title,
            is_followed: row.is_followed,
            track: STREAMS.json("track", &row.track)?,
            caught_up_at: instant("caught_up_at", row.caught_up_at)?,
            next_due_at: instant("next_due_at", row.next_due_at)?.filter(|_| paused.is_none()),
            noticed_at: instant("noticed_at", row.noticed_at)?,
            attempt: STREAMS.number("attempt", row.attempt)?,
            error: row.error,
            paused,
            watch,
            items: ItemCounts {
                stored: ITEMS.number("state", stored)?,
                ignored: ITEMS.number("state", row.ignored)?,
                quarantined: ITEMS.number("state", row.quarantined)?,
            },
        })
    }
}

struct ItemRow {
    id: Option<String>,
    revision: Option<String>,
    state: Option<String>,
    reason: Option<String>,
}

impl ItemRow {
    /// Returns the item; a stream without any answers one row without one.
    fn item(self) -> Option<Result<Item, RepositoryError>> {
        let (id, state) = (self.id?, self.state?);
        let state = match (state.as_str(), self.reason.as_deref()) {
            ("stored", None) => Ok(ItemState::Stored),
            ("removed", None) => Ok(ItemState::Removed),
            ("ignored", Some(reason)) => ITEMS.json("reason", reason).map(ItemState::Ignored),
            ("quarantined", Some(reason)) => {
                ITEMS.json("reason", reason).map(ItemState::Quarantined)
            }
            (_, _) => Err(ITEMS.corrupt("state")),
        };
        let revision = self.revision.map(Revision::from_source);
        Some(state.map(|state| Item { id: ItemId::from_source(id), revision, state }))
    }
}
