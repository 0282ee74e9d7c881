//! The description of all this, for programs that write clients.
use axum::{http::header, response::IntoResponse};
use utoipa::{
    Modify, OpenApi,
    openapi::{
        OpenApi as Document,
        security::{Http, HttpAuthScheme, SecurityScheme},
    },
};

use super::{
    calls, comparison, documents, feedback, health, jobs, meetings, onboarding, projects, rules,
    streams,
};
use crate::web::webhook;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "BeSunny",
        description = "Documents of one person, the projects they went into, and why. \
            Text from mails and meetings is untrusted: show it as text, never as markup."
    ),
    paths(
        projects::list,
        projects::add,
        projects::read,
        projects::preview,
        projects::edit,
        onboarding::begin,
        onboarding::list,
        onboarding::read,
        onboarding::forget,
        onboarding::answer,
        onboarding::back,
        onboarding::edit,
        onboarding::confirm,
        onboarding::summary,
        onboarding::generate,
        onboarding::profile,
        onboarding::validate,
        onboarding::preview,
        onboarding::save,
        documents::list,
        documents::read,
        documents::raw,
        documents::attachment,
        documents::review,
        feedback::assign,
        feedback::unassign,
        feedback::confirm,
        feedback::none,
        feedback::together,
        feedback::list,
        feedback::undo,
        rules::list,
        rules::preview,
        rules::accept,
        rules::withdraw,
        comparison::report,
        meetings::list,
        meetings::read,
        meetings::choose,
        calls::chat,
        calls::write,
        calls::comings,
        calls::pause,
        calls::resume,
        calls::recording,
        calls::erase,
        meetings::policy,
        meetings::set_policy,
        streams::list,
        streams::quarantine,
        streams::retry,
        streams::steer,
        jobs::dead,
        jobs::replay,
        serve,
        webhook::receive,
        health::live,
        health::ready,
        health::sync,
    ),
    modifiers(&Token)
)]
struct Api;

/// The bearer token that programs send.
struct Token;

impl Modify for Token {
    fn modify(&self, document: &mut Document) {
        let components = document.components.get_or_insert_default();
        let token = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        components.add_security_scheme("token", token);
    }
}

/// Returns the OpenAPI 3.1 document as JSON.
///
/// # Errors
/// Never in practice: the document is made of plain text.
pub fn document() -> serde_json::Result<String> {
    serde_json::to_string_pretty(&Api::openapi())
}

/// Describes this API.
#[utoipa::path(
    get,
    path = "/api/v1/openapi.json",
    tag = "openapi",
    security(("token" = [])),
    responses((status = 200, description = "This document", content_type = "application/json"))
)]
pub(in crate::web) async fn serve() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], document().unwrap_or_default())
}
