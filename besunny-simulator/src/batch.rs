//! Many calls in one request (developers.google.com/workspace/gmail/api/guides/batch).
//!
//! Each part is a request of its own: it is metered, logged and struck by faults as if it came
//! alone, so a batch saves connections and no quota. The answers stand in the order of the requests.

use std::convert::Infallible;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, Request, StatusCode};
use axum::response::{Html, IntoResponse as _, Response};
use axum::routing::post;
use bytes::Bytes;
use futures::future::join_all;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use mailparse::{MailHeaderMap as _, ParsedMail};

use crate::{refusal, wire};

/// Google refuses larger batches.
const MAX_CALLS: usize = 100;
/// The largest answer of a part, in bytes: a message of 35 MB in base64.
const MAX_ANSWER_BYTES: usize = 64 * 1024 * 1024;
/// Parts are never compressed alone.
const COMPRESSION: &str = "Accept-Encoding";
/// Separates the answers; no JSON has it.
const BOUNDARY: &str = "batch_simulated";

/// The route, whose parts go to `services`.
pub(crate) fn router(services: Router) -> Router {
    let answer =
        async move |headers: HeaderMap, body: Bytes| respond(services, &headers, body).await;
    Router::new().route("/batch/gmail/v1", post(answer))
}

async fn respond(services: Router, headers: &HeaderMap, body: Bytes) -> Response {
    let is_served = |calls: &Vec<Call>| (1..=MAX_CALLS).contains(&calls.len());
    let Some(calls) = calls(headers, &body).filter(is_served) else {
        let page = refusal::error_page(StatusCode::BAD_REQUEST);
        return (StatusCode::BAD_REQUEST, Html(page)).into_response();
    };
    let answers = join_all(calls.into_iter().map(|call| answered(services.clone(), call))).await;
    let mut whole = Vec::new();
    for answer in answers {
        whole.extend_from_slice(format!("--{BOUNDARY}\r\n").as_bytes());
        whole.extend_from_slice(&answer);
        whole.extend_from_slice(b"\r\n");
    }
    whole.extend_from_slice(format!("--{BOUNDARY}--").as_bytes());
    let kind = format!("multipart/mixed; boundary={BOUNDARY}");
    (StatusCode::OK, [(CONTENT_TYPE, kind)], whole).into_response()
}

/// A request that came as a part.
struct Call {
    id: Option<String>,
    request: Request<Body>,
}

fn calls(headers: &HeaderMap, body: &[u8]) -> Option<Vec<Call>> {
    let kind = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let mut mail = format!("Content-Type: {kind}\r\n\r\n").into_bytes();
    mail.extend_from_slice(body);
    let whole = mailparse::parse_mail(&mail).ok()?;
    whole.subparts.iter().map(|part| call(part, headers)).collect()
}

/// Reads one request; headers of the whole hold for it unless it has its own.
fn call(part: &ParsedMail<'_>, outer: &HeaderMap) -> Option<Call> {
    let raw = part.get_body_raw().ok()?;
    let line = raw.iter().position(|byte| *byte == b'\n')?;
    let (line, rest) = raw.split_at(line + 1);
    let mut words = std::str::from_utf8(line).ok()?.split_ascii_whitespace();
    let (method, target) = (words.next()?, words.next()?);
    let (fields, at) = mailparse::parse_headers(rest).ok()?;
    let mut request = Request::builder().method(method).uri(target);
    for field in
        fields.iter().filter(|field| !field.get_key_ref().eq_ignore_ascii_case(COMPRESSION))
    {
        request = request.header(field.get_key_raw(), field.get_value_raw());
    }
    let has_own = fields.get_first_header(AUTHORIZATION.as_str()).is_some();
    if let Some(token) = outer.get(AUTHORIZATION).filter(|_| !has_own) {
        request = request.header(AUTHORIZATION, token);
    }
    let body = Body::from(rest.get(at..)?.to_vec());
    Some(Call { id: part.headers.get_first_value("Content-ID"), request: request.body(body).ok()? })
}

/// Answers one request, in the form of a part.
async fn answered(services: Router, call: Call) -> Vec<u8> {
    let answer = TowerToHyperService::new(services).call(call.request).await;
    let answer = answer.unwrap_or_else(|never: Infallible| match never {});
    let mut head = vec!["Content-Type: application/http".to_owned()];
    head.extend(call.id.map(|id| format!("Content-ID: <response-{}", id.trim_start_matches('<'))));
    // A connection that is cut behind Google's front end is an error in front of it.
    let is_cut = answer.extensions().get::<wire::Cut>().is_some();
    let status = if is_cut { StatusCode::BAD_GATEWAY } else { answer.status() };
    head.extend([String::new(), format!("HTTP/1.1 {status}")]);
    let fields = answer.headers().iter();
    head.extend(
        fields.map(|(name, value)| format!("{name}: {}", value.to_str().unwrap_or_default())),
    );
    head.extend([String::new(), String::new()]);
    let mut part = head.join("\r\n").into_bytes();
    let body = to_bytes(answer.into_body(), MAX_ANSWER_BYTES).await;
    part.extend_from_slice(&body.unwrap_or_default());
    part
}
