//! Settings of the server: a TOML file, documented in docs/configuration.md.
use std::{
    fs,
    net::SocketAddr,
    ops::RangeInclusive,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use besunny::{
    Builder,
    core::{
        account::Intake,
        address::{Username, VirtualAddresses},
        clock::Clock,
        contender::Contender,
        experiment::Experiment,
        settings as engine,
    },
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    attendee::Bots,
    command::Refusal,
    gmail::Google,
    language::Language,
    web::{self, SettingsError},
};

/// Where the server listens unless something else is said: this machine only.
pub const DEFAULT_LISTEN: &str = "127.0.0.1:8080";
/// What was done is remembered for a day at least, since a commit may be repeated so long, and for ten
/// years at most, since a longer time is a mistake of units.
const REMEMBERED_DAYS: RangeInclusive<u64> = 1..=3_650;
/// A route that counts as right at once would teach nothing but itself.
const CONSENT_DAYS: RangeInclusive<u32> = 1..=365;
/// A file with more settings than this is a mistake: a database, a mailbox.
const MOST_BYTES: u64 = 1 << 20;

/// All settings of the server.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Address and port to listen on.
    pub listen: Option<String>,
    /// How browsers and providers reach the server, such as `https://mail.example.org`.
    pub public_url: Option<String>,
    /// Further host names under which requests are answered.
    pub hosts: Vec<String>,
    /// The database.
    pub db: Option<PathBuf>,
    /// Whose console it is.
    pub user: Option<String>,
    /// The domain of virtual addresses.
    pub virtual_domain: Option<String>,
    /// A file with the bearer token; `BESUNNY_TOKEN` goes before it.
    pub token_file: Option<PathBuf>,
    /// For how many days it is remembered which jobs were done and which decisions people made.
    pub remember_for_days: Option<u64>,
    /// The log.
    pub log: Log,
    /// Gmail.
    pub google: Option<Google>,
    /// The language model.
    pub language: Option<Language>,
    /// Meeting bots.
    pub attendee: Option<Bots>,
    /// The precision that is promised of what is learned.
    pub promise: Promise,
    /// How people are learned from.
    pub learn: Learn,
    /// A model that is asked beside the one that decides.
    pub shadow: Option<Shadow>,
    /// A model that decides for a share of the people.
    pub experiment: Option<Trial>,
}

/// A model that is asked after each decision and never acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shadow {
    /// `rules`, `learned@VERSION` or `language`.
    pub model: Contender,
}

/// A comparison of two models.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trial {
    /// Its name; under another one people are assigned anew.
    pub name: String,
    /// The share of the people for whom the model decides, above 0 and at most 1.
    pub share: f64,
    /// `rules`, `learned`, `learned@VERSION` or `language`.
    pub model: Contender,
}

/// How many of the documents that the learned model routes are to be right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Promise {
    /// Of mails, above 0 and below 1.
    pub email: Option<f64>,
    /// Of what was said in meetings, above 0 and below 1.
    pub meeting_transcript: Option<f64>,
}

/// How people are learned from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Learn {
    /// A route that nobody corrected for so many days counts as right.
    pub consent_after_days: Option<u32>,
}

/// How the log is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// For people or for programs.
    pub format: LogFormat,
}

/// The form of a log line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// Text for people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// A setting that is wrong, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Which setting.
    pub setting: String,
    /// What is wrong with it.
    pub problem: String,
    /// What to do.
    pub fix: String,
}

impl Finding {
    /// Says what is wrong with `setting`.
    pub fn new(setting: &str, problem: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { setting: setting.to_owned(), problem: problem.into(), fix: fix.into() }
    }
}

impl From<Finding> for Refusal {
    fn from(Finding { setting, problem, fix }: Finding) -> Self {
        Self::usage("config", format!("{setting}: {problem}: {fix}"))
    }
}

impl Config {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// [`Refusal`] names the file, the line and the key.
    pub fn read(path: &Path) -> Result<Self, Refusal> {
        parse(path)
    }

    /// Returns where to listen; `given` on the command line goes first.
    ///
    /// # Errors
    /// A [`Finding`] when it is no address with a port.
    pub fn listen(&self, given: Option<&str>) -> Result<SocketAddr, Finding> {
        let text = given.or(self.listen.as_deref()).unwrap_or(DEFAULT_LISTEN);
        text.parse().map_err(|error| {
            let problem = format!("{text:?} is no address to listen on: {error}");
            Finding::new("listen", problem, format!("write ADDRESS:PORT, such as {DEFAULT_LISTEN}"))
        })
    }

    /// Returns how long it is remembered what was done, when that is set.
    ///
    /// # Errors
    /// A [`Finding`] when it is less than a day or more than ten years.
    pub fn remember_for(&self) -> Result<Option<Duration>, Finding> {
        let Some(days) = self.remember_for_days else { return Ok(None) };
        if REMEMBERED_DAYS.contains(&days) {
            return Ok(Some(Duration::from_hours(24 * days)));
        }
        let problem = format!("{days} days are no time to remember what was done");
        let fix = "write 1 to 3650, or leave it out for 30 days";
        Err(Finding::new("remember_for_days", problem, fix))
    }

    /// Checks that people can name the server when it listens at `address`.
    #[must_use]
    pub fn unnamed(&self, address: SocketAddr) -> Option<Finding> {
        let is_named = self.public_url.is_some() || !self.hosts.is_empty();
        (address.ip().is_unspecified() && !is_named).then(|| {
            let problem = format!("at {address} no name is allowed, so every request is refused");
            Finding::new("public_url", problem, "set public_url or hosts to how people reach it")
        })
    }

    /// Returns the settings of the engine.
    #[must_use]
    pub fn engine(&self) -> engine::Settings {
        let mut settings = engine::Settings::default();
        if let Some(promised) = self.promise.email {
            settings.promised.email = promised;
        }
        if let Some(promised) = self.promise.meeting_transcript {
            settings.promised.meeting_transcript = promised;
        }
        if let Some(days) = self.learn.consent_after_days {
            settings.consent_after = Duration::from_hours(u64::from(days) * 24);
        }
        settings
    }

    /// Wires what decides and acts: settings of the engine, language model and bots where there are any.
    ///
    /// # Errors
    /// [`Refusal`] names the setting that cannot be used.
    pub(crate) fn wire(
        &self,
        builder: Builder,
        clock: &Arc<dyn Clock>,
    ) -> Result<Builder, Refusal> {
        let mut settings = self.engine();
        settings.remember_for = self.remember_for()?.unwrap_or(settings.remember_for);
        let builder = builder.settings(settings);
        let mut builder = match &self.language {
            Some(language) => language.wire(builder, clock)?,
            None => builder,
        };
        if let Some(bots) = &self.attendee {
            builder = bots.wire(builder, clock)?;
        }
        if let Some(Shadow { model }) = self.shadow {
            builder = builder.shadow(model);
        }
        if let Some(trial) = &self.experiment {
            builder = builder.experiment(trial.read()?);
        }
        Ok(builder)
    }

    /// Finds a comparison with a language model where there is none.
    fn check_language(&self) -> Option<Finding> {
        let of_shadow = self.shadow.map(|shadow| ("shadow.model", shadow.model));
        let of_trial = self.experiment.as_ref().map(|trial| ("experiment.model", trial.model));
        let mut named = of_shadow.into_iter().chain(of_trial);
        let (setting, _) = named.find(|(_, model)| *model == Contender::Language)?;
        self.language.is_none().then(|| {
            Finding::new(setting, "there is no language model", "describe one under [language]")
        })
    }

    /// Finds a language model that is to decide for some, and as a shadow for nobody.
    fn check_comparison(&self) -> Option<Finding> {
        let (shadow, trial) = (self.shadow?, self.experiment.as_ref()?);
        (shadow.model == Contender::Language && trial.model == Contender::Language).then(|| {
            let problem = "the language model is the shadow, which never acts";
            Finding::new("experiment.model", problem, "name another model here, or another shadow")
        })
    }

    /// Checks every setting that can be checked without opening anything else.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        findings.extend(check_names(&[], self.public_url.as_deref()));
        findings.extend(self.hosts.chunks(1).filter_map(|host| check_names(host, None)));
        findings.extend(self.remember_for().err());
        findings.extend(self.virtual_domain.as_deref().and_then(check_domain));
        findings.extend(self.google.iter().flat_map(Google::findings));
        findings.extend(self.user.as_deref().and_then(check_user));
        findings.extend(self.attendee.iter().filter_map(Bots::findings));
        findings.extend(check_promise("promise.email", self.promise.email));
        let of_meetings = self.promise.meeting_transcript;
        findings.extend(check_promise("promise.meeting_transcript", of_meetings));
        findings.extend(self.learn.consent_after_days.and_then(check_consent));
        findings.extend(self.shadow.and_then(check_shadow));
        findings.extend(self.experiment.as_ref().and_then(|trial| trial.read().err()));
        findings.extend(self.check_language());
        findings.extend(self.check_comparison());
        let names_people = self.google.as_ref().is_some_and(|it| it.intake != Intake::Whole);
        if names_people && self.virtual_domain.is_none() {
            findings.push(Finding::new(
                "virtual_domain",
                "mail is taken in by virtual address, and no domain says what one is",
                "set it to the domain of the addresses, or take in everything: intake = \"whole\"",
            ));
        }
        findings
    }
}

impl Trial {
    fn read(&self) -> Result<Experiment, Finding> {
        Experiment::new(&self.name, self.share, self.model).map_err(|error| {
            let fix = "name it, and give it a share above 0 and at most 1, such as 0.1";
            Finding::new("experiment", error.to_string(), fix)
        })
    }
}

/// The model that decides is no shadow of itself.
fn check_shadow(Shadow { model }: Shadow) -> Option<Finding> {
    (model == Contender::Learned).then(|| {
        let problem = "the learned model decides already, so its shadow would say the same";
        Finding::new("shadow.model", problem, "name rules, learned@VERSION or language")
    })
}

fn check_consent(days: u32) -> Option<Finding> {
    (!CONSENT_DAYS.contains(&days)).then(|| {
        let problem = format!("{days} days say nothing of whether a route was right");
        Finding::new(
            "learn.consent_after_days",
            problem,
            "write 1 to 365, or leave it out for 7 days",
        )
    })
}

fn check_promise(setting: &str, promised: Option<f64>) -> Option<Finding> {
    let promised = promised?;
    let is_promise = promised > 0.0 && promised < 1.0;
    (!is_promise).then(|| {
        let problem = format!("{promised} is no share that can be promised");
        Finding::new(setting, problem, "write a share above 0 and below 1, such as 0.95")
    })
}

fn check_user(user: &str) -> Option<Finding> {
    let refused = Username::parse(user).err()?;
    Some(Finding::new("user", refused.to_string(), "write a username such as owner"))
}

/// Reads names as the server does, so that what passes here is allowed there.
fn check_names(hosts: &[String], url: Option<&str>) -> Option<Finding> {
    let wrong = web::Settings::new(hosts, url).err()?;
    let (setting, fix) = match wrong {
        SettingsError::Host(_) => {
            ("hosts", "write a host name, with its port unless it is the usual one")
        }
        SettingsError::PublicUrl(_) => {
            ("public_url", "write scheme and host without a path, such as https://mail.example.org")
        }
    };
    Some(Finding::new(setting, wrong.to_string(), fix))
}

fn check_domain(domain: &str) -> Option<Finding> {
    let refused = VirtualAddresses::new("ai", [domain]).err()?;
    let fix = "write a domain such as besunny.example";
    Some(Finding::new("virtual_domain", refused.to_string(), fix))
}

/// Reads a TOML file; what is wrong in it is said with its line.
pub(crate) fn parse<T: DeserializeOwned>(path: &Path) -> Result<T, Refusal> {
    let shown = path.display();
    let file = fs::metadata(path)
        .map_err(|error| Refusal::usage("config", format!("{shown} cannot be read: {error}")))?;
    if file.len() > MOST_BYTES {
        let message = format!("{shown} has {} bytes, which is no file of settings", file.len());
        return Err(Refusal::usage("config", message));
    }
    let text = fs::read_to_string(path)
        .map_err(|error| Refusal::usage("config", format!("{shown} cannot be read: {error}")))?;
    parse_text(&text, &shown.to_string())
}

/// Reads the text of a TOML file called `name`.
pub(crate) fn parse_text<T: DeserializeOwned>(text: &str, name: &str) -> Result<T, Refusal> {
    toml::from_str(text).map_err(|error| {
        let at = error.span().and_then(|span| text.get(..span.start));
        let line = at.map_or(1, |before| before.matches('\n').count() + 1);
        let why = error.message().trim().replace('\n', "; ");
        Refusal::usage("config", format!("{name}:{line}: {why}"))
    })
}

#[cfg(test)]
mod tests;
