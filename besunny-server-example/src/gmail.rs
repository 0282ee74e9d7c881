//! Gmail and its calendars as the settings describe them: credentials, pace, pushes, filing.
use std::{path::PathBuf, sync::Arc};

use besunny::{
    Builder,
    core::{
        account::{Account, Intake, NewAccount},
        adapter::Adapter,
        budget::{Budget, Paced},
        clock::Clock,
        ids::{TenantId, UserId},
        message::Message,
        source::{Source, Subject},
        token::TokenSource,
    },
    google::{
        ChannelConfig, ConfigError, Credentials, Endpoints, Gmail, GoogleCalendar, GoogleConfig,
        GoogleKeys, GoogleTokens, Http, Inquiry, PushConfig, Use, check,
    },
};
use serde::Deserialize;

use crate::{
    channels::Channels,
    command::{Refusal, describe},
    config::Finding,
};

/// What is needed to follow a Gmail mailbox.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Google {
    /// The mailbox to follow.
    pub account: String,
    /// The file of the credential; without it, it is taken from the environment.
    pub credentials_file: Option<PathBuf>,
    /// Which of its mails are taken in.
    #[serde(default = "whole")]
    pub intake: Intake,
    /// Leaves the mailbox as it is: nothing is marked as read or labelled.
    #[serde(default)]
    pub read_only: bool,
    /// Follows the calendars of the account too.
    #[serde(default)]
    pub calendars: bool,
    /// How calendars call back; without it, they are looked at from time to time.
    pub channels: Option<Channels>,
    /// How Gmail calls back; without it, the mailbox is looked at from time to time.
    pub push: Option<Push>,
}

/// How deliveries of Pub/Sub are asked for and checked.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Push {
    /// `projects/PROJECT/topics/TOPIC`, to which Gmail publishes.
    pub topic: String,
    /// `projects/PROJECT/subscriptions/SUBSCRIPTION`.
    pub subscription: String,
    /// The audience that the subscription puts into its tokens.
    pub audience: String,
    /// The e-mail of the service account that signs them.
    pub service_account: String,
}

const fn whole() -> Intake {
    Intake::Whole
}

/// A mailbox that can be wired.
#[derive(Clone, Debug)]
pub struct Mailbox {
    settings: Google,
    config: GoogleConfig,
    credentials: Credentials,
    channels: Option<ChannelConfig>,
}

impl Mailbox {
    /// Takes the credential, and the secret of channels, from where the settings say.
    ///
    /// # Errors
    /// A [`Finding`] names the variable or the file that is missing.
    pub fn at_google(settings: Google, public_url: Option<&str>) -> Result<Self, Finding> {
        let credentials = match &settings.credentials_file {
            Some(file) => Credentials::File(file.clone()),
            None => {
                Credentials::from_environment(|name| std::env::var(name).ok()).map_err(|error| {
                    let fix = "set it, or name a credentials_file: see besunny-google/README.md";
                    Finding::new("google.credentials_file", error.to_string(), fix)
                })?
            }
        };
        let channels = settings.channels.as_ref();
        let channels = channels.map(|channels| channels.read(public_url)).transpose()?;
        Ok(Self { settings, config: GoogleConfig::default(), credentials, channels })
    }

    /// Follows a mailbox of a simulated Google at `base`, whose calendars call as `channels` say.
    #[must_use]
    pub fn at(
        base: &str,
        settings: Google,
        credentials: Credentials,
        channels: ChannelConfig,
    ) -> Self {
        let config = GoogleConfig { endpoints: Endpoints::at(base), ..GoogleConfig::default() };
        Self { settings, config, credentials, channels: Some(channels) }
    }

    /// Registers the adapter.
    ///
    /// # Errors
    /// [`Refusal`] names the setting that cannot be used.
    pub fn wire(&self, builder: Builder, clock: &Arc<dyn Clock>) -> Result<Builder, Refusal> {
        let http =
            Http::new(self.config.clone(), Arc::clone(clock)).map_err(|error| refused(&error))?;
        let tokens = GoogleTokens::new(http.clone(), self.credentials.clone());
        let tokens: Arc<dyn TokenSource> = Arc::new(tokens);
        let budget = Paced::new(Arc::clone(clock), self.config.quota.quotas());
        let budget: Arc<dyn Budget> = Arc::new(budget);
        let calendar = GoogleCalendar::new(http.clone(), Arc::clone(&tokens), Arc::clone(&budget));
        let builder = self.scheduled(builder, calendar)?;
        let gmail = Gmail::new(http.clone(), tokens, budget);
        let Some(push) = self.push() else {
            return Ok(self.filed(builder, Adapter::new(gmail), Adapter::with_filing));
        };
        let adapter =
            Adapter::new(gmail.with_push(push).map_err(|error| refused(&error))?).with_push();
        let adapter = adapter.with_keys(GoogleKeys::new(http));
        Ok(self.filed(builder, adapter, Adapter::with_filing))
    }

    /// Registers the calendars, if they are followed.
    fn scheduled(&self, builder: Builder, calendar: GoogleCalendar) -> Result<Builder, Refusal> {
        let provider = GoogleCalendar::provider();
        match &self.channels {
            _ if !self.settings.calendars => Ok(builder),
            None => Ok(builder.calendar(provider, Adapter::new(calendar))),
            Some(channels) => {
                let calendar =
                    calendar.with_push(channels.clone()).map_err(|error| refused(&error))?;
                Ok(builder.calendar(provider, Adapter::new(calendar).with_push()))
            }
        }
    }

    /// Registers `adapter`, which also marks mail unless the settings say otherwise.
    fn filed<S>(
        &self,
        builder: Builder,
        adapter: Adapter<S>,
        with_filing: impl FnOnce(Adapter<S>) -> Adapter<S>,
    ) -> Builder
    where
        S: Source<Message> + 'static,
    {
        let adapter = if self.settings.read_only { adapter } else { with_filing(adapter) };
        builder.mail(Gmail::provider(), adapter)
    }

    /// Returns the grants by which `owner` connects the mailbox and, where wanted, the calendars.
    pub fn grants(&self, owner: UserId) -> impl Iterator<Item = NewAccount> {
        let calendars = self.settings.calendars.then(|| NewAccount {
            provider: GoogleCalendar::provider(),
            intake: Intake::Whole,
            ..self.grant(owner)
        });
        [self.grant(owner)].into_iter().chain(calendars)
    }

    /// Returns the grant by which `owner` connects the mailbox.
    #[must_use]
    pub fn grant(&self, owner: UserId) -> NewAccount {
        NewAccount {
            owner,
            provider: Gmail::provider(),
            subject: Subject::from_source(self.settings.account.clone()),
            intake: self.settings.intake,
        }
    }

    /// Tries the settings at Google; nothing is changed there.
    pub async fn findings(&self, tenant: TenantId, clock: Arc<dyn Clock>) -> Vec<Finding> {
        let owner = UserId::derived(&[b"nobody"]);
        let account = Account::new(tenant, self.grant(owner), clock.now()).at();
        let push = self.push();
        let reads = self.settings.read_only || self.settings.intake == Intake::Whole;
        let inquiry = Inquiry {
            config: &self.config,
            credentials: &self.credentials,
            account: &account,
            push: push.as_ref(),
            calendars: self.settings.calendars,
            purpose: if reads { Use::Read } else { Use::File },
        };
        let found = check(inquiry, clock).await.into_iter();
        found
            .map(|found| Finding::new(&format!("google.{}", found.setting), found.wrong, found.fix))
            .collect()
    }

    fn push(&self) -> Option<PushConfig> {
        let Push { topic, subscription, audience, service_account } = self.settings.push.clone()?;
        Some(PushConfig { topic, subscription, audience, service_account })
    }
}

fn refused(error: &ConfigError) -> Refusal {
    Refusal::usage("config", format!("google: {}", describe(error)))
}

impl Google {
    /// Checks what can be checked without asking Google.
    pub(crate) fn findings(&self) -> impl Iterator<Item = Finding> {
        let idle = (self.channels.is_some() && !self.calendars).then(|| {
            let problem = "calendars that are not followed cannot call";
            Finding::new("google.channels", problem, "set google.calendars = true, or leave it out")
        });
        self.unnamed().into_iter().chain(idle)
    }

    fn unnamed(&self) -> Option<Finding> {
        let problem = format!("{:?} is no mail address", self.account);
        let is_address = self.account.split_once('@').is_some_and(|(name, domain)| {
            !name.is_empty() && domain.contains('.') && !self.account.contains(char::is_whitespace)
        });
        let fix = "write the address of the mailbox to follow";
        (!is_address).then(|| Finding::new("google.account", problem, fix))
    }
}
