//! Records of the history: what became of which mail.
//!
//! The same mail comes in several records and in several lists of one record, and records without
//! a type say only that something was touched (seen at Gmail). So all of them are folded into one
//! change for each mail, and whoever is told of a mail that is there looks at its labels again.
use std::collections::HashMap;

use besunny_core::{
    message::Message,
    source::{Change, ItemId},
};
use serde_json::Value;

use super::{labels, listing};
use crate::wire::{self, Unusable};

/// One page of the history.
#[derive(Debug)]
pub(super) struct History {
    pub(super) changes: Vec<Change<Message>>,
    pub(super) next: Option<String>,
    /// The newest record on the page.
    pub(super) newest: Option<u128>,
}

/// What a record says of a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sighting {
    /// It is in scope, or came back.
    There,
    /// It left the scope, or is deleted.
    Away,
    /// Something about it changed, nobody knows what.
    Touched,
}

/// Reads a page of the history.
///
/// # Errors
/// [`Unusable`] where a record does not say which mail it is about: skipping it could lose a mail.
pub(super) fn read(bytes: &[u8]) -> Result<History, Unusable> {
    let page = wire::object(bytes)?;
    let mut fold = Fold::default();
    let mut newest = None;
    for record in wire::items(&page, "history")? {
        newest = newest.max(record.get("id").and_then(wire::number));
        fold.take(record)?;
    }
    let changes = fold.mails.into_iter().map(change).collect();
    Ok(History { changes, next: listing::next(&page)?, newest })
}

fn change((id, sighting): (&str, Sighting)) -> Change<Message> {
    match sighting {
        Sighting::There | Sighting::Touched => listing::present(id),
        Sighting::Away => Change::Removed(ItemId::from_source(id)),
    }
}

/// What the records so far say, by mail in the order of their first record.
#[derive(Debug, Default)]
struct Fold<'a> {
    mails: Vec<(&'a str, Sighting)>,
    places: HashMap<&'a str, usize>,
}

impl<'a> Fold<'a> {
    fn take(&mut self, record: &'a Value) -> Result<(), Unusable> {
        for entry in wire::items(record, "messages")? {
            self.see(id(entry)?, Sighting::Touched);
        }
        let lists = ["messagesAdded", "labelsAdded", "labelsRemoved", "messagesDeleted"];
        for list in lists {
            for entry in wire::items(record, list)? {
                let message = entry.get("message").unwrap_or(&Value::Null);
                self.see(id(message)?, sighting(list, entry, message));
            }
        }
        Ok(())
    }

    /// A touch says nothing that a record with a type has not said better.
    fn see(&mut self, id: &'a str, sighting: Sighting) {
        let place = *self.places.entry(id).or_insert(self.mails.len());
        match self.mails.get_mut(place) {
            None => self.mails.push((id, sighting)),
            Some(_) if sighting == Sighting::Touched => {}
            Some((_, known)) => *known = sighting,
        }
    }
}

fn id(message: &Value) -> Result<&str, Unusable> {
    wire::text(message, "id").ok_or(Unusable("has a record that names no mail"))
}

fn sighting(list: &str, entry: &Value, message: &Value) -> Sighting {
    let moved = entry.get("labelIds").unwrap_or(&Value::Null);
    let now = message.get("labelIds").unwrap_or(&Value::Null);
    match list {
        "messagesDeleted" => Sighting::Away,
        "labelsAdded" if labels::are_hidden(moved) => Sighting::Away,
        _ if labels::are_hidden(now) => Sighting::Away,
        "labelsRemoved" if labels::are_hidden(moved) => Sighting::There,
        _ if labels::are_known(now) => Sighting::There,
        _ => Sighting::Touched,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Returns `+id` for mails that are there and `-id` for those that are not.
    fn told(records: &Value) -> Result<Vec<String>, Unusable> {
        let page = json!({ "history": records, "historyId": "99" }).to_string();
        let history = read(page.as_bytes())?;
        let told = |change: &Change<Message>| match change {
            Change::Present { at, .. } => format!("+{}", at.id),
            Change::Removed(id) => format!("-{id}"),
            Change::Unreadable { id, .. } => format!("?{id}"),
        };
        Ok(history.changes.iter().map(told).collect())
    }

    fn check(records: &Value, want: &[&str]) {
        let want = want.iter().map(|&told| told.to_owned()).collect();
        assert_eq!(told(records), Ok(want), "{records}");
    }

    fn mail(id: &str, labels: &[&str]) -> Value {
        json!({ "id": id, "threadId": "t", "labelIds": labels })
    }

    fn added(id: &str, labels: &[&str]) -> Value {
        json!({ "messagesAdded": [{ "message": mail(id, labels) }] })
    }

    fn labeled(list: &str, id: &str, moved: &[&str], labels: &[&str]) -> Value {
        json!({ list: [{ "message": mail(id, labels), "labelIds": moved }] })
    }

    #[test]
    fn one_record() {
        let rows = [
            (added("a", &["INBOX"]), "+a"),
            (added("a", &["SPAM"]), "-a"),
            (added("a", &["DRAFT"]), "-a"),
            (json!({ "messagesAdded": [{ "message": { "id": "a" } }] }), "+a"),
            (json!({ "messagesDeleted": [{ "message": { "id": "a" } }] }), "-a"),
            (json!({ "messages": [{ "id": "a" }] }), "+a"),
            (labeled("labelsAdded", "a", &["TRASH"], &["TRASH"]), "-a"),
            (labeled("labelsAdded", "a", &["TRASH"], &["INBOX"]), "-a"),
            (labeled("labelsAdded", "a", &["STARRED"], &["INBOX", "STARRED"]), "+a"),
            (labeled("labelsAdded", "a", &["STARRED"], &["SPAM", "STARRED"]), "-a"),
            (labeled("labelsRemoved", "a", &["SPAM"], &["INBOX"]), "+a"),
            (labeled("labelsRemoved", "a", &["SPAM"], &["TRASH"]), "-a"),
            (labeled("labelsRemoved", "a", &["UNREAD"], &["INBOX"]), "+a"),
        ];
        for (record, want) in rows {
            check(&json!([record]), &[want]);
        }
    }

    #[test]
    fn records_of_one_mail_are_folded() {
        let trashed = labeled("labelsAdded", "a", &["TRASH"], &["TRASH"]);
        let restored = json!({ "labelsRemoved": [
            { "message": { "id": "a" }, "labelIds": ["TRASH"] }
        ] });
        let touched = json!({ "messages": [{ "id": "a" }] });
        let starred = json!({ "labelsAdded": [
            { "message": { "id": "a" }, "labelIds": ["STARRED"] }
        ] });
        check(&json!([added("a", &["INBOX"]), added("a", &["INBOX"])]), &["+a"]);
        check(&json!([added("a", &["INBOX"]), trashed]), &["-a"]);
        check(&json!([trashed, restored]), &["+a"]);
        check(&json!([trashed, touched, starred]), &["-a"]);
        check(&json!([touched, trashed, added("b", &[])]), &["-a", "+b"]);
    }

    #[test]
    fn a_record_that_names_no_mail_fails_the_page() {
        for odd in [
            json!([{ "messagesAdded": [{ "message": { "id": ["a"] } }] }]),
            json!([{ "messagesAdded": [{}] }]),
            json!([{ "messagesDeleted": [{ "message": { "id": "" } }] }]),
            json!([{ "messagesAdded": "x" }]),
            json!("x"),
        ] {
            assert!(told(&odd).is_err(), "{odd}");
        }
    }

    #[test]
    fn the_newest_record_counts_and_not_the_answers_own_id() {
        let page =
            json!({ "history": [{ "id": "7" }, { "id": 9 }, { "id": "8" }], "historyId": 50 });
        assert_eq!(read(page.to_string().as_bytes()).unwrap().newest, Some(9));
        let empty = json!({ "historyId": "50" });
        assert_eq!(read(empty.to_string().as_bytes()).unwrap().newest, None);
    }
}
