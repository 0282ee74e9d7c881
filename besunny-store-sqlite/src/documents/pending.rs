//! Documents with their mails, many at once: first how large they are, then what fits.
use std::collections::{BTreeMap, HashMap};

use besunny_core::{
    document::Document,
    ids::DocumentId,
    mail::Mail,
    repository::{Pending, RepositoryError},
    tenant::TenantScope,
};
use serde_json::Value;
use sqlx::SqlitePool;

use super::{DOCUMENTS, page::DocumentRow};
use crate::{
    blobs::{self, BLOBS, Stored},
    column::{hex_list, tenant},
    failure::failed,
};

/// A document, and where its mail is.
struct Found {
    document: Document,
    blob: i64,
    size_bytes: usize,
}

/// Answers the first of `ids`, as far as `max_bytes` reach.
pub(super) async fn read(
    readers: &SqlitePool,
    scope: &TenantScope,
    ids: &[DocumentId],
    max_bytes: usize,
    in_any_state: bool,
) -> Result<Vec<Option<Pending>>, RepositoryError> {
    let found = find(readers, scope, ids, in_any_state).await?;
    let ids = first(ids, &found, max_bytes);
    let mails = mails(readers, scope, ids.iter().filter_map(|id| found.get(id))).await?;
    let pending = |id: &DocumentId| {
        let Some(Found { document, blob, .. }) = found.get(id) else { return Ok(None) };
        let mail = DOCUMENTS.parsed("content", mails.get(blob).cloned())?;
        Ok(Some(Pending { document: document.clone(), mail }))
    };
    ids.iter().map(pending).collect()
}

async fn find(
    readers: &SqlitePool,
    scope: &TenantScope,
    ids: &[DocumentId],
    in_any_state: bool,
) -> Result<HashMap<DocumentId, Found>, RepositoryError> {
    let (tenant, ids) = (tenant(scope), hex_list(ids));
    let rows = sqlx::query!(
        r#"SELECT d.id, d.version, d.owner, d.kind, d.title, d.author, d.received_at, d.stored_at,
            d.decision, d.removed_at, b.rowid AS "blob?: i64", b.size_bytes AS "size_bytes?: i64"
        FROM json_each(?2) AS wanted
        CROSS JOIN documents d ON d.tenant = ?1 AND d.id = unhex(wanted.value)
        LEFT JOIN blobs b ON b.tenant = d.tenant AND b.sha256 = d.content
        WHERE ?3 OR d.state = 'pending'"#,
        tenant,
        ids,
        in_any_state,
    );
    let rows = rows.fetch_all(readers).await.map_err(failed)?;
    let found = rows.into_iter().map(|row| {
        let (blob, size_bytes) = DOCUMENTS.parsed("content", row.blob.zip(row.size_bytes))?;
        let size_bytes = BLOBS.number("size_bytes", size_bytes)?;
        let document = Document::try_from(DocumentRow {
            id: row.id,
            version: row.version,
            owner: row.owner,
            kind: row.kind,
            title: row.title,
            author: row.author,
            received_at: row.received_at,
            stored_at: row.stored_at,
            decision: row.decision,
            removed_at: row.removed_at,
        })?;
        Ok((document.id, Found { document, blob, size_bytes }))
    });
    found.collect()
}

/// Returns the ids whose mails fit, the first at least.
fn first<'a>(
    ids: &'a [DocumentId],
    found: &HashMap<DocumentId, Found>,
    max_bytes: usize,
) -> &'a [DocumentId] {
    let mut bytes = 0_usize;
    let fitting = ids.iter().take_while(|id| {
        bytes = bytes.saturating_add(found.get(id).map_or(0, |found| found.size_bytes));
        bytes <= max_bytes
    });
    let count = fitting.count().max(1);
    ids.get(..count).unwrap_or(ids)
}

/// Reads mails, each once whoever they are for.
async fn mails(
    readers: &SqlitePool,
    scope: &TenantScope,
    found: impl Iterator<Item = &Found>,
) -> Result<HashMap<i64, Mail>, RepositoryError> {
    let sizes: BTreeMap<i64, usize> = found.map(|found| (found.blob, found.size_bytes)).collect();
    if sizes.is_empty() {
        return Ok(HashMap::new());
    }
    let tenant = tenant(scope);
    let wanted = sizes.keys().copied().collect::<Value>().to_string();
    let rows = sqlx::query!(
        r#"SELECT b.rowid AS "blob!: i64", b.packing, b.size_bytes, b.bytes
        FROM json_each(?2) AS wanted CROSS JOIN blobs b ON b.rowid = wanted.value
        WHERE b.tenant = ?1"#,
        tenant,
        wanted,
    );
    let rows = rows.fetch_all(readers).await.map_err(failed)?;
    blobs::unpacking(sizes.values().sum(), move |unpacker| {
        let mails = rows.into_iter().map(|row| {
            let stored =
                Stored { packing: row.packing, size_bytes: row.size_bytes, bytes: row.bytes };
            let json = unpacker.unpack(stored)?;
            let mail = BLOBS.parsed("bytes", serde_json::from_slice(&json).ok())?;
            Ok((row.blob, mail))
        });
        mails.collect()
    })
    .await
}
