//! The embedded default store of BeSunny: everything in one SQLite file.
//!
//! [`SqliteStore`] implements [`Repository`](besunny_core::repository::Repository) and
//! [`Scheduler`](besunny_core::scheduler::Scheduler). What is written is durable before a call
//! returns: write-ahead log, `synchronous=FULL`, one task that writes for all callers and commits
//! whatever waits in one transaction. Questions go to a pool of read-only connections.
//!
//! Where to look:
//! - `migrations/` has the schema, and why it is so; to change it, add a file, never edit one.
//! - `writer` is the one task that writes; `store` opens and closes.
//! - `commit` applies a commit: load what it touches, decide in memory, write the difference.
//! - The other modules implement one port each, with the SQL beside the method.
//!
//! SQL is checked against the schema when the crate is compiled; after a change of SQL or of a
//! migration run `cargo xtask sqlx-check --refresh`. Every statement on a tenant's rows says
//! `tenant = ?`; the few that may not are listed, with the reason, in a test.

mod accounts;
mod bells;
mod blobs;
mod column;
mod commit;
mod documents;
mod failure;
mod feedback;
mod forgetting;
mod jobs;
mod learning;
mod leases;
mod meetings;
mod migration;
mod newcomers;
mod notices;
mod onboardings;
mod outbox;
mod people;
mod place;
mod postings;
mod projects;
mod rows;
mod scheduler;
mod shadows;
mod store;
mod streams;
#[cfg(test)]
mod tests;
mod writer;

pub use failure::Failure;
pub use migration::{Schema, SchemaError};
pub use place::{OpenError, Place};
pub use store::{Options, SqliteStore};
