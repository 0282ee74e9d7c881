//! Bots: rooms as they were planned, postings, and what was heard.
use std::collections::{BTreeMap, BTreeSet, HashMap};

use async_trait::async_trait;
use besunny_core::{
    bot::{BotRef, Segment},
    commit::{Commit, Effect},
    event::Event,
    ids::{MeetingId, PostingId, TenantId, UserId},
    job::{Job, Task},
    meeting::MeetingKey,
    posting::{BotPolicy, Posting, PostingChange},
    repository::{Postings, RepositoryError, Room},
    tenant::TenantScope,
};
use chrono::{DateTime, Utc};
use serde_json::{Value, json as object};
use sqlx::SqliteConnection;

use crate::{
    column::{Id, Table, hex_list, integer, json, micros, tenant, text_list, version_list},
    commit::OUTBOX,
    failure::failed,
    meetings,
    rows::{Insert, insert, write},
    store::SqliteStore,
    writer::Turn,
};

const POSTINGS: Table = Table("postings");
const ROOMS: Table = Table("rooms");
const SEGMENTS: Table = Table("segments");
const USERS: Table = Table("users");

const PUT_POSTINGS: Insert = insert!(
    "tenant",
    "INSERT INTO postings (tenant, id, version, room, starts_at, ends_at, is_live, is_over,
    provider, bot, posting)",
    "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    " ON CONFLICT (tenant, id) DO UPDATE SET version = excluded.version,
    starts_at = excluded.starts_at, ends_at = excluded.ends_at, is_live = excluded.is_live,
    is_over = excluded.is_over, bot = excluded.bot, posting = excluded.posting"
);
const PUT_SERVED: Insert = insert!(
    "posting",
    "INSERT INTO posting_meetings (tenant, meeting, posting)",
    "(?, ?, ?)",
    " ON CONFLICT DO NOTHING"
);
const PUT_SEGMENTS: Insert = insert!(
    "posting",
    "INSERT INTO segments (tenant, posting, key, starts_at, segment)",
    "(?, ?, ?, ?, ?)",
    " ON CONFLICT (tenant, posting, key) DO UPDATE SET starts_at = excluded.starts_at,
    segment = excluded.segment"
);

#[async_trait]
impl Postings for SqliteStore {
    async fn room(
        &self,
        scope: &TenantScope,
        room: &MeetingKey,
        since: DateTime<Utc>,
    ) -> Result<Room, RepositoryError> {
        let (tenant, key, since) = (tenant(scope), room.as_str(), micros(since));
        let version = sqlx::query_scalar!(
            "SELECT version FROM rooms WHERE tenant = ? AND room = ?",
            tenant,
            key,
        );
        let version = version.fetch_optional(&self.readers).await.map_err(failed)?;
        let version = version.map(|version| ROOMS.number("version", version)).transpose()?;
        let found = sqlx::query_scalar!(
            "SELECT meeting FROM meetings INDEXED BY meetings_by_room
            WHERE tenant = ? AND room = ? AND ends_at > ? ORDER BY id",
            tenant,
            key,
            since,
        );
        let meetings = meetings::read(&found.fetch_all(&self.readers).await.map_err(failed)?)?;
        let found = sqlx::query_scalar!(
            "SELECT posting FROM postings INDEXED BY postings_by_room
            WHERE tenant = ?1 AND room = ?2 AND ends_at > ?3
            UNION
            SELECT posting FROM postings INDEXED BY postings_open
            WHERE tenant = ?1 AND room = ?2 AND is_over = 0",
            tenant,
            key,
            since,
        );
        let mut postings = read(&found.fetch_all(&self.readers).await.map_err(failed)?)?;
        postings.sort_by_key(|posting| posting.id);
        Ok(Room { version: version.unwrap_or_default(), meetings, postings })
    }

    async fn posting(
        &self,
        scope: &TenantScope,
        id: PostingId,
    ) -> Result<Option<Posting>, RepositoryError> {
        let (tenant, id) = (tenant(scope), id.bytes());
        let row = sqlx::query_scalar!(
            "SELECT posting FROM postings WHERE tenant = ? AND id = ?",
            tenant,
            id,
        );
        let row = row.fetch_optional(&self.readers).await.map_err(failed)?;
        row.map(|posting| POSTINGS.json("posting", &posting)).transpose()
    }

    async fn postings_for(
        &self,
        scope: &TenantScope,
        meetings: &[MeetingId],
    ) -> Result<Vec<Posting>, RepositoryError> {
        let (tenant, meetings) = (tenant(scope), hex_list(meetings));
        let rows = sqlx::query_scalar!(
            "SELECT DISTINCT p.posting FROM json_each(?2) wanted
            CROSS JOIN posting_meetings m ON m.tenant = ?1 AND m.meeting = unhex(wanted.value)
            CROSS JOIN postings p ON p.tenant = ?1 AND p.id = m.posting",
            tenant,
            meetings,
        );
        let mut postings = read(&rows.fetch_all(&self.readers).await.map_err(failed)?)?;
        postings.sort_by_key(|posting| posting.id);
        Ok(postings)
    }

    async fn said(
        &self,
        scope: &TenantScope,
        postings: &[PostingId],
    ) -> Result<Vec<Segment>, RepositoryError> {
        let (tenant, postings) = (tenant(scope), hex_list(postings));
        let rows = sqlx::query_scalar!(
            "SELECT s.segment FROM json_each(?2) wanted
            CROSS JOIN segments s ON s.tenant = ?1 AND s.posting = unhex(wanted.value)
            ORDER BY s.starts_at, s.key, s.posting",
            tenant,
            postings,
        );
        let rows = rows.fetch_all(&self.readers).await.map_err(failed)?;
        rows.iter().map(|segment| SEGMENTS.json("segment", segment)).collect()
    }

    async fn bot_policies(
        &self,
        scope: &TenantScope,
        owners: &[UserId],
    ) -> Result<HashMap<UserId, BotPolicy>, RepositoryError> {
        let (tenant, owners) = (tenant(scope), hex_list(owners));
        let rows = sqlx::query!(
            r#"SELECT u.id, u.bot_policy AS "policy!" FROM json_each(?2) wanted
            CROSS JOIN users u ON u.tenant = ?1 AND u.id = unhex(wanted.value)
            WHERE u.bot_policy IS NOT NULL"#,
            tenant,
            owners,
        );
        let rows = rows.fetch_all(&self.readers).await.map_err(failed)?;
        let said = rows.into_iter().map(|row| {
            let policy = USERS.parsed("bot_policy", BotPolicy::parse(&row.policy))?;
            Ok((USERS.id("id", &row.id)?, policy))
        });
        said.collect()
    }
}

fn read(rows: &[String]) -> Result<Vec<Posting>, RepositoryError> {
    rows.iter().map(|posting| POSTINGS.json("posting", posting)).collect()
}

fn changes(commit: &Commit) -> impl Iterator<Item = &PostingChange> {
    commit.effects.iter().filter_map(|effect| {
        let Effect::Post(change) = effect else { return None };
        Some(&**change)
    })
}

/// Refuses a commit that does not find rooms and postings as it read them.
pub(crate) async fn check(
    connection: &mut SqliteConnection,
    tenant: TenantId,
    commit: &Commit,
) -> Result<(), RepositoryError> {
    for effect in &commit.effects {
        let Effect::Staff { room, expected } = effect else { continue };
        let (tenant, room) = (tenant.bytes(), room.as_str());
        let version = sqlx::query_scalar!(
            "SELECT version FROM rooms WHERE tenant = ? AND room = ?",
            tenant,
            room,
        );
        let version = version.fetch_optional(&mut *connection).await.map_err(failed)?;
        if version.unwrap_or_default() != integer(*expected) {
            return Err(RepositoryError::Conflict);
        }
    }
    if changes(commit).next().is_none() {
        return Ok(());
    }
    check_versions(connection, tenant, commit).await?;
    check_live(connection, tenant, commit).await
}

async fn check_versions(
    connection: &mut SqliteConnection,
    tenant: TenantId,
    commit: &Commit,
) -> Result<(), RepositoryError> {
    let expected = changes(commit).map(|change| (&change.posting.id, change.expected));
    let (tenant, expected) = (tenant.bytes(), version_list(expected));
    let others = sqlx::query_scalar!(
        r#"SELECT count(*) AS "others!: i64" FROM json_each(?2)
        LEFT JOIN postings p ON p.tenant = ?1 AND p.id = unhex(value ->> 0)
        WHERE coalesce(p.version, 0) <> value ->> 1"#,
        tenant,
        expected,
    );
    match others.fetch_one(connection).await.map_err(failed)? {
        0 => Ok(()),
        _ => Err(RepositoryError::Conflict),
    }
}

/// Refuses a second live posting of a room at a start.
async fn check_live(
    connection: &mut SqliteConnection,
    tenant: TenantId,
    commit: &Commit,
) -> Result<(), RepositoryError> {
    let mut starts = BTreeSet::new();
    let live = changes(commit).filter(|change| change.posting.is_live());
    let live: Vec<&Posting> = live.map(|change| &change.posting).collect();
    if !live.iter().all(|posting| starts.insert((&posting.room, posting.starts_at))) {
        return Err(RepositoryError::Conflict);
    }
    let starts = live.iter().map(|posting| object!([posting.room, micros(posting.starts_at)]));
    let (tenant, starts) = (tenant.bytes(), Value::Array(starts.collect()).to_string());
    let touched = hex_list(changes(commit).map(|change| &change.posting.id));
    let others = sqlx::query_scalar!(
        r#"SELECT count(*) AS "others!: i64" FROM json_each(?2) wanted
        CROSS JOIN postings p ON p.tenant = ?1 AND p.room = wanted.value ->> 0
            AND p.starts_at = wanted.value ->> 1 AND p.is_live = 1
        WHERE p.id NOT IN (SELECT unhex(value) FROM json_each(?3))"#,
        tenant,
        starts,
        touched,
    );
    let others = others.fetch_one(connection).await.map_err(failed)?;
    if others == 0 { Ok(()) } else { Err(RepositoryError::Conflict) }
}

/// Writes rooms, postings, what was heard, and what people want.
pub(crate) async fn keep(
    connection: &mut SqliteConnection,
    tenant: TenantId,
    commit: &Commit,
) -> Result<(), RepositoryError> {
    for effect in &commit.effects {
        if let Effect::Staff { room, .. } = effect {
            planned(connection, tenant, room).await?;
        } else if let Effect::Prefer { user, policy } = effect {
            prefer(connection, tenant, *user, *policy).await?;
        }
    }
    if changes(commit).next().is_none() {
        return Ok(());
    }
    put_postings(connection, tenant, commit).await?;
    tell(connection, commit).await?;
    for change in changes(commit) {
        hear(connection, tenant, change).await?;
    }
    Ok(())
}

async fn planned(
    connection: &mut SqliteConnection,
    tenant: TenantId,
    room: &MeetingKey,
) -> Result<(), RepositoryError> {
    let (tenant, room) = (tenant.bytes(), room.as_str());
    let planned = sqlx::query!(
        "INSERT INTO rooms (tenant, room, version) VALUES (?, ?, 1)
        ON CONFLICT (tenant, room) DO UPDATE SET version = version + 1",
        tenant,
        room,
    );
    planned.execute(connection).await.map(drop).map_err(failed)
}

async fn prefer(
    connection: &mut SqliteConnection,
    tenant: TenantId,
    user: UserId,
    policy: BotPolicy,
) -> Result<(), RepositoryError> {
    let (tenant, user, policy) = (tenant.bytes(), user.bytes(), policy.as_str());
    let preferred = sqlx::query!(
        "UPDATE users SET bot_policy = ? WHERE tenant = ? AND id = ?",
        policy,
        tenant,
        user,
    );
    match preferred.execute(connection).await.map_err(failed)?.rows_affected() {
        0 => Err(RepositoryError::Missing("person")),
        _ => Ok(()),
    }
}

async fn put_postings(
    connection: &mut SqliteConnection,
    tenant: TenantId,
    commit: &Commit,
) -> Result<(), RepositoryError> {
    let (tenant, ids) =
        (tenant.bytes(), hex_list(changes(commit).map(|change| &change.posting.id)));
    // Postings may take each other's starts: none is live until all are written.
    let lifted = sqlx::query!(
        "UPDATE postings SET is_live = 0
        WHERE tenant = ? AND id IN (SELECT unhex(value) FROM json_each(?))",
        tenant,
        ids,
    );
    lifted.execute(&mut *connection).await.map_err(failed)?;
    let rows = changes(commit).map(|change| Ok((&change.posting, json(&change.posting)?)));
    let rows = rows.collect::<Result<Vec<_>, RepositoryError>>()?;
    write(connection, PUT_POSTINGS, rows, |row, (posting, text)| {
        row.add(tenant.as_slice()).add(posting.id.bytes()).add(integer(posting.version));
        row.add(posting.room.as_str()).add(micros(posting.starts_at)).add(micros(posting.ends_at));
        row.add(i64::from(posting.is_live())).add(i64::from(posting.is_over()));
        row.add(posting.provider.as_str()).add(posting.bot().map(BotRef::as_str)).add(text);
    })
    .await?;
    let before = sqlx::query!(
        "DELETE FROM posting_meetings
        WHERE tenant = ? AND posting IN (SELECT unhex(value) FROM json_each(?))",
        tenant,
        ids,
    );
    before.execute(&mut *connection).await.map_err(failed)?;
    let served = changes(commit).flat_map(|change| {
        change.posting.serves.iter().map(|served| (served.meeting, change.posting.id))
    });
    write(connection, PUT_SERVED, served.collect(), |row, (meeting, posting)| {
        row.add(tenant.as_slice()).add(meeting.bytes()).add(posting.bytes());
    })
    .await
    .map(drop)
}

/// Writes what is published of postings.
async fn tell(connection: &mut SqliteConnection, commit: &Commit) -> Result<(), RepositoryError> {
    let events = told(commit).map(|event| Ok((event, json(&event.news)?)));
    let events = events.collect::<Result<Vec<_>, RepositoryError>>()?;
    write(connection, OUTBOX, events, |row, (event, news)| {
        row.add(event.tenant.bytes()).add(event.id.bytes()).add(event.owner.bytes());
        row.add(event.document.bytes()).add(micros(event.at)).add(news);
    })
    .await
    .map(drop)
}

/// Lists what is published of postings.
pub(crate) fn told(commit: &Commit) -> impl Iterator<Item = &Event> {
    changes(commit).flat_map(|change| &change.told)
}

async fn hear(
    connection: &mut SqliteConnection,
    tenant: TenantId,
    change: &PostingChange,
) -> Result<(), RepositoryError> {
    let Some(said) = &change.said else { return Ok(()) };
    let (tenant, posting) = (tenant.bytes(), change.posting.id.bytes());
    if said.is_whole {
        let keys = text_list(said.segments.iter().map(|segment| segment.key.as_str()));
        let before = sqlx::query!(
            "DELETE FROM segments WHERE tenant = ? AND posting = ?
            AND key NOT IN (SELECT value FROM json_each(?))",
            tenant,
            posting,
            keys,
        );
        before.execute(&mut *connection).await.map_err(failed)?;
    }
    // The last of several with one key counts, as if they had come one by one.
    let last: BTreeMap<&str, &Segment> =
        said.segments.iter().map(|segment| (segment.key.as_str(), segment)).collect();
    let rows = last.into_values().map(|segment| Ok((segment, json(segment)?)));
    let rows = rows.collect::<Result<Vec<_>, RepositoryError>>()?;
    write(connection, PUT_SEGMENTS, rows, |row, (segment, text)| {
        row.add(tenant.as_slice()).add(posting.as_slice()).add(segment.key.as_str());
        row.add(micros(segment.starts_at)).add(text);
    })
    .await
    .map(drop)
}

/// Makes the postings of a bot be tended now; returns how many there are.
pub(crate) async fn notice(
    turn: &mut Turn<'_>,
    provider: &str,
    bot: &BotRef,
) -> Result<u64, RepositoryError> {
    let bot = bot.as_str();
    let named = sqlx::query!(
        "/* all tenants: notice by bot */
        SELECT tenant, id, version FROM postings INDEXED BY postings_by_bot
        WHERE provider = ? AND bot = ? AND is_over = 0",
        provider,
        bot,
    );
    let named = named.fetch_all(&mut *turn.connection).await.map_err(failed)?;
    let mut found = 0;
    for row in named {
        let tenant: TenantId = POSTINGS.id("tenant", &row.tenant)?;
        let posting = POSTINGS.id("id", &row.id)?;
        let version = POSTINGS.number("version", row.version)?;
        let job = Job::new(tenant, Task::Tend { posting, version, noticed: true });
        let (tenant, id, now) = (tenant.bytes(), job.id.bytes(), micros(turn.now));
        let task = json(&job.task)?;
        let due = sqlx::query!(
            "INSERT INTO jobs (tenant, id, task, state, due_at, epoch, attempt)
            VALUES (?, ?, ?, 'waiting', ?, 0, 0) ON CONFLICT (tenant, id) DO NOTHING",
            tenant,
            id,
            task,
            now,
        );
        due.execute(&mut *turn.connection).await.map_err(failed)?;
        found += 1;
    }
    turn.made.jobs |= found > 0;
    Ok(found)
}
