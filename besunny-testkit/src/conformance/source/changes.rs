//! The change log: nothing after the head is missed, and reading does not consume.
use besunny_core::source::{Next, Read};

use super::{
    Case, Outcome, Power, Reader, Sample, World, check, check_catches_up, deliver_all, names,
};
use crate::conformance::{check_equal, clause};

pub(super) fn cases<T: Sample>() -> Vec<Case<World<T>>> {
    vec![
        clause("source.head.covers", head_covers),
        clause("source.head.before-listing", head_before_listing).needing(Power::PageWise),
        clause("source.changes.complete", complete),
        clause("source.changes.repeatable", repeatable),
        clause("source.changes.quiet", quiet),
        clause("source.changes.removed", removed),
        clause("source.changes.expired", expired).needing(Power::ExpireLog),
        clause("source.changes.survive-restart", survive_restart),
        clause("source.scope.hidden", hidden).needing(Power::Hide),
        clause("source.pages.expired", pages_expired).needing(Power::KillPages),
    ]
}

/// What comes after `head` answered is in the changes since it.
async fn head_covers<T: Sample>(world: World<T>) -> Outcome {
    let reader = Reader::new(&world);
    deliver_all(&world, &["old"]).await;
    let mut mailbox = reader.sync().await?;
    deliver_all(&world, &["one", "two", "three", "four"]).await;
    check_catches_up(&reader, &mut mailbox, &["old", "one", "two", "three", "four"]).await
}

/// A mail that arrives while the listing is under way is in the listing or in the changes.
async fn head_before_listing<T: Sample>(world: World<T>) -> Outcome {
    let reader = Reader::new(&world);
    let old: Vec<String> = (0..12).map(|n| format!("old-{n:02}")).collect();
    let old: Vec<&str> = old.iter().map(String::as_str).collect();
    deliver_all(&world, &old).await;
    let mut mailbox = super::Mailbox { cursor: reader.head().await?, ids: [].into() };
    let (mut page, mut arrived) = (None, Vec::new());
    loop {
        let read = reader.list_page(page.as_ref()).await?;
        mailbox.take(read.changes);
        let subject = format!("during-{}", arrived.len());
        world.deliver(T::written(&subject)).await;
        arrived.push(subject);
        match read.next {
            Next::Page(token) => page = Some(token),
            Next::Cursor { cursor, .. } => {
                mailbox.cursor.get_or_insert(cursor);
                break;
            }
            Next::End => break,
        }
        check(arrived.len() < 100, "the listing never ends")?;
    }
    let all: Vec<&str> = old.iter().copied().chain(arrived.iter().map(String::as_str)).collect();
    check_catches_up(&reader, &mut mailbox, &all).await
}

/// Many changes are reported in any number of pages, and the last cursor covers all of them.
async fn complete<T: Sample>(world: World<T>) -> Outcome {
    let reader = Reader::new(&world);
    let mut mailbox = reader.sync().await?;
    let many: Vec<String> = (0..25).map(|n| format!("mail-{n:02}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    deliver_all(&world, &many).await;
    check_catches_up(&reader, &mut mailbox, &many).await?;
    deliver_all(&world, &["last"]).await;
    let all: Vec<&str> = many.iter().copied().chain(["last"]).collect();
    check_catches_up(&reader, &mut mailbox, &all).await
}

/// The same cursor may be read again and shows the same.
async fn repeatable<T: Sample>(world: World<T>) -> Outcome {
    let reader = Reader::new(&world);
    let mut mailbox = reader.sync().await?;
    let begin = mailbox.cursor.clone();
    deliver_all(&world, &["one", "two"]).await;
    check_catches_up(&reader, &mut mailbox, &["one", "two"]).await?;
    let mut again = super::Mailbox { cursor: begin, ids: [].into() };
    check_catches_up(&reader, &mut again, &["one", "two"]).await
}

/// Nothing happened, nothing is reported.
async fn quiet<T: Sample>(world: World<T>) -> Outcome {
    let reader = Reader::new(&world);
    deliver_all(&world, &["old"]).await;
    let mailbox = reader.sync().await?;
    let Some(cursor) = &mailbox.cursor else { return Ok(()) };
    match reader.changes(cursor).await? {
        Read::Page(page) => check(page.changes.is_empty(), "changes where nothing happened"),
        Read::Relist(_) => check(false, "a listing is wanted although nothing happened"),
    }
}

/// A deleted mail is reported as removed, or a new listing no longer shows it.
async fn removed<T: Sample>(world: World<T>) -> Outcome {
    let reader = Reader::new(&world);
    deliver_all(&world, &["stays", "goes"]).await;
    let mut mailbox = reader.sync().await?;
    world.remove("goes").await;
    check_catches_up(&reader, &mut mailbox, &["stays"]).await?;
    check_equal(&mailbox.ids.len(), &1, "ids after a mail was deleted")
}

/// A cursor whose log is gone asks for a listing; it is no error.
async fn expired<T: Sample>(world: World<T>) -> Outcome {
    let reader = Reader::new(&world);
    deliver_all(&world, &["old"]).await;
    let mut mailbox = reader.sync().await?;
    deliver_all(&world, &["missed"]).await;
    world.expire_log().await;
    if let Some(cursor) = &mailbox.cursor {
        let read = reader.changes(cursor).await?;
        check(matches!(read, Read::Relist(_)), "a lost log does not ask for a listing")?;
    }
    check_catches_up(&reader, &mut mailbox, &["old", "missed"]).await
}

/// A stored cursor is good for an adapter that was made anew.
async fn survive_restart<T: Sample>(world: World<T>) -> Outcome {
    let reader = Reader::new(&world);
    deliver_all(&world, &["old"]).await;
    let mut mailbox = reader.sync().await?;
    deliver_all(&world, &["new"]).await;
    let again = Reader { source: world.restarted().await, ..Reader::new(&world) };
    check_catches_up(&again, &mut mailbox, &["old", "new"]).await
}

/// A mail that leaves the scope is gone, and is there again when it comes back.
async fn hidden<T: Sample>(world: World<T>) -> Outcome {
    let reader = Reader::new(&world);
    deliver_all(&world, &["seen", "trash"]).await;
    let mut mailbox = reader.sync().await?;
    world.hide("trash", true).await;
    check_catches_up(&reader, &mut mailbox, &["seen"]).await?;
    let listed = reader.names_of(&reader.sync().await?).await?;
    check_equal(&listed, &names(&["seen"]), "a listing without the hidden mail")?;
    world.hide("trash", false).await;
    check_catches_up(&reader, &mut mailbox, &["seen", "trash"]).await
}

/// A dead page token says so, and the round can be read again from its cursor.
async fn pages_expired<T: Sample>(world: World<T>) -> Outcome {
    let reader = Reader::new(&world);
    let many: Vec<String> = (0..30).map(|n| format!("mail-{n:02}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    deliver_all(&world, &many).await;
    let first = reader.list_page(None).await?;
    let Next::Page(token) = first.next else {
        return check(false, "30 mails fit on one page: no token to kill");
    };
    world.kill_pages().await;
    let kind = reader.list_page(Some(&token)).await.err().map(|error| error.kind);
    let want = Some(besunny_core::source::SourceErrorKind::PageExpired);
    check_equal(&kind, &want, "the answer to a dead page token")?;
    let listed = reader.names_of(&reader.sync().await?).await?;
    check_equal(&listed, &names(&many), "a listing that was begun again")
}
