//! A source of tokens in memory: the plainest one that keeps every clause.
use std::{
    fmt,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use async_trait::async_trait;
use besunny_core::{
    ids::AccountId,
    source::{AccountRef, SourceError, SourceErrorKind, Subject},
    token::{AccessToken, TokenSource},
};
use besunny_testkit::conformance::token::{TokenWorld, World, cases};
use futures::lock::Mutex;
use libtest_mimic::Trial;
use secrecy::{ExposeSecret, SecretString};

pub(crate) fn trials() -> Vec<Trial> {
    super::trials("purse", cases(), |_| None, || Box::pin(async { Purse::fresh(None) }))
}

/// What a source of tokens may get wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Careless {
    /// Calls that come together refresh each for itself.
    Unshared,
    /// Each call refreshes.
    Unkept,
    /// A refused token takes the one that replaced it along.
    Rash,
    /// A dead grant is asked for again and again.
    Stubborn,
    /// Tokens are shown for debugging.
    Shown,
}

/// Tokens of one account, and their provider.
#[derive(Default)]
pub(crate) struct Purse {
    bug: Option<Careless>,
    held: RwLock<Option<AccessToken>>,
    refreshing: Mutex<()>,
    is_dead: AtomicBool,
    asked: AtomicUsize,
    fails: AtomicBool,
    is_revoked: AtomicBool,
}

impl Purse {
    pub(crate) fn fresh(bug: Option<Careless>) -> World {
        Arc::new(PurseWorld(Arc::new(Self { bug, ..Self::default() })))
    }

    fn held(&self) -> Option<AccessToken> {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner).clone();
        held.filter(|_| self.bug != Some(Careless::Unkept))
    }

    fn hold(&self, token: Option<AccessToken>) {
        *self.held.write().unwrap_or_else(PoisonError::into_inner) = token;
    }

    /// Asks the provider, whose answer comes a moment later.
    async fn ask(&self) -> Result<AccessToken, SourceError> {
        let number = self.asked.fetch_add(1, Ordering::SeqCst);
        wait_a_turn().await;
        let failed = |kind| Err(SourceError::new(kind, "purse.ask"));
        if self.is_revoked.load(Ordering::SeqCst) {
            let forgets = self.bug == Some(Careless::Stubborn);
            self.is_dead.store(!forgets, Ordering::SeqCst);
            return failed(SourceErrorKind::Unauthorized);
        }
        if self.fails.swap(false, Ordering::SeqCst) {
            return failed(SourceErrorKind::Unavailable);
        }
        Ok(AccessToken(SecretString::from(format!("secret-{number}"))))
    }
}

/// Lets others go on once.
async fn wait_a_turn() {
    let mut waited = false;
    std::future::poll_fn(|context: &mut Context<'_>| {
        if std::mem::replace(&mut waited, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[async_trait]
impl TokenSource for Purse {
    async fn token(&self, _: &AccountRef) -> Result<AccessToken, SourceError> {
        let turn = self.refreshing.lock().await;
        if self.bug == Some(Careless::Unshared) {
            drop(turn);
        }
        if let Some(held) = self.held() {
            return Ok(held);
        }
        if self.is_dead.load(Ordering::SeqCst) {
            return Err(SourceError::new(SourceErrorKind::Unauthorized, "purse.token"));
        }
        let token = self.ask().await?;
        self.hold(Some(token.clone()));
        Ok(token)
    }

    async fn invalidate(&self, _: &AccountRef, token: &AccessToken) {
        let is_same = |held: &AccessToken| held.0.expose_secret() == token.0.expose_secret();
        if self.bug == Some(Careless::Rash) || self.held().as_ref().is_some_and(is_same) {
            self.hold(None);
        }
    }
}

impl fmt::Debug for Purse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let held = self.held().filter(|_| self.bug == Some(Careless::Shown));
        let shown = held.map(|token| token.0.expose_secret().to_owned());
        f.debug_struct("Purse").field("held", &shown).finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct PurseWorld(Arc<Purse>);

#[async_trait]
impl TokenWorld for PurseWorld {
    fn tokens(&self) -> Arc<dyn TokenSource> {
        Arc::<Purse>::clone(&self.0)
    }

    fn account(&self) -> AccountRef {
        let id = AccountId::derived(&[b"ann"]);
        AccountRef { id, subject: Subject::from_source("ann@example.com") }
    }

    async fn asked(&self) -> usize {
        self.0.asked.load(Ordering::SeqCst)
    }

    async fn fail_next(&self) {
        self.0.fails.store(true, Ordering::SeqCst);
    }

    async fn revoke(&self) {
        self.0.is_revoked.store(true, Ordering::SeqCst);
    }
}
