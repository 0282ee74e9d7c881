//! One document: the mail as text, why it is where it is, and what happened to it.
use askama::Template;
use axum::{
    Extension, Form,
    extract::{Path, State, rejection::FormRejection},
    response::{IntoResponse, Redirect, Response},
};
use besunny::core::{ids::ProjectId, mail::Flag};
use serde::Deserialize;
use uuid::Uuid;

use super::{Frame, Place, Refusal, mark, show};
use crate::web::{
    Site,
    access::Session,
    document::{self, DocumentDetail, State as DocumentState},
    download,
    explanation::in_words,
    guard,
    instant::Shown,
    problem::Problem,
    project::{ProjectName, Projects},
};

#[derive(Template)]
#[template(path = "document.html")]
struct Page {
    frame: Frame,
    document: DocumentDetail,
    choices: Vec<ProjectName>,
    clock: Clock,
}

/// Writes instants of the document for people.
struct Clock(chrono::DateTime<chrono::Utc>);

/// A person's choice of a project; empty takes the document out.
#[derive(Debug, Deserialize)]
pub(super) struct Choice {
    form_token: String,
    version: u64,
    project: String,
}

pub(super) async fn page(
    State(site): State<Site>,
    Extension(session): Extension<Session>,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    show(&Page {
        frame: Frame::of(&site, &session, Place::Feed).await?,
        document: DocumentDetail::read(&site, document::id(&id)?).await?,
        choices: Projects::of(&site).await?.sorted(),
        clock: Clock(site.clock().now()),
    })
}

pub(super) async fn assign(
    State(site): State<Site>,
    Extension(session): Extension<Session>,
    Path(id): Path<String>,
    form: Result<Form<Choice>, FormRejection>,
) -> Result<Response, Refusal> {
    let Form(choice) = form?;
    guard::own_form(&session, &choice.form_token)?;
    let document = document::own(&site, document::id(&id)?).await?;
    let to = project(&choice.project)?;
    let at = (document.id, choice.version);
    site.besunny().assign_at(site.scope(), site.user(), at, to).await?;
    Ok(Redirect::to(&format!("/documents/{}", document.id)).into_response())
}

pub(super) async fn raw(
    State(site): State<Site>,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    Ok(download::raw(&site, &id).await?)
}

pub(super) async fn attachment(
    State(site): State<Site>,
    Path((id, sha256)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    Ok(download::attachment(&site, &id, &sha256).await?)
}

/// Reads a project out of a form; empty is none.
pub(super) fn project(text: &str) -> Result<Option<ProjectId>, Problem> {
    if text.is_empty() {
        return Ok(None);
    }
    let project: Option<ProjectId> = text.parse().ok();
    project.map(Some).ok_or_else(|| Problem::missing("project"))
}

impl Page {
    fn is_in(&self, project: &ProjectName) -> bool {
        self.document.summary.project.as_ref().is_some_and(|it| it.id == project.id)
    }

    /// What in the mail shows that somebody hides something.
    fn suspicious(&self) -> Vec<Flag> {
        let flags = self.document.content.flags.iter();
        flags.copied().filter(|flag| flag.is_suspicious()).collect()
    }

    fn is_pending(&self) -> bool {
        self.document.summary.state == DocumentState::Pending
    }

    fn reason(&self) -> &'static str {
        self.document.summary.reason.map_or("", in_words)
    }

    fn id(&self) -> Uuid {
        self.document.summary.id
    }
}

impl Clock {
    fn shown(&self, at: &chrono::DateTime<chrono::Utc>) -> Shown {
        Shown::new(*at, self.0)
    }
}
