//! What every mail source promises: [`Source`] of [`Message`].
//!
//! The cases read a source the way the engine does, through `Reader`, and compare with what the
//! world holds. They know nothing of the provider.
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
    sync::Arc,
};

use async_trait::async_trait;
use besunny_core::{
    message::{Message, RawMail},
    source::{
        Change, Cursor, Fetched, ItemId, Next, Page, PageToken, Read, Scope, Source, SourceError,
        SourceErrorKind, StreamRef,
    },
};
use bytes::Bytes;

mod changes;
mod failures;
mod items;
mod listing;

use super::{Broken, Case, Outcome, Power, check};

/// A mailbox and the adapter that reads it.
#[async_trait]
pub trait MailWorld: Debug + Send + Sync {
    /// Returns the adapter under test.
    fn source(&self) -> Arc<dyn Source<Message>>;
    /// Returns another adapter of the same mailbox, as after a restart.
    async fn restarted(&self) -> Arc<dyn Source<Message>>;
    /// Returns the stream under test.
    fn stream(&self) -> StreamRef;
    /// Puts a mail into the mailbox; returns once the source can see it.
    async fn deliver(&self, raw: Bytes);
    /// Deletes the mails with this subject.
    async fn remove(&self, subject: &str);
    /// Moves the mails with this subject out of scope (trash, spam), or back.
    async fn hide(&self, subject: &str, hidden: bool);
    /// Makes the mails with this subject undecodable.
    async fn poison(&self, subject: &str);
    /// Forgets the change log up to now.
    async fn expire_log(&self);
    /// Makes every page token handed out so far dead.
    async fn kill_pages(&self);
    /// Answers the next call with a failure of this kind, and asks to wait so many seconds.
    async fn fail_next(&self, kind: SourceErrorKind, retry_after: Option<u64>);
    /// Returns why the world cannot do something.
    fn lacks(&self, power: Power) -> Option<&'static str>;
}

/// A world of which each case gets a fresh one, with an empty mailbox.
pub type World = Arc<dyn MailWorld>;

/// Returns all cases.
#[must_use]
pub fn cases() -> Vec<Case<World>> {
    let groups = [changes::cases(), listing::cases(), items::cases(), failures::cases()];
    groups.into_iter().flatten().collect()
}

/// Reads a source the way the engine does, but without any cleverness.
struct Reader {
    source: Arc<dyn Source<Message>>,
    stream: StreamRef,
    scope: Scope,
}

/// How often a reader follows a source that never ends before it gives up.
const PATIENCE: usize = 200;

impl Reader {
    fn new(world: &World) -> Self {
        Self { source: world.source(), stream: world.stream(), scope: Scope::default() }
    }

    async fn head(&self) -> Result<Option<Cursor>, Broken> {
        Ok(self.source.head(&self.stream, &self.scope).await?)
    }

    async fn list_page(&self, page: Option<&PageToken>) -> Result<Page<Message>, SourceError> {
        self.source.list(&self.stream, &self.scope, page).await
    }

    async fn changes(&self, cursor: &Cursor) -> Result<Read<Message>, SourceError> {
        self.source.changes_since(&self.stream, cursor, None).await
    }

    /// Reads everything: the head, the whole listing, and the cursor to go on from.
    async fn sync(&self) -> Result<Mailbox, Broken> {
        let head = self.head().await?;
        let mut mailbox = Mailbox { cursor: head, ids: BTreeSet::new() };
        let mut page = None;
        for _ in 0..PATIENCE {
            let read = self.list_page(page.as_ref()).await?;
            mailbox.take(read.changes);
            match read.next {
                Next::Page(token) => page = Some(token),
                Next::Cursor { cursor, .. } => {
                    mailbox.cursor.get_or_insert(cursor);
                    return Ok(mailbox);
                }
                Next::End => return Ok(mailbox),
            }
        }
        Err(Broken::new("the listing never ends"))
    }

    /// Follows the changes after the cursor; `None` says that the source wants a new listing.
    async fn follow(&self, mailbox: &mut Mailbox) -> Result<Option<()>, Broken> {
        let Some(mut cursor) = mailbox.cursor.clone() else { return Ok(None) };
        let mut page = None;
        for _ in 0..PATIENCE {
            let read = self.source.changes_since(&self.stream, &cursor, page.as_ref()).await?;
            let Read::Page(read) = read else { return Ok(None) };
            mailbox.take(read.changes);
            match read.next {
                Next::Page(token) => page = Some(token),
                Next::Cursor { cursor: next, more } => {
                    (cursor, page) = (next, None);
                    mailbox.cursor = Some(cursor.clone());
                    if !more {
                        return Ok(Some(()));
                    }
                }
                Next::End => return Ok(Some(())),
            }
        }
        Err(Broken::new("the changes never end"))
    }

    /// Brings `mailbox` up to date, by changes or by a new listing.
    async fn catch_up(&self, mailbox: &mut Mailbox) -> Outcome {
        if self.follow(mailbox).await?.is_none() {
            *mailbox = self.sync().await?;
        }
        Ok(())
    }

    /// Returns the ids of all mails by their subject.
    async fn by_subject(&self, mailbox: &Mailbox) -> Result<BTreeMap<String, ItemId>, Broken> {
        let mut found = BTreeMap::new();
        for id in &mailbox.ids {
            for answer in self.fetch(std::slice::from_ref(id)).await? {
                if let Fetched::Present(at, message) = answer {
                    found.insert(subject(&message)?, at.id);
                }
            }
        }
        Ok(found)
    }

    async fn fetch(&self, ids: &[ItemId]) -> Result<Vec<Fetched<Message>>, Broken> {
        Ok(self.source.fetch(&self.stream, ids).await?)
    }

    /// Returns the subjects of all mails that can be read.
    async fn subjects(&self, mailbox: &Mailbox) -> Result<BTreeSet<String>, Broken> {
        Ok(self.by_subject(mailbox).await?.into_keys().collect())
    }
}

/// What a reader knows of a mailbox.
struct Mailbox {
    cursor: Option<Cursor>,
    ids: BTreeSet<ItemId>,
}

impl Mailbox {
    fn take(&mut self, changes: Vec<Change<Message>>) {
        for change in changes {
            match change {
                Change::Present { at, .. } => {
                    self.ids.insert(at.id);
                }
                Change::Unreadable { id, .. } => {
                    self.ids.insert(id);
                }
                Change::Removed(id) => {
                    self.ids.remove(&id);
                }
            }
        }
    }
}

/// Writes a mail with `subject`.
pub(super) fn mail(subject: &str) -> Bytes {
    Bytes::from(format!(
        "Message-ID: <{subject}@conformance.example>\r\n\
         Date: Mon, 1 Jun 2026 09:30:00 +0200\r\n\
         From: bob@example.org\r\nTo: ann@example.com\r\nSubject: {subject}\r\n\r\n\
         The body of {subject}.\r\n"
    ))
}

/// Returns the subject of a mail, by the plainest reading there is.
fn subject(message: &Message) -> Result<String, Broken> {
    let raw = match &message.raw {
        RawMail::Whole(raw) => raw,
        RawMail::TooLarge { headers, .. } => headers,
    };
    let text = String::from_utf8_lossy(raw);
    let line = text.lines().find_map(|line| line.strip_prefix("Subject: "));
    line.map(|subject| subject.trim().to_owned())
        .ok_or_else(|| Broken::new("a fetched mail is not the one that was delivered"))
}

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

async fn deliver_all(world: &World, subjects: &[&str]) {
    for subject in subjects {
        world.deliver(mail(subject)).await;
    }
}

/// Checks that catching up shows exactly `want`.
async fn check_catches_up(reader: &Reader, mailbox: &mut Mailbox, want: &[&str]) -> Outcome {
    reader.catch_up(mailbox).await?;
    let got = reader.subjects(mailbox).await?;
    check(got == names(want), format_args!("after catching up: got {got:?}, want {want:?}"))
}
