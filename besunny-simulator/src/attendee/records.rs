//! What a bot heard and saw, and its end.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::bots::{empty, page, with_bot};
use super::hall::{Bot, Coming, Message, Utterance, is_host, person};
use super::life::State;
use super::{error, invalid, request};
use crate::answer::Answer;
use crate::gateway::Call;
use crate::refusal::Refusal;

/// Reads an instant of the query, which a `+` that was not escaped spoils.
fn instant(call: &Call, name: &str) -> Result<Option<DateTime<Utc>>, Refusal> {
    let Some(text) = call.query.get(name) else { return Ok(None) };
    let at = text.parse::<DateTime<Utc>>().ok();
    let at = at.ok_or_else(|| {
        error(format!("Invalid {name} format. Use ISO 8601 format (e.g., 2024-01-18T12:34:56Z)"))
    })?;
    Ok(Some(at))
}

/// `GET /api/v1/bots/{bot}/transcript`: an array, without pages.
pub(super) fn transcript(call: &Call) -> Result<Answer, Refusal> {
    with_bot(call, |bot| {
        let after = instant(call, "updated_after")?;
        let is_new = |at: DateTime<Utc>| after.is_none_or(|after| at > after);
        let said = bot.said.iter().filter(|said| is_new(said.updated_at));
        let said: Vec<Value> = said.map(Utterance::to_json).collect();
        Ok(Answer::ok(&said))
    })
}

/// `GET /api/v1/bots/{bot}/recording`: an address that is signed for half an hour.
pub(super) fn recording(call: &Call) -> Result<Answer, Refusal> {
    with_bot(call, |bot| {
        let begun = bot.events.iter().find(|event| event.kind == "recording_permission_granted");
        let begun = begun.filter(|_| bot.records && bot.state == State::Ended);
        let Some(begun) = begun else {
            let body = json!({ "error": "No recording file found for bot" });
            return Err(Refusal::attendee(StatusCode::NOT_FOUND, &body));
        };
        let signed = call.at.format("%Y%m%dT%H%M%SZ");
        let url = format!(
            "https://simulated.s3.amazonaws.com/{}.mp4?X-Amz-Date={signed}&X-Amz-Expires=1800&\
             X-Amz-Signature=simulated",
            bot.id
        );
        let start = begun.at.timestamp_millis();
        Ok(Answer::ok(&json!({ "url": url, "start_timestamp_ms": start })))
    })
}

/// `POST /api/v1/bots/{bot}/delete_data`
pub(super) fn delete_data(call: &Call) -> Result<Answer, Refusal> {
    with_bot(call, |bot| {
        if !matches!(bot.state, State::Ended | State::FatalError) {
            return Err(error("Bot is not in a state where the data deleted event can be created"));
        }
        bot.go("data_deleted", None, State::DataDeleted, call.at);
        bot.said.clear();
        bot.chat.clear();
        bot.comings.clear();
        Ok(Answer::ok(&bot.to_json()))
    })
}

/// `GET /api/v1/bots/{bot}/chat_messages`
pub(super) fn chat(call: &Call) -> Result<Answer, Refusal> {
    listed(call, |bot| {
        let after = instant(call, "updated_after")?;
        let is_new = |message: &&Message| after.is_none_or(|after| message.at > after);
        Ok(bot.chat.iter().filter(is_new).map(Message::to_json).collect())
    })
}

/// `POST /api/v1/bots/{bot}/send_chat_message`: taken, which is not sent.
pub(super) fn send_chat(call: &Call) -> Result<Answer, Refusal> {
    with_bot(call, |bot| {
        let body = request::object(call)?;
        if !body.contains_key("message") {
            return Err(invalid("message", "This field is required."));
        }
        let to = body.get("to").and_then(Value::as_str).unwrap_or("everyone");
        match (to, body.get("to_user_uuid").and_then(Value::as_str)) {
            ("everyone" | "everyone_but_host", _) => {}
            ("specific_user", Some(uuid)) => {
                if !bot.comings.iter().any(|coming| person(&coming.name) == uuid) {
                    return Err(error(format!(
                        "No participant found with uuid {uuid}. Use the /participants endpoint to \
                         get the list of participants."
                    )));
                }
            }
            ("specific_user", None) => {
                let text = "This field is required when the 'to' value is 'specific_user'.";
                return Err(invalid("to_user_uuid", text));
            }
            (odd, _) => return Err(invalid("to", format!("\"{odd}\" is not a valid choice."))),
        }
        if !bot.state.is_joined() {
            let state = bot.state.as_str();
            return Err(error(format!("Bot is in state {state} and cannot send chat messages")));
        }
        Ok(empty())
    })
}

/// `GET /api/v1/bots/{bot}/participants`: never the bot itself.
pub(super) fn participants(call: &Call) -> Result<Answer, Refusal> {
    listed(call, |bot| {
        let mut seen = BTreeSet::new();
        let first = bot.comings.iter().filter(|coming| seen.insert(coming.name.as_str()));
        let people = first.map(|coming| {
            json!({
                "id": coming.id.replacen("pe_", "par_", 1),
                "name": coming.name,
                "uuid": person(&coming.name),
                "user_uuid": null,
                "is_host": is_host(&coming.name),
            })
        });
        Ok(people.collect())
    })
}

/// `GET /api/v1/bots/{bot}/participant_events`
pub(super) fn participant_events(call: &Call) -> Result<Answer, Refusal> {
    listed(call, |bot| {
        let after = instant(call, "after")?;
        let is_new = |coming: &&Coming| after.is_none_or(|after| coming.at > after);
        Ok(bot.comings.iter().filter(is_new).map(Coming::to_json).collect())
    })
}

fn listed(
    call: &Call,
    entries: impl FnOnce(&Bot) -> Result<Vec<Value>, Refusal>,
) -> Result<Answer, Refusal> {
    let entries = with_bot(call, |bot| entries(bot))?;
    page(call, entries)
}
