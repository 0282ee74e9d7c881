//! Projects, and how much is in each.
use askama::Template;
use axum::{Extension, extract::State, response::Response};

use super::{Frame, Place, Refusal, mark, show};
use crate::web::{Site, access::Session, project::Overview};

#[derive(Template)]
#[template(path = "projects.html")]
struct Page {
    frame: Frame,
    overview: Overview,
}

pub(super) async fn page(
    State(site): State<Site>,
    Extension(session): Extension<Session>,
) -> Result<Response, Refusal> {
    let frame = Frame::of(&site, &session, Place::Projects).await?;
    show(&Page { frame, overview: Overview::of(&site).await? })
}
