//! Events as they are held, and the meetings that follow from them.
use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use besunny_core::{
    calendar::{CalendarEvent, EventUid},
    commit::{Commit, Effect, Holding},
    ids::{AccountId, MeetingId, TenantId, UserId},
    meeting::{Meeting, MeetingChange},
    repository::{AgendaFilter, BATCH, HeldEvent, Meetings, RepositoryError},
    source::ItemId,
    tenant::TenantScope,
};
use serde_json::{Value, json as object};
use sqlx::SqliteConnection;

use crate::{
    column::{Id, Table, hex, integer, json, micros, tenant, text_list, version_list},
    failure::failed,
    rows::{Insert, insert, write},
    store::SqliteStore,
};

const EVENTS: Table = Table("events");
const MEETINGS: Table = Table("meetings");
const NAMES: Table = Table("names");

const INSERT_EVENTS: Insert = insert!(
    "owner",
    "INSERT INTO events (tenant, account, item, n, owner, uid, holding, event)",
    "(?, ?, ?, ?, ?, ?, ?, ?)",
    ""
);
const NOTE_NAMES: Insert = insert!(
    "owner",
    "INSERT INTO names (tenant, owner, uid, change)",
    "(?, ?, ?, 1)",
    " ON CONFLICT (tenant, owner, uid) DO UPDATE SET change = change + 1"
);
const PUT_MEETINGS: Insert = insert!(
    "owner",
    "INSERT INTO meetings (tenant, id, version, owner, uid, starts_at, ends_at, room, meeting)",
    "(?, ?, ?, ?, ?, ?, ?, ?, ?)",
    " ON CONFLICT (tenant, id) DO UPDATE SET version = excluded.version,
    starts_at = excluded.starts_at, ends_at = excluded.ends_at, room = excluded.room,
    meeting = excluded.meeting"
);

#[async_trait]
impl Meetings for SqliteStore {
    async fn events_beside(
        &self,
        scope: &TenantScope,
        items: &[(AccountId, ItemId)],
    ) -> Result<Vec<HeldEvent>, RepositoryError> {
        let items = items.iter().map(|(account, item)| object!([hex(account), item]));
        let (tenant, items) = (tenant(scope), Value::Array(items.collect()).to_string());
        let rows = sqlx::query_as!(
            EventRow,
            r#"WITH named AS MATERIALIZED (
                SELECT DISTINCT e.owner, e.uid FROM json_each(?2)
                CROSS JOIN events e ON e.tenant = ?1 AND e.account = unhex(value ->> 0)
                    AND e.item = value ->> 1
            )
            SELECT e.account, e.item, e.owner, e.holding, e.event,
                e.moved OR i.state = 'removed' AS "is_gone!: bool",
                (SELECT change FROM names n
                    WHERE n.tenant = ?1 AND n.owner = e.owner AND n.uid = e.uid)
                    AS "change!: i64"
            FROM named
            CROSS JOIN events e ON e.tenant = ?1 AND e.owner = named.owner AND e.uid = named.uid
            CROSS JOIN items i ON i.tenant = ?1 AND i.account = e.account AND i.id = e.item
            ORDER BY e.account, e.item, e.n"#,
            tenant,
            items,
        );
        let rows = rows.fetch_all(&self.readers).await.map_err(failed)?;
        rows.into_iter().map(HeldEvent::try_from).collect()
    }

    async fn meetings_of(
        &self,
        scope: &TenantScope,
        owner: UserId,
        uids: &[EventUid],
    ) -> Result<Vec<Meeting>, RepositoryError> {
        let (tenant, owner) = (tenant(scope), owner.bytes());
        let uids = text_list(uids.iter().map(EventUid::as_str));
        let rows = sqlx::query_scalar!(
            "SELECT meeting FROM meetings INDEXED BY meetings_by_uid
            WHERE tenant = ? AND owner = ? AND uid IN (SELECT value FROM json_each(?))
            ORDER BY id",
            tenant,
            owner,
            uids,
        );
        read(&rows.fetch_all(&self.readers).await.map_err(failed)?)
    }

    async fn meeting(
        &self,
        scope: &TenantScope,
        id: MeetingId,
    ) -> Result<Option<Meeting>, RepositoryError> {
        let (tenant, id) = (tenant(scope), id.bytes());
        let row = sqlx::query_scalar!(
            "SELECT meeting FROM meetings WHERE tenant = ? AND id = ?",
            tenant,
            id,
        );
        let row = row.fetch_optional(&self.readers).await.map_err(failed)?;
        row.map(|meeting| MEETINGS.json("meeting", &meeting)).transpose()
    }

    async fn agenda(
        &self,
        scope: &TenantScope,
        owner: UserId,
        filter: &AgendaFilter,
    ) -> Result<Vec<Meeting>, RepositoryError> {
        let (tenant, owner) = (tenant(scope), owner.bytes());
        let (from, to) = (micros(filter.from), micros(filter.to));
        let (starts_at, id) = match filter.after {
            Some((starts_at, id)) => (micros(starts_at), id.bytes()),
            None => (i64::MIN, Vec::new()),
        };
        let limit = integer(filter.limit.min(BATCH));
        let rows = sqlx::query_scalar!(
            "SELECT meeting FROM meetings INDEXED BY meetings_by_start
            WHERE tenant = ? AND owner = ? AND starts_at < ? AND ends_at > ?
            AND (starts_at, id) > (?, ?) ORDER BY starts_at, id LIMIT ? + 0",
            tenant,
            owner,
            to,
            from,
            starts_at,
            id,
            limit,
        );
        read(&rows.fetch_all(&self.readers).await.map_err(failed)?)
    }
}

pub(crate) fn read(rows: &[String]) -> Result<Vec<Meeting>, RepositoryError> {
    rows.iter().map(|meeting| MEETINGS.json("meeting", meeting)).collect()
}

#[derive(Debug)]
struct EventRow {
    account: Vec<u8>,
    item: String,
    owner: Vec<u8>,
    holding: String,
    event: String,
    is_gone: bool,
    change: i64,
}

impl TryFrom<EventRow> for HeldEvent {
    type Error = RepositoryError;

    fn try_from(row: EventRow) -> Result<Self, RepositoryError> {
        Ok(Self {
            account: EVENTS.id("account", &row.account)?,
            item: ItemId::from_source(row.item),
            owner: EVENTS.id("owner", &row.owner)?,
            by: EVENTS.parsed("holding", Holding::parse(&row.holding))?,
            is_gone: row.is_gone,
            change: NAMES.number("change", row.change)?,
            event: EVENTS.json("event", &row.event)?,
        })
    }
}

fn changes(commit: &Commit) -> impl Iterator<Item = &MeetingChange> {
    commit.effects.iter().filter_map(|effect| {
        let Effect::Meet(change) = effect else { return None };
        Some(&**change)
    })
}

/// Refuses a commit that does not find a meeting, or what it is planned of, as it read it.
pub(crate) async fn check(
    connection: &mut SqliteConnection,
    tenant: TenantId,
    commit: &Commit,
) -> Result<(), RepositoryError> {
    if changes(commit).next().is_none() {
        return Ok(());
    }
    let expected = changes(commit).map(|change| (&change.meeting.id, change.expected));
    let (tenant, expected) = (tenant.bytes(), version_list(expected));
    let others = sqlx::query_scalar!(
        r#"SELECT count(*) AS "others!: i64" FROM json_each(?2)
        LEFT JOIN meetings m ON m.tenant = ?1 AND m.id = unhex(value ->> 0)
        WHERE coalesce(m.version, 0) <> value ->> 1"#,
        tenant,
        expected,
    );
    if others.fetch_one(&mut *connection).await.map_err(failed)? > 0 {
        return Err(RepositoryError::Conflict);
    }
    check_names(connection, &tenant, commit).await
}

/// Refuses a commit that was planned of events which have changed since.
async fn check_names(
    connection: &mut SqliteConnection,
    tenant: &[u8],
    commit: &Commit,
) -> Result<(), RepositoryError> {
    let seen: BTreeMap<(UserId, &EventUid), u64> = changes(commit)
        .filter_map(|change| Some(((change.meeting.owner, &change.meeting.uid), change.seen?)))
        .collect();
    let seen = seen.iter().map(|((owner, uid), seen)| object!([hex(owner), uid, seen]));
    let seen = Value::Array(seen.collect()).to_string();
    let stale = sqlx::query_scalar!(
        r#"SELECT count(*) AS "stale!: i64" FROM json_each(?2)
        LEFT JOIN names n
            ON n.tenant = ?1 AND n.owner = unhex(value ->> 0) AND n.uid = value ->> 1
        WHERE coalesce(n.change, 0) <> value ->> 2"#,
        tenant,
        seen,
    );
    let stale = stale.fetch_one(connection).await.map_err(failed)?;
    if stale == 0 { Ok(()) } else { Err(RepositoryError::Conflict) }
}

/// Writes the meetings of a commit.
pub(crate) async fn keep(
    connection: &mut SqliteConnection,
    tenant: TenantId,
    commit: &Commit,
) -> Result<(), RepositoryError> {
    let rows = changes(commit).map(|change| Ok((&change.meeting, json(&change.meeting)?)));
    let rows = rows.collect::<Result<Vec<_>, RepositoryError>>()?;
    write(connection, PUT_MEETINGS, rows, |row, (meeting, text)| {
        row.add(tenant.bytes()).add(meeting.id.bytes()).add(integer(meeting.version));
        row.add(meeting.owner.bytes()).add(meeting.uid.as_str());
        row.add(micros(meeting.starts_at)).add(micros(meeting.ends_at));
        row.add(meeting.link.as_ref().map(|link| link.key.as_str())).add(text);
    })
    .await
    .map(drop)
}

/// What an item says, and what it is.
type Said<'a> = (Holding, &'a [(UserId, CalendarEvent)]);

/// Writes what items say, in the place of what they said before to the same owners.
///
/// Whatever changes is noted under its names, those of before and those of now.
pub(crate) async fn hold(
    connection: &mut SqliteConnection,
    tenant: TenantId,
    account: AccountId,
    commit: &Commit,
) -> Result<(), RepositoryError> {
    let mut said: BTreeMap<&ItemId, Said<'_>> = BTreeMap::new();
    let mut touched: BTreeSet<&ItemId> = BTreeSet::new();
    for effect in &commit.effects {
        if let Effect::Hold { item, by, events } = effect {
            said.insert(&item.id, (*by, events));
            touched.insert(&item.id);
        } else if let Effect::Leave(item) = effect {
            touched.insert(item);
        }
    }
    if touched.is_empty() {
        return Ok(());
    }
    let place = (&*tenant.bytes(), &*account.bytes());
    let touched = text_list(touched.into_iter().map(ItemId::as_str));
    let before = note(connection, place, &touched).await?;
    if before > 0 && !said.is_empty() {
        take_back(connection, place, &said).await?;
    }
    let (mut rows, mut names) = (Vec::new(), BTreeSet::new());
    for (item, (by, events)) in said {
        for (n, (owner, event)) in events.iter().enumerate() {
            rows.push((item, n, owner, by, event, json(event)?));
            names.insert((*owner, &event.uid));
        }
    }
    let (tenant, account) = place;
    write(connection, INSERT_EVENTS, rows, |row, (item, n, owner, by, event, text)| {
        row.add(tenant).add(account).add(item.as_str()).add(integer(n));
        row.add(owner.bytes()).add(event.uid.as_str()).add(by.as_str()).add(text);
    })
    .await?;
    let names = names.into_iter().collect();
    write(connection, NOTE_NAMES, names, |row, (owner, uid)| {
        row.add(tenant).add(owner.bytes()).add(uid.as_str());
    })
    .await
    .map(drop)
}

/// Notes that what some items say is changing; returns under how many names they said anything.
async fn note(
    connection: &mut SqliteConnection,
    (tenant, account): (&[u8], &[u8]),
    items: &str,
) -> Result<u64, RepositoryError> {
    let noted = sqlx::query!(
        "INSERT INTO names (tenant, owner, uid, change)
        SELECT DISTINCT e.tenant, e.owner, e.uid, 1 FROM json_each(?3)
        CROSS JOIN events e ON e.tenant = ?1 AND e.account = ?2 AND e.item = value
        WHERE true ON CONFLICT (tenant, owner, uid) DO UPDATE SET change = change + 1",
        tenant,
        account,
        items,
    );
    noted.execute(connection).await.map(|done| done.rows_affected()).map_err(failed)
}

/// Takes back what items said; what they say for others now stays with those who had it.
async fn take_back(
    connection: &mut SqliteConnection,
    (tenant, account): (&[u8], &[u8]),
    said: &BTreeMap<&ItemId, Said<'_>>,
) -> Result<(), RepositoryError> {
    let items = text_list(said.keys().map(|item| item.as_str()));
    let owned = said.iter().flat_map(|(item, (_, events))| {
        events.iter().map(move |(owner, _)| object!([item, hex(owner)]))
    });
    let owned = Value::Array(owned.collect()).to_string();
    let moved = sqlx::query!(
        "UPDATE events SET moved = 1, n = -rowid
        WHERE tenant = ? AND account = ? AND item IN (SELECT value FROM json_each(?))
        AND moved = 0 AND (item, owner) NOT IN (
            SELECT value ->> 0, unhex(value ->> 1) FROM json_each(?)
        )",
        tenant,
        account,
        items,
        owned,
    );
    moved.execute(&mut *connection).await.map_err(failed)?;
    let before = sqlx::query!(
        "DELETE FROM events
        WHERE tenant = ? AND account = ? AND item IN (SELECT value FROM json_each(?))
        AND (moved = 0 OR (item, owner) IN (
            SELECT value ->> 0, unhex(value ->> 1) FROM json_each(?)
        ))",
        tenant,
        account,
        items,
        owned,
    );
    before.execute(connection).await.map(drop).map_err(failed)
}
