//! What leaves the store: facts to be published, and work that was given up.
use std::fmt::Debug;

use async_trait::async_trait;

use super::{BATCH, RepositoryError};
use crate::{
    event::Event,
    ids::{EventId, JobId, UserId},
    job::Job,
    scheduler::PauseReason,
    tenant::TenantScope,
};

/// Facts to be published, and work that was given up.
#[async_trait]
pub trait Outbox: Debug + Send + Sync {
    /// Returns the oldest unpublished events of all tenants, for the relay.
    async fn unpublished(&self, limit: usize) -> Result<Vec<Event>, RepositoryError>;
    /// Forgets events that were published.
    async fn published(&self, events: &[EventId]) -> Result<(), RepositoryError>;
    /// Returns jobs that were given up, by id.
    async fn dead_jobs(
        &self,
        scope: &TenantScope,
        filter: &DeadJobFilter,
    ) -> Result<Vec<DeadJob>, RepositoryError>;
}

/// Which jobs that were given up are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeadJobFilter {
    /// Only about what this person owns: a document, or an item of an account.
    pub owner: Option<UserId>,
    /// Only this one.
    pub job: Option<JobId>,
    /// Only those after this one, by id.
    pub after: Option<JobId>,
    /// At most so many, and never more than [`BATCH`].
    pub limit: usize,
}

impl Default for DeadJobFilter {
    fn default() -> Self {
        Self { owner: None, job: None, after: None, limit: BATCH }
    }
}

/// A job that was given up.
#[derive(Clone, Debug, PartialEq)]
pub struct DeadJob {
    /// The job.
    pub job: Job,
    /// What failed last, for people; without content.
    pub error: String,
    /// What a person does about it before it is tried again, as far as that is known.
    pub waits_for: Option<PauseReason>,
}
