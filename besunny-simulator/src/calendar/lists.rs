//! `calendarList`: list.

use serde_json::{Value, json};

use super::refusals;
use crate::answer::{Answer, PageSpot};
use crate::gateway::Call;
use crate::paging::{self, Sizes, Spot};
use crate::refusal::Refusal;

/// By Google's reference.
const SIZES: Sizes = Sizes { usual: 100, most: 250 };

pub(super) fn list(call: &Call) -> Result<Answer, Refusal> {
    if call.query.get("syncToken").is_some() {
        return Err(refusals::invalid("The simulator gives no sync token of calendar lists"));
    }
    let most = paging::max_results(&call.query, SIZES)?;
    let from = paging::spot(call)?.map_or(0, |spot| spot.0);
    let from = usize::try_from(from).unwrap_or(usize::MAX);
    let agenda = call.account()?.agenda.read();
    let shown: Vec<Value> = agenda
        .calendars()
        .filter(|calendar| {
            super::sync::is_true(call, "showHidden") || !calendar.entry.contains_key("hidden")
        })
        .map(|calendar| Value::Object(calendar.entry.clone()))
        .collect();
    let page: Vec<&Value> = shown.iter().skip(from).take(most).collect();
    let reached = from.saturating_add(page.len());
    let mut answer = json!({ "kind": "calendar#calendarList", "etag": "\"1\"", "items": page });
    if reached < shown.len() {
        let spot = Spot(u64::try_from(reached).unwrap_or(u64::MAX), 0);
        answer["nextPageToken"] = json!(paging::token(call, spot));
    }
    let page = PageSpot { items: "items", here: paging::here(call, Spot(0, 0)) };
    Ok(Answer::ok(&answer).with_page(page))
}
