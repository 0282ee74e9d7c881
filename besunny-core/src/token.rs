//! Access tokens: opaque, never logged, refreshed by whoever implements the port.
use std::fmt::Debug;

use async_trait::async_trait;
use secrecy::SecretString;

use crate::source::{AccountRef, SourceError};

/// A token to call the provider with.
#[derive(Clone, Debug)]
pub struct AccessToken(pub SecretString);

/// Supplies tokens for accounts (AUTH-5).
///
/// # Contract
/// - Concurrent calls for one account MUST lead to one refresh at the provider
///   (`token.refresh.once`), and a token that is good MUST be handed out again
///   (`token.refresh.kept`).
/// - After `invalidate` the next `token` MUST be another one (`token.invalidate.refreshes`), but a token
///   that was replaced meanwhile MUST NOT cost the new one its place (`token.invalidate.replaced`).
/// - Nothing but the token itself MUST show it (`token.errors.no-secret`).
///
/// # Errors
/// `Unauthorized` is terminal: a grant that is dead MUST NOT be asked for again until a person connects
/// anew (`token.errors.dead`). Everything else may heal: the next call MUST ask again, and the failing
/// one MUST NOT (`token.errors.heals`).
///
/// # Cancellation
/// Dropping a call leaves the token that was held, or the new one.
#[async_trait]
pub trait TokenSource: Debug + Send + Sync {
    /// Returns a token that is good for some minutes at least.
    async fn token(&self, account: &AccountRef) -> Result<AccessToken, SourceError>;
    /// Says that the provider refused `token`.
    async fn invalidate(&self, account: &AccountRef, token: &AccessToken);
}
