//! A tenant with a person, an account and two streams, and short words for what is done to them.
use std::{collections::BTreeSet, sync::Arc, time::Duration};

use besunny_core::{
    account::{Account, Intake, NewAccount, Provider, stream_id},
    address::Username,
    commit::{Basis, Commit, Effect, PassBasis},
    document::{Document, DocumentKind, NewDocument, document_id},
    ids::{CommitId, DocumentId, StreamId, TenantId, UserId},
    mail::{self, Caps},
    repository::{DocumentFilter, RepositoryError, Store},
    scheduler::{Ask, Lease, Release, Rest},
    source::{ItemId, ItemRef, OfferedStream, Revision, StreamKey, Subject},
    tenant::{Tenant, TenantScope, User},
    track::{Track, Version},
};
use bytes::Bytes;
use chrono::{DateTime, TimeZone, Utc};

use super::World;
use crate::conformance::Broken;

/// Leases of the suite last so long.
pub(super) const LEASE: Duration = Duration::from_mins(1);

/// A tenant to work with.
pub(super) struct Bench {
    pub(super) store: Arc<dyn Store>,
    pub(super) scope: TenantScope,
    pub(super) user: UserId,
    pub(super) account: Account,
    /// Two streams of the account.
    pub(super) streams: [StreamId; 2],
    name: &'static str,
}

/// An instant that all commits of the suite state.
pub(super) fn noon() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 6, 1, 12, 0, 0).single().unwrap_or(DateTime::UNIX_EPOCH)
}

impl Bench {
    /// Makes tenant `name` with all that belongs to it.
    pub(super) async fn new(world: &World, name: &'static str) -> Result<Self, Broken> {
        let store = world.store();
        let tenant = TenantId::derived(&[name.as_bytes()]);
        let scope = TenantScope::trusted(tenant);
        store.found(&Tenant { id: tenant, name: name.to_owned(), created_at: noon() }).await?;
        let user = UserId::derived(&[name.as_bytes(), b"ann"]);
        store.add_user(&scope, &person(user, "ann")?).await?;
        let grant = NewAccount {
            owner: user,
            provider: Provider::new("scripted"),
            subject: Subject::from_source(format!("inbox@{name}.example")),
            intake: Intake::Whole,
        };
        let account = Account::new(tenant, grant, noon());
        let keys = ["first", "second"].map(StreamKey::from_source);
        let offered = keys.clone().map(|key| OfferedStream {
            title: key.as_str().to_owned(),
            key,
            proposed: true,
        });
        store.connect(&scope, &account, &offered).await?;
        let streams = keys.map(|key| stream_id(account.id, &key));
        Ok(Self { store, scope, user, account, streams, name })
    }

    /// Returns the tenant the suite mostly works with.
    pub(super) async fn acme(world: &World) -> Result<Self, Broken> {
        Self::new(world, "acme").await
    }

    /// Leases everything that is due and returns the lease on the first stream.
    pub(super) async fn lease(&self) -> Result<Lease, Broken> {
        self.lease_of(self.streams[0]).await
    }

    /// Leases everything that is due and returns the lease on `stream`.
    pub(super) async fn lease_of(&self, stream: StreamId) -> Result<Lease, Broken> {
        let leases = self.leases().await?;
        let found = leases.into_iter().find(|lease| lease.stream == stream);
        found.ok_or_else(|| Broken::new("the stream is due, but no lease was granted"))
    }

    pub(super) async fn leases(&self) -> Result<Vec<Lease>, Broken> {
        Ok(self.store.lease(Ask { limit: 100, lease_for: LEASE }).await?)
    }

    /// Ends a lease; the stream is due again after `wait`.
    pub(super) async fn release(&self, lease: &Lease, wait: Duration) -> Result<(), Broken> {
        self.end(lease, Rest::After(wait)).await
    }

    /// Ends a lease; the stream rests as it is told.
    pub(super) async fn end(&self, lease: &Lease, rest: Rest) -> Result<(), Broken> {
        let (attempt, expired, quiet) = (0, 0, 0);
        let release = Release { rest, attempt, expired, error: None, caught_up: true, quiet };
        Ok(self.store.release(lease, release).await?)
    }

    /// Makes the commit of a pass over the stream of `lease`.
    pub(super) async fn pass(&self, lease: &Lease, effects: Vec<Effect>) -> Result<Commit, Broken> {
        let at = self.store.position(&self.scope, lease.stream).await?;
        Ok(Commit {
            id: CommitId::derived(&[
                lease.stream.as_bytes(),
                &lease.epoch.0.to_be_bytes(),
                &at.version.0.to_be_bytes(),
            ]),
            basis: Basis::Pass(Box::new(PassBasis {
                stream: lease.stream,
                epoch: lease.epoch,
                expected: at.version,
                mark: at.track.scan.as_ref().map(|scan| scan.id),
                track: at.track,
                met: effects.iter().filter_map(met).collect(),
            })),
            at: noon(),
            effects,
        })
    }

    /// Applies `effects` in a pass over the stream of `lease`.
    pub(super) async fn apply(
        &self,
        lease: &Lease,
        effects: Vec<Effect>,
    ) -> Result<Version, Broken> {
        let commit = self.pass(lease, effects).await?;
        Ok(self.commit(commit).await?)
    }

    /// Applies a track and marks for what was met.
    pub(super) async fn follow(
        &self,
        lease: &Lease,
        track: Track,
        met: &[ItemRef],
    ) -> Result<(), Broken> {
        let mut commit = self.pass(lease, Vec::new()).await?;
        if let Basis::Pass(pass) = &mut commit.basis {
            pass.mark = track.scan.as_ref().map(|scan| scan.id);
            (pass.track, pass.met) = (track, met.to_vec());
        }
        self.commit(commit).await?;
        Ok(())
    }

    pub(super) async fn commit(&self, commit: Commit) -> Result<Version, RepositoryError> {
        self.store.commit(&self.scope, Arc::new(commit)).await
    }

    /// Returns the effect of storing a mail with `subject` as item `id` for the bench's person.
    pub(super) fn store_effect(&self, id: &str, subject: &str) -> Result<Effect, Broken> {
        let document = self.document(self.user, &raw_mail(subject))?;
        Ok(Effect::Store { item: item(id), documents: vec![document] })
    }

    /// Returns the document of a mail for `owner`.
    pub(super) fn document(&self, owner: UserId, raw: &Bytes) -> Result<NewDocument, Broken> {
        let read = mail::read(raw, &Caps::default());
        let mail = read.map_err(|error| Broken::new(error.to_string()))?;
        let content_hash = mail::content_hash(raw);
        let kind = DocumentKind::Email;
        Ok(NewDocument {
            id: document_id(self.scope.tenant(), owner, kind, &content_hash),
            owner,
            kind,
            received_at: mail.date.map_or_else(noon, |date| date.to_utc()),
            raw: raw.clone(),
            content_hash,
            mail: Arc::new(mail),
        })
    }

    /// Returns the id the mail with `subject` has as a document of the bench's person.
    pub(super) fn document_id(&self, subject: &str) -> Result<DocumentId, Broken> {
        Ok(self.document(self.user, &raw_mail(subject))?.id)
    }

    /// Stores a mail in the first stream and returns the document.
    pub(super) async fn stored(&self, lease: &Lease, subject: &str) -> Result<Document, Broken> {
        self.apply(lease, vec![self.store_effect(subject, subject)?]).await?;
        self.found(self.document_id(subject)?).await
    }

    pub(super) async fn found(&self, id: DocumentId) -> Result<Document, Broken> {
        let document = self.store.document(&self.scope, id).await?;
        document.ok_or_else(|| Broken::new("a document that was stored is not there"))
    }

    /// Returns the subjects of all documents.
    pub(super) async fn subjects(&self) -> Result<BTreeSet<String>, Broken> {
        let filter = DocumentFilter { limit: 100, ..DocumentFilter::default() };
        let documents = self.store.documents(&self.scope, &filter).await?;
        Ok(documents.into_iter().map(|document| document.title.into_exposed()).collect())
    }

    /// Adds a person called `username`.
    pub(super) async fn add_person(&self, username: &str) -> Result<UserId, Broken> {
        let id = UserId::derived(&[self.name.as_bytes(), username.as_bytes()]);
        self.store.add_user(&self.scope, &person(id, username)?).await?;
        Ok(id)
    }
}

pub(super) fn person(id: UserId, username: &str) -> Result<User, Broken> {
    let parsed = Username::parse(username).map_err(|error| Broken::new(error.to_string()))?;
    Ok(User { id, username: parsed, name: username.to_owned(), created_at: noon() })
}

/// Names an item at the one revision the suite uses.
pub(super) fn item(id: &str) -> ItemRef {
    ItemRef::new(item_id(id), Revision::from_source("1"))
}

pub(super) fn item_id(id: &str) -> ItemId {
    ItemId::from_source(id)
}

/// Writes a mail with an attachment.
pub(super) fn raw_mail(subject: &str) -> Bytes {
    let text = format!(
        "Message-ID: <{}@example.org>\r\nDate: Mon, 1 Jun 2026 09:30:00 +0200\r\n\
         From: Bob Example <bob@example.org>\r\nTo: ann@example.com\r\nSubject: {subject}\r\n\
         MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"b\"\r\n\r\n\
         --b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nAbout {subject}: gr\u{fc}ezi.\r\n\
         --b\r\nContent-Type: application/octet-stream\r\n\
         Content-Disposition: attachment; filename=\"{subject}.bin\"\r\n\
         Content-Transfer-Encoding: base64\r\n\r\nAAECAwQFBgcICQ==\r\n--b--\r\n",
        subject.replace(' ', "-")
    );
    Bytes::from(text)
}

fn met(effect: &Effect) -> Option<ItemRef> {
    match effect {
        Effect::Store { item, .. } | Effect::Hold { item, .. } | Effect::Ignore { item, .. } => {
            Some(item.clone())
        }
        Effect::Quarantine { item, .. } => Some(ItemRef { id: item.clone(), revision: None }),
        Effect::Leave(_)
        | Effect::Detect(_)
        | Effect::Decide(_)
        | Effect::Enqueue(_)
        | Effect::Defer { .. }
        | Effect::Label { .. }
        | Effect::Meet(_)
        | Effect::Post(_)
        | Effect::Staff { .. }
        | Effect::Transcribe(_)
        | Effect::Prefer { .. }
        | Effect::Watch(_)
        | Effect::Act(_) => None,
    }
}
