//! A model server that speaks `OpenAI`'s interface: chat with a JSON schema, embeddings, models.
//!
//! The answers are made by rules, so that a test and a demo always get the same ones; what a real
//! model gets wrong is a fault (`ModelFault`) that a script or a seed brings about.

use axum::Router;
use axum::http::{StatusCode, header};
use axum::routing::MethodFilter;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::dice;
use crate::fault::ModelFault;
use crate::gateway::{Call, Shared, endpoint};
use crate::operation::Operation;
use crate::refusal::Refusal;

mod brain;
mod embedding;
mod mishap;
mod schema;
mod words;

pub use brain::Brain;

/// The paths of `OpenAI`'s interface, version 1.
pub(crate) fn router() -> Router<Shared> {
    let (get, post) = (MethodFilter::GET, MethodFilter::POST);
    Router::new()
        .route("/v1/chat/completions", endpoint(post, Operation::CreateChatCompletion, chat))
        .route("/v1/embeddings", endpoint(post, Operation::CreateEmbedding, embedding::create))
        .route("/v1/models", endpoint(get, Operation::ListModels, models))
}

/// `POST /v1/chat/completions`
fn chat(call: &Call) -> Result<Answer, Refusal> {
    let request = request(call)?;
    call.world.note_ask(&request);
    let model = model(call, &request)?;
    let messages = request["messages"].as_array().filter(|messages| !messages.is_empty());
    let messages = messages.ok_or_else(|| {
        Refusal::invalid_request("messages", "Missing required parameter: 'messages'.")
    })?;
    let mut prompt = Vec::new();
    for message in messages {
        prompt.push(text(message)?);
    }
    let schema = schema::of(&request)?;
    let input = prompt.last().map(String::as_str).unwrap_or_default();
    let mut content = call.settings.model.brain.answer(input, schema);
    let limit = ["max_completion_tokens", "max_tokens"]
        .iter()
        .find_map(|name| request[*name].as_u64())
        .unwrap_or(u64::MAX);
    let mut finish = "stop";
    if words::tokens(&content) > limit {
        content.truncate(content.floor_char_boundary(words::bytes(limit)));
        finish = "length";
    }
    let mut message =
        json!({ "role": "assistant", "content": content, "refusal": null, "annotations": [] });
    if let Some(mishap) = &call.mishap {
        finish = mishap::befall(mishap, &mut message, finish)?;
    }
    let read: u64 = prompt.iter().map(|text| words::tokens(text)).sum();
    let written = words::tokens(message["content"].as_str().unwrap_or_default());
    let choice =
        json!({ "index": 0, "message": message, "logprobs": null, "finish_reason": finish });
    let is_empty = call.mishap.as_ref().is_some_and(ModelFault::has_no_choices);
    Ok(Answer::ok(&json!({
        "id": format!("chatcmpl-{:016x}", dice::hash(&request.to_string())),
        "object": "chat.completion",
        "created": call.at.timestamp(),
        "model": model,
        "choices": if is_empty { json!([]) } else { json!([choice]) },
        "usage": {
            "prompt_tokens": read,
            "completion_tokens": written,
            "total_tokens": read + written,
            "prompt_tokens_details": { "cached_tokens": 0, "audio_tokens": 0 },
            "completion_tokens_details": {
                "reasoning_tokens": 0,
                "audio_tokens": 0,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            },
        },
        "service_tier": "default",
        "system_fingerprint": "fp_simulated",
    })))
}

/// `GET /v1/models`
fn models(call: &Call) -> Result<Answer, Refusal> {
    admit(call)?;
    let models = call.settings.model.models.iter();
    let models: Vec<Value> = models
        .map(|id| json!({ "id": id, "object": "model", "created": 0, "owned_by": "besunny-simulator" }))
        .collect();
    Ok(Answer::ok(&json!({ "object": "list", "data": models })))
}

/// The request of a caller whose key is good.
fn request(call: &Call) -> Result<Value, Refusal> {
    admit(call)?;
    let request = serde_json::from_slice(&call.body).ok().filter(Value::is_object);
    request.ok_or_else(|| {
        Refusal::invalid_request("", "We could not parse the JSON body of your request.")
    })
}

fn admit(call: &Call) -> Result<(), Refusal> {
    let bearer = call.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let key = bearer.and_then(|bearer| bearer.strip_prefix("Bearer ")).map(str::trim);
    match key {
        Some(key) if key == call.settings.model.api_key => Ok(()),
        Some(_) => Err(Refusal::model(
            StatusCode::UNAUTHORIZED,
            "invalid_request_error",
            Some("invalid_api_key"),
            "Incorrect API key provided.",
        )),
        None => Err(Refusal::model(
            StatusCode::UNAUTHORIZED,
            "invalid_request_error",
            None,
            "You didn't provide an API key.",
        )),
    }
}

/// The name of a model that is there.
fn model(call: &Call, request: &Value) -> Result<String, Refusal> {
    let name = request["model"].as_str();
    let name = name
        .ok_or_else(|| Refusal::invalid_request("model", "you must provide a model parameter"))?;
    if call.settings.model.models.iter().any(|known| known == name) {
        return Ok(name.to_owned());
    }
    Err(Refusal::model(
        StatusCode::NOT_FOUND,
        "invalid_request_error",
        Some("model_not_found"),
        "The model does not exist or you do not have access to it.",
    ))
}

/// The text of a message: a string, or parts of type `text`.
fn text(message: &Value) -> Result<String, Refusal> {
    let parts = message["content"].as_array().map(|parts| {
        let texts = parts.iter().filter_map(|part| part["text"].as_str());
        texts.collect::<Vec<_>>().join("\n")
    });
    let text = parts.or_else(|| message["content"].as_str().map(str::to_owned));
    let role = message["role"].as_str().unwrap_or_default();
    match text {
        Some(text) if matches!(role, "system" | "developer" | "user" | "assistant") => Ok(text),
        _ => Err(Refusal::invalid_request("messages", "Invalid value in 'messages'.")),
    }
}
