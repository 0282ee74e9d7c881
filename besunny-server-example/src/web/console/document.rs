//! One document: the mail or the talk as text, why it is where it is, and what happened to it.
use askama::Template;
use axum::{
    Extension, Form,
    extract::{
        Path, Query, State,
        rejection::{FormRejection, QueryRejection},
    },
    response::{IntoResponse, Redirect, Response},
};
use besunny::{
    Seen,
    core::{document::DocumentState as Fate, ids::ProjectId, mail::Flag},
};
use serde::Deserialize;
use uuid::Uuid;

use super::{
    Frame, Place, Refusal, mark, meeting, show,
    told::{self, Done, Told},
};
use crate::web::{
    Site,
    access::Session,
    document::{self, DocumentDetail, State as DocumentState},
    download,
    explanation::{FactKind, in_words},
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
    told: Option<String>,
}

/// Writes instants for people.
pub(super) struct Clock(chrono::DateTime<chrono::Utc>);

/// A person's choice of a project; empty takes the document out.
#[derive(Debug, Deserialize)]
pub(super) struct Choice {
    form_token: String,
    version: u64,
    project: String,
}

/// A word about where a document is.
#[derive(Debug, Deserialize)]
pub(super) struct Saying {
    form_token: String,
    version: u64,
    say: Word,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Word {
    Confirm,
    Unassign,
    None,
}

pub(super) async fn page(
    State(site): State<Site>,
    Extension(session): Extension<Session>,
    Path(id): Path<String>,
    done: Result<Query<Done>, QueryRejection>,
) -> Result<Response, Refusal> {
    let Query(Done { done }) = done?;
    let told = Told::read(&site, &session, done, &format!("/documents/{id}")).await?;
    show(&Page {
        told: told.map(|told| told.render()).transpose()?,
        frame: Frame::of(&site, &session, Place::Feed).await?,
        document: DocumentDetail::read(&site, document::id(&id)?).await?,
        choices: Projects::of(&site).await?.sorted(),
        clock: Clock::of(&site),
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
    let seen = [Seen { document: document.id, version: Some(choice.version) }];
    let feedback = site.besunny().feedback(site.scope(), site.user());
    let wanted = project(&choice.project)?;
    if document.version == choice.version && is_there(&document.state, wanted) {
        return Ok(Redirect::to(&format!("/documents/{}", document.id)).into_response());
    }
    let outcome = match wanted {
        Some(project) => feedback.assign(&seen, project).await?,
        None => feedback.unassign(&seen).await?,
    };
    Ok(told::to(&format!("/documents/{}", document.id), &outcome.act))
}

/// Takes in a word that needs no project: right, not this one, none.
pub(super) async fn say(
    State(site): State<Site>,
    Extension(session): Extension<Session>,
    Path(id): Path<String>,
    form: Result<Form<Saying>, FormRejection>,
) -> Result<Response, Refusal> {
    let Form(saying) = form?;
    guard::own_form(&session, &saying.form_token)?;
    let document = document::own(&site, document::id(&id)?).await?;
    let seen = [Seen { document: document.id, version: Some(saying.version) }];
    let feedback = site.besunny().feedback(site.scope(), site.user());
    let outcome = match saying.say {
        Word::Confirm => feedback.confirm(&seen).await?,
        Word::Unassign => feedback.unassign(&seen).await?,
        Word::None => feedback.decline(&seen).await?,
    };
    Ok(told::to(&format!("/documents/{}", document.id), &outcome.act))
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

/// Says whether a document is where a person wants it already, so that nothing is to be said.
fn is_there(state: &Fate, wanted: Option<ProjectId>) -> bool {
    match state {
        Fate::Routed(route) => Some(route.project) == wanted,
        Fate::NeedsReview(_) | Fate::Pending => wanted.is_none(),
        Fate::NoProject { .. } => false,
    }
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
    const fn is_transcript(&self) -> bool {
        self.document.transcript.is_some()
    }

    fn is_in(&self, project: &ProjectName) -> bool {
        self.document.summary.project.as_ref().is_some_and(|it| it.id == project.id)
    }

    /// Returns the last act, while nothing was decided after it.
    fn undoable(&self) -> Option<Uuid> {
        let is_of_source = |fact: FactKind| {
            matches!(fact, FactKind::Removed | FactKind::Restored | FactKind::Amended)
        };
        let last = self.document.history.iter().rev().find(|line| !is_of_source(line.fact));
        last.and_then(|line| line.act)
    }

    fn is_unconfirmed(&self) -> bool {
        let summary = &self.document.summary;
        summary.state == DocumentState::Routed && !summary.by_person
    }

    /// What in the mail shows that somebody hides something.
    fn suspicious(&self) -> Vec<Flag> {
        let flags = self.document.content.flags.iter();
        flags.copied().filter(|flag| flag.is_suspicious()).collect()
    }

    /// Says whether taking it out would leave it where it is.
    fn is_in_none(&self) -> bool {
        matches!(self.document.summary.state, DocumentState::Pending | DocumentState::NeedsReview)
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
    pub(super) fn of(site: &Site) -> Self {
        Self(site.clock().now())
    }

    pub(super) fn shown(&self, at: &chrono::DateTime<chrono::Utc>) -> Shown {
        Shown::new(*at, self.0)
    }
}
