//! Projects: where documents go, and what speaks for each.
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    ids::{ProjectId, TenantId, UserId},
    profile::Profile,
};

mod period;

pub use period::{MAX_DAYS, Period, PeriodError};

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
    /// When it is worked on (CLS-7: temporal relevance); `None` says nothing about a document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active: Option<Period>,
}

impl Project {
    /// Makes a project whose id follows from tenant, owner and name.
    pub fn new(
        tenant: TenantId,
        owner: UserId,
        name: &str,
        created_at: DateTime<Utc>,
    ) -> Result<Self, ProjectNameError> {
        let name = checked_name(name)?;
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

/// Names a project as it is now, so that a save can be refused when it has changed since.
///
/// 64 bits tell two states of one project apart; it is no secret.
#[must_use]
#[expect(clippy::many_single_char_names, reason = "bytes in their order")]
pub fn fingerprint(project: &Project, profile: &Profile) -> String {
    let mut hash = Sha256::new();
    hash.update(serde_json::to_vec(project).unwrap_or_default());
    hash.update(serde_json::to_vec(profile).unwrap_or_default());
    let [a, b, c, d, e, f, g, h, ..] = <[u8; 32]>::from(hash.finalize());
    format!("{:016x}", u64::from_be_bytes([a, b, c, d, e, f, g, h]))
}

/// Returns `name` without the space around it, if a project may have it.
///
/// # Errors
/// [`ProjectNameError`] when it is empty or too long.
pub fn checked_name(name: &str) -> Result<&str, ProjectNameError> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > MAX_NAME {
        return Err(ProjectNameError);
    }
    Ok(name)
}

/// A project name is empty or too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a project name has 1 to {MAX_NAME} characters")]
pub struct ProjectNameError;
