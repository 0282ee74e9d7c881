//! Partial answers: `fields=messages(id,threadId),nextPageToken`.

use serde::ser::{Serialize, SerializeMap as _, Serializer};
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
    pub(crate) fn keep<'a, T>(&'a self, of: &'a T) -> Kept<'a, T> {
        Kept { mask: self, of }
    }

    /// What is wanted below a name; absent if nothing is.
    pub(crate) fn below(&self, name: &str) -> Option<&Self> {
        if self.0.is_empty() {
            return Some(self);
        }
        let named = self.0.iter().find(|(known, _)| known == name || known == "*");
        named.map(|(_, below)| below)
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

/// What a mask keeps, written without a copy of it.
#[derive(Debug)]
pub(crate) struct Kept<'a, T> {
    mask: &'a FieldMask,
    of: &'a T,
}

impl Serialize for Kept<'_, Value> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.of {
            Value::Object(fields) => self.mask.keep(fields).serialize(serializer),
            Value::Array(items) => {
                serializer.collect_seq(items.iter().map(|item| self.mask.keep(item)))
            }
            other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => {
                other.serialize(serializer)
            }
        }
    }
}

impl Serialize for Kept<'_, Map<String, Value>> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut kept = serializer.serialize_map(None)?;
        for (name, value) in self.of {
            if let Some(below) = self.mask.below(name) {
                kept.serialize_entry(name, &below.keep(value))?;
            }
        }
        kept.end()
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
            assert_eq!(serde_json::to_value(mask.keep(&value)).unwrap(), kept);
        }
        for mask in ["", "a(", "a)", "a(b", "a,,b", "a//b"] {
            assert_eq!(FieldMask::parse(mask), None, "{mask}");
        }
    }
}
