//! Items: each id is answered once, keeps its name, and brings the bytes that were delivered.
use std::collections::BTreeSet;

use besunny_core::{
    message::RawMail,
    source::{Fetched, ItemId},
};
use futures::FutureExt;

use super::{Case, Outcome, Power, Reader, World, check, deliver_all, mail, names};
use crate::conformance::{check_equal, clause};

pub(super) fn cases() -> Vec<Case<World>> {
    vec![
        clause("source.fetch.each-once", each_once),
        clause("source.fetch.content", content),
        clause("source.fetch.gone", gone),
        clause("source.fetch.unreadable", unreadable).needing(Power::Poison),
        clause("source.fetch.revision", revision),
        clause("source.items.stable-ids", stable_ids),
        clause("source.items.same-content", same_content),
        clause("source.cancel.harmless", cancel),
    ]
}

async fn each_once(world: World) -> Outcome {
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
async fn content(world: World) -> Outcome {
    let raw = mail("exact");
    world.deliver(raw.clone()).await;
    let reader = Reader::new(&world);
    let ids: Vec<ItemId> = reader.sync().await?.ids.into_iter().collect();
    let answers = reader.fetch(&ids).await?;
    let Some(Fetched::Present(_, message)) = answers.first() else {
        return check(false, "the mail is not answered");
    };
    let RawMail::Whole(got) = &message.raw else { return check(false, "a small mail is cut") };
    let lines = |bytes: &[u8]| {
        String::from_utf8_lossy(bytes).lines().map(str::to_owned).collect::<Vec<_>>()
    };
    check_equal(&lines(got), &lines(&raw), "the lines of the mail")
}

async fn gone(world: World) -> Outcome {
    deliver_all(&world, &["stays", "goes"]).await;
    let reader = Reader::new(&world);
    let ids = reader.by_subject(&reader.sync().await?).await?;
    world.remove("goes").await;
    for (subject, id) in ids {
        let answers = reader.fetch(std::slice::from_ref(&id)).await?;
        let is_gone = matches!(answers.as_slice(), [Fetched::Gone(other)] if *other == id);
        check_equal(&is_gone, &(subject == "goes"), "whether the mail is gone")?;
    }
    Ok(())
}

/// An item that cannot be decoded is answered as such and does not fail its neighbours.
async fn unreadable(world: World) -> Outcome {
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
    check_equal(&reader.subjects(&mailbox).await?, &names(&["one", "two"]), "readable mails")
}

/// A listing names the revision that a fetch answers, so that nothing is fetched twice.
async fn revision(world: World) -> Outcome {
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

async fn stable_ids(world: World) -> Outcome {
    deliver_all(&world, &["one", "two", "three"]).await;
    let before = Reader::new(&world);
    let known = before.by_subject(&before.sync().await?).await?;
    world.remove("two").await;
    deliver_all(&world, &["four"]).await;
    let after = Reader { source: world.restarted().await, ..Reader::new(&world) };
    let now = after.by_subject(&after.sync().await?).await?;
    for subject in ["one", "three"] {
        check_equal(&now.get(subject), &known.get(subject), "the id of a mail that stayed")?;
    }
    Ok(())
}

/// Two mails of the very same bytes are two items.
async fn same_content(world: World) -> Outcome {
    world.deliver(mail("twin")).await;
    world.deliver(mail("other")).await;
    world.deliver(mail("twin")).await;
    let reader = Reader::new(&world);
    check_equal(&reader.sync().await?.ids.len(), &3, "items, two of one content")
}

/// A call that was dropped half-way leaves no trace.
async fn cancel(world: World) -> Outcome {
    deliver_all(&world, &["one", "two"]).await;
    let reader = Reader::new(&world);
    drop(reader.head().now_or_never());
    drop(reader.list_page(None).now_or_never());
    let mailbox = reader.sync().await?;
    let ids: Vec<ItemId> = mailbox.ids.iter().cloned().collect();
    drop(reader.fetch(&ids[..1]).now_or_never());
    let again = reader.sync().await?.ids;
    check_equal(&again, &ids.into_iter().collect::<BTreeSet<_>>(), "items after dropped calls")?;
    check_equal(&reader.subjects(&mailbox).await?, &names(&["one", "two"]), "their mails")
}
