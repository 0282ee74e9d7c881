//! Projects: listed with counts, made, read, looked at before a change, and changed.
use axum::{
    Json,
    body::Bytes,
    extract::{Path, State, rejection::BytesRejection},
    http::StatusCode,
};
use besunny::core::profile::Edits;
use serde::Deserialize;
use utoipa::ToSchema;

use super::json;
use crate::web::{
    Site,
    onboarding::{EditsBody, ProposalDetail, project_id},
    problem::Problem,
    project::{Overview, ProjectDetail},
};

/// Fields of a project, and which state of it the caller has seen.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct ProjectChange {
    /// `seen` of the project or of a preview.
    seen: String,
    /// Each field by its lines; the others stay.
    #[schema(value_type = std::collections::HashMap<String, Vec<String>>)]
    edits: Edits,
}

/// Lists the projects with how much is in each, and what waits outside of them.
#[utoipa::path(
    get,
    path = "/api/v1/projects", operation_id = "list_projects",
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

/// Makes a project; its `name` must be there.
#[utoipa::path(
    post,
    path = "/api/v1/projects",
    tag = "projects",
    request_body = EditsBody,
    security(("token" = [])),
    responses(
        (status = 201, body = ProjectDetail),
        (status = "default", body = Problem, content_type = "application/problem+json")
    )
)]
pub(in crate::web) async fn add(
    State(site): State<Site>,
    body: Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, Json<ProjectDetail>), Problem> {
    let EditsBody { edits } = json(body)?;
    let proposal = site.besunny().propose_new(site.user(), &edits)?;
    let saved = site.besunny().save(site.scope(), proposal, "").await?;
    Ok((StatusCode::CREATED, Json(ProjectDetail::read(&site, saved.id).await?)))
}

/// Reads a project: every field of it, each as lines.
#[utoipa::path(
    get,
    path = "/api/v1/projects/{id}",
    tag = "projects",
    params(("id" = Uuid, Path, description = "The project")),
    security(("token" = [])),
    responses(
        (status = 200, body = ProjectDetail),
        (status = "default", body = Problem, content_type = "application/problem+json")
    )
)]
pub(in crate::web) async fn read(
    State(site): State<Site>,
    Path(id): Path<String>,
) -> Result<Json<ProjectDetail>, Problem> {
    Ok(Json(ProjectDetail::read(&site, project_id(&id)?).await?))
}

/// Says what an edit would change: of the project, and of recent documents.
#[utoipa::path(
    post,
    path = "/api/v1/projects/{id}/preview",
    tag = "projects",
    request_body = EditsBody,
    params(("id" = Uuid, Path, description = "The project")),
    security(("token" = [])),
    responses(
        (status = 200, body = ProposalDetail),
        (status = "default", body = Problem, content_type = "application/problem+json")
    )
)]
pub(in crate::web) async fn preview(
    State(site): State<Site>,
    Path(id): Path<String>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<ProposalDetail>, Problem> {
    let EditsBody { edits } = json(body)?;
    let id = project_id(&id)?;
    let proposal = site.besunny().propose(site.scope(), site.user(), id, &edits).await?;
    Ok(Json(ProposalDetail::of(&site, &proposal).await?))
}

/// Changes fields of a project, if it is still the one that was seen.
#[utoipa::path(
    put,
    path = "/api/v1/projects/{id}",
    tag = "projects",
    request_body = ProjectChange,
    params(("id" = Uuid, Path, description = "The project")),
    security(("token" = [])),
    responses(
        (status = 200, body = ProjectDetail),
        (status = "default", body = Problem, content_type = "application/problem+json")
    )
)]
pub(in crate::web) async fn edit(
    State(site): State<Site>,
    Path(id): Path<String>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<ProjectDetail>, Problem> {
    let ProjectChange { seen, edits } = json(body)?;
    let id = project_id(&id)?;
    let proposal = site.besunny().propose(site.scope(), site.user(), id, &edits).await?;
    let saved = site.besunny().save(site.scope(), proposal, &seen).await?;
    Ok(Json(ProjectDetail::read(&site, saved.id).await?))
}
