//! The simulated world of the demo: a mailbox that mail arrives in, a calendar, a model, meeting bots.
use std::{net::SocketAddr, sync::Arc, time::Duration};

use besunny::{
    Builder,
    core::{account::Intake, clock::Clock},
    google::{ChannelConfig, ClientSecret, Credential, Credentials},
};
use besunny_simulator::{
    AttendeeWebhook, Config, Delivery, MailboxControl, Simulator, Subscription,
};
use secrecy::SecretString;
use tokio::task::JoinHandle;

use super::{
    call,
    sample::{self, Filed, Mail},
};
use crate::{
    attendee::{self, Bots},
    channels::called_at,
    command::{Refusal, describe},
    gmail::{Google, Mailbox, Push},
    language::{Language, Prices},
    web,
};

const ADDRESS: &str = "sunny@example.test";
const TOPIC: &str = "projects/besunny-simulator/topics/mail";
const SUBSCRIPTION: &str = "projects/besunny-simulator/subscriptions/besunny";
/// The model that the simulator has.
const MODEL: &str = "simulated-model";
const SERVICE_ACCOUNT: &str = "push@besunny-simulator.example.test";
/// What Attendee calls about.
const TRIGGERS: [&str; 3] =
    ["bot.state_change", "transcript.update", "participant_events.join_leave"];
/// Once all sample mail has come it begins again, slower, under new message ids.
const LATER_PAUSE: Duration = Duration::from_secs(30);
/// What a small model costs at the time of writing, in millionths for a million tokens.
const PRICE: Prices = Prices { input_micros: 150_000, output_micros: 600_000 };

/// The outside world.
#[derive(Debug)]
pub(super) struct World {
    simulator: Simulator,
    inbox: MailboxControl,
    mailbox: Mailbox,
    model: (Language, SecretString),
    bots: attendee::Credentials,
}

impl World {
    /// Starts one that calls back to the server at `at`.
    pub(super) async fn start(at: SocketAddr, earlier: &[Filed]) -> Result<Self, Refusal> {
        let endpoint = endpoint(at);
        let mut config = Config::default();
        let key = config.settings.model.api_key.clone().into();
        let bots = call_about_bots(&mut config, at);
        config.settings.push.subscriptions = vec![Subscription {
            name: SUBSCRIPTION.to_owned(),
            topic: TOPIC.to_owned(),
            endpoint: endpoint.clone(),
            audience: endpoint.clone(),
            service_account: SERVICE_ACCOUNT.to_owned(),
        }];
        let failed = |error: &(dyn std::error::Error + 'static)| {
            Refusal::finding("demo", format!("the simulated Gmail: {}", describe(error)))
        };
        let simulator = Simulator::start(config).await.map_err(|error| failed(&error))?;
        let control = simulator.control();
        let grant = control.add_account(ADDRESS);
        let inbox = control.mailbox(ADDRESS).map_err(|error| failed(&error))?;
        let earlier = earlier.iter().map(|filed| filed.mail.clone());
        for Mail { raw, at } in earlier.chain(sample::present(control.now())) {
            let delivery = Delivery { internal_date: Some(at), ..Delivery::default() };
            inbox.deliver(raw, &delivery).map_err(|error| failed(&error))?;
        }
        let agenda = control.agenda(ADDRESS).map_err(|error| failed(&error))?;
        for event in sample::events(control.now()).map_err(|error| failed(&error))? {
            agenda.put(ADDRESS, event).map_err(|error| failed(&error))?;
        }
        let client = ClientSecret {
            id: grant.client_id.clone(),
            secret: grant.client_secret.clone().into(),
        };
        let refresh_token = grant.refresh_token.clone().into();
        let credentials = Credentials::Given(Credential { client, refresh_token });
        let google = Google {
            account: ADDRESS.to_owned(),
            credentials_file: None,
            intake: Intake::Whole,
            read_only: false,
            calendars: true,
            channels: None,
            push: Some(Push {
                topic: TOPIC.to_owned(),
                subscription: SUBSCRIPTION.to_owned(),
                audience: endpoint,
                service_account: SERVICE_ACCOUNT.to_owned(),
            }),
        };
        let channels = channels(at).map_err(|error| failed(&error))?;
        let mailbox = Mailbox::at(&simulator.base_url(), google, credentials, channels);
        let model = (language(&simulator.base_url()), key);
        Ok(Self { simulator, inbox, mailbox, model, bots })
    }

    /// Lets the simulated model be asked about mails where nobody else is sure.
    ///
    /// It counts words and knows nothing of projects, so it describes none: that is left to the answers.
    pub(super) fn wire_model(
        &self,
        builder: Builder,
        clock: &Arc<dyn Clock>,
    ) -> Result<Builder, Refusal> {
        let (language, key) = &self.model;
        let wired = language.wire_for_mail(key, builder, clock);
        wired.map_err(|finding| Refusal::finding("demo", finding.problem))
    }

    /// Lets the simulated Attendee send bots.
    pub(super) fn wire_bots(
        &self,
        builder: Builder,
        clock: &Arc<dyn Clock>,
    ) -> Result<Builder, Refusal> {
        let bots = Bots { url: Some(self.simulator.base_url()), ..Bots::default() };
        let wired = bots.wire_with(self.bots.clone(), builder, clock);
        wired.map_err(|finding| Refusal::finding("demo", finding.problem))
    }

    /// Returns the mailbox as the engine follows it.
    pub(super) const fn mailbox(&self) -> &Mailbox {
        &self.mailbox
    }

    /// Returns where the simulated Gmail is.
    pub(super) fn base(&self) -> String {
        self.simulator.base_url()
    }
}

fn language(base: &str) -> Language {
    Language {
        base_url: format!("{base}/v1"),
        model: MODEL.to_owned(),
        key_file: None,
        max_tokens: false,
        fixed_temperature: false,
        price: PRICE,
    }
}

/// Lets Attendee call the server at `at`, and returns what proves both to each other.
fn call_about_bots(config: &mut Config, at: SocketAddr) -> attendee::Credentials {
    let settings = &mut config.settings.attendee;
    settings.webhooks = vec![AttendeeWebhook {
        url: format!("http://{at}{}", attendee::CALLS),
        triggers: TRIGGERS.map(str::to_owned).to_vec(),
    }];
    attendee::Credentials {
        key: settings.api_key.clone().into(),
        secrets: vec![settings.webhook_secret.clone().into()],
    }
}

/// How calendars call; channels end with the simulator, so the secret may be a fresh one.
fn channels(at: SocketAddr) -> Result<ChannelConfig, web::access::AccessError> {
    let secrets = vec![web::access::random()?];
    Ok(ChannelConfig { address: called_at(&format!("http://{at}")), secrets })
}

/// Where Pub/Sub posts its notices.
fn endpoint(at: SocketAddr) -> String {
    format!("http://{at}/webhooks/gmail")
}

/// What goes on until this is dropped.
#[derive(Debug)]
pub(super) struct UnderWay(JoinHandle<()>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl World {
    /// Lets bots that come hear the calls of the sample.
    #[expect(clippy::disallowed_methods, reason = "the outside world has a will of its own")]
    pub(super) fn hold_calls(&self, pause: Duration) -> Result<UnderWay, Refusal> {
        let calls = call::calls();
        let calls = calls.map_err(|error| Refusal::finding("demo", error.to_string()))?;
        let bots = self.simulator.control().bots();
        Ok(UnderWay(tokio::spawn(call::hold(bots, calls, pause))))
    }

    /// Lets the rest of the sample arrive, mail by mail, once `before` is over.
    #[expect(clippy::disallowed_methods, reason = "the outside world has a will of its own")]
    pub(super) fn keep_arriving(
        &self,
        pause: Duration,
        before: impl Future<Output = ()> + Send + 'static,
    ) -> UnderWay {
        let (inbox, control) = (self.inbox.clone(), self.simulator.control().clone());
        UnderWay(tokio::spawn(async move {
            before.await;
            for round in 0_u32.. {
                for Mail { raw, .. } in sample::arriving() {
                    let pause = if round == 0 { pause } else { pause.max(LATER_PAUSE) };
                    tokio::time::sleep(pause).await;
                    let internal_date = Some(control.now());
                    let delivery = Delivery { internal_date, ..Delivery::default() };
                    if let Err(error) = inbox.deliver(again(raw, round), &delivery) {
                        tracing::warn!(error = describe(&error), "a sample mail did not arrive");
                    }
                }
            }
        }))
    }
}

/// Makes a mail of a later round another mail.
fn again(raw: String, round: u32) -> String {
    if round == 0 {
        raw
    } else {
        raw.replacen("Message-ID: <", &format!("Message-ID: <{round}."), 1)
    }
}
