//! Items of an account: the id of an event says nothing without its calendar.
use besunny_core::source::{ItemId, StreamRef};

/// Stands between calendar and event.
const BETWEEN: char = '/';

/// Names an event of a calendar in its account.
///
/// The same event may be in two calendars that are followed, under the same id, and each copy is
/// changed and deleted by itself.
pub(super) fn item(stream: &StreamRef, event: &str) -> ItemId {
    ItemId::from_source(format!("{}{BETWEEN}{event}", stream.key))
}

/// Returns the id of an event in its calendar; `None` of an item of another one.
pub(super) fn event_of<'a>(stream: &StreamRef, item: &'a ItemId) -> Option<&'a str> {
    item.as_str().strip_prefix(stream.key.as_str())?.strip_prefix(BETWEEN)
}

#[cfg(test)]
mod tests {
    use besunny_core::{
        ids::AccountId,
        source::{StreamKey, Subject},
    };

    use super::*;

    fn stream(key: &str) -> StreamRef {
        let (account, key) = (AccountId::derived(&[b"a"]), StreamKey::from_source(key));
        StreamRef { account, subject: Subject::from_source("ann@example.test"), key }
    }

    #[test]
    fn an_item_names_its_calendar_and_is_read_by_it_alone() {
        let one = item(&stream("a"), "e1");
        assert_eq!(one.as_str(), "a/e1");
        for (key, want) in [("a", Some("e1")), ("b", None), ("", None), ("a/e1", None)] {
            assert_eq!(event_of(&stream(key), &one), want, "{key}");
        }
        assert_ne!(item(&stream("b"), "e1"), one);
    }
}
