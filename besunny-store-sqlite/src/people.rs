//! Tenants and their people.
use std::collections::HashMap;

use async_trait::async_trait;
use besunny_core::{
    address::Username,
    ids::UserId,
    repository::{People, RepositoryError},
    tenant::{Allowed, Tenant, TenantScope, User},
};

use crate::{
    column::{Id, Table, json, micros, tenant, text_list},
    failure::{failed, orphaned},
    newcomers,
    store::SqliteStore,
};

const TENANTS: Table = Table("tenants");
const USERS: Table = Table("users");

#[async_trait]
impl People for SqliteStore {
    async fn found(&self, tenant: &Tenant) -> Result<(), RepositoryError> {
        let tenant = tenant.clone();
        self.write(move |turn| {
            Box::pin(async move {
                let (id, created_at) = (tenant.id.bytes(), micros(tenant.created_at));
                let founded = sqlx::query!(
                    "INSERT INTO tenants (id, name, created_at) VALUES (?, ?, ?)
                    ON CONFLICT (id) DO NOTHING",
                    id,
                    tenant.name,
                    created_at,
                );
                founded.execute(turn.connection).await.map(drop).map_err(failed)
            })
        })
        .await
    }

    async fn add_user(&self, scope: &TenantScope, user: &User) -> Result<(), RepositoryError> {
        let (tenant, user) = (tenant(scope), user.clone());
        newcomers::ask_ahead(self, &tenant, user.username.as_str()).await?;
        self.write(move |mut turn| {
            Box::pin(async move {
                let (id, username) = (user.id.bytes(), user.username.as_str());
                let holder = sqlx::query_scalar!(
                    "SELECT id FROM users WHERE tenant = ? AND username = ?",
                    tenant,
                    username,
                );
                let holder = holder.fetch_optional(&mut *turn.connection).await.map_err(failed)?;
                if holder.is_some_and(|holder| holder != id) {
                    return Err(RepositoryError::Taken("username"));
                }
                let created_at = micros(user.created_at);
                let added = sqlx::query!(
                    "INSERT INTO users (tenant, id, username, name, created_at)
                    VALUES (?, ?, ?, ?, ?) ON CONFLICT (tenant, id) DO NOTHING",
                    tenant,
                    id,
                    username,
                    user.name,
                    created_at,
                );
                let added = added.execute(&mut *turn.connection).await;
                if added.map_err(orphaned("tenant"))?.rows_affected() > 0 {
                    newcomers::welcome(&mut turn, tenant, user.username.to_string()).await?;
                }
                Ok(())
            })
        })
        .await
    }

    async fn users(&self, scope: &TenantScope) -> Result<Vec<User>, RepositoryError> {
        let tenant = tenant(scope);
        let rows = sqlx::query_as!(
            UserRow,
            "SELECT id, username, name, created_at FROM users WHERE tenant = ? ORDER BY id",
            tenant,
        );
        let rows = rows.fetch_all(&self.readers).await.map_err(failed)?;
        rows.into_iter().map(User::try_from).collect()
    }

    async fn named(
        &self,
        scope: &TenantScope,
        names: &[Username],
    ) -> Result<HashMap<Username, UserId>, RepositoryError> {
        let (tenant, names) = (tenant(scope), text_list(names.iter().map(Username::as_str)));
        let rows = sqlx::query!(
            "SELECT u.id, u.username FROM json_each(?2) n
            CROSS JOIN users u ON u.tenant = ?1 AND u.username = n.value",
            tenant,
            names,
        );
        let rows = rows.fetch_all(&self.readers).await.map_err(failed)?;
        rows.into_iter()
            .map(|row| Ok((username(&row.username)?, USERS.id("id", &row.id)?)))
            .collect()
    }

    async fn allowed(&self, scope: &TenantScope) -> Result<Allowed, RepositoryError> {
        let tenant = tenant(scope);
        let allowed = sqlx::query_scalar!("SELECT allowed FROM tenants WHERE id = ?", tenant);
        let allowed = allowed.fetch_optional(&self.readers).await.map_err(failed)?;
        let allowed = allowed.map(|text| TENANTS.json("allowed", &text)).transpose()?;
        Ok(allowed.unwrap_or_default())
    }

    async fn allow(&self, scope: &TenantScope, allowed: Allowed) -> Result<(), RepositoryError> {
        let (tenant, allowed) = (tenant(scope), json(&allowed)?);
        self.write(move |turn| {
            Box::pin(async move {
                let set =
                    sqlx::query!("UPDATE tenants SET allowed = ? WHERE id = ?", allowed, tenant);
                set.execute(turn.connection).await.map(drop).map_err(failed)
            })
        })
        .await
    }
}

struct UserRow {
    id: Vec<u8>,
    username: String,
    name: String,
    created_at: i64,
}

impl TryFrom<UserRow> for User {
    type Error = RepositoryError;

    fn try_from(row: UserRow) -> Result<Self, RepositoryError> {
        Ok(Self {
            id: USERS.id("id", &row.id)?,
            username: username(&row.username)?,
            name: row.name,
            created_at: USERS.instant("created_at", row.created_at)?,
        })
    }
}

fn username(text: &str) -> Result<Username, RepositoryError> {
    USERS.parsed("username", Username::parse(text).ok())
}
