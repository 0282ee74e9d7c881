//! The store, the engine over it, and whose mail it is.
use std::{path::Path, sync::Arc};

use besunny::{
    Besunny, Builder, SystemClock,
    ai::learned::Incremental,
    core::{
        adapter::Adapter,
        address::Username,
        clock::Clock,
        ids::{TenantId, UserId},
        repository::{People, RepositoryError},
        tenant::{Tenant, TenantScope, User},
    },
    local::{Form, LocalCalendar, LocalMail},
    sqlite::{Failure, OpenError, Options, Place, SqliteStore},
};

use crate::command::Refusal;

/// The tenant of a server that has one.
const TENANT: &str = "default";
/// The person whose mail it is unless something else is said.
pub const DEFAULT_USER: &str = "owner";

/// An open store with the engine over it; close it in the end.
#[derive(Debug)]
pub struct Home {
    /// The engine.
    pub besunny: Besunny,
    /// The tenant whose mail it is.
    pub scope: TenantScope,
    /// The time, the store's too.
    pub clock: Arc<dyn Clock>,
    store: Arc<SqliteStore>,
}

impl Home {
    /// Opens the store at `db`, makes sure of the tenant, and wires the engine by `wire`.
    ///
    /// # Errors
    /// [`Refusal`] names the file and the fix.
    ///
    /// # Cancellation
    /// Dropping the future may leave a new, empty store.
    pub async fn open(
        db: impl Into<Place>,
        wire: impl FnOnce(Builder, &Arc<dyn Clock>) -> Result<Builder, Refusal>,
    ) -> Result<Self, Refusal> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
        let store = SqliteStore::open(db, Arc::clone(&clock), Options::default()).await;
        let store = Arc::new(store.map_err(|error| refused(&error))?);
        let id = TenantId::derived(&[TENANT.as_bytes()]);
        let tenant = Tenant { id, name: TENANT.to_owned(), created_at: clock.now() };
        store.found(&tenant).await?;
        let mut builder = Besunny::builder_over(Arc::clone(&store) as _).clock(Arc::clone(&clock));
        builder = builder.learner(Arc::new(Incremental::default()));
        for form in Form::ALL {
            builder = builder.mail(form.provider(), Adapter::new(LocalMail::new(form)));
        }
        let calendar = Adapter::new(LocalCalendar::new());
        builder = builder.calendar(LocalCalendar::provider(), calendar);
        let besunny = wire(builder, &clock)?.build();
        Ok(Self { besunny, scope: TenantScope::trusted(id), clock, store })
    }

    /// Returns the id of the person called `name`, who is added if need be.
    ///
    /// # Errors
    /// What the store says.
    pub async fn user(&self, name: &Username) -> Result<UserId, Refusal> {
        let known = self.store.named(&self.scope, std::slice::from_ref(name)).await?;
        if let Some(id) = known.get(name) {
            return Ok(*id);
        }
        let id = UserId::derived(&[self.scope.tenant().as_bytes(), name.as_str().as_bytes()]);
        let created_at = self.clock.now();
        let user = User { id, username: name.clone(), name: name.to_string(), created_at };
        self.store.add_user(&self.scope, &user).await?;
        Ok(id)
    }

    /// Returns the id of the person called `name`, who is there already.
    ///
    /// # Errors
    /// [`Refusal`] of wrong usage when there is nobody of that name; else what the store says.
    pub async fn somebody(&self, name: &Username) -> Result<UserId, Refusal> {
        let known = self.store.named(&self.scope, std::slice::from_ref(name)).await?;
        known.get(name).copied().ok_or_else(|| {
            let message =
                format!("there is nobody called {name}: name who mail was imported or served for");
            Refusal::usage("user", message)
        })
    }

    /// Writes what waits and closes the file; what was done before stays in any case.
    ///
    /// # Errors
    /// When the file was not closed in order.
    pub async fn close(self) -> Result<(), Refusal> {
        Ok(self.store.close().await?)
    }
}

/// Makes sure that there is a database, since opening one would make it.
///
/// # Errors
/// [`Refusal`] says how to name it.
pub(crate) fn exists(db: &Path) -> Result<(), Refusal> {
    if db.exists() {
        return Ok(());
    }
    let message = format!("there is no database at {}: name it with --db", db.display());
    Err(Refusal::usage("store", message))
}

/// Makes sure that opening the database changes nothing in it: it is there and up to date.
///
/// # Errors
/// [`Refusal`] names the fix.
pub(crate) async fn stands(db: &Path) -> Result<(), Refusal> {
    exists(db)?;
    let schema = SqliteStore::look(db).await.map_err(|error| refused(&error))?;
    if schema.found == Some(schema.newest) {
        return Ok(());
    }
    let message = format!("{} is not up to date: run `besunny migrate` first", db.display());
    Err(Refusal::usage("store", message))
}

/// Says why the store was not opened; most of it is a wrong path.
pub(crate) fn refused(error: &OpenError) -> Refusal {
    let message = crate::command::describe(error);
    if matches!(error, OpenError::Other { .. }) {
        return Refusal::finding("store", message);
    }
    Refusal::usage("store", message)
}

impl From<RepositoryError> for Refusal {
    fn from(error: RepositoryError) -> Self {
        let message = crate::command::describe(&error);
        // What the opening of the file would have refused, had SQLite noticed it then.
        if is_read_only(&error) {
            return Self::usage("store", message);
        }
        Self::finding("store", message)
    }
}

fn is_read_only(error: &RepositoryError) -> bool {
    let failure = std::error::Error::source(error).and_then(|it| it.downcast_ref::<Failure>());
    matches!(failure, Some(Failure::ReadOnly { .. }))
}

impl From<besunny::Error> for Refusal {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the facade may learn to fail otherwise")]
    fn from(error: besunny::Error) -> Self {
        let message = crate::command::describe(&error);
        let is_stale = matches!(error, besunny::Error::Store(RepositoryError::Conflict));
        let kind = match &error {
            besunny::Error::Store(RepositoryError::Conflict) | besunny::Error::Undone => "conflict",
            besunny::Error::Missing(_) => "missing",
            besunny::Error::Unfit(_)
            | besunny::Error::Rule(_)
            | besunny::Error::TooManyRules
            | besunny::Error::IdTaken => "refused",
            _ => "source",
        };
        match (kind, error) {
            ("source", besunny::Error::Store(error)) => return error.into(),
            (_, besunny::Error::Onboarding(error)) => return crate::command::refused(&error),
            _ => {}
        }
        let hint = if is_stale { ": somebody has decided since, so look again" } else { "" };
        Self::finding(kind, format!("{message}{hint}"))
    }
}
