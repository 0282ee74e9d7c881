//! Files that cannot be used are refused in their own words, and left as they are.
use std::fs;

use insta::assert_snapshot;
use sqlx::{ConnectOptions, Connection, SqliteConnection, sqlite::SqliteConnectOptions};
use tempfile::TempDir;

use super::open;
use crate::Place;

/// Opens what `prepare` made of a file, which must be refused; answers with the whole reason.
async fn refusal(prepare: impl AsyncFnOnce(&std::path::Path)) -> String {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("besunny.db");
    prepare(&file).await;
    let before = fs::read(&file).ok();
    let refused = open(&file).await.expect_err("it is refused");
    assert!(fs::read(&file).ok() == before, "a file that is refused is left as it is: {refused}");
    let said = besunny_core::cause::describe(&refused);
    said.replace(&folder.path().display().to_string(), "FOLDER")
}

async fn connect(file: &std::path::Path) -> SqliteConnection {
    SqliteConnectOptions::new().filename(file).create_if_missing(true).connect().await.unwrap()
}

/// Makes a store and then changes it with `sql`.
async fn spoil(file: &std::path::Path, sql: &'static str) {
    open(file).await.unwrap().close().await.unwrap();
    let mut connection = connect(file).await;
    sqlx::query(sql).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

#[tokio::test]
async fn each_refusal_names_the_file_and_the_fix() {
    let folder = refusal(async |file| fs::create_dir(file).unwrap()).await;
    let text = refusal(async |file| fs::write(file, [b'x'; 4096]).unwrap()).await;
    let foreign = refusal(async |file| {
        let mut connection = connect(file).await;
        sqlx::query("CREATE TABLE theirs (a)").execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    })
    .await;
    let newer = refusal(async |file| {
        spoil(
            file,
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
             VALUES (9999, 'later', TRUE, x'00', 0)",
        )
        .await;
    })
    .await;
    let altered = refusal(async |file| {
        spoil(file, "UPDATE _sqlx_migrations SET checksum = x'00' WHERE version = 2").await;
    })
    .await;
    assert_snapshot!([folder, text, foreign, newer, altered].join("\n"), @r"
    FOLDER/besunny.db is a folder: name a file in it
    FOLDER/besunny.db is no SQLite database: name another file
    FOLDER/besunny.db cannot be used: it is a database of another program: name another file
    FOLDER/besunny.db cannot be used: its schema 9999 is newer than this program: use the version that wrote it
    FOLDER/besunny.db cannot be used: its schema 2 is not the one this program has: it was made by a changed build
    ");
}

#[tokio::test]
async fn a_missing_folder_is_not_made() {
    let folder = TempDir::new().unwrap();
    let refused = open(&folder.path().join("no/besunny.db")).await.expect_err("it is refused");
    assert!(refused.to_string().contains("does not exist: make it first"), "{refused}");
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_may_read_a_new_file() {
    use std::os::unix::fs::PermissionsExt;
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("besunny.db");
    let store = open(&file).await.unwrap();
    for name in ["besunny.db", "besunny.db-wal"] {
        let mode = fs::metadata(folder.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_temporary_store_leaves_nothing() {
    let clock = std::sync::Arc::new(besunny_testkit::clock::ManualClock::default());
    let store = crate::SqliteStore::open(Place::Temporary, clock, crate::Options::default());
    let store = store.await.unwrap();
    let path = store.path().to_path_buf();
    assert!(path.exists());
    store.close().await.unwrap();
    drop(store);
    assert!(!path.exists());
}
