//! The HTTP side: REST for programs, a console for people, webhooks for providers.
//!
//! [`router`] serves one person of one tenant. Everything but health, webhooks and the files of the
//! console's looks asks for the token or for a session, and there is no switch that turns that off.
//!
//! - `access` holds the token, the one-time login links and the sessions; `guard` asks for them.
//! - `api` answers programs, `console` people; both say what `document`, `explanation`, `meeting`,
//!   `bot`, `transcript`, `onboarding`, `project` and `stream` read out of the store.
//! - `webhook` hands a provider's call to the engine.
use std::sync::Arc;

use axum::{Router, extract::DefaultBodyLimit, middleware};
use besunny::{
    Besunny,
    core::{clock::Clock, ids::UserId, tenant::TenantScope},
};

pub mod access;
pub mod api;
mod assets;
pub mod bot;
pub mod call;
mod console;
pub mod document;
mod download;
pub mod explanation;
pub mod fact;
pub mod feedback;
mod guard;
mod host;
mod instant;
pub mod job;
pub mod meeting;
pub mod onboarding;
pub mod problem;
pub mod project;
pub mod report;
pub mod rule;
pub mod stream;
pub mod transcript;
mod webhook;

pub use access::Access;
pub use host::{Settings, SettingsError};
pub use webhook::CALENDAR_CALLS;

/// Bodies of people and programs are short: a form, or a page of item ids.
const BODY_BYTES: usize = 256 * 1024;

/// Whose documents are served.
#[derive(Clone, Copy, Debug)]
pub struct Person {
    /// The tenant.
    pub scope: TenantScope,
    /// The person.
    pub user: UserId,
}

/// Everything a request needs; cheap to clone.
#[derive(Clone, Debug)]
pub struct Site(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    besunny: Besunny,
    person: Person,
    access: Access,
    settings: Settings,
}

impl Site {
    /// Serves `person` out of `besunny`.
    #[must_use]
    pub fn new(besunny: Besunny, person: Person, access: Access, settings: Settings) -> Self {
        Self(Arc::new(Parts { besunny, person, access, settings }))
    }

    fn besunny(&self) -> &Besunny {
        &self.0.besunny
    }

    fn scope(&self) -> &TenantScope {
        &self.0.person.scope
    }

    fn user(&self) -> UserId {
        self.0.person.user
    }

    fn access(&self) -> &Access {
        &self.0.access
    }

    fn settings(&self) -> &Settings {
        &self.0.settings
    }

    fn clock(&self) -> &Arc<dyn Clock> {
        self.0.access.clock()
    }
}

/// Returns all routes.
pub fn router(site: Site) -> Router {
    let probes = api::probes();
    let people = Router::new()
        .merge(assets::routes())
        .merge(console::routes(&site))
        .merge(api::sync_probe())
        .nest("/api/v1", api::routes(&site))
        .layer(DefaultBodyLimit::max(BODY_BYTES));
    let named = people.merge(webhook::routes());
    let named = named.layer(middleware::from_fn_with_state(site.clone(), guard::host));
    probes.merge(named).layer(middleware::from_fn(guard::headers)).with_state(site)
}
