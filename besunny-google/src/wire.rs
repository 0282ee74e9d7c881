//! Fields of Google's answers, read leniently: a number may come as text, and text as a number.
use std::time::Duration;

use besunny_core::source::{SourceError, SourceErrorKind};
use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::{quota::Operation, transport::Answer};

/// An answer that is no JSON, or lacks what makes it an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the answer {0}")]
pub(crate) struct Unusable(pub(crate) &'static str);

impl Unusable {
    pub(crate) fn during(self, operation: Operation) -> SourceError {
        SourceError::new(SourceErrorKind::Malformed, operation.name()).because(self)
    }
}

/// Reads an answer as a JSON object.
pub(crate) fn object(bytes: &[u8]) -> Result<Value, Unusable> {
    let value = serde_json::from_slice::<Value>(bytes).map_err(|_content| NO_JSON)?;
    if value.is_object() { Ok(value) } else { Err(NO_JSON) }
}

/// Reads an answer as a JSON object, or says which call was answered with something else.
pub(crate) fn answered(answer: Answer, operation: Operation) -> Result<Value, SourceError> {
    let read = answer.body.decode(|bytes| object(&bytes));
    read.map_err(|unusable| unusable.during(operation))
}

pub(crate) const NO_JSON: Unusable = Unusable("is no JSON object");

/// Returns a text that is there and not empty.
pub(crate) fn text<'a>(value: &'a Value, field: &str) -> Option<&'a str> {
    value.get(field)?.as_str().filter(|text| !text.is_empty())
}

/// Returns the items of a list; none where the list is absent, as Google leaves out empty ones.
///
/// # Errors
/// [`Unusable`] where something else is in the place of the list: it may have had items.
pub(crate) fn items<'a>(value: &'a Value, field: &str) -> Result<&'a [Value], Unusable> {
    match value.get(field) {
        None | Some(Value::Null) => Ok(&[]),
        Some(Value::Array(items)) => Ok(items),
        Some(_) => Err(Unusable("has something else in the place of a list")),
    }
}

/// Returns a number that came as such or as text.
pub(crate) fn number(value: &Value) -> Option<u128> {
    match value {
        Value::Number(number) => number.as_u64().map(u128::from),
        Value::String(text) => text.parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Returns an instant given in Unix milliseconds.
pub(crate) fn instant(value: &Value) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_millis(i64::try_from(number(value)?).ok()?)
}

/// Returns a duration given in seconds.
pub(crate) fn seconds(value: &Value) -> Option<Duration> {
    Some(Duration::from_secs(u64::try_from(number(value)?).ok()?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_come_in_two_forms() {
        let rows = [
            (json!(5), Some(5)),
            (json!("5"), Some(5)),
            (json!("123456789012345678901"), Some(123_456_789_012_345_678_901)),
            (json!("-5"), None),
            (json!("x"), None),
            (json!(1.5), None),
            (json!(null), None),
            (json!([5]), None),
        ];
        for (value, want) in rows {
            assert_eq!(number(&value), want, "{value}");
        }
    }

    #[test]
    fn a_list_is_absent_or_a_list() {
        assert_eq!(items(&json!({}), "a"), Ok(&[][..]));
        assert_eq!(items(&json!({ "a": null }), "a"), Ok(&[][..]));
        assert_eq!(items(&json!({ "a": [1] }), "a"), Ok(&[json!(1)][..]));
        assert!(items(&json!({ "a": "x" }), "a").is_err());
    }

    #[test]
    fn only_objects_are_answers() {
        for odd in ["", "[]", "1", "{", "<html>"] {
            assert_eq!(object(odd.as_bytes()), Err(NO_JSON), "{odd}");
        }
    }
}
