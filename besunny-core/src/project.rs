//! Projects: where documents go, and what speaks for each.
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::ids::{ProjectId, TenantId, UserId};

/// The longest name of a project, in characters (PROJ-1).
pub const MAX_NAME: usize = 200;

/// A routing target (PROJ-1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Project {
    /// Our id.
    pub id: ProjectId,
    /// Whose it is.
    pub owner: UserId,
    /// Its name, unique for the owner.
    pub name: String,
    /// What it is about.
    pub description: String,
    /// What speaks for it.
    pub signals: Signals,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// What speaks for a project (CLS-7, `entity_patterns` and `reference_keywords`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Signals {
    /// Codes that name it and nothing else, such as `RVF-12`.
    pub codes: Vec<String>,
    /// Mail addresses of its people.
    pub people: Vec<String>,
    /// Domains of its organisations.
    pub domains: Vec<String>,
    /// Words and phrases of its trade.
    pub keywords: Vec<String>,
}

impl Project {
    /// Makes a project whose id follows from tenant, owner and name.
    pub fn new(
        tenant: TenantId,
        owner: UserId,
        name: &str,
        created_at: DateTime<Utc>,
    ) -> Result<Self, ProjectNameError> {
        let name = name.trim();
        if name.is_empty() || name.chars().count() > MAX_NAME {
            return Err(ProjectNameError);
        }
        let id = ProjectId::derived(&[
            tenant.as_bytes(),
            owner.as_bytes(),
            name.to_lowercase().as_bytes(),
        ]);
        Ok(Self {
            id,
            owner,
            name: name.to_owned(),
            description: String::new(),
            signals: Signals::default(),
            created_at,
        })
    }
}

/// A project name is empty or too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a project name has 1 to {MAX_NAME} characters")]
pub struct ProjectNameError;
