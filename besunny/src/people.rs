//! What people decide: where a document goes, and what is tried again.
use std::sync::Arc;

use besunny_core::{
    commit::{Basis, Commit, Effect},
    document::Document,
    ids::{CommitId, DocumentId, JobId, ProjectId, StreamId, UserId},
    label::Said,
    repository::RepositoryError,
    source::ItemId,
    tenant::TenantScope,
    track::Steer,
};

use crate::{Besunny, Error};

impl Besunny {
    /// Puts a document into a project of its owner, or takes it out (CLS-9).
    ///
    /// A person's decision always holds; no classifier overrides it.
    ///
    /// # Errors
    /// [`Error::Missing`] when document or project are not there or not of the same owner;
    /// a conflict in the store when somebody else decided in the same moment.
    pub async fn assign(
        &self,
        scope: &TenantScope,
        by: UserId,
        document: DocumentId,
        to: Option<ProjectId>,
    ) -> Result<Document, Error> {
        let document = self.assignable(scope, document, to).await?;
        self.assigned(scope, by, document, to).await
    }

    /// Does the same, but only to the version of the document that the person saw.
    ///
    /// # Errors
    /// As [`assign`](Self::assign); [`RepositoryError::Conflict`] when the document has changed
    /// since.
    pub async fn assign_at(
        &self,
        scope: &TenantScope,
        by: UserId,
        (document, version): (DocumentId, u64),
        to: Option<ProjectId>,
    ) -> Result<Document, Error> {
        let document = self.assignable(scope, document, to).await?;
        if document.version != version {
            return Err(RepositoryError::Conflict.into());
        }
        self.assigned(scope, by, document, to).await
    }

    /// Finds the document, and makes sure that its owner has the project.
    async fn assignable(
        &self,
        scope: &TenantScope,
        document: DocumentId,
        to: Option<ProjectId>,
    ) -> Result<Document, Error> {
        let found = self.store.document(scope, document).await?;
        let document = found.ok_or(Error::Missing("document"))?;
        if let Some(project) = to {
            let projects = self.store.projects(scope, document.owner).await?;
            if !projects.iter().any(|known| known.id == project) {
                return Err(Error::Missing("project"));
            }
        }
        Ok(document)
    }

    /// Commits the decision on the document as it was read.
    async fn assigned(
        &self,
        scope: &TenantScope,
        by: UserId,
        document: Document,
        to: Option<ProjectId>,
    ) -> Result<Document, Error> {
        let said = Said::at_last(&self.store.history(scope, document.id).await?);
        let commit = Commit {
            id: CommitId::from_uuid(self.ids.next()),
            basis: Basis::Person,
            at: self.worker.clock.now(),
            effects: Effect::assigning(&document, to, by, said),
        };
        self.store.commit(scope, Arc::new(commit)).await?;
        let after = self.store.document(scope, document.id).await?;
        Ok(after.ok_or(RepositoryError::Missing("document"))?)
    }

    /// Reads items again that could not be taken in, or were ignored.
    ///
    /// # Errors
    /// What the store says; an item nobody knows is an error.
    pub async fn retry(
        &self,
        scope: &TenantScope,
        stream: StreamId,
        items: &[ItemId],
    ) -> Result<(), Error> {
        Ok(self.store.ask_again(scope, stream, items).await?)
    }

    /// Tries a job again that was given up; [`dead_jobs`] names those.
    ///
    /// # Errors
    /// What the store says; a job nobody knows is an error.
    ///
    /// [`dead_jobs`]: besunny_core::repository::Outbox::dead_jobs
    pub async fn replay(&self, scope: &TenantScope, job: JobId) -> Result<(), Error> {
        Ok(self.store.replay(scope, job).await?)
    }

    /// Lifts a pause, lists again, or decides on a mass removal that is held.
    ///
    /// # Errors
    /// What the store says.
    pub async fn steer(
        &self,
        scope: &TenantScope,
        stream: StreamId,
        steer: Steer,
    ) -> Result<(), Error> {
        Ok(self.store.steer(scope, stream, steer).await?)
    }
}
