//! Jobs that were given up, and how they are tried again.
use axum::{
    Json,
    extract::{Path, Query, State, rejection::QueryRejection},
    http::StatusCode,
};
use serde::Deserialize;
use uuid::Uuid;

use crate::web::{
    Site,
    job::{self, DeadJobs},
    problem::Problem,
};

/// Where the page of jobs begins.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct After {
    #[serde(default)]
    after: Option<Uuid>,
}

/// Lists jobs that were given up, with the cause and the fix.
#[utoipa::path(
    get,
    path = "/api/v1/jobs/dead",
    tag = "jobs",
    params(("after" = Option<Uuid>, Query, description = "`next` of the page before")),
    security(("token" = [])),
    responses(
        (status = 200, body = DeadJobs),
        (status = "default", body = Problem, content_type = "application/problem+json")
    )
)]
pub(in crate::web) async fn dead(
    State(site): State<Site>,
    after: Result<Query<After>, QueryRejection>,
) -> Result<Json<DeadJobs>, Problem> {
    let Query(After { after }) = after?;
    Ok(Json(DeadJobs::read(&site, after).await?))
}

/// Tries a job again that was given up; it begins soon after the answer.
#[utoipa::path(
    post,
    path = "/api/v1/jobs/{id}/replay",
    tag = "jobs",
    params(("id" = Uuid, Path, description = "The job")),
    security(("token" = [])),
    responses(
        (status = 202, description = "It will be tried again"),
        (status = "default", body = Problem, content_type = "application/problem+json")
    )
)]
pub(in crate::web) async fn replay(
    State(site): State<Site>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let job = job::own(&site, &id).await?;
    site.besunny().replay(site.scope(), job).await?;
    Ok(StatusCode::ACCEPTED)
}
