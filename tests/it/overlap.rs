//! A part of a page is written while the next one is fetched, and nothing that fails meanwhile is lost.
use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use async_trait::async_trait;
use besunny_core::{
    commit::Commit,
    repository::{DocumentFilter, RepositoryError},
    source::{SourceError, SourceErrorKind, Subject},
    sync::PART_BYTES,
    tenant::TenantScope,
    track::Version,
};
use besunny_testkit::{
    interposed::{Interposed, Interposer},
    scripted::{Call, Oddity, Weather},
};

use crate::scene::{Scene, id, in_memory};

/// So often somebody looks whether the other side has come, before he goes on alone.
const LOOKS: usize = 200;

/// What happens to the second part of a page while the first is written.
#[derive(Clone, Copy, Debug)]
enum Mishap {
    Nothing,
    /// The source refuses everybody.
    Refusal,
    /// Writing the first part fails with this, once.
    Write(fn() -> RepositoryError),
}

/// Both sides: fetches of the second part wait until the first one is written, and the other way round.
#[derive(Debug)]
struct Meeting {
    mishap: Mishap,
    writing: AtomicBool,
    /// Fetches that were answered while a part was written.
    met: AtomicUsize,
    spent: AtomicBool,
}

async fn until(arrived: impl Fn() -> bool) -> bool {
    for _ in 0..LOOKS {
        if arrived() {
            return true;
        }
        tokio::task::yield_now().await;
    }
    false
}

#[async_trait]
impl Weather for Meeting {
    async fn before(&self, call: Call<'_>) -> Result<(), SourceError> {
        let is_later = call.item.is_some_and(|item| [2, 3].map(id).contains(item));
        if is_later && until(|| self.writing.load(Ordering::SeqCst)).await {
            self.met.fetch_add(1, Ordering::SeqCst);
            if matches!(self.mishap, Mishap::Refusal) && !self.spent.swap(true, Ordering::SeqCst) {
                return Err(SourceError::new(SourceErrorKind::RateLimited, call.operation));
            }
        }
        Ok(())
    }

    fn lag(&self, _: &Subject) -> usize {
        0
    }

    fn circles(&self) -> bool {
        false
    }

    fn answered(&self, _: Oddity) {}
}

#[async_trait]
impl Interposer for Meeting {
    async fn before(&self, call: &'static str) -> Result<(), RepositoryError> {
        if call != "commit" {
            return Ok(());
        }
        self.writing.store(true, Ordering::SeqCst);
        let met = until(|| self.met.load(Ordering::SeqCst) > 0).await;
        self.writing.store(false, Ordering::SeqCst);
        match self.mishap {
            Mishap::Write(error) if met && !self.spent.swap(true, Ordering::SeqCst) => Err(error()),
            Mishap::Write(_) | Mishap::Nothing | Mishap::Refusal => Ok(()),
        }
    }

    async fn after(&self, _: &'static str) -> Result<(), RepositoryError> {
        Ok(())
    }

    fn committed(&self, _: &TenantScope, _: &Commit, _: &Result<Version, RepositoryError>) {}
}

/// Takes in a page of four large mails; returns how many were stored after one look, and at last.
async fn check(mishap: Mishap) -> (usize, usize) {
    let meeting = Arc::new(Meeting {
        mishap,
        writing: AtomicBool::new(false),
        met: AtomicUsize::new(0),
        spent: AtomicBool::new(false),
    });
    let scene = Scene::new(in_memory, Arc::<Meeting>::clone(&meeting) as _).await;
    // Two of them fill a part.
    let body = "x".repeat(PART_BYTES / 2 + 1);
    scene.change(|mailbox, at| {
        for n in 0..4 {
            mailbox.deliver(&id(n), format!("Subject: m{n}\r\n\r\n{n}{body}\r\n"), at);
        }
    });
    let store = Interposed::new(Arc::clone(&scene.store), Arc::<Meeting>::clone(&meeting) as _);
    scene.engine(Arc::new(store)).run_until_idle().await;
    assert!(meeting.met.load(Ordering::SeqCst) > 0, "nothing was fetched while a part was written");
    let filter = DocumentFilter { limit: 500, ..DocumentFilter::default() };
    let stored = async || scene.store.documents(&scene.scope, &filter).await.unwrap().len();
    let at_first = stored().await;
    scene.clock.advance(std::time::Duration::from_mins(20));
    scene.work().await;
    (at_first, stored().await)
}

#[tokio::test]
async fn the_next_part_is_fetched_while_one_is_written() {
    assert_eq!(check(Mishap::Nothing).await, (4, 4));
}

#[tokio::test]
async fn what_is_being_written_is_kept_when_the_source_refuses_meanwhile() {
    assert_eq!(check(Mishap::Refusal).await, (2, 4));
}

#[tokio::test]
async fn a_part_that_cannot_be_written_is_read_again_with_those_after_it() {
    let store_fails = || RepositoryError::Store("full".into());
    for (error, at_first) in [
        // Whether it was applied is unknown, so the same commit is made again.
        (store_fails as fn() -> RepositoryError, 4),
        // A person steered the stream meanwhile: it is read from where it stands.
        (|| RepositoryError::Conflict, 4),
        // Another worker has the stream: this one lets go of it.
        (|| RepositoryError::Fenced, 0),
    ] {
        assert_eq!(check(Mishap::Write(error)).await, (at_first, 4), "{:?}", error());
    }
}
