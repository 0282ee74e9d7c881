//! The engine and the HTTP side of one person, until somebody asks them to end.
use std::{net::SocketAddr, sync::Arc};

use axum::Router;
use besunny::core::{account::NewAccount, address::Username, clock::Clock};
use secrecy::SecretString;
use tokio::net::TcpListener;

use crate::{
    command::{Refusal, describe},
    gmail::Mailbox,
    home::Home,
    web::{self, Access, Person, Settings, Site},
};

pub mod connection;

/// The names of this machine, under any port.
const LOCAL: [&str; 3] = ["127.0.0.1", "localhost", "[::1]"];

/// How the server is reached.
#[derive(Clone, Debug)]
pub struct Reach {
    /// The address it listens on.
    pub at: SocketAddr,
    /// What browsers and providers call it.
    pub public_url: Option<String>,
    /// Further names.
    pub hosts: Vec<String>,
    /// What programs send; a fresh one when there is none.
    pub token: Option<SecretString>,
}

/// A server that is ready to run.
#[derive(Debug)]
pub struct Hosting {
    /// The store, and the engine over it.
    pub home: Home,
    /// By which a browser logs in once.
    pub link: SecretString,
    router: Router,
}

impl Hosting {
    /// Serves what `home` holds of the person called `user`, and follows `mailbox` for them.
    ///
    /// # Errors
    /// [`Refusal`] names the setting that cannot be used, or says why the mailbox cannot be had.
    pub async fn prepare(
        home: Home,
        user: &Username,
        mailbox: Option<&Mailbox>,
        reach: &Reach,
    ) -> Result<Self, Refusal> {
        let person = Person { scope: home.scope, user: home.user(user).await? };
        if let Some(mailbox) = mailbox {
            follow(&home, &person, mailbox.grant(person.user)).await?;
            // A grant that does not cover calendars keeps nobody from their mail.
            for grant in mailbox.grants(person.user).skip(1) {
                if let Err(error) = follow(&home, &person, grant).await {
                    tracing::warn!(error = error.message(), "the calendars are not followed");
                }
            }
        }
        let (access, link) = reach.access(&home.clock)?;
        let site = Site::new(home.besunny.clone(), person, access, reach.settings()?);
        Ok(Self { home, link, router: web::router(site) })
    }

    /// Works and serves until `stop` is there, then ends in order.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn run(
        self,
        listener: TcpListener,
        stop: impl Future<Output = ()>,
    ) -> Result<(), Refusal> {
        let engine = self.home.besunny.start();
        connection::serve(listener, self.router, connection::Limits::default(), stop).await;
        tracing::info!("stopping");
        if !engine.stop().await {
            tracing::warn!("some work did not end in time; it is done again at the next start");
        }
        self.home.close().await
    }
}

/// Connects an account; one that was followed before is followed again even while it cannot be
/// reached, so that an outage of the provider keeps nobody from the console.
async fn follow(home: &Home, person: &Person, grant: NewAccount) -> Result<(), Refusal> {
    let accounts = home.besunny.store().accounts(&person.scope).await?;
    let is_known = accounts.iter().any(|known| {
        known.provider == grant.provider
            && known.subject == grant.subject
            && known.intake == grant.intake
            && known.owner == grant.owner
    });
    match home.besunny.connect(&person.scope, grant).await {
        Err(error) if is_known => {
            tracing::warn!(error = describe(&error), "an account cannot be reached for now");
            Ok(())
        }
        connected => Ok(connected.map(drop)?),
    }
}

impl Reach {
    /// Returns the address that a person types.
    #[must_use]
    pub fn url(&self) -> String {
        self.public_url.clone().unwrap_or_else(|| format!("http://{}", self.at))
    }

    fn access(&self, clock: &Arc<dyn Clock>) -> Result<(Access, SecretString), Refusal> {
        let refused = |error| Refusal::usage("config", describe(&error));
        let token = match &self.token {
            Some(token) => token.clone(),
            None => web::access::random().map_err(refused)?,
        };
        let access = Access::new(&token, Arc::clone(clock)).map_err(refused)?;
        let link = access.login_link(&self.url()).map_err(refused)?;
        Ok((access, link))
    }

    fn settings(&self) -> Result<Settings, Refusal> {
        let here = self.at.to_string();
        let local = LOCAL.into_iter().filter(|_| self.at.ip().is_loopback());
        let hosts = self.hosts.iter().map(String::as_str).chain(local).chain([here.as_str()]);
        Settings::new(hosts, self.public_url.as_deref())
            .map_err(|error| Refusal::usage("config", describe(&error)))
    }
}

/// Opens the door.
///
/// # Errors
/// [`Refusal`] names the address and the fix.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, Refusal> {
    TcpListener::bind(address).await.map_err(|error| {
        let message = format!(
            "nobody can listen on {address}: {error}; end the other program, or choose another \
             address with --listen"
        );
        Refusal::usage("listen", message)
    })
}
