//! `besunny serve`: the engine and the HTTP side, until it is told to stop.
use std::{net::SocketAddr, path::PathBuf};

use besunny::core::{
    address::{Username, VirtualAddresses},
    tenant::Allowed,
};
use secrecy::ExposeSecret;
use serde_json::json;

use super::{Answer, DEFAULT_DB, Refusal, answer::Speaker, doctor::exposed, signal};
use crate::{
    config::Config,
    gmail::Mailbox,
    home::{DEFAULT_USER, Home},
    hosting::{Hosting, Reach, bind},
    log, token,
};

/// Runs the server.
#[derive(Debug, clap::Args)]
pub(super) struct Serve {
    /// Where to listen [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// The settings, see docs/configuration.md
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Serve {
    pub(super) async fn run(
        self,
        db: Option<PathBuf>,
        speaker: Speaker,
    ) -> Result<Answer, Refusal> {
        let config = self.config.as_deref().map(Config::read).transpose()?.unwrap_or_default();
        log::init_server(config.log.format)?;
        if let Some(finding) = config.findings().into_iter().next() {
            return Err(finding.into());
        }
        let address = config.listen(self.listen.as_deref())?;
        let token = token::configured(config.token_file.as_deref());
        let token = token?;
        if let (None, Some(finding)) = (&token, exposed(address)) {
            return Err(finding.into());
        }
        if let Some(finding) = config.unnamed(address) {
            return Err(finding.into());
        }
        let is_chosen = token.is_some();
        let mut stop = signal::Stop::listen()?;
        let listener = bind(address).await?;
        let reach = Reach {
            at: listener.local_addr().unwrap_or(address),
            public_url: config.public_url.clone(),
            hosts: config.hosts.clone(),
            token,
        };
        let user = config.user.as_deref().unwrap_or(DEFAULT_USER);
        let user = Username::parse(user)
            .map_err(|error| Refusal::usage("config", format!("user: {error}")))?;
        let google = config.google.clone();
        let mailbox = google.map(|google| Mailbox::at_google(google, config.public_url.as_deref()));
        let mailbox = mailbox.transpose();
        let mailbox = mailbox?;
        let db = db.or_else(|| config.db.clone()).unwrap_or_else(|| DEFAULT_DB.into());
        let home = open(db, &config, mailbox.as_ref()).await?;
        let hosting = Hosting::prepare(home, &user, mailbox.as_ref(), &reach).await?;
        greet(&hosting, &reach, is_chosen, speaker);
        hosting.run(listener, stop.wanted()).await?;
        Ok(Answer::done(json!({ "listened": reach.at.to_string() }), ""))
    }
}

async fn open(db: PathBuf, config: &Config, mailbox: Option<&Mailbox>) -> Result<Home, Refusal> {
    let addresses = config.virtual_domain.as_deref();
    let addresses = addresses.map(|domain| VirtualAddresses::new("ai", [domain])).transpose();
    let addresses = addresses.map_err(|error| Refusal::usage("config", error.to_string()))?;
    let home = Home::open(db, |builder, clock| {
        let builder = config.wire(builder, clock)?;
        let builder = match addresses {
            Some(addresses) => builder.virtual_addresses(addresses),
            None => builder,
        };
        match mailbox {
            Some(mailbox) => mailbox.wire(builder, clock),
            None => Ok(builder),
        }
    })
    .await?;
    // This server has one tenant: whoever names a model allows that it is asked.
    let allowed = Allowed { language_models: config.language.is_some() };
    home.besunny.store().allow(&home.scope, allowed).await?;
    // Meetings that were planned before bots were set up want some too.
    if config.attendee.is_some() {
        home.besunny.staff(&home.scope).await?;
    }
    Ok(home)
}

/// Says where the server is, and how to log in; whoever chose a token reads no link in a log.
fn greet(hosting: &Hosting, reach: &Reach, is_chosen: bool, speaker: Speaker) {
    let link = (!is_chosen).then(|| hosting.link.expose_secret());
    let address: SocketAddr = reach.at;
    speaker.event(&json!({ "event": "listening", "address": address.to_string(), "login": link }));
    speaker.note(&format!("BeSunny listens on {}", reach.url()));
    if let Some(link) = link {
        speaker.note(&format!("Log in once with {link}"));
    }
}
