//! The feed: the newest documents, and where each went.
use askama::Template;
use axum::{
    Extension,
    extract::{Query, State, rejection::QueryRejection},
    http::HeaderMap,
    response::Response,
};
use besunny::core::{
    document::{Document, DocumentKind},
    mail::Mail,
};
use serde::Deserialize;
use uuid::Uuid;

use super::{Frame, Place, Refusal, mark, refuse, show, show_changed, tag};
use crate::web::{
    Site,
    access::Session,
    document::{DocumentSummary, Selection, State as DocumentState, content},
    instant::Shown,
    problem::Problem,
    project::{ProjectName, Projects},
};

/// So much of a text is shown in a list.
const SNIPPET: usize = 180;

/// A document in the feed.
pub(super) struct Row {
    pub(super) document: DocumentSummary,
    /// The author's name, or the address when there is none.
    pub(super) author: String,
    pub(super) snippet: String,
    pub(super) at: Shown,
}

/// The rows, as a piece of the page.
#[derive(Template)]
#[template(path = "feed_rows.html")]
struct Piece<'a> {
    feed: &'a Feed,
}

/// The rows of a page of the feed.
struct Feed {
    rows: Vec<Row>,
    next: Option<String>,
    is_filtered: bool,
}

#[derive(Template)]
#[template(path = "feed.html")]
struct Page {
    frame: Frame,
    choices: Vec<ProjectName>,
    selection: Selection,
    list: String,
    feed: Feed,
    seen: String,
}

/// Asks for a page unless it is what the browser shows already.
#[derive(Debug, Deserialize)]
pub(super) struct Poll {
    #[serde(default)]
    seen: Option<String>,
    #[serde(default)]
    project: Option<Uuid>,
    #[serde(default)]
    state: Option<DocumentState>,
}

pub(super) async fn page(
    State(site): State<Site>,
    Extension(session): Extension<Session>,
    selection: Result<Query<Selection>, QueryRejection>,
) -> Result<Response, Refusal> {
    let Query(selection) = selection?;
    let projects = Projects::of(&site).await?;
    let feed = Feed::read(&site, &selection, &projects).await?;
    show(&Page {
        frame: Frame::of(&site, &session, Place::Feed).await?,
        choices: projects.sorted(),
        list: address("/feed", &selection, None),
        seen: tag(&Piece { feed: &feed }.render()?),
        feed,
        selection,
    })
}

/// Sends the first page of the feed again when it has changed.
pub(super) async fn piece(
    State(site): State<Site>,
    headers: HeaderMap,
    seen: Result<Query<Poll>, QueryRejection>,
) -> Result<Response, Response> {
    let answer = async {
        let Query(Poll { seen, project, state }) = seen?;
        let selection = Selection { project, state, ..Selection::default() };
        let projects = Projects::of(&site).await?;
        let feed = Feed::read(&site, &selection, &projects).await?;
        show_changed(&Piece { feed: &feed }, seen.as_deref())
    };
    answer.await.map_err(refuse(&headers))
}

impl Feed {
    async fn read(
        site: &Site,
        selection: &Selection,
        projects: &Projects,
    ) -> Result<Self, Problem> {
        let (found, next) = selection.read(site).await?;
        let mut rows = Vec::with_capacity(found.len());
        for document in &found {
            rows.push(Row::read(site, document, projects).await?);
        }
        Ok(Self {
            rows,
            next: next.map(|cursor| address("/", selection, Some(cursor))),
            is_filtered: selection.project.is_some() || selection.state.is_some(),
        })
    }
}

impl Row {
    /// Says whether it is of a meeting.
    pub(super) fn is_transcript(&self) -> bool {
        self.document.kind == DocumentKind::MeetingTranscript.as_str()
    }

    pub(super) async fn read(
        site: &Site,
        document: &Document,
        projects: &Projects,
    ) -> Result<Self, Problem> {
        let mail = content(site, document.id).await?.mail;
        Ok(Self {
            document: DocumentSummary::of(document, projects),
            author: author(&mail),
            snippet: snippet(&mail),
            at: Shown::new(document.received_at, site.clock().now()),
        })
    }
}

impl Page {
    fn chosen(&self, project: &ProjectName) -> bool {
        self.selection.project == Some(project.id)
    }

    fn is_in(&self, state: &str) -> bool {
        match self.selection.state {
            None => state.is_empty(),
            Some(DocumentState::Pending) => state == "pending",
            Some(DocumentState::Routed) => state == "routed",
            Some(DocumentState::NeedsReview) => state == "needs_review",
            Some(DocumentState::NoProject) => state == "no_project",
        }
    }

    fn is_first(&self) -> bool {
        self.selection.before.is_none()
    }
}

/// Writes the address of a list with its filters.
fn address(path: &str, selection: &Selection, before: Option<Uuid>) -> String {
    let state = selection.state.map(|state| match state {
        DocumentState::Pending => "state=pending".to_owned(),
        DocumentState::Routed => "state=routed".to_owned(),
        DocumentState::NeedsReview => "state=needs_review".to_owned(),
        DocumentState::NoProject => "state=no_project".to_owned(),
    });
    let project = selection.project.map(|id| format!("project={id}"));
    let before = before.map(|id| format!("before={id}"));
    let query: Vec<String> = [project, state, before].into_iter().flatten().collect();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{}", query.join("&")) }
}

fn author(mail: &Mail) -> String {
    let name = mail.from.first().and_then(|author| author.name.as_ref());
    let name = name.map(|name| name.expose().trim()).filter(|name| !name.is_empty());
    name.unwrap_or_else(|| mail.author()).to_owned()
}

/// Returns the first words of what the sender wrote, on one line.
fn snippet(mail: &Mail) -> String {
    let own = mail.own_text();
    let mut snippet = String::new();
    for word in own.expose().split_whitespace() {
        if !snippet.is_empty() {
            snippet.push(' ');
        }
        snippet.extend(word.chars().take(SNIPPET));
        if snippet.chars().count() >= SNIPPET {
            snippet.push('…');
            break;
        }
    }
    snippet
}
