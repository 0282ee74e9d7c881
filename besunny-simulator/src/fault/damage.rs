//! Damage to the JSON of an answer that was good.

use serde_json::{Value, json};

use super::{Damage, Oddity, SpoiledId};
use crate::answer::{Answer, Content, PageSpot};

/// Damages an answer; tells whether anything changed.
pub(crate) fn apply(damage: &Damage, answer: &mut Answer) -> bool {
    let Content::Json(bytes) = &mut answer.content else { return false };
    if *damage == Damage::InvalidJson {
        bytes.truncate(bytes.len() * 2 / 3);
        return true;
    }
    let Ok(mut value) = serde_json::from_slice::<Value>(bytes) else { return false };
    let before = value.clone();
    match damage {
        Damage::InvalidJson => {}
        Damage::UnpaddedBase64 => each_field(&mut value, &mut |name, value| unpad(name, value)),
        Damage::OddField { field, oddity } => make_odd(&mut value, field, *oddity),
        Damage::MalformedItem { id } => spoil_item(&mut value, answer.page.as_ref(), *id),
        Damage::EmptyPage => stay_here(&mut value, answer.page.as_ref(), Items::Hidden),
        Damage::RepeatPageToken => stay_here(&mut value, answer.page.as_ref(), Items::Shown),
    }
    if value == before {
        return false;
    }
    answer.content = Content::json(&value);
    true
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Items {
    Hidden,
    Shown,
}

fn each_field(value: &mut Value, change: &mut impl FnMut(&str, &mut Value)) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                change(name, value);
                each_field(value, change);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| each_field(item, change)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn unpad(name: &str, value: &mut Value) {
    if let ("raw" | "data", Value::String(text)) = (name, value) {
        text.truncate(text.trim_end_matches('=').len());
    }
}

fn make_odd(value: &mut Value, field: &str, oddity: Oddity) {
    if oddity == Oddity::Missing {
        return remove(value, field);
    }
    each_field(value, &mut |name, value| {
        if name == field {
            *value = odd(value, oddity);
        }
    });
}

fn odd(value: &Value, oddity: Oddity) -> Value {
    match (oddity, value) {
        (Oddity::Missing | Oddity::Null, _) => Value::Null,
        (Oddity::Number, Value::String(text)) => {
            text.parse::<u64>().map_or_else(|_| value.clone(), Value::from)
        }
        (Oddity::Text, Value::Number(number)) => Value::from(number.to_string()),
        (Oddity::Text, Value::Bool(truth)) => Value::from(truth.to_string()),
        (Oddity::Number | Oddity::Text, _) => value.clone(),
    }
}

fn remove(value: &mut Value, field: &str) {
    match value {
        Value::Object(fields) => {
            fields.remove(field);
            fields.values_mut().for_each(|value| remove(value, field));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| remove(item, field)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The fields of the middle item get wrong types, at every depth.
fn spoil_item(value: &mut Value, page: Option<&PageSpot>, id: SpoiledId) {
    let items = page.and_then(|page| value.get_mut(page.items)).and_then(Value::as_array_mut);
    let Some(items) = items else { return };
    let middle = items.len() / 2;
    let Some(item) = items.get_mut(middle) else { return };
    each_field(item, &mut |name, value| match name {
        "threadId" => *value = json!(true),
        "labelIds" => *value = json!("INBOX"),
        "start" | "originalStartTime" | "status" => *value = json!([true]),
        "id" if id == SpoiledId::Unreadable => *value = json!([value.take()]),
        _ => {}
    });
}

fn stay_here(value: &mut Value, page: Option<&PageSpot>, items: Items) {
    if let (Some(page), Value::Object(fields)) = (page, value) {
        if items == Items::Hidden {
            fields.remove(page.items);
        }
        fields.insert("nextPageToken".to_owned(), Value::from(page.here.clone()));
    }
}
