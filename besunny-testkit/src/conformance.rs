//! Conformance suites: the clauses of `docs/adapter-spec.md` as cases that drive a world.
//!
//! A suite is a list of [`Case`]s. Each case gets a fresh world, does something to it and looks at
//! what the adapter says. What a world cannot do is listed as *ignored*, with the reason; it never
//! passes silently. To test an adapter, implement the world of its port, such as
//! [`MailWorld`](mail::MailWorld) or [`StoreWorld`](store::StoreWorld), and run the cases with any
//! test runner.
use std::{fmt, future::Future};

use besunny_core::{
    cause::describe, classify::ClassifyError, language::LanguageError, learner::LearnError,
    repository::RepositoryError, source::SourceError,
};
use futures::future::BoxFuture;

pub mod bot;
pub mod budget;
pub mod calendar;
pub mod classifier;
pub mod clock;
pub mod delivery;
pub mod filing;
pub mod language;
pub mod learner;
pub mod mail;
pub mod push;
pub mod snapshot;
pub mod source;
pub mod store;
pub mod token;

/// One clause, as something that can be run.
pub struct Case<W> {
    /// The id of the clause.
    pub name: &'static str,
    needs: Option<Power>,
    run: Box<dyn Fn(W) -> BoxFuture<'static, Outcome> + Send + Sync>,
}

/// What a case came to.
pub type Outcome = Result<(), Broken>;

/// A clause that does not hold.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Broken(String);

/// Something done to the outside world that not every world can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Power {
    /// Forget the change log.
    ExpireLog,
    /// Make page tokens die.
    KillPages,
    /// Make an item undecodable.
    Poison,
    /// Move an item out of scope and back.
    Hide,
    /// Answer the next call with a failure.
    Fail,
    /// Deliver while a listing is under way.
    PageWise,
    /// Open the store again, as after a restart.
    Reopen,
    /// Lengthen a watch in place.
    Lengthen,
    /// Hold two watches of one stream, so that one takes the place of the other.
    Replace,
    /// Sign calls with published keys.
    Keys,
    /// Do something with a bot.
    Bot(bot::BotPower),
}

impl<W> Case<W> {
    /// Returns what the case does to the world beyond the ordinary.
    #[must_use]
    pub const fn needs(&self) -> Option<Power> {
        self.needs
    }

    /// Runs the case in `world`.
    pub fn run(&self, world: W) -> BoxFuture<'static, Outcome> {
        (self.run)(world)
    }

    const fn needing(mut self, power: Power) -> Self {
        self.needs = Some(power);
        self
    }
}

impl<W> fmt::Debug for Case<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Case")
            .field("name", &self.name)
            .field("needs", &self.needs)
            .finish_non_exhaustive()
    }
}

/// Makes the case of a clause.
fn clause<W, F>(name: &'static str, run: fn(W) -> F) -> Case<W>
where
    W: 'static,
    F: Future<Output = Outcome> + Send + 'static,
{
    Case { name, needs: None, run: Box::new(move |world| Box::pin(run(world))) }
}

/// Breaks the clause unless `holds`.
fn check(holds: bool, what: impl fmt::Display) -> Outcome {
    if holds { Ok(()) } else { Err(Broken(what.to_string())) }
}

/// Breaks the clause unless both are equal.
fn check_equal<T: PartialEq + fmt::Debug>(got: &T, want: &T, what: &str) -> Outcome {
    check(got == want, format_args!("{what}: got {got:?}, want {want:?}"))
}

/// An error of a port breaks the clause of whoever did not expect it.
macro_rules! broken_by {
    ($($error:ty),*) => {$(
        impl From<$error> for Broken {
            fn from(error: $error) -> Self {
                Self(describe(&error))
            }
        }
    )*};
}

broken_by!(ClassifyError, LanguageError, LearnError, RepositoryError, SourceError);

impl Broken {
    /// Says what does not hold.
    #[must_use]
    pub fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }
}
