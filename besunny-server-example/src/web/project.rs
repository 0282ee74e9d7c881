//! Projects with what is in them.
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use besunny::core::{
    ids::ProjectId,
    project::Project,
    repository::{RepositoryError, Tally},
};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Site, onboarding::fields, problem::Problem};

/// A project by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ProjectName {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
}

/// A project and how much is in it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ProjectSummary {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// What it is about.
    pub description: String,
    /// How many documents are in it.
    pub documents: u64,
    /// What speaks for it: codes, people, domains, keywords.
    pub signals: Vec<String>,
}

/// A project with all that is known of it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ProjectDetail {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// Given back with a change, which is refused when the project has changed since.
    pub seen: String,
    /// Each field as lines; give back those that shall change.
    pub fields: BTreeMap<String, Vec<String>>,
}

impl ProjectDetail {
    /// Reads a project of the person.
    pub(super) async fn read(site: &Site, id: ProjectId) -> Result<Self, Problem> {
        let project = site.besunny().project(site.scope(), site.user(), id).await?;
        let (known, seen) = site.besunny().known(site.scope(), &project).await?;
        Ok(Self { id: id.as_uuid(), name: project.name, seen, fields: fields(&known) })
    }
}

/// The projects of a person, and what waits outside of them.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Overview {
    /// The projects, by name.
    pub projects: Vec<ProjectSummary>,
    /// Documents nobody has classified yet.
    pub pending: u64,
    /// Documents in the review queue.
    pub needs_review: u64,
    /// Documents in no project, as you said.
    pub no_project: u64,
}

/// The projects of the person, to name them by id.
#[derive(Clone, Debug)]
pub(crate) struct Projects {
    all: Arc<[Project]>,
    names: HashMap<ProjectId, usize>,
}

impl Projects {
    pub(super) async fn of(site: &Site) -> Result<Self, RepositoryError> {
        Ok(Self::among(site.besunny().store().projects(site.scope(), site.user()).await?))
    }

    /// Names the projects of a person.
    pub(crate) fn among(all: Arc<[Project]>) -> Self {
        let names = all.iter().enumerate().map(|(place, project)| (project.id, place)).collect();
        Self { all, names }
    }

    /// Names a project; one that is gone keeps its id.
    pub(crate) fn name(&self, id: ProjectId) -> ProjectName {
        let project = self.names.get(&id).and_then(|place| self.all.get(*place));
        let name = project.map_or_else(|| "a former project".to_owned(), |it| it.name.clone());
        ProjectName { id: id.as_uuid(), name }
    }

    pub(super) fn has(&self, id: ProjectId) -> bool {
        self.names.contains_key(&id)
    }

    /// Returns all by name.
    pub(super) fn sorted(&self) -> Vec<ProjectName> {
        let mut names: Vec<ProjectName> =
            self.all.iter().map(|project| self.name(project.id)).collect();
        names.sort_by_key(|project| project.name.to_lowercase());
        names
    }
}

impl Overview {
    pub(super) async fn of(site: &Site) -> Result<Self, RepositoryError> {
        let projects = Projects::of(site).await?;
        let tally = site.besunny().store().tally(site.scope(), Some(site.user())).await?;
        let mut all: Vec<ProjectSummary> =
            projects.all.iter().map(|project| summary(project, &tally)).collect();
        all.sort_by_key(|project| project.name.to_lowercase());
        Ok(Self {
            projects: all,
            pending: tally.pending,
            needs_review: tally.needs_review,
            no_project: tally.no_project,
        })
    }
}

fn summary(project: &Project, tally: &Tally) -> ProjectSummary {
    let signals = &project.signals;
    let words = [&signals.codes, &signals.people, &signals.domains, &signals.keywords];
    ProjectSummary {
        id: project.id.as_uuid(),
        name: project.name.clone(),
        description: project.description.clone(),
        documents: tally.routed.get(&project.id).copied().unwrap_or_default(),
        signals: words.into_iter().flatten().cloned().collect(),
    }
}
