//! The calendars of an account.
use besunny_core::source::{AccountRef, OfferedStream, SourceError, StreamKey};
use serde_json::Value;

use super::GoogleCalendar;
use crate::{
    gmail::next,
    quota::Operation,
    transport::Call,
    wire::{self, Unusable},
};

/// Calendar's largest page of calendars (the reference of `calendarList.list`).
const PAGE_SIZE: &str = "250";
/// More pages are read of nobody: 100,000 calendars are no person's, and tokens may go in a circle.
const MOST_PAGES: usize = 400;

impl<P: Sync> GoogleCalendar<P> {
    /// Lists the calendars that a person has chosen to see, and the primary one; all are proposed.
    pub(super) async fn offered(
        &self,
        account: &AccountRef,
    ) -> Result<Vec<OfferedStream>, SourceError> {
        let operation = Operation::ListCalendars;
        let mut offered = Vec::new();
        let mut page = None;
        for _ in 0..MOST_PAGES {
            let call = Call::get(operation, account, "users/me/calendarList")
                .with("maxResults", PAGE_SIZE)
                .at_page(page.as_deref());
            let answer = wire::answered(self.transport.answer(&call).await?, operation)?;
            let entries = wire::items(&answer, "items").map_err(|odd| odd.during(operation))?;
            for entry in entries {
                offered.extend(stream(entry).map_err(|odd| odd.during(operation))?);
            }
            page = next(&answer).map_err(|odd| odd.during(operation))?;
            if page.is_none() {
                return Ok(offered);
            }
        }
        Err(Unusable("has no last page").during(operation))
    }
}

/// Reads an entry; `None` of a calendar that is not shown.
fn stream(entry: &Value) -> Result<Option<OfferedStream>, Unusable> {
    let key = wire::text(entry, "id").ok_or(Unusable("has an entry that names no calendar"))?;
    let is_true = |field| entry.get(field).and_then(Value::as_bool).unwrap_or_default();
    if is_true("deleted") || !(is_true("primary") || is_true("selected")) {
        return Ok(None);
    }
    let title = wire::text(entry, "summaryOverride").or_else(|| wire::text(entry, "summary"));
    let title = title.unwrap_or(key).to_owned();
    Ok(Some(OfferedStream { key: StreamKey::from_source(key), title, proposed: true }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn cal_1_calendars_that_are_shown_are_offered() {
        let rows = [
            (json!({ "id": "a", "summary": "A", "primary": true }), Some("A")),
            (json!({ "id": "a", "summary": "A", "selected": true }), Some("A")),
            (
                json!({ "id": "a", "summary": "A", "summaryOverride": "B", "selected": true }),
                Some("B"),
            ),
            (json!({ "id": "a", "selected": true, "summary": 5 }), Some("a")),
            (json!({ "id": "a", "summary": "A" }), None),
            (json!({ "id": "a", "selected": true, "deleted": true }), None),
        ];
        for (entry, want) in rows {
            let offered = stream(&entry).unwrap();
            let got = offered.as_ref().map(|one| one.title.as_str());
            assert_eq!(got, want, "{entry}");
        }
        assert!(stream(&json!({ "selected": true })).is_err());
    }
}
