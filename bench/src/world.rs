//! A simulated Google as a process of its own, so that its work is not counted as ours.
//!
//! It prints where it is, serves until its input ends, and then prints what was asked of it.
use std::{io::Read, time::Duration};

use anyhow::Result;
use besunny::{SystemClock, core::clock::Clock};
use besunny_simulator::{
    ClockMode, Config, Delivery, Metering, RateRefusal, Simulator, Subscription, Usage,
};
use clap::Args;
use serde_json::json;

use crate::corpus::{event, raw_mail};

/// The topic that mailboxes publish to, and who listens there.
pub(crate) const TOPIC: &str = "projects/bench/topics/mail";
pub(crate) const SUBSCRIPTION: &str = "projects/bench/subscriptions/mail";
pub(crate) const SERVICE_ACCOUNT: &str = "push@bench.example.test";

/// Serves a simulated Google.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// How many mails each mailbox has.
    #[arg(long, default_value_t = 0)]
    mails: usize,
    /// How many events each calendar has.
    #[arg(long, default_value_t = 0)]
    events: usize,
    /// How many mailboxes there are.
    #[arg(long, default_value_t = 1)]
    accounts: usize,
    /// Milliseconds before every answer.
    #[arg(long, default_value_t = 0)]
    latency: u64,
    /// Where notices are posted.
    #[arg(long)]
    push_to: Option<String>,
    /// Keeps Google's quota, with time this many times as fast; without it nothing is metered.
    #[arg(long)]
    scale: Option<u32>,
}

impl Serve {
    pub(crate) fn run(self) -> Result<()> {
        tokio::runtime::Runtime::new()?.block_on(self.serve())
    }

    #[expect(clippy::print_stdout, reason = "a runner speaks on stdout")]
    async fn serve(self) -> Result<()> {
        let simulator = Simulator::start(self.config()).await?;
        let control = simulator.control();
        let (mut credentials, now) = (Vec::new(), SystemClock::default().now());
        for account in 0..self.accounts {
            let address = format!("ann{account}@example.test");
            credentials.push(control.add_account(&address));
            let mailbox = control.mailbox(&address)?;
            for number in 0..self.mails {
                mailbox.deliver(raw_mail(number), &Delivery::default())?;
            }
            let agenda = control.agenda(&address)?;
            for number in 0..self.events {
                agenda.put("primary", event(number, now))?;
            }
        }
        let entry = json!({
            "base": simulator.base_url(), "credentials": credentials.first(), "accounts": credentials,
        });
        println!("{entry}");
        let input = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
        input.await??;
        let usage = control.usage();
        let total = |figure: fn(&Usage) -> u64| {
            usage.values().flat_map(|table| table.values()).map(figure).sum::<u64>()
        };
        println!(
            "{}",
            json!({
                "calls": total(|usage| usage.calls),
                "refused": total(|usage| usage.refused),
                "units": total(|usage| usage.units),
            })
        );
        simulator.stop().await;
        Ok(())
    }

    fn config(&self) -> Config {
        let mut config = Config::default();
        let settings = &mut config.settings;
        settings.mail.touch_rate = 0.0;
        settings.mail.repeat_rate = 0.0;
        settings.mail.list_disorder = Duration::ZERO;
        settings.wire.log_entries = 0;
        settings.wire.latency = Duration::from_millis(self.latency);
        "bench".clone_into(&mut settings.push.project);
        settings.push.subscriptions.extend(self.push_to.iter().map(|endpoint| Subscription {
            name: SUBSCRIPTION.to_owned(),
            topic: TOPIC.to_owned(),
            endpoint: endpoint.clone(),
            audience: endpoint.clone(),
            service_account: SERVICE_ACCOUNT.to_owned(),
        }));
        settings.quota.refusal = RateRefusal::TooManyRequests;
        match self.scale {
            Some(factor) => config.clock = ClockMode::Scaled { factor: factor.into() },
            None => settings.quota.metering = Metering::Off,
        }
        config
    }
}
