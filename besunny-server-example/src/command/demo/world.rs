//! The simulated Gmail of the demo: a mailbox, a grant, a push subscription, and mail that arrives.
use std::{net::SocketAddr, time::Duration};

use besunny::{
    core::account::Intake,
    google::{ClientSecret, Credential, Credentials},
};
use besunny_simulator::{Config, Delivery, MailboxControl, Simulator, Subscription};
use tokio::task::JoinHandle;

use super::sample::{self, Mail};
use crate::{
    command::{Refusal, describe},
    gmail::{Google, Mailbox, Push},
};

const ADDRESS: &str = "sunny@example.test";
const TOPIC: &str = "projects/besunny-simulator/topics/mail";
const SUBSCRIPTION: &str = "projects/besunny-simulator/subscriptions/besunny";
const SERVICE_ACCOUNT: &str = "push@besunny-simulator.example.test";
/// Once all sample mail has come it begins again, slower, under new message ids.
const LATER_PAUSE: Duration = Duration::from_secs(30);
/// Long enough to read a line of the feed, short enough not to wait.
const PAUSE: Duration = Duration::from_secs(6);

/// The outside world.
#[derive(Debug)]
pub(super) struct World {
    simulator: Simulator,
    inbox: MailboxControl,
    mailbox: Mailbox,
}

impl World {
    /// Starts one that calls back to the server at `at`.
    pub(super) async fn start(at: SocketAddr) -> Result<Self, Refusal> {
        let endpoint = endpoint(at);
        let mut config = Config::default();
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
        for Mail { raw, at } in sample::present(control.now()) {
            let delivery = Delivery { internal_date: Some(at), ..Delivery::default() };
            inbox.deliver(raw, &delivery).map_err(|error| failed(&error))?;
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
            push: Some(Push {
                topic: TOPIC.to_owned(),
                subscription: SUBSCRIPTION.to_owned(),
                audience: endpoint,
                service_account: SERVICE_ACCOUNT.to_owned(),
            }),
        };
        let mailbox = Mailbox::at(&simulator.base_url(), google, credentials);
        Ok(Self { simulator, inbox, mailbox })
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

/// Where Pub/Sub posts its notices.
fn endpoint(at: SocketAddr) -> String {
    format!("http://{at}/webhooks/gmail")
}

/// Mail that keeps arriving until this is dropped.
#[derive(Debug)]
pub(super) struct Arriving(JoinHandle<()>);

impl Drop for Arriving {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl World {
    /// Lets the rest of the sample arrive, mail by mail.
    #[expect(clippy::disallowed_methods, reason = "the outside world has a will of its own")]
    pub(super) fn keep_arriving(&self) -> Arriving {
        let (inbox, control) = (self.inbox.clone(), self.simulator.control().clone());
        Arriving(tokio::spawn(async move {
            for round in 0_u32.. {
                for Mail { raw, .. } in sample::arriving() {
                    let pause = if round == 0 { PAUSE } else { LATER_PAUSE };
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
