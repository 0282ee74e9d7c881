//! What a migration makes of rows that were there before it.
use std::borrow::Cow;

use sqlx::{Connection, SqliteConnection, migrate::Migrator};

use crate::migration::{self, MIGRATOR};

/// Brings an empty database to schema `version`.
async fn at(version: i64) -> SqliteConnection {
    let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
    let older = MIGRATOR.iter().filter(|migration| migration.version <= version);
    let migrations = Cow::Owned(older.cloned().collect());
    let older = Migrator { migrations, ..Migrator::DEFAULT };
    migration::run(&mut connection, &older).await.unwrap();
    connection
}

/// Mails `i1` to `i5` that name people: of a master mailbox, but for the last.
const BEFORE: &str = "
    INSERT INTO tenants VALUES (x'01', 'acme', 0), (x'02', 'other', 0);
    INSERT INTO users VALUES (x'01', x'0a', 'ann', 'Ann', 0), (x'01', x'0b', 'bob', 'Bob', 0),
        (x'02', x'0c', 'cleo', 'Cleo', 0);
    INSERT INTO accounts (tenant, id, owner, provider, subject, intake, connected_at) VALUES
        (x'01', x'a1', x'0a', 'p', 'inbox', 'master', 0),
        (x'01', x'a2', x'0a', 'p', 'own', 'addressed', 0);
    INSERT INTO items (tenant, account, id, state, policy, asked) VALUES
        (x'01', x'a1', 'i1', 'ignored', 0, 0), (x'01', x'a1', 'i2', 'stored', 0, 0),
        (x'01', x'a1', 'i3', 'stored', 0, 0), (x'01', x'a1', 'i4', 'ignored', 0, 0),
        (x'01', x'a2', 'i5', 'ignored', 0, 0);
    INSERT INTO detections VALUES
        (x'01', x'a1', 'i1', 'ai+bob@x', 'bob', NULL, '\"to\"'),
        (x'01', x'a1', 'i2', 'ai+ann@x', 'ann', x'0a', '\"to\"'),
        (x'01', x'a1', 'i2', 'ai+bob@x', 'bob', NULL, '\"to\"'),
        (x'01', x'a1', 'i3', 'ai+ann@x', 'ann', x'0a', '\"to\"'),
        (x'01', x'a1', 'i4', 'ai+cleo@x', 'cleo', NULL, '\"to\"'),
        (x'01', x'a2', 'i5', 'ai+bob@x', 'bob', NULL, '\"to\"');
";

#[tokio::test]
async fn user_2_mail_of_people_who_came_before_the_upgrade_is_asked_for() {
    let mut connection = at(7).await;
    sqlx::raw_sql(BEFORE).execute(&mut connection).await.unwrap();
    migration::run(&mut connection, &MIGRATOR).await.unwrap();
    let asked = sqlx::query_scalar("SELECT id FROM items WHERE asked = 1 ORDER BY id");
    let asked: Vec<String> = asked.fetch_all(&mut connection).await.unwrap();
    assert_eq!(asked, ["i1", "i2"]);
}
