//! Errors as the outside world words them.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Value, json};

use crate::answer::{Answer, Content};
use crate::clock::{http_date, later};
use crate::config::{RateRefusal, RetryAfterForm};

/// An error answer, before it becomes bytes.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    form: Form,
    headers: Vec<(HeaderName, String)>,
}

#[derive(Clone, Debug)]
enum Form {
    Google(Box<GoogleError>),
    Oauth {
        error: &'static str,
        description: String,
    },
    Model {
        kind: &'static str,
        code: Option<&'static str>,
        param: Option<&'static str>,
        message: String,
    },
    /// Of the bot server, which has several forms.
    Attendee(Value),
    Html,
    Empty,
}

#[derive(Clone, Debug)]
struct GoogleError {
    message: String,
    /// The message inside `errors`, where Google words it differently.
    detail: String,
    domain: &'static str,
    reason: &'static str,
    status: &'static str,
    location: Option<&'static str>,
    info: Option<Value>,
}

#[derive(Serialize)]
struct Envelope<'a> {
    code: u16,
    message: &'a str,
    errors: [Item<'a>; 1],
    status: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<[&'a Value; 1]>,
}

#[derive(Serialize)]
struct Item<'a> {
    message: &'a str,
    domain: &'a str,
    reason: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<&'a str>,
    #[serde(rename = "locationType", skip_serializing_if = "Option::is_none")]
    location_type: Option<&'a str>,
}

impl Refusal {
    fn google(
        code: StatusCode,
        status: &'static str,
        reason: &'static str,
        message: impl Into<String>,
    ) -> Self {
        let message = message.into();
        let error = GoogleError {
            detail: message.clone(),
            message,
            domain: "global",
            reason,
            status,
            location: None,
            info: None,
        };
        Self { status: code, form: Form::Google(Box::new(error)), headers: Vec::new() }
    }

    fn adjust(mut self, change: impl FnOnce(&mut GoogleError)) -> Self {
        if let Form::Google(error) = &mut self.form {
            change(error);
        }
        self
    }

    pub(crate) fn invalid_argument(message: impl Into<String>) -> Self {
        Self::google(StatusCode::BAD_REQUEST, "INVALID_ARGUMENT", "invalidArgument", message)
    }

    pub(crate) fn not_found() -> Self {
        let message = "Requested entity was not found.";
        Self::google(StatusCode::NOT_FOUND, "NOT_FOUND", "notFound", message)
    }

    /// An error of Calendar, which has a domain of its own where it is not a common one.
    pub(crate) fn calendar(
        code: StatusCode,
        reason: &'static str,
        message: impl Into<String>,
    ) -> Self {
        let status = match code {
            StatusCode::NOT_FOUND => "NOT_FOUND",
            StatusCode::GONE => "FAILED_PRECONDITION",
            _ => "INVALID_ARGUMENT",
        };
        Self::google(code, status, reason, message).adjust(|error| {
            if !matches!(reason, "notFound" | "invalid") {
                error.domain = "calendar";
            }
        })
    }

    pub(crate) fn forbidden(message: impl Into<String>) -> Self {
        Self::google(StatusCode::FORBIDDEN, "PERMISSION_DENIED", "forbidden", message)
    }

    pub(crate) fn conflict(message: impl Into<String>) -> Self {
        Self::google(StatusCode::CONFLICT, "ABORTED", "aborted", message)
    }

    pub(crate) fn missing_token() -> Self {
        let message = "Request is missing required authentication credential. Expected OAuth 2 \
                       access token, login cookie or other valid authentication credential. See \
                       https://developers.google.com/identity/sign-in/web/devconsole-project.";
        Self::unauthenticated(message, "Login Required.", "required")
            .with_header(header::WWW_AUTHENTICATE, r#"Bearer realm="https://accounts.google.com/""#)
    }

    pub(crate) fn invalid_token() -> Self {
        let message = "Request had invalid authentication credentials. Expected OAuth 2 access \
                       token, login cookie or other valid authentication credential. See \
                       https://developers.google.com/identity/sign-in/web/devconsole-project.";
        Self::unauthenticated(message, "Invalid Credentials", "authError").with_header(
            header::WWW_AUTHENTICATE,
            r#"Bearer realm="https://accounts.google.com/", error="invalid_token""#,
        )
    }

    fn unauthenticated(message: &str, detail: &str, reason: &'static str) -> Self {
        Self::google(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED", reason, message).adjust(|error| {
            detail.clone_into(&mut error.detail);
            error.location = Some("Authorization");
        })
    }

    pub(crate) fn missing_scope(operation: &str, scopes: &[&str]) -> Self {
        let message = "Request had insufficient authentication scopes.";
        let info = json!({
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
            "domain": "googleapis.com",
            "metadata": { "service": "gmail.googleapis.com", "method": operation },
        });
        let challenge = format!(
            r#"Bearer realm="https://accounts.google.com/", error="insufficient_scope", scope="{}""#,
            scopes.join(" ")
        );
        let reason = "insufficientPermissions";
        Self::google(StatusCode::FORBIDDEN, "PERMISSION_DENIED", reason, message)
            .adjust(|error| {
                "Insufficient Permission".clone_into(&mut error.detail);
                error.info = Some(info);
            })
            .with_header(header::WWW_AUTHENTICATE, challenge)
    }

    pub(crate) fn too_fast(refusal: RateRefusal, whose: Allowance) -> Self {
        match refusal {
            RateRefusal::TooManyRequests => Self::google(
                StatusCode::TOO_MANY_REQUESTS,
                "RESOURCE_EXHAUSTED",
                "rateLimitExceeded",
                "Resource has been exhausted (e.g. check quota).",
            ),
            RateRefusal::Forbidden => {
                let (limit, reason) = match whose {
                    Allowance::User => ("Queries per minute per user", "userRateLimitExceeded"),
                    Allowance::Project => ("Queries per minute", "rateLimitExceeded"),
                };
                let message = format!(
                    "Quota exceeded for quota metric 'Queries' and limit '{limit}' of service \
                     'gmail.googleapis.com' for consumer 'project_number:1234567890'."
                );
                Self::google(StatusCode::FORBIDDEN, "RESOURCE_EXHAUSTED", reason, message)
                    .adjust(|error| error.domain = "usageLimits")
            }
        }
    }

    pub(crate) fn backend(status: StatusCode) -> Self {
        let (name, message) = match status {
            StatusCode::SERVICE_UNAVAILABLE => {
                ("UNAVAILABLE", "The service is currently unavailable.")
            }
            StatusCode::GATEWAY_TIMEOUT => ("DEADLINE_EXCEEDED", "Deadline exceeded."),
            _ => ("INTERNAL", "Internal error encountered."),
        };
        Self::google(status, name, "backendError", message)
    }

    pub(crate) fn oauth(error: &'static str, description: impl Into<String>) -> Self {
        let status = match error {
            "invalid_client" => StatusCode::UNAUTHORIZED,
            "rate_limit_exceeded" => StatusCode::TOO_MANY_REQUESTS,
            "internal_failure" => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_REQUEST,
        };
        let form = Form::Oauth { error, description: description.into() };
        Self { status, form, headers: Vec::new() }
    }

    /// An error of a model server (platform.openai.com/docs/guides/error-codes).
    pub(crate) fn model(
        status: StatusCode,
        kind: &'static str,
        code: Option<&'static str>,
        message: impl Into<String>,
    ) -> Self {
        let form = Form::Model { kind, code, param: None, message: message.into() };
        Self { status, form, headers: Vec::new() }
    }

    /// A model server's error about one parameter.
    pub(crate) fn invalid_request(param: &'static str, message: impl Into<String>) -> Self {
        let param = (!param.is_empty()).then_some(param);
        let form = Form::Model {
            kind: "invalid_request_error",
            code: None,
            param,
            message: message.into(),
        };
        Self { status: StatusCode::BAD_REQUEST, form, headers: Vec::new() }
    }

    pub(crate) fn attendee(status: StatusCode, body: &Value) -> Self {
        Self { status, form: Form::Attendee(body.clone()), headers: Vec::new() }
    }

    pub(crate) fn html(status: StatusCode) -> Self {
        Self { status, form: Form::Html, headers: Vec::new() }
    }

    pub(crate) fn empty(status: StatusCode) -> Self {
        Self { status, form: Form::Empty, headers: Vec::new() }
    }

    pub(crate) fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    pub(crate) fn with_header(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn with_retry_after(
        self,
        form: RetryAfterForm,
        now: DateTime<Utc>,
        seconds: u64,
    ) -> Self {
        let value = match form {
            RetryAfterForm::Absent => return self,
            RetryAfterForm::Seconds => seconds.to_string(),
            RetryAfterForm::HttpDate => {
                http_date(later(now, std::time::Duration::from_secs(seconds)))
            }
        };
        self.with_header(header::RETRY_AFTER, value)
    }

    pub(crate) fn into_answer(self) -> Answer {
        let content = match &self.form {
            Form::Google(error) => Content::json(&json!({
                "error": envelope(self.status.as_u16(), error)
            })),
            Form::Oauth { error, description } => Content::json(&json!({
                "error": error, "error_description": description
            })),
            Form::Model { kind, code, param, message } => Content::json(&json!({
                "error": { "message": message, "type": kind, "param": param, "code": code }
            })),
            Form::Attendee(body) => Content::json(body),
            Form::Html => Content::Html(error_page(self.status)),
            Form::Empty => Content::Empty,
        };
        let headers = self
            .headers
            .into_iter()
            .filter_map(|(name, value)| Some((name, HeaderValue::try_from(value).ok()?)))
            .collect();
        Answer { status: self.status, headers, content, page: None, is_masked: false }
    }
}

/// Whose quota is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Allowance {
    User,
    Project,
}

fn envelope(code: u16, error: &GoogleError) -> Envelope<'_> {
    let item = Item {
        message: &error.detail,
        domain: error.domain,
        reason: error.reason,
        location: error.location,
        location_type: error.location.map(|_| "header"),
    };
    Envelope {
        code,
        message: &error.message,
        errors: [item],
        status: error.status,
        details: error.info.as_ref().map(|info| [info]),
    }
}

/// The page that Google's front end sends when the service behind it gave no answer.
pub(crate) fn error_page(status: StatusCode) -> String {
    let reason = status.canonical_reason().unwrap_or("Error");
    format!(
        "<!DOCTYPE html>\n<html lang=en>\n  <meta charset=utf-8>\n  \
         <title>Error {code} ({reason})!!1</title>\n  \
         <p><b>{code}.</b> <ins>That’s an error.</ins>\n  \
         <p>The server could not process your request.  <ins>That’s all we know.</ins>\n",
        code = status.as_u16()
    )
}
