//! Errors as programs read them: problem+json (RFC 9457) with kind, message and fix.
use std::borrow::Cow;

use axum::{
    extract::rejection::{BytesRejection, QueryRejection},
    http::{StatusCode, header, header::InvalidHeaderValue},
    response::{IntoResponse, Response},
};
use besunny::{Error, core::repository::RepositoryError};
use serde::Serialize;
use utoipa::ToSchema;

/// The media type of RFC 9457.
const MEDIA_TYPE: &str = "application/problem+json";

/// What is wrong, with which thing, and what to do about it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Problem {
    /// Always `about:blank`: `kind` says more.
    #[serde(rename = "type")]
    #[schema(value_type = String)]
    about: &'static str,
    /// The HTTP status.
    #[schema(value_type = u16)]
    #[serde(serialize_with = "status_code")]
    status: StatusCode,
    /// What programs tell problems apart by.
    pub kind: Kind,
    /// What is wrong.
    #[schema(value_type = String)]
    pub message: Cow<'static, str>,
    /// What to do about it.
    #[schema(value_type = String)]
    pub fix: Cow<'static, str>,
}

/// What programs tell problems apart by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The token is missing or wrong.
    Unauthorized,
    /// The form is not of this session.
    ForeignForm,
    /// The request names a host that is not ours.
    WrongHost,
    /// The request makes no sense.
    BadRequest,
    /// The body is larger than what is read.
    TooLarge,
    /// There is no such route.
    NoRoute,
    /// The route knows another method.
    WrongMethod,
    /// There is no such thing, or it is somebody else's.
    Missing,
    /// It has changed since it was read.
    Conflict,
    /// The provider has no such power.
    NoPower,
    /// The provider did not do as it was asked.
    Provider,
    /// The store failed.
    Store,
}

impl Kind {
    const fn status(self) -> StatusCode {
        match self {
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::ForeignForm => StatusCode::FORBIDDEN,
            Self::WrongHost => StatusCode::MISDIRECTED_REQUEST,
            Self::BadRequest => StatusCode::BAD_REQUEST,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NoRoute | Self::Missing => StatusCode::NOT_FOUND,
            Self::WrongMethod => StatusCode::METHOD_NOT_ALLOWED,
            Self::Conflict => StatusCode::CONFLICT,
            Self::NoPower => StatusCode::NOT_IMPLEMENTED,
            Self::Provider => StatusCode::BAD_GATEWAY,
            Self::Store => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

impl Problem {
    /// Says what is wrong and what to do.
    pub fn new(
        kind: Kind,
        message: impl Into<Cow<'static, str>>,
        fix: impl Into<Cow<'static, str>>,
    ) -> Self {
        let (message, fix) = (message.into(), fix.into());
        Self { about: "about:blank", status: kind.status(), kind, message, fix }
    }

    /// Says that there is no such thing; the same for what is somebody else's.
    #[must_use]
    pub fn missing(what: &str) -> Self {
        let message = format!("There is no such {what}.");
        Self::new(
            Kind::Missing,
            message,
            format!("List again, and use the id of a {what} of yours."),
        )
    }

    pub(super) fn bad_request(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::BadRequest, message, "See /api/v1/openapi.json for what the route takes.")
    }

    pub(super) const fn status(&self) -> StatusCode {
        self.status
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response =
            (self.status, [(header::CONTENT_TYPE, MEDIA_TYPE)], body).into_response();
        if self.kind == Kind::Unauthorized {
            let challenge = header::HeaderValue::from_static("Bearer realm=\"besunny\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

impl From<RepositoryError> for Problem {
    fn from(error: RepositoryError) -> Self {
        match error {
            RepositoryError::Missing(what) => Self::missing(what),
            RepositoryError::Conflict | RepositoryError::Fenced => Self::new(
                Kind::Conflict,
                "It has changed since you read it.",
                "Read it again, and decide on what it says now.",
            ),
            RepositoryError::Taken(what) => {
                Self::new(Kind::Conflict, format!("The {what} is taken."), "Choose another one.")
            }
            error @ (RepositoryError::Corrupt { .. } | RepositoryError::Store(_)) => {
                tracing::error!(error = &error as &dyn std::error::Error, "the store failed");
                Self::new(
                    Kind::Store,
                    "The store did not answer.",
                    "Try again; if it stays so, look at the log of the server.",
                )
            }
        }
    }
}

impl From<InvalidHeaderValue> for Problem {
    fn from(_: InvalidHeaderValue) -> Self {
        Self::bad_request("The answer has no form that HTTP knows.")
    }
}

impl From<Error> for Problem {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the facade may learn to fail otherwise")]
    fn from(error: Error) -> Self {
        match error {
            Error::Missing(what) => Self::missing(what),
            Error::Store(error) => error.into(),
            Error::Onboarding(error) => error.into(),
            Error::Call(error) => error.into(),
            error @ (Error::Unfit(_) | Error::Rule(_)) => Self::bad_request(sentence(&error)),
            error @ Error::Undone => Self::new(
                Kind::Conflict,
                sentence(&error),
                "Read it again: it is as it was before.",
            ),
            error @ (Error::TooManyRules | Error::IdTaken) => {
                let fix =
                    "Use another id for another request, and take back rules you do not need.";
                Self::new(Kind::Conflict, sentence(&error), fix)
            }
            error => {
                tracing::error!(error = &error as &dyn std::error::Error, "a request failed");
                Self::new(
                    Kind::Store,
                    "The engine could not do that.",
                    "Look at the log of the server.",
                )
            }
        }
    }
}

impl From<QueryRejection> for Problem {
    fn from(rejection: QueryRejection) -> Self {
        Self::bad_request(format!("The query cannot be read: {}", rejection.body_text()))
    }
}

impl From<BytesRejection> for Problem {
    fn from(rejection: BytesRejection) -> Self {
        if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
            return Self::new(
                Kind::TooLarge,
                "The body is too large.",
                "Send fewer items at once.",
            );
        }
        Self::bad_request("The body cannot be read.")
    }
}

/// Writes an error as a sentence.
pub(super) fn sentence(error: &dyn std::error::Error) -> String {
    let text = error.to_string();
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string());
    format!("{}{}.", first.unwrap_or_default(), letters.as_str())
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for this shape")]
fn status_code<S: serde::Serializer>(status: &StatusCode, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_u16(status.as_u16())
}
