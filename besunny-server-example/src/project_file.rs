//! Projects as people write them: a TOML file.
use std::{collections::HashSet, path::Path, sync::Arc};

use besunny::core::{
    ids::UserId,
    project::{Project, Signals},
};
use serde::Deserialize;

use crate::{command::Refusal, config, home::Home};

/// A file of projects: `[[project]]` once for each.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProjectFile {
    project: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    codes: Vec<String>,
    #[serde(default)]
    people: Vec<String>,
    #[serde(default)]
    domains: Vec<String>,
    #[serde(default)]
    keywords: Vec<String>,
}

/// Projects that were read and are not yet stored.
#[derive(Debug)]
pub(crate) struct Projects(Vec<Entry>);

impl Projects {
    /// Reads the file at `path`.
    pub(crate) fn read(path: &Path) -> Result<Self, Refusal> {
        Self::checked(config::parse(path)?, &path.display().to_string())
    }

    /// Reads the text of a file called `name`.
    #[cfg(feature = "demo")]
    pub(crate) fn parse(text: &str, name: &str) -> Result<Self, Refusal> {
        Self::checked(config::parse_text(text, name)?, name)
    }

    fn checked(ProjectFile { project }: ProjectFile, file: &str) -> Result<Self, Refusal> {
        let mut names = HashSet::new();
        for entry in &project {
            if !names.insert(entry.name.trim().to_lowercase()) {
                let message = format!(
                    "{file} has two projects called {:?}: give each its own name",
                    entry.name
                );
                return Err(Refusal::usage("config", message));
            }
        }
        Ok(Self(project))
    }

    /// Stores the projects for `owner`; one with the same name is replaced.
    pub(crate) async fn put(self, home: &Home, owner: UserId) -> Result<(), Refusal> {
        let store = home.besunny.store();
        let known: Arc<[Project]> = store.projects(&home.scope, owner).await?;
        for entry in self.0 {
            let named = format!("the project {:?}", entry.name);
            let now = home.clock.now();
            let project = Project::new(home.scope.tenant(), owner, &entry.name, now);
            let mut project = project.map_err(|error| {
                Refusal::usage("config", format!("{named} is refused: {error}"))
            })?;
            if let Some(old) = known.iter().find(|old| old.id == project.id) {
                project.created_at = old.created_at;
            }
            project.description = entry.description;
            let Entry { codes, people, domains, keywords, .. } = entry;
            project.signals = Signals { codes, people, domains, keywords, active: None };
            store.put_project(&home.scope, &project).await?;
        }
        Ok(())
    }
}
