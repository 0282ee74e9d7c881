//! Projects.
use std::sync::Arc;

use async_trait::async_trait;
use besunny_core::{
    ids::UserId,
    project::Project,
    repository::{Projects, RepositoryError},
    tenant::TenantScope,
};

use crate::{
    column::{Id, Table, json, micros, tenant},
    failure::{failed, orphaned},
    store::SqliteStore,
    writer::Turn,
};

const PROJECTS: Table = Table("projects");

#[async_trait]
impl Projects for SqliteStore {
    async fn put_project(
        &self,
        scope: &TenantScope,
        project: &Project,
    ) -> Result<(), RepositoryError> {
        let (tenant, project) = (tenant(scope), project.clone());
        self.write(move |turn| Box::pin(put(turn, tenant, project))).await
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
}

async fn put(turn: Turn<'_>, tenant: Vec<u8>, project: Project) -> Result<(), RepositoryError> {
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
    stored.execute(turn.connection).await.map(drop).map_err(orphaned("owner"))
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
