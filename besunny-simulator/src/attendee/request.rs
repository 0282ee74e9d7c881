//! What may be asked of a new or changed bot, and what the server says to the rest.

use axum::http::StatusCode;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value, json};

use super::hall::{Hook, Wanted};
use super::{error, invalid};
use crate::gateway::Call;
use crate::refusal::Refusal;

/// Fields of `POST /bots`, as the server lists them.
const FIELDS: [&str; 22] = [
    "automatic_leave_settings",
    "bot_chat_message",
    "bot_image",
    "bot_name",
    "calendar_event_id",
    "callback_settings",
    "debug_settings",
    "deduplication_key",
    "external_media_storage_settings",
    "google_meet_settings",
    "join_at",
    "kubernetes_settings",
    "meeting_url",
    "metadata",
    "recording_settings",
    "rtmp_settings",
    "teams_settings",
    "transcription_settings",
    "voice_agent_settings",
    "webhooks",
    "websocket_settings",
    "zoom_settings",
];

/// Hosts of meetings that are joined.
const HOSTS: [&str; 4] = ["meet.google.com", "zoom.us", "teams.microsoft.com", "teams.live.com"];
/// Longer names end in an error of the database.
const MAX_NAME_CHARS: usize = 255;
/// Longer values are refused, as JSON in ASCII.
const MAX_METADATA_BYTES: usize = 1_000;
/// A bot has at most so many webhooks of its own.
const MAX_HOOKS: usize = 2;
const MAX_AHEAD: TimeDelta = TimeDelta::days(3 * 365);

/// The object of a body.
pub(super) fn object(call: &Call) -> Result<Map<String, Value>, Refusal> {
    if call.body.is_empty() {
        return Ok(Map::new());
    }
    serde_json::from_slice(&call.body).map_err(|odd| {
        let detail = format!(
            "JSON parse error - Expecting value: line 1 column {0} (char {0})",
            odd.column()
        );
        let body = json!({ "detail": detail });
        Refusal::attendee(StatusCode::BAD_REQUEST, &body)
    })
}

/// Reads what `POST /bots` asks for.
pub(super) fn wanted(call: &Call) -> Result<Wanted, Refusal> {
    let body = object(call)?;
    let unknown: Vec<&str> =
        body.keys().map(String::as_str).filter(|name| !FIELDS.contains(name)).collect();
    if !unknown.is_empty() {
        let text = format!(
            "Unexpected field(s): {}. Allowed fields are: {}",
            unknown.join(", "),
            FIELDS.join(", ")
        );
        return Err(invalid("non_field_errors", text));
    }
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let (Some(url), Some(name)) = (text("meeting_url"), text("bot_name")) else {
        let missing = ["meeting_url", "bot_name"].into_iter().filter(|name| text(name).is_none());
        let missing = missing.map(|name| (name.to_owned(), json!(["This field is required."])));
        let body = Value::Object(missing.collect());
        return Err(Refusal::attendee(StatusCode::BAD_REQUEST, &body));
    };
    let meeting_url = meeting_url(url)?;
    if name.chars().any(|letter| letter > '\u{ffff}') {
        return Err(invalid(
            "bot_name",
            "Bot name cannot contain emojis or rare script characters.",
        ));
    }
    if name.chars().count() > MAX_NAME_CHARS {
        let id = "1574e674-e88b-46b5-b656-9c3e3f76915a";
        return Err(error(format!("An error occurred while creating the bot. Error ID: {id}")));
    }
    let join_at = body.get("join_at").map(|at| join_at(at, call.at)).transpose()?;
    let metadata = body.get("metadata").map(metadata).transpose()?;
    let hooks = body.get("webhooks").map(hooks).transpose()?;
    let format = body.get("recording_settings").and_then(|settings| settings["format"].as_str());
    let key = body.get("deduplication_key").and_then(Value::as_str).map(str::to_owned);
    Ok(Wanted { meeting_url, metadata, key, join_at, records: format != Some("none"), hooks })
}

/// Takes the parameters away that do not name the meeting.
pub(super) fn meeting_url(url: &str) -> Result<String, Refusal> {
    let refused = || invalid("meeting_url", "Invalid meeting URL");
    let rest = url.strip_prefix("https://").ok_or_else(refused)?;
    let (host, path) = rest.split_once('/').ok_or_else(refused)?;
    let is_known = HOSTS.iter().any(|known| host == *known || host.ends_with(&format!(".{known}")));
    if !is_known || path.is_empty() {
        return Err(refused());
    }
    let bare =
        if host == "meet.google.com" { path.split('?').next().unwrap_or(path) } else { path };
    Ok(format!("https://{host}/{bare}"))
}

pub(super) fn join_at(value: &Value, now: DateTime<Utc>) -> Result<DateTime<Utc>, Refusal> {
    let at = value.as_str().and_then(|text| text.parse::<DateTime<Utc>>().ok());
    let format = "Datetime has wrong format. Use one of these formats instead: \
                  YYYY-MM-DDThh:mm[:ss[.uuuuuu]][+HH:MM|-HH:MM|Z].";
    let at = at.ok_or_else(|| invalid("join_at", format))?;
    if at < now {
        return Err(invalid("join_at", "join_at cannot be in the past"));
    }
    if at > now + MAX_AHEAD {
        return Err(invalid("join_at", "join_at cannot be more than 3 years in the future"));
    }
    Ok(at)
}

pub(super) fn metadata(value: &Value) -> Result<Map<String, Value>, Refusal> {
    let map = value.as_object().ok_or_else(|| invalid("metadata", "Metadata must be an object"))?;
    if map.is_empty() {
        return Err(invalid("metadata", "Metadata must have at least one key"));
    }
    for (name, value) in map {
        let Some(text) = value.as_str() else {
            return Err(invalid("metadata", format!("Value for key '{name}' must be a string")));
        };
        if super::signature::python(&text.into()).len() > MAX_METADATA_BYTES {
            let text = format!("Value for key '{name}' is too long");
            return Err(invalid("metadata", text));
        }
    }
    Ok(map.clone())
}

fn hooks(value: &Value) -> Result<Vec<Hook>, Refusal> {
    let list = value.as_array().map(Vec::as_slice).unwrap_or_default();
    let mut hooks = Vec::new();
    for hook in list {
        let url = hook["url"].as_str().unwrap_or_default();
        if !url.starts_with("https://") {
            return Err(invalid("webhooks", format!("'{url}' does not match '^https://.*'")));
        }
        let triggers = hook["triggers"].as_array().map(Vec::as_slice).unwrap_or_default();
        let triggers = triggers.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        hooks.push(Hook { url: url.to_owned(), triggers });
    }
    if hooks.len() > MAX_HOOKS {
        return Err(error("You have reached the maximum number of webhooks for a single bot"));
    }
    Ok(hooks)
}
