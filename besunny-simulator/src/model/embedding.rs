//! Embeddings: words hashed into a vector of length one, so that like texts are near each other.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::{model, request, words};
use crate::answer::Answer;
use crate::dice;
use crate::gateway::Call;
use crate::refusal::Refusal;

/// The most texts of one request (platform.openai.com/docs/api-reference/embeddings/create).
const MAX_INPUTS: usize = 2_048;
/// The largest vector that is made.
const MAX_DIMENSIONS: u64 = 3_072;

/// `POST /v1/embeddings`
pub(super) fn create(call: &Call) -> Result<Answer, Refusal> {
    let request = request(call)?;
    let model = model(call, &request)?;
    let texts = texts(&request["input"])?;
    let asked = request["dimensions"].as_u64();
    let dimensions = asked.unwrap_or(call.settings.model.dimensions).clamp(1, MAX_DIMENSIONS);
    let is_packed = match request["encoding_format"].as_str() {
        None | Some("float") => false,
        Some("base64") => true,
        Some(_) => {
            return Err(Refusal::invalid_request(
                "encoding_format",
                "Invalid value for 'encoding_format'.",
            ));
        }
    };
    let data: Vec<Value> = texts
        .iter()
        .enumerate()
        .map(|(index, text)| {
            let vector = vector(text, dimensions);
            let embedding = if is_packed { json!(packed(&vector)) } else { json!(vector) };
            json!({ "object": "embedding", "index": index, "embedding": embedding })
        })
        .collect();
    let tokens: u64 = texts.iter().map(|text| words::tokens(text)).sum();
    Ok(Answer::ok(&json!({
        "object": "list",
        "data": data,
        "model": model,
        "usage": { "prompt_tokens": tokens, "total_tokens": tokens },
    })))
}

fn texts(input: &Value) -> Result<Vec<&str>, Refusal> {
    let texts: Option<Vec<&str>> = match input {
        Value::String(text) => Some(vec![text]),
        Value::Array(texts) => texts.iter().map(Value::as_str).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    };
    let texts = texts.filter(|texts| {
        (1..=MAX_INPUTS).contains(&texts.len()) && texts.iter().all(|text| !text.is_empty())
    });
    texts.ok_or_else(|| Refusal::invalid_request("input", "'$.input' is invalid."))
}

fn vector(text: &str, dimensions: u64) -> Vec<f32> {
    let mut vector = vec![0.0_f32; usize::try_from(dimensions).unwrap_or(1)];
    for word in words::telling(text) {
        let hash = dice::hash(&word);
        let place = usize::try_from(hash % dimensions).unwrap_or_default();
        vector[place] += if hash >> 63 == 0 { 1.0 } else { -1.0 };
    }
    let length = vector.iter().map(|part| part * part).sum::<f32>().sqrt();
    if length == 0.0 {
        vector[0] = 1.0;
        return vector;
    }
    vector.into_iter().map(|part| part / length).collect()
}

/// Little-endian floats in base64, as SDKs ask for them.
fn packed(vector: &[f32]) -> String {
    let bytes: Vec<u8> = vector.iter().flat_map(|part| part.to_le_bytes()).collect();
    BASE64_STANDARD.encode(bytes)
}
