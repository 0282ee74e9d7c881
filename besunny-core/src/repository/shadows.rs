//! What shadows would have decided, beside the decisions.
use std::fmt::Debug;

use async_trait::async_trait;

use super::RepositoryError;
use crate::{ids::UserId, shadow::Shadow, tenant::TenantScope};

/// Notes of shadows; they change no document, no history and no log of answers (ML-5).
///
/// # Contract
/// - What was put MUST come back as it was, ordered by document, version and name of the model, and
///   MUST stay as it was first put (`store.shadow.kept`).
/// - No call MUST read or change another tenant's rows, nor another owner's (`store.tenant.shadows`).
///
/// # Cancellation
/// Dropping `put_shadows` may have stored them; putting them again changes nothing.
#[async_trait]
pub trait Shadows: Debug + Send + Sync {
    /// Stores what a shadow made of documents of `owner`; `Missing` when one is not there.
    async fn put_shadows(
        &self,
        scope: &TenantScope,
        owner: UserId,
        shadows: &[Shadow],
    ) -> Result<(), RepositoryError>;
    /// Returns those after `after` in their order, at most `limit` and [`BATCH`].
    ///
    /// [`BATCH`]: super::BATCH
    async fn shadows(
        &self,
        scope: &TenantScope,
        owner: UserId,
        after: Option<&Shadow>,
        limit: usize,
    ) -> Result<Vec<Shadow>, RepositoryError>;
}
