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
/// Concurrent calls for one account MUST lead to one refresh at the provider. `invalidate` makes the next `token` refresh, unless the token has been
/// replaced meanwhile.
///
/// # Errors
/// `Unauthorized` is terminal: the grant is dead and is not asked for again until a person connects
/// anew. Everything else may heal.
#[async_trait]
pub trait TokenSource: Debug + Send + Sync {
    /// Returns a token that is good for some minutes at least.
    async fn token(&self, account: &AccountRef) -> Result<AccessToken, SourceError>;
    /// Says that the provider refused `token`.
    async fn invalidate(&self, account: &AccountRef, token: &AccessToken);
}
