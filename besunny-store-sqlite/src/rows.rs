//! Writing many rows with few statements.
//!
//! Each statement is a hop to the thread that owns the connection and back, so a page of some
//! hundred documents is written in statements of many rows. Their text is made when the crate is
//! compiled, in three fixed sizes, so that each is prepared once.
use besunny_core::repository::RepositoryError;
use sqlx::{Arguments, Encode, Sqlite, SqliteConnection, Type, sqlite::SqliteArguments};

use crate::failure::{Failure, orphaned};

/// Rows of the longest statement: beyond, a hop is no longer seen in the time of a row.
pub(crate) const MANY: usize = 64;
/// Rows of the middle one, which keeps the rest of a page from going one by one.
pub(crate) const SOME: usize = 8;

/// An insert in three sizes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Insert {
    /// What is missing when a row refers to nothing.
    pub(crate) parent: &'static str,
    pub(crate) one: &'static str,
    pub(crate) some: &'static str,
    pub(crate) many: &'static str,
}

/// Makes an [`Insert`] of its parent, its beginning, one row of parameters, and its end.
macro_rules! insert {
    ($parent:literal, $into:literal, $row:literal, $end:literal) => {
        $crate::rows::Insert {
            parent: $parent,
            one: concat!($into, " VALUES ", $row, $end),
            some: concat!($into, " VALUES ", $crate::rows::eight!($row), $end),
            many: concat!(
                $into,
                " VALUES ",
                $crate::rows::eight!($crate::rows::eight!($row)),
                $end
            ),
        }
    };
}

macro_rules! eight {
    ($row:expr) => {
        concat!(
            $row, ", ", $row, ", ", $row, ", ", $row, ", ", $row, ", ", $row, ", ", $row, ", ",
            $row
        )
    };
}

pub(crate) use {eight, insert};

/// The parameters of a statement, in order.
#[derive(Debug, Default)]
pub(crate) struct Parameters {
    values: SqliteArguments,
    failure: Option<Failure>,
}

impl Parameters {
    /// Adds a parameter.
    pub(crate) fn add<'t, T: Encode<'t, Sqlite> + Type<Sqlite>>(&mut self, value: T) -> &mut Self {
        if let Err(error) = self.values.add(value) {
            self.failure = Some(Failure::Unwritable(error.into()));
        }
        self
    }
}

/// Writes `rows`; returns how many were written, without those that were there already.
pub(crate) async fn write<R>(
    connection: &mut SqliteConnection,
    insert: Insert,
    rows: Vec<R>,
    mut add: impl FnMut(&mut Parameters, R),
) -> Result<u64, RepositoryError> {
    let (mut left, mut written) = (rows.len(), 0);
    let mut rows = rows.into_iter();
    while left > 0 {
        let (sql, count) = match left {
            MANY.. => (insert.many, MANY),
            SOME.. => (insert.some, SOME),
            _ => (insert.one, 1),
        };
        let mut parameters = Parameters::default();
        rows.by_ref().take(count).for_each(|row| add(&mut parameters, row));
        if let Some(failure) = parameters.failure {
            return Err(failure.into());
        }
        let done = sqlx::query_with(sql, parameters.values).execute(&mut *connection).await;
        written += done.map_err(orphaned(insert.parent))?.rows_affected();
        left -= count;
    }
    Ok(written)
}
