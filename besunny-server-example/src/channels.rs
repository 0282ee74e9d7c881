//! How calendars call back, as the settings describe it.
use std::path::PathBuf;

use besunny::google::ChannelConfig;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::{config::Finding, secret, web::CALENDAR_CALLS};

/// The variable that holds the secret.
pub const SECRET_VARIABLE: &str = "BESUNNY_CHANNEL_SECRET";

/// What proves a call of a calendar.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Channels {
    /// A file with the secret; `BESUNNY_CHANNEL_SECRET` goes before it.
    pub secret_file: Option<PathBuf>,
}

impl Channels {
    /// Reads the secret; calendars call below `public_url`.
    ///
    /// # Errors
    /// A [`Finding`] names the setting that is missing or wrong.
    pub fn read(&self, public_url: Option<&str>) -> Result<ChannelConfig, Finding> {
        let Some(url) = public_url else {
            let problem = "calendars cannot call a server that has no public address";
            let fix = "set public_url to the https address by which Google reaches the server";
            return Err(Finding::new("public_url", problem, fix));
        };
        let file = ("google.channels.secret_file", self.secret_file.as_deref());
        let Some(given) = secret::given(SECRET_VARIABLE, file)? else {
            let problem = "nothing would prove that it is Google who calls";
            let fix = "name a file with the result of `openssl rand -hex 32`";
            return Err(Finding::new("google.channels.secret_file", problem, fix));
        };
        let secrets = given.text.expose_secret().split_whitespace().map(SecretString::from);
        let config = ChannelConfig { address: called_at(url), secrets: secrets.collect() };
        config.check().map_err(|error| {
            let fix =
                "use an https public_url, and a secret such as that of `openssl rand -hex 32`";
            Finding::new(given.setting, error.to_string(), fix)
        })?;
        Ok(config)
    }
}

/// Returns where calendars call a server whose address is `base`.
#[must_use]
pub fn called_at(base: &str) -> String {
    format!("{}{CALENDAR_CALLS}", base.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(secrets: &str, public_url: Option<&str>, want: Result<usize, &str>) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        std::fs::write(&file, secrets).unwrap();
        let read = Channels { secret_file: Some(file) }.read(public_url);
        let got = read.as_ref().map(|config| config.secrets.len());
        assert_eq!(got.map_err(|finding| finding.setting.as_str()), want, "{public_url:?}");
    }

    #[test]
    fn cal_1_a_secret_may_be_changed_and_an_address_is_reachable() {
        let (old, new) = ("0123456789abcdef0123456789abcdef", "ABCDEF0123456789ABCDEF0123456789");
        let url = Some("https://mail.example.org");
        check(old, url, Ok(1));
        check(&format!("{new}\n{old}\n"), url, Ok(2));
        check(old, None, Err("public_url"));
        check(old, Some("http://mail.example.org"), Err("google.channels.secret_file"));
        check("short", url, Err("google.channels.secret_file"));
        check(&format!("{new}\nshort"), url, Err("google.channels.secret_file"));
        check(" \n", url, Err("google.channels.secret_file"));
        let none = Channels::default().read(url).unwrap_err();
        assert_eq!(none.setting, "google.channels.secret_file");
        assert_eq!(called_at("https://a.example/"), "https://a.example/webhooks/calendar");
    }
}
