//! What a commit touches, as it is stored before.
use std::collections::{BTreeMap, BTreeSet, HashMap};

use besunny_core::{
    commit::{Commit, Effect},
    ids::{AccountId, DocumentId, StreamId, TenantId, UserId},
    repository::RepositoryError,
    source::ItemId,
};
use chrono::{DateTime, Utc};
use sqlx::SqliteConnection;

use super::Place;
use crate::{
    column::{Id, Table, hex_list, text_list},
    failure::failed,
};

const DOCUMENTS: Table = Table("documents");
const ORIGINS: Table = Table("origins");

/// From which item of which account a document came.
pub(super) type Link = (AccountId, ItemId);

/// What a commit touches.
#[derive(Debug, Default)]
pub(super) struct Facts {
    /// Documents that are stored.
    pub(super) documents: HashMap<DocumentId, Held>,
    /// Which documents came from which item of the pass's account.
    pub(super) linked: BTreeMap<ItemId, BTreeSet<DocumentId>>,
    /// Which streams of the account hold the items that leave.
    pub(super) holders: BTreeMap<ItemId, BTreeSet<StreamId>>,
}

/// A document that is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) owner: UserId,
    pub(super) version: u64,
    pub(super) removed_at: Option<DateTime<Utc>>,
    pub(super) origins: BTreeSet<Link>,
}

impl Facts {
    /// Loads what `commit` touches, with few statements whatever its size.
    pub(super) async fn load(
        connection: &mut SqliteConnection,
        tenant: TenantId,
        place: Option<Place>,
        commit: &Commit,
    ) -> Result<Self, RepositoryError> {
        let (mut facts, touched) = (Self::default(), Touched::of(commit));
        if let Some(place) = place {
            facts.load_linked(connection, tenant, place, &touched).await?;
            facts.load_holders(connection, tenant, place, &touched).await?;
        }
        let linked = facts.linked.values().flatten();
        let stored: BTreeSet<DocumentId> = linked.chain(&touched.stored).copied().collect();
        facts.load_documents(connection, tenant, stored.union(&touched.decided)).await?;
        let held: Vec<&DocumentId> =
            stored.iter().filter(|id| facts.documents.contains_key(id)).collect();
        if !held.is_empty() {
            let ids = hex_list(held);
            facts.load_origins(connection, tenant, ids).await?;
        }
        Ok(facts)
    }

    async fn load_linked(
        &mut self,
        connection: &mut SqliteConnection,
        tenant: TenantId,
        place: Place,
        touched: &Touched<'_>,
    ) -> Result<(), RepositoryError> {
        if touched.items.is_empty() {
            return Ok(());
        }
        let (tenant, account) = (tenant.bytes(), place.account.bytes());
        let items = text_list(touched.items.iter().map(|id| id.as_str()));
        let rows = sqlx::query!(
            "SELECT item, document FROM origins
            WHERE tenant = ? AND account = ? AND item IN (SELECT value FROM json_each(?))",
            tenant,
            account,
            items,
        );
        for row in rows.fetch_all(connection).await.map_err(failed)? {
            let document = ORIGINS.id("document", &row.document)?;
            self.linked.entry(ItemId::from_source(row.item)).or_default().insert(document);
        }
        Ok(())
    }

    async fn load_holders(
        &mut self,
        connection: &mut SqliteConnection,
        tenant: TenantId,
        place: Place,
        touched: &Touched<'_>,
    ) -> Result<(), RepositoryError> {
        if touched.left.is_empty() {
            return Ok(());
        }
        let (tenant, account) = (tenant.bytes(), place.account.bytes());
        let items = text_list(touched.left.iter().map(|id| id.as_str()));
        let rows = sqlx::query!(
            "SELECT m.stream, m.item FROM streams s
            CROSS JOIN members m ON m.tenant = s.tenant AND m.stream = s.id
            WHERE s.tenant = ? AND s.account = ?
            AND m.item IN (SELECT value FROM json_each(?))",
            tenant,
            account,
            items,
        );
        for row in rows.fetch_all(connection).await.map_err(failed)? {
            let stream = Table("members").id("stream", &row.stream)?;
            self.holders.entry(ItemId::from_source(row.item)).or_default().insert(stream);
        }
        Ok(())
    }

    async fn load_documents(
        &mut self,
        connection: &mut SqliteConnection,
        tenant: TenantId,
        ids: impl Iterator<Item = &DocumentId>,
    ) -> Result<(), RepositoryError> {
        let mut ids = ids.peekable();
        if ids.peek().is_none() {
            return Ok(());
        }
        let (tenant, ids) = (tenant.bytes(), hex_list(ids));
        let rows = sqlx::query!(
            "SELECT id, owner, version, removed_at FROM documents
            WHERE tenant = ? AND id IN (SELECT unhex(value) FROM json_each(?))",
            tenant,
            ids,
        );
        for row in rows.fetch_all(connection).await.map_err(failed)? {
            let removed_at = row.removed_at.map(|at| DOCUMENTS.instant("removed_at", at));
            let held = Held {
                owner: DOCUMENTS.id("owner", &row.owner)?,
                version: DOCUMENTS.number("version", row.version)?,
                removed_at: removed_at.transpose()?,
                origins: BTreeSet::new(),
            };
            self.documents.insert(DOCUMENTS.id("id", &row.id)?, held);
        }
        Ok(())
    }

    async fn load_origins(
        &mut self,
        connection: &mut SqliteConnection,
        tenant: TenantId,
        documents: String,
    ) -> Result<(), RepositoryError> {
        let tenant = tenant.bytes();
        let rows = sqlx::query!(
            "SELECT document, account, item FROM origins
            WHERE tenant = ? AND document IN (SELECT unhex(value) FROM json_each(?))",
            tenant,
            documents,
        );
        for row in rows.fetch_all(connection).await.map_err(failed)? {
            let link = (ORIGINS.id("account", &row.account)?, ItemId::from_source(row.item));
            let document = ORIGINS.id("document", &row.document)?;
            if let Some(held) = self.documents.get_mut(&document) {
                held.origins.insert(link);
            }
        }
        Ok(())
    }
}

/// What the effects of a commit name.
#[derive(Debug, Default)]
struct Touched<'a> {
    /// Items whose documents may change.
    items: BTreeSet<&'a ItemId>,
    /// Items that leave.
    left: BTreeSet<&'a ItemId>,
    stored: BTreeSet<DocumentId>,
    decided: BTreeSet<DocumentId>,
}

impl<'a> Touched<'a> {
    fn of(commit: &'a Commit) -> Self {
        let mut touched = Self::default();
        for effect in &commit.effects {
            match effect {
                Effect::Store { item, documents } => {
                    touched.items.insert(&item.id);
                    touched.stored.extend(documents.iter().map(|new| new.id));
                }
                Effect::Transcribe(new) => {
                    touched.stored.insert(new.document.id);
                }
                Effect::Ignore { item, .. } => {
                    touched.items.insert(&item.id);
                }
                Effect::Leave(item) => {
                    touched.items.insert(item);
                    touched.left.insert(item);
                }
                Effect::Decide(_) | Effect::Label { .. } => {
                    touched.decided.extend(effect.pinned().map(|(document, _)| document));
                }
                Effect::Quarantine { .. }
                | Effect::Hold { .. }
                | Effect::Meet(_)
                | Effect::Post(_)
                | Effect::Staff { .. }
                | Effect::Prefer { .. }
                | Effect::Detect(_)
                | Effect::Enqueue(_)
                | Effect::Defer { .. }
                | Effect::Watch(_)
                | Effect::Act(_) => {}
            }
        }
        touched
    }
}
