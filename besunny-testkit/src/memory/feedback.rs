//! Acts of people and their standing rules.
use std::sync::Arc;

use async_trait::async_trait;
use besunny_core::{
    feedback::Act,
    ids::{CommitId, UserId},
    repository::{BATCH, Feedback, RepositoryError},
    standing::StandingRule,
    tenant::TenantScope,
};

use super::{MemoryRepository, Rows};

#[async_trait]
impl Feedback for MemoryRepository {
    async fn act(&self, scope: &TenantScope, id: CommitId) -> Result<Option<Act>, RepositoryError> {
        self.read(scope, |rows| Ok(rows.acts.iter().find(|act| act.id == id).cloned()))
    }

    async fn acts(
        &self,
        scope: &TenantScope,
        owner: UserId,
        before: Option<CommitId>,
        limit: usize,
    ) -> Result<Vec<Act>, RepositoryError> {
        self.read(scope, |rows| {
            let end = match before {
                None => rows.acts.len(),
                Some(id) => {
                    let place = rows.acts.iter().position(|act| act.id == id);
                    place.ok_or(RepositoryError::Missing("act"))?
                }
            };
            let own = rows.acts[..end].iter().rev().filter(|act| act.owner == owner);
            Ok(own.take(limit.min(BATCH)).cloned().collect())
        })
    }

    async fn rules(
        &self,
        scope: &TenantScope,
        owner: UserId,
    ) -> Result<Arc<[StandingRule]>, RepositoryError> {
        self.read(scope, |rows| {
            Ok(rows.rules.values().filter(|rule| rule.owner == owner).cloned().collect())
        })
    }
}

impl Rows {
    /// Says whether every rule is as the act found it.
    pub(super) fn finds_rules(&self, act: &Act) -> bool {
        act.rules.iter().all(|change| {
            let stored = change.rule().and_then(|id| self.rules.get(&id));
            stored == change.before.as_ref()
        })
    }

    /// Keeps an act and changes its rules.
    pub(super) fn keep_act(&mut self, act: &Act) {
        for change in &act.rules {
            match (&change.after, change.rule()) {
                (Some(rule), _) => {
                    self.rules.insert(rule.id, rule.clone());
                }
                (None, Some(id)) => {
                    self.rules.remove(&id);
                }
                (None, None) => {}
            }
        }
        self.acts.push(act.clone());
    }
}
