//! Where the server is, what it is asked for, what it costs.
use std::{net::IpAddr, time::Duration};

use besunny_core::language::Usage;
use reqwest::Url;

/// Time to connect: a host that needs more than a few round trips is down.
const CONNECT: Duration = Duration::from_secs(5);
/// Time for a whole answer (CLS-5).
const TOTAL: Duration = Duration::from_secs(30);
/// Answers of 1,000 tokens have some kilobytes; a server that sends more is broken or hostile.
const MAX_ANSWER_BYTES: usize = 1 << 20;
/// Prices are for so many tokens, as providers print them.
const PRICED_TOKENS: u128 = 1_000_000;

/// How to talk to the server; everything but server and model has a default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenAiConfig {
    /// Up to the version, such as `https://api.openai.com/v1`; `https` unless on this machine.
    pub base_url: String,
    /// Which model is asked.
    pub model: String,
    /// What its tokens cost.
    pub price: Price,
    /// How the length of an answer is limited.
    pub limit_field: LimitField,
    /// Whether a temperature is sent; models that reason refuse one.
    pub sends_temperature: bool,
    /// For a connection.
    pub connect_timeout: Duration,
    /// For a whole answer, from sending to its last byte.
    pub timeout: Duration,
    /// The largest answer that is taken, in bytes.
    pub max_answer_bytes: usize,
}

/// What a million tokens cost, in millionths of a currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Price {
    /// Tokens that are read.
    pub input_micros: u64,
    /// Tokens that are written.
    pub output_micros: u64,
}

/// The field that limits the length of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LimitField {
    /// `max_completion_tokens`: what `OpenAI` asks for today.
    #[default]
    MaxCompletionTokens,
    /// `max_tokens`: what it asked for before, and older servers know.
    MaxTokens,
}

/// A setting that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The base is no URL.
    #[error("the base URL is no URL")]
    NoUrl,
    /// The key and the mails would go over the network in the clear.
    #[error("the base URL must be https, since its host is not this machine")]
    Insecure,
    /// No model is named.
    #[error("no model is named")]
    NoModel,
    /// The key has characters that no header may have.
    #[error("the key has characters that cannot be sent")]
    Key,
    /// The HTTP client cannot be built.
    #[error("the HTTP client cannot be built: the system's certificates")]
    Client,
}

impl OpenAiConfig {
    /// Asks `model` at `base_url`.
    #[must_use]
    pub fn new(base_url: &str, model: &str) -> Self {
        Self {
            base_url: base_url.to_owned(),
            model: model.to_owned(),
            price: Price::default(),
            limit_field: LimitField::default(),
            sends_temperature: true,
            connect_timeout: CONNECT,
            timeout: TOTAL,
            max_answer_bytes: MAX_ANSWER_BYTES,
        }
    }

    /// Returns where asks go, and whether that is this machine.
    pub(super) fn url(&self) -> Result<(Url, bool), ConfigError> {
        if self.model.trim().is_empty() {
            return Err(ConfigError::NoModel);
        }
        let base = self.base_url.trim_end_matches('/');
        let url = Url::parse(&format!("{base}/chat/completions")).ok().filter(Url::has_host);
        let url = url.ok_or(ConfigError::NoUrl)?;
        let host = url.host_str().unwrap_or_default();
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        let is_local = host == "localhost" || address.is_ok_and(|address| address.is_loopback());
        match url.scheme() {
            "https" => Ok((url, is_local)),
            "http" if is_local => Ok((url, is_local)),
            "http" => Err(ConfigError::Insecure),
            _ => Err(ConfigError::NoUrl),
        }
    }
}

impl Price {
    /// Returns what so many tokens cost, with its cost set; fractions are rounded up.
    #[must_use]
    pub fn of(self, usage: Usage) -> Usage {
        let part = |tokens: u64, price: u64| u128::from(tokens) * u128::from(price);
        let cost = part(usage.input_tokens, self.input_micros)
            + part(usage.output_tokens, self.output_micros);
        let cost_micros = u64::try_from(cost.div_ceil(PRICED_TOKENS)).unwrap_or(u64::MAX);
        Usage { cost_micros, ..usage }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(base: &str) -> Result<(String, bool), ConfigError> {
        OpenAiConfig::new(base, "m").url().map(|(url, is_local)| (url.to_string(), is_local))
    }

    #[test]
    fn only_this_machine_is_talked_to_in_the_clear() {
        let far = "https://api.openai.com/v1/chat/completions".to_owned();
        assert_eq!(check("https://api.openai.com/v1"), Ok((far.clone(), false)));
        assert_eq!(check("https://api.openai.com/v1/"), Ok((far, false)));
        for local in ["http://127.0.0.1:11434/v1", "http://[::1]:1/v1", "http://localhost:9/v1"] {
            assert_eq!(check(local), Ok((format!("{local}/chat/completions"), true)), "{local}");
        }
        for insecure in ["http://api.openai.com/v1", "http://10.0.0.1", "http://localhost.a.org"] {
            assert_eq!(check(insecure), Err(ConfigError::Insecure), "{insecure}");
        }
        for odd in ["", "openai", "ftp://127.0.0.1", "data:text/plain,x"] {
            assert_eq!(check(odd), Err(ConfigError::NoUrl), "{odd}");
        }
        let nameless = OpenAiConfig::new("https://a.org", " ").url();
        assert_eq!(nameless, Err(ConfigError::NoModel));
    }

    #[test]
    fn cls_10_the_cost_follows_from_the_tokens_that_were_counted() {
        let price = Price { input_micros: 150_000, output_micros: 600_000 };
        let cost = |input_tokens, output_tokens| {
            price.of(Usage { input_tokens, output_tokens, cost_micros: 7 }).cost_micros
        };
        assert_eq!(cost(0, 0), 0);
        assert_eq!(cost(1_000_000, 0), 150_000);
        assert_eq!(cost(1_000, 100), 210);
        assert_eq!(cost(1, 0), 1);
        assert_eq!(
            Price { input_micros: u64::MAX, ..price }
                .of(Usage { input_tokens: u64::MAX, ..Usage::default() })
                .cost_micros,
            u64::MAX
        );
    }
}
