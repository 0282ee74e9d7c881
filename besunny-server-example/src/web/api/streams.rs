//! Streams: their health, what could not be taken in, and what a person asks of them.
use axum::{
    Json,
    body::Bytes,
    extract::{
        Path, Query, State,
        rejection::{BytesRejection, QueryRejection},
    },
    http::StatusCode,
};
use besunny::core::{repository::BATCH, source::ItemId, track::Steer};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::web::{
    Site,
    problem::Problem,
    stream::{self, QuarantinePage, StreamHealth},
};

/// All streams of the person.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(in crate::web) struct StreamList {
    /// The streams, by account and title.
    streams: Vec<StreamHealth>,
}

/// Where the page of a quarantine begins.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct After {
    #[serde(default)]
    after: Option<String>,
}

/// Items to be read again.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Retry {
    /// Ids at the source, as the quarantine names them; 1 to 500.
    items: Vec<String>,
}

/// What is asked of a stream.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Steering {
    /// `resume`, `relist`, `accept_removals` or `keep_removed`.
    #[schema(value_type = String)]
    ask: Steer,
}

/// Lists the streams with their lag and the progress of a scan.
#[utoipa::path(
    get,
    path = "/api/v1/streams",
    tag = "streams",
    security(("token" = [])),
    responses(
        (status = 200, body = StreamList),
        (status = "default", body = Problem, content_type = "application/problem+json")
    )
)]
pub(in crate::web) async fn list(State(site): State<Site>) -> Result<Json<StreamList>, Problem> {
    Ok(Json(StreamList { streams: StreamHealth::all(&site).await? }))
}

/// Lists the items of a stream that could not be taken in, with the reason.
#[utoipa::path(
    get,
    path = "/api/v1/streams/{id}/quarantine",
    tag = "streams",
    params(
        ("id" = Uuid, Path, description = "The stream"),
        ("after" = Option<String>, Query, description = "`next` of the page before")
    ),
    security(("token" = [])),
    responses(
        (status = 200, body = QuarantinePage),
        (status = "default", body = Problem, content_type = "application/problem+json")
    )
)]
pub(in crate::web) async fn quarantine(
    State(site): State<Site>,
    Path(id): Path<String>,
    after: Result<Query<After>, QueryRejection>,
) -> Result<Json<QuarantinePage>, Problem> {
    let Query(After { after }) = after?;
    let stream = stream::own(&site, &id).await?;
    Ok(Json(QuarantinePage::read(&site, stream, after).await?))
}

/// Reads items again that could not be taken in; it begins soon after the answer.
#[utoipa::path(
    post,
    path = "/api/v1/streams/{id}/retry",
    tag = "streams",
    params(("id" = Uuid, Path, description = "The stream")),
    request_body = Retry,
    security(("token" = [])),
    responses(
        (status = 202, description = "They will be read again"),
        (status = "default", body = Problem, content_type = "application/problem+json")
    )
)]
pub(in crate::web) async fn retry(
    State(site): State<Site>,
    Path(id): Path<String>,
    body: Result<Bytes, BytesRejection>,
) -> Result<StatusCode, Problem> {
    let Retry { items } = super::json(body)?;
    if !(1..=BATCH).contains(&items.len()) {
        return Err(Problem::bad_request(format!("`items` names 1 to {BATCH} items.")));
    }
    let stream = stream::own(&site, &id).await?;
    let items: Vec<ItemId> = items.into_iter().map(ItemId::from_source).collect();
    site.besunny().retry(site.scope(), stream, &items).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Lifts a pause, lists everything again, or decides on a mass removal that is held.
#[utoipa::path(
    post,
    path = "/api/v1/streams/{id}/steer",
    tag = "streams",
    params(("id" = Uuid, Path, description = "The stream")),
    request_body = Steering,
    security(("token" = [])),
    responses(
        (status = 202, description = "The stream is due now"),
        (status = "default", body = Problem, content_type = "application/problem+json")
    )
)]
pub(in crate::web) async fn steer(
    State(site): State<Site>,
    Path(id): Path<String>,
    body: Result<Bytes, BytesRejection>,
) -> Result<StatusCode, Problem> {
    let Steering { ask } = super::json(body)?;
    let stream = stream::own(&site, &id).await?;
    site.besunny().steer(site.scope(), stream, ask).await?;
    Ok(StatusCode::ACCEPTED)
}
