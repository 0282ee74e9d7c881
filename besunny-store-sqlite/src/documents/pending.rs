//! Documents that wait for a decision, many at once: first how large they are, then what fits.
use std::collections::{BTreeMap, HashMap};

use besunny_core::{
    document::{Document, DocumentState},
    ids::DocumentId,
    mail::Mail,
    repository::{Pending, RepositoryError},
    tenant::TenantScope,
};
use serde_json::Value;
use sqlx::SqlitePool;

use super::{DOCUMENTS, page};
use crate::{
    blobs::{self, BLOBS, Stored},
    column::{hex_list, tenant},
    failure::failed,
};

/// Where the long content of a document is.
#[derive(Clone, Copy, Debug)]
struct Place {
    blob: i64,
    size_bytes: usize,
}

/// Answers the first of `ids`, as far as `max_bytes` reach.
pub(super) async fn read(
    readers: &SqlitePool,
    scope: &TenantScope,
    ids: &[DocumentId],
    max_bytes: usize,
) -> Result<Vec<Option<Pending>>, RepositoryError> {
    let places = places(readers, scope, ids).await?;
    let ids = first(ids, &places, max_bytes);
    let wanted: Vec<DocumentId> =
        ids.iter().filter(|id| places.contains_key(id)).copied().collect();
    if wanted.is_empty() {
        return Ok(vec![None; ids.len()]);
    }
    let documents = page::find_all(readers, scope, &wanted).await?;
    let documents: HashMap<DocumentId, Document> =
        documents.into_iter().map(|document| (document.id, document)).collect();
    let mails = mails(readers, scope, wanted.iter().filter_map(|id| places.get(id))).await?;
    let pending = |id: &DocumentId| {
        let Some(document) = documents.get(id) else { return Ok(None) };
        if document.state != DocumentState::Pending {
            return Ok(None);
        }
        let mail = places.get(id).and_then(|place| mails.get(&place.blob));
        let mail = DOCUMENTS.parsed("content", mail.cloned())?;
        Ok(Some(Pending { document: document.clone(), mail }))
    };
    ids.iter().map(pending).collect()
}

/// Finds where the mails of pending documents are.
async fn places(
    readers: &SqlitePool,
    scope: &TenantScope,
    ids: &[DocumentId],
) -> Result<HashMap<DocumentId, Place>, RepositoryError> {
    let (tenant, ids) = (tenant(scope), hex_list(ids));
    let rows = sqlx::query!(
        r#"SELECT d.id, b.rowid AS "blob?: i64", b.size_bytes AS "size_bytes?: i64"
        FROM json_each(?2) AS wanted
        CROSS JOIN documents d ON d.tenant = ?1 AND d.id = unhex(wanted.value)
        LEFT JOIN blobs b ON b.tenant = d.tenant AND b.sha256 = d.content
        WHERE d.state = 'pending'"#,
        tenant,
        ids,
    );
    let rows = rows.fetch_all(readers).await.map_err(failed)?;
    let places = rows.into_iter().map(|row| {
        let (blob, size_bytes) = DOCUMENTS.parsed("content", row.blob.zip(row.size_bytes))?;
        let size_bytes = BLOBS.number("size_bytes", size_bytes)?;
        Ok((DOCUMENTS.id("id", &row.id)?, Place { blob, size_bytes }))
    });
    places.collect()
}

/// Returns the ids whose mails fit, the first at least.
fn first<'a>(
    ids: &'a [DocumentId],
    places: &HashMap<DocumentId, Place>,
    max_bytes: usize,
) -> &'a [DocumentId] {
    let mut bytes = 0_usize;
    let fitting = ids.iter().take_while(|id| {
        bytes = bytes.saturating_add(places.get(id).map_or(0, |place| place.size_bytes));
        bytes <= max_bytes
    });
    let count = fitting.count();
    ids.get(..count.max(1)).unwrap_or(ids)
}

/// Reads mails, each once whoever they are for.
async fn mails(
    readers: &SqlitePool,
    scope: &TenantScope,
    places: impl Iterator<Item = &Place>,
) -> Result<HashMap<i64, Mail>, RepositoryError> {
    let sizes: BTreeMap<i64, usize> = places.map(|place| (place.blob, place.size_bytes)).collect();
    let tenant = tenant(scope);
    let wanted = Value::from_iter(sizes.keys().copied()).to_string();
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
