//! The listing: everything in scope, whatever its date.
use besunny_core::source::{Change, Next};
use bytes::Bytes;

use super::{Case, Outcome, Reader, Sample, World, check, deliver_all, names};
use crate::conformance::{check_equal, clause};

pub(super) fn cases<T: Sample>() -> Vec<Case<World<T>>> {
    vec![
        clause("source.list.complete", complete),
        clause("source.list.empty", empty),
        clause("source.list.old-dates", old_dates),
        clause("source.pages.advance", advance),
        clause("source.streams.offered", offered),
    ]
}

async fn complete<T: Sample>(world: World<T>) -> Outcome {
    let many: Vec<String> = (0..40).map(|n| format!("mail-{n:02}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    deliver_all(&world, &many).await;
    let reader = Reader::new(&world);
    let mailbox = reader.sync().await?;
    check_equal(&mailbox.ids.len(), &40, "ids of a listing")?;
    check_equal(&reader.names_of(&mailbox).await?, &names(&many), "mails of a listing")
}

async fn empty<T: Sample>(world: World<T>) -> Outcome {
    let reader = Reader::new(&world);
    let mailbox = reader.sync().await?;
    check(mailbox.ids.is_empty(), "an empty mailbox shows items")
}

/// Imported mail has old dates; a bound in time would lose it.
async fn old_dates<T: Sample>(world: World<T>) -> Outcome {
    let text = String::from_utf8_lossy(&T::written("ancient")).replace("2026", "1996");
    world.deliver(Bytes::from(text)).await;
    world.deliver(T::written("recent")).await;
    let reader = Reader::new(&world);
    let subjects = reader.names_of(&reader.sync().await?).await?;
    check_equal(&subjects, &names(&["ancient", "recent"]), "mails of any date")
}

/// Page tokens lead on: none comes twice in a round, and no item is on two pages.
async fn advance<T: Sample>(world: World<T>) -> Outcome {
    let many: Vec<String> = (0..30).map(|n| format!("mail-{n:02}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    deliver_all(&world, &many).await;
    let reader = Reader::new(&world);
    let (mut tokens, mut listed, mut page) = (Vec::new(), Vec::new(), None);
    loop {
        let read = reader.list_page(page.as_ref()).await?;
        listed.extend(read.changes.iter().map(Change::id).cloned());
        let Next::Page(token) = read.next else { break };
        check(!tokens.contains(&token), "a page token comes twice")?;
        tokens.push(token.clone());
        page = Some(token);
    }
    let count = listed.len();
    listed.sort_unstable();
    listed.dedup();
    check_equal(&listed.len(), &count, "items that are listed once")
}

async fn offered<T: Sample>(world: World<T>) -> Outcome {
    let stream = world.stream();
    let account = besunny_core::source::AccountRef { id: stream.account, subject: stream.subject };
    let offered = world.source().streams(&account).await?;
    let found = offered.iter().find(|offered| offered.key == stream.key);
    check(found.is_some_and(|found| found.proposed), "the stream under test is not proposed")
}
