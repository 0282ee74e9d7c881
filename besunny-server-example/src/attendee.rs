//! Meeting bots by Attendee as the settings describe them: where it is, its key, how bots behave.
use std::{path::PathBuf, sync::Arc};

use besunny::{
    Builder,
    attendee::{
        Attendee, AttendeeConfig, AttendeeReceiver, ConfigError, check_secret, check_style,
    },
    core::{
        adapter::BotAdapter,
        bot::{BotProvider, RecordingKind},
        clock::Clock,
        posting::BotStyle,
        source::SourceErrorKind,
    },
};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::{
    command::describe,
    config::Finding,
    secret::{self, Given},
};

/// The variable that holds the key.
pub const KEY_VARIABLE: &str = "BESUNNY_ATTENDEE_KEY";
/// The variable that holds the secrets of calls.
pub const SECRETS_VARIABLE: &str = "BESUNNY_ATTENDEE_SECRETS";
/// Where Attendee calls.
pub(crate) const CALLS: &str = "/webhooks/attendee";

/// Bots of one Attendee project.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Bots {
    /// Up to the host; the hosted server unless said.
    pub url: Option<String>,
    /// A file with the key of the project; `BESUNNY_ATTENDEE_KEY` goes before it.
    pub key_file: Option<PathBuf>,
    /// A file with the secrets of calls; `BESUNNY_ATTENDEE_SECRETS` goes before it.
    pub secrets_file: Option<PathBuf>,
    /// What bots are called.
    pub name: Option<String>,
    /// What they say when they have joined; an empty text for nothing.
    pub greeting: Option<String>,
    /// What is recorded besides the transcript: `none`, `audio` or `video`.
    pub recording: RecordingKind,
    /// Whether Attendee is to delete what it has once all of it was read.
    pub erase_after_import: bool,
}

/// What proves who we are to Attendee, and Attendee to us.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The key of the project.
    pub key: SecretString,
    /// Any of them signs calls; without one Attendee is only asked.
    pub secrets: Vec<SecretString>,
}

impl Bots {
    /// Lets the engine send bots, with the key and the secrets from where the settings say.
    ///
    /// # Errors
    /// A [`Finding`] names the setting that cannot be used.
    pub fn wire(&self, builder: Builder, clock: &Arc<dyn Clock>) -> Result<Builder, Finding> {
        let credentials = Credentials { key: self.key()?, secrets: self.secrets()? };
        self.wire_with(credentials, builder, clock)
    }

    /// Lets the engine send bots with these credentials, whatever files and variables say.
    ///
    /// # Errors
    /// As [`wire`](Self::wire).
    pub fn wire_with(
        &self,
        Credentials { key, secrets }: Credentials,
        builder: Builder,
        clock: &Arc<dyn Clock>,
    ) -> Result<Builder, Finding> {
        let attendee = self.adapter(&key, clock)?;
        let adapter = BotAdapter::new(attendee.clone())
            .with_presence(attendee.clone())
            .with_chat(attendee.clone())
            .with_control(attendee);
        let adapter = if secrets.is_empty() {
            adapter
        } else {
            adapter.with_receiver(AttendeeReceiver, secrets)
        };
        Ok(builder.bots(Attendee::provider(), adapter, self.style()))
    }

    /// Checks what can be checked without asking Attendee.
    pub(crate) fn findings(&self) -> Option<Finding> {
        let style = self.style();
        if style.name.trim().is_empty() {
            let problem = "people in the call would see no name";
            return Some(Finding::new("attendee.name", problem, "write what bots are called"));
        }
        let error = check_style(&style).err()?;
        let fix = "shorten name and greeting, and write them without emoji";
        Some(Finding::new("attendee", error.to_string(), fix))
    }

    /// Tries address, key and secrets; nothing is made at Attendee.
    pub async fn probe(&self, public_url: Option<&str>, clock: &Arc<dyn Clock>) -> Vec<Finding> {
        let mut findings: Vec<Finding> = match self.secrets() {
            Ok(secrets) if secrets.is_empty() => vec![polled_only(public_url)],
            Ok(_) => Vec::new(),
            Err(finding) => vec![finding],
        };
        match self.key().and_then(|key| self.adapter(&key, clock)) {
            Err(finding) => findings.push(finding),
            Ok(attendee) => findings.extend(attendee.check().await.err().map(|error| {
                let (setting, fix) = fix(error.kind);
                Finding::new(setting, describe(&error), fix)
            })),
        }
        findings
    }

    fn style(&self) -> BotStyle {
        let default = BotStyle::default();
        let greeting = match &self.greeting {
            None => default.greeting,
            Some(said) => Some(said.clone()).filter(|said| !said.trim().is_empty()),
        };
        let name = self.name.clone().unwrap_or(default.name);
        let erases_after_import = self.erase_after_import;
        BotStyle { name, greeting, recording: self.recording, erases_after_import }
    }

    fn adapter(&self, key: &SecretString, clock: &Arc<dyn Clock>) -> Result<Attendee, Finding> {
        let config = self.url.as_deref().map_or_else(AttendeeConfig::default, AttendeeConfig::at);
        Attendee::new(config, key, Arc::clone(clock)).map_err(|error| {
            let (setting, fix) = match error {
                ConfigError::Key => ("attendee.key_file", "use the key as the dashboard shows it"),
                ConfigError::NoUrl
                | ConfigError::Insecure
                | ConfigError::Secret
                | ConfigError::Words(_)
                | ConfigError::Client => {
                    ("attendee.url", "write it up to the host, such as https://app.attendee.dev")
                }
                _ => ("attendee", "see docs/configuration.md"),
            };
            Finding::new(setting, error.to_string(), fix)
        })
    }

    fn key(&self) -> Result<SecretString, Finding> {
        let file = ("attendee.key_file", self.key_file.as_deref());
        let given = secret::given(KEY_VARIABLE, file)?.map(|given| given.text);
        given.filter(|key| !key.expose_secret().is_empty()).ok_or_else(|| {
            let fix = "set BESUNNY_ATTENDEE_KEY, or name a file with a key of the project, which \
                       Attendee's dashboard makes under API Keys";
            Finding::new("attendee.key_file", "nothing says who we are to Attendee", fix)
        })
    }

    /// Reads the secrets, which white space parts; none where none are given.
    fn secrets(&self) -> Result<Vec<SecretString>, Finding> {
        let file = ("attendee.secrets_file", self.secrets_file.as_deref());
        let Some(Given { setting, text }) = secret::given(SECRETS_VARIABLE, file)? else {
            return Ok(Vec::new());
        };
        let secrets = text.expose_secret().split_whitespace().map(SecretString::from);
        let secrets: Vec<SecretString> = secrets.collect();
        let refused = |error: ConfigError| {
            let fix = "copy the signing secret from Attendee's dashboard, under Webhooks";
            Finding::new(setting, error.to_string(), fix)
        };
        secrets.iter().try_for_each(check_secret).map_err(refused)?;
        Ok(secrets)
    }
}

/// Says what it costs that nobody calls us.
fn polled_only(public_url: Option<&str>) -> Finding {
    let problem =
        "without a secret no call of Attendee is taken: bots are looked at every two minutes";
    let fix = format!(
        "add a webhook to {}{CALLS} in Attendee's dashboard, and set BESUNNY_ATTENDEE_SECRETS or \
         attendee.secrets_file to its signing secret",
        public_url.unwrap_or("PUBLIC_URL").trim_end_matches('/')
    );
    Finding::new("attendee.secrets_file", problem, fix)
}

/// Says which setting is to be looked at after a failure, and what to do.
const fn fix(kind: SourceErrorKind) -> (&'static str, &'static str) {
    match kind {
        SourceErrorKind::Unauthorized | SourceErrorKind::Forbidden => {
            ("attendee.key_file", "make a new key in Attendee's dashboard, under API Keys")
        }
        SourceErrorKind::Unavailable => {
            ("attendee.url", "see that the server runs and can be reached from here")
        }
        SourceErrorKind::Misconfigured
        | SourceErrorKind::Malformed
        | SourceErrorKind::PageExpired
        | SourceErrorKind::StreamGone => {
            ("attendee.url", "write the address of an Attendee server of version 1")
        }
        SourceErrorKind::RateLimited | SourceErrorKind::LimitReached => {
            ("attendee", "try again later")
        }
        _ => ("attendee", "see docs/configuration.md"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "c2ltdWxhdGVkIHNlY3JldCBvZiBhIHByb2plY3QgMSE=";

    fn bots(text: &str) -> Bots {
        toml::from_str(text).unwrap()
    }

    fn check_secrets(secrets: &str, want: Result<usize, &str>) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secrets");
        std::fs::write(&file, secrets).unwrap();
        let read = Bots { secrets_file: Some(file), ..Bots::default() }.secrets();
        let got = read.as_ref().map(Vec::len);
        assert_eq!(got.map_err(|finding| finding.setting.as_str()), want, "{secrets}");
    }

    #[test]
    fn bot_9_secrets_may_be_changed_without_a_gap() {
        check_secrets(SECRET, Ok(1));
        check_secrets(&format!("{SECRET}\nb2xkIHNlY3JldCBvZiBhIHByb2plY3QgMiEhISEhISE=\n"), Ok(2));
        check_secrets(" \n", Ok(0));
        check_secrets("no base64!", Err("attendee.secrets_file"));
        check_secrets("c2hvcnQ=", Err("attendee.secrets_file"));
    }

    #[test]
    fn bot_3_what_bots_say_has_defaults() {
        let default = bots("").style();
        assert_eq!(default, BotStyle::default());
        assert!(default.greeting.is_some(), "whoever is recorded should know of it (BOT-15)");
        assert!(!default.erases_after_import, "nothing is deleted that nobody asked to delete");
        let own = "name = 'Notes'\ngreeting = ' '\nrecording = 'audio'\nerase_after_import = true";
        let own = bots(own).style();
        let want = BotStyle {
            name: "Notes".to_owned(),
            greeting: None,
            recording: RecordingKind::Audio,
            erases_after_import: true,
        };
        assert_eq!(own, want);
    }

    #[test]
    fn bot_3_words_that_attendee_refuses_are_found() {
        let check = |text: &str, want: Option<&str>| {
            let found = bots(text).findings();
            assert_eq!(found.as_ref().map(|found| found.setting.as_str()), want, "{text}");
        };
        check("", None);
        check("name = ' '", Some("attendee.name"));
        check("name = 'Notes 😀'", Some("attendee"));
        check("greeting = 'I listen 👂'", Some("attendee"));
        check(&format!("name = '{}'", "n".repeat(256)), Some("attendee"));
    }
}
