//! What every source without a change log promises: [`Snapshot`].
//!
//! What its [`SnapshotSource`](besunny_core::source::SnapshotSource) promises is in [`source`](super::source).
use std::{collections::BTreeSet, fmt::Debug, sync::Arc};

use async_trait::async_trait;
use besunny_core::{
    message::Message,
    source::{Cursor, ItemId, PageToken, Snapshot, SourceErrorKind, StreamRef},
};
use bytes::Bytes;

use super::{Broken, Case, Outcome, check, check_equal, clause, source::Sample};

/// A place without a log, and the adapter that reads it.
#[async_trait]
pub trait SnapshotWorld<T: Send + Sync = Message>: Debug + Send + Sync {
    /// Returns the adapter under test; its listings have several pages of a dozen items.
    fn snapshot(&self) -> Arc<dyn Snapshot<T>>;
    /// Returns the stream under test.
    fn stream(&self) -> StreamRef;
    /// Puts an item there as [`Sample::written`] gives it.
    async fn deliver(&self, raw: Bytes);
    /// Deletes the items of this name.
    async fn remove(&self, subject: &str);
}

/// A world of which each case gets a fresh one, with nothing in it.
pub type World<T = Message> = Arc<dyn SnapshotWorld<T>>;

/// Returns all cases.
#[must_use]
pub fn cases<T: Sample>() -> Vec<Case<World<T>>> {
    vec![
        clause("snapshot.fingerprint.changes", changes),
        clause("snapshot.fingerprint.quiet", quiet),
        clause("snapshot.entries.as-begun", as_begun),
        clause("snapshot.read.each-once", each_once),
    ]
}

async fn look<T: Sample>(world: &World<T>) -> Result<Cursor, Broken> {
    Ok(world.snapshot().fingerprint(&world.stream()).await?)
}

async fn deliver<T: Sample>(world: &World<T>, count: usize) {
    for number in 0..count {
        world.deliver(T::written(&format!("m{number:02}"))).await;
    }
}

/// Each state of a mailbox has a fingerprint of its own, as long as nothing came back.
async fn changes<T: Sample>(world: World<T>) -> Outcome {
    let mut seen = vec![look(&world).await?];
    let mut check_new = |cursor: Cursor, what: &str| {
        let is_new = !seen.contains(&cursor);
        seen.push(cursor);
        check(is_new, format_args!("the fingerprint is an old one after {what}"))
    };
    for name in ["one", "two", "three"] {
        world.deliver(T::written(name)).await;
        check_new(look(&world).await?, "a mail came")?;
    }
    // As many mails as before, and one of them is another.
    world.remove("two").await;
    world.deliver(T::written("another")).await;
    check_new(look(&world).await?, "a mail took the place of another")?;
    world.remove("one").await;
    check_new(look(&world).await?, "a mail went")
}

async fn quiet<T: Sample>(world: World<T>) -> Outcome {
    deliver(&world, 3).await;
    let before = look(&world).await?;
    list(&world, |_| async {}).await?;
    check_equal(&look(&world).await?, &before, "the fingerprint when nothing happened")
}

/// Lists everything; `between` happens after the first page.
///
/// `None` says that the listing cannot go on.
async fn list<T: Sample, F: Future<Output = ()>>(
    world: &World<T>,
    between: impl Fn(usize) -> F,
) -> Result<Option<BTreeSet<ItemId>>, Broken> {
    let (mut page, mut ids): (Option<PageToken>, _) = (None, BTreeSet::new());
    for number in 0..100 {
        match world.snapshot().entries(&world.stream(), page.as_ref()).await {
            Ok(found) => {
                ids.extend(found.items.into_iter().map(|at| at.id));
                page = found.next;
            }
            Err(error) if error.kind == SourceErrorKind::PageExpired && number > 0 => {
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        }
        if page.is_none() {
            return Ok(Some(ids));
        }
        between(number).await;
    }
    Err(Broken::new("the listing never ends"))
}

/// A mailbox that changes under a listing: all that was there at first, or the page is dead.
async fn as_begun<T: Sample>(world: World<T>) -> Outcome {
    deliver(&world, 12).await;
    let whole = list(&world, |_| async {}).await?;
    let whole = whole.ok_or_else(|| Broken::new("a page is dead though nothing happened"))?;
    check_equal(&whole.len(), &12, "mails listed")?;
    let during = list(&world, |number| {
        let world = &world;
        async move {
            if number == 0 {
                world.remove("m00").await;
                world.remove("m11").await;
                world.deliver(T::written("new")).await;
            }
        }
    })
    .await?;
    let Some(during) = during else { return Ok(()) };
    check(during.is_superset(&whole), "what was there at first is missing from the listing")
}

async fn each_once<T: Sample>(world: World<T>) -> Outcome {
    deliver(&world, 3).await;
    let ids = list(&world, |_| async {}).await?.unwrap_or_default();
    world.remove("m01").await;
    let mut left = ids.clone();
    for id in &ids {
        for answer in world.snapshot().read(&world.stream(), std::slice::from_ref(id)).await? {
            check(left.remove(answer.id()), "an id is answered twice, or was not asked for")?;
        }
    }
    check(left.is_empty(), format_args!("ids without an answer: {left:?}"))
}
