//! `besunny demo`: everything at work on a simulated Gmail, over HTTP and with nothing shortened.
use std::{net::SocketAddr, path::PathBuf, process::Command};

use besunny::{core::address::Username, sqlite::Place};
use secrecy::ExposeSecret;
use serde_json::json;

use super::{Answer, Refusal, answer::Speaker, signal};
use crate::{
    config::{DEFAULT_LISTEN, LogFormat},
    home::Home,
    hosting::{Hosting, Reach, bind},
    log,
    project_file::Projects,
};

mod first;
mod sample;
mod world;

use first::First;
use world::World;

/// Whose mailbox it is.
const USER: &str = "sunny";
/// The domain of virtual addresses in the sample mail.
const DOMAIN: &str = "besunny.example";

/// Starts a simulated mailbox, and the server on it.
#[derive(Debug, clap::Args)]
pub(super) struct Demo {
    /// Where the server listens
    #[arg(long, value_name = "ADDR", default_value = DEFAULT_LISTEN)]
    listen: SocketAddr,
    /// Do not open a browser
    #[arg(long)]
    no_browser: bool,
}

impl Demo {
    pub(super) async fn run(
        self,
        db: Option<PathBuf>,
        speaker: Speaker,
    ) -> Result<Answer, Refusal> {
        log::init_server(LogFormat::Text)?;
        let mut stop = signal::Stop::listen()?;
        let listener = bind(self.listen).await?;
        let at = listener.local_addr().unwrap_or(self.listen);
        if !at.ip().is_loopback() {
            let message = "the demo is for this machine only: listen on 127.0.0.1";
            return Err(Refusal::usage("listen", message));
        }
        let world = World::start(at).await?;
        let user = username()?;
        let first = First::begin(speaker);
        let place = db.map_or(Place::Temporary, Place::File);
        let home = Home::open(place, |builder, clock| {
            let builder = builder.sink(first).virtual_domain(DOMAIN);
            let builder = builder.map_err(|error| Refusal::usage("demo", error.to_string()))?;
            world.mailbox().wire(builder, clock)
        });
        let home = home.await?;
        let owner = home.user(&user).await?;
        Projects::parse(sample::PROJECTS, "projects.toml")?.put(&home, owner).await?;
        let reach = Reach { at, public_url: None, hosts: Vec::new(), token: None };
        let hosting = Hosting::prepare(home, &user, Some(world.mailbox()), &reach).await?;
        let link = hosting.link.expose_secret().to_owned();
        speaker.event(&json!({
            "event": "listening", "address": at.to_string(), "login": link, "google": world.base(),
        }));
        speaker.note(&format!(
            "A simulated Gmail is at {}, BeSunny at {}",
            world.base(),
            reach.url()
        ));
        speaker.note(&format!("Log in once with {link}"));
        if !self.no_browser {
            browse(&link);
        }
        let arriving = world.keep_arriving();
        hosting.run(listener, stop.wanted()).await?;
        drop(arriving);
        Ok(Answer::done(json!({ "listened": at.to_string() }), ""))
    }
}

fn username() -> Result<Username, Refusal> {
    Username::parse(USER).map_err(|error| Refusal::usage("demo", error.to_string()))
}

/// Opens the link; where there is no browser, the printed link has to do.
fn browse(link: &str) {
    let program = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let mut browser = Command::new(program);
    browser.arg(link).stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    // The child outlives us; nobody waits for it.
    drop(browser.spawn());
}
