//! What goes on in the call of a meeting, and what its owner does there by the bot (BOT-8).
use axum::{
    Json,
    body::Bytes,
    extract::{
        Path, Query, State,
        rejection::{BytesRejection, QueryRejection},
    },
    http::StatusCode,
};
use besunny::core::worker::Recording;

use crate::web::{
    Site,
    call::{self, Chat, Comings, NewMessage, RecordingAddress, Since},
    meeting::{self, MeetingDetail},
    problem::Problem,
};

/// Reads the chat of the call, by the bot.
#[utoipa::path(
    get,
    path = "/api/v1/meetings/{id}/bot/chat",
    tag = "meetings",
    params(("id" = uuid::Uuid, Path, description = "The meeting"), Since),
    security(("token" = [])),
    responses(
        (status = 200, body = Chat),
        (status = "default", body = Problem, content_type = "application/problem+json")
    )
)]
pub(in crate::web) async fn chat(
    State(site): State<Site>,
    Path(id): Path<String>,
    since: Result<Query<Since>, QueryRejection>,
) -> Result<Json<Chat>, Problem> {
    let Query(since) = since?;
    Ok(Json(Chat::read(&site, &id, since).await?))
}

/// Lets the bot write in the chat; sent twice, it stands there twice. Its provider sends it in a moment.
#[utoipa::path(
    post,
    path = "/api/v1/meetings/{id}/bot/chat",
    tag = "meetings",
    params(("id" = uuid::Uuid, Path, description = "The meeting")),
    request_body = NewMessage,
    security(("token" = [])),
    responses(
        (status = 202, description = "The provider took it"),
        (status = "default", body = Problem, content_type = "application/problem+json")
    )
)]
pub(in crate::web) async fn write(
    State(site): State<Site>,
    Path(id): Path<String>,
    body: Result<Bytes, BytesRejection>,
) -> Result<StatusCode, Problem> {
    let message: NewMessage = super::json(body)?;
    message.send(&site, &id).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Reads who came into the call and left it.
#[utoipa::path(
    get,
    path = "/api/v1/meetings/{id}/bot/comings",
    tag = "meetings",
    params(("id" = uuid::Uuid, Path, description = "The meeting"), Since),
    security(("token" = [])),
    responses(
        (status = 200, body = Comings),
        (status = "default", body = Problem, content_type = "application/problem+json")
    )
)]
pub(in crate::web) async fn comings(
    State(site): State<Site>,
    Path(id): Path<String>,
    since: Result<Query<Since>, QueryRejection>,
) -> Result<Json<Comings>, Problem> {
    let Query(since) = since?;
    Ok(Json(Comings::read(&site, &id, since).await?))
}

/// Pauses what the bot records and writes along; the meeting shows it within seconds.
#[utoipa::path(
    post,
    path = "/api/v1/meetings/{id}/bot/pause",
    tag = "meetings",
    params(("id" = uuid::Uuid, Path, description = "The meeting")),
    security(("token" = [])),
    responses(
        (status = 200, body = MeetingDetail),
        (status = "default", body = Problem, content_type = "application/problem+json")
    )
)]
pub(in crate::web) async fn pause(
    State(site): State<Site>,
    Path(id): Path<String>,
) -> Result<Json<MeetingDetail>, Problem> {
    record(&site, &id, Recording::Pause).await
}

/// Lets a bot that was paused go on.
#[utoipa::path(
    post,
    path = "/api/v1/meetings/{id}/bot/resume",
    tag = "meetings",
    params(("id" = uuid::Uuid, Path, description = "The meeting")),
    security(("token" = [])),
    responses(
        (status = 200, body = MeetingDetail),
        (status = "default", body = Problem, content_type = "application/problem+json")
    )
)]
pub(in crate::web) async fn resume(
    State(site): State<Site>,
    Path(id): Path<String>,
) -> Result<Json<MeetingDetail>, Problem> {
    record(&site, &id, Recording::Resume).await
}

async fn record(site: &Site, id: &str, to: Recording) -> Result<Json<MeetingDetail>, Problem> {
    let meeting = meeting::own(site, id).await?;
    site.besunny().record(call::of(site, &meeting), to).await?;
    Ok(Json(MeetingDetail::read(site, meeting).await?))
}

/// Says where the recording can be had, once there is one; the address lets in whoever has it.
#[utoipa::path(
    get,
    path = "/api/v1/meetings/{id}/bot/recording",
    tag = "meetings",
    params(("id" = uuid::Uuid, Path, description = "The meeting")),
    security(("token" = [])),
    responses(
        (status = 200, body = RecordingAddress),
        (status = "default", body = Problem, content_type = "application/problem+json")
    )
)]
pub(in crate::web) async fn recording(
    State(site): State<Site>,
    Path(id): Path<String>,
) -> Result<Json<RecordingAddress>, Problem> {
    Ok(Json(RecordingAddress::read(&site, &id).await?))
}

/// Lets the provider delete for ever what its bots recorded; what was read here stays.
#[utoipa::path(
    post,
    path = "/api/v1/meetings/{id}/bot/erase",
    tag = "meetings",
    params(("id" = uuid::Uuid, Path, description = "The meeting")),
    security(("token" = [])),
    responses(
        (status = 200, body = MeetingDetail),
        (status = "default", body = Problem, content_type = "application/problem+json")
    )
)]
pub(in crate::web) async fn erase(
    State(site): State<Site>,
    Path(id): Path<String>,
) -> Result<Json<MeetingDetail>, Problem> {
    let meeting = meeting::own(&site, &id).await?;
    site.besunny().erase_records(call::of(&site, &meeting)).await?;
    Ok(Json(MeetingDetail::read(&site, meeting).await?))
}
