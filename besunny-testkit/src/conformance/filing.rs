//! What every source that marks mail promises: [`MailFiling`].
use std::{collections::BTreeSet, fmt::Debug, sync::Arc};

use async_trait::async_trait;
use besunny_core::{
    message::{Filing, MailFiling},
    source::{ItemId, SourceErrorKind, StreamRef},
};

use super::{Broken, Case, Outcome, check, check_equal, clause};

/// A mailbox, and the adapter that marks its mail.
#[async_trait]
pub trait FilingWorld: Debug + Send + Sync {
    /// Returns the adapter under test.
    fn filing(&self) -> Arc<dyn MailFiling>;
    /// Returns the stream of the mailbox.
    fn stream(&self) -> StreamRef;
    /// Puts a mail into the mailbox that nobody has read; returns its id.
    async fn deliver(&self, subject: &str) -> ItemId;
    /// Deletes a mail.
    async fn remove(&self, item: &ItemId);
    /// Returns what is on a mail, as its owner sees it.
    async fn marks(&self, item: &ItemId) -> Marks;
    /// Lets the next call end with [`SourceErrorKind::Unavailable`], before it has any effect.
    async fn fail_next(&self);
}

/// What is on a mail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// The labels that people or programs made.
    pub labels: BTreeSet<String>,
    /// Whether it was read.
    pub is_read: bool,
}

/// A world of which each case gets a fresh one, with an empty mailbox.
pub type World = Arc<dyn FilingWorld>;

/// The label of the suite.
const LABEL: &str = "Suite/Done";

/// Returns all cases.
#[must_use]
pub fn cases() -> Vec<Case<World>> {
    vec![
        clause("filing.mark.label", label),
        clause("filing.mark.read", read),
        clause("filing.mark.none", none),
        clause("filing.mark.repeatable", repeatable),
        clause("filing.mark.neighbours", neighbours),
        clause("filing.mark.gone", gone),
        clause("filing.errors.not-swallowed", not_swallowed),
    ]
}

fn labelled(is_read: bool) -> Marks {
    Marks { labels: [LABEL.to_owned()].into(), is_read }
}

async fn file(world: &World, item: &ItemId, filing: &Filing) -> Outcome {
    Ok(world.filing().file(&world.stream(), item, filing).await?)
}

async fn check_marks(world: &World, item: &ItemId, want: &Marks) -> Outcome {
    check_equal(&world.marks(item).await, want, "what is on the mail")
}

async fn label(world: World) -> Outcome {
    let item = world.deliver("one").await;
    file(&world, &item, &Filing::Label(LABEL.to_owned())).await?;
    check_marks(&world, &item, &labelled(false)).await
}

async fn read(world: World) -> Outcome {
    let item = world.deliver("one").await;
    file(&world, &item, &Filing::ReadAndLabel(LABEL.to_owned())).await?;
    check_marks(&world, &item, &labelled(true)).await
}

async fn none(world: World) -> Outcome {
    let item = world.deliver("one").await;
    file(&world, &item, &Filing::None).await?;
    check_marks(&world, &item, &Marks::default()).await
}

async fn repeatable(world: World) -> Outcome {
    let item = world.deliver("one").await;
    for _ in 0..3 {
        file(&world, &item, &Filing::ReadAndLabel(LABEL.to_owned())).await?;
        check_marks(&world, &item, &labelled(true)).await?;
    }
    Ok(())
}

async fn neighbours(world: World) -> Outcome {
    let (one, two) = (world.deliver("one").await, world.deliver("two").await);
    file(&world, &one, &Filing::ReadAndLabel(LABEL.to_owned())).await?;
    check_marks(&world, &two, &Marks::default()).await
}

async fn gone(world: World) -> Outcome {
    let (one, two) = (world.deliver("one").await, world.deliver("two").await);
    world.remove(&one).await;
    file(&world, &one, &Filing::ReadAndLabel(LABEL.to_owned())).await?;
    check_marks(&world, &two, &Marks::default()).await
}

/// One failure is an error: it is neither hidden nor healed by a second call of the adapter's own.
async fn not_swallowed(world: World) -> Outcome {
    let item = world.deliver("one").await;
    let filing = Filing::ReadAndLabel(LABEL.to_owned());
    world.fail_next().await;
    let failed = world.filing().file(&world.stream(), &item, &filing).await;
    let error = failed.err().ok_or_else(|| Broken::new("a call that failed looks done"))?;
    check_equal(&error.kind, &SourceErrorKind::Unavailable, "the kind")?;
    check(!world.marks(&item).await.is_read, "the mail is marked all the same")?;
    file(&world, &item, &filing).await?;
    check_marks(&world, &item, &labelled(true)).await
}
