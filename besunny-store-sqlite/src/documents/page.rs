//! Pages of documents, newest first.
use besunny_core::{
    document::{Document, DocumentKind},
    ids::DocumentId,
    repository::{BATCH, DocumentFilter, RepositoryError, StateFilter},
    tenant::TenantScope,
    untrusted::Untrusted,
};
use sqlx::SqlitePool;

use super::DOCUMENTS;
use crate::{
    column::{Id, integer, tenant},
    failure::failed,
};

/// Selects documents; the rest of the statement says which.
macro_rules! documents {
    ($which:literal, $($argument:expr),* $(,)?) => {
        sqlx::query_as!(
            DocumentRow,
            "SELECT id, version, owner, kind, title, author, received_at, stored_at, decision,
            removed_at FROM documents WHERE " + $which,
            $($argument),*
        )
    };
}

/// Returns a document.
pub(super) async fn find(
    readers: &SqlitePool,
    scope: &TenantScope,
    id: DocumentId,
) -> Result<Option<Document>, RepositoryError> {
    let (tenant, id) = (tenant(scope), id.bytes());
    let row = documents!("tenant = ? AND id = ?", tenant, id);
    let row = row.fetch_optional(readers).await.map_err(failed)?;
    row.map(Document::try_from).transpose()
}

/// Reads a page by the index that leaves the fewest rows to look at.
pub(super) async fn list(
    readers: &SqlitePool,
    scope: &TenantScope,
    filter: &DocumentFilter,
) -> Result<Vec<Document>, RepositoryError> {
    let wanted = Wanted {
        tenant: tenant(scope),
        before: border(readers, scope, filter.before).await?,
        kind: filter.kind.map(DocumentKind::as_str),
        state: filter.state.map(StateFilter::as_str),
        owner: filter.owner.map(|owner| owner.bytes()),
        limit: integer(filter.limit.min(BATCH)),
    };
    let rows = match (filter.project, wanted.state, &wanted.owner) {
        (Some(project), ..) => wanted.of_project(readers, project.bytes()).await,
        (None, Some(state), _) => wanted.in_state(readers, state).await,
        (None, None, Some(owner)) => wanted.of_owner(readers, owner).await,
        (None, None, None) => wanted.newest(readers).await,
    };
    rows.map_err(failed)?.into_iter().map(Document::try_from).collect()
}

/// The end of a page: after it comes what was received before it, or at once with a lower id.
struct Border {
    received_at: i64,
    id: Vec<u8>,
}

async fn border(
    readers: &SqlitePool,
    scope: &TenantScope,
    before: Option<DocumentId>,
) -> Result<Border, RepositoryError> {
    let Some(id) = before else {
        // Above all documents: no id is longer than 16 bytes.
        return Ok(Border { received_at: i64::MAX, id: vec![u8::MAX; 17] });
    };
    let (tenant, id) = (tenant(scope), id.bytes());
    let received_at = sqlx::query_scalar!(
        "SELECT received_at FROM documents WHERE tenant = ? AND id = ?",
        tenant,
        id,
    );
    let received_at = received_at.fetch_optional(readers).await.map_err(failed)?;
    let received_at = received_at.ok_or(RepositoryError::Missing("document"))?;
    Ok(Border { received_at, id })
}

/// A page that is wanted.
struct Wanted {
    tenant: Vec<u8>,
    before: Border,
    kind: Option<&'static str>,
    state: Option<&'static str>,
    owner: Option<Vec<u8>>,
    limit: i64,
}

type Rows = Result<Vec<DocumentRow>, sqlx::Error>;

impl Wanted {
    async fn of_project(&self, readers: &SqlitePool, project: Vec<u8>) -> Rows {
        let rows = documents!(
            "tenant = ?1 AND project = ?2 AND (received_at, id) < (?3, ?4)
            AND (?5 IS NULL OR kind = ?5) AND (?6 IS NULL OR state = ?6)
            AND (?7 IS NULL OR owner = ?7)
            ORDER BY received_at DESC, id DESC LIMIT ?8 + 0",
            self.tenant,
            project,
            self.before.received_at,
            self.before.id,
            self.kind,
            self.state,
            self.owner,
            self.limit,
        );
        rows.fetch_all(readers).await
    }

    async fn in_state(&self, readers: &SqlitePool, state: &str) -> Rows {
        let rows = documents!(
            "tenant = ?1 AND state = ?2 AND (received_at, id) < (?3, ?4)
            AND (?5 IS NULL OR kind = ?5) AND (?6 IS NULL OR owner = ?6)
            ORDER BY received_at DESC, id DESC LIMIT ?7 + 0",
            self.tenant,
            state,
            self.before.received_at,
            self.before.id,
            self.kind,
            self.owner,
            self.limit,
        );
        rows.fetch_all(readers).await
    }

    async fn of_owner(&self, readers: &SqlitePool, owner: &[u8]) -> Rows {
        let rows = documents!(
            "tenant = ?1 AND owner = ?2 AND (received_at, id) < (?3, ?4)
            AND (?5 IS NULL OR kind = ?5)
            ORDER BY received_at DESC, id DESC LIMIT ?6 + 0",
            self.tenant,
            owner,
            self.before.received_at,
            self.before.id,
            self.kind,
            self.limit,
        );
        rows.fetch_all(readers).await
    }

    async fn newest(&self, readers: &SqlitePool) -> Rows {
        let rows = documents!(
            "tenant = ?1 AND (received_at, id) < (?2, ?3) AND (?4 IS NULL OR kind = ?4)
            ORDER BY received_at DESC, id DESC LIMIT ?5 + 0",
            self.tenant,
            self.before.received_at,
            self.before.id,
            self.kind,
            self.limit,
        );
        rows.fetch_all(readers).await
    }
}

/// The short row of a document.
pub(super) struct DocumentRow {
    pub(super) id: Vec<u8>,
    pub(super) version: i64,
    pub(super) owner: Vec<u8>,
    pub(super) kind: String,
    pub(super) title: String,
    pub(super) author: String,
    pub(super) received_at: i64,
    pub(super) stored_at: i64,
    pub(super) decision: String,
    pub(super) removed_at: Option<i64>,
}

impl TryFrom<DocumentRow> for Document {
    type Error = RepositoryError;

    fn try_from(row: DocumentRow) -> Result<Self, RepositoryError> {
        let removed_at = row.removed_at.map(|at| DOCUMENTS.instant("removed_at", at));
        Ok(Self {
            id: DOCUMENTS.id("id", &row.id)?,
            version: DOCUMENTS.number("version", row.version)?,
            owner: DOCUMENTS.id("owner", &row.owner)?,
            kind: DOCUMENTS.parsed("kind", DocumentKind::parse(&row.kind))?,
            title: Untrusted::new(row.title),
            author: Untrusted::new(row.author),
            received_at: DOCUMENTS.instant("received_at", row.received_at)?,
            stored_at: DOCUMENTS.instant("stored_at", row.stored_at)?,
            state: DOCUMENTS.json("decision", &row.decision)?,
            removed_at: removed_at.transpose()?,
        })
    }
}
