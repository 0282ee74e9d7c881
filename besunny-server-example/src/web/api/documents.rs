//! Documents: listed, read, and fetched as they came.
use axum::{
    Json,
    extract::{Path, Query, State, rejection::QueryRejection},
    response::Response,
};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::web::{
    Site,
    document::{
        self, DocumentDetail, DocumentPage, DocumentSummary, ReviewEntry, Selection,
        State as DocumentState,
    },
    download,
    problem::Problem,
    project::Projects,
};

/// A page of the review queue, newest first.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(in crate::web) struct ReviewPage {
    /// What waits for a person.
    entries: Vec<ReviewEntry>,
    /// The cursor of the next page; absent on the last one.
    next: Option<Uuid>,
}

/// Lists documents, newest first.
#[utoipa::path(
    get,
    path = "/api/v1/documents",
    tag = "documents",
    params(Selection),
    security(("token" = [])),
    responses(
        (status = 200, body = DocumentPage),
        (status = "default", body = Problem, content_type = "application/problem+json")
    )
)]
pub(in crate::web) async fn list(
    State(site): State<Site>,
    selection: Result<Query<Selection>, QueryRejection>,
) -> Result<Json<DocumentPage>, Problem> {
    let Query(selection) = selection?;
    let (found, next) = selection.read(&site).await?;
    let projects = Projects::of(&site).await?;
    let documents = found.iter().map(|found| DocumentSummary::of(found, &projects)).collect();
    Ok(Json(DocumentPage { documents, next }))
}

/// Reads a document: its text, its history, and why it is where it is.
#[utoipa::path(
    get,
    path = "/api/v1/documents/{id}",
    tag = "documents",
    params(("id" = Uuid, Path, description = "The document")),
    security(("token" = [])),
    responses(
        (status = 200, body = DocumentDetail),
        (status = "default", body = Problem, content_type = "application/problem+json")
    )
)]
pub(in crate::web) async fn read(
    State(site): State<Site>,
    Path(id): Path<String>,
) -> Result<Json<DocumentDetail>, Problem> {
    Ok(Json(DocumentDetail::read(&site, document::id(&id)?).await?))
}

/// Fetches a mail as it came, or a transcript; always as a file to keep, never to show.
#[utoipa::path(
    get,
    path = "/api/v1/documents/{id}/raw",
    tag = "documents",
    params(("id" = Uuid, Path, description = "The document")),
    security(("token" = [])),
    responses(
        (status = 200, content(
            (Vec<u8> = "message/rfc822"),
            (Vec<u8> = "application/json"),
        )),
        (status = "default", body = Problem, content_type = "application/problem+json")
    )
)]
pub(in crate::web) async fn raw(
    State(site): State<Site>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    download::raw(&site, &id).await
}

/// Fetches an attachment by its hash; always as a file to keep, never to show.
#[utoipa::path(
    get,
    path = "/api/v1/documents/{id}/attachments/{sha256}",
    tag = "documents",
    params(
        ("id" = Uuid, Path, description = "The document"),
        ("sha256" = String, Path, description = "The hash, 64 hexadecimal digits")
    ),
    security(("token" = [])),
    responses(
        (status = 200, content_type = "application/octet-stream", body = Vec<u8>),
        (status = "default", body = Problem, content_type = "application/problem+json")
    )
)]
pub(in crate::web) async fn attachment(
    State(site): State<Site>,
    Path((id, sha256)): Path<(String, String)>,
) -> Result<Response, Problem> {
    download::attachment(&site, &id, &sha256).await
}

/// Lists what waits for a person, with where it may belong.
#[utoipa::path(
    get,
    path = "/api/v1/review",
    tag = "documents",
    params(
        ("before" = Option<Uuid>, Query, description = "`next` of the page before"),
        ("limit" = Option<usize>, Query, description = "25 unless said, 200 at most")
    ),
    security(("token" = [])),
    responses(
        (status = 200, body = ReviewPage),
        (status = "default", body = Problem, content_type = "application/problem+json")
    )
)]
pub(in crate::web) async fn review(
    State(site): State<Site>,
    selection: Result<Query<Selection>, QueryRejection>,
) -> Result<Json<ReviewPage>, Problem> {
    let Query(selection) = selection?;
    if selection.state.is_some() || selection.project.is_some() {
        return Err(Problem::bad_request("The review queue takes only `before` and `limit`."));
    }
    let selection = Selection { state: Some(DocumentState::NeedsReview), ..selection };
    let (found, next) = selection.read(&site).await?;
    let projects = Projects::of(&site).await?;
    let mut entries = Vec::with_capacity(found.len());
    for document in &found {
        entries.push(ReviewEntry::read(&site, document, &projects).await?);
    }
    Ok(Json(ReviewPage { entries, next }))
}
