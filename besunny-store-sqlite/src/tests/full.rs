//! A disk that is full: what was answered stays, what was not can be done again.
use besunny_core::{
    ids::TenantId,
    repository::{People, RepositoryError},
    tenant::Tenant,
};
use chrono::DateTime;
use tempfile::TempDir;

use super::{open, open_with};
use crate::{Failure, Options};

fn tenant(number: u32) -> Tenant {
    let id = TenantId::derived(&[&number.to_be_bytes()]);
    Tenant { id, name: "x".repeat(4_000), created_at: DateTime::UNIX_EPOCH }
}

#[tokio::test]
async fn a_full_file_refuses_by_name_and_heals() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("besunny.db");
    let tight = Options { max_bytes: Some(1 << 20), ..Options::default() };
    let store = open_with(&file, tight).await.unwrap();
    let mut taken = 0;
    let refused = loop {
        match store.found(&tenant(taken)).await {
            Ok(()) => taken += 1,
            Err(refused) => break refused,
        }
        assert!(taken < 1_000, "a MiB does not hold 4 MB");
    };
    let RepositoryError::Store(cause) = &refused else { panic!("{refused:?}") };
    let cause = cause.downcast_ref::<Failure>().unwrap();
    assert!(matches!(cause, Failure::Full { file: Some(named) } if **named == *file), "{cause}");
    store.close().await.unwrap();

    let store = open(&file).await.unwrap();
    let kept = count(&store).await;
    assert_eq!(kept, i64::from(taken), "what was answered is there, and no more");
    store.found(&tenant(taken)).await.unwrap();
    assert_eq!(count(&store).await, kept + 1);
}

async fn count(store: &crate::SqliteStore) -> i64 {
    let counted = sqlx::query_scalar("SELECT count(*) FROM tenants").fetch_one(&store.readers);
    counted.await.unwrap()
}
