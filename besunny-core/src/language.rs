//! Asking a language model for an answer of a given form.
//!
//! A model only writes text. Who asks gives the form as a JSON schema, checks the answer against it
//! all the same, and decides alone what follows (ARCHITECTURE.md L8). The MUST sentences below are
//! numbered in `docs/adapter-spec.md`; each has a case of that name.
use std::fmt::Debug;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{failure::PortError, source::SourceErrorKind, untrusted::Untrusted};

/// What a model is asked.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// What to do, in our words; never text from outside.
    pub instructions: &'a str,
    /// What to do it with: delimited data, which may hold text from outside.
    pub input: Untrusted<&'a str>,
    /// The form of the answer.
    pub schema: &'a Schema,
    /// The answer may have so many tokens.
    pub max_output_tokens: u32,
    /// How freely the model chooses its words, from 0 to 2; decisions are asked for at 0.1 (CLS-5).
    pub temperature: f32,
}

/// The form of an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Schema {
    /// Its name: letters, digits, `_` and `-`, at most 64.
    pub name: String,
    /// A JSON schema of an object whose fields are all required and that has no others.
    pub json: Value,
}

/// What a model wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The text: meant to be JSON of the schema, and not yet checked.
    pub text: Untrusted<String>,
    /// The model that wrote it, as the server names it.
    pub model: String,
    /// What it used.
    pub usage: Usage,
}

/// What an answer used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens that were read, as the server counts them.
    pub input_tokens: u64,
    /// Tokens that were written.
    pub output_tokens: u64,
    /// The cost in millionths of the currency of the price table; 0 where no price is set.
    pub cost_micros: u64,
}

/// A language model.
///
/// # Contract
/// - The answer MUST be what the model wrote, whole (`language.answer.whole`), with the name of the
///   model and what it used as the server counts it (`language.answer.usage`).
/// - The schema MUST be sent with every ask, as one the model has to keep (`language.schema.strict`).
/// - Instructions and input MUST be sent apart (`language.ask.apart`).
/// - A failed call MUST NOT be made again by the adapter (`language.calls.once`).
///
/// # Errors
/// [`LanguageError`]. What the model will not do MUST be `Refused` (`language.errors.refused`); an
/// answer that ended early for its length, and an ask that is longer than the model reads, MUST be
/// `TooLong` (`language.errors.too-long`); an answer without text, or none that can be read, MUST be
/// `Malformed` (`language.errors.malformed`). A refusal for lack of quota MUST carry the wait that
/// was asked for (`language.errors.rate-limited`), and what waiting does not mend MUST be
/// `LimitReached` (`language.errors.limit-reached`). A server that is down MUST be `Unavailable`
/// (`language.errors.unavailable`), a key it does not take `Unauthorized`
/// (`language.errors.unauthorized`), a model it does not have `Misconfigured`
/// (`language.errors.misconfigured`). No error MUST show what was asked or answered
/// (`language.errors.no-content`).
///
/// # Cancellation
/// Dropping a call leaves no effect; the server may charge for it.
///
/// # Idempotence
/// The same ask may be answered otherwise the next time.
#[async_trait]
pub trait LanguageModel: Debug + Send + Sync {
    /// Returns the name of the model that is asked, as the settings name it.
    fn model(&self) -> &str;
    /// Asks the model once.
    async fn generate(&self, ask: &Ask<'_>) -> Result<Answer, LanguageError>;
}

/// A language model did not answer.
pub type LanguageError = PortError<LanguageErrorKind>;

/// What every language model is asked to do, as its errors name it.
const ASKING: &str = "asking the language model";

/// What a failure of a language model means.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum LanguageErrorKind {
    /// The key is not valid, or not for this model.
    #[error("the key is not accepted")]
    Unauthorized,
    /// Too many requests for now.
    #[error("too many requests")]
    RateLimited,
    /// A cap that waiting does not lift soon: credits, a budget.
    #[error("a limit is used up")]
    LimitReached,
    /// The server cannot be reached, is too slow, or is broken for now.
    #[error("the server is unavailable")]
    Unavailable,
    /// The model will not do what was asked.
    #[error("the model refused")]
    Refused,
    /// The ask is longer than the model reads, or the answer longer than was allowed.
    #[error("the ask or the answer is too long")]
    TooLong,
    /// The answer does not make sense.
    #[error("the answer is malformed")]
    Malformed,
    /// Our settings for the model are wrong.
    #[error("the language model is misconfigured")]
    Misconfigured,
}

impl LanguageErrorKind {
    /// Returns the row of the retry table for a server that cannot be asked for now.
    ///
    /// None for a failure that is about what was asked or answered.
    #[must_use]
    pub const fn in_table(self) -> Option<SourceErrorKind> {
        match self {
            Self::Unauthorized => Some(SourceErrorKind::Unauthorized),
            Self::RateLimited => Some(SourceErrorKind::RateLimited),
            Self::LimitReached => Some(SourceErrorKind::LimitReached),
            Self::Unavailable => Some(SourceErrorKind::Unavailable),
            Self::Misconfigured => Some(SourceErrorKind::Misconfigured),
            Self::Refused | Self::TooLong | Self::Malformed => None,
        }
    }
}

impl PortError<LanguageErrorKind> {
    /// Makes an error of `kind`.
    #[must_use]
    pub const fn of(kind: LanguageErrorKind) -> Self {
        Self::new(kind, ASKING)
    }
}

impl Usage {
    /// Adds what another answer used.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            input_tokens: self.input_tokens.saturating_add(other.input_tokens),
            output_tokens: self.output_tokens.saturating_add(other.output_tokens),
            cost_micros: self.cost_micros.saturating_add(other.cost_micros),
        }
    }
}
