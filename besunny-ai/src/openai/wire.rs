//! Requests and answers as JSON.
use besunny_core::{
    language::{Answer, Ask, LanguageErrorKind, Schema, Usage},
    untrusted::Untrusted,
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::config::{LimitField, OpenAiConfig};

/// An answer that cannot be used; never shows anything of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Odd {
    #[error("it is no JSON of a chat completion")]
    Form,
    #[error("it has no choice")]
    NoChoice,
    #[error("it has no text")]
    NoText,
    #[error("the model declined")]
    Declined,
    #[error("a filter held it back")]
    Filtered,
    #[error("it ended at the most tokens that were allowed")]
    Cut,
}

impl Odd {
    pub(super) const fn kind(self) -> LanguageErrorKind {
        match self {
            Self::Form | Self::NoChoice | Self::NoText => LanguageErrorKind::Malformed,
            Self::Declined | Self::Filtered => LanguageErrorKind::Refused,
            Self::Cut => LanguageErrorKind::TooLong,
        }
    }
}

/// Writes an ask.
pub(super) fn request(ask: &Ask<'_>, config: &OpenAiConfig) -> Value {
    let Schema { name, json: schema } = ask.schema;
    let mut request = json!({
        "model": config.model,
        "messages": [
            { "role": "system", "content": ask.instructions },
            { "role": "user", "content": ask.input.expose() },
        ],
        "response_format": {
            "type": "json_schema",
            "json_schema": { "name": name, "strict": true, "schema": schema },
        },
    });
    let limit = match config.limit_field {
        LimitField::MaxCompletionTokens => "max_completion_tokens",
        LimitField::MaxTokens => "max_tokens",
    };
    request[limit] = ask.max_output_tokens.into();
    if config.sends_temperature {
        // Written from its decimal form, since 0.1 is not 0.10000000149 to people.
        request["temperature"] = ask.temperature.to_string().parse::<f64>().unwrap_or(0.0).into();
    }
    request
}

#[derive(Deserialize)]
struct Completion {
    model: Option<String>,
    choices: Vec<Choice>,
    usage: Option<Counted>,
}

#[derive(Deserialize)]
struct Choice {
    message: Message,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Message {
    content: Option<String>,
    refusal: Option<String>,
}

#[derive(Default, Deserialize)]
struct Counted {
    #[serde(default)]
    prompt_tokens: u64,
    #[serde(default)]
    completion_tokens: u64,
}

/// Reads an answer.
pub(super) fn answer(body: &[u8], config: &OpenAiConfig) -> Result<Answer, Odd> {
    let read = serde_json::from_slice(body);
    let Completion { model, choices, usage } = read.map_err(|_content| Odd::Form)?;
    let Choice { message, finish_reason } = choices.into_iter().next().ok_or(Odd::NoChoice)?;
    if message.refusal.is_some_and(|refusal| !refusal.is_empty()) {
        return Err(Odd::Declined);
    }
    match finish_reason.as_deref() {
        Some("length") => return Err(Odd::Cut),
        Some("content_filter") => return Err(Odd::Filtered),
        _ => {}
    }
    let text = message.content.filter(|text| !text.trim().is_empty()).ok_or(Odd::NoText)?;
    let Counted { prompt_tokens, completion_tokens } = usage.unwrap_or_default();
    let usage =
        Usage { input_tokens: prompt_tokens, output_tokens: completion_tokens, cost_micros: 0 };
    Ok(Answer {
        text: Untrusted::new(text),
        model: model.filter(|name| !name.is_empty()).unwrap_or_else(|| config.model.clone()),
        usage: config.price.of(usage),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request() {
        let schema = Schema { name: "route".into(), json: json!({ "type": "object" }) };
        let ask = Ask {
            instructions: "Choose.",
            input: Untrusted::new("A mail."),
            schema: &schema,
            max_output_tokens: 1_000,
            temperature: 0.1,
        };
        let config = OpenAiConfig::new("http://127.0.0.1/v1", "small");
        insta::assert_json_snapshot!(request(&ask, &config));
        let older =
            OpenAiConfig { limit_field: LimitField::MaxTokens, sends_temperature: false, ..config };
        let request = request(&ask, &older);
        assert_eq!(
            (&request["max_tokens"], &request["temperature"]),
            (&json!(1_000), &Value::Null)
        );
    }

    #[test]
    fn what_an_answer_comes_to() {
        let config = OpenAiConfig::new("http://127.0.0.1/v1", "small");
        let check = |body: Value, want: Result<&str, Odd>| {
            let got = answer(body.to_string().as_bytes(), &config);
            let got = got.as_ref().map(|answer| answer.text.expose().as_str()).map_err(|odd| *odd);
            assert_eq!(got, want, "{body}");
        };
        let one = |message: Value, reason: &str| json!({ "choices": [{ "message": message, "finish_reason": reason }] });
        check(one(json!({ "content": "{}" }), "stop"), Ok("{}"));
        check(one(json!({ "content": "{}", "refusal": null }), "tool_calls"), Ok("{}"));
        check(one(json!({ "content": "{}", "refusal": "No." }), "stop"), Err(Odd::Declined));
        check(one(json!({ "content": "{\"a" }), "length"), Err(Odd::Cut));
        check(one(json!({ "content": "" }), "content_filter"), Err(Odd::Filtered));
        check(one(json!({ "content": " " }), "stop"), Err(Odd::NoText));
        check(one(json!({ "content": null }), "stop"), Err(Odd::NoText));
        check(json!({ "choices": [] }), Err(Odd::NoChoice));
        for odd in [json!({}), json!([]), json!("x"), json!({ "choices": [{ "message": "x" }] })] {
            check(odd, Err(Odd::Form));
        }
        assert_eq!(answer(b"{\"choices\":[", &config).unwrap_err(), Odd::Form);
    }
}
