//! Projects.
use std::sync::Arc;

use async_trait::async_trait;
use besunny_core::{
    ids::{ProjectId, UserId},
    profile::Metadata,
    project::Project,
    repository::{ProjectSave, Projects, RepositoryError},
    tenant::TenantScope,
};

use crate::{
    column::{Id, Table, json, micros, tenant},
    failure::{failed, orphaned},
    onboardings,
    store::SqliteStore,
    writer::Turn,
};

const PROJECTS: Table = Table("projects");
const METADATA: Table = Table("project_metadata");

#[async_trait]
impl Projects for SqliteStore {
    async fn put_project(
        &self,
        scope: &TenantScope,
        project: &Project,
    ) -> Result<(), RepositoryError> {
        let (tenant, project) = (tenant(scope), project.clone());
        self.write(move |mut turn| Box::pin(async move { put(&mut turn, &tenant, &project).await }))
            .await
    }

    async fn projects(
        &self,
        scope: &TenantScope,
        owner: UserId,
    ) -> Result<Arc<[Project]>, RepositoryError> {
        let (tenant, owner) = (tenant(scope), owner.bytes());
        let rows = sqlx::query_as!(
            ProjectRow,
            "SELECT id, owner, name, description, signals, created_at FROM projects
            WHERE tenant = ? AND owner = ? ORDER BY +id",
            tenant,
            owner,
        );
        let rows = rows.fetch_all(&self.readers).await.map_err(failed)?;
        rows.into_iter().map(Project::try_from).collect()
    }

    async fn save_project(
        &self,
        scope: &TenantScope,
        save: &ProjectSave,
    ) -> Result<(), RepositoryError> {
        let (tenant, save) = (tenant(scope), save.clone());
        self.write(move |mut turn| {
            Box::pin(async move {
                if stored(&mut turn, &tenant, save.project.id).await? != save.before {
                    return Err(RepositoryError::Conflict);
                }
                put(&mut turn, &tenant, &save.project).await?;
                put_metadata(&mut turn, &tenant, &save.metadata).await?;
                match &save.onboarding {
                    Some(onboarding) => onboardings::put(&mut turn, &tenant, onboarding).await,
                    None => Ok(()),
                }
            })
        })
        .await
    }

    async fn metadata(
        &self,
        scope: &TenantScope,
        project: ProjectId,
    ) -> Result<Option<Metadata>, RepositoryError> {
        let (tenant, id) = (tenant(scope), project.bytes());
        let row = sqlx::query!(
            "SELECT created_by, created_at, updated_at, profile FROM project_metadata
            WHERE tenant = ? AND project = ?",
            tenant,
            id,
        );
        let row = row.fetch_optional(&self.readers).await.map_err(failed)?;
        row.map(|row| {
            Ok(Metadata {
                project,
                created_by: METADATA.id("created_by", &row.created_by)?,
                created_at: METADATA.instant("created_at", row.created_at)?,
                updated_at: METADATA.instant("updated_at", row.updated_at)?,
                profile: METADATA.json("profile", &row.profile)?,
            })
        })
        .transpose()
    }
}

/// Reads a project in the writer's transaction.
async fn stored(
    turn: &mut Turn<'_>,
    tenant: &[u8],
    id: ProjectId,
) -> Result<Option<Project>, RepositoryError> {
    let id = id.bytes();
    let row = sqlx::query_as!(
        ProjectRow,
        "SELECT id, owner, name, description, signals, created_at FROM projects
        WHERE tenant = ? AND id = ?",
        tenant,
        id,
    );
    let row = row.fetch_optional(&mut *turn.connection).await.map_err(failed)?;
    row.map(Project::try_from).transpose()
}

async fn put_metadata(
    turn: &mut Turn<'_>,
    tenant: &[u8],
    metadata: &Metadata,
) -> Result<(), RepositoryError> {
    let (project, created_by) = (metadata.project.bytes(), metadata.created_by.bytes());
    let (created_at, updated_at) = (micros(metadata.created_at), micros(metadata.updated_at));
    let profile = json(&metadata.profile)?;
    let stored = sqlx::query!(
        "INSERT INTO project_metadata
            (tenant, project, created_by, created_at, updated_at, profile)
        VALUES (?, ?, ?, ?, ?, ?)
        ON CONFLICT (tenant, project) DO UPDATE SET
            updated_at = excluded.updated_at,
            profile = excluded.profile",
        tenant,
        project,
        created_by,
        created_at,
        updated_at,
        profile,
    );
    stored.execute(&mut *turn.connection).await.map(drop).map_err(orphaned("project"))
}

async fn put(turn: &mut Turn<'_>, tenant: &[u8], project: &Project) -> Result<(), RepositoryError> {
    let (id, owner, key) = (project.id.bytes(), project.owner.bytes(), project.name.to_lowercase());
    let twin = sqlx::query_scalar!(
        "SELECT id FROM projects WHERE tenant = ? AND owner = ? AND name_key = ?",
        tenant,
        owner,
        key,
    );
    let twin = twin.fetch_optional(&mut *turn.connection).await.map_err(failed)?;
    if twin.is_some_and(|twin| twin != id) {
        return Err(RepositoryError::Taken("project name"));
    }
    let (signals, created_at) = (json(&project.signals)?, micros(project.created_at));
    let stored = sqlx::query!(
        "INSERT INTO projects (tenant, id, owner, name, name_key, description, signals, created_at)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (tenant, id) DO UPDATE SET
            owner = excluded.owner,
            name = excluded.name,
            name_key = excluded.name_key,
            description = excluded.description,
            signals = excluded.signals,
            created_at = excluded.created_at",
        tenant,
        id,
        owner,
        project.name,
        key,
        project.description,
        signals,
        created_at,
    );
    stored.execute(&mut *turn.connection).await.map(drop).map_err(orphaned("owner"))
}

struct ProjectRow {
    id: Vec<u8>,
    owner: Vec<u8>,
    name: String,
    description: String,
    signals: String,
    created_at: i64,
}

impl TryFrom<ProjectRow> for Project {
    type Error = RepositoryError;

    fn try_from(row: ProjectRow) -> Result<Self, RepositoryError> {
        Ok(Self {
            id: PROJECTS.id("id", &row.id)?,
            owner: PROJECTS.id("owner", &row.owner)?,
            name: row.name,
            description: row.description,
            signals: PROJECTS.json("signals", &row.signals)?,
            created_at: PROJECTS.instant("created_at", row.created_at)?,
        })
    }
}
