//! `events.watch`, `calendarList.watch` and `channels.stop`; calls when something changes.

use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Value, json};

use super::refusals;
use crate::account::Account;
use crate::agenda::{Channel, State};
use crate::answer::Answer;
use crate::clock::later;
use crate::dice;
use crate::gateway::{Call, Shared};
use crate::operation::Operation;
use crate::pubsub::{self, queue::Post};
use crate::refusal::Refusal;

/// The longest id and token, by Google's guide to push notifications.
const MAX_ID: usize = 64;
const MAX_TOKEN: usize = 256;

#[derive(Default, Deserialize)]
#[serde(default)]
struct WatchRequest {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    address: String,
    token: Option<String>,
    expiration: Value,
}

pub(super) fn watch_events(call: &Call) -> Result<Answer, Refusal> {
    let agenda = call.account()?.agenda.read();
    let calendar = agenda.id_of(call.segment("calendar")).ok_or_else(refusals::not_found)?;
    drop(agenda);
    let path = format!("calendars/{calendar}/events");
    watch(call, Some(calendar), &path)
}

pub(super) fn watch_list(call: &Call) -> Result<Answer, Refusal> {
    watch(call, None, "users/me/calendarList")
}

fn watch(call: &Call, calendar: Option<String>, path: &str) -> Result<Answer, Refusal> {
    let account = call.account()?;
    let request: WatchRequest = crate::gmail::json_body(call)?;
    check(&request)?;
    let longest = later(call.at, call.settings.calendar.channel_life);
    let expires_at = asked_end(&request.expiration).map_or(longest, |asked| asked.min(longest));
    let salt = dice::mix(dice::hash(&account.address), &[dice::hash(path)]);
    let channel = Channel {
        id: request.id,
        token: request.token,
        address: request.address,
        resource_id: format!("{salt:022x}"),
        resource_uri: format!("https://www.googleapis.com/calendar/v3/{path}?alt=json"),
        calendar,
        expires_at,
        number: 1,
    };
    let mut answer = json!({
        "kind": "api#channel", "id": channel.id, "resourceId": channel.resource_id,
        "resourceUri": channel.resource_uri, "expiration": expires_at.timestamp_millis().to_string(),
    });
    if let Some(token) = &channel.token {
        answer["token"] = json!(token);
    }
    if !account.agenda.write().channels.open(channel.clone()) {
        let message = format!("Channel id {} not unique", channel.id);
        return Err(Refusal::calendar(StatusCode::BAD_REQUEST, "channelIdNotUnique", message));
    }
    post(&call.world, account, channel, State::Sync);
    Ok(Answer::ok(&answer))
}

fn check(request: &WatchRequest) -> Result<(), Refusal> {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-_+/=".contains(&byte);
    if request.id.is_empty() || request.id.len() > MAX_ID || !request.id.bytes().all(letter) {
        return Err(refusals::invalid("Invalid channel id"));
    }
    if !matches!(request.kind.as_str(), "web_hook" | "webhook") {
        return Err(refusals::invalid("Unsupported channel type"));
    }
    if request.token.as_ref().is_some_and(|token| token.len() > MAX_TOKEN) {
        return Err(refusals::invalid("Channel token too long"));
    }
    let is_ours = request.address.starts_with("http://127.0.0.1:");
    if is_ours || request.address.starts_with("https://") {
        Ok(())
    } else {
        let message = format!("WebHook callback must be HTTPS: {}", request.address);
        Err(Refusal::calendar(StatusCode::BAD_REQUEST, "push.webhookUrlNotHttps", message))
    }
}

/// Milliseconds as a number or as text, as Google takes them.
fn asked_end(value: &Value) -> Option<DateTime<Utc>> {
    let ms = value.as_i64().or_else(|| value.as_str()?.parse().ok())?;
    DateTime::from_timestamp_millis(ms)
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct StopRequest {
    id: String,
    resource_id: String,
}

pub(super) fn stop(call: &Call) -> Result<Answer, Refusal> {
    let request: StopRequest = crate::gmail::json_body(call)?;
    let mut agenda = call.account()?.agenda.write();
    if agenda.channels.stop(&request.id, &request.resource_id, call.at) {
        Ok(Answer::no_content())
    } else {
        let message = format!("Channel '{}' not found for project '1234567890'", request.id);
        Err(Refusal::calendar(StatusCode::NOT_FOUND, "notFound", message))
    }
}

/// Calls everybody who watches a calendar, or the list of calendars.
pub(crate) fn announce(world: &Shared, account: &Account, calendar: Option<&str>, state: State) {
    let calls = account.agenda.write().channels.calls(calendar, world.clock.now());
    for channel in calls {
        post(world, account, channel, state);
    }
}

fn post(world: &Shared, account: &Account, channel: Channel, state: State) {
    let post = Post::call(channel, state, world.clock.now());
    pubsub::send(world, account, Operation::CallChannel, post);
}
