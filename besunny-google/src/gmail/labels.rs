//! Labels that decide whether a mail is in scope.
use serde_json::Value;

/// Labels of mail that is out of scope.
const HIDDEN: [&str; 3] = ["SPAM", "TRASH", "DRAFT"];

/// Says whether one of the labels takes a mail out of scope.
///
/// No labels at all is an archived mail: Gmail leaves the list out.
pub(super) fn are_hidden(labels: &Value) -> bool {
    names(labels).any(|label| HIDDEN.contains(&label))
}

/// Says whether it is known which labels there are.
pub(super) fn are_known(labels: &Value) -> bool {
    labels.as_array().is_some_and(|labels| labels.iter().all(Value::is_string))
}

fn names(labels: &Value) -> impl Iterator<Item = &str> {
    let list = labels.as_array().into_iter().flatten();
    list.chain(Some(labels)).filter_map(Value::as_str)
}
