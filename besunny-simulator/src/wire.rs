//! Answers as bytes on a connection, and the faults of connections.

use std::collections::VecDeque;
use std::io::{self, Write as _};
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures::stream;
use serde_json::Value;

use crate::answer::{Answer, Content};
use crate::clock::http_date;
use crate::fault::{Fault, WireFault};
use crate::fieldmask::FieldMask;
use crate::gateway::{Call, Shared};
use crate::refusal::Refusal;

/// Marks a response that must not be sent: the connection is cut instead.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cut;

/// Pieces of a slow body.
const PIECES: usize = 10;

pub(crate) async fn respond(
    call: &Call,
    headers: &HeaderMap,
    answer: Answer,
    fault: Option<WireFault>,
) -> Response {
    let world = &call.world;
    let answer = shape(call, answer);
    if let Some(fault) = fault.filter(|fault| strikes(*fault, &answer.content, headers)) {
        world.faults.count(Fault::Wire(fault).kind());
    }
    match fault {
        Some(WireFault::Latency { ms }) => world.clock.sleep(Duration::from_millis(ms)).await,
        Some(WireFault::Stall) => std::future::pending().await,
        Some(WireFault::DropRequest | WireFault::DropAnswer) => return cut(),
        None
        | Some(
            WireFault::CutBody
            | WireFault::SlowBody { .. }
            | WireFault::StallBody
            | WireFault::Gzip,
        ) => {}
    }
    let compresses = call.settings.wire.gzip || fault == Some(WireFault::Gzip);
    let mut response = head(call, &answer);
    let mut bytes = match answer.content {
        Content::Empty => return response,
        Content::Json(bytes) => Bytes::from(bytes),
        Content::Html(text) => Bytes::from(text),
    };
    if compresses
        && accepts_gzip(headers)
        && let Ok(smaller) = gzip(&bytes)
    {
        bytes = smaller;
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.len()));
    *response.body_mut() = body(world, bytes, fault);
    response
}

/// Whether a fault makes any difference to an answer.
fn strikes(fault: WireFault, content: &Content, headers: &HeaderMap) -> bool {
    match fault {
        WireFault::CutBody | WireFault::SlowBody { .. } | WireFault::StallBody => {
            !matches!(content, Content::Empty)
        }
        WireFault::Gzip => accepts_gzip(headers),
        WireFault::Latency { .. }
        | WireFault::DropRequest
        | WireFault::DropAnswer
        | WireFault::Stall => true,
    }
}

/// Applies `fields` and `prettyPrint`. Google indents unless told otherwise; that costs time and
/// carries nothing, so here it must be asked for.
fn shape(call: &Call, mut answer: Answer) -> Answer {
    let Content::Json(bytes) = &answer.content else { return answer };
    let is_whole = answer.status.is_success() && !answer.is_masked;
    let fields = call.query.get("fields").filter(|_| is_whole);
    let pretty = call.query.get("prettyPrint") == Some("true");
    if fields.is_none() && !pretty {
        return answer;
    }
    let Ok(value) = serde_json::from_slice::<Value>(bytes) else { return answer };
    let Some(mask) = fields.map_or_else(|| Some(FieldMask::default()), FieldMask::parse) else {
        let message = format!("Invalid field selection {}", fields.unwrap_or_default());
        return Refusal::invalid_argument(message).into_answer();
    };
    let kept = mask.keep(&value);
    answer.content = match serde_json::to_vec_pretty(&kept) {
        Ok(indented) if pretty => Content::Json(indented),
        _ => Content::json(&kept),
    };
    answer
}

fn head(call: &Call, answer: &Answer) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = answer.status;
    let headers = response.headers_mut();
    if let Ok(date) = HeaderValue::try_from(http_date(call.world.clock.now())) {
        headers.insert(header::DATE, date);
    }
    let kind = match answer.content {
        Content::Json(_) => Some("application/json; charset=UTF-8"),
        Content::Html(_) => Some("text/html; charset=UTF-8"),
        Content::Empty => None,
    };
    if let Some(kind) = kind {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private"));
    headers.insert(header::VARY, HeaderValue::from_static("Origin, X-Origin, Referer"));
    headers.extend(answer.headers.iter().cloned());
    response
}

fn cut() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::BAD_GATEWAY;
    response.extensions_mut().insert(Cut);
    response
}

fn accepts_gzip(headers: &HeaderMap) -> bool {
    headers
        .get(header::ACCEPT_ENCODING)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.contains("gzip"))
}

fn gzip(bytes: &[u8]) -> io::Result<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes)?;
    encoder.finish().map(Bytes::from)
}

/// One step of a body that does not come at once.
enum Step {
    Send(Bytes),
    Pause(Duration),
    Cut,
    Stall,
}

fn body(world: &Shared, bytes: Bytes, fault: Option<WireFault>) -> Body {
    let half = bytes.slice(..bytes.len() / 2);
    let steps: VecDeque<Step> = match fault {
        Some(WireFault::CutBody) => [Step::Send(half), Step::Cut].into(),
        Some(WireFault::StallBody) => [Step::Send(half), Step::Stall].into(),
        Some(WireFault::SlowBody { pause_ms }) => {
            let size = bytes.len().div_ceil(PIECES).max(1);
            let pieces = (0..bytes.len()).step_by(size);
            pieces
                .map(|from| bytes.slice(from..(from + size).min(bytes.len())))
                .flat_map(|piece| [Step::Send(piece), Step::Pause(Duration::from_millis(pause_ms))])
                .collect()
        }
        None
        | Some(
            WireFault::Latency { .. }
            | WireFault::DropRequest
            | WireFault::DropAnswer
            | WireFault::Stall
            | WireFault::Gzip,
        ) => return Body::from(bytes),
    };
    let state = (Shared::clone(world), steps);
    Body::from_stream(stream::unfold(state, |(world, mut steps)| async move {
        loop {
            match steps.pop_front()? {
                Step::Send(piece) => return Some((Ok(piece), (world, steps))),
                Step::Pause(pause) => world.clock.sleep(pause).await,
                Step::Cut => {
                    let cut = io::Error::from(io::ErrorKind::ConnectionReset);
                    return Some((Err(cut), (world, steps)));
                }
                Step::Stall => std::future::pending().await,
            }
        }
    }))
}
