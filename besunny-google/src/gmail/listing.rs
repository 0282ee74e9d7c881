//! A page of `messages.list`.
use besunny_core::{
    message::Message,
    source::{Change, ItemId, ItemRef, Next, Page, PageToken, Revision},
};
use serde_json::Value;

use crate::wire::{self, Unusable};

/// Reads a page of a listing.
///
/// # Errors
/// [`Unusable`] where an entry has no id: leaving it out would say that the mail is gone.
pub(super) fn read(bytes: &[u8]) -> Result<Page<Message>, Unusable> {
    let page = wire::object(bytes)?;
    let entries = wire::items(&page, "messages")?.iter();
    let changes = entries.map(|entry| {
        wire::text(entry, "id").map(present).ok_or(Unusable("has an entry that names no mail"))
    });
    let changes = changes.collect::<Result<_, _>>()?;
    let next = next(&page)?.map_or(Next::End, |token| Next::Page(PageToken::from_source(token)));
    Ok(Page { changes, next, total: None })
}

/// Returns the token of the next page.
///
/// # Errors
/// [`Unusable`] where something else is in its place: taking it for the end would lose mails.
pub(crate) fn next(page: &Value) -> Result<Option<String>, Unusable> {
    match page.get("nextPageToken") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(token)) => Ok((!token.is_empty()).then(|| token.clone())),
        Some(Value::Number(token)) => Ok(Some(token.to_string())),
        Some(_) => Err(Unusable("has a page token of the wrong type")),
    }
}

/// Says that a mail is there.
pub(super) fn present(id: &str) -> Change<Message> {
    Change::Present { at: revised(&ItemId::from_source(id)), item: None }
}

/// Names a mail at its only revision: what is sent never changes, and drafts are out of scope.
pub(super) fn revised(id: &ItemId) -> ItemRef {
    ItemRef::new(id.clone(), Revision::from_source("1"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn ids(page: &Value) -> Option<Vec<String>> {
        let page = read(page.to_string().as_bytes()).ok()?;
        Some(page.changes.iter().map(|change| change.id().to_string()).collect())
    }

    #[test]
    fn pages_are_read_leniently_but_never_in_part() {
        let odd_thread = json!({ "id": "b", "threadId": true });
        let page = json!({ "messages": [{ "id": "a" }, odd_thread], "resultSizeEstimate": "x" });
        assert_eq!(ids(&page), Some(vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(ids(&json!({ "resultSizeEstimate": 0 })), Some(vec![]));
        assert_eq!(ids(&json!({ "messages": [{ "id": "a" }, { "id": ["b"] }] })), None);
        assert_eq!(ids(&json!({ "messages": [], "nextPageToken": ["x"] })), None);
    }
}
