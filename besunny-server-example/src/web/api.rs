//! REST for programs, under `/api/v1`; the OpenAPI document is made of these types.
use axum::{
    Router,
    body::Bytes,
    extract::rejection::BytesRejection,
    middleware,
    routing::{delete, get, post, put},
};
use serde::de::DeserializeOwned;

use super::{
    Site, guard,
    problem::{Kind, Problem},
};

mod calls;
mod comparison;
mod documents;
mod feedback;
mod health;
mod jobs;
mod meetings;
mod onboarding;
mod openapi;
mod projects;
mod rules;
mod streams;

pub use feedback::{Assignment, SeenDocument, SeenVersion, Together};
pub use health::{Liveness, StreamLag, SyncHealth};
pub use openapi::document;
pub use rules::Acceptance;
pub use streams::{Retry, Steering};

/// What programs may ask, once they have shown the token.
pub(super) fn routes(site: &Site) -> Router<Site> {
    Router::new()
        .route("/projects", get(projects::list).post(projects::add))
        .route("/projects/{id}", get(projects::read).put(projects::edit))
        .route("/projects/{id}/preview", post(projects::preview))
        .route("/onboarding", get(onboarding::list).post(onboarding::begin))
        .route("/onboarding/{id}", get(onboarding::read).delete(onboarding::forget))
        .route("/onboarding/{id}/answer", post(onboarding::answer).put(onboarding::edit))
        .route("/onboarding/{id}/back", post(onboarding::back))
        .route("/onboarding/{id}/summary", get(onboarding::summary))
        .route("/onboarding/{id}/confirm", post(onboarding::confirm))
        .route("/onboarding/{id}/generate", post(onboarding::generate))
        .route("/onboarding/{id}/profile", put(onboarding::profile))
        .route("/onboarding/{id}/validate", post(onboarding::validate))
        .route("/onboarding/{id}/preview", get(onboarding::preview))
        .route("/onboarding/{id}/save", post(onboarding::save))
        .route("/documents", get(documents::list))
        .route("/documents/{id}", get(documents::read))
        .route("/documents/{id}/raw", get(documents::raw))
        .route("/documents/{id}/attachments/{sha256}", get(documents::attachment))
        .route("/documents/assign-project", post(feedback::together))
        .route("/documents/{id}/assign", post(feedback::assign))
        .route("/documents/{id}/unassign", post(feedback::unassign))
        .route("/documents/{id}/confirm", post(feedback::confirm))
        .route("/documents/{id}/none", post(feedback::none))
        .route("/acts", get(feedback::list))
        .route("/acts/{id}/undo", post(feedback::undo))
        .route("/rules", get(rules::list).post(rules::accept))
        .route("/rules/preview", post(rules::preview))
        .route("/rules/{id}", delete(rules::withdraw))
        .route("/models/report", get(comparison::report))
        .route("/meetings", get(meetings::list))
        .route("/meetings/{id}", get(meetings::read))
        .route("/meetings/{id}/bot", post(meetings::choose))
        .route("/meetings/{id}/bot/chat", get(calls::chat).post(calls::write))
        .route("/meetings/{id}/bot/comings", get(calls::comings))
        .route("/meetings/{id}/bot/pause", post(calls::pause))
        .route("/meetings/{id}/bot/resume", post(calls::resume))
        .route("/meetings/{id}/bot/recording", get(calls::recording))
        .route("/meetings/{id}/bot/erase", post(calls::erase))
        .route("/bots/policy", get(meetings::policy).put(meetings::set_policy))
        .route("/review", get(documents::review))
        .route("/streams", get(streams::list))
        .route("/streams/{id}/quarantine", get(streams::quarantine))
        .route("/streams/{id}/retry", post(streams::retry))
        .route("/streams/{id}/steer", post(streams::steer))
        .route("/jobs/dead", get(jobs::dead))
        .route("/jobs/{id}/replay", post(jobs::replay))
        .route("/openapi.json", get(openapi::serve))
        .fallback(async || no_route())
        .method_not_allowed_fallback(async || wrong_method())
        .layer(middleware::from_fn_with_state(site.clone(), guard::token))
}

/// What whoever starts and stops us asks, under any name: no content, no names.
pub(super) fn probes() -> Router<Site> {
    Router::new()
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
}

/// How far behind we are; no login, since it names nothing but states.
pub(super) fn sync_probe() -> Router<Site> {
    Router::new().route("/health/sync", get(health::sync))
}

/// Reads a JSON body; what is wrong with it is said without repeating it.
fn json<T: DeserializeOwned>(body: Result<Bytes, BytesRejection>) -> Result<T, Problem> {
    let body = body?;
    serde_json::from_slice(&body).map_err(|error| {
        Problem::bad_request(format!(
            "The body is not what the route takes, see line {} column {}.",
            error.line(),
            error.column()
        ))
    })
}

fn no_route() -> Problem {
    Problem::new(Kind::NoRoute, "There is no such route.", "See /api/v1/openapi.json for all.")
}

fn wrong_method() -> Problem {
    Problem::new(
        Kind::WrongMethod,
        "The route does not know this method.",
        "See /api/v1/openapi.json for the methods of each route.",
    )
}
