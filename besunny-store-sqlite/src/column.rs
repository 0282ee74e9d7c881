//! What columns hold: ids as bytes, instants as microseconds, states by name, the rest as JSON.
//!
//! Writing cannot fail, except where JSON is made; reading names the table and column of what it
//! cannot read.
use std::time::Duration;

use besunny_core::{
    ids::{
        AccountId, CommitId, DocumentId, EventId, JobId, MeetingId, OnboardingId, PostingId,
        ProjectId, RuleId, StreamId, TenantId, UserId, WatchId,
    },
    repository::RepositoryError,
    tenant::TenantScope,
};
use chrono::{DateTime, Utc};
use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

use crate::failure::Failure;

/// A table that is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Table(pub(crate) &'static str);

impl Table {
    /// Says that a column cannot be read.
    pub(crate) const fn corrupt(self, column: &'static str) -> RepositoryError {
        RepositoryError::Corrupt { table: self.0, column }
    }

    /// Reads what was parsed already.
    pub(crate) fn parsed<T>(
        self,
        column: &'static str,
        value: Option<T>,
    ) -> Result<T, RepositoryError> {
        value.ok_or_else(|| self.corrupt(column))
    }

    /// Reads an id.
    pub(crate) fn id<I: Id>(
        self,
        column: &'static str,
        bytes: &[u8],
    ) -> Result<I, RepositoryError> {
        self.parsed(column, Uuid::from_slice(bytes).ok().map(I::of))
    }

    /// Reads a SHA-256.
    pub(crate) fn sha256(
        self,
        column: &'static str,
        bytes: &[u8],
    ) -> Result<[u8; 32], RepositoryError> {
        self.parsed(column, bytes.try_into().ok())
    }

    /// Reads an instant.
    pub(crate) fn instant(
        self,
        column: &'static str,
        micros: i64,
    ) -> Result<DateTime<Utc>, RepositoryError> {
        self.parsed(column, DateTime::from_timestamp_micros(micros))
    }

    /// Reads a number that is never negative.
    pub(crate) fn number<N: TryFrom<i64>>(
        self,
        column: &'static str,
        number: i64,
    ) -> Result<N, RepositoryError> {
        self.parsed(column, N::try_from(number).ok())
    }

    /// Reads JSON.
    pub(crate) fn json<T: DeserializeOwned>(
        self,
        column: &'static str,
        text: &str,
    ) -> Result<T, RepositoryError> {
        self.parsed(column, serde_json::from_str(text).ok())
    }
}

/// Leaves out a row that cannot be read where work of all tenants is handed out: one broken row must
/// not stop everybody's. It stays where it is, and is complained of whenever it is met.
pub(crate) fn readable<T>(row: Result<T, RepositoryError>) -> Option<T> {
    row.inspect_err(|error| tracing::error!(%error, "work was left lying")).ok()
}

/// An id of ours, as 16 bytes.
pub(crate) trait Id: Sized {
    /// Makes an id of what was stored.
    fn of(id: Uuid) -> Self;
    /// Returns what is stored.
    fn bytes(&self) -> Vec<u8>;
}

macro_rules! ids {
    ($($name:ident),* $(,)?) => {$(
        impl Id for $name {
            fn of(id: Uuid) -> Self {
                Self::from_uuid(id)
            }

            fn bytes(&self) -> Vec<u8> {
                self.as_bytes().to_vec()
            }
        }
    )*};
}

ids!(
    AccountId,
    CommitId,
    DocumentId,
    EventId,
    JobId,
    MeetingId,
    OnboardingId,
    PostingId,
    ProjectId,
    RuleId,
    StreamId,
    TenantId,
    UserId,
    WatchId,
);

/// Returns the stored tenant of a scope.
pub(crate) fn tenant(scope: &TenantScope) -> Vec<u8> {
    scope.tenant().bytes()
}

/// Returns a stored instant; what is finer than a microsecond is lost.
pub(crate) const fn micros(at: DateTime<Utc>) -> i64 {
    at.timestamp_micros()
}

/// Returns the stored instant `wait` after `at`; the end of time when there is none.
pub(crate) fn micros_after(at: DateTime<Utc>, wait: Duration) -> i64 {
    micros(at).saturating_add(i64::try_from(wait.as_micros()).unwrap_or(i64::MAX))
}

/// Returns a stored number; none of ours comes near the end of the range.
pub(crate) fn integer<N: TryInto<i64>>(number: N) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}

/// Returns stored JSON.
pub(crate) fn json<T: Serialize + ?Sized>(value: &T) -> Result<String, RepositoryError> {
    serde_json::to_string(value).map_err(|error| Failure::unwritable(error).into())
}

/// Returns an id as hexadecimal text, for `unhex` in a statement.
pub(crate) fn hex<I: Id>(id: &I) -> String {
    Uuid::from_slice(&id.bytes()).unwrap_or_default().simple().to_string()
}

/// Returns ids as a JSON list of hexadecimal text, for `json_each` in a statement.
pub(crate) fn hex_list<'a, I: Id + 'a>(ids: impl IntoIterator<Item = &'a I>) -> String {
    text_list(ids.into_iter().map(hex))
}

/// Returns ids with the versions that were read, as a JSON list for a statement.
pub(crate) fn version_list<'a, I: Id + 'a>(ids: impl IntoIterator<Item = (&'a I, u64)>) -> String {
    let pairs = ids.into_iter().map(|(id, version)| serde_json::json!([hex(id), version]));
    serde_json::Value::Array(pairs.collect()).to_string()
}

/// Returns texts as a JSON list, for `json_each` in a statement.
pub(crate) fn text_list<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> String {
    let texts = texts.into_iter().map(|text| serde_json::Value::from(text.as_ref())).collect();
    serde_json::Value::Array(texts).to_string()
}
