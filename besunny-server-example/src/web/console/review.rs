//! The review queue: one click a document, and an undo.
use askama::Template;
use axum::{
    Extension, Form,
    extract::{
        Path, Query, State,
        rejection::{FormRejection, QueryRejection},
    },
    http::{HeaderMap, StatusCode},
    response::{Html, IntoResponse, Redirect, Response},
};
use besunny::core::{document::Document, ids::ProjectId, repository::RepositoryError};
use serde::Deserialize;

use super::{Frame, Place, Refusal, document::project, feed, mark, refuse, show};
use crate::web::{
    Site,
    access::Session,
    document::{self, ReviewEntry, Selection, State as DocumentState},
    explanation::{Candidate, in_words},
    guard,
    problem::{Kind, Problem},
    project::{ProjectName, Projects},
};

/// So many candidates have a button of their own; the others are in the list beside.
const BUTTONS: usize = 3;
/// What the button beside the list of all projects says.
const OTHER: &str = "other";

/// A document in the queue.
struct Entry {
    row: feed::Row,
    candidates: Vec<Candidate>,
    reason: &'static str,
    /// What just happened to it, when that needs saying.
    notice: Option<&'static str>,
}

#[derive(Template)]
#[template(path = "review.html")]
struct Page {
    frame: Frame,
    rows: Vec<Entry>,
    choices: Vec<ProjectName>,
    next: Option<String>,
}

#[derive(Template)]
#[template(path = "review_row.html")]
struct RowPiece<'a> {
    entry: &'a Entry,
    choices: &'a [ProjectName],
    form_token: &'a str,
}

#[derive(Template)]
#[template(path = "review_done.html")]
struct Done<'a> {
    id: String,
    title: &'a str,
    version: u64,
    project: ProjectName,
    form_token: &'a str,
}

/// How many documents wait now, for the top of the page.
#[derive(Template)]
#[template(path = "waiting.html")]
struct Waiting<'a> {
    waiting: &'a u64,
}

/// Which button was pressed.
#[derive(Debug, Deserialize)]
pub(super) struct Decision {
    form_token: String,
    version: u64,
    #[serde(default)]
    project: String,
    /// The choice in the list of all projects.
    #[serde(default)]
    other: String,
}

pub(super) async fn page(
    State(site): State<Site>,
    Extension(session): Extension<Session>,
    selection: Result<Query<Selection>, QueryRejection>,
) -> Result<Response, Refusal> {
    let Query(Selection { before, limit, .. }) = selection?;
    let state = Some(DocumentState::NeedsReview);
    let (found, next) = Selection { state, before, limit, project: None }.read(&site).await?;
    let projects = Projects::of(&site).await?;
    let mut rows = Vec::with_capacity(found.len());
    for document in &found {
        rows.push(Entry::read(&site, document, &projects).await?);
    }
    show(&Page {
        frame: Frame::of(&site, &session, Place::Review).await?,
        rows,
        choices: projects.sorted(),
        next: next.map(|cursor| format!("/review?before={cursor}")),
    })
}

pub(super) async fn assign(
    State(site): State<Site>,
    Extension(session): Extension<Session>,
    Path(id): Path<String>,
    headers: HeaderMap,
    form: Result<Form<Decision>, FormRejection>,
) -> Result<Response, Response> {
    let chosen = |decision: &Decision| {
        let wanted = if decision.project == OTHER { &decision.other } else { &decision.project };
        project(wanted)?.ok_or_else(no_choice).map(Some)
    };
    pressed(&site, &session, &id, &headers, form, chosen).await
}

pub(super) async fn undo(
    State(site): State<Site>,
    Extension(session): Extension<Session>,
    Path(id): Path<String>,
    headers: HeaderMap,
    form: Result<Form<Decision>, FormRejection>,
) -> Result<Response, Response> {
    pressed(&site, &session, &id, &headers, form, |_| Ok(None)).await
}

/// Does what a button of a row says, and shows the row as it is then.
async fn pressed(
    site: &Site,
    session: &Session,
    id: &str,
    headers: &HeaderMap,
    form: Result<Form<Decision>, FormRejection>,
    to: impl FnOnce(&Decision) -> Result<Option<ProjectId>, Problem>,
) -> Result<Response, Response> {
    let answer = async {
        let Form(decision) = form?;
        guard::own_form(session, &decision.form_token)?;
        let to = to(&decision)?;
        let after = match decide(site, session, id, (decision.version, to), headers).await? {
            Decided::Row(after) => after,
            Decided::Answer(answer) => return Ok(answer),
        };
        let Some(to) = to else { return row(site, session, &after, None).await };
        let done = Done {
            id: after.id.to_string(),
            title: after.title.expose(),
            version: after.version,
            project: Projects::of(site).await?.name(to),
            form_token: session.form_token(),
        };
        changed(site, &done).await
    };
    answer.await.map_err(refuse(headers))
}

/// What follows from a decision of a person.
enum Decided {
    /// The row of the document is shown as it is now.
    Row(Document),
    /// Everything is said.
    Answer(Response),
}

/// Puts a document where the person wants it, if it is still as the person saw it.
async fn decide(
    site: &Site,
    session: &Session,
    id: &str,
    (version, to): (u64, Option<ProjectId>),
    headers: &HeaderMap,
) -> Result<Decided, Refusal> {
    let document = document::own(site, document::id(id)?).await?;
    let at = (document.id, version);
    let after = site.besunny().assign_at(site.scope(), site.user(), at, to).await;
    if matches!(after, Err(besunny::Error::Store(RepositoryError::Conflict))) {
        return moved_on(site, session, &document, headers).await.map(Decided::Answer);
    }
    let after = after?;
    if !guard::is_htmx(headers) {
        return Ok(Decided::Answer(Redirect::to("/review").into_response()));
    }
    Ok(Decided::Row(after))
}

/// Shows what became of a document that somebody else decided on meanwhile.
async fn moved_on(
    site: &Site,
    session: &Session,
    document: &Document,
    headers: &HeaderMap,
) -> Result<Response, Refusal> {
    if !guard::is_htmx(headers) {
        return Err(RepositoryError::Conflict.into());
    }
    let after = document::own(site, document.id).await?;
    let notice = "This changed while you were looking. Here is how it stands now.";
    let row = row(site, session, &after, Some(notice)).await?;
    Ok((StatusCode::CONFLICT, row).into_response())
}

async fn row(
    site: &Site,
    session: &Session,
    document: &Document,
    notice: Option<&'static str>,
) -> Result<Response, Refusal> {
    let projects = Projects::of(site).await?;
    let entry = Entry { notice, ..Entry::read(site, document, &projects).await? };
    let choices = projects.sorted();
    let piece = RowPiece { entry: &entry, choices: &choices, form_token: session.form_token() };
    changed(site, &piece).await
}

/// Sends what became of a row, and how many are left.
async fn changed(site: &Site, row: &(impl Template + Sync)) -> Result<Response, Refusal> {
    let tally = site.besunny().store().tally(site.scope(), Some(site.user())).await?;
    let waiting = Waiting { waiting: &tally.needs_review };
    Ok(Html(format!("{}{}", row.render()?, waiting.render()?)).into_response())
}

fn no_choice() -> Problem {
    Problem::new(
        Kind::BadRequest,
        "No project was chosen.",
        "Press one of the projects, or choose one in the list first.",
    )
}

impl Entry {
    async fn read(site: &Site, document: &Document, projects: &Projects) -> Result<Self, Problem> {
        let ReviewEntry { document: summary, mut candidates } =
            ReviewEntry::read(site, document, projects).await?;
        candidates.truncate(BUTTONS);
        let reason = summary.reason.map_or("", in_words);
        Ok(Self {
            row: feed::Row::read(site, document, projects).await?,
            candidates,
            reason,
            notice: None,
        })
    }
}
