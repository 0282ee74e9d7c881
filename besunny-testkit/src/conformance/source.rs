//! What every source promises, whatever its items are: [`Source`].
//!
//! The cases read a source the way the engine does, through `Reader`, and compare with what the
//! world holds. They know nothing of the provider, and of the items only what [`Sample`] says.
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
    sync::Arc,
};

use async_trait::async_trait;
use besunny_core::{
    message::Message,
    source::{
        Change, Cursor, Fetched, ItemId, ItemRef, Next, Page, PageToken, Read, Scope, Source,
        SourceError, SourceErrorKind, StreamRef,
    },
};
use bytes::Bytes;

mod changes;
mod failures;
mod items;
mod listing;

use super::{Broken, Case, Outcome, Power, check};

/// An item that the cases can write and recognise.
pub trait Sample: Debug + Send + Sync + Sized + 'static {
    /// Writes an item called `name`, dated 2026, as a mail or a file has it.
    fn written(name: &str) -> Bytes;

    /// Returns the name of an item, by the plainest reading there is.
    fn name(&self) -> Option<String>;
}

/// A place that holds items, and the adapter that reads it.
#[async_trait]
pub trait SourceWorld<T: Send + Sync = Message>: Debug + Send + Sync {
    /// Returns the adapter under test.
    fn source(&self) -> Arc<dyn Source<T>>;
    /// Returns another adapter of the same place, as after a restart.
    async fn restarted(&self) -> Arc<dyn Source<T>>;
    /// Returns the stream under test.
    fn stream(&self) -> StreamRef;
    /// Puts an item there as [`Sample::written`] gives it; returns once the source can see it.
    async fn deliver(&self, raw: Bytes);
    /// Deletes the items of this name.
    async fn remove(&self, name: &str);
    /// Moves the items of this name out of scope (trash, spam), or back.
    async fn hide(&self, name: &str, hidden: bool);
    /// Makes the items of this name undecodable.
    async fn poison(&self, name: &str);
    /// Forgets the change log up to now.
    async fn expire_log(&self);
    /// Makes every page token handed out so far dead.
    async fn kill_pages(&self);
    /// Answers the next call with a failure of this kind, and asks to wait so many seconds.
    async fn fail_next(&self, kind: SourceErrorKind, retry_after: Option<u64>);
    /// Returns why the world cannot do something.
    fn lacks(&self, power: Power) -> Option<&'static str>;
}

/// A world of which each case gets a fresh one, with nothing in it.
pub type World<T = Message> = Arc<dyn SourceWorld<T>>;

/// Returns all cases.
#[must_use]
pub fn cases<T: Sample>() -> Vec<Case<World<T>>> {
    let groups = [changes::cases(), listing::cases(), items::cases(), failures::cases()];
    groups.into_iter().flatten().collect()
}

/// Reads a source the way the engine does, but without any cleverness.
pub(super) struct Reader<T> {
    pub(super) source: Arc<dyn Source<T>>,
    stream: StreamRef,
    scope: Scope,
}

/// How often a reader follows a source that never ends before it gives up.
const PATIENCE: usize = 200;

impl<T: Sample> Reader<T> {
    pub(super) fn new(world: &World<T>) -> Self {
        Self::over(world.source(), world.stream())
    }

    pub(super) fn over(source: Arc<dyn Source<T>>, stream: StreamRef) -> Self {
        Self { source, stream, scope: Scope::default() }
    }

    async fn head(&self) -> Result<Option<Cursor>, Broken> {
        Ok(self.source.head(&self.stream, &self.scope).await?)
    }

    async fn list_page(&self, page: Option<&PageToken>) -> Result<Page<T>, SourceError> {
        self.source.list(&self.stream, &self.scope, page).await
    }

    async fn changes(&self, cursor: &Cursor) -> Result<Read<T>, SourceError> {
        self.source.changes_since(&self.stream, cursor, None).await
    }

    /// Reads everything: the head, the whole listing, and the cursor to go on from.
    pub(super) async fn sync(&self) -> Result<Mailbox, Broken> {
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

    /// Returns the ids of all items by their name.
    async fn by_name(&self, mailbox: &Mailbox) -> Result<BTreeMap<String, ItemId>, Broken> {
        let mut found = BTreeMap::new();
        for id in &mailbox.ids {
            for answer in self.fetch(std::slice::from_ref(id)).await? {
                if let Fetched::Present(at, item) = answer {
                    let other = || Broken::new("a fetched item is not one that was delivered");
                    found.insert(item.name().ok_or_else(other)?, at.id);
                }
            }
        }
        Ok(found)
    }

    pub(super) async fn fetch(&self, ids: &[ItemId]) -> Result<Vec<Fetched<T>>, Broken> {
        Ok(self.source.fetch(&self.stream, ids).await?)
    }

    /// Returns the items of a listing with their revisions.
    pub(super) async fn revisions(&self) -> Result<Vec<ItemRef>, Broken> {
        let page = self.list_page(None).await?;
        let at = |change| match change {
            Change::Present { at, .. } => Some(at),
            Change::Removed(_) | Change::Unreadable { .. } => None,
        };
        Ok(page.changes.into_iter().filter_map(at).collect())
    }

    /// Returns the names of all items that can be read.
    async fn names_of(&self, mailbox: &Mailbox) -> Result<BTreeSet<String>, Broken> {
        Ok(self.by_name(mailbox).await?.into_keys().collect())
    }
}

/// What a reader knows of a place.
pub(super) struct Mailbox {
    cursor: Option<Cursor>,
    pub(super) ids: BTreeSet<ItemId>,
}

impl Mailbox {
    fn take<T>(&mut self, changes: Vec<Change<T>>) {
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

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

async fn deliver_all<T: Sample>(world: &World<T>, subjects: &[&str]) {
    for subject in subjects {
        world.deliver(T::written(subject)).await;
    }
}

/// Checks that catching up shows exactly `want`.
async fn check_catches_up<T: Sample>(
    reader: &Reader<T>,
    mailbox: &mut Mailbox,
    want: &[&str],
) -> Outcome {
    reader.catch_up(mailbox).await?;
    let got = reader.names_of(mailbox).await?;
    check(got == names(want), format_args!("after catching up: got {got:?}, want {want:?}"))
}
