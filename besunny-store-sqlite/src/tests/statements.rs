//! Every statement on a tenant's rows says so (ARCHITECTURE.md L6).
use std::{collections::BTreeSet, fs, path::Path};

/// Work of all tenants that the scheduler and the relay hand out; such a statement begins with a
/// comment that names it, so that nobody leaves a tenant out by accident.
const OF_ALL_TENANTS: [&str; 13] = [
    "claim jobs",
    "due jobs",
    "due streams",
    "forget commits",
    "forget jobs",
    "lease streams",
    "next job",
    "next stream",
    "notice by bot",
    "notice by subject",
    "notice by watch",
    "published events",
    "unpublished events",
];
/// The tenants themselves, and deliveries before it is known whose they are.
const WITHOUT_TENANT: [&str; 4] =
    ["INTO tenants ", "FROM tenants WHERE id = ?", "UPDATE tenants ", " receipts "];

/// All checked statements, on one line each.
fn statements() -> impl Iterator<Item = String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(".sqlx");
    fs::read_dir(folder).unwrap().map(|file| {
        let text = fs::read_to_string(file.unwrap().path()).unwrap();
        let entry: serde_json::Value = serde_json::from_str(&text).unwrap();
        let statement = entry["query"].as_str().unwrap();
        statement.split_whitespace().collect::<Vec<_>>().join(" ")
    })
}

#[test]
fn every_statement_names_the_tenant_or_is_listed_here() {
    let mut named = BTreeSet::new();
    for sql in statements() {
        if let Some((name, _)) =
            sql.strip_prefix("/* all tenants: ").and_then(|rest| rest.split_once(" */"))
        {
            named.insert(name.to_owned());
        } else if !WITHOUT_TENANT.iter().any(|part| sql.contains(part)) {
            assert!(is_scoped(&sql), "no tenant: {sql}");
        }
    }
    let listed: BTreeSet<_> = OF_ALL_TENANTS.map(str::to_owned).into();
    assert_eq!(named, listed);
}

/// Inserts name the column first; all others compare it with a parameter.
fn is_scoped(sql: &str) -> bool {
    let columns = sql
        .split_once("INSERT INTO ")
        .and_then(|(_, into)| into.split_once('('))
        .map(|(_, columns)| columns.trim_start());
    columns.map_or_else(|| sql.contains("tenant = ?"), |columns| columns.starts_with("tenant"))
}

/// SQLite reads the value of a bare `LIMIT ?` when it plans, and so plans the statement anew each
/// time a value is bound: that cost half of what reading costs. A sum is not looked into.
#[test]
fn no_statement_is_planned_anew_each_time_for_its_limit() {
    for sql in statements() {
        for rest in sql.split("LIMIT ?").skip(1) {
            let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit());
            assert!(rest.starts_with(" + 0"), "a bare limit: {sql}");
        }
    }
}

/// Answers that need all rows of a tenant or of an account, and little tables, are in the snapshot.
///
/// The planner has no statistics in a young file, so a statement that could read everything does.
#[tokio::test]
async fn no_statement_reads_more_rows_the_more_there_are() {
    let folder = tempfile::TempDir::new().unwrap();
    let store = super::open(&folder.path().join("besunny.db")).await.unwrap();
    let mut found = BTreeSet::new();
    for sql in statements() {
        let explain = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"));
        let plan: Vec<(i64, i64, i64, String)> =
            sqlx::query_as(explain).fetch_all(&store.readers).await.unwrap();
        for (_, _, _, step) in plan {
            let is_list = step.contains("VIRTUAL TABLE")
                || step.contains("(subquery")
                || ["SCAN new", "SCAN named"].contains(&step.as_str());
            if step.starts_with("SCAN") && !is_list
                || step.ends_with("(tenant=?)")
                || step.ends_with("(tenant=? AND account=?)")
            {
                found.insert(format!("{step} < {}", &sql[..sql.len().min(150)]));
            }
        }
    }
    insta::assert_snapshot!(found.into_iter().collect::<Vec<_>>().join("\n"));
}
