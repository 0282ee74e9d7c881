//! Documents: short rows to list and search, long content to read alone.
use std::collections::{HashMap, HashSet};

use async_trait::async_trait;
use besunny_core::{
    document::Document,
    history::Entry,
    ids::{AccountId, DocumentId, UserId},
    repository::{
        Content, DocumentFilter, Documents, Pending, RepositoryError, Tally, ThreadMember,
    },
    source::ItemId,
    tenant::TenantScope,
    untrusted::Untrusted,
};
use bytes::Bytes;

mod page;
mod pending;

use crate::{
    blobs::{self, BLOBS, Stored},
    column::{Id, Table, tenant, text_list},
    failure::failed,
    store::SqliteStore,
};

const DOCUMENTS: Table = Table("documents");
const HISTORY: Table = Table("history");

#[async_trait]
impl Documents for SqliteStore {
    async fn document(
        &self,
        scope: &TenantScope,
        id: DocumentId,
    ) -> Result<Option<Document>, RepositoryError> {
        page::find(&self.readers, scope, id).await
    }

    async fn content(
        &self,
        scope: &TenantScope,
        id: DocumentId,
    ) -> Result<Option<Content>, RepositoryError> {
        let (tenant, id) = (tenant(scope), id.bytes());
        let row = sqlx::query!(
            r#"SELECT d.raw, b.packing, b.size_bytes, b.bytes,
                (SELECT json_group_array(json_object('account', hex(o.account), 'item', o.item))
                    FROM origins o WHERE o.tenant = d.tenant AND o.document = d.id)
                    AS "origins!: String"
            FROM documents d JOIN blobs b ON b.tenant = d.tenant AND b.sha256 = d.content
            WHERE d.tenant = ? AND d.id = ?"#,
            tenant,
            id,
        );
        let Some(row) = row.fetch_optional(&self.readers).await.map_err(failed)? else {
            return Ok(None);
        };
        let stored = Stored { packing: row.packing, size_bytes: row.size_bytes, bytes: row.bytes };
        let json = blobs::unpack(stored).await?;
        Ok(Some(Content {
            mail: BLOBS.parsed("bytes", serde_json::from_slice(&json).ok())?,
            raw: DOCUMENTS.sha256("raw", &row.raw)?,
            origins: Table("origins").json("account", &row.origins)?,
        }))
    }

    async fn pending(
        &self,
        scope: &TenantScope,
        ids: &[DocumentId],
        max_bytes: usize,
    ) -> Result<Vec<Option<Pending>>, RepositoryError> {
        pending::read(&self.readers, scope, ids, max_bytes, false).await
    }

    async fn mails(
        &self,
        scope: &TenantScope,
        ids: &[DocumentId],
        max_bytes: usize,
    ) -> Result<Vec<Option<Pending>>, RepositoryError> {
        pending::read(&self.readers, scope, ids, max_bytes, true).await
    }

    async fn whole(
        &self,
        scope: &TenantScope,
        account: AccountId,
        items: &[ItemId],
    ) -> Result<HashSet<ItemId>, RepositoryError> {
        let (tenant, account) = (tenant(scope), account.bytes());
        let items = text_list(items.iter().map(ItemId::as_str));
        let rows = sqlx::query_scalar!(
            r#"SELECT DISTINCT o.item AS "item!: String" FROM json_each(?3) n
            CROSS JOIN origins o ON o.tenant = ?1 AND o.account = ?2 AND o.item = n.value
            CROSS JOIN documents d
                ON d.tenant = o.tenant AND d.id = o.document AND d.removed_at IS NULL
            CROSS JOIN blobs raw ON raw.tenant = d.tenant AND raw.sha256 = d.raw
            CROSS JOIN blobs content ON content.tenant = d.tenant AND content.sha256 = d.content"#,
            tenant,
            account,
            items,
        );
        let rows = rows.fetch_all(&self.readers).await.map_err(failed)?;
        Ok(rows.into_iter().map(ItemId::from_source).collect())
    }

    async fn blob(
        &self,
        scope: &TenantScope,
        hash: &[u8; 32],
    ) -> Result<Option<Bytes>, RepositoryError> {
        let (tenant, hash) = (tenant(scope), hash.to_vec());
        let stored = sqlx::query_as!(
            Stored,
            "SELECT packing, size_bytes, bytes FROM blobs WHERE tenant = ? AND sha256 = ?",
            tenant,
            hash,
        );
        match stored.fetch_optional(&self.readers).await.map_err(failed)? {
            Some(stored) => Ok(Some(blobs::unpack(stored).await?.into())),
            None => Ok(None),
        }
    }

    async fn history(
        &self,
        scope: &TenantScope,
        id: DocumentId,
    ) -> Result<Vec<Entry>, RepositoryError> {
        let (tenant, document) = (tenant(scope), id.bytes());
        let rows = sqlx::query!(
            "SELECT version, at, fact FROM history WHERE tenant = ? AND document = ?
            ORDER BY version",
            tenant,
            document,
        );
        let rows = rows.fetch_all(&self.readers).await.map_err(failed)?;
        let entries = rows.into_iter().map(|row| {
            Ok(Entry {
                document: id,
                version: HISTORY.number("version", row.version)?,
                at: HISTORY.instant("at", row.at)?,
                fact: HISTORY.json("fact", &row.fact)?,
            })
        });
        entries.collect()
    }

    async fn documents(
        &self,
        scope: &TenantScope,
        filter: &DocumentFilter,
    ) -> Result<Vec<Document>, RepositoryError> {
        page::list(&self.readers, scope, filter).await
    }

    async fn tally(
        &self,
        scope: &TenantScope,
        owner: Option<UserId>,
    ) -> Result<Tally, RepositoryError> {
        let (tenant, owner) = (tenant(scope), owner.map(|owner| owner.bytes()));
        let counts = match owner {
            Some(owner) => {
                sqlx::query_as!(
                    Count,
                    r#"SELECT state, project, count(*) AS "documents!: i64",
                    count(removed_at) AS "removed!: i64"
                FROM documents WHERE tenant = ? AND owner = ? GROUP BY state, project"#,
                    tenant,
                    owner,
                )
                .fetch_all(&self.readers)
                .await
            }
            None => {
                sqlx::query_as!(
                    Count,
                    r#"SELECT state, project, count(*) AS "documents!: i64",
                    count(removed_at) AS "removed!: i64"
                FROM documents WHERE tenant = ? GROUP BY state, project"#,
                    tenant,
                )
                .fetch_all(&self.readers)
                .await
            }
        };
        sum(counts.map_err(failed)?)
    }

    async fn thread(
        &self,
        scope: &TenantScope,
        owner: UserId,
        message_ids: &[&str],
    ) -> Result<Vec<ThreadMember>, RepositoryError> {
        let (tenant, owner, ids) = (tenant(scope), owner.bytes(), text_list(message_ids));
        let rows = sqlx::query!(
            r#"SELECT id, project, message_id AS "message_id!",
                decision ->> 'confidence' AS "confidence?: f64" FROM documents
            WHERE tenant = ? AND owner = ? AND message_id IN (SELECT value FROM json_each(?))"#,
            tenant,
            owner,
            ids,
        );
        let rows = rows.fetch_all(&self.readers).await.map_err(failed)?;
        let members = rows.into_iter().map(|row| {
            let project = row.project.map(|id| DOCUMENTS.id("project", &id)).transpose()?;
            Ok(ThreadMember {
                message_id: Untrusted::new(row.message_id),
                document: DOCUMENTS.id("id", &row.id)?,
                project,
                confidence: row.confidence,
            })
        });
        members.collect()
    }
}

struct Count {
    state: String,
    project: Option<Vec<u8>>,
    documents: i64,
    removed: i64,
}

fn sum(counts: Vec<Count>) -> Result<Tally, RepositoryError> {
    let mut tally = Tally { routed: HashMap::new(), ..Tally::default() };
    for row in counts {
        let count = DOCUMENTS.number("state", row.documents)?;
        tally.removed += DOCUMENTS.number::<u64>("removed_at", row.removed)?;
        match (row.state.as_str(), row.project) {
            ("pending", None) => tally.pending = count,
            ("needs_review", None) => tally.needs_review = count,
            ("no_project", None) => tally.no_project = count,
            ("routed", Some(project)) => {
                tally.routed.insert(DOCUMENTS.id("project", &project)?, count);
            }
            (_, _) => return Err(DOCUMENTS.corrupt("state")),
        }
    }
    Ok(tally)
}
