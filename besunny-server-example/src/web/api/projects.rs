//! Projects with counts.
use axum::{Json, extract::State};

use crate::web::{Site, problem::Problem, project::Overview};

/// Lists the projects with how much is in each, and what waits outside of them.
#[utoipa::path(
    get,
    path = "/api/v1/projects",
    tag = "projects",
    security(("token" = [])),
    responses(
        (status = 200, body = Overview),
        (status = "default", body = Problem, content_type = "application/problem+json")
    )
)]
pub(in crate::web) async fn list(State(site): State<Site>) -> Result<Json<Overview>, Problem> {
    Ok(Json(Overview::of(&site).await?))
}
