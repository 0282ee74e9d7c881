//! Tenants, their people, and the proof of ownership every store call carries.
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    address::Username,
    ids::{TenantId, UserId},
};

/// The right to touch one tenant's rows (ARCHITECTURE.md L6).
///
/// Only whoever knows who is calling makes one: the authentication of a request, or a lease or job
/// that a store handed out. There is no way to ask a store anything without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TenantScope(TenantId);

impl TenantScope {
    /// Grants access to `tenant`; the caller has authenticated somebody of that tenant.
    #[must_use]
    pub const fn trusted(tenant: TenantId) -> Self {
        Self(tenant)
    }

    /// Returns the tenant whose rows may be touched.
    #[must_use]
    pub const fn tenant(&self) -> TenantId {
        self.0
    }
}

/// A customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenant {
    /// Our id.
    pub id: TenantId,
    /// A name for people.
    pub name: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// What a tenant allows to be done with its documents; nothing by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Allowed {
    /// Documents that nobody is sure of may be shown to a language model.
    pub language_models: bool,
}

/// A person of a tenant (USER-1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Our id.
    pub id: UserId,
    /// The key of the virtual address, unique in the tenant and set once (USER-2).
    pub username: Username,
    /// A name for people.
    pub name: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}
