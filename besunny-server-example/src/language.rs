//! The language model as the settings describe it: where it is, its key, its prices.
use std::{path::PathBuf, sync::Arc};

use besunny::{
    Builder,
    ai::{
        language::{LanguageRouter, LanguageSettings},
        openai::{LimitField, OpenAi, OpenAiConfig, Price},
    },
    core::{
        clock::Clock,
        language::{Ask, LanguageErrorKind, LanguageModel, Schema},
        untrusted::Untrusted,
    },
};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::json;

use crate::{command::describe, config::Finding, secret};

/// The variable that holds the key.
pub const KEY_VARIABLE: &str = "BESUNNY_LANGUAGE_KEY";
/// The doctor asks for one word.
const PROBE_TOKENS: u32 = 200;

/// A server that speaks `OpenAI`'s chat interface.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Language {
    /// Up to the version, such as `https://api.openai.com/v1`.
    pub base_url: String,
    /// Which model is asked.
    pub model: String,
    /// A file with the key; the variable goes first, and a server on this machine may need none.
    pub key_file: Option<PathBuf>,
    /// Whether the server knows only the older `max_tokens`.
    #[serde(default)]
    pub max_tokens: bool,
    /// Whether the model refuses a temperature.
    #[serde(default)]
    pub fixed_temperature: bool,
    /// What its tokens cost.
    #[serde(default)]
    pub price: Prices,
}

/// What a million tokens cost, in millionths of a currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prices {
    /// Tokens that are read.
    pub input_micros: u64,
    /// Tokens that are written.
    pub output_micros: u64,
}

impl Language {
    /// Lets the model be asked about mails that nothing else decides, and about new projects.
    ///
    /// # Errors
    /// A [`Finding`] names the setting that cannot be used.
    pub fn wire(&self, builder: Builder, clock: &Arc<dyn Clock>) -> Result<Builder, Finding> {
        let model: Arc<dyn LanguageModel> = Arc::new(self.model(self.key()?.as_ref(), clock)?);
        Ok(ask_about_mail(&model, builder, clock).describe_projects_by(model))
    }

    /// Lets the model be asked about mails only, with this key, whatever file and variable say.
    ///
    /// # Errors
    /// As [`wire`](Self::wire).
    pub fn wire_for_mail(
        &self,
        key: &SecretString,
        builder: Builder,
        clock: &Arc<dyn Clock>,
    ) -> Result<Builder, Finding> {
        let model: Arc<dyn LanguageModel> = Arc::new(self.model(Some(key), clock)?);
        Ok(ask_about_mail(&model, builder, clock))
    }

    fn model(&self, key: Option<&SecretString>, clock: &Arc<dyn Clock>) -> Result<OpenAi, Finding> {
        let config = OpenAiConfig {
            price: Price {
                input_micros: self.price.input_micros,
                output_micros: self.price.output_micros,
            },
            limit_field: if self.max_tokens {
                LimitField::MaxTokens
            } else {
                LimitField::MaxCompletionTokens
            },
            sends_temperature: !self.fixed_temperature,
            ..OpenAiConfig::new(&self.base_url, &self.model)
        };
        OpenAi::new(config, key, Arc::clone(clock)).map_err(|error| {
            let fix = "write the address up to its version, such as https://api.openai.com/v1, and the model's name";
            Finding::new("language", error.to_string(), fix)
        })
    }

    fn key(&self) -> Result<Option<SecretString>, Finding> {
        let file = ("language.key_file", self.key_file.as_deref());
        Ok(secret::given(KEY_VARIABLE, file)?.map(|given| given.text))
    }

    /// Asks the model for one word, which tries address, key, model and schema at once.
    pub async fn probe(&self, clock: &Arc<dyn Clock>) -> Option<Finding> {
        let model = match self.key().and_then(|key| self.model(key.as_ref(), clock)) {
            Ok(model) => model,
            Err(finding) => return Some(finding),
        };
        let json = json!({
            "type": "object",
            "properties": { "word": { "type": "string" } },
            "required": ["word"],
            "additionalProperties": false,
        });
        let schema = Schema { name: "word".to_owned(), json };
        let ask = Ask {
            instructions: "Answer with any word.",
            input: Untrusted::new("Go."),
            schema: &schema,
            max_output_tokens: PROBE_TOKENS,
            temperature: 0.0,
        };
        let error = model.generate(&ask).await.err()?;
        Some(Finding::new("language", describe(&error), fix(error.kind)))
    }
}

fn ask_about_mail(
    model: &Arc<dyn LanguageModel>,
    builder: Builder,
    clock: &Arc<dyn Clock>,
) -> Builder {
    let settings = LanguageSettings::default();
    let router = LanguageRouter::new(Arc::clone(model), Arc::clone(clock), settings);
    builder.language(Arc::new(router))
}

/// Says what to do about a failure.
const fn fix(kind: LanguageErrorKind) -> &'static str {
    match kind {
        LanguageErrorKind::Unauthorized => {
            "set BESUNNY_LANGUAGE_KEY or language.key_file to a key for this model"
        }
        LanguageErrorKind::Misconfigured => {
            "correct base_url or model, or set max_tokens or fixed_temperature: see docs/configuration.md"
        }
        LanguageErrorKind::LimitReached => "add credit at the provider, or raise its limit",
        LanguageErrorKind::RateLimited => "try again later, or raise the provider's rate limit",
        LanguageErrorKind::Unavailable => "see that the server runs and can be reached from here",
        LanguageErrorKind::Refused | LanguageErrorKind::TooLong | LanguageErrorKind::Malformed => {
            "choose a model that answers by a JSON schema"
        }
        _ => "see docs/configuration.md",
    }
}
