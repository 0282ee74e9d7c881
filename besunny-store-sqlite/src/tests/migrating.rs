//! What a migration makes of rows that were there before it.
use std::borrow::Cow;

use sqlx::{Connection, SqliteConnection, migrate::Migrator};

use crate::migration::{self, MIGRATOR};

/// Brings an empty database to schema `version`.
async fn at(version: i64) -> SqliteConnection {
    let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
    upgrade(&mut connection, version).await;
    connection
}

async fn upgrade(connection: &mut SqliteConnection, version: i64) {
    let older = MIGRATOR.iter().filter(|migration| migration.version <= version);
    let migrations = Cow::Owned(older.cloned().collect());
    let older = Migrator { migrations, ..Migrator::DEFAULT };
    migration::run(connection, &older).await.unwrap();
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

/// Three models of Ann, of which the last went back to the first; of Bob twelve.
const MODELS: &str = "
    INSERT INTO models
        SELECT x'01', x'0a', column1, column2, column3, 'test/1', column4, '{\"old\":1}', x'00', 1, 0, x'00'
        FROM (VALUES (1, NULL, 'learning', 50), (2, 1, 'learning', 100), (3, 1, 'rolling_back', 170),
            (4, 3, 'learning', 200));
    WITH RECURSIVE n (v) AS (SELECT 1 UNION ALL SELECT v + 1 FROM n WHERE v < 12)
    INSERT INTO models
        SELECT x'01', x'0b', v, nullif(v - 1, 0), 'learning', 'test/1', 10 * v, '{}', x'00', 1, 0,
            iif(v > 2, x'00', NULL)
        FROM n;
";

#[tokio::test]
async fn ml_3_models_of_before_say_what_they_learned_and_the_oldest_are_forgotten() {
    let mut connection = at(7).await;
    sqlx::raw_sql(BEFORE).execute(&mut connection).await.unwrap();
    upgrade(&mut connection, 16).await;
    sqlx::raw_sql(MODELS).execute(&mut connection).await.unwrap();
    migration::run(&mut connection, &MIGRATOR).await.unwrap();
    let rows = sqlx::query_as(
        "SELECT hex(owner), version, learned, promises FROM models ORDER BY owner, version",
    );
    let rows: Vec<(String, i64, String, String)> = rows.fetch_all(&mut connection).await.unwrap();
    let ann: Vec<_> = rows.iter().filter(|row| row.0 == "0A").map(|row| row.2.as_str()).collect();
    assert_eq!(ann, ["[[0,50]]", "[[0,50],[50,100]]", "[[0,50]]", "[[0,50],[170,200]]"]);
    let bob: Vec<_> = rows.iter().filter(|row| row.0 == "0B").map(|row| row.1).collect();
    assert_eq!(bob, (3..=12).collect::<Vec<i64>>());
    assert!(rows.iter().all(|row| row.3 == "{}"));
    assert!(rows.last().unwrap().2.starts_with("[[0,10],[10,20],"), "{rows:?}");
    let last = sqlx::query_scalar("SELECT name FROM pragma_table_info('models') ORDER BY cid DESC");
    let last: String = last.fetch_one(&mut connection).await.unwrap();
    assert_eq!(last, "state", "what stands behind it is read through all of it");
}

#[tokio::test]
async fn user_2_mail_of_people_who_came_before_the_upgrade_is_asked_for() {
    let mut connection = at(7).await;
    sqlx::raw_sql(BEFORE).execute(&mut connection).await.unwrap();
    migration::run(&mut connection, &MIGRATOR).await.unwrap();
    let asked = sqlx::query_scalar("SELECT id FROM items WHERE asked = 1 ORDER BY id");
    let asked: Vec<String> = asked.fetch_all(&mut connection).await.unwrap();
    assert_eq!(asked, ["i1", "i2"]);
}
