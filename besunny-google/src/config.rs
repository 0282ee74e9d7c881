//! Where Google is, how long to wait for it, and how much to take from it.
use std::{net::IpAddr, time::Duration};

use reqwest::Url;

use crate::quota::QuotaTable;

/// Time to connect: a host that needs more than a few round trips is down.
const CONNECT: Duration = Duration::from_secs(5);
/// Time for a whole answer, up to its first MiB: Gmail answers in well under a second.
const TOTAL: Duration = Duration::from_secs(30);
/// Time for the rest of an answer beyond 1 MiB, from when its turn has come: 35 MB of base64 at
/// 2.4 Mbit/s.
const LARGE: Duration = Duration::from_mins(2);
/// The largest mail that is read whole (MAIL-18); also what Gmail lets people send.
const MAX_MAIL_BYTES: usize = 25 << 20;
/// Fetches under way for one mailbox: a burst of the minute's 300 fetches lasts some seconds at
/// Gmail's usual 150 ms each, and more would only wait for the budget.
const FETCH_CONCURRENCY: usize = 8;
/// Gmail's largest page (developers.google.com/workspace/gmail/api/reference/rest/v1/users.messages/list).
const PAGE_SIZE: u16 = 500;
/// Calendar's own default, of 250 events: an answer of half a megabyte, and a whole calendar in memory
/// for nobody (developers.google.com/workspace/calendar/api/v3/reference/events/list).
const CALENDAR_PAGE_SIZE: u16 = 250;

/// How to talk to Google; everything has a default but nothing is fixed.
#[derive(Clone, Debug, PartialEq)]
pub struct GoogleConfig {
    /// Where the services are.
    pub endpoints: Endpoints,
    /// What requests call themselves; Google compresses answers only if it contains `gzip`.
    pub user_agent: String,
    /// How long to wait.
    pub timeouts: Timeouts,
    /// The largest mail that is read whole, in bytes; of larger ones only the headers are.
    pub max_mail_bytes: usize,
    /// How many ids a page of a listing or of the history has; Gmail's most is 500.
    pub page_size: u16,
    /// How many events a page has; Calendar's most is 2,500. Another size lists calendars anew.
    pub calendar_page_size: u16,
    /// How many mails of one mailbox are fetched at once.
    pub fetch_concurrency: usize,
    /// What calls cost and how much may be spent.
    pub quota: QuotaTable,
}

/// Where Google's services are; `https` unless the host is this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoints {
    /// Gmail, without `/gmail/v1`.
    pub gmail: String,
    /// Calendar, without `/calendar/v3`.
    pub calendar: String,
    /// The token endpoint of OAuth.
    pub token: String,
    /// The public keys of signed push deliveries.
    pub keys: String,
}

/// How long to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For a connection.
    pub connect: Duration,
    /// For an answer, from sending to the end of its first MiB.
    pub total: Duration,
    /// For the rest of a larger answer, from when it may be read.
    pub large: Duration,
}

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// An endpoint is no URL.
    #[error("the {0} endpoint is no URL")]
    NoUrl(&'static str),
    /// An endpoint would send tokens over the network in the clear.
    #[error("the {0} endpoint must be https, since its host is not this machine")]
    Insecure(&'static str),
    /// The HTTP client cannot be built.
    #[error("the HTTP client cannot be built: the user agent or the system's certificates")]
    Client,
    /// Something of the push configuration has the wrong form.
    #[error("{what} must have the form {form}")]
    Form {
        /// What.
        what: &'static str,
        /// What it should look like.
        form: &'static str,
    },
}

/// The endpoints as URLs.
#[derive(Clone, Debug)]
pub(crate) struct Urls {
    pub(crate) gmail: String,
    pub(crate) calendar: String,
    pub(crate) token: Url,
    pub(crate) keys: Url,
    /// Whether all of them are on this machine.
    pub(crate) are_local: bool,
}

impl Default for GoogleConfig {
    fn default() -> Self {
        Self {
            endpoints: Endpoints::default(),
            user_agent: concat!("besunny/", env!("CARGO_PKG_VERSION"), " (gzip)").to_owned(),
            timeouts: Timeouts { connect: CONNECT, total: TOTAL, large: LARGE },
            max_mail_bytes: MAX_MAIL_BYTES,
            page_size: PAGE_SIZE,
            calendar_page_size: CALENDAR_PAGE_SIZE,
            fetch_concurrency: FETCH_CONCURRENCY,
            quota: QuotaTable::default(),
        }
    }
}

impl Default for Endpoints {
    fn default() -> Self {
        Self {
            gmail: "https://gmail.googleapis.com".to_owned(),
            calendar: "https://www.googleapis.com".to_owned(),
            token: "https://oauth2.googleapis.com/token".to_owned(),
            keys: "https://www.googleapis.com/oauth2/v3/certs".to_owned(),
        }
    }
}

impl Endpoints {
    /// Finds all services at one base URL, as in a simulated world.
    #[must_use]
    pub fn at(base: &str) -> Self {
        let base = base.trim_end_matches('/');
        Self {
            gmail: base.to_owned(),
            calendar: base.to_owned(),
            token: format!("{base}/token"),
            keys: format!("{base}/oauth2/v3/certs"),
        }
    }

    pub(crate) fn urls(&self) -> Result<Urls, ConfigError> {
        let gmail = checked("gmail", &self.gmail)?;
        let calendar = checked("calendar", &self.calendar)?;
        let token = checked("token", &self.token)?;
        let keys = checked("keys", &self.keys)?;
        let are_local = [&gmail, &calendar, &token, &keys].into_iter().all(is_local);
        let [gmail, calendar] =
            [gmail, calendar].map(|url| url.as_str().trim_end_matches('/').to_owned());
        Ok(Urls { gmail, calendar, token, keys, are_local })
    }
}

fn checked(name: &'static str, text: &str) -> Result<Url, ConfigError> {
    let url = Url::parse(text).ok().filter(Url::has_host).ok_or(ConfigError::NoUrl(name))?;
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_local(&url) => Ok(url),
        "http" => Err(ConfigError::Insecure(name)),
        _ => Err(ConfigError::NoUrl(name)),
    }
}

/// Says whether Google's calls can go to an address: `https`, or `http` on this machine.
pub(crate) fn is_reachable(address: &str) -> bool {
    checked("channel", address).is_ok()
}

fn is_local(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(base: &str) -> Result<bool, String> {
        let urls = Endpoints::at(base).urls();
        urls.map(|urls| urls.are_local).map_err(|error| error.to_string())
    }

    #[test]
    fn only_this_machine_is_talked_to_in_the_clear() {
        for local in ["http://127.0.0.1:8080", "http://[::1]:1/", "http://localhost:99"] {
            assert_eq!(check(local), Ok(true), "{local}");
        }
        assert_eq!(check("https://gmail.googleapis.com"), Ok(false));
        for insecure in [
            "http://gmail.googleapis.com",
            "http://127.0.0.1.example.com",
            "http://localhost.example.com",
            "http://127.0.0.1@example.com",
            "http://10.0.0.1",
        ] {
            let refusal = "the gmail endpoint must be https, since its host is not this machine";
            assert_eq!(check(insecure), Err(refusal.to_owned()), "{insecure}");
        }
        for odd in ["", "gmail", "ftp://127.0.0.1", "data:text/plain,x"] {
            assert_eq!(check(odd), Err("the gmail endpoint is no URL".to_owned()), "{odd}");
        }
    }

    #[test]
    fn the_defaults_are_secure() {
        let config = GoogleConfig::default();
        assert!(!config.endpoints.urls().unwrap().are_local);
        assert!(config.user_agent.contains("gzip"));
    }
}
