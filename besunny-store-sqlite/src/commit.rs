//! Applying a commit: load what it touches, decide in memory, write the difference.
//!
//! Whatever may refuse a commit is looked at before the first row is written. Decisions are made by
//! the [`Ledger`], which does no I/O; its rows are written in statements of many.
use std::sync::Arc;

use besunny_core::{
    commit::{Basis, Claimed, Commit, Effect, PassBasis},
    feedback::Act,
    ids::{AccountId, StreamId, TenantId},
    repository::RepositoryError,
    tenant::TenantScope,
    track::Version,
};
use chrono::{DateTime, Utc};
use serde_json::{Value, json as object};
use sqlx::SqliteConnection;

mod facts;
mod ledger;
mod packing;
mod sheet;

pub(crate) use sheet::OUTBOX;

use self::{facts::Facts, ledger::Ledger, packing::Packing};
use crate::{
    bells::Made,
    column::{Id, hex, hex_list, integer, json, micros},
    failure::failed,
    feedback, meetings, postings,
    rows::{Script, checked},
    store::SqliteStore,
    streams::STREAMS,
    writer::Turn,
};

/// Applies `commit` whole or not at all; returns the stream's version after a pass.
pub(crate) async fn commit(
    store: &SqliteStore,
    scope: &TenantScope,
    commit: Arc<Commit>,
) -> Result<Version, RepositoryError> {
    let (tenant, packing) = (scope.tenant(), Packing::begin(&commit));
    store.write(move |turn| Box::pin(apply(turn, tenant, commit, packing))).await
}

async fn apply(
    turn: Turn<'_>,
    tenant: TenantId,
    commit: Arc<Commit>,
    packing: Packing,
) -> Result<Version, RepositoryError> {
    let place = match stand(turn.connection, tenant, &commit).await? {
        Standing::Repeated(version) => return Ok(version),
        Standing::New(place) => place,
    };
    for act in acts(&commit) {
        feedback::check(turn.connection, tenant, act).await?;
    }
    meetings::check(turn.connection, tenant, &commit).await?;
    postings::check(turn.connection, tenant, &commit).await?;
    let facts = Facts::load(turn.connection, tenant, place, &commit).await?;
    let mut ledger = Ledger::open(tenant, place, &commit, facts)?;
    ledger.apply(&commit.effects);
    let (sheet, is_short) = (ledger.close(), is_short(&commit));
    let events = !sheet.events.is_empty() || postings::told(&commit).next().is_some();
    let mut script = Script::new(turn.connection, is_short);
    let of_jobs = sheet.write(&mut script, turn.now, packing).await?;
    if !is_short {
        keep(script.plain().await?, tenant, place, &commit).await?;
    }
    let version = finish(&mut script, tenant, &commit, turn.now).await?;
    let written = script.end().await?;
    // A job that was there is not written.
    let jobs = written.iter().take(of_jobs).sum::<u64>() > 0;
    *turn.made = Made { streams: false, jobs, events };
    Ok(version)
}

/// Says whether a commit is about so few documents that all it writes is sent together.
fn is_short(commit: &Commit) -> bool {
    /// A mail is stored, classified and filed.
    const FEW: usize = 3;
    commit.effects.len() <= FEW
        && commit.effects.iter().all(|effect| match effect {
            Effect::Store { .. }
            | Effect::Ignore { .. }
            | Effect::Quarantine { .. }
            | Effect::Detect(_)
            | Effect::Decide(_)
            | Effect::Enqueue(_)
            | Effect::Defer { .. } => true,
            Effect::Hold { .. }
            | Effect::Meet(_)
            | Effect::Post(_)
            | Effect::Staff { .. }
            | Effect::Transcribe(_)
            | Effect::Prefer { .. }
            | Effect::Leave(_)
            | Effect::Label { .. }
            | Effect::Watch(_)
            | Effect::Act(_) => false,
        })
}

/// Keeps what a commit says of meetings, bots and people.
async fn keep(
    connection: &mut SqliteConnection,
    tenant: TenantId,
    place: Option<Place>,
    commit: &Commit,
) -> Result<(), RepositoryError> {
    if let Some(place) = place {
        meetings::hold(connection, tenant, place.account, commit).await?;
    }
    meetings::keep(connection, tenant, commit).await?;
    postings::keep(connection, tenant, commit).await?;
    for act in acts(commit) {
        feedback::keep(connection, tenant, act).await?;
    }
    Ok(())
}

/// Lists the acts of people that a commit brings; one at most, but for tests.
fn acts(commit: &Commit) -> impl Iterator<Item = &Act> {
    commit.effects.iter().filter_map(|effect| match effect {
        Effect::Act(act) => Some(&**act),
        Effect::Store { .. }
        | Effect::Hold { .. }
        | Effect::Meet(_)
        | Effect::Post(_)
        | Effect::Staff { .. }
        | Effect::Transcribe(_)
        | Effect::Prefer { .. }
        | Effect::Ignore { .. }
        | Effect::Quarantine { .. }
        | Effect::Leave(_)
        | Effect::Detect(_)
        | Effect::Decide(_)
        | Effect::Enqueue(_)
        | Effect::Defer { .. }
        | Effect::Label { .. }
        | Effect::Watch(_) => None,
    })
}

/// Where a commit stands.
enum Standing {
    /// It was applied before, with this answer.
    Repeated(Version),
    /// It may be applied; a pass has a place.
    New(Option<Place>),
}

/// The stream of a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    stream: StreamId,
    account: AccountId,
}

/// Checks by what right the commit is made.
async fn stand(
    connection: &mut SqliteConnection,
    tenant: TenantId,
    commit: &Commit,
) -> Result<Standing, RepositoryError> {
    match &commit.basis {
        Basis::Pass(pass) => stand_pass(connection, tenant, commit, pass).await,
        Basis::Jobs(done) => stand_jobs(connection, tenant, commit, done).await,
        Basis::Person => {
            let (tenant, id) = (tenant.bytes(), commit.id.bytes());
            let applied = sqlx::query_scalar!(
                "SELECT at FROM commits WHERE tenant = ? AND id = ?",
                tenant,
                id,
            );
            let applied = applied.fetch_optional(connection).await.map_err(failed)?;
            let repeated = applied.map(|_| Standing::Repeated(Version(0)));
            Ok(repeated.unwrap_or(Standing::New(None)))
        }
    }
}

async fn stand_pass(
    connection: &mut SqliteConnection,
    tenant: TenantId,
    commit: &Commit,
    pass: &PassBasis,
) -> Result<Standing, RepositoryError> {
    let (tenant, stream, id) = (tenant.bytes(), pass.stream.bytes(), commit.id.bytes());
    let row = sqlx::query!(
        "SELECT account, version, epoch, last_commit FROM streams WHERE tenant = ? AND id = ?",
        tenant,
        stream,
    );
    let row = row.fetch_optional(connection).await.map_err(failed)?;
    let row = row.ok_or(RepositoryError::Missing("stream"))?;
    let version = Version(STREAMS.number("version", row.version)?);
    if row.last_commit.is_some_and(|last| last == id) {
        return Ok(Standing::Repeated(version));
    }
    if row.epoch != integer(pass.epoch.0) {
        return Err(RepositoryError::Fenced);
    }
    if version != pass.expected {
        return Err(RepositoryError::Conflict);
    }
    let account = STREAMS.id("account", &row.account)?;
    Ok(Standing::New(Some(Place { stream: pass.stream, account })))
}

/// Checks claims: all hold, or all were completed by this very commit.
async fn stand_jobs(
    connection: &mut SqliteConnection,
    tenant: TenantId,
    commit: &Commit,
    done: &[Claimed],
) -> Result<Standing, RepositoryError> {
    let (tenant, id) = (tenant.bytes(), commit.id.bytes());
    let claims = done.iter().map(|done| object!([hex(&done.job), done.epoch.0]));
    let claims = Value::Array(claims.collect()).to_string();
    let found = sqlx::query!(
        r#"SELECT
            count(*) FILTER (WHERE j.state = 'waiting' AND j.epoch = value ->> 1) AS "held!: i64",
            count(*) FILTER (WHERE j.state = 'done' AND j.done_by = ?3) AS "repeated!: i64"
        FROM json_each(?2) CROSS JOIN jobs j ON j.tenant = ?1 AND j.id = unhex(value ->> 0)"#,
        tenant,
        claims,
        id,
    );
    let found = found.fetch_one(connection).await.map_err(failed)?;
    match integer(done.len()) {
        0 => Err(RepositoryError::Fenced),
        all if all == found.held => Ok(Standing::New(None)),
        all if all == found.repeated => Ok(Standing::Repeated(Version(0))),
        _ => Err(RepositoryError::Fenced),
    }
}

/// Moves the track, completes jobs, or remembers the commit.
async fn finish(
    script: &mut Script<'_>,
    tenant: TenantId,
    commit: &Commit,
    now: DateTime<Utc>,
) -> Result<Version, RepositoryError> {
    let (tenant, id, now) = (tenant.bytes(), commit.id.bytes(), micros(now));
    match &commit.basis {
        Basis::Pass(pass) => {
            let (stream, track) = (pass.stream.bytes(), json(&pass.track)?);
            let version = Version(pass.expected.0 + 1);
            let stored = integer(version.0);
            checked!(
                script,
                None,
                "UPDATE streams SET version = ?, track = ?, last_commit = ?, attempt = 0,
                    expired = 0
                WHERE tenant = ? AND id = ?",
                stored,
                track,
                id,
                tenant,
                stream,
            )?;
            Ok(version)
        }
        Basis::Jobs(done) => {
            let jobs = hex_list(done.iter().map(|done| &done.job));
            checked!(
                script,
                None,
                "UPDATE jobs SET state = 'done', done_by = ?, done_at = ?, claimed_until = NULL
                WHERE tenant = ? AND id IN (SELECT unhex(value) FROM json_each(?))",
                id,
                now,
                tenant,
                jobs,
            )?;
            Ok(Version(0))
        }
        Basis::Person => {
            checked!(
                script,
                Some("tenant"),
                "INSERT INTO commits (tenant, id, at) VALUES (?, ?, ?)",
                tenant,
                id,
                now,
            )?;
            Ok(Version(0))
        }
    }
}
