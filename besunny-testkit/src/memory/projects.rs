//! Projects, what is known of them, and the onboardings they come of.
use std::sync::Arc;

use async_trait::async_trait;
use besunny_core::{
    ids::{OnboardingId, ProjectId, UserId},
    onboarding::Onboarding,
    profile::Metadata,
    project::Project,
    repository::{BATCH, Onboardings, ProjectSave, Projects, RepositoryError},
    tenant::TenantScope,
};

use super::{MemoryRepository, Rows};

#[async_trait]
impl Projects for MemoryRepository {
    async fn put_project(
        &self,
        scope: &TenantScope,
        project: &Project,
    ) -> Result<(), RepositoryError> {
        self.write(scope, |rows| {
            rows.check_name(project)?;
            rows.projects.insert(project.id, project.clone());
            Ok(())
        })
    }

    async fn projects(
        &self,
        scope: &TenantScope,
        owner: UserId,
    ) -> Result<Arc<[Project]>, RepositoryError> {
        self.read(scope, |rows| {
            Ok(rows.projects.values().filter(|project| project.owner == owner).cloned().collect())
        })
    }

    async fn save_project(
        &self,
        scope: &TenantScope,
        save: &ProjectSave,
    ) -> Result<(), RepositoryError> {
        let ProjectSave { before, project, metadata, onboarding } = save;
        self.write(scope, |rows| {
            if rows.projects.get(&project.id) != before.as_ref() {
                return Err(RepositoryError::Conflict);
            }
            rows.check_name(project)?;
            if let Some(onboarding) = onboarding {
                rows.check_version(onboarding)?;
                rows.onboardings.insert(onboarding.id, onboarding.clone());
            }
            rows.projects.insert(project.id, project.clone());
            rows.metadata.insert(project.id, metadata.clone());
            Ok(())
        })
    }

    async fn metadata(
        &self,
        scope: &TenantScope,
        project: ProjectId,
    ) -> Result<Option<Metadata>, RepositoryError> {
        self.read(scope, |rows| Ok(rows.metadata.get(&project).cloned()))
    }
}

#[async_trait]
impl Onboardings for MemoryRepository {
    async fn put_onboarding(
        &self,
        scope: &TenantScope,
        onboarding: &Onboarding,
    ) -> Result<(), RepositoryError> {
        self.write(scope, |rows| {
            rows.check_version(onboarding)?;
            rows.onboardings.insert(onboarding.id, onboarding.clone());
            Ok(())
        })
    }

    async fn onboarding(
        &self,
        scope: &TenantScope,
        owner: UserId,
        id: OnboardingId,
    ) -> Result<Option<Onboarding>, RepositoryError> {
        self.read(scope, |rows| {
            Ok(rows.onboardings.get(&id).filter(|found| found.owner == owner).cloned())
        })
    }

    async fn onboardings(
        &self,
        scope: &TenantScope,
        owner: UserId,
    ) -> Result<Vec<Onboarding>, RepositoryError> {
        self.read(scope, |rows| {
            let own = rows.onboardings.values().filter(|found| found.owner == owner);
            let mut own: Vec<Onboarding> = own.cloned().collect();
            own.sort_by_key(|found| (std::cmp::Reverse(found.changed_at), found.id));
            own.truncate(BATCH);
            Ok(own)
        })
    }

    async fn drop_onboarding(
        &self,
        scope: &TenantScope,
        owner: UserId,
        id: OnboardingId,
    ) -> Result<(), RepositoryError> {
        self.write(scope, |rows| {
            if rows.onboardings.get(&id).is_some_and(|found| found.owner == owner) {
                rows.onboardings.remove(&id);
            }
            Ok(())
        })
    }
}

impl Rows {
    /// Refuses a name that another project of the owner has.
    fn check_name(&self, project: &Project) -> Result<(), RepositoryError> {
        let taken = |other: &Project| {
            other.owner == project.owner
                && other.id != project.id
                && other.name.to_lowercase() == project.name.to_lowercase()
        };
        let is_taken = self.projects.values().any(taken);
        if is_taken { Err(RepositoryError::Taken("project name")) } else { Ok(()) }
    }

    /// Refuses an onboarding that is not one version on, or another owner's.
    fn check_version(&self, onboarding: &Onboarding) -> Result<(), RepositoryError> {
        let stored = self.onboardings.get(&onboarding.id);
        let (version, is_own) =
            stored.map_or((0, true), |stored| (stored.version, stored.owner == onboarding.owner));
        let follows = is_own && onboarding.version == version + 1;
        if follows { Ok(()) } else { Err(RepositoryError::Conflict) }
    }
}
