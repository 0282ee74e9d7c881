//! What just happened, the way back, and what could follow.
use askama::Template;
use axum::{
    Extension, Form,
    extract::{Path, State, rejection::FormRejection},
    http::{HeaderMap, HeaderName, StatusCode},
    response::{IntoResponse, Redirect, Response},
};
use besunny::{
    Error, Outcome, Seen,
    core::{
        feedback::{Act, Deed},
        ids::{CommitId, DocumentId},
        repository::RepositoryError,
    },
};
use serde::Deserialize;
use uuid::Uuid;

use super::{document::project, mark, refuse, review};
use crate::web::{
    Site,
    access::Session,
    document::DocumentSummary,
    guard,
    problem::Problem,
    project::{ProjectName, Projects},
};

/// Makes htmx load the page again.
const REFRESH: HeaderName = HeaderName::from_static("hx-refresh");

/// An act that was just done.
#[derive(Debug, Template)]
#[template(path = "told.html")]
pub(super) struct Told {
    act: Uuid,
    /// The subject, where the act is about one document.
    title: Option<String>,
    words: String,
    project: Option<ProjectName>,
    /// What could follow: documents of the same conversation.
    related: Vec<DocumentSummary>,
    /// Where one goes back to.
    back: String,
    /// The row that htmx replaces.
    row: Option<DocumentId>,
    form_token: String,
}

/// Which act a page tells of.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Done {
    #[serde(default)]
    pub(super) done: Option<Uuid>,
}

/// The way back from an act.
#[derive(Debug, Deserialize)]
pub(super) struct Undo {
    form_token: String,
    back: String,
}

/// Documents that follow into a project.
#[derive(Debug, Deserialize)]
pub(super) struct Follow {
    form_token: String,
    back: String,
    project: String,
    /// Pairs of id and version, as `id:version,id:version`.
    documents: String,
    /// The row that asked.
    #[serde(default)]
    row: Option<String>,
}

impl Told {
    /// Tells of an act and of what could follow it.
    pub(super) async fn of(
        site: &Site,
        session: &Session,
        outcome: &Outcome,
        back: &str,
    ) -> Result<Self, Problem> {
        let projects = Projects::of(site).await?;
        let Outcome { act, documents, related } = outcome;
        let title = match documents.as_slice() {
            [document] => Some(document.title.expose().clone()),
            _ => None,
        };
        let to = documents.first().and_then(|document| document.state.project());
        let to = to.filter(|_| !matches!(act.deed, Deed::Accept { .. } | Deed::Undo { .. }));
        Ok(Self {
            act: act.id.as_uuid(),
            words: words(act, title.is_some(), to.is_some()).trim_start().to_owned(),
            title,
            project: to.map(|project| projects.name(project)),
            related: related.iter().map(|it| DocumentSummary::of(it, &projects)).collect(),
            back: back.to_owned(),
            row: None,
            form_token: session.form_token().to_owned(),
        })
    }

    /// Tells of the act that a page was opened with; nothing for one that is not there.
    pub(super) async fn read(
        site: &Site,
        session: &Session,
        act: Option<Uuid>,
        back: &str,
    ) -> Result<Option<Self>, Problem> {
        let Some(id) = act.map(CommitId::from_uuid) else { return Ok(None) };
        let found = site.besunny().store().act(site.scope(), id).await?;
        let Some(act) = found.filter(|act| act.owner == site.user()) else { return Ok(None) };
        let feedback = site.besunny().feedback(site.scope(), site.user());
        let mut documents = Vec::new();
        for made in act.moves.iter().take(2) {
            documents.extend(site.besunny().store().document(site.scope(), made.document).await?);
        }
        let related = match (act.deed, documents.as_slice()) {
            (Deed::Assign { .. }, [document]) => feedback.related(document).await?,
            (_, _) => Vec::new(),
        };
        let outcome = Outcome { act, documents, related };
        Self::of(site, session, &outcome, back).await.map(Some)
    }

    /// Lets htmx replace the row of a document by what follows.
    pub(super) fn in_row(self, row: DocumentId) -> Self {
        Self { row: Some(row), ..self }
    }

    /// Writes the documents that could follow, as [`Follow`] reads them.
    fn followers(&self) -> String {
        let pairs = self.related.iter().map(|other| format!("{}:{}", other.id, other.version));
        pairs.collect::<Vec<_>>().join(",")
    }
}

fn words(act: &Act, is_one: bool, is_in: bool) -> String {
    let many = match act.moves.len() {
        1 => "1 document".to_owned(),
        count => format!("{count} documents"),
    };
    let subject = if is_one { String::new() } else { many.clone() };
    match act.deed {
        Deed::Assign { .. } if is_one => "is in".to_owned(),
        Deed::Assign { .. } => format!("{subject} are in"),
        Deed::Unassign => format!("{subject} waits in the review queue"),
        Deed::Decline => format!("{subject} belongs to no project"),
        Deed::Confirm if is_in => format!("{subject} stays in"),
        Deed::Confirm => format!("{subject} was confirmed"),
        Deed::Accept { .. } if act.moves.is_empty() => "The rule holds from now on.".to_owned(),
        Deed::Accept { .. } => format!("The rule holds from now on, and for {many} that waited."),
        Deed::Withdraw { .. } => "The rule holds no more.".to_owned(),
        Deed::Undo { .. } if is_one => "is as it was before".to_owned(),
        Deed::Undo { .. } => "Everything is as it was before.".to_owned(),
    }
}

pub(super) async fn undo(
    State(site): State<Site>,
    Extension(session): Extension<Session>,
    Path(id): Path<String>,
    headers: HeaderMap,
    form: Result<Form<Undo>, FormRejection>,
) -> Result<Response, Response> {
    let answer = async {
        let Form(asked) = form?;
        guard::own_form(&session, &asked.form_token)?;
        let id: CommitId = id.parse().map_err(|_unreadable| Problem::missing("act"))?;
        let outcome = site.besunny().feedback(site.scope(), site.user()).undo(id).await?;
        if !guard::is_htmx(&headers) {
            return Ok(to(&asked.back, &outcome.act));
        }
        match outcome.documents.as_slice() {
            [document] => review::row(&site, &session, document, None).await,
            _ => Ok((StatusCode::OK, [(REFRESH, "true")]).into_response()),
        }
    };
    answer.await.map_err(refuse(&headers))
}

pub(super) async fn follow(
    State(site): State<Site>,
    Extension(session): Extension<Session>,
    headers: HeaderMap,
    form: Result<Form<Follow>, FormRejection>,
) -> Result<Response, Response> {
    let answer = async {
        let Form(asked) = form?;
        guard::own_form(&session, &asked.form_token)?;
        let project = project(&asked.project)?.ok_or_else(|| Problem::missing("project"))?;
        let seen = seen(&asked.documents)?;
        let feedback = site.besunny().feedback(site.scope(), site.user());
        let outcome = feedback.assign(&seen, project).await?;
        let outcome = Outcome { related: Vec::new(), ..outcome };
        let row = asked.row.and_then(|row| row.parse().ok());
        match row.filter(|_| guard::is_htmx(&headers)) {
            None => Ok(to(&asked.back, &outcome.act)),
            Some(row) => review::done(&site, &session, &outcome, row).await,
        }
    };
    answer.await.map_err(refuse(&headers))
}

/// Opens a page of ours that tells of an act; any other address is the review queue.
pub(super) fn to(back: &str, act: &Act) -> Response {
    let document = |rest: &str| rest.parse::<DocumentId>().is_ok();
    let is_ours = matches!(back, "/review" | "/rules")
        || back.strip_prefix("/documents/").is_some_and(document);
    let back = if is_ours { back } else { "/review" };
    Redirect::to(&format!("{back}?done={}", act.id)).into_response()
}

fn seen(pairs: &str) -> Result<Vec<Seen>, Problem> {
    let pair = |pair: &str| {
        let (id, version) = pair.split_once(':')?;
        Some(Seen { document: id.parse().ok()?, version: Some(version.parse().ok()?) })
    };
    let seen: Option<Vec<Seen>> = pairs.split(',').map(pair).collect();
    seen.ok_or_else(|| Problem::bad_request("The form names no documents."))
}

/// Says whether an act was refused since a document has moved on.
pub(super) const fn is_conflict(done: &Result<Outcome, Error>) -> bool {
    matches!(done, Err(Error::Store(RepositoryError::Conflict)))
}
