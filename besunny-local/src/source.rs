//! The adapter: one form of local mail, any number of mailboxes by path.
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use besunny_core::{
    account::Provider,
    message::Message,
    source::{
        AccountRef, Cursor, Entries, Fetched, ItemId, ItemRef, Limits, OfferedStream, PageToken,
        Revision, Snapshot, SnapshotSource, SourceError, StreamKey, StreamRef, Subject,
    },
};

use crate::{
    disk::{blocking, misconfigured, tried},
    eml,
    index::{Content, Index, Indexed, Place},
    maildir, mbox, page,
};

/// So many mails a page of a listing names.
const PAGE: usize = 500;
/// Looking at a file costs little, so it is looked at again soon.
const POLL_FLOOR: Duration = Duration::from_secs(5);
/// Mails are read one by one, each held in memory only while it is taken in.
const CONCURRENCY: usize = 2;

/// Reading one mail; reading a whole mailbox has other names.
const FETCH: &str = "local.fetch";

/// A mail in its place.
type Found = (Indexed, Content);

/// How local mail is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A mailbox file (RFC 4155).
    Mbox,
    /// A folder of `.eml` files, or a tar archive of raw messages, gzipped or not.
    Eml,
    /// A Maildir, with its Maildir++ subfolders.
    Maildir,
}

impl Form {
    /// All forms.
    pub const ALL: [Self; 3] = [Self::Mbox, Self::Eml, Self::Maildir];

    /// Returns the provider under which the adapter is registered.
    #[must_use]
    pub fn provider(self) -> Provider {
        Provider::new(match self {
            Self::Mbox => "mbox",
            Self::Eml => "eml",
            Self::Maildir => "maildir",
        })
    }

    fn look(self, path: &Path) -> std::io::Result<String> {
        match self {
            Self::Mbox => crate::index::look(path),
            Self::Eml => eml::look(path),
            Self::Maildir => maildir::look(path),
        }
    }

    fn index(self, path: &Path) -> std::io::Result<Index> {
        match self {
            Self::Mbox => mbox::index(path),
            Self::Eml => eml::index(path),
            Self::Maildir => maildir::index(path),
        }
    }
}

/// Mail in files; cheap to clone, and all clones share what they know of the files.
#[derive(Clone, Debug)]
pub struct LocalMail {
    form: Form,
    page: usize,
    known: Arc<Mutex<HashMap<Subject, Arc<Index>>>>,
}

impl LocalMail {
    /// Makes the adapter of one form of local mail.
    #[must_use]
    pub fn new(form: Form) -> SnapshotSource<Self> {
        Self::paged(form, PAGE)
    }

    /// Makes the adapter with listings of `page` mails a page.
    #[must_use]
    pub fn paged(form: Form, page: usize) -> SnapshotSource<Self> {
        SnapshotSource::new(Self { form, page: page.max(1), known: Arc::default() })
    }

    fn known(&self, subject: &Subject) -> Option<Arc<Index>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(subject).cloned()
    }

    /// Lists a mailbox anew.
    async fn index(&self, subject: &Subject) -> Result<Arc<Index>, SourceError> {
        let (form, path) = (self.form, path(subject));
        let index = blocking("local.list", move || form.index(&path)).await?;
        let index = Arc::new(index);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(subject.clone(), Arc::clone(&index));
        Ok(index)
    }

    /// Finds a mail, by a new listing if it is not where it was; `None` when it is gone.
    async fn find(&self, subject: &Subject, id: &ItemId) -> Result<Option<Found>, SourceError> {
        let known = self.known(subject);
        let was_listed = known.as_ref().is_some_and(|index| index.find(id).is_some());
        if let Some(index) = known
            && let Some(found) = read(index, id.clone()).await?
        {
            return Ok(Some(found));
        }
        if self.form == Form::Maildir {
            let (path, id) = (path(subject), id.clone());
            return blocking(FETCH, move || maildir::read(&path, &id)).await;
        }
        // What was listed but is not in its place shows a change, whatever the fingerprint says.
        if !was_listed && self.is_fresh(subject).await? {
            return Ok(None);
        }
        let index = self.index(subject).await?;
        read(index, id.clone()).await
    }

    /// Says whether the mailbox is as it was listed: what is not in it now is gone.
    async fn is_fresh(&self, subject: &Subject) -> Result<bool, SourceError> {
        let Some(index) = self.known(subject) else { return Ok(false) };
        let (form, path) = (self.form, path(subject));
        let look = blocking("local.look", move || form.look(&path)).await?;
        Ok(look == index.fingerprint)
    }
}

async fn read(index: Arc<Index>, id: ItemId) -> Result<Option<Found>, SourceError> {
    blocking(FETCH, move || {
        let Some(mail) = index.find(&id) else { return Ok(None) };
        Ok(index.read(mail)?.map(|content| (mail.clone(), content)))
    })
    .await
}

#[async_trait]
impl Snapshot<Message> for LocalMail {
    fn limits(&self) -> Limits {
        Limits {
            fetch_batch: 1,
            fetch_concurrency: CONCURRENCY,
            poll_floor: POLL_FLOOR,
            offers_for: None,
        }
    }

    async fn streams(&self, account: &AccountRef) -> Result<Vec<OfferedStream>, SourceError> {
        let (form, path) = (self.form, path(&account.subject));
        let look = tried("local.streams", move || form.look(&path)).await?;
        look.map_err(|error| misconfigured("local.streams", error))?;
        let title = account.subject.as_str().to_owned();
        Ok(vec![OfferedStream { key: StreamKey::from_source("mailbox"), title, proposed: true }])
    }

    async fn fingerprint(&self, stream: &StreamRef) -> Result<Cursor, SourceError> {
        let (form, path) = (self.form, path(&stream.subject));
        let look = blocking("local.look", move || form.look(&path)).await?;
        Ok(Cursor::from_source(look))
    }

    async fn entries(
        &self,
        stream: &StreamRef,
        page: Option<&PageToken>,
    ) -> Result<Entries, SourceError> {
        let (index, from) = match page {
            None => (self.index(&stream.subject).await?, 0),
            Some(token) => {
                let (from, fingerprint) = page::begin(token)?;
                let index = self.known(&stream.subject);
                let index = index.filter(|index| index.fingerprint == fingerprint);
                (index.ok_or_else(page::expired)?, from)
            }
        };
        let revised = |mail: &Indexed| revised(&mail.id);
        Ok(page::entries(&index.mails, from..from + self.page, &index.fingerprint, revised))
    }

    async fn read(
        &self,
        stream: &StreamRef,
        ids: &[ItemId],
    ) -> Result<Vec<Fetched<Message>>, SourceError> {
        let mut answers = Vec::with_capacity(ids.len());
        for id in ids {
            answers.push(match self.find(&stream.subject, id).await? {
                None => Fetched::Gone(id.clone()),
                Some((_, Content::Unreadable(why))) => Fetched::Unreadable { id: id.clone(), why },
                Some((mail, Content::Mail(raw))) => {
                    let received_at = match mail.place {
                        Place::Delivered { delivered_at, .. } => delivered_at,
                        Place::File(_) | Place::Stretch { .. } | Place::Strange { .. } => None,
                    };
                    Fetched::Present(revised(id), Message { raw, received_at })
                }
            });
        }
        Ok(answers)
    }
}

/// A mail in a file never changes: what changes is another mail.
fn revised(id: &ItemId) -> ItemRef {
    ItemRef::new(id.clone(), Revision::from_source("1"))
}

fn path(subject: &Subject) -> PathBuf {
    PathBuf::from(subject.as_str())
}

#[cfg(test)]
mod tests;
