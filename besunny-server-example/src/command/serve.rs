//! `besunny serve`: the engine and the HTTP side, until it is told to stop.
use std::{net::SocketAddr, path::PathBuf, time::Duration};

use axum::{Router, routing::get};
use serde_json::json;
use tokio::net::TcpListener;

use super::{Answer, DEFAULT_DB, Refusal, answer::Speaker, doctor::exposed};
use crate::{
    access::Access,
    config::{Config, Finding},
    home::Home,
    log,
};

mod signal;

/// Requests under way get so long to end.
const GRACE: Duration = Duration::from_secs(10);

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
        if let Some(finding) = config.findings().first() {
            return Err(wrong(finding));
        }
        let address = config.listen(self.listen.as_deref()).map_err(|finding| wrong(&finding))?;
        let token = Access::configured(config.token_file.as_deref());
        let token = token.map_err(|finding| wrong(&finding))?;
        if let (None, Some(finding)) = (&token, exposed(address)) {
            return Err(wrong(&finding));
        }
        let access = Access::new(token)?;
        if config.google.is_some() {
            tracing::warn!("[google] is set, but this build cannot follow Gmail");
        }
        let mut stop = signal::Stop::listen()?;
        let listener = bind(address).await?;
        let db = db.or_else(|| config.db.clone()).unwrap_or_else(|| DEFAULT_DB.into());
        let home = open(&db, &config).await?;
        let at = listener.local_addr().unwrap_or(address);
        greet(&access, at, speaker);
        let engine = home.besunny.start();
        serve(listener, router(), &mut stop).await?;
        tracing::info!("stopping");
        let ended = engine.stop().await;
        home.close().await?;
        if !ended {
            tracing::warn!("some work did not end in time; it is done again at the next start");
        }
        Ok(Answer::done(json!({ "listened": at.to_string() }), ""))
    }
}

fn wrong(Finding { setting, problem, fix }: &Finding) -> Refusal {
    Refusal::usage("config", format!("{setting}: {problem}: {fix}"))
}

async fn open(db: &std::path::Path, config: &Config) -> Result<Home, Refusal> {
    let addresses = config
        .virtual_domain
        .as_deref()
        .map(|domain| besunny::core::address::VirtualAddresses::new("ai", [domain]));
    let addresses = addresses.transpose();
    let addresses = addresses.map_err(|error| Refusal::usage("config", error.to_string()))?;
    Home::open(db, |builder| match addresses {
        Some(addresses) => builder.virtual_addresses(addresses),
        None => builder,
    })
    .await
}

async fn bind(address: SocketAddr) -> Result<TcpListener, Refusal> {
    TcpListener::bind(address).await.map_err(|error| {
        let message = format!(
            "nobody can listen on {address}: {error}; end the other program, or choose another \
             address with --listen"
        );
        Refusal::usage("listen", message)
    })
}

/// Says where the server is, and how to log in when nobody has chosen a token.
fn greet(access: &Access, at: SocketAddr, speaker: Speaker) {
    let link = access.login_link(at);
    speaker.event(&json!({ "event": "listening", "address": at.to_string(), "login": link }));
    speaker.note(&format!("BeSunny listens on http://{at}"));
    if let Some(link) = link {
        speaker.note(&format!("Log in once with {link}"));
    }
}

/// Serves until a signal comes; whoever does not end in time is cut off.
async fn serve(
    listener: TcpListener,
    router: Router,
    stop: &mut signal::Stop,
) -> Result<(), Refusal> {
    let (ask, asked) = tokio::sync::oneshot::channel::<()>();
    let graceful = async move { drop(asked.await) };
    let server = axum::serve(listener, router).with_graceful_shutdown(graceful).into_future();
    tokio::pin!(server);
    let ended = tokio::select! {
        ended = &mut server => ended,
        () = stop.wanted() => {
            drop(ask);
            tokio::time::timeout(GRACE, server).await.unwrap_or(Ok(()))
        }
    };
    ended.map_err(|error| Refusal::finding("listen", format!("the server ended: {error}")))
}

/// Answers whether the process lives, until the console is there.
fn router() -> Router {
    Router::new().route("/health/live", get(|| async { "live" }))
}
