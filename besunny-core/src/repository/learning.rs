//! The log of answers, and the models that learned it.
use std::fmt::Debug;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::RepositoryError;
use crate::{ids::UserId, label::Label, promise::Promises, tenant::TenantScope};

/// So many of an owner's models are kept; older ones are forgotten, with their state and promises.
///
/// One may have some MiB, and who goes back goes back to one of the last.
pub const KEPT_MODELS: u32 = 10;

/// Answers and models, one log and one line of models for each owner.
///
/// # Contract
/// - Labels MUST be numbered 1, 2, 3 for each owner in the order of their commits, without a gap
///   (`store.label.order`), MUST be refused with their commit when the document is at another
///   version (`store.label.conflict`), and MUST be written once when a commit is repeated
///   (`store.label.repeated`).
/// - `lessons` MUST answer labels after a number in order, and the newest model
///   (`store.label.after`).
/// - `put_model` MUST store a model only if the newest is the one named, and number it one higher
///   (`store.model.conflict`); the last [`KEPT_MODELS`] MUST be kept, and older ones forgotten
///   (`store.model.kept`).
/// - No call MUST read or change another tenant's rows, nor another owner's (`store.tenant.models`).
///
/// # Cancellation
/// Dropping `put_model` may have stored the model; putting it again is then a conflict.
#[async_trait]
pub trait Models: Debug + Send + Sync {
    /// Returns what was said after `after`, oldest first, at most `limit` and [`BATCH`].
    ///
    /// [`BATCH`]: super::BATCH
    async fn lessons(
        &self,
        scope: &TenantScope,
        owner: UserId,
        after: u64,
        limit: usize,
    ) -> Result<Lessons, RepositoryError>;
    /// Returns the models of an owner that are kept, the newest first.
    async fn models(
        &self,
        scope: &TenantScope,
        owner: UserId,
    ) -> Result<Vec<ModelRecord>, RepositoryError>;
    /// Returns the state of a model; none when it is not there, or kept no more.
    async fn model_state(
        &self,
        scope: &TenantScope,
        owner: UserId,
        version: u32,
    ) -> Result<Option<Bytes>, RepositoryError>;
    /// Stores a model as the newest; returns its version.
    ///
    /// [`RepositoryError::Conflict`] when the newest is not [`NewModel::newest`].
    async fn put_model(
        &self,
        scope: &TenantScope,
        owner: UserId,
        model: &NewModel,
    ) -> Result<u32, RepositoryError>;
}

/// What a model has yet to learn.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lessons {
    /// The version of the newest model.
    pub newest: Option<u32>,
    /// What was said, oldest first.
    pub labels: Vec<Label>,
}

/// A model, without its state (ML-3).
#[derive(Clone, Debug, PartialEq)]
pub struct ModelRecord {
    /// 1, 2, 3 and so on for each owner; the newest is in use.
    pub version: u32,
    /// From which one it came.
    pub parent: Option<u32>,
    /// How it came from there.
    pub made_by: MadeBy,
    /// Which learner made it, with the form of its state.
    pub learner: String,
    /// The last label it has learned, or skipped.
    pub seq: u64,
    /// Which labels it has learned; what was skipped is left out.
    pub learned: Learned,
    /// How its choices were kept so far.
    pub promises: Promises,
    /// SHA-256 of its state.
    pub sha256: [u8; 32],
    /// The size of its state.
    pub size_bytes: u64,
    /// When it was made.
    pub made_at: DateTime<Utc>,
}

/// How a model came from its parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MadeBy {
    /// It learned the labels between them.
    Learning,
    /// It is as its parent, and skips the labels between them.
    RollingBack,
}

impl MadeBy {
    /// Returns the stored name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Learning => "learning",
            Self::RollingBack => "rolling_back",
        }
    }

    /// Reads the stored name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Learning, Self::RollingBack].into_iter().find(|made| made.as_str() == name)
    }
}

/// A model to be stored.
#[derive(Clone, Debug, PartialEq)]
pub struct NewModel {
    /// The newest model there is, as far as is known.
    pub newest: Option<u32>,
    /// From which one it came.
    pub parent: Option<u32>,
    /// How it came from there.
    pub made_by: MadeBy,
    /// Which learner made it, with the form of its state.
    pub learner: String,
    /// The last label it has learned, or skipped.
    pub seq: u64,
    /// Which labels it has learned; what was skipped is left out.
    pub learned: Learned,
    /// How its choices were kept so far.
    pub promises: Promises,
    /// Its state, which only the learner understands.
    pub state: Bytes,
    /// When it was made.
    pub made_at: DateTime<Utc>,
}

impl NewModel {
    /// Returns what is listed of it as `version`.
    #[must_use]
    pub fn record(&self, version: u32) -> ModelRecord {
        use sha2::{Digest, Sha256};

        ModelRecord {
            version,
            parent: self.parent,
            made_by: self.made_by,
            learner: self.learner.clone(),
            seq: self.seq,
            learned: self.learned.clone(),
            promises: self.promises.clone(),
            sha256: Sha256::digest(&self.state).into(),
            size_bytes: self.state.len() as u64,
            made_at: self.made_at,
        }
    }
}

/// Which labels a model has learned, in order: after the first number of each pair, up to the second.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Learned(Vec<(u64, u64)>);

impl Learned {
    /// Adds the labels after `after`, up to `until`.
    #[must_use]
    pub fn then(mut self, after: u64, until: u64) -> Self {
        match self.0.last_mut() {
            Some(last) if last.1 == after => last.1 = until,
            _ if until > after => self.0.push((after, until)),
            _ => {}
        }
        self
    }

    /// Lists the pairs.
    #[must_use]
    pub fn ranges(&self) -> &[(u64, u64)] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_skipped_is_not_learned_and_what_follows_is_one_range() {
        let learned = Learned::default().then(0, 0).then(0, 50).then(50, 100);
        assert_eq!(learned.ranges(), [(0, 100)]);
        // A model of before, with the labels up to 170 skipped.
        let back = Learned::default().then(0, 50).then(170, 170).then(170, 200).then(200, 210);
        assert_eq!(back.ranges(), [(0, 50), (170, 210)]);
    }
}
