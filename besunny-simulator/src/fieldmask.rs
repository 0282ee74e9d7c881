//! Partial answers: `fields=messages(id,threadId),nextPageToken`.

use serde_json::{Map, Value};

/// A parsed mask: names and what is wanted below them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct FieldMask(Vec<(String, FieldMask)>);

impl FieldMask {
    /// Absent if the mask is not well formed.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut rest = text;
        let mask = Self::list(&mut rest)?;
        rest.is_empty().then_some(mask)
    }

    /// Keeps what the mask names; an empty mask keeps all.
    pub(crate) fn apply(&self, value: Value) -> Value {
        if self.0.is_empty() {
            return value;
        }
        match value {
            Value::Object(mut fields) => {
                let mut kept = Map::new();
                for (name, below) in &self.0 {
                    if name == "*" {
                        let all = std::mem::take(&mut fields);
                        kept.extend(
                            all.into_iter().map(|(name, value)| (name, below.apply(value))),
                        );
                    } else if let Some(value) = fields.remove(name) {
                        kept.insert(name.clone(), below.apply(value));
                    }
                }
                Value::Object(kept)
            }
            Value::Array(items) => items.into_iter().map(|item| self.apply(item)).collect(),
            other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => other,
        }
    }

    fn list(rest: &mut &str) -> Option<Self> {
        let mut fields = vec![Self::field(rest)?];
        while let Some(after) = rest.strip_prefix(',') {
            *rest = after;
            fields.push(Self::field(rest)?);
        }
        Some(Self(fields))
    }

    fn field(rest: &mut &str) -> Option<(String, Self)> {
        let end = rest.find([',', '(', ')', '/']).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        *rest = after;
        if name.is_empty() {
            return None;
        }
        let below = if let Some(after) = rest.strip_prefix('/') {
            *rest = after;
            Self(vec![Self::field(rest)?])
        } else if let Some(after) = rest.strip_prefix('(') {
            *rest = after;
            let below = Self::list(rest)?;
            *rest = rest.strip_prefix(')')?;
            below
        } else {
            Self::default()
        };
        Some((name.to_owned(), below))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn masks_keep_what_they_name() {
        let value = json!({ "a": [{ "b": 1, "c": 2 }], "d": { "e": { "f": 3, "g": 4 } }, "h": 5 });
        for (mask, kept) in [
            ("h", json!({ "h": 5 })),
            ("a(b),h", json!({ "a": [{ "b": 1 }], "h": 5 })),
            ("a/c", json!({ "a": [{ "c": 2 }] })),
            ("d/e(f)", json!({ "d": { "e": { "f": 3 } } })),
            ("d(e/g),x", json!({ "d": { "e": { "g": 4 } } })),
            ("*", value.clone()),
        ] {
            let mask = FieldMask::parse(mask).unwrap();
            assert_eq!(mask.apply(value.clone()), kept);
        }
        for mask in ["", "a(", "a)", "a(b", "a,,b", "a//b"] {
            assert_eq!(FieldMask::parse(mask), None, "{mask}");
        }
    }
}
