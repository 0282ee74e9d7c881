//! A small validator of JSON against Google's discovery documents.

use serde_json::{Map, Value};

pub(crate) struct Discovery(Value);

impl Discovery {
    pub(crate) fn parse(text: &str) -> Self {
        Self(serde_json::from_str(text).unwrap())
    }

    /// The methods of the API, by id.
    pub(crate) fn method(&self, id: &str) -> Option<&Value> {
        find_method(&self.0, id)
    }

    /// What is wrong with a value, one line each.
    pub(crate) fn problems(&self, schema: &str, value: &Value) -> Vec<String> {
        let mut problems = Vec::new();
        self.check_schema(schema, value, schema, &mut problems);
        problems
    }

    fn check_schema(&self, name: &str, value: &Value, at: &str, problems: &mut Vec<String>) {
        match self.0["schemas"].get(name) {
            Some(schema) => self.check(schema, value, at, problems),
            None => problems.push(format!("{at}: no schema {name}")),
        }
    }

    fn check(&self, schema: &Value, value: &Value, at: &str, problems: &mut Vec<String>) {
        if let Some(name) = schema["$ref"].as_str() {
            return self.check_schema(name, value, at, problems);
        }
        match (schema["type"].as_str().unwrap_or("any"), value) {
            ("any", _) | ("boolean", Value::Bool(_)) => {}
            ("object", Value::Object(fields)) => self.check_fields(schema, fields, at, problems),
            ("array", Value::Array(items)) => {
                for (place, item) in items.iter().enumerate() {
                    self.check(&schema["items"], item, &format!("{at}[{place}]"), problems);
                }
            }
            ("string", Value::String(text)) => {
                let format = schema["format"].as_str().unwrap_or_default();
                if !is_of_format(text, format) {
                    problems.push(format!("{at}: {text:?} is no {format}"));
                }
                let allowed = schema["enum"].as_array();
                if allowed.is_some_and(|allowed| !allowed.contains(value)) {
                    problems.push(format!("{at}: {text:?} is not allowed"));
                }
            }
            ("integer", Value::Number(number)) => {
                let format = schema["format"].as_str().unwrap_or_default();
                if !is_in_range(number, format) {
                    problems.push(format!("{at}: {number} is no {format}"));
                }
            }
            (kind, value) => problems.push(format!("{at}: {value} is no {kind}")),
        }
    }

    fn check_fields(
        &self,
        schema: &Value,
        fields: &Map<String, Value>,
        at: &str,
        problems: &mut Vec<String>,
    ) {
        for (name, value) in fields {
            let at = format!("{at}.{name}");
            match (schema["properties"].get(name), schema.get("additionalProperties")) {
                (Some(known), _) | (None, Some(known)) => self.check(known, value, &at, problems),
                (None, None) => problems.push(format!("{at}: unknown field")),
            }
        }
    }
}

fn find_method<'a>(node: &'a Value, id: &str) -> Option<&'a Value> {
    let methods = node["methods"].as_object().into_iter().flat_map(Map::values);
    let resources = node["resources"].as_object().into_iter().flat_map(Map::values);
    methods
        .into_iter()
        .find(|method| method["id"] == id)
        .or_else(|| resources.into_iter().find_map(|resource| find_method(resource, id)))
}

fn is_of_format(text: &str, format: &str) -> bool {
    match format {
        "int64" => text.parse::<i64>().is_ok(),
        "uint64" => text.parse::<u64>().is_ok(),
        "byte" => text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_+/=".contains(&byte)),
        "google-datetime" => chrono::DateTime::parse_from_rfc3339(text).is_ok(),
        _ => true,
    }
}

fn is_in_range(number: &serde_json::Number, format: &str) -> bool {
    match format {
        "int32" => number.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
        "uint32" => number.as_u64().is_some_and(|number| u32::try_from(number).is_ok()),
        _ => number.is_i64() || number.is_u64(),
    }
}

#[test]
fn the_validator_finds_what_is_wrong() {
    let document = r#"{ "schemas": {
        "Thing": { "type": "object", "properties": {
            "id": { "type": "string", "format": "uint64" },
            "size": { "type": "integer", "format": "int32" },
            "kind": { "type": "string", "enum": ["a", "b"] },
            "parts": { "type": "array", "items": { "$ref": "Thing" } }
        } }
    } }"#;
    let discovery = Discovery::parse(document);
    for (value, count) in [
        (r#"{ "id": "1", "size": 2, "kind": "a", "parts": [{ "id": "3" }] }"#, 0),
        (r#"{ "id": 1 }"#, 1),
        (r#"{ "id": "-1", "size": "2", "kind": "c" }"#, 3),
        (r#"{ "parts": [{ "id": "x" }, 7], "more": 1 }"#, 3),
        (r#"{ "size": 3000000000 }"#, 1),
        (r#"{ "id": null }"#, 1),
    ] {
        let problems = discovery.problems("Thing", &serde_json::from_str(value).unwrap());
        assert_eq!(problems.len(), count, "{value}: {problems:?}");
    }
}
