//! Jobs that were given up, and how they are tried again.
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::web::{
    Site,
    job::{self, GivenUp},
    problem::Problem,
};

/// Jobs that were given up.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(in crate::web) struct DeadJobs {
    /// The first 500 at most, by id.
    jobs: Vec<GivenUp>,
}

/// Lists jobs that were given up, with the cause and the fix.
#[utoipa::path(
    get,
    path = "/api/v1/jobs/dead",
    tag = "jobs",
    security(("token" = [])),
    responses(
        (status = 200, body = DeadJobs),
        (status = "default", body = Problem, content_type = "application/problem+json")
    )
)]
pub(in crate::web) async fn dead(State(site): State<Site>) -> Result<Json<DeadJobs>, Problem> {
    Ok(Json(DeadJobs { jobs: GivenUp::all(&site).await? }))
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
