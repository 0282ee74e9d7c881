//! Records that tests are about.
use besunny_core::{
    document::{Document, DocumentKind, DocumentState},
    ids::{DocumentId, UserId},
    mail::Mail,
    untrusted::Untrusted,
};
use chrono::{DateTime, Utc};

/// A pending document of Ann's by this name, with this mail.
#[must_use]
pub fn document(name: &str, mail: &Mail, received_at: DateTime<Utc>) -> Document {
    Document {
        id: DocumentId::derived(&[name.as_bytes()]),
        version: 1,
        owner: UserId::derived(&[b"ann"]),
        kind: DocumentKind::Email,
        title: mail.subject.clone(),
        author: Untrusted::default(),
        received_at,
        stored_at: received_at,
        state: DocumentState::Pending,
        removed_at: None,
    }
}
