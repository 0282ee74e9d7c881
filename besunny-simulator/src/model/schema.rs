//! The schema of an answer: checked as `OpenAI` checks it, and filled.

use serde_json::{Map, Value, json};

use super::brain::Thought;
use crate::refusal::Refusal;

/// Schemas that nest deeper are refused (platform.openai.com/docs/guides/structured-outputs).
const MAX_DEPTH: usize = 10;

/// The schema that a request asks for; none for plain text.
pub(super) fn of(request: &Value) -> Result<Option<&Value>, Refusal> {
    let format = &request["response_format"];
    match format["type"].as_str() {
        None | Some("text" | "json_object") => return Ok(None),
        Some("json_schema") => {}
        Some(_) => return Err(refused("response_format.type is not supported")),
    }
    let named = &format["json_schema"];
    let is_name = named["name"].as_str().is_some_and(|name| {
        (1..=64).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
    });
    if !is_name {
        return Err(refused("response_format.json_schema.name has a form that is not allowed"));
    }
    let schema = &named["schema"];
    if named["strict"] == true {
        if schema["type"] != "object" {
            return Err(refused("schema must have type 'object' at its root"));
        }
        check(schema, 0)?;
    }
    Ok(Some(schema))
}

fn refused(message: &str) -> Refusal {
    Refusal::invalid_request(
        "response_format",
        format!("Invalid schema for response_format: {message}."),
    )
}

/// Strict schemas have only objects that name all their fields and allow no others.
fn check(schema: &Value, depth: usize) -> Result<(), Refusal> {
    if depth > MAX_DEPTH {
        return Err(refused("it is nested too deeply"));
    }
    if let Some(properties) = schema["properties"].as_object() {
        if schema["additionalProperties"] != false {
            return Err(refused(
                "'additionalProperties' is required to be supplied and to be false",
            ));
        }
        let required = schema["required"].as_array();
        let names = required.into_iter().flatten().filter_map(Value::as_str);
        let mut names: Vec<&str> = names.collect();
        names.sort_unstable();
        let mut all: Vec<&str> = properties.keys().map(String::as_str).collect();
        all.sort_unstable();
        if names != all {
            return Err(refused("'required' must name every key of 'properties'"));
        }
        properties.values().try_for_each(|one| check(one, depth + 1))?;
    }
    if schema["type"] == "array" {
        check(&schema["items"], depth + 1)?;
    }
    match schema["anyOf"].as_array() {
        Some(choices) => choices.iter().try_for_each(|one| check(one, depth + 1)),
        None => Ok(()),
    }
}

/// The strings of the first enumeration in a schema, in order.
pub(super) fn choices(schema: &Value) -> Vec<&str> {
    if let Some(all) = schema["enum"].as_array() {
        let texts: Vec<&str> = all.iter().filter_map(Value::as_str).collect();
        if !texts.is_empty() {
            return texts;
        }
    }
    let properties = schema["properties"].as_object();
    let inner = properties.into_iter().flat_map(Map::values).chain(schema.get("items"));
    inner.map(choices).find(|found| !found.is_empty()).unwrap_or_default()
}

/// Fills a schema with a thought; `name` is the field that is filled.
pub(super) fn fill(schema: &Value, name: &str, thought: &Thought<'_>) -> Value {
    if let Some(all) = schema["enum"].as_array() {
        let chosen = all.iter().find(|one| one.as_str() == Some(&thought.choice));
        return chosen.or(all.first()).cloned().unwrap_or_default();
    }
    let kind = schema["type"].as_str().or_else(|| schema["type"][0].as_str()).unwrap_or_default();
    match kind {
        "object" => {
            let properties = schema["properties"].as_object().into_iter().flatten();
            properties.map(|(name, one)| (name.clone(), fill(one, name, thought))).collect()
        }
        "array" => fill_array(&schema["items"], name, thought),
        "number" => json!(thought.confidence),
        "integer" => json!(1),
        "boolean" => json!(false),
        "string" => json!(thought.quote),
        _ => Value::Null,
    }
}

/// One item where a reason is asked for, words of the text for a list of words, else none.
fn fill_array(items: &Value, name: &str, thought: &Thought<'_>) -> Value {
    let is_reason = name.contains("quote") || name.contains("evidence");
    if is_reason {
        let is_there = !thought.quote.is_empty();
        return is_there.then(|| fill(items, name, thought)).into_iter().collect();
    }
    if items["type"] == "string" && items["enum"].is_null() {
        return thought.words.iter().map(|word| json!(word)).collect();
    }
    json!([])
}
