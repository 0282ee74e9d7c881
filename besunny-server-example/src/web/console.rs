//! The console for people: pages and pieces of pages, made of what REST says too.
use askama::Template;
use axum::{
    Router,
    extract::rejection::FormRejection,
    http::{HeaderMap, StatusCode},
    middleware,
    response::{Html, IntoResponse, Response},
    routing::{get, post},
};
use sha2::{Digest, Sha256};

use super::{
    Site,
    access::{Session, hexadecimal},
    guard,
    problem::{Kind, Problem},
};

mod agenda;
mod call;
mod document;
mod feed;
mod fields;
mod login;
mod mark;
mod meeting;
mod onboarding;
mod projects;
mod review;
mod rules;
mod streams;
mod told;

/// Where a person is, what waits for them, and what their forms carry.
#[derive(Debug)]
struct Frame {
    place: Place,
    waiting: u64,
    form_token: String,
}

/// The parts of the console.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Feed,
    Agenda,
    Review,
    Projects,
    Rules,
    Streams,
}

impl Frame {
    async fn of(site: &Site, session: &Session, place: Place) -> Result<Self, Refusal> {
        let tally = site.besunny().store().tally(site.scope(), Some(site.user())).await?;
        let form_token = session.form_token().to_owned();
        Ok(Self { place, waiting: tally.needs_review, form_token })
    }

    fn is(&self, place: Place) -> bool {
        self.place == place
    }
}

/// What people may do once they have a session, and how they get one.
pub(super) fn routes(site: &Site) -> Router<Site> {
    let inside = Router::new()
        .route("/", get(feed::page))
        .route("/feed", get(feed::piece))
        .route("/documents/{id}", get(document::page))
        .route("/documents/{id}/assign", post(document::assign))
        .route("/documents/{id}/say", post(document::say))
        .route("/documents/{id}/raw", get(document::raw))
        .route("/documents/{id}/attachments/{sha256}", get(document::attachment))
        .route("/agenda", get(agenda::page))
        .route("/bots/policy", post(agenda::policy))
        .route("/meetings/{id}", get(meeting::page))
        .route("/meetings/{id}/now", get(meeting::piece))
        .route("/meetings/{id}/bot", post(meeting::choose))
        .route("/meetings/{id}/call", get(call::piece))
        .route("/meetings/{id}/chat", post(call::write))
        .route("/meetings/{id}/record", post(call::record))
        .route("/meetings/{id}/recording", get(call::recording))
        .route("/meetings/{id}/erase", post(call::erase))
        .route("/review", get(review::page))
        .route("/review/{id}/assign", post(review::assign))
        .route("/acts/{id}/undo", post(told::undo))
        .route("/acts/follow", post(told::follow))
        .route("/rules", get(rules::page).post(rules::accept))
        .route("/rules/preview", post(rules::preview))
        .route("/rules/{id}/withdraw", post(rules::withdraw))
        .route("/projects", get(projects::page))
        .route("/projects/{id}", get(projects::project).post(projects::save))
        .route("/projects/{id}/preview", post(projects::preview))
        .route("/onboarding", post(onboarding::begin))
        .route("/onboarding/{id}", get(onboarding::page))
        .route("/onboarding/{id}/answer", post(onboarding::answer))
        .route("/onboarding/{id}/back", post(onboarding::back))
        .route("/onboarding/{id}/edit", post(onboarding::edit))
        .route("/onboarding/{id}/confirm", post(onboarding::confirm))
        .route("/onboarding/{id}/profile", post(onboarding::profile))
        .route("/onboarding/{id}/save", post(onboarding::save))
        .route("/onboarding/{id}/discard", post(onboarding::discard))
        .route("/streams", get(streams::page))
        .route("/streams/now", get(streams::piece))
        .route("/streams/{id}/retry", post(streams::retry))
        .route("/streams/{id}/steer", post(streams::steer))
        .route("/jobs/replay", post(streams::replay))
        .route("/logout", post(login::leave))
        .fallback(async || Refusal::from(no_page()))
        .method_not_allowed_fallback(async || Refusal::from(no_page()))
        .layer(middleware::from_fn_with_state(site.clone(), guard::session));
    let door = Router::new()
        .route("/login", get(login::page).post(login::enter))
        .layer(middleware::from_fn(guard::own_site));
    door.merge(inside)
}

/// Why a page is not shown; people read it as a page.
struct Refusal(Problem);

impl<P: Into<Problem>> From<P> for Refusal {
    fn from(problem: P) -> Self {
        Self(problem.into())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        failed(&self.0, false)
    }
}

#[derive(Template)]
#[template(path = "problem.html")]
struct ProblemPage<'a> {
    problem: &'a Problem,
}

#[derive(Template)]
#[template(path = "notice.html")]
struct Notice<'a> {
    problem: &'a Problem,
}

/// Shows a problem as a page, or as a notice on the page that asked.
pub(super) fn failed(problem: &Problem, is_piece: bool) -> Response {
    let body =
        if is_piece { Notice { problem }.render() } else { ProblemPage { problem }.render() };
    (problem.status(), Html(body.unwrap_or_default())).into_response()
}

fn show(page: &impl Template) -> Result<Response, Refusal> {
    Ok(Html(page.render()?).into_response())
}

/// Sends a piece of a page, or nothing when the browser shows the same already.
fn show_changed(piece: &impl Template, seen: Option<&str>) -> Result<Response, Refusal> {
    let html = piece.render()?;
    let tag = tag(&html);
    if seen == Some(tag.as_str()) {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    Ok(Html(format!("{html}\n<input type=\"hidden\" name=\"seen\" value=\"{tag}\">"))
        .into_response())
}

/// Names what a piece says, see [`show_changed`].
fn tag(html: &str) -> String {
    let mut tag = hexadecimal(&Sha256::digest(html));
    tag.truncate(16);
    tag
}

/// Answers htmx with a notice, and everybody else with a page.
fn refuse(headers: &HeaderMap) -> impl FnOnce(Refusal) -> Response {
    let is_piece = guard::is_htmx(headers);
    move |Refusal(problem)| failed(&problem, is_piece)
}

fn no_page() -> Problem {
    Problem::new(Kind::NoRoute, "There is no such page.", "Go on from the feed.")
}

impl From<askama::Error> for Problem {
    fn from(error: askama::Error) -> Self {
        tracing::error!(error = &error as &dyn std::error::Error, "a page was not written");
        Self::new(Kind::Store, "The page could not be written.", "Look at the log of the server.")
    }
}

impl From<FormRejection> for Problem {
    fn from(_: FormRejection) -> Self {
        Self::new(
            Kind::BadRequest,
            "The form cannot be read.",
            "Load the page again and repeat what you did.",
        )
    }
}
