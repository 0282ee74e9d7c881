//! Under which names the server may be called; anything else is a rebound name.
use axum::http::{Uri, uri::Authority};

/// How the server is reached.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    hosts: Vec<Authority>,
    is_https: bool,
}

/// A setting of the server cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// A host is no host.
    #[error(
        "the allowed host {0:?} is no host: write a name or an address, with or without a port"
    )]
    Host(String),
    /// The public address is no web address.
    #[error(
        "the public address {0:?} is no web address: write http(s)://HOST, with or without a port \
         and without a path"
    )]
    PublicUrl(String),
}

impl Settings {
    /// Allows requests that name one of `hosts` or the host of `public_url`.
    ///
    /// A host without a port allows every port. Session cookies are `Secure` when `public_url` is
    /// https.
    ///
    /// # Errors
    /// [`SettingsError`] names what is no host or no web address.
    pub fn new<H: AsRef<str>>(
        hosts: impl IntoIterator<Item = H>,
        public_url: Option<&str>,
    ) -> Result<Self, SettingsError> {
        let mut allowed = Vec::new();
        for host in hosts {
            let host = host.as_ref();
            let parsed = parse(host).ok_or_else(|| SettingsError::Host(host.to_owned()))?;
            allowed.push(parsed);
        }
        let Some(url) = public_url else { return Ok(Self { hosts: allowed, is_https: false }) };
        let wrong = || SettingsError::PublicUrl(url.to_owned());
        let scheme_and_rest = url.split_once("://").ok_or_else(wrong)?;
        let is_https = match scheme_and_rest.0.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            _ => return Err(wrong()),
        };
        allowed.push(parse(scheme_and_rest.1).ok_or_else(wrong)?);
        Ok(Self { hosts: allowed, is_https })
    }

    /// Says whether people reach the server over TLS.
    #[must_use]
    pub const fn is_https(&self) -> bool {
        self.is_https
    }

    /// Says whether a request that names `host` is meant for us.
    #[must_use]
    pub fn allows(&self, host: &str) -> bool {
        let Some(asked) = parse(host) else { return false };
        self.hosts.iter().any(|allowed| {
            let same_port = allowed.port_u16().is_none_or(|port| asked.port_u16() == Some(port));
            same_port && allowed.host().eq_ignore_ascii_case(asked.host())
        })
    }

    /// Says whether a request line names us, when it names anybody.
    #[must_use]
    pub fn allows_uri(&self, uri: &Uri) -> bool {
        uri.authority().is_none_or(|authority| self.allows(authority.as_str()))
    }
}

/// Reads host and port; a user part is refused, and anything behind the host that is no port.
fn parse(text: &str) -> Option<Authority> {
    let authority: Authority = text.parse().ok()?;
    let host = authority.host();
    let behind = text.strip_prefix(host).filter(|_| !host.is_empty())?;
    let is_whole = behind.is_empty() || behind.strip_prefix(':').is_some_and(is_port);
    is_whole.then_some(authority)
}

/// Says whether a text is a port; numbers with a sign are none.
fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(allowed: &[&str], public: Option<&str>, host: &str, expected: bool) {
        let settings = Settings::new(allowed, public).unwrap();
        assert_eq!(settings.allows(host), expected, "{host} under {allowed:?} {public:?}");
    }

    #[test]
    fn sec_only_named_hosts_are_allowed() {
        check(&["localhost"], None, "localhost", true);
        check(&["localhost"], None, "LOCALHOST:7070", true);
        check(&["127.0.0.1:7070"], None, "127.0.0.1:7070", true);
        check(&["127.0.0.1:7070"], None, "127.0.0.1:7071", false);
        check(&["127.0.0.1:7070"], None, "127.0.0.1", false);
        check(&["[::1]"], None, "[::1]:80", true);
        check(&["localhost"], None, "localhost.evil.example", false);
        check(&["localhost"], None, "evil@localhost", false);
        check(&["localhost"], None, "", false);
        for port in ["7070.evil.example", "", "+80", "65536", "80:80", "x"] {
            check(&["localhost", "[::1]"], None, &format!("localhost:{port}"), false);
            check(&["localhost", "[::1]"], None, &format!("[::1]:{port}"), false);
        }
        check(&["[::1]"], None, "[::1].evil.example", false);
        check(&[], Some("https://sunny.example"), "sunny.example", true);
        check(&[], None, "localhost", false);
    }

    #[test]
    fn wrong_settings_name_themselves() {
        let error = |hosts: &[&str], public| Settings::new(hosts, public).unwrap_err().to_string();
        assert!(error(&["a b"], None).contains("\"a b\""));
        assert!(error(&[], Some("ftp://x")).contains("\"ftp://x\""));
        assert!(error(&[], Some("https://x/path")).contains("without a path"));
        assert!(error(&[], Some("sunny.example")).contains("http(s)://HOST"));
    }
}
