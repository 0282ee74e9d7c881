//! Calls from providers: handed to the engine, and answered once they are durable.
use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, State, rejection::BytesRejection},
    http::{HeaderMap, StatusCode, Uri},
    response::{IntoResponse, Response},
    routing::post,
};
use besunny::{
    Refused,
    core::{account::Provider, push::Delivery},
    google::GoogleCalendar,
};

use super::Site;

/// Providers send a few kilobytes; a megabyte is what the largest of them allows itself.
const BODY_BYTES: usize = 1024 * 1024;
/// Where calendars of Google call (CAL-1).
pub const CALENDAR_CALLS: &str = "/webhooks/calendar";

pub(super) fn routes() -> Router<Site> {
    Router::new()
        .route("/webhooks/{provider}", post(receive))
        .layer(DefaultBodyLimit::max(BODY_BYTES))
}

/// Takes a provider's call; the delivery itself proves where it comes from.
#[utoipa::path(
    post,
    path = "/webhooks/{provider}",
    tag = "webhooks",
    params(("provider" = String, Path, description = "`gmail`, `calendar`, `attendee`, or the name of another provider")),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses(
        (status = 200, description = "Stored; or authentic, but not readable, and logged"),
        (status = 401, description = "Not authentic"),
        (status = 404, description = "Nobody listens for this provider"),
        (status = 413, description = "Longer than 1 MiB"),
        (status = 503, description = "Not stored: call again")
    )
)]
pub(super) async fn receive(
    State(site): State<Site>,
    Path(provider): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let body = match body {
        Ok(body) => body,
        Err(rejection) => return rejection.status().into_response(),
    };
    let headers: Vec<(&str, &[u8])> =
        headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    let delivery = Delivery {
        path: uri.path(),
        headers: &headers,
        body: &body,
        received_at: site.clock().now(),
    };
    let provider = match uri.path() {
        CALENDAR_CALLS => GoogleCalendar::provider(),
        _ => Provider::new(provider),
    };
    let noted = match site.besunny().receive(&provider, &delivery).await {
        // Bots follow no account, so their provider is no source.
        Err(Refused::NotMounted) => site.besunny().receive_bot(&provider, &delivery).await,
        noted => noted,
    };
    match noted {
        Ok(_) => StatusCode::OK.into_response(),
        Err(refused) => answer(&refused).into_response(),
    }
}

/// Answers a refused call as [`Refused`] says, without a body.
fn answer(refused: &Refused) -> StatusCode {
    tracing::warn!(error = refused as &dyn std::error::Error, "a delivery was refused");
    match refused {
        Refused::NotMounted => StatusCode::NOT_FOUND,
        Refused::Rejected(_) => StatusCode::UNAUTHORIZED,
        Refused::Unreadable => StatusCode::OK,
        Refused::NoKeys(_) | Refused::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}
