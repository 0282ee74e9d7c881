//! One transaction for all who wait, and two programs on one file.
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use besunny_core::{
    account::Provider,
    address::Username,
    ids::{TenantId, UserId, WatchId},
    push::{About, Notice},
    repository::{People, RepositoryError},
    scheduler::{Forget, Receipt, Scheduler},
    tenant::{Tenant, TenantScope, User},
};
use besunny_testkit::clock::ManualClock;
use chrono::DateTime;
use futures::future::join_all;
use tempfile::TempDir;

use super::open;
use crate::{
    Options, SqliteStore,
    failure::Failure,
    rows::{Parameters, Script},
    writer::Pace,
};

/// Founds a tenant; its people are what is written here.
async fn found(store: &SqliteStore) -> TenantScope {
    let id = TenantId::derived(&[b"acme"]);
    let created_at = DateTime::UNIX_EPOCH;
    store.found(&Tenant { id, name: "acme".to_owned(), created_at }).await.unwrap();
    TenantScope::trusted(id)
}

/// Makes a person; those of `number` and `name` are unique.
fn user(number: u32, name: &str) -> User {
    User {
        id: UserId::derived(&[&number.to_be_bytes()]),
        username: Username::parse(name).unwrap(),
        name: name.to_owned(),
        created_at: DateTime::UNIX_EPOCH,
    }
}

/// Counts the transactions that are committed from now on.
async fn count_commits(store: &SqliteStore) -> Arc<AtomicUsize> {
    let commits = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&commits);
    let hook = store.write(move |turn| {
        Box::pin(async move {
            let mut handle = turn.connection.lock_handle().await.map_err(crate::failure::failed)?;
            handle.set_commit_hook(move || {
                counter.fetch_add(1, Ordering::Relaxed);
                true
            });
            Ok(())
        })
    });
    hook.await.unwrap();
    commits
}

#[tokio::test]
async fn callers_that_wait_share_a_transaction_and_a_refusal_harms_nobody_else() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder.path().join("besunny.db")).await.unwrap();
    let scope = found(&store).await;
    let commits = count_commits(&store).await;
    let before = commits.load(Ordering::Relaxed);
    // Every tenth wants a name that somebody has.
    let users: Vec<User> = (0..100)
        .map(|n| if n % 10 == 9 { user(n, "ann0") } else { user(n, &format!("ann{n}")) })
        .collect();
    let answers = join_all(users.iter().map(|user| store.add_user(&scope, user))).await;
    for (number, answer) in answers.iter().enumerate() {
        let is_taken = matches!(answer, Err(RepositoryError::Taken(_)));
        assert_eq!(is_taken, number % 10 == 9, "caller {number}: {answer:?}");
    }
    assert_eq!(store.users(&scope).await.unwrap().len(), 90);
    let transactions = commits.load(Ordering::Relaxed) - before;
    assert!(transactions <= 3, "{transactions} transactions for 100 callers");
}

#[tokio::test]
async fn of_statements_sent_together_the_one_that_is_refused_is_named() {
    const INTO: &str = "INSERT INTO commits (tenant, id, at) VALUES (?, ?, ?)";
    let folder = TempDir::new().unwrap();
    let store = open(&folder.path().join("besunny.db")).await.unwrap();
    let known = found(&store).await.tenant();
    let unknown = TenantId::derived(&[b"nobody"]);
    let refused = store.write(move |turn| {
        Box::pin(async move {
            let mut script = Script::new(turn.connection, true);
            for (parent, tenant, id) in
                [("first", known, [1; 16]), ("second", unknown, [2; 16]), ("third", known, [3; 16])]
            {
                let add = |row: &mut Parameters| {
                    row.add(tenant.as_bytes().to_vec()).add(id.to_vec()).add(0_i64);
                };
                script.add(Some(parent), INTO, add).await?;
            }
            script.end().await
        })
    });
    let refused = refused.await;
    assert!(matches!(refused, Err(RepositoryError::Missing("second"))), "{refused:?}");
    let kept = sqlx::query("SELECT id FROM commits").fetch_all(&store.readers).await.unwrap();
    assert!(kept.is_empty(), "a refused change leaves nothing");
}

#[tokio::test]
async fn what_has_no_savepoint_fails_with_its_whole_group() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder.path().join("besunny.db")).await.unwrap();
    let scope = found(&store).await;
    let neighbour = user(1, "ann");
    let broken = store.write_at(Pace::Together, |_| {
        Box::pin(async { Err::<(), RepositoryError>(Failure::Closed.into()) })
    });
    let (kept, failed) = futures::join!(store.add_user(&scope, &neighbour), broken);
    assert!(matches!(failed, Err(RepositoryError::Store(_))), "{failed:?}");
    assert!(matches!(kept, Err(RepositoryError::Store(_))), "{kept:?}");
    assert!(store.users(&scope).await.unwrap().is_empty());
    store.add_user(&scope, &neighbour).await.unwrap();
}

#[tokio::test]
async fn receipts_are_forgotten_when_no_provider_repeats_their_deliveries() {
    let folder = TempDir::new().unwrap();
    let clock = Arc::new(ManualClock::default());
    let file = folder.path().join("besunny.db");
    let store = SqliteStore::open(file, Arc::<ManualClock>::clone(&clock), Options::default())
        .await
        .unwrap();
    let about = About::Watch(WatchId::derived(&[b"one"]));
    let notice = Notice { about, dedup: Some("1".to_owned()) };
    let receipt = Receipt { provider: Provider::new("calendar"), notices: vec![notice] };
    let repeated = async || {
        let forget = Forget { older_than: Duration::from_hours(24), limit: 9 };
        store.forget(forget).await.unwrap();
        store.note(&receipt).await.unwrap().repeated == 1
    };
    assert!(!repeated().await);
    clock.advance(Duration::from_hours(31 * 24));
    assert!(repeated().await);
    clock.advance(Duration::from_secs(1));
    assert!(!repeated().await);
}

#[tokio::test]
async fn two_stores_on_one_file_wait_for_each_other() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("besunny.db");
    let (one, two) = (open(&file).await.unwrap(), open(&file).await.unwrap());
    let scope = found(&one).await;
    let users: Vec<User> = (0..40).map(|n| user(n, &format!("ann{n}"))).collect();
    let answers = join_all(users.iter().enumerate().map(|(number, user)| {
        if number % 2 == 0 { one.add_user(&scope, user) } else { two.add_user(&scope, user) }
    }));
    for answer in answers.await {
        answer.unwrap();
    }
    one.close().await.unwrap();
    assert_eq!(two.users(&scope).await.unwrap().len(), 40);
}
