//! Connects a person's mail and routes every item into the right project, explained.
//!
//! ```no_run
//! # async fn example(
//! #     store: impl besunny::core::repository::Store + 'static,
//! #     mailbox: impl besunny::core::source::Source<besunny::core::message::Message> + 'static,
//! #     scope: besunny::core::tenant::TenantScope,
//! #     grant: besunny::core::account::NewAccount,
//! # ) -> Result<(), Box<dyn std::error::Error>> {
//! use besunny::{Besunny, core::{account::Provider, adapter::Adapter}};
//!
//! let besunny = Besunny::builder(store)
//!     .virtual_domain("besunny.example")?
//!     .mail(Provider::new("mailbox"), Adapter::new(mailbox))
//!     .build();
//! besunny.connect(&scope, grant).await?;
//! besunny.run_until_idle().await;
//! # Ok(())
//! # }
//! ```
//!
//! The store and the adapters are yours to choose; everything else has a default. The same engine
//! runs in your process and in the reference server: [`Besunny::start`] owns its tasks and ends
//! them gracefully.

mod bots;
mod builder;
mod calls;
mod engine;
mod error;
mod feedback;
mod learning;
mod onboarding;
mod people;
mod pool;
mod projects;
mod push;
mod rehearsal;
mod replay;
mod system;
mod verify;

/// The learned router.
#[cfg(feature = "ai")]
pub use besunny_ai as ai;
/// Meeting bots by Attendee.
#[cfg(feature = "attendee")]
pub use besunny_attendee as attendee;
/// The model, the ports and the decisions.
pub use besunny_core as core;
/// Gmail, OAuth tokens and Pub/Sub push.
#[cfg(feature = "google")]
pub use besunny_google as google;
/// Mail from files on this machine.
#[cfg(feature = "local")]
pub use besunny_local as local;
/// The embedded store.
#[cfg(feature = "sqlite")]
pub use besunny_store_sqlite as sqlite;

pub use builder::Builder;
pub use calls::OwnMeeting;
pub use engine::Engine;
pub use error::Error;
pub use feedback::{Feedback, Outcome, RELATED, Seen};
pub use onboarding::{Generation, Step};
pub use projects::Proposal;
pub use push::Refused;
pub use rehearsal::{Place, RECENT, Rehearsal, Shift};
pub use system::{SystemClock, SystemIds};
pub use verify::Verification;

use std::sync::Arc;

use besunny_core::{
    account::{Account, NewAccount, Provider},
    adapter::AnyAdapter,
    clock::Ids,
    language::LanguageModel,
    onboarding::Template,
    repository::Store,
    tenant::TenantScope,
    track::Steer,
    worker::Worker,
};
use tokio::sync::Semaphore;

/// The engine with its store and adapters; cheap to clone.
#[derive(Clone, Debug)]
pub struct Besunny {
    store: Arc<dyn Store>,
    worker: Arc<Worker>,
    ids: Arc<dyn Ids>,
    questions: Arc<[Template]>,
    describer: Option<Arc<Describer>>,
}

/// Who describes projects, so many at once.
#[derive(Debug)]
struct Describer {
    model: Arc<dyn LanguageModel>,
    places: Semaphore,
}

impl Besunny {
    /// Starts from a store; leases and documents live there.
    pub fn builder(store: impl Store + 'static) -> Builder {
        Self::builder_over(Arc::new(store))
    }

    /// Starts from a store that somebody else holds too, to close it in the end.
    pub fn builder_over(store: Arc<dyn Store>) -> Builder {
        Builder::new(store)
    }

    /// Returns the store, to ask it questions.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// Follows every proposed stream of an account from now on.
    ///
    /// Connecting the same account again changes how its mail is taken in; items that were ignored
    /// before are then looked at again.
    ///
    /// # Errors
    /// [`Error::NoAdapter`] when nobody follows the provider; otherwise what the source or the store
    /// says.
    pub async fn connect(&self, scope: &TenantScope, grant: NewAccount) -> Result<Account, Error> {
        let mut account = Account::new(scope.tenant(), grant, self.worker.clock.now());
        let known = self.store.accounts(scope).await?;
        if let Some(old) = known.into_iter().find(|old| old.id == account.id) {
            account.connected_at = old.connected_at;
        }
        let streams = self.adapter(&account.provider)?.streams(&account.at()).await?;
        self.store.connect(scope, &account, &streams).await?;
        Ok(account)
    }

    fn adapter(&self, provider: &Provider) -> Result<&AnyAdapter, Error> {
        let adapter = self.worker.adapters.get(provider);
        adapter.ok_or_else(|| Error::NoAdapter(provider.clone()))
    }

    /// Asks for everything that is followed of an account to be listed again.
    ///
    /// # Errors
    /// What the store says.
    pub async fn relist(&self, scope: &TenantScope, account: &Account) -> Result<(), Error> {
        for status in self.store.streams(scope).await? {
            if status.account == account.id && status.is_followed {
                self.store.steer(scope, status.id, Steer::Relist).await?;
            }
        }
        Ok(())
    }

    /// Works until nothing is due now.
    ///
    /// # Cancellation
    /// Dropping the future loses nothing; what was under way is done again later.
    pub async fn run_until_idle(&self) {
        self.worker.run_until_idle().await;
    }

    /// Starts the engine on the current tokio runtime.
    #[must_use]
    pub fn start(&self) -> Engine {
        Engine::start(&self.worker)
    }
}
