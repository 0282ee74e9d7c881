//! How models did that were compared with the one that decides (ML-5).
use axum::{Json, extract::State};

use crate::web::{Site, problem::Problem, report::Comparison};

/// Compares shadows and arms of experiments with what the person has said since.
#[utoipa::path(
    get,
    path = "/api/v1/models/report",
    tag = "models",
    security(("token" = [])),
    responses(
        (status = 200, body = Comparison),
        (status = "default", body = Problem, content_type = "application/problem+json")
    )
)]
pub(in crate::web) async fn report(State(site): State<Site>) -> Result<Json<Comparison>, Problem> {
    let report = site.besunny().report(site.scope(), Some(site.user())).await?;
    Ok(Json(Comparison::of(&report)))
}
