//! The simulator as a program: listens, loads, prints what a client needs, runs until stopped.

use std::error::Error;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use besunny_simulator::{
    ClockMode, Config, Control, Delivery, Metering, Settings, Simulator, Subscription,
};
use clap::Parser;

/// Gmail, OAuth and Pub/Sub push on 127.0.0.1.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8017")]
    listen: SocketAddr,
    /// The account that is there from the start.
    #[arg(long, default_value = "you@example.test")]
    account: String,
    /// An mbox, a tar.gz of messages, a folder of .eml or one message; ADDRESS=FILE for another
    /// account.
    #[arg(long, num_args = 1.., value_name = "FILE")]
    load: Vec<Load>,
    /// The seed of ids, gaps and fault chances.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Units a minute for each user, or "off".
    #[arg(long, default_value = "6000")]
    quota: Quota,
    /// Milliseconds before every answer.
    #[arg(long, default_value_t = 0, value_name = "MS")]
    latency: u64,
    /// Virtual seconds a real second, or "manual".
    #[arg(long, default_value = "1")]
    time_scale: TimeScale,
    /// Where push notices are posted; `http://` only.
    #[arg(long, value_name = "URL")]
    push_to: Option<String>,
}

#[derive(Clone, Debug)]
struct Load {
    address: Option<String>,
    path: PathBuf,
}

impl FromStr for Load {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text.split_once('=') {
            Some((address, path)) if address.contains('@') => {
                Self { address: Some(address.to_owned()), path: path.into() }
            }
            _ => Self { address: None, path: text.into() },
        })
    }
}

#[derive(Clone, Copy, Debug)]
enum Quota {
    Off,
    Units(u64),
}

impl FromStr for Quota {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "off" { Ok(Self::Off) } else { text.parse().map(Self::Units) }
    }
}

#[derive(Clone, Copy, Debug)]
struct TimeScale(ClockMode);

impl FromStr for TimeScale {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "manual" {
            return Ok(Self(ClockMode::Manual));
        }
        match text.parse::<f64>() {
            Ok(1.0) => Ok(Self(ClockMode::Real)),
            Ok(factor) if factor > 0.0 && factor.is_finite() => {
                Ok(Self(ClockMode::Scaled { factor }))
            }
            _ => Err("neither a positive number nor \"manual\"".to_owned()),
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let config = Config {
        listen: arguments.listen,
        seed: arguments.seed,
        clock: arguments.time_scale.0,
        settings: settings(&arguments),
        ..Config::default()
    };
    let simulator = Simulator::start(config).await?;
    let control = simulator.control();
    let mut out = io::stdout();
    control.add_account(&arguments.account);
    for load in &arguments.load {
        let address = load.address.as_ref().unwrap_or(&arguments.account);
        control.add_account(address);
        let count = control.mailbox(address)?.load(&load.path, &Delivery::default())?;
        writeln!(out, "loaded {count} messages from {} into {address}", load.path.display())?;
    }
    writeln!(out, "base URL       {}", simulator.base_url())?;
    introduce(control, &mut out)?;
    let model = control.settings().model;
    writeln!(out, "model server   {}/v1 (key {})", simulator.base_url(), model.api_key)?;
    writeln!(out, "control API    {}/control (README.md lists it)", simulator.base_url())?;
    out.flush()?;
    tokio::signal::ctrl_c().await?;
    simulator.stop().await;
    Ok(())
}

fn settings(arguments: &Arguments) -> Settings {
    let mut settings = Settings::default();
    settings.wire.latency = Duration::from_millis(arguments.latency);
    match arguments.quota {
        Quota::Off => settings.quota.metering = Metering::Off,
        Quota::Units(units) => settings.quota.user_units_per_minute = units,
    }
    if let Some(endpoint) = &arguments.push_to {
        let project = &settings.push.project;
        settings.push.subscriptions.push(Subscription {
            name: format!("projects/{project}/subscriptions/gmail-push"),
            topic: format!("projects/{project}/topics/gmail"),
            endpoint: endpoint.clone(),
            audience: endpoint.clone(),
            service_account: format!("push@{project}.iam.gserviceaccount.com"),
        });
    }
    settings
}

/// What a client must be told to act for the accounts.
fn introduce(control: &Control, out: &mut impl io::Write) -> Result<(), Box<dyn Error>> {
    for account in control.accounts() {
        let credentials = control.add_account(&account.address);
        let token = control.mailbox(&account.address)?.access_token()?;
        writeln!(out, "account        {} ({} messages)", account.address, account.messages)?;
        writeln!(out, "client id      {}", credentials.client_id)?;
        writeln!(out, "client secret  {}", credentials.client_secret)?;
        writeln!(out, "refresh token  {}", credentials.refresh_token)?;
        writeln!(out, "access token   {token}")?;
    }
    for subscription in control.settings().push.subscriptions {
        writeln!(out, "topic          {}", subscription.topic)?;
        writeln!(out, "audience       {}", subscription.audience)?;
        writeln!(out, "push account   {}", subscription.service_account)?;
    }
    Ok(())
}
