//! A page of `events.list`.
use besunny_core::source::ItemRef;
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use super::event::{self, Found};
use crate::wire::{NO_JSON, Unusable};

/// A page, before the names of series are looked up that it does not have.
#[derive(Debug)]
pub(super) struct EventPage {
    pub(super) events: Vec<(ItemRef, Found)>,
    /// Series on the page with their names across calendars.
    pub(super) series: Vec<(String, String)>,
    pub(super) next: Next,
}

/// What follows a page.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    Page(String),
    /// It is the last one.
    Sync(String),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields<'a> {
    #[serde(default, borrow)]
    items: Option<Vec<&'a RawValue>>,
    #[serde(default)]
    next_page_token: Value,
    #[serde(default)]
    next_sync_token: Value,
}

/// Reads a page, one event at a time, so that a page of 2,500 events is never a tree in memory.
///
/// # Errors
/// [`Unusable`] where an entry names no event, or nothing says what follows: taking that for the
/// end would lose events.
pub(super) fn read(bytes: &[u8]) -> Result<EventPage, Unusable> {
    let fields: Fields<'_> = serde_json::from_slice(bytes).map_err(|_content| NO_JSON)?;
    let next = next(&fields)?;
    let (mut events, mut series) = (Vec::new(), Vec::new());
    for raw in fields.items.unwrap_or_default() {
        let value: Value = serde_json::from_str(raw.get()).map_err(|_content| NO_JSON)?;
        events.push((event::named(&value)?, event::read(&value)));
        series.extend(event::series(&value).map(|(id, uid)| (id.to_owned(), uid.to_owned())));
    }
    Ok(EventPage { events, series, next })
}

fn next(fields: &Fields<'_>) -> Result<Next, Unusable> {
    let token = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    match (&fields.next_page_token, &fields.next_sync_token) {
        (Value::Null, sync) => {
            token(sync).map(Next::Sync).ok_or(Unusable("has no token for what follows"))
        }
        (page, _) => token(page).map(Next::Page).ok_or(Unusable("has an odd page token")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(page: &Value) -> Result<(usize, Next), Unusable> {
        read(page.to_string().as_bytes()).map(|page| (page.events.len(), page.next))
    }

    #[test]
    fn pages_are_read_leniently_but_never_in_part() {
        let sync = || Next::Sync("s".to_owned());
        let odd = json!({ "id": "a", "start": true });
        let page =
            json!({ "items": [odd, { "id": "b", "status": "cancelled" }], "nextSyncToken": "s" });
        assert_eq!(check(&page), Ok((2, sync())));
        assert_eq!(check(&json!({ "nextSyncToken": "s" })), Ok((0, sync())));
        assert_eq!(check(&json!({ "items": null, "nextSyncToken": "s" })), Ok((0, sync())));
        let next = json!({ "nextPageToken": "p", "nextSyncToken": "s" });
        assert_eq!(check(&next), Ok((0, Next::Page("p".to_owned()))));
        for odd in [
            json!({ "items": [] }),
            json!({ "items": [], "nextSyncToken": "" }),
            json!({ "items": [], "nextSyncToken": 5 }),
            json!({ "items": [], "nextPageToken": ["p"], "nextSyncToken": "s" }),
            json!({ "items": [{ "id": ["a"] }], "nextSyncToken": "s" }),
            json!({ "items": ["a"], "nextSyncToken": "s" }),
            json!({ "items": "a", "nextSyncToken": "s" }),
            json!([]),
        ] {
            assert!(check(&odd).is_err(), "{odd}");
        }
    }
}
