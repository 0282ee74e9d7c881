//! What the person says of decisions: acts on documents, and undo (CLS-9).
//!
//! Who acts is whoever the token belongs to; no body names anybody. A header `Idempotency-Key` makes
//! a repeated request answer what was done the first time.
use axum::{
    Json,
    body::Bytes,
    extract::{
        Path, Query, State,
        rejection::{BytesRejection, QueryRejection},
    },
    http::HeaderMap,
};
use besunny::{
    Feedback, Outcome, Seen,
    core::ids::{CommitId, DocumentId, ProjectId},
};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::web::{
    Site, document,
    feedback::{ActPage, Done},
    problem::Problem,
    project::Projects,
};

/// The header that names a request, so that repeating it changes nothing.
const KEY: &str = "idempotency-key";
/// A UUID has 36 characters; longer keys are somebody's data.
const KEY_BYTES: usize = 200;
/// A page has so many acts unless another number is asked for.
const PAGE: usize = 25;
/// More are never on one page.
const MAX_PAGE: usize = 200;

/// Where a document goes, and which version of it the caller has seen.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Assignment {
    /// The project, or null to take the document out of its project.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schema(required)]
    project: Option<Uuid>,
    /// The version that was read.
    version: u64,
}

/// Which version of a document the caller has seen.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SeenVersion {
    /// The version that was read.
    version: u64,
}

/// Documents that go into a project together, as one act.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Together {
    /// The project.
    project: Uuid,
    /// The documents, each at the version that was read; 500 at most.
    documents: Vec<SeenDocument>,
}

/// A document at the version that was read.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SeenDocument {
    /// The document.
    id: Uuid,
    /// The version that was read.
    version: u64,
}

/// Where a page of acts begins.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct Past {
    /// `next` of the page before.
    before: Option<Uuid>,
    /// 25 unless said, 200 at most.
    limit: Option<usize>,
}

/// Begins an act under the key of the request.
pub(super) fn act<'a>(site: &'a Site, headers: &HeaderMap) -> Result<Feedback<'a>, Problem> {
    let feedback = site.besunny().feedback(site.scope(), site.user());
    let Some(key) = headers.get(KEY) else { return Ok(feedback) };
    let key = key.as_bytes();
    if key.is_empty() || key.len() > KEY_BYTES {
        return Err(Problem::bad_request("`Idempotency-Key` has 1 to 200 bytes."));
    }
    let (tenant, user) = (site.scope().tenant(), site.user());
    Ok(feedback.named(CommitId::derived(&[tenant.as_bytes(), user.as_bytes(), b"key", key])))
}

/// Puts a document into a project, or takes it out; a person's decision always holds.
#[utoipa::path(
    post,
    path = "/api/v1/documents/{id}/assign",
    tag = "feedback",
    params(("id" = Uuid, Path, description = "The document")),
    request_body = Assignment,
    security(("token" = [])),
    responses(
        (status = 200, body = Done),
        (
            status = 409,
            description = "It has changed since it was read",
            body = Problem,
            content_type = "application/problem+json"
        ),
        (status = "default", body = Problem, content_type = "application/problem+json")
    )
)]
pub(in crate::web) async fn assign(
    State(site): State<Site>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Done>, Problem> {
    let asked: Assignment = super::json(body)?;
    let (feedback, seen) = (act(&site, &headers)?, seen(&id, asked.version)?);
    let outcome = match asked.project.map(ProjectId::from_uuid) {
        Some(project) => feedback.assign(&[seen], project).await?,
        None => feedback.unassign(&[seen]).await?,
    };
    done(&site, &outcome).await
}

/// Takes a document out of its project: "not this one".
#[utoipa::path(
    post,
    path = "/api/v1/documents/{id}/unassign",
    tag = "feedback",
    params(("id" = Uuid, Path, description = "The document")),
    request_body = SeenVersion,
    security(("token" = [])),
    responses(
        (status = 200, body = Done),
        (status = "default", body = Problem, content_type = "application/problem+json")
    )
)]
pub(in crate::web) async fn unassign(
    State(site): State<Site>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Done>, Problem> {
    let (feedback, seen) = act_on(&site, &headers, &id, body)?;
    done(&site, &feedback.unassign(&seen).await?).await
}

/// Says that a document is in the right project.
#[utoipa::path(
    post,
    path = "/api/v1/documents/{id}/confirm",
    tag = "feedback",
    params(("id" = Uuid, Path, description = "The document")),
    request_body = SeenVersion,
    security(("token" = [])),
    responses(
        (status = 200, body = Done),
        (status = "default", body = Problem, content_type = "application/problem+json")
    )
)]
pub(in crate::web) async fn confirm(
    State(site): State<Site>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Done>, Problem> {
    let (feedback, seen) = act_on(&site, &headers, &id, body)?;
    done(&site, &feedback.confirm(&seen).await?).await
}

/// Says that a document belongs to no project.
#[utoipa::path(
    post,
    path = "/api/v1/documents/{id}/none",
    tag = "feedback",
    params(("id" = Uuid, Path, description = "The document")),
    request_body = SeenVersion,
    security(("token" = [])),
    responses(
        (status = 200, body = Done),
        (status = "default", body = Problem, content_type = "application/problem+json")
    )
)]
pub(in crate::web) async fn none(
    State(site): State<Site>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Done>, Problem> {
    let (feedback, seen) = act_on(&site, &headers, &id, body)?;
    done(&site, &feedback.decline(&seen).await?).await
}

/// Puts documents into a project together, as one act with one undo.
#[utoipa::path(
    post,
    path = "/api/v1/documents/assign-project",
    tag = "feedback",
    request_body = Together,
    security(("token" = [])),
    responses(
        (status = 200, body = Done),
        (status = "default", body = Problem, content_type = "application/problem+json")
    )
)]
pub(in crate::web) async fn together(
    State(site): State<Site>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Done>, Problem> {
    let asked: Together = super::json(body)?;
    let seen: Vec<Seen> = asked.documents.iter().map(SeenDocument::seen).collect();
    let project = ProjectId::from_uuid(asked.project);
    let outcome = act(&site, &headers)?.assign(&seen, project).await?;
    done(&site, &outcome).await
}

/// Brings back everything as it was before an act, if nobody has decided since.
#[utoipa::path(
    post,
    path = "/api/v1/acts/{id}/undo",
    tag = "feedback",
    params(("id" = Uuid, Path, description = "The act")),
    security(("token" = [])),
    responses(
        (status = 200, body = Done),
        (
            status = 409,
            description = "Somebody has decided on one of its documents since",
            body = Problem,
            content_type = "application/problem+json"
        ),
        (status = "default", body = Problem, content_type = "application/problem+json")
    )
)]
pub(in crate::web) async fn undo(
    State(site): State<Site>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Done>, Problem> {
    let id: CommitId = id.parse().map_err(|_unreadable| Problem::missing("act"))?;
    let outcome = act(&site, &headers)?.undo(id).await?;
    done(&site, &outcome).await
}

/// Lists what the person did, newest first.
#[utoipa::path(
    get,
    path = "/api/v1/acts",
    tag = "feedback",
    params(
        ("before" = Option<Uuid>, Query, description = "`next` of the page before"),
        ("limit" = Option<usize>, Query, description = "25 unless said, 200 at most")
    ),
    security(("token" = [])),
    responses(
        (status = 200, body = ActPage),
        (status = "default", body = Problem, content_type = "application/problem+json")
    )
)]
pub(in crate::web) async fn list(
    State(site): State<Site>,
    past: Result<Query<Past>, QueryRejection>,
) -> Result<Json<ActPage>, Problem> {
    let Query(Past { before, limit }) = past?;
    let limit = limit.unwrap_or(PAGE);
    if !(1..=MAX_PAGE).contains(&limit) {
        return Err(Problem::bad_request(format!("`limit` is 1 to {MAX_PAGE}.")));
    }
    Ok(Json(ActPage::read(&site, before, limit).await?))
}

/// Reads a request about one document at the version that was read.
fn act_on<'a>(
    site: &'a Site,
    headers: &HeaderMap,
    id: &str,
    body: Result<Bytes, BytesRejection>,
) -> Result<(Feedback<'a>, [Seen; 1]), Problem> {
    let SeenVersion { version } = super::json(body)?;
    Ok((act(site, headers)?, [seen(id, version)?]))
}

/// Answers with what an act did.
async fn done(site: &Site, outcome: &Outcome) -> Result<Json<Done>, Problem> {
    Ok(Json(Done::of(outcome, &Projects::of(site).await?)))
}

fn seen(id: &str, version: u64) -> Result<Seen, Problem> {
    Ok(Seen { document: document::id(id)?, version: Some(version) })
}

impl SeenDocument {
    fn seen(&self) -> Seen {
        Seen { document: DocumentId::from_uuid(self.id), version: Some(self.version) }
    }
}
