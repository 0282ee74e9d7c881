//! Health: whether we run, whether the store answers, how far behind each stream is.
use std::time::Duration;

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::web::{
    Site,
    problem::{Kind, Problem},
    stream::{StreamHealth, StreamState},
};

/// Whoever probes waits a second or two; a store that is slower is not ready.
const PATIENCE: Duration = Duration::from_secs(2);

/// The server runs.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct Liveness {
    /// Always `ok`; anything else is a problem.
    status: &'static str,
}

/// How far behind the streams are.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SyncHealth {
    /// Whether every stream follows its source or is about to.
    healthy: bool,
    /// The streams, without names.
    streams: Vec<StreamLag>,
}

/// How far behind a stream is.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct StreamLag {
    /// Its id.
    id: Uuid,
    /// What it does.
    state: StreamState,
    /// How long ago everything was last read; absent before that.
    lag_seconds: Option<i64>,
    /// How many items could not be taken in.
    quarantined: u64,
}

const OK: Liveness = Liveness { status: "ok" };

/// Answers as long as the server runs.
#[utoipa::path(get, path = "/health/live", tag = "health", responses((status = 200, body = Liveness)))]
pub(in crate::web) async fn live() -> Json<Liveness> {
    Json(OK)
}

/// Answers when the store does, within two seconds.
#[utoipa::path(
    get,
    path = "/health/ready",
    tag = "health",
    responses(
        (status = 200, body = Liveness),
        (
            status = 503,
            description = "The store does not answer",
            body = Problem,
            content_type = "application/problem+json"
        )
    )
)]
pub(in crate::web) async fn ready(State(site): State<Site>) -> Result<Json<Liveness>, Problem> {
    let question = site.besunny().store().users(site.scope());
    let slow = |_| {
        Problem::new(
            Kind::Store,
            "The store takes too long to answer.",
            "Look at the load of the disk and at the log of the server.",
        )
    };
    tokio::time::timeout(PATIENCE, question).await.map_err(slow)??;
    Ok(Json(OK))
}

/// Tells how far behind each stream is; a stream in trouble is a state, not a failure of ours.
#[utoipa::path(
    get,
    path = "/health/sync",
    tag = "health",
    responses(
        (status = 200, body = SyncHealth),
        (status = "default", body = Problem, content_type = "application/problem+json")
    )
)]
pub(in crate::web) async fn sync(State(site): State<Site>) -> Result<Json<SyncHealth>, Problem> {
    let streams: Vec<StreamLag> =
        StreamHealth::all(&site).await?.iter().map(StreamLag::of).collect();
    let is_healthy = |stream: &StreamLag| {
        matches!(stream.state, StreamState::New | StreamState::Scanning | StreamState::Live)
    };
    Ok(Json(SyncHealth { healthy: streams.iter().all(is_healthy), streams }))
}

impl StreamLag {
    fn of(stream: &StreamHealth) -> Self {
        let StreamHealth { id, state, lag_seconds, items, .. } = stream;
        Self { id: *id, state: *state, lag_seconds: *lag_seconds, quarantined: items.quarantined }
    }
}
