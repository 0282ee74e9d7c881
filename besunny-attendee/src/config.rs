//! Where Attendee is, how long to wait for it, and how much to take from it.
use std::{net::IpAddr, time::Duration};

use besunny_core::posting::BotStyle;
use reqwest::Url;

use crate::wire::{Unsendable, check_words};

/// The hosted server (docs.attendee.dev).
const HOSTED: &str = "https://app.attendee.dev";
/// Time to connect: a host that needs more than a few round trips is down.
const CONNECT: Duration = Duration::from_secs(5);
/// Time for a whole answer (BOT-1).
const TOTAL: Duration = Duration::from_secs(30);
/// The transcript of a day of talk, as one array, has some megabytes.
const MAX_ANSWER_BYTES: usize = 16 << 20;
/// The server stamps a piece before its transaction ends, which takes seconds at most, and its `Date` has
/// whole seconds.
const OVERLAP: Duration = Duration::from_secs(30);

/// How to talk to Attendee; everything has a default but nothing is fixed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttendeeConfig {
    /// Up to the host, such as `https://app.attendee.dev`; `https` unless on this machine.
    pub base_url: String,
    /// What requests call themselves.
    pub user_agent: String,
    /// For a connection.
    pub connect_timeout: Duration,
    /// For a whole answer, from sending to its last byte.
    pub timeout: Duration,
    /// The largest answer that is taken, in bytes.
    pub max_answer_bytes: usize,
    /// So much of what was read is read again, since the server tells no time of change.
    pub overlap: Duration,
}

/// A setting that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The base is no URL.
    #[error("the base URL is no URL")]
    NoUrl,
    /// The key and the transcripts would go over the network in the clear.
    #[error("the base URL must be https, since its host is not this machine")]
    Insecure,
    /// The key has characters that no header may have.
    #[error("the key has characters that cannot be sent")]
    Key,
    /// The secret of deliveries is not what the dashboard shows.
    #[error("the secret must be the base64 text that Attendee's dashboard shows")]
    Secret,
    /// Bots cannot be called so, or say so.
    #[error(transparent)]
    Words(#[from] Unsendable),
    /// The HTTP client cannot be built.
    #[error("the HTTP client cannot be built: the user agent or the system's certificates")]
    Client,
}

/// Says whether bots can be called, and say, what `style` has.
///
/// # Errors
/// [`ConfigError::Words`] names the text that Attendee would refuse.
pub fn check_style(style: &BotStyle) -> Result<(), ConfigError> {
    Ok(check_words(&style.name, style.greeting.as_deref())?)
}

impl Default for AttendeeConfig {
    fn default() -> Self {
        Self {
            base_url: HOSTED.to_owned(),
            user_agent: concat!("besunny/", env!("CARGO_PKG_VERSION")).to_owned(),
            connect_timeout: CONNECT,
            timeout: TOTAL,
            max_answer_bytes: MAX_ANSWER_BYTES,
            overlap: OVERLAP,
        }
    }
}

impl AttendeeConfig {
    /// Asks the server at `base_url`.
    #[must_use]
    pub fn at(base_url: &str) -> Self {
        Self { base_url: base_url.to_owned(), ..Self::default() }
    }

    /// Returns where the server is, without a slash at the end, and whether that is this machine.
    pub(crate) fn base(&self) -> Result<(String, bool), ConfigError> {
        let url =
            Url::parse(&self.base_url).ok().filter(Url::has_host).ok_or(ConfigError::NoUrl)?;
        let host = url.host_str().unwrap_or_default();
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        let is_local = host == "localhost" || address.is_ok_and(|address| address.is_loopback());
        let is_plain = url.query().is_none() && url.fragment().is_none();
        match url.scheme() {
            "https" if is_plain => {}
            "http" if is_plain && is_local => {}
            "http" if is_plain => return Err(ConfigError::Insecure),
            _ => return Err(ConfigError::NoUrl),
        }
        Ok((url.as_str().trim_end_matches('/').to_owned(), is_local))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_talked_to_in_the_clear() {
        let check = |base: &str| AttendeeConfig::at(base).base();
        assert_eq!(check(HOSTED), Ok((HOSTED.to_owned(), false)));
        assert_eq!(
            check("https://bots.example/sub/"),
            Ok(("https://bots.example/sub".into(), false))
        );
        for local in ["http://127.0.0.1:1", "http://[::1]:1", "http://localhost:9"] {
            assert_eq!(check(local), Ok((local.to_owned(), true)), "{local}");
        }
        for insecure in ["http://app.attendee.dev", "http://10.0.0.1", "http://localhost.a.org"] {
            assert_eq!(check(insecure), Err(ConfigError::Insecure), "{insecure}");
        }
        for odd in ["", "attendee", "ftp://127.0.0.1", "https://a.org/?key=1", "https://a.org#x"] {
            assert_eq!(check(odd), Err(ConfigError::NoUrl), "{odd}");
        }
    }
}
