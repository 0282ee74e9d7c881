//! Sync tokens: the number of a change, bound to the calendar and to the parameters of the list.

use serde_json::Value;

use super::refusals;
use crate::agenda::Calendar;
use crate::dice;
use crate::fault::LostSync;
use crate::gateway::Call;
use crate::paging;
use crate::refusal::Refusal;

/// Parameters that no request with a sync token may have (the reference of `events.list`).
const FORBIDDEN: [&str; 8] = [
    "iCalUID",
    "orderBy",
    "privateExtendedProperty",
    "q",
    "sharedExtendedProperty",
    "timeMin",
    "timeMax",
    "updatedMin",
];

/// Parameters that must be those of the first list.
const FROZEN: [&str; 7] = [
    "alwaysIncludeEmail",
    "eventTypes",
    "maxAttendees",
    "showDeleted",
    "showHiddenInvitations",
    "singleEvents",
    "timeZone",
];

/// Parameters after which no sync token is given.
const UNSYNCABLE: [&str; 4] = ["iCalUID", "orderBy", "q", "updatedMin"];

/// Begins the words of a token, so that no page token is one.
const MARK: u64 = 0x5359_4e43;

/// The token for what comes after the change `number`; none where the request excludes it.
pub(super) fn token(call: &Call, calendar: &Calendar, number: u64) -> Option<String> {
    let is_syncable = UNSYNCABLE.iter().all(|name| call.query.get(name).is_none());
    is_syncable
        .then(|| paging::encode([MARK, calendar_hash(call, calendar), frozen(call), number, 0]))
}

/// The change after which the request wants to know more; absent for a whole list.
pub(super) fn start(call: &Call, calendar: &Calendar) -> Result<Option<u64>, Refusal> {
    let Some(token) = call.query.get("syncToken").filter(|token| !token.is_empty()) else {
        return Ok(None);
    };
    if let Some(odd) = FORBIDDEN.iter().find(|name| call.query.get(name).is_some()) {
        let message = format!("Sync token cannot be used with query restrictions: {odd}");
        return Err(refusals::invalid(message));
    }
    if call.query.get("showDeleted") == Some("false") {
        return Err(refusals::invalid("showDeleted must not be false with a sync token"));
    }
    let lost = || refusals::gone(LostSync::FullSyncRequired);
    let [mark, home, parameters, number, _] = paging::decode(token).ok_or_else(lost)?;
    if mark != MARK || home != calendar_hash(call, calendar) {
        return Err(lost());
    }
    if parameters != frozen(call) {
        return Err(refusals::invalid("The parameters differ from those of the sync token's list"));
    }
    if number < calendar.floor() { Err(lost()) } else { Ok(Some(number)) }
}

fn calendar_hash(call: &Call, calendar: &Calendar) -> u64 {
    let user = call.account().map_or(0, |account| dice::hash(&account.address));
    dice::mix(user, &[dice::hash(calendar.id())])
}

fn frozen(call: &Call) -> u64 {
    let parts: Vec<u64> = FROZEN
        .iter()
        .flat_map(|name| {
            call.query.all(name).map(move |value| dice::mix(dice::hash(name), &[dice::hash(value)]))
        })
        .collect();
    dice::mix(0, &parts)
}

/// Whether a value says `true`.
pub(super) fn is_true(call: &Call, name: &str) -> bool {
    call.query.get(name) == Some("true")
}

/// A field of an event as text.
pub(super) fn text<'a>(fields: &'a serde_json::Map<String, Value>, name: &str) -> &'a str {
    fields.get(name).and_then(Value::as_str).unwrap_or_default()
}
