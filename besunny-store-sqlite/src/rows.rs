//! Writing many rows with few statements.
//!
//! Each statement is a hop to the thread that owns the connection and back, so a page of some
//! hundred documents is written in statements of many rows. Their text is made when the crate is
//! compiled, in three fixed sizes, so that each is prepared once.
use besunny_core::repository::RepositoryError;
use futures::StreamExt;
use sqlx::{
    Arguments, AssertSqlSafe, Either, Encode, Executor, Sqlite, SqliteConnection, Type,
    sqlite::SqliteArguments,
};

use crate::failure::{Failure, failed, orphaned};

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

impl Insert {
    /// Returns the longest statement for so many rows, and how many it takes.
    const fn of(&self, left: usize) -> (&'static str, usize) {
        match left {
            MANY.. => (self.many, MANY),
            SOME.. => (self.some, SOME),
            _ => (self.one, 1),
        }
    }
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

    /// Returns all of them, unless one has no stored form.
    fn take(self) -> Result<SqliteArguments, Failure> {
        self.failure.map_or(Ok(self.values), Err)
    }
}

/// Statements that a change writes, in order.
///
/// The few of a short change are sent together, as one text: a hop to the thread of the connection
/// then serves them all. Their parameters are bound in order, so each is a plain `?`. A long
/// change sends each by itself, since its many rows would make a new text each time.
pub(crate) struct Script<'c> {
    connection: &'c mut SqliteConnection,
    is_joined: bool,
    text: String,
    parameters: Parameters,
    /// What is missing when a statement that waits refers to nothing.
    parents: Vec<Option<&'static str>>,
    /// How many rows each statement that was sent has written.
    written: Vec<u64>,
}

impl<'c> Script<'c> {
    pub(crate) fn new(connection: &'c mut SqliteConnection, is_joined: bool) -> Self {
        let (text, parameters) = (String::new(), Parameters::default());
        Self { connection, is_joined, text, parameters, parents: Vec::new(), written: Vec::new() }
    }

    /// Adds a statement, and sends it unless it can wait for others.
    pub(crate) async fn add(
        &mut self,
        parent: Option<&'static str>,
        sql: &'static str,
        fill: impl FnOnce(&mut Parameters),
    ) -> Result<(), RepositoryError> {
        self.text.push_str(sql);
        self.text.push(';');
        fill(&mut self.parameters);
        self.parents.push(parent);
        if self.is_joined { Ok(()) } else { self.send().await }
    }

    /// Adds an insert of `rows`.
    pub(crate) async fn insert<R>(
        &mut self,
        insert: Insert,
        rows: Vec<R>,
        mut add: impl FnMut(&mut Parameters, R),
    ) -> Result<(), RepositoryError> {
        let mut left = rows.len();
        let mut rows = rows.into_iter();
        while left > 0 {
            let (sql, count) = insert.of(left);
            let part = rows.by_ref().take(count);
            self.add(Some(insert.parent), sql, |row| part.for_each(|one| add(row, one))).await?;
            left -= count;
        }
        Ok(())
    }

    /// Returns how many statements were added.
    pub(crate) const fn len(&self) -> usize {
        self.written.len() + self.parents.len()
    }

    /// Sends what waits; returns the connection for statements of others.
    pub(crate) async fn plain(&mut self) -> Result<&mut SqliteConnection, RepositoryError> {
        self.send().await?;
        Ok(self.connection)
    }

    /// Sends what waits; returns how many rows each statement has written.
    pub(crate) async fn end(mut self) -> Result<Vec<u64>, RepositoryError> {
        self.send().await?;
        Ok(self.written)
    }

    async fn send(&mut self) -> Result<(), RepositoryError> {
        let parents = std::mem::take(&mut self.parents);
        if parents.is_empty() {
            return Ok(());
        }
        let values = std::mem::take(&mut self.parameters).take()?;
        let text = AssertSqlSafe(std::mem::take(&mut self.text));
        let mut answers = (&mut *self.connection).fetch_many(sqlx::query_with(text, values));
        let mut parents = parents.into_iter();
        while let Some(answer) = answers.next().await {
            match answer {
                Ok(Either::Left(done)) => {
                    self.written.push(done.rows_affected());
                    parents.next();
                }
                Ok(Either::Right(_row)) => {}
                Err(error) => {
                    return Err(match parents.next().flatten() {
                        Some(parent) => orphaned(parent)(error),
                        None => failed(error),
                    });
                }
            }
        }
        Ok(())
    }
}

/// Adds a statement that is checked when the crate is compiled to a [`Script`], with what is
/// missing when it refers to nothing.
macro_rules! checked {
    ($script:expr, $parent:expr, $sql:literal, $($value:expr),+ $(,)?) => {{
        // Nobody calls it: it is there for the compiler, which checks it against the schema.
        let _check = || drop(sqlx::query!($sql, $($value),+));
        $script.add($parent, $sql, |row| { $(row.add(&$value);)+ }).await
    }};
}
pub(crate) use checked;

/// Writes `rows`; returns how many were written, without those that were there already.
pub(crate) async fn write<R>(
    connection: &mut SqliteConnection,
    insert: Insert,
    rows: Vec<R>,
    add: impl FnMut(&mut Parameters, R),
) -> Result<u64, RepositoryError> {
    let mut script = Script::new(connection, false);
    script.insert(insert, rows, add).await?;
    Ok(script.end().await?.into_iter().sum())
}
