//! Jobs that were given up: what was to be done, why it was not, and what to do about it.
use std::collections::HashMap;

use besunny::core::{
    ids::{JobId, StreamId},
    job::Task,
    label::Answer,
    repository::{DeadJob, RepositoryError},
    scheduler::PauseReason,
};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Site, problem::Problem};

/// A job that was given up.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct GivenUp {
    /// Its id.
    pub id: Uuid,
    /// What was to be done.
    pub task: TaskKind,
    /// The document it is about.
    pub document: Option<Uuid>,
    /// The stream it is about.
    pub stream: Option<Uuid>,
    /// The item of the stream, by its id at the source.
    pub item: Option<String>,
    /// Why it was given up.
    pub error: String,
    /// What to do, in words.
    pub fix: &'static str,
}

/// What a job does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TaskKind {
    /// Finds the project of a document.
    Classify,
    /// Marks a mail at its source as processed.
    File,
    /// Takes a route that nobody corrected for a right answer.
    Consent,
}

impl GivenUp {
    /// Reads the first of the person's jobs that were given up, by id.
    pub(super) async fn all(site: &Site) -> Result<Vec<Self>, RepositoryError> {
        let mut streams = HashMap::new();
        let mut all = Vec::new();
        for dead in site.besunny().store().dead_jobs(site.scope()).await? {
            let is_own = match &dead.job.task {
                Task::Classify { document }
                | Task::Consent { answer: Answer { document, .. }, .. } => {
                    let found = site.besunny().store().document(site.scope(), *document).await?;
                    found.is_some_and(|document| document.owner == site.user())
                }
                Task::File { stream, .. } => match streams.get(stream) {
                    Some(is_own) => *is_own,
                    None => *streams.entry(*stream).or_insert(follows(site, *stream).await?),
                },
            };
            if is_own {
                all.push(Self::of(dead));
            }
        }
        Ok(all)
    }

    fn of(dead: DeadJob) -> Self {
        let (task, document, stream, item) = match dead.job.task {
            Task::Classify { document } => {
                (TaskKind::Classify, Some(document.as_uuid()), None, None)
            }
            Task::Consent { answer, .. } => {
                (TaskKind::Consent, Some(answer.document.as_uuid()), None, None)
            }
            Task::File { stream, item } => {
                (TaskKind::File, None, Some(stream.as_uuid()), Some(item.as_str().to_owned()))
            }
        };
        let (id, error) = (dead.job.id.as_uuid(), dead.error);
        Self { id, task, document, stream, item, error, fix: fix(dead.waits_for) }
    }
}

/// Says whether the person follows the stream.
async fn follows(site: &Site, stream: StreamId) -> Result<bool, RepositoryError> {
    let found = site.besunny().store().find_stream(site.scope(), stream).await?;
    Ok(found.is_some_and(|(account, _)| account.owner == site.user()))
}

/// Makes sure that a job is one of the person's that were given up.
pub(super) async fn own(site: &Site, text: &str) -> Result<JobId, Problem> {
    let missing = || Problem::missing("job");
    let id: JobId = text.parse().ok().ok_or_else(missing)?;
    let all = GivenUp::all(site).await?;
    all.iter().any(|job| job.id == id.as_uuid()).then_some(id).ok_or_else(missing)
}

impl TaskKind {
    /// Names the task for people.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Classify => "Find the project of a document",
            Self::File => "Mark a mail at its source",
            Self::Consent => "Learn from a route that nobody corrected",
        }
    }
}

const fn fix(waits_for: Option<PauseReason>) -> &'static str {
    match waits_for {
        Some(PauseReason::Reconnect) => {
            "The grant has ended: connect the account again, then try again."
        }
        Some(PauseReason::MissingPermission) => {
            "The grant does not cover marking mail: connect the account again and allow it, then try \
             again."
        }
        Some(PauseReason::Misconfigured) => {
            "The settings of this source are wrong: mend them, then try again."
        }
        Some(PauseReason::StreamGone) => "It is gone at the source; if it is back, try again.",
        None => "Look at the log of the server for the cause; once it is mended, try again.",
    }
}
