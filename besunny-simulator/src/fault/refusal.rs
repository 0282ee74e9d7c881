//! Refusals that are faults.

use axum::http::StatusCode;
use chrono::{DateTime, Utc};

use super::RefusalFault;
use crate::config::RateRefusal;
use crate::operation::{Dialect, Operation};
use crate::refusal::{Allowance, Refusal};

/// The words of a fault; its effects on grants and tokens are the caller's.
pub(crate) fn words(fault: &RefusalFault, operation: Operation, now: DateTime<Utc>) -> Refusal {
    let dialect = operation.dialect();
    match fault {
        RefusalFault::RateLimited { refusal, retry_after } => {
            let (form, seconds) = retry_after.parts();
            rate_limit(*refusal, dialect, seconds).with_retry_after(form, now, seconds)
        }
        RefusalFault::ServerError { status, retry_after } => {
            let (form, seconds) = retry_after.parts();
            let status = server_status(*status);
            let refusal = match dialect {
                Dialect::Google => Refusal::backend(status),
                Dialect::Oauth => {
                    Refusal::oauth("internal_failure", "Backend Error").with_status(status)
                }
                Dialect::Model => {
                    Refusal::model(status, "server_error", None, "The server had an error.")
                }
                Dialect::Attendee => Refusal::html(status),
            };
            refusal.with_retry_after(form, now, seconds)
        }
        RefusalFault::HtmlError { status } => Refusal::html(server_status(*status)),
        RefusalFault::EmptyError { status } => Refusal::empty(server_status(*status)),
        RefusalFault::RevokedGrant if dialect == Dialect::Oauth => {
            Refusal::oauth("invalid_grant", "Token has been expired or revoked.")
        }
        RefusalFault::ExpiredToken | RefusalFault::RevokedGrant => Refusal::invalid_token(),
        RefusalFault::DeadPageToken => Refusal::invalid_argument("Invalid pageToken"),
        RefusalFault::ExpiredHistory => Refusal::not_found(),
        RefusalFault::ExpiredSync { lost } => crate::calendar::gone(*lost),
    }
}

fn rate_limit(refusal: RateRefusal, dialect: Dialect, seconds: u64) -> Refusal {
    let status = match refusal {
        RateRefusal::Forbidden => StatusCode::FORBIDDEN,
        RateRefusal::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
    };
    match dialect {
        Dialect::Google => Refusal::too_fast(refusal, Allowance::User),
        Dialect::Oauth => {
            Refusal::oauth("rate_limit_exceeded", "Rate Limit Exceeded").with_status(status)
        }
        Dialect::Model => Refusal::model(
            StatusCode::TOO_MANY_REQUESTS,
            "requests",
            Some("rate_limit_exceeded"),
            "Rate limit reached for requests.",
        ),
        Dialect::Attendee => {
            let text = format!("Request was throttled. Expected available in {seconds} seconds.");
            let body = serde_json::json!({ "detail": text });
            Refusal::attendee(StatusCode::TOO_MANY_REQUESTS, &body)
        }
    }
}

fn server_status(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
