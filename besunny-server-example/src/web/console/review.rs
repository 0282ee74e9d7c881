//! The review queue: one click a document, and an undo.
use askama::Template;
use axum::{
    Extension, Form,
    extract::{
        Path, Query, State,
        rejection::{FormRejection, QueryRejection},
    },
    http::{HeaderMap, StatusCode},
    response::{Html, IntoResponse, Response},
};
use besunny::{
    Outcome, Seen,
    core::{
        document::Document,
        ids::{DocumentId, ProjectId},
        repository::RepositoryError,
    },
};
use serde::Deserialize;
use uuid::Uuid;

use super::{
    Frame, Place, Refusal,
    document::project,
    feed, mark, refuse, show,
    told::{self, Told},
};
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
/// What the button of no project says.
const NONE: &str = "none";

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
    told: Option<String>,
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
struct DoneRow {
    row: DocumentId,
    /// A piece that was rendered, and escaped, before.
    told: String,
}

/// How many documents wait now, for the top of the page.
#[derive(Template)]
#[template(path = "waiting.html")]
struct Waiting<'a> {
    waiting: &'a u64,
}

/// Which page of the queue, and what it tells of.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Wanted {
    before: Option<Uuid>,
    limit: Option<usize>,
    done: Option<Uuid>,
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
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Response, Refusal> {
    let Query(Wanted { before, limit, done }) = wanted?;
    let told = Told::read(&site, &session, done, "/review").await?;
    let told = told.map(|told| told.render()).transpose()?;
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
        told,
    })
}

/// Puts a document where the person wants it, if it is still as the person saw it.
pub(super) async fn assign(
    State(site): State<Site>,
    Extension(session): Extension<Session>,
    Path(id): Path<String>,
    headers: HeaderMap,
    form: Result<Form<Decision>, FormRejection>,
) -> Result<Response, Response> {
    let answer = async {
        let Form(decision) = form?;
        guard::own_form(&session, &decision.form_token)?;
        let document = document::own(&site, document::id(&id)?).await?;
        let seen = [Seen { document: document.id, version: Some(decision.version) }];
        let feedback = site.besunny().feedback(site.scope(), site.user());
        let done = if decision.project == NONE {
            feedback.decline(&seen).await
        } else {
            feedback.assign(&seen, decision.project()?).await
        };
        if told::is_conflict(&done) {
            return moved_on(&site, &session, &document, &headers).await;
        }
        let outcome = done?;
        if !guard::is_htmx(&headers) {
            return Ok(told::to("/review", &outcome.act));
        }
        self::done(&site, &session, &outcome, document.id).await
    };
    answer.await.map_err(refuse(&headers))
}

/// Sends what is told of an act in place of the row that asked for it.
pub(super) async fn done(
    site: &Site,
    session: &Session,
    outcome: &Outcome,
    row: DocumentId,
) -> Result<Response, Refusal> {
    let told = Told::of(site, session, outcome, "/review").await?.in_row(row).render()?;
    changed(site, &DoneRow { row, told }).await
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

pub(super) async fn row(
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

impl Decision {
    /// Returns the project that was chosen.
    fn project(&self) -> Result<ProjectId, Problem> {
        let wanted = if self.project == OTHER { &self.other } else { &self.project };
        project(wanted)?.ok_or_else(no_choice)
    }
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
