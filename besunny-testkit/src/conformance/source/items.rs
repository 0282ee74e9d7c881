//! Items: each id is answered once and keeps its name.
use std::collections::BTreeSet;

use besunny_core::source::{Fetched, ItemId};
use futures::FutureExt;

use super::{Case, Outcome, Power, Reader, Sample, World, check, deliver_all, names};
use crate::conformance::{check_equal, clause};

pub(super) fn cases<T: Sample>() -> Vec<Case<World<T>>> {
    vec![
        clause("source.fetch.each-once", each_once),
        clause("source.fetch.gone", gone),
        clause("source.fetch.unreadable", unreadable).needing(Power::Poison),
        clause("source.fetch.revision", revision),
        clause("source.items.stable-ids", stable_ids),
        clause("source.cancel.harmless", cancel),
    ]
}

async fn each_once<T: Sample>(world: World<T>) -> Outcome {
    deliver_all(&world, &["one", "two", "three", "four", "five"]).await;
    let reader = Reader::new(&world);
    let ids: Vec<ItemId> = reader.sync().await?.ids.into_iter().collect();
    for batch in ids.chunks(reader.source.limits().fetch_batch.max(1)) {
        let mut answered: Vec<ItemId> =
            reader.fetch(batch).await?.iter().map(|answer| answer.id().clone()).collect();
        answered.sort_unstable();
        check_equal(&answered, &batch.to_vec(), "ids that were answered")?;
    }
    Ok(())
}

/// The bytes are those that were delivered, up to the form of line ends.
async fn gone<T: Sample>(world: World<T>) -> Outcome {
    deliver_all(&world, &["stays", "goes"]).await;
    let reader = Reader::new(&world);
    let ids = reader.by_name(&reader.sync().await?).await?;
    world.remove("goes").await;
    for (subject, id) in ids {
        let answers = reader.fetch(std::slice::from_ref(&id)).await?;
        let is_gone = matches!(answers.as_slice(), [Fetched::Gone(other)] if *other == id);
        check_equal(&is_gone, &(subject == "goes"), "whether the mail is gone")?;
    }
    Ok(())
}

/// An item that cannot be decoded is answered as such and does not fail its neighbours.
async fn unreadable<T: Sample>(world: World<T>) -> Outcome {
    deliver_all(&world, &["one", "bad", "two"]).await;
    world.poison("bad").await;
    let reader = Reader::new(&world);
    let mailbox = reader.sync().await?;
    check_equal(&mailbox.ids.len(), &3, "ids, the unreadable one among them")?;
    let mut unreadable = 0;
    for id in &mailbox.ids {
        let answers = reader.fetch(std::slice::from_ref(id)).await?;
        unreadable += usize::from(matches!(answers.as_slice(), [Fetched::Unreadable { .. }]));
    }
    check_equal(&unreadable, &1, "unreadable items")?;
    check_equal(&reader.names_of(&mailbox).await?, &names(&["one", "two"]), "readable mails")
}

/// A listing names the revision that a fetch answers, so that nothing is fetched twice.
async fn revision<T: Sample>(world: World<T>) -> Outcome {
    deliver_all(&world, &["one"]).await;
    let reader = Reader::new(&world);
    let page = reader.list_page(None).await?;
    for change in page.changes {
        let besunny_core::source::Change::Present { at, .. } = change else { continue };
        let answers = reader.fetch(std::slice::from_ref(&at.id)).await?;
        let Some(Fetched::Present(fetched, _)) = answers.first() else {
            return check(false, "a listed mail is not there");
        };
        check_equal(fetched, &at, "id and revision of a listed mail")?;
    }
    Ok(())
}

async fn stable_ids<T: Sample>(world: World<T>) -> Outcome {
    deliver_all(&world, &["one", "two", "three"]).await;
    let before = Reader::new(&world);
    let known = before.by_name(&before.sync().await?).await?;
    world.remove("two").await;
    deliver_all(&world, &["four"]).await;
    let after = Reader { source: world.restarted().await, ..Reader::new(&world) };
    let now = after.by_name(&after.sync().await?).await?;
    for subject in ["one", "three"] {
        check_equal(&now.get(subject), &known.get(subject), "the id of a mail that stayed")?;
    }
    Ok(())
}

/// A call that was dropped half-way leaves no trace.
async fn cancel<T: Sample>(world: World<T>) -> Outcome {
    deliver_all(&world, &["one", "two"]).await;
    let reader = Reader::new(&world);
    drop(reader.head().now_or_never());
    drop(reader.list_page(None).now_or_never());
    let mailbox = reader.sync().await?;
    let ids: Vec<ItemId> = mailbox.ids.iter().cloned().collect();
    drop(reader.fetch(&ids[..1]).now_or_never());
    let again = reader.sync().await?.ids;
    check_equal(&again, &ids.into_iter().collect::<BTreeSet<_>>(), "items after dropped calls")?;
    check_equal(&reader.names_of(&mailbox).await?, &names(&["one", "two"]), "their mails")
}
