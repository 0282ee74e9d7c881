//! `besunny demo`: everything at work on simulated providers, over HTTP and with nothing shortened.
use std::{net::SocketAddr, path::PathBuf, process::Command, time::Duration};

use besunny::{
    core::{address::Username, clock::Clock, tenant::Allowed},
    sqlite::Place,
};
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

mod call;
mod filing;
mod first;
mod sample;
mod world;

use filing::Filing;
use first::First;
use world::World;

/// Whose mailbox it is.
const USER: &str = "sunny";
/// The domain of virtual addresses in the sample mail.
const DOMAIN: &str = "besunny.example";

/// Long enough to read a line of the feed, short enough not to wait.
const PAUSE_MS: u64 = 6_000;

/// Starts a simulated mailbox, and the server on it.
#[derive(Debug, clap::Args)]
pub(super) struct Demo {
    /// Where the server listens
    #[arg(long, value_name = "ADDR", default_value = DEFAULT_LISTEN)]
    listen: SocketAddr,
    /// Do not open a browser
    #[arg(long)]
    no_browser: bool,
    /// A mail arrives after so many milliseconds, and then the next one
    #[arg(long, value_name = "MS", default_value_t = PAUSE_MS)]
    pause_ms: u64,
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
        let earlier = sample::earlier(besunny::SystemClock::default().now());
        let earlier = earlier.map_err(|error| Refusal::finding("demo", error.to_string()))?;
        let world = World::start(at, &earlier).await?;
        let user = username()?;
        let first = First::begin(speaker);
        let place = db.map_or(Place::Temporary, Place::File);
        let home = Home::open(place, |builder, clock| {
            let builder = builder.sink(first).virtual_domain(DOMAIN);
            let builder = builder.map_err(|error| Refusal::usage("demo", error.to_string()))?;
            let builder = world.wire_model(builder, clock)?;
            let builder = world.wire_bots(builder, clock)?;
            world.mailbox().wire(builder, clock)
        });
        let home = home.await?;
        home.besunny.store().allow(&home.scope, Allowed { language_models: true }).await?;
        home.besunny.staff(&home.scope).await?;
        let owner = home.user(&user).await?;
        Projects::parse(sample::PROJECTS, "projects.toml")?.put(&home, owner).await?;
        let (besunny, scope) = (home.besunny.clone(), home.scope);
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
        let filing = Filing { besunny, scope, owner, earlier };
        let pause = Duration::from_millis(self.pause_ms);
        let under_way = [world.hold_calls(pause)?, world.keep_arriving(pause, filing.done())];
        hosting.run(listener, stop.wanted()).await?;
        drop(under_way);
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
