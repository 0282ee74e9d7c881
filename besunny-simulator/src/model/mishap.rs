//! What a model gets wrong.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::fault::ModelFault;
use crate::refusal::Refusal;

impl ModelFault {
    /// Whether the answer has no choice at all.
    pub(super) fn has_no_choices(&self) -> bool {
        *self == Self::EmptyChoices
    }
}

/// Spoils the message of an answer; returns why it ended.
pub(super) fn befall(
    fault: &ModelFault,
    message: &mut Value,
    finish: &'static str,
) -> Result<&'static str, Refusal> {
    let content = message["content"].as_str().unwrap_or_default().to_owned();
    let half = || content[..content.floor_char_boundary(content.len() / 2)].to_owned();
    match fault {
        ModelFault::MalformedAnswer => message["content"] = half().into(),
        ModelFault::WrongSchema => {
            message["content"] = json!({ "answer": [content] }).to_string().into();
        }
        ModelFault::UnknownAlias { alias } => {
            message["content"] = with(&content, "choice", &json!(alias).to_string()).into();
        }
        ModelFault::OddConfidence { value } => {
            message["content"] = with(&content, "confidence", value).into();
        }
        ModelFault::Says { content } => message["content"] = content.as_str().into(),
        ModelFault::Refuses => {
            message["content"] = Value::Null;
            message["refusal"] = "I'm sorry, but I can't help with that.".into();
        }
        ModelFault::EmptyChoices => {}
        ModelFault::NoContent => message["content"] = Value::Null,
        ModelFault::CutAnswer => {
            message["content"] = half().into();
            return Ok("length");
        }
        ModelFault::Filtered => {
            message["content"] = "".into();
            return Ok("content_filter");
        }
        ModelFault::NoCredit => {
            return Err(Refusal::model(
                StatusCode::TOO_MANY_REQUESTS,
                "insufficient_quota",
                Some("insufficient_quota"),
                "You exceeded your current quota, please check your plan and billing details.",
            ));
        }
        ModelFault::PromptTooLong => {
            return Err(Refusal::model(
                StatusCode::BAD_REQUEST,
                "invalid_request_error",
                Some("context_length_exceeded"),
                "This model's maximum context length is 8192 tokens.",
            ));
        }
    }
    Ok(finish)
}

/// Puts `raw`, which need not be JSON, in the place of a field.
fn with(content: &str, field: &str, raw: &str) -> String {
    const MARK: &str = "\u{1}";
    let Ok(mut value) = serde_json::from_str::<Value>(content) else { return raw.to_owned() };
    value[field] = MARK.into();
    value.to_string().replace(&json!(MARK).to_string(), raw)
}
