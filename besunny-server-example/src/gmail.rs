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
        Credentials, Endpoints, Gmail, GoogleCalendar, GoogleConfig, GoogleKeys, GoogleTokens,
        Http, Inquiry, PushConfig, Use, check,
    },
};
use serde::Deserialize;

use crate::{
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
    /// Follows the primary calendar of the account too.
    #[serde(default)]
    pub calendars: bool,
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
}

impl Mailbox {
    /// Takes the credential from where the settings say.
    ///
    /// # Errors
    /// A [`Finding`] names the variable that is not set.
    pub fn at_google(settings: Google) -> Result<Self, Finding> {
        let credentials = match &settings.credentials_file {
            Some(file) => Credentials::File(file.clone()),
            None => {
                Credentials::from_environment(|name| std::env::var(name).ok()).map_err(|error| {
                    let fix = "set it, or name a credentials_file: see besunny-google/README.md";
                    Finding::new("google.credentials_file", error.to_string(), fix)
                })?
            }
        };
        Ok(Self { settings, config: GoogleConfig::default(), credentials })
    }

    /// Follows a mailbox of a simulated Google at `base`.
    #[must_use]
    pub fn at(base: &str, settings: Google, credentials: Credentials) -> Self {
        let config = GoogleConfig { endpoints: Endpoints::at(base), ..GoogleConfig::default() };
        Self { settings, config, credentials }
    }

    /// Registers the adapter.
    ///
    /// # Errors
    /// [`Refusal`] names the setting that cannot be used.
    pub fn wire(&self, builder: Builder, clock: &Arc<dyn Clock>) -> Result<Builder, Refusal> {
        let refused = |error| Refusal::usage("config", format!("google: {}", describe(&error)));
        let http = Http::new(self.config.clone(), Arc::clone(clock)).map_err(refused)?;
        let tokens = GoogleTokens::new(http.clone(), self.credentials.clone());
        let tokens: Arc<dyn TokenSource> = Arc::new(tokens);
        let budget = Paced::new(Arc::clone(clock), self.config.quota.quotas());
        let budget: Arc<dyn Budget> = Arc::new(budget);
        let builder = if self.settings.calendars {
            let calendar =
                GoogleCalendar::new(http.clone(), Arc::clone(&tokens), Arc::clone(&budget));
            builder.calendar(GoogleCalendar::provider(), Adapter::new(calendar))
        } else {
            builder
        };
        let gmail = Gmail::new(http.clone(), tokens, budget);
        let Some(push) = self.push() else {
            return Ok(self.filed(builder, Adapter::new(gmail), Adapter::with_filing));
        };
        let adapter = Adapter::new(gmail.with_push(push).map_err(refused)?).with_push();
        let adapter = adapter.with_keys(GoogleKeys::new(http));
        Ok(self.filed(builder, adapter, Adapter::with_filing))
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

impl Google {
    /// Checks what can be checked without asking Google.
    pub(crate) fn findings(&self) -> Option<Finding> {
        let problem = format!("{:?} is no mail address", self.account);
        let is_address = self.account.split_once('@').is_some_and(|(name, domain)| {
            !name.is_empty() && domain.contains('.') && !self.account.contains(char::is_whitespace)
        });
        let fix = "write the address of the mailbox to follow";
        (!is_address).then(|| Finding::new("google.account", problem, fix))
    }
}
