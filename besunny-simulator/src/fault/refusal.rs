//! Refusals that are faults.

use axum::http::StatusCode;
use chrono::{DateTime, Utc};

use super::RefusalFault;
use crate::config::RateRefusal;
use crate::operation::Operation;
use crate::refusal::{Allowance, Refusal};

/// The words of a fault; its effects on grants and tokens are the caller's.
pub(crate) fn words(fault: &RefusalFault, operation: Operation, now: DateTime<Utc>) -> Refusal {
    let is_oauth = operation.speaks_oauth();
    match fault {
        RefusalFault::RateLimited { refusal, retry_after } => {
            let (form, seconds) = retry_after.parts();
            rate_limit(*refusal, is_oauth).with_retry_after(form, now, seconds)
        }
        RefusalFault::ServerError { status, retry_after } => {
            let (form, seconds) = retry_after.parts();
            let status = server_status(*status);
            let refusal = if is_oauth {
                Refusal::oauth("internal_failure", "Backend Error").with_status(status)
            } else {
                Refusal::backend(status)
            };
            refusal.with_retry_after(form, now, seconds)
        }
        RefusalFault::HtmlError { status } => Refusal::html(server_status(*status)),
        RefusalFault::EmptyError { status } => Refusal::empty(server_status(*status)),
        RefusalFault::RevokedGrant if is_oauth => {
            Refusal::oauth("invalid_grant", "Token has been expired or revoked.")
        }
        RefusalFault::ExpiredToken | RefusalFault::RevokedGrant => Refusal::invalid_token(),
        RefusalFault::DeadPageToken => Refusal::invalid_argument("Invalid pageToken"),
        RefusalFault::ExpiredHistory => Refusal::not_found(),
    }
}

fn rate_limit(refusal: RateRefusal, is_oauth: bool) -> Refusal {
    if !is_oauth {
        return Refusal::too_fast(refusal, Allowance::User);
    }
    let status = match refusal {
        RateRefusal::Forbidden => StatusCode::FORBIDDEN,
        RateRefusal::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
    };
    Refusal::oauth("rate_limit_exceeded", "Rate Limit Exceeded").with_status(status)
}

fn server_status(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
