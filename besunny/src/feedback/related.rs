//! The other documents of a thread, which may follow where one of them was put.
use std::collections::{BTreeSet, HashSet};

use besunny_core::{
    document::Document, ids::DocumentId, mail::Mail, preview::PREVIEW_DOCUMENTS,
    repository::DocumentFilter, standing::plain_subject,
};

use super::{Error, Feedback};

/// At most so many are offered: beyond, a person would press without looking.
pub const RELATED: usize = 50;

impl Feedback<'_> {
    /// Lists documents of the thread of `document` that are elsewhere or wait.
    ///
    /// What a person decided on is left out, and what is gone at its source. Earlier mails are found
    /// by the ids the mail names; later ones name it, and are looked for among the newest
    /// [`PREVIEW_DOCUMENTS`]. At most [`RELATED`] are named, the newest first.
    ///
    /// # Errors
    /// What the store says.
    pub async fn related(&self, document: &Document) -> Result<Vec<Document>, Error> {
        let store = &self.besunny.store;
        let Some(content) = store.content(self.scope, document.id).await? else {
            return Ok(Vec::new());
        };
        let named: HashSet<&str> = ids(&content.mail).collect();
        let asked: Vec<&str> = named.iter().copied().collect();
        let members = store.thread(self.scope, self.by, &asked).await?;
        let mut found: BTreeSet<DocumentId> = members.iter().map(|it| it.document).collect();
        let filter = DocumentFilter { limit: PREVIEW_DOCUMENTS, ..self.own() };
        let subject = plain_subject(document.title.expose());
        for other in store.documents(self.scope, &filter).await? {
            let is_like = plain_subject(other.title.expose()) == subject;
            if !is_like || found.contains(&other.id) {
                continue;
            }
            let content = store.content(self.scope, other.id).await?;
            if content.is_some_and(|content| ids(&content.mail).any(|id| named.contains(id))) {
                found.insert(other.id);
            }
        }
        let mut related = Vec::new();
        for id in found.into_iter().filter(|id| *id != document.id) {
            let other = store.document(self.scope, id).await?;
            related.extend(other.filter(|other| could_follow(other, document)));
        }
        related.sort_by_key(|other| std::cmp::Reverse((other.received_at, other.id)));
        related.truncate(RELATED);
        Ok(related)
    }
}

fn could_follow(other: &Document, document: &Document) -> bool {
    other.removed_at.is_none()
        && !other.state.is_of_person()
        && other.state.project() != document.state.project()
}

/// Lists the ids of a mail and of those before it.
fn ids(mail: &Mail) -> impl Iterator<Item = &str> {
    mail.message_id.iter().map(|id| id.expose().as_str()).chain(mail.thread_ids())
}
