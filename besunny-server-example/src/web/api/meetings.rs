//! Meetings that follow from calendars and invitations.
use axum::{
    Json,
    extract::{Path, Query, State, rejection::QueryRejection},
};

use crate::web::{
    Site,
    meeting::{Agenda, MeetingEntry, Span},
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

/// Reads a meeting.
#[utoipa::path(
    get,
    path = "/api/v1/meetings/{id}",
    tag = "meetings",
    params(("id" = uuid::Uuid, Path, description = "The meeting")),
    security(("token" = [])),
    responses(
        (status = 200, body = MeetingEntry),
        (status = "default", body = Problem, content_type = "application/problem+json")
    )
)]
pub(in crate::web) async fn read(
    State(site): State<Site>,
    Path(id): Path<String>,
) -> Result<Json<MeetingEntry>, Problem> {
    Ok(Json(MeetingEntry::read(&site, &id).await?))
}
