//! Attendee 1.64: meeting bots, their transcripts, and signed webhooks.
//!
//! Texts of errors are those of a real server, recorded; what its clients stumble over is kept: nearly
//! every refusal is 400, a bot that is about to join can be neither moved nor stopped, a key that is in use
//! is refused without a word of its bot, and a webhook is tried three times within seconds.

use axum::Router;
use axum::http::{StatusCode, header};
use axum::routing::{MethodFilter, MethodRouter};
use serde_json::json;

use crate::answer::Answer;
use crate::gateway::{Call, Shared, endpoint};
use crate::operation::Operation;
use crate::refusal::Refusal;

mod bots;
mod hall;
mod life;
mod records;
mod request;
mod signature;
pub(crate) mod webhook;

pub use life::Act;
pub use webhook::WebhookEntry;

/// The paths of Attendee's interface, version 1.
pub(crate) fn router() -> Router<Shared> {
    use Operation as Op;
    let (get, post) = (MethodFilter::GET, MethodFilter::POST);
    let (patch, delete) = (MethodFilter::PATCH, MethodFilter::DELETE);
    let route = |routes: [Option<MethodRouter<Shared>>; 3]| {
        routes.into_iter().flatten().fold(MethodRouter::new(), MethodRouter::merge)
    };
    let bot = "/api/v1/bots/{bot}";
    let of = |tail: &str| format!("{bot}/{tail}");
    Router::new()
        .route("/version/", endpoint(get, Op::AttendeeVersion, |call| Ok(version(call))))
        .route(
            "/api/v1/bots",
            route([
                Some(endpoint(get, Op::ListBots, bots::list)),
                Some(endpoint(post, Op::CreateBot, bots::create)),
                None,
            ]),
        )
        .route(
            bot,
            route([
                Some(endpoint(get, Op::GetBot, bots::get)),
                Some(endpoint(patch, Op::PatchBot, bots::patch)),
                Some(endpoint(delete, Op::DeleteBot, bots::delete)),
            ]),
        )
        .route(&of("leave"), endpoint(post, Op::LeaveBot, bots::leave))
        .route(&of("transcript"), endpoint(get, Op::GetTranscript, records::transcript))
        .route(&of("recording"), endpoint(get, Op::GetRecording, records::recording))
        .route(&of("delete_data"), endpoint(post, Op::DeleteBotData, records::delete_data))
        .route(&of("chat_messages"), endpoint(get, Op::ListChat, records::chat))
        .route(&of("send_chat_message"), endpoint(post, Op::SendChat, records::send_chat))
        .route(&of("participants"), endpoint(get, Op::ListParticipants, records::participants))
        .route(
            &of("participant_events"),
            endpoint(get, Op::ListParticipantEvents, records::participant_events),
        )
        .route(&of("pause_recording"), endpoint(post, Op::PauseRecording, bots::pause))
        .route(&of("resume_recording"), endpoint(post, Op::ResumeRecording, bots::resume))
}

/// `GET /version/`
fn version(call: &Call) -> Answer {
    Answer::ok(&json!({ "version": call.settings.attendee.version }))
}

/// Lets a caller through whose key is good.
fn admit(call: &Call) -> Result<(), Refusal> {
    let detail =
        |text: &str| Refusal::attendee(StatusCode::UNAUTHORIZED, &json!({ "detail": text }));
    let given = call.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let given = given.ok_or_else(|| detail("Missing Authorization header"))?;
    let key = given.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("token"));
    let (_, key) = key.ok_or_else(|| {
        detail("Invalid Authorization header. Should have this format: Token <api_key>")
    })?;
    if key == call.settings.attendee.api_key {
        return Ok(());
    }
    Err(detail("Invalid or disabled API key"))
}

/// A refusal of a view: 400 with one text.
fn error(text: impl Into<String>) -> Refusal {
    Refusal::attendee(StatusCode::BAD_REQUEST, &json!({ "error": text.into() }))
}

/// A refusal of a field.
fn invalid(field: &str, text: impl Into<String>) -> Refusal {
    let mut body = serde_json::Map::new();
    body.insert(field.to_owned(), json!([text.into()]));
    Refusal::attendee(StatusCode::BAD_REQUEST, &body.into())
}

fn no_such_bot() -> Refusal {
    Refusal::attendee(StatusCode::NOT_FOUND, &json!({ "error": "Bot not found" }))
}
