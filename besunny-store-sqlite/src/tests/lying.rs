//! Rows that cannot be read: they are left where they are, and hide nobody.
use std::{sync::Arc, time::Duration};

use besunny_core::{
    account::{Account, Intake, NewAccount, Provider},
    address::Username,
    commit::{Basis, Commit, Effect},
    ids::{CommitId, DocumentId, TenantId, UserId},
    job::{Job, Task},
    repository::{Accounts, People, Streams},
    scheduler::{Ask, Scheduler},
    source::{OfferedStream, StreamKey, Subject},
    tenant::{Tenant, TenantScope, User},
};
use besunny_testkit::clock::ManualClock;
use chrono::DateTime;
use sqlx::{ConnectOptions, Connection, sqlite::SqliteConnectOptions};
use tempfile::TempDir;

use crate::{Options, SqliteStore};

const LEASE: Duration = Duration::from_mins(1);

/// A store in a file, with two jobs and two streams.
struct Scene {
    folder: TempDir,
    clock: Arc<ManualClock>,
    store: SqliteStore,
}

impl Scene {
    async fn new() -> Self {
        let (folder, clock) = (TempDir::new().unwrap(), Arc::new(ManualClock::default()));
        let file = folder.path().join("besunny.db");
        let store = SqliteStore::open(file, Arc::clone(&clock) as _, Options::default()).await;
        let scene = Self { folder, clock, store: store.unwrap() };
        scene.fill().await;
        scene
    }

    async fn fill(&self) {
        let (tenant, at) = (TenantId::derived(&[b"acme"]), DateTime::UNIX_EPOCH);
        let (scope, owner) = (TenantScope::trusted(tenant), UserId::derived(&[b"ann"]));
        let name = "acme".to_owned();
        self.store.found(&Tenant { id: tenant, name, created_at: at }).await.unwrap();
        let username = Username::parse("ann").unwrap();
        let user = User { id: owner, username, name: "Ann".to_owned(), created_at: at };
        self.store.add_user(&scope, &user).await.unwrap();
        let grant = NewAccount {
            owner,
            provider: Provider::new("scripted"),
            subject: Subject::from_source("ann@example.com"),
            intake: Intake::Whole,
        };
        let offered = ["a", "b"].map(|key| OfferedStream {
            key: StreamKey::from_source(key),
            title: key.to_owned(),
            proposed: true,
        });
        let account = Account::new(tenant, grant, at);
        self.store.connect(&scope, &account, &offered).await.unwrap();
        for name in ["a", "b"] {
            let document = DocumentId::derived(&[name.as_bytes()]);
            let job = Job::new(tenant, Task::Classify { document });
            let (id, effects) = (CommitId::derived(&[name.as_bytes()]), vec![Effect::Enqueue(job)]);
            let commit = Commit { id, basis: Basis::Person, at, effects };
            self.store.commit(&scope, Arc::new(commit)).await.unwrap();
        }
    }

    /// Changes the file, as a broken program or disk does.
    async fn spoil(&self, sql: &'static str) {
        let file = self.folder.path().join("besunny.db");
        let mut connection = SqliteConnectOptions::new().filename(file).connect().await.unwrap();
        let done = sqlx::query(sql).execute(&mut connection).await.unwrap();
        assert_eq!(done.rows_affected(), 1, "{sql}");
        connection.close().await.unwrap();
    }

    /// Claims jobs twice; returns how many were granted each time.
    async fn claims(&self, limit: usize) -> [usize; 2] {
        let ask = Ask { limit, lease_for: LEASE };
        let first = self.store.claim(ask).await.unwrap().len();
        [first, self.store.claim(ask).await.unwrap().len()]
    }

    /// Leases streams twice; returns how many were granted each time.
    async fn leases(&self, limit: usize) -> [usize; 2] {
        let ask = Ask { limit, lease_for: LEASE };
        let first = self.store.lease(ask).await.unwrap().len();
        [first, self.store.lease(ask).await.unwrap().len()]
    }
}

#[tokio::test]
async fn an_unreadable_job_hides_no_other_whether_or_not_its_claim_has_ended() {
    for limit in [1, 10] {
        let scene = Scene::new().await;
        scene.spoil("UPDATE jobs SET task = '?' WHERE rowid = 1").await;
        assert_eq!(scene.claims(limit).await, [1, 0], "at first");
        scene.clock.advance(LEASE * 2);
        assert_eq!(scene.claims(limit).await, [1, 0], "once the claims have ended");
    }
}

#[tokio::test]
async fn an_unreadable_stream_hides_no_other() {
    for limit in [1, 10] {
        let scene = Scene::new().await;
        scene.spoil("UPDATE streams SET watch = '?' WHERE rowid = 1").await;
        assert_eq!(scene.leases(limit).await, [1, 0], "at first");
        scene.clock.advance(LEASE * 2);
        assert_eq!(scene.leases(limit).await, [1, 0], "once the leases have ended");
    }
}
