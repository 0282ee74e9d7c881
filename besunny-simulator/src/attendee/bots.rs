//! Bots are made, shown, moved, deleted, and told to leave.

use axum::http::StatusCode;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::hall::Bot;
use super::life::{CAN_LEAVE, State, WORDS};
use super::{admit, error, no_such_bot, request};
use crate::answer::Answer;
use crate::gateway::Call;
use crate::refusal::Refusal;

/// A page has so many entries; nobody can ask for another size.
const PAGE: usize = 25;

/// Does something with the bot that the path names; what it is moved by is told afterwards.
pub(super) fn with_bot<T>(
    call: &Call,
    act: impl FnOnce(&mut Bot) -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    admit(call)?;
    call.world
        .hall
        .change(call.at, |hall| act(hall.bot(call.segment("bot")).ok_or_else(no_such_bot)?))
}

/// `POST /api/v1/bots`
pub(super) fn create(call: &Call) -> Result<Answer, Refusal> {
    admit(call)?;
    let wanted = request::wanted(call)?;
    let most = call.settings.attendee.max_bots;
    call.world.hall.change(call.at, |hall| {
        let open: Vec<&Bot> = hall.bots().filter(|bot| !bot.state.is_terminal()).collect();
        if most.is_some_and(|most| open.len() >= most) {
            let most = most.unwrap_or_default();
            return Err(error(format!(
                "You have exceeded the maximum number of concurrent bots ({most}) for your \
                 account. Please reach out to customer support to increase the limit."
            )));
        }
        if wanted.key.is_some() && open.iter().any(|bot| bot.key == wanted.key) {
            return Err(error(
                "Deduplication key already in use. A bot in a non-terminal state with this \
                 deduplication key already exists. Please use a different deduplication key or \
                 wait for that bot to terminate.",
            ));
        }
        let made = hall.make(wanted, call.at).to_json();
        Ok(Answer { status: StatusCode::CREATED, ..Answer::ok(&made) })
    })
}

/// `GET /api/v1/bots`
pub(super) fn list(call: &Call) -> Result<Answer, Refusal> {
    admit(call)?;
    let query = &call.query;
    let states: Vec<&str> = query.all("states").collect();
    if let Some(odd) = states.iter().find(|state| !WORDS.contains(state)) {
        let valid = WORDS.join(", ");
        return Err(error(format!("Invalid state: {odd}. Valid states are: {valid}")));
    }
    let instant = |name: &str| query.get(name).and_then(|at| at.parse::<DateTime<Utc>>().ok());
    let (after, before) = (instant("join_at_after"), instant("join_at_before"));
    call.world.hall.change(call.at, |hall| {
        let is_asked = |bot: &&Bot| {
            let matches = |name: &str, value: Option<&str>| {
                query.get(name).is_none_or(|asked| value == Some(asked))
            };
            matches("deduplication_key", bot.key.as_deref())
                && matches("meeting_url", Some(&bot.meeting_url))
                && (states.is_empty() || states.contains(&bot.state.as_str()))
                && after.is_none_or(|after| bot.join_at.is_some_and(|at| at >= after))
                && before.is_none_or(|before| bot.join_at.is_some_and(|at| at <= before))
        };
        let bots: Vec<Value> = hall.bots().filter(is_asked).map(Bot::to_json).collect();
        page(call, bots)
    })
}

/// One page of a list; its cursor is opaque and mortal.
pub(super) fn page(call: &Call, entries: Vec<Value>) -> Result<Answer, Refusal> {
    let generation = *call.world.page_generation.read();
    let place = call.query.get("cursor").map(|cursor| place(cursor, generation));
    let dead = || {
        let body = json!({ "detail": "Invalid cursor" });
        Refusal::attendee(StatusCode::NOT_FOUND, &body)
    };
    let begin = place.map_or(Ok(0), |place| place.ok_or_else(dead))?;
    let more = entries.len() > begin + PAGE;
    let cursor = BASE64_STANDARD.encode(format!("g={generation}&p={}", begin + PAGE));
    let next = more.then(|| {
        let host = call.headers.get("host").and_then(|host| host.to_str().ok()).unwrap_or_default();
        let cursor: String = form_urlencoded::byte_serialize(cursor.as_bytes()).collect();
        format!("http://{host}/api/v1/bots?cursor={cursor}")
    });
    let results: Vec<Value> = entries.into_iter().skip(begin).take(PAGE).collect();
    Ok(Answer::ok(&json!({ "next": next, "previous": null, "results": results })))
}

fn place(cursor: &str, generation: u32) -> Option<usize> {
    let text = String::from_utf8(BASE64_STANDARD.decode(cursor).ok()?).ok()?;
    let place = text.strip_prefix(&format!("g={generation}&p="))?;
    place.parse().ok()
}

/// `GET /api/v1/bots/{bot}`
pub(super) fn get(call: &Call) -> Result<Answer, Refusal> {
    with_bot(call, |bot| Ok(Answer::ok(&bot.to_json())))
}

/// `PATCH /api/v1/bots/{bot}`: unknown fields are ignored, unlike in `POST`.
pub(super) fn patch(call: &Call) -> Result<Answer, Refusal> {
    with_bot(call, |bot| {
        let body = request::object(call)?;
        let is_planned = bot.state == State::Scheduled;
        let moves = ["join_at", "meeting_url", "bot_name", "bot_image", "recording_settings"];
        if !is_planned && moves.iter().any(|name| body.contains_key(*name)) {
            return Err(error(format!(
                "Bot is in state {} but join_at, meeting_url, bot_name, bot_image and \
                 recording_settings can only be updated when in the scheduled state",
                bot.state.as_str()
            )));
        }
        let join_at = body.get("join_at").map(|at| request::join_at(at, call.at)).transpose()?;
        let url = body.get("meeting_url").and_then(Value::as_str);
        let url = url.map(request::meeting_url).transpose()?;
        let metadata = body.get("metadata").map(request::metadata).transpose()?;
        bot.join_at = join_at.or(bot.join_at);
        bot.meeting_url = url.unwrap_or_else(|| bot.meeting_url.clone());
        bot.metadata = metadata.or_else(|| bot.metadata.take());
        Ok(Answer::ok(&bot.to_json()))
    })
}

/// `DELETE /api/v1/bots/{bot}`: the row is gone, and nobody is told.
pub(super) fn delete(call: &Call) -> Result<Answer, Refusal> {
    let number = with_bot(call, |bot| {
        if bot.state == State::Scheduled {
            return Ok(bot.number);
        }
        let state = bot.state.as_str();
        Err(error(format!(
            "Bot is in state {state} but can only be deleted when in scheduled state"
        )))
    })?;
    call.world.hall.change(call.at, |hall| hall.remove(number));
    Ok(empty())
}

/// A good answer without a body.
pub(super) fn empty() -> Answer {
    Answer { status: StatusCode::OK, ..Answer::no_content() }
}

/// `POST /api/v1/bots/{bot}/leave`
pub(super) fn leave(call: &Call) -> Result<Answer, Refusal> {
    with_bot(call, |bot| {
        if !bot.state.can_leave() {
            return Err(error(format!(
                "Event leave_requested not allowed when bot is in state {}. It is only allowed in \
                 these states: {CAN_LEAVE}",
                bot.state.as_str()
            )));
        }
        bot.go("leave_requested", Some("user_requested"), State::Leaving, call.at);
        Ok(Answer::ok(&bot.to_json()))
    })
}

/// `POST /api/v1/bots/{bot}/pause_recording`
pub(super) fn pause(call: &Call) -> Result<Answer, Refusal> {
    with_bot(call, |bot| {
        if bot.state != State::Recording {
            let state = bot.state.as_str();
            return Err(error(format!("Bot is in state {state} and cannot pause recording")));
        }
        bot.go("recording_paused", None, State::Paused, call.at);
        Ok(Answer::ok(&bot.to_json()))
    })
}

/// `POST /api/v1/bots/{bot}/resume_recording`
pub(super) fn resume(call: &Call) -> Result<Answer, Refusal> {
    with_bot(call, |bot| {
        if bot.state != State::Paused {
            let state = bot.state.as_str();
            return Err(error(format!("Bot is in state {state} and cannot resume recording.")));
        }
        bot.go("recording_resumed", None, State::Recording, call.at);
        Ok(Answer::ok(&bot.to_json()))
    })
}
