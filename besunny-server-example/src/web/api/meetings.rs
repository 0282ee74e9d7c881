//! Meetings that follow from calendars and invitations, and what a person wants of bots in them.
use axum::{
    Json,
    body::Bytes,
    extract::{
        Path, Query, State,
        rejection::{BytesRejection, QueryRejection},
    },
};

use crate::web::{
    Site,
    bot::{self, BotChoice, Policy},
    meeting::{self, Agenda, MeetingDetail, Span},
    problem::Problem,
};

/// Lists meetings in the order of their start.
#[utoipa::path(
    get,
    path = "/api/v1/meetings",
    tag = "meetings",
    params(Span),
    security(("token" = [])),
    responses(
        (status = 200, body = Agenda),
        (status = "default", body = Problem, content_type = "application/problem+json")
    )
)]
pub(in crate::web) async fn list(
    State(site): State<Site>,
    span: Result<Query<Span>, QueryRejection>,
) -> Result<Json<Agenda>, Problem> {
    let Query(span) = span?;
    Ok(Json(span.read(&site).await?))
}

/// Reads a meeting, its bots, and what was said in it so far.
#[utoipa::path(
    get,
    path = "/api/v1/meetings/{id}",
    tag = "meetings",
    params(("id" = uuid::Uuid, Path, description = "The meeting")),
    security(("token" = [])),
    responses(
        (status = 200, body = MeetingDetail),
        (status = "default", body = Problem, content_type = "application/problem+json")
    )
)]
pub(in crate::web) async fn read(
    State(site): State<Site>,
    Path(id): Path<String>,
) -> Result<Json<MeetingDetail>, Problem> {
    let meeting = meeting::own(&site, &id).await?;
    Ok(Json(MeetingDetail::read(&site, meeting).await?))
}

/// Sends a bot, keeps bots out, or leaves it to the policy; the bot follows within seconds.
#[utoipa::path(
    post,
    path = "/api/v1/meetings/{id}/bot",
    tag = "meetings",
    params(("id" = uuid::Uuid, Path, description = "The meeting")),
    request_body = BotChoice,
    security(("token" = [])),
    responses(
        (status = 200, body = MeetingDetail),
        (status = "default", body = Problem, content_type = "application/problem+json")
    )
)]
pub(in crate::web) async fn choose(
    State(site): State<Site>,
    Path(id): Path<String>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<MeetingDetail>, Problem> {
    let BotChoice { choice } = super::json(body)?;
    bot::choose(&site, &meeting::own(&site, &id).await?, choice).await?;
    read(State(site), Path(id)).await
}

/// Says which meetings get a bot by themselves.
#[utoipa::path(
    get,
    path = "/api/v1/bots/policy",
    tag = "meetings",
    security(("token" = [])),
    responses(
        (status = 200, body = Policy),
        (status = "default", body = Problem, content_type = "application/problem+json")
    )
)]
pub(in crate::web) async fn policy(State(site): State<Site>) -> Result<Json<Policy>, Problem> {
    Ok(Json(Policy::read(&site).await?))
}

/// Sets which meetings get a bot by themselves, those that are planned already among them.
#[utoipa::path(
    put,
    path = "/api/v1/bots/policy",
    tag = "meetings",
    request_body = Policy,
    security(("token" = [])),
    responses(
        (status = 200, body = Policy),
        (status = "default", body = Problem, content_type = "application/problem+json")
    )
)]
pub(in crate::web) async fn set_policy(
    State(site): State<Site>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Policy>, Problem> {
    let policy: Policy = super::json(body)?;
    policy.save(&site).await?;
    Ok(Json(policy))
}
