//! The one task that writes: whatever waits goes into one transaction (group commit).
//!
//! A change that is refused is undone alone, by its savepoint; the others stay. Nobody is answered
//! before the transaction is durable. What can wait is written with what comes next, so that it
//! keeps nobody waiting who is in a hurry. The task ends when the store is closed or dropped; when
//! its runtime ends instead, SQLite undoes what was not committed, and callers hear that it is
//! closed.
use std::{fmt, path::Path, sync::Arc, time::Duration};

use besunny_core::{clock::Clock, repository::RepositoryError};
use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use sqlx::{Connection, SqliteConnection};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, timeout_at},
};

use crate::{
    bells::{Bells, Made},
    failure::{Failure, in_file},
};

/// So many changes go into one transaction at most, so that the first is not kept waiting.
const GROUP: usize = 128;
/// So many changes wait at most; further callers wait for a place.
const QUEUE: usize = 256;
/// What can wait does so for another change to share its sync of the disk with, but not longer.
const LINGER: Duration = Duration::from_millis(5);

/// What a change may use.
pub(crate) struct Turn<'c> {
    /// The connection, inside a transaction.
    pub(crate) connection: &'c mut SqliteConnection,
    /// The store's own time.
    pub(crate) now: DateTime<Utc>,
    /// What work the change makes; who waits for it is woken once it is durable.
    pub(crate) made: &'c mut Made,
}

/// What comes of a change.
pub(crate) type Outcome<'c, T> = BoxFuture<'c, Result<T, RepositoryError>>;

/// The way to the task.
#[derive(Clone)]
pub(crate) struct Writer {
    queue: mpsc::Sender<Message>,
}

enum Message {
    Change(Pace, Box<dyn Waiting>),
    Close(oneshot::Sender<Result<(), Failure>>),
}

/// Whether a change is in a hurry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// It is written at once.
    Now,
    /// It is written at once. Nothing but the database refuses it, and then the whole group: it
    /// has no savepoint.
    Together,
    /// It can wait. It is a single statement, which SQLite undoes by itself, and has no savepoint.
    Later,
}

/// What is written next.
#[derive(Default)]
struct Batch {
    messages: Vec<Message>,
    changes: Vec<(Pace, Box<dyn Waiting>)>,
    closers: Vec<oneshot::Sender<Result<(), Failure>>>,
}

impl Batch {
    /// Waits until a change is in a hurry, the first has waited long enough, or no more fit;
    /// `false` when there will be no more.
    async fn gather(&mut self, waiting: &mut mpsc::Receiver<Message>) -> bool {
        let mut until = None;
        loop {
            let more = waiting.recv_many(&mut self.messages, GROUP - self.changes.len());
            let more = match until {
                None => more.await,
                Some(until) => match timeout_at(until, more).await {
                    Ok(more) => more,
                    Err(_over) => return true,
                },
            };
            if more == 0 {
                return !self.changes.is_empty();
            }
            if self.sort() || self.changes.len() >= GROUP {
                return true;
            }
            until.get_or_insert(Instant::now() + LINGER);
        }
    }

    /// Sorts what has come; `true` when some of it is in a hurry.
    fn sort(&mut self) -> bool {
        let mut hurry = false;
        for message in self.messages.drain(..) {
            match message {
                Message::Change(pace, call) => {
                    hurry |= pace != Pace::Later;
                    self.changes.push((pace, call));
                }
                Message::Close(caller) => {
                    hurry = true;
                    self.closers.push(caller);
                }
            }
        }
        hurry
    }
}

/// What the task needs.
pub(crate) struct Desk {
    pub(crate) connection: SqliteConnection,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) bells: Arc<Bells>,
    pub(crate) file: Arc<Path>,
}

impl Writer {
    /// Starts the task; it runs on the current runtime.
    pub(crate) fn start(desk: Desk) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE);
        #[expect(clippy::disallowed_methods, reason = "the store owns its task, and ends it")]
        drop(tokio::spawn(desk.run(waiting)));
        Self { queue }
    }

    /// Applies `change` and returns once it is durable.
    pub(crate) async fn apply<T, C>(&self, pace: Pace, change: C) -> Result<T, RepositoryError>
    where
        T: Send + 'static,
        C: for<'c> FnOnce(Turn<'c>) -> Outcome<'c, T> + Send + 'static,
    {
        let (caller, answer) = oneshot::channel();
        let call = Call { change: Some(change), outcome: None, caller };
        let sent = self.queue.send(Message::Change(pace, Box::new(call))).await;
        sent.map_err(|_gone| Failure::Closed)?;
        answer.await.map_err(|_gone| Failure::Closed)?
    }

    /// Ends the task after what waits is written.
    pub(crate) async fn close(&self) -> Result<(), Failure> {
        let (caller, answer) = oneshot::channel();
        if self.queue.send(Message::Close(caller)).await.is_err() {
            self.queue.closed().await;
            return Ok(());
        }
        answer.await.unwrap_or(Ok(()))
    }
}

impl Desk {
    async fn run(mut self, mut waiting: mpsc::Receiver<Message>) {
        let mut batch = Batch::default();
        while batch.gather(&mut waiting).await {
            self.write(std::mem::take(&mut batch.changes)).await;
            if !batch.closers.is_empty() {
                waiting.close();
            }
        }
        let closed = self.connection.close().await.map_err(Failure::from);
        for caller in batch.closers {
            // Who asked may have gone away.
            drop(caller.send(closed.clone()));
        }
    }

    /// Writes a group in one transaction and answers.
    async fn write(&mut self, mut group: Vec<(Pace, Box<dyn Waiting>)>) {
        group.retain(|(_, call)| !call.is_abandoned());
        if group.is_empty() {
            return;
        }
        let written = self.transact(&mut group).await;
        if let Ok(made) = written {
            self.bells.ring(made);
        }
        for (_, call) in group {
            call.answer(written.as_ref().err(), &self.file);
        }
    }

    async fn transact(&mut self, group: &mut [(Pace, Box<dyn Waiting>)]) -> Result<Made, Failure> {
        execute(&mut self.connection, "BEGIN IMMEDIATE").await?;
        let done = match self.apply(group).await {
            Ok(Some(made)) => execute(&mut self.connection, "COMMIT").await.map(|()| made),
            Ok(None) => {
                self.undo().await;
                return Ok(Made::default());
            }
            Err(failure) => Err(failure),
        };
        if done.is_err() {
            self.undo().await;
        }
        done
    }

    /// Ends the transaction; SQLite has done so itself after some failures, as on a full disk.
    async fn undo(&mut self) {
        drop(execute(&mut self.connection, "ROLLBACK").await);
    }

    /// Applies a group; `None` when there is nothing to commit.
    async fn apply(
        &mut self,
        group: &mut [(Pace, Box<dyn Waiting>)],
    ) -> Result<Option<Made>, Failure> {
        let (connection, mut made) = (&mut self.connection, None);
        let alone = group.len() == 1;
        for (pace, call) in group {
            let is_apart = !alone && *pace == Pace::Now;
            if is_apart {
                execute(connection, "SAVEPOINT change").await?;
            }
            let (now, mut makes) = (self.clock.now(), Made::default());
            let applied = call.apply(Turn { connection, now, made: &mut makes }).await;
            if applied {
                made = Some(makes.and(made.unwrap_or_default()));
            }
            let end = match (is_apart, applied) {
                (true, true) => "RELEASE change",
                (true, false) => "ROLLBACK TO change; RELEASE change",
                (false, true) => continue,
                // What ends a statement may have ended the whole transaction.
                (false, false) => match call.failure() {
                    Some(failure) => return Err(failure),
                    None => continue,
                },
            };
            if let Err(lost) = execute(connection, end).await {
                return Err(call.failure().unwrap_or(lost));
            }
        }
        Ok(made)
    }
}

async fn execute(connection: &mut SqliteConnection, sql: &'static str) -> Result<(), Failure> {
    sqlx::query(sql).execute(connection).await?;
    Ok(())
}

/// A change that waits, whatever it answers.
trait Waiting: Send {
    /// Says whether nobody waits for the answer any more.
    fn is_abandoned(&self) -> bool;
    /// Applies the change; `false` when it was refused.
    fn apply<'c>(&'c mut self, turn: Turn<'c>) -> BoxFuture<'c, bool>;
    /// Returns what failed below the change, when something did.
    fn failure(&self) -> Option<Failure>;
    /// Answers, after the transaction is durable or has failed.
    fn answer(self: Box<Self>, failure: Option<&Failure>, file: &Arc<Path>);
}

struct Call<T, C> {
    change: Option<C>,
    outcome: Option<Result<T, RepositoryError>>,
    caller: oneshot::Sender<Result<T, RepositoryError>>,
}

impl<T, C> Waiting for Call<T, C>
where
    T: Send + 'static,
    C: for<'c> FnOnce(Turn<'c>) -> Outcome<'c, T> + Send + 'static,
{
    fn is_abandoned(&self) -> bool {
        self.caller.is_closed()
    }

    fn apply<'c>(&'c mut self, turn: Turn<'c>) -> BoxFuture<'c, bool> {
        Box::pin(async move {
            let Some(change) = self.change.take() else { return false };
            let outcome = change(turn).await;
            let applied = outcome.is_ok();
            self.outcome = Some(outcome);
            applied
        })
    }

    fn failure(&self) -> Option<Failure> {
        match &self.outcome {
            Some(Err(RepositoryError::Store(source))) => source.downcast_ref().cloned(),
            Some(_) | None => None,
        }
    }

    fn answer(self: Box<Self>, failure: Option<&Failure>, file: &Arc<Path>) {
        let answer = match (failure, self.outcome) {
            (Some(failure), _) => Err(failure.clone().into()),
            (None, Some(outcome)) => outcome,
            (None, None) => Err(Failure::Closed.into()),
        };
        // Who asked may have gone away.
        drop(self.caller.send(answer.map_err(|error| in_file(error, file))));
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
