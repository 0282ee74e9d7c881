//! Errors as Calendar words them (developers.google.com/workspace/calendar/api/guides/errors).

use axum::http::StatusCode;

use crate::fault::LostSync;
use crate::refusal::Refusal;

pub(crate) fn gone(lost: LostSync) -> Refusal {
    match lost {
        LostSync::FullSyncRequired => Refusal::calendar(
            StatusCode::GONE,
            "fullSyncRequired",
            "Sync token is no longer valid, a full sync is required.",
        ),
        LostSync::UpdatedMinTooLongAgo => Refusal::calendar(
            StatusCode::GONE,
            "updatedMinTooLongAgo",
            "The requested minimum modification time lies too far in the past.",
        ),
    }
}

pub(crate) fn not_found() -> Refusal {
    Refusal::calendar(StatusCode::NOT_FOUND, "notFound", "Not Found")
}

pub(crate) fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::calendar(StatusCode::BAD_REQUEST, "invalid", message)
}
